// The repository host and what pgBackRest needs everywhere.
#include <algorithm>

#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/container.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/cluster/volume_claim.h"
#include "engine/kube/names.h"
#include "engine/rooms/backups/backups.h"

namespace pgo::rooms::backups {
namespace {

using cluster::ClusterView;
using cluster::NewObject;
using cluster::Repository;

Json Object(const ClusterView& cluster, std::string_view kind, const std::string& name,
            std::initializer_list<cluster::Label> labels) {
  Json out = NewObject(cluster, kind, name, labels);
  cluster::AddMetadata(out["metadata"], cluster.spec().backups.metadata);
  return out;
}

void WantConfig(const ClusterView& cluster, Plan& plan) {
  const auto settings = SettingsOf(cluster);
  Json out = Object(cluster, "ConfigMap", kube::BackrestConfigName(cluster.key.name),
                    {{kube::kLabelBackrest, ""}, {kube::kLabelBackrestConfig, ""}});
  Json& data = out["data"];
  data[std::string(pgbackrest::kInstanceKey)] = pgbackrest::InstanceConf(settings);
  data[std::string(pgbackrest::kRepoKey)] = pgbackrest::RepoConf(settings);
  data[std::string(pgbackrest::kCloudKey)] = pgbackrest::CloudConf(settings);
  data[std::string(pgbackrest::kServerKey)] = pgbackrest::ServerConf(settings);
  data[std::string(pgbackrest::kHashKey)] = pgbackrest::HashOf(settings);
  plan.Want(std::move(out), "pgBackRest's configuration");
}

// What backup Jobs may do: find the repository host's pod and run pgBackRest in it.
void WantRights(const ClusterView& cluster, Plan& plan) {
  const std::string name = kube::BackrestName(cluster.key.name);
  plan.Want(Object(cluster, "ServiceAccount", name, {{kube::kLabelBackrest, ""}}),
            "identity of the backup jobs");
  Json role = Object(cluster, "Role", name, {{kube::kLabelBackrest, ""}});
  role["rules"] = PGO_JSON(R"([
    {"apiGroups": [""], "resources": ["pods"], "verbs": ["list"]},
    {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create", "get"]}
  ])");
  plan.Want(std::move(role), "what the backup jobs may do");
  Json binding = Object(cluster, "RoleBinding", name, {{kube::kLabelBackrest, ""}});
  binding["roleRef"] = PGO_JSON(R"({"apiGroup": "rbac.authorization.k8s.io", "kind": "Role"})");
  binding["roleRef"]["name"] = name;
  Json subject = PGO_JSON(R"({"kind": "ServiceAccount"})");
  subject["name"] = name;
  subject["namespace"] = cluster.key.ns;
  binding["subjects"] = Json::array();
  binding["subjects"].push_back(std::move(subject));
  plan.Want(std::move(binding), "gives the backup jobs those rights");
}

// Never smaller than it is: a claim cannot shrink.
void WantVolume(const ClusterView& cluster, const Repository& repo, Plan& plan) {
  const std::string name = kube::RepoVolumeName(cluster.key.name, repo.name);
  Json claim = Object(cluster, "PersistentVolumeClaim", name,
                      {{kube::kLabelBackrest, ""},
                       {kube::kLabelRepo, repo.name},
                       {kube::kLabelRepoVolume, ""},
                       {kube::kLabelData, "pgbackrest"}});
  claim["spec"] = cluster::ClaimSpec(repo.claim, cluster.Find("PersistentVolumeClaim", name));
  plan.Want(std::move(claim), "a repository's volume");
}

void Place(const ClusterView& cluster, Json& pod) {
  const Json& asked = GetObject(cluster.spec().backups.raw, {"repoHost"});
  for (const std::string_view field : {"affinity", "tolerations", "priorityClassName"}) {
    const Json* value = Find(asked, field);
    if (value != nullptr) pod[std::string(field)] = *value;
  }
  const Json* given = Find(asked, "topologySpreadConstraints");
  Json spread = given != nullptr && given->is_array() ? *given : Json::array();
  if (!cluster.spec().disable_default_pod_scheduling) {
    spread.push_back(cluster::Spread(cluster, "kubernetes.io/hostname"));
    spread.push_back(cluster::Spread(cluster, "topology.kubernetes.io/zone"));
  }
  if (!spread.empty()) pod["topologySpreadConstraints"] = std::move(spread);
  const Json& secrets = cluster.spec().image_pull_secrets;
  if (!secrets.is_null()) pod["imagePullSecrets"] = secrets;
}

Json HostPod(const Input& in, const std::string& image) {
  const ClusterView& cluster = in.view;
  Json pod = PGO_JSON(R"({
    "enableServiceLinks": false, "shareProcessNamespace": true, "restartPolicy": "Always",
    "automountServiceAccountToken": false, "dnsPolicy": "ClusterFirst",
    "terminationGracePeriodSeconds": 30
  })");
  pod["securityContext"] =
      cluster::PodSecurity(cluster.spec(), GetString(in.settings, {"OPENSHIFT"}) == "true");
  std::string directories;
  Json volumes = PGO_JSON(R"([{"name": "tmp", "emptyDir": {"sizeLimit": "256Mi"}}])");
  Json mounts = Json::object();
  for (const Repository& repo : cluster.spec().backups.repositories) {
    if (repo.store != Repository::Store::kVolume) continue;
    const std::string path = "/pgbackrest/" + repo.name;
    directories += (directories.empty() ? "" : " ") + path + "/log";
    Json volume = Json::object();
    volume["name"] = repo.name;
    Put(volume, {"persistentVolumeClaim", "claimName"},
        kube::RepoVolumeName(cluster.key.name, repo.name));
    volumes.push_back(std::move(volume));
    cluster::Mount(mounts, repo.name, path, false);
  }
  Json server = cluster::BackrestServer(cluster.spec(), image, directories);
  for (const Json& mount : mounts["volumeMounts"]) server["volumeMounts"].push_back(mount);
  const Json* resources = Find(cluster.spec().backups.raw, {"repoHost", "resources"});
  if (resources != nullptr) server["resources"] = *resources;
  pod["initContainers"].push_back(cluster::NameContainer(cluster.spec(), image));
  pod["containers"].push_back(std::move(server));
  pod["containers"].push_back(cluster::BackrestReloader(cluster.spec(), image));
  volumes.push_back(cluster::BackrestVolumeOfHost(cluster));
  pod["volumes"] = std::move(volumes);
  Place(cluster, pod);
  return pod;
}

void WantStatefulSet(const Input& in, const std::string& image, bool stopped, Plan& plan) {
  const ClusterView& cluster = in.view;
  Json out = Object(
      cluster, "StatefulSet", kube::RepoHostName(cluster.key.name),
      {{kube::kLabelBackrest, ""}, {kube::kLabelRepoHost, ""}, {kube::kLabelData, "pgbackrest"}});
  Json spec = PGO_JSON(R"({
    "replicas": 1, "revisionHistoryLimit": 0, "updateStrategy": {"type": "RollingUpdate"},
    "podManagementPolicy": "Parallel"
  })");
  if (stopped) spec["replicas"] = 0;
  spec["serviceName"] = kube::PodServiceName(cluster.key.name);
  for (Path path : {Path{"selector", "matchLabels"}, Path{"template", "metadata", "labels"}}) {
    Json labels = Json::object();
    labels[std::string(kube::kLabelCluster)] = cluster.key.name;
    labels[std::string(kube::kLabelBackrest)] = "";
    labels[std::string(kube::kLabelRepoHost)] = "";
    Put(spec, path, std::move(labels));
  }
  Json& metadata = spec["template"]["metadata"];
  Put(metadata, {"labels", kube::kLabelData}, "pgbackrest");
  cluster::AddMetadata(metadata, cluster.spec().backups.metadata);
  cluster::AddMetadata(metadata, cluster.spec().metadata);
  spec["template"]["spec"] = HostPod(in, image);
  out["spec"] = std::move(spec);
  plan.Want(std::move(out), "the pod that serves the repositories on volumes");
}

}  // namespace

pgbackrest::Settings SettingsOf(const ClusterView& cluster) {
  pgbackrest::Settings out;
  out.ns = cluster.key.ns;
  out.cluster = cluster.key.name;
  out.uid = cluster.uid;
  out.postgres_version = cluster.spec().postgres_version;
  out.port = cluster.spec().port;
  out.global = cluster.spec().backups.global;
  for (const Repository& repo : cluster.spec().backups.repositories) {
    out.repositories.push_back(cluster::Plain(repo));
  }
  for (const auto& member : cluster::Roster(cluster)) out.instances.push_back(member.name);
  return out;
}

std::string ImageOf(const Input& in) {
  const cluster::Spec& spec = in.view.spec();
  std::string postgres = spec.image;
  if (postgres.empty()) {
    postgres =
        GetString(in.settings, {"RELATED_IMAGE_POSTGRES_" + std::to_string(spec.postgres_version)});
  }
  return cluster::BackrestImage(spec, GetString(in.settings, {"RELATED_IMAGE_PGBACKREST"}),
                                postgres);
}

bool HostIsReady(const ClusterView& cluster) {
  const auto* pod = cluster.Find("Pod", kube::RepoHostPodName(cluster.key.name));
  if (pod == nullptr || Find(pod->object, {"metadata", "deletionTimestamp"}) != nullptr) {
    return false;
  }
  for (const Json& condition : GetArray(pod->object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") {
      return GetString(condition, {"status"}) == "True";
    }
  }
  return false;
}

bool IsShutDown(const ClusterView& cluster) {
  return cluster.spec().shutdown && std::ranges::none_of(cluster.instances, [](const auto& entry) {
           return entry.second.pod.has_value();
         });
}

Plan PlanHost(const ClusterView& cluster, const Json& settings, bool stopped) {
  const Memory none;
  const arbiter::Ledger nothing;
  const Input in{cluster, none, nothing, settings, {}};
  Plan plan;
  WantConfig(cluster, plan);
  WantRights(cluster, plan);
  const std::string image = ImageOf(in);
  if (!cluster.spec().backups.HasVolume() || image.empty()) return plan;
  for (const Repository& repo : cluster.spec().backups.repositories) {
    if (repo.store == Repository::Store::kVolume) WantVolume(cluster, repo, plan);
  }
  WantStatefulSet(in, image, stopped, plan);
  return plan;
}

void SayHost(const Input& in, Plan& plan) {
  if (!in.view.spec().backups.HasVolume() || ImageOf(in).empty()) return;
  const bool ready = HostIsReady(in.view);
  const std::string pod = kube::RepoHostPodName(in.view.key.name);
  if (!ready && IsShutDown(in.view)) {
    plan.conditions.push_back({"PGBackRestRepoHostReady", false, "Shutdown",
                               "stopped with the cluster: spec.shutdown is true"});
    return;
  }
  plan.conditions.push_back({"PGBackRestRepoHostReady", ready,
                             ready ? "RepoHostReady" : "RepoHostNotReady",
                             ready ? "pod " + pod + " serves the repositories"
                                   : "pod " + pod + " is not ready: WAL and backups wait for it"});
}

}  // namespace pgo::rooms::backups
