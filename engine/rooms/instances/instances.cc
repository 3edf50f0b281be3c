#include "engine/rooms/instances/instances.h"

#include "engine/cluster/backrest_pods.h"
#include "engine/cluster/metadata.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/rooms/instances/pod.h"
#include "engine/rooms/instances/source.h"

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
