// Backups as Jobs: rendered from an order, read back from what is observed.
#include <algorithm>

#include "engine/base/digest.h"
#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/container.h"
#include "engine/cluster/metadata.h"
#include "engine/kube/names.h"
#include "engine/rooms/backups/backups.h"
#include "engine/rooms/backups/scripts.h"

namespace pgo::rooms::backups {
namespace {

using cluster::ClusterView;
using cluster::Repository;

std::vector<std::string> BackupCommand(const Order& order, const std::string& job) {
  std::vector<std::string> out{"pgbackrest",
                               "backup",
                               "--stanza=" + std::string(pgbackrest::kStanza),
                               "--repo=" + order.repository.substr(4),
                               "--annotation=pgo-job=" + job,
                               "--log-level-console=detail",
                               "--log-level-stderr=warn"};
  if (!order.type.empty()) out.push_back("--type=" + order.type);
  const auto theirs = pgbackrest::SplitOptions(order.options);
  out.insert(out.end(), theirs.begin(), theirs.end());
  return out;
}

// Of a repository on a volume: the Job has the repository host do it.
Json RemoteCommand(const ClusterView& cluster, const Order& order, const std::string& job) {
  const std::string selector = std::string(kube::kLabelCluster) + "=" + cluster.key.name + "," +
                               std::string(kube::kLabelRepoHost);
  Json out = Json::array();
  for (const auto& word :
       {std::string("python3"), std::string("-Ic"), RemoteScript(), cluster.key.ns, selector,
        std::string("bash"), std::string("-c"), BackupScript(), std::string("backup"),
        pgbackrest::HashOf(SettingsOf(cluster)), job, std::string("$(POD_NAME)"),
        order.repository.substr(4)}) {
    out.push_back(word);
  }
  for (const auto& word : BackupCommand(order, job)) out.push_back(word);
  return out;
}

Json CloudCommand(const Order& order, const std::string& job) {
  Json out = Json::array();
  for (const auto& word : BackupCommand(order, job)) out.push_back(word);
  return out;
}

Json Container(const Input& in, const Order& order, const Repository& repo,
               const std::string& job) {
  const ClusterView& cluster = in.view;
  Json out = cluster::NewContainer(cluster.spec(), ImageOf(in), kube::kBackrestContainer);
  cluster::EnvField(out, "POD_NAME", "metadata.name");
  cluster::AddUserName(out);
  cluster::Mount(out, "tmp", "/tmp", false);
  if (repo.store == Repository::Store::kVolume) {
    out["command"] = RemoteCommand(cluster, order, job);
  } else {
    out["command"] = CloudCommand(order, job);
    cluster::MountBackrest(out);
  }
  const Json* resources = Find(cluster.spec().backups.raw, {"jobs", "resources"});
  if (resources != nullptr) out["resources"] = *resources;
  return out;
}

Json PodOf(const Input& in, const Order& order, const Repository& repo, const std::string& job) {
  const ClusterView& cluster = in.view;
  Json pod = PGO_JSON(R"({
    "enableServiceLinks": false, "restartPolicy": "Never", "dnsPolicy": "ClusterFirst",
    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}]
  })");
  pod["securityContext"] =
      cluster::PodSecurity(cluster.spec(), GetString(in.settings, {"OPENSHIFT"}) == "true");
  if (repo.store == Repository::Store::kVolume) {
    pod["serviceAccountName"] = kube::BackrestName(cluster.key.name);
  } else {
    pod["automountServiceAccountToken"] = false;
    pod["volumes"].push_back(cluster::BackrestVolumeOfJob(cluster));
  }
  pod["initContainers"].push_back(cluster::NameContainer(cluster.spec(), ImageOf(in)));
  pod["containers"].push_back(Container(in, order, repo, job));
  for (const std::string_view field : {"affinity", "tolerations", "priorityClassName"}) {
    const Json* value = Find(cluster.spec().backups.raw, {"jobs", field});
    if (value != nullptr) pod[std::string(field)] = *value;
  }
  const Json& secrets = cluster.spec().image_pull_secrets;
  if (!secrets.is_null()) pod["imagePullSecrets"] = secrets;
  return pod;
}

void Label(const ClusterView& cluster, const Order& order, Json& metadata) {
  Put(metadata, {"labels", kube::kLabelCluster}, cluster.key.name);
  Put(metadata, {"labels", kube::kLabelBackrest}, "");
  Put(metadata, {"labels", kube::kLabelBackup}, order.kind);
  Put(metadata, {"labels", kube::kLabelRepo}, order.repository);
  if (!order.slot.empty()) Put(metadata, {"labels", kube::kLabelBackupSchedule}, order.type);
  Put(metadata, {"annotations", kube::kBackupId}, order.id);
  if (!order.asked.empty()) Put(metadata, {"annotations", kube::kBackupAsked}, order.asked);
  if (!order.slot.empty()) Put(metadata, {"annotations", kube::kBackupSlot}, order.slot);
  cluster::AddMetadata(metadata, cluster.spec().backups.metadata);
  cluster::AddMetadata(metadata, cluster.spec().metadata);
}

JobView Read(const cluster::Subject& subject) {
  const Json& o = subject.object;
  JobView job;
  job.subject = &subject;
  job.kind = GetString(o, {"metadata", "labels", kube::kLabelBackup});
  job.id = GetString(o, {"metadata", "annotations", kube::kBackupId});
  job.repository = GetString(o, {"metadata", "labels", kube::kLabelRepo});
  job.type = GetString(o, {"metadata", "labels", kube::kLabelBackupSchedule});
  job.slot = GetString(o, {"metadata", "annotations", kube::kBackupSlot});
  for (const Json& condition : GetArray(o, {"status", "conditions"})) {
    if (GetString(condition, {"status"}) != "True") continue;
    const std::string type = GetString(condition, {"type"});
    job.complete = job.complete || type == "Complete";
    job.failed = job.failed || type == "Failed";
  }
  return job;
}

}  // namespace

std::string JobName(const ClusterView& cluster, const Order& order) {
  return kube::BackupJobName(
      cluster.key.name,
      Sha256Hex(cluster.uid + "/" + order.repository + "/" + order.id).substr(0, 8));
}

Json JobOf(const Input& in, const Order& order) {
  const ClusterView& cluster = in.view;
  const std::string name = JobName(cluster, order);
  const Repository* repo = cluster.spec().backups.Find(order.repository);
  Json out = cluster::NewObject(cluster, "Job", name);
  Label(cluster, order, out["metadata"]);
  Json spec = PGO_JSON(R"({"backoffLimit": 2, "completions": 1, "parallelism": 1})");
  const Json* ttl = Find(cluster.spec().backups.raw, {"jobs", "ttlSecondsAfterFinished"});
  if (ttl != nullptr && ttl->is_number()) spec["ttlSecondsAfterFinished"] = *ttl;
  Label(cluster, order, spec["template"]["metadata"]);
  spec["template"]["spec"] = PodOf(in, order, *repo, name);
  out["spec"] = std::move(spec);
  return out;
}

std::vector<JobView> Jobs(const ClusterView& cluster) {
  std::vector<JobView> out;
  for (const auto& [ref, subject] : cluster.objects) {
    if (ref.kind != "Job") continue;
    JobView job = Read(*subject);
    if (!job.kind.empty()) out.push_back(std::move(job));
  }
  return out;
}

const JobView* Running(const std::vector<JobView>& jobs, const std::string& repository) {
  const auto it = std::ranges::find_if(
      jobs, [&](const JobView& j) { return j.repository == repository && !j.Finished(); });
  return it == jobs.end() ? nullptr : &*it;
}

void OrderBackup(const Input& in, const Order& order, std::string sentence,
                 std::vector<std::uint64_t> causes, Json facts, Plan& plan) {
  Proposal p;
  p.reason = Reason::kBackup;
  p.sentence = std::move(sentence);
  p.causes = std::move(causes);
  p.goal = "backup/" + order.repository + "/" + order.id;
  Json job = JobOf(in, order);
  p.command = Apply{RefOf(job), std::move(job)};
  p.facts = std::move(facts);
  p.retry_after_us = 5 * kSecond;
  p.once = true;
  plan.Do(std::move(p));
}

}  // namespace pgo::rooms::backups
