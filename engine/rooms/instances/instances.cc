#include "engine/rooms/instances/instances.h"

#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/pgbackrest/config.h"
#include "engine/rooms/instances/pod.h"

namespace pgo::rooms::instances {
namespace {

using cluster::ClusterView;
using cluster::Member;

Json StatefulSet(const ClusterView& cluster, const Member& member, const Images& images,
                 const InstanceSettings& settings) {
  Json out = cluster::NewObject(cluster, "StatefulSet", member.name,
                                {{kube::kLabelInstanceSet, member.set->name},
                                 {kube::kLabelInstance, member.name},
                                 {kube::kLabelData, "postgres"}});
  cluster::AddMetadata(out["metadata"], member.set->metadata);
  // OnDelete: when a pod is replaced is the operator's decision, never a template's.
  Json spec = PGO_JSON(R"({
    "replicas": 1, "revisionHistoryLimit": 0, "updateStrategy": {"type": "OnDelete"},
    "podManagementPolicy": "OrderedReady"
  })");
  spec["serviceName"] = kube::PodServiceName(cluster.key.name);
  Put(spec, {"selector", "matchLabels", kube::kLabelCluster}, cluster.key.name);
  Put(spec, {"selector", "matchLabels", kube::kLabelInstanceSet}, member.set->name);
  Put(spec, {"selector", "matchLabels", kube::kLabelInstance}, member.name);
  const auto signs = settings.wal.find(member.name);
  const auto wal = cluster::WalPlaceOf(
      member, signs == settings.wal.end() ? cluster::WalSigns{} : signs->second);
  spec["template"] = PodTemplate(cluster, member, images, {settings.openshift, wal});
  out["spec"] = std::move(spec);
  return out;
}

// Why the cluster cannot begin as a copy of that; "" if it can.
std::string SourceRefusal(const ClusterView& cluster) {
  const auto& source = cluster.spec().source;
  const std::string at = "spec.dataSource.postgresCluster.";
  if (source.cluster.empty() || source.cluster == cluster.key.name) {
    return at + "clusterName: \"" + source.cluster + "\": must be another cluster; name one";
  }
  if (!source.ns.empty() && source.ns != cluster.key.ns) {
    return at + "clusterNamespace: " + source.ns + ": must be this cluster's namespace, " +
           cluster.key.ns + ", in this version; make the copy there";
  }
  const std::string option =
      pgbackrest::ForbiddenRestoreOption(pgbackrest::SplitOptions(source.options));
  if (option.empty()) return "";
  return at + "options: " + option.substr(0, 60) +
         ": must be an option that the operator does not set itself, written --name=value; "
         "remove it";
}

// False while the cluster must not begin.
bool SaySource(const ClusterView& cluster, Plan& plan) {
  const auto& source = cluster.spec().source;
  if (!source.any) return true;
  const auto say = [&](bool ok, const char* reason, std::string message) {
    plan.conditions.push_back({"PostgresDataInitialized", ok, reason, std::move(message)});
  };
  const std::string from = source.repository + " of cluster " + source.cluster;
  // A restore in place takes `bootstrapped` away for a while; the data is there.
  if (cluster.bootstrapped || cluster.restore.Stops()) {
    say(true, "PGBackRestRestoreComplete", "made from " + from);
    return true;
  }
  std::string refusal = SourceRefusal(cluster);
  const bool fine = refusal.empty();
  say(false, fine ? "PGBackRestRestoreProgressing" : "InvalidDataSource",
      fine ? "is being made from " + from +
                 "; what pgBackRest says is in the log of container database"
           : std::move(refusal));
  return fine;
}

}  // namespace

InstanceSettings SettingsFor(const Json& settings, std::int64_t postgres_version) {
  InstanceSettings out;
  out.image = GetString(settings, {"RELATED_IMAGE_POSTGRES_" + std::to_string(postgres_version)});
  out.backrest_image = GetString(settings, {"RELATED_IMAGE_PGBACKREST"});
  out.openshift = GetString(settings, {"OPENSHIFT"}) == "true";
  return out;
}

Plan PlanInstances(const ClusterView& cluster, const InstanceSettings& settings) {
  Plan plan;
  if (cluster.deleting) return plan;
  const std::string image = cluster.spec().image.empty() ? settings.image : cluster.spec().image;
  if (image.empty()) {
    const std::string version = std::to_string(cluster.spec().postgres_version);
    plan.conditions.push_back({"ImageAvailable", false, "MissingRequiredImage",
                               "spec.image is empty and the operator has no image for PostgreSQL " +
                                   version + ": set spec.image or the operator's " +
                                   "RELATED_IMAGE_POSTGRES_" + version});
    return plan;
  }
  if (!SaySource(cluster, plan)) return plan;
  const Images images{image,
                      cluster::BackrestImage(cluster.spec(), settings.backrest_image, image)};
  for (const Member& member : cluster::Roster(cluster)) {
    Json set = StatefulSet(cluster, member, images, settings);
    const auto off = settings.off.find(member.name);
    const bool runs = off == settings.off.end();
    if (!runs) Put(set, {"spec", "replicas"}, 0);
    plan.Want(std::move(set), runs ? "one instance" : "one instance, " + off->second);
  }
  return plan;
}

}  // namespace pgo::rooms::instances
