#include "engine/rooms/instances/asked.h"

#include "engine/base/digest.h"

namespace pgo::rooms::instances {
namespace {

// As written: a default that a later version changes is none of the user's wishes.
void Keep(const Json& from, std::initializer_list<std::string_view> names, Json& out) {
  for (const std::string_view name : names) {
    const Json* member = Find(from, name);
    if (member != nullptr && !member->is_null()) out[std::string(name)] = *member;
  }
}

}  // namespace

std::string AskedDigest(const cluster::ClusterView& cluster, const cluster::InstanceSet& set,
                        cluster::WalPlace wal) {
  const Json& spec = GetObject(cluster.subject->object, {"spec"});
  Json asked = Json::object();
  Keep(spec,
       {"image", "imagePullPolicy", "imagePullSecrets", "metadata", "port", "postgresVersion",
        "openshift", "supplementalGroups", "disableDefaultPodScheduling"},
       asked);
  Json patroni = Json::object();
  Keep(GetObject(spec, {"patroni"}), {"port", "leaderLeaseDurationSeconds", "syncPeriodSeconds"},
       patroni);
  if (!patroni.empty()) asked["patroni"] = std::move(patroni);
  // Only whether there are backups, and by which image: the rest is files that are read anew.
  if (cluster.spec().backups.any) asked["backups"] = cluster.spec().backups.image;
  if (wal != cluster::WalPlace::kData) {
    asked["wal"] = wal == cluster::WalPlace::kVolume ? "volume" : "leaving";
  }
  Json own = Json::object();
  Keep(set.raw,
       {"metadata", "affinity", "tolerations", "topologySpreadConstraints", "priorityClassName",
        "resources", "sidecars"},
       own);
  if (!own.empty()) asked["instances"] = std::move(own);
  return Sha256Hex(DumpJson(asked)).substr(0, 16);
}

}  // namespace pgo::rooms::instances
