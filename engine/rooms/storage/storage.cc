#include "engine/rooms/storage/storage.h"

#include "engine/cluster/metadata.h"
#include "engine/cluster/quantity.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"

namespace pgo::rooms::storage {
namespace {

using cluster::ClaimAsked;
using cluster::ClusterView;
using cluster::Member;

// A new instance of a set whose volumes have grown by themselves: the data is the same everywhere,
// so it begins as large as the largest of them, within the limit.
void BeginAsLarge(const std::vector<ClaimAsked>& claims, const ClaimAsked& claim, Json& spec) {
  const auto grow = cluster::ReadAutoGrow(*claim.spec);
  if (claim.live != nullptr || !grow.asked || !grow.limit) return;
  std::string most = cluster::AskedStorage(spec);
  const std::string before = most;
  for (const ClaimAsked& other : claims) {
    if (other.set != claim.set || other.volume != claim.volume || other.live == nullptr) continue;
    const std::string has = cluster::AskedStorage(GetObject(other.live->object, {"spec"}));
    if (cluster::WholeUnits(has).value_or(0) > *grow.limit) continue;
    if (cluster::LessQuantity(most, has)) most = has;
  }
  if (most != before) Put(spec, {"resources", "requests", "storage"}, most);
}

Json Claim(const ClusterView& cluster, const Member& member, const std::vector<ClaimAsked>& claims,
           const ClaimAsked& asked) {
  Json out = cluster::NewObject(cluster, "PersistentVolumeClaim", asked.name,
                                {{kube::kLabelInstanceSet, member.set->name},
                                 {kube::kLabelInstance, member.name},
                                 {kube::kLabelRole, "pg" + asked.volume},
                                 {kube::kLabelData, "postgres"}});
  cluster::AddMetadata(out["metadata"], member.set->metadata);
  out["spec"] = cluster::ClaimSpec(*asked.spec, asked.live);
  BeginAsLarge(claims, asked, out["spec"]);
  return out;
}

}  // namespace

Plan PlanStorage(const ClusterView& cluster) {
  Plan plan;
  if (cluster.deleting) return plan;
  const auto claims = cluster::ClaimsAsked(cluster);
  for (const auto& member : cluster::Roster(cluster)) {
    for (const ClaimAsked& asked : claims) {
      if (asked.instance != member.name) continue;
      plan.Want(Claim(cluster, member, claims, asked),
                asked.volume == "data" ? "data of one instance" : "WAL of one instance");
    }
  }
  return plan;
}

}  // namespace pgo::rooms::storage
