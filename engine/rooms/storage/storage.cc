#include "engine/rooms/storage/storage.h"

#include "engine/cluster/metadata.h"
#include "engine/cluster/quantity.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"

namespace pgo::rooms::storage {
namespace {

using cluster::ClusterView;

// The claim's specification: what the manifest says, but never less than is there. Fields of ours
// (autoGrow) are none of Kubernetes's.
Json ClaimSpec(const Json& asked, const cluster::Subject* live) {
  Json spec = asked.is_object() ? asked : Json::object();
  spec.erase("autoGrow");
  if (live == nullptr) return spec;
  const std::string now = GetString(live->object, {"spec", "resources", "requests", "storage"});
  const std::string wanted = GetString(spec, {"resources", "requests", "storage"});
  if (!now.empty() && cluster::LessQuantity(wanted, now)) {
    Put(spec, {"resources", "requests", "storage"}, now);
  }
  return spec;
}

void WarnShrunk(const cluster::Member& member, const Json& asked, const Json& given, Plan& plan) {
  const auto size = [](const Json& s) {
    return GetString(s, {"resources", "requests", "storage"});
  };
  if (size(asked) == size(given)) return;
  plan.conditions.push_back({"PersistentVolumeResizeError", true, "CannotShrink",
                             "the volume of " + member.name + " has " + size(given) +
                                 " and cannot shrink to " + size(asked)});
}

}  // namespace

Plan PlanStorage(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  for (const auto& member : cluster::Roster(cluster)) {
    const Json& asked = member.set->data_claim;
    const auto* live = cluster.Find("PersistentVolumeClaim", kube::InstanceDataName(member.name));
    Json claim =
        cluster::NewObject(cluster, "PersistentVolumeClaim", kube::InstanceDataName(member.name),
                           {{kube::kLabelInstanceSet, member.set->name},
                            {kube::kLabelInstance, member.name},
                            {kube::kLabelRole, "pgdata"},
                            {kube::kLabelData, "postgres"}});
    cluster::AddMetadata(claim["metadata"], member.set->metadata);
    claim["spec"] = ClaimSpec(asked, live);
    if (live != nullptr) WarnShrunk(member, asked, claim["spec"], plan);
    plan.Want(std::move(claim), "data of one instance");
  }
  return plan;
}

}  // namespace pgo::rooms::storage
