// The Jobs of a restore: rendered from its place, read back from what is observed.
#include <algorithm>

#include "engine/base/digest.h"
#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/container.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/wal_volume.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"
#include "engine/postgres/parameters.h"
#include "engine/rooms/restores/restores.h"
#include "engine/rooms/restores/scripts.h"

namespace pgo::rooms::restores {
namespace {

using cluster::ClusterView;

std::string ImageOf(const Input& in) {
  const cluster::Spec& spec = in.view.spec();
  if (!spec.image.empty()) return spec.image;
  return GetString(in.settings,
                   {"RELATED_IMAGE_POSTGRES_" + std::to_string(spec.postgres_version)});
}

std::string Digest(const ClusterView& view) {
  return Sha256Hex(view.uid + "/" + view.restore.id).substr(0, 8);
}

Json Metadata(const ClusterView& view) {
  Json out = Json::object();
  Put(out, {"labels", kube::kLabelCluster}, view.key.name);
  Put(out, {"labels", kube::kLabelBackrest}, "");
  Put(out, {"labels", kube::kLabelRestore}, "");
  Put(out, {"annotations", kube::kRestoreId}, view.restore.id);
  cluster::AddMetadata(out, view.spec().backups.metadata);
  cluster::AddMetadata(out, view.spec().metadata);
  return out;
}

Json PodOf(const Input& in, const std::string& instance, Json container) {
  const ClusterView& view = in.view;
  const Json& asked = GetObject(view.spec().backups.raw, {"restore"});
  Json pod = PGO_JSON(R"({
    "enableServiceLinks": false, "restartPolicy": "Never", "dnsPolicy": "ClusterFirst",
    "automountServiceAccountToken": false, "terminationGracePeriodSeconds": 60,
    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}},
                {"name": "dshm", "emptyDir": {"medium": "Memory"}},
                {"name": "postgres-data", "persistentVolumeClaim": {}}]
  })");
  pod["volumes"][2]["persistentVolumeClaim"]["claimName"] = kube::InstanceDataName(instance);
  pod["volumes"].push_back(cluster::BackrestVolumeOfInstance(view, instance));
  pod["securityContext"] =
      cluster::PodSecurity(view.spec(), GetString(in.settings, {"OPENSHIFT"}) == "true");
  pod["initContainers"].push_back(cluster::NameContainer(view.spec(), ImageOf(in)));
  const Json* resources = Find(asked, {"resources"});
  if (resources != nullptr) container["resources"] = *resources;
  cluster::AddUserName(container);
  cluster::Env(container, "LC_ALL", "C.UTF-8");
  cluster::Mount(container, "postgres-data", "/pgdata", false);
  if (cluster::JobNeedsWalVolume(view, instance)) {
    cluster::AddWalVolume(pod, instance);
    cluster::MountWal(container);
  }
  cluster::Mount(container, "tmp", "/tmp", false);
  cluster::Mount(container, "dshm", "/dev/shm", false);
  cluster::MountBackrest(container);
  pod["containers"].push_back(std::move(container));
  for (const std::string_view field : {"affinity", "tolerations", "priorityClassName"}) {
    const Json* value = Find(asked, {field});
    if (value != nullptr) pod[std::string(field)] = *value;
  }
  const Json& secrets = view.spec().image_pull_secrets;
  if (!secrets.is_null()) pod["imagePullSecrets"] = secrets;
  return pod;
}

Json JobOf(const Input& in, const std::string& name, const std::string& instance, Json container) {
  Json out = cluster::NewObject(in.view, "Job", name);
  const Json metadata = Metadata(in.view);
  for (const auto& [section, members] : metadata.items()) {
    for (const auto& [key, value] : members.items()) out["metadata"][section][key] = value;
  }
  Json spec = PGO_JSON(R"({"backoffLimit": 2, "completions": 1, "parallelism": 1})");
  spec["template"]["metadata"] = Metadata(in.view);
  spec["template"]["spec"] = PodOf(in, instance, std::move(container));
  out["spec"] = std::move(spec);
  return out;
}

std::vector<std::string> RestoreCommand(const ClusterView& view, const pgbackrest::Target& target) {
  const std::int64_t version = view.spec().postgres_version;
  const auto place = cluster::JobWalPlace(view, view.restore.instance);
  std::vector<std::string> out{"pgbackrest",
                               "restore",
                               "--stanza=" + std::string(pgbackrest::kStanza),
                               "--pg1-path=" + postgres::DataDirectory(version),
                               "--repo=" + view.restore.repository.substr(4),
                               "--link-map=pg_wal=" + cluster::WalDirectoryOf(version, place),
                               "--log-level-console=detail",
                               "--log-level-stderr=off",
                               "--log-level-file=off"};
  if (target.delta) out.emplace_back("--delta");
  if (target.type != "default") out.emplace_back("--target-action=promote");
  for (const auto& word : view.restore.options) {
    if (word != "--delta" && word != "--no-delta" && word != "--delta=n") out.push_back(word);
  }
  return out;
}

void ReadConditions(const Json& object, JobView& job) {
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    if (GetString(condition, {"status"}) != "True") continue;
    const std::string type = GetString(condition, {"type"});
    job.complete = job.complete || type == "Complete";
    job.failed = job.failed || type == "Failed";
  }
}

}  // namespace

JobView FindJob(const ClusterView& view, const std::string& name) {
  JobView job;
  job.subject = view.Find("Job", name);
  if (job.subject == nullptr) return job;
  job.id = GetString(job.subject->object, {"metadata", "annotations", kube::kRestoreId});
  ReadConditions(job.subject->object, job);
  std::string newest;
  for (const auto& [ref, subject] : view.objects) {
    const bool its = ref.kind == "Pod" && ref.name.starts_with(name + "-") &&
                     Find(subject->object, {"metadata", "labels", kube::kLabelRestore}) != nullptr;
    if (!its) continue;
    for (const Json& status : GetArray(subject->object, {"status", "containerStatuses"})) {
      const std::string at = GetString(status, {"state", "terminated", "finishedAt"});
      const std::string word = GetString(status, {"state", "terminated", "message"});
      if (word.empty() || at < newest) continue;
      newest = at;
      job.message = word.substr(0, 1000);
    }
  }
  return job;
}

bool HasForeignPods(const ClusterView& view, const std::string& id) {
  return std::ranges::any_of(view.objects, [&](const auto& entry) {
    const Json& object = entry.second->object;
    if (entry.first.kind != "Pod") return false;
    if (Find(object, {"metadata", "labels", kube::kLabelRestore}) == nullptr) return false;
    const std::string phase = GetString(object, {"status", "phase"});
    if (phase == "Succeeded" || phase == "Failed") return false;
    return id.empty() || GetString(object, {"metadata", "annotations", kube::kRestoreId}) != id;
  });
}

Json RestoreJob(const Input& in) {
  const ClusterView& view = in.view;
  const std::int64_t version = view.spec().postgres_version;
  const auto read = pgbackrest::ReadTarget(view.restore.options);
  const auto target = read ? *read : pgbackrest::Target{};
  const std::string wal =
      cluster::WalDirectoryOf(version, cluster::JobWalPlace(view, view.restore.instance));
  Json container = cluster::NewContainer(view.spec(), ImageOf(in), kube::kBackrestContainer);
  container["command"] = cluster::Bash(
      "-c", RestoreScript(), "restore",
      {Digest(view), postgres::DataDirectory(version), wal, std::to_string(view.spec().port),
       view.restore.safe ? "archive" : "as-it-is", target.delta ? "delta" : "all"});
  for (const auto& word : RestoreCommand(view, target)) container["command"].push_back(word);
  return JobOf(in, kube::RestoreJobName(view.key.name), view.restore.instance,
               std::move(container));
}

std::string ClearJobName(const ClusterView& view, const std::string& instance) {
  return kube::ClearJobName(instance, Digest(view));
}

Json ClearJob(const Input& in, const std::string& instance) {
  const std::int64_t version = in.view.spec().postgres_version;
  Json container = cluster::NewContainer(in.view.spec(), ImageOf(in), "clear");
  const auto place = cluster::JobWalPlace(in.view, instance);
  const bool both = place != cluster::WalPlace::kData;
  container["command"] = cluster::Bash(
      "-c", ClearScript(both), "clear",
      {Digest(in.view), postgres::DataDirectory(version), cluster::WalDirectoryOf(version, place)});
  if (both) container["command"].push_back(cluster::OtherWalDirectoryOf(version, place));
  return JobOf(in, ClearJobName(in.view, instance), instance, std::move(container));
}

}  // namespace pgo::rooms::restores
