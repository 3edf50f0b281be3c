#include "engine/cluster/volume_claim.h"

#include <algorithm>

#include "engine/cluster/quantity.h"
#include "engine/cluster/roster.h"
#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

std::string Amount(const Json& value, Path path) {
  const Json* at = Find(value, path);
  if (at == nullptr) return "";
  return at->is_number() ? DumpJson(*at) : AsString(*at);
}

void AddInstances(const ClusterView& cluster, std::vector<ClaimAsked>& out) {
  const auto& sets = cluster.spec().instances;
  for (const Member& member : Roster(cluster)) {
    const auto index = std::to_string(member.set - sets.data());
    const std::string field = "spec.instances[" + index + "].";
    const auto add = [&](const std::string& name, const char* key, const Json& spec,
                         const char* volume) {
      out.push_back({name, field + key, &spec, member.name, member.set->name, volume,
                     kube::InstancePodName(member.name),
                     cluster.Find("PersistentVolumeClaim", name), "storage"});
    };
    add(kube::InstanceDataName(member.name), "dataVolumeClaimSpec", member.set->data_claim, "data");
    if (member.set->wal_claim.is_object()) {
      add(kube::InstanceWalName(member.name), "walVolumeClaimSpec", member.set->wal_claim, "wal");
    }
  }
}

void AddRepositories(const ClusterView& cluster, std::vector<ClaimAsked>& out) {
  std::size_t index = 0;
  for (const Repository& repo : cluster.spec().backups.repositories) {
    const std::string field =
        "spec.backups.pgbackrest.repos[" + std::to_string(index++) + "].volume.volumeClaimSpec";
    if (repo.store != Repository::Store::kVolume) continue;
    const std::string name = kube::RepoVolumeName(cluster.key.name, repo.name);
    out.push_back({name, field, &repo.claim, "", "", repo.name,
                   kube::RepoHostPodName(cluster.key.name),
                   cluster.Find("PersistentVolumeClaim", name), "backups"});
  }
}

}  // namespace

std::vector<ClaimAsked> ClaimsAsked(const ClusterView& cluster) {
  std::vector<ClaimAsked> out;
  AddInstances(cluster, out);
  AddRepositories(cluster, out);
  return out;
}

std::string AskedStorage(const Json& claim_spec, std::string_view requests_or_limits) {
  return Amount(claim_spec, {"resources", requests_or_limits, "storage"});
}

Json ClaimSpec(const Json& asked, const Subject* live) {
  Json spec = asked.is_object() ? asked : Json::object();
  spec.erase("autoGrow");
  const std::string limit =
      live == nullptr ? "" : AskedStorage(GetObject(live->object, {"spec"}), "limits");
  if (Find(spec, {"resources", "limits", "storage"}) != nullptr || !limit.empty()) {
    Json& resources = spec["resources"];
    Json limits = GetObject(resources, {"limits"});
    limits.erase("storage");
    if (!limit.empty()) limits["storage"] = limit;
    limits.empty() ? void(resources.erase("limits"))
                   : void(resources["limits"] = std::move(limits));
  }
  if (live == nullptr) return spec;
  const std::string now = AskedStorage(GetObject(live->object, {"spec"}));
  if (!now.empty() && LessQuantity(AskedStorage(spec), now)) {
    Put(spec, {"resources", "requests", "storage"}, now);
  }
  return spec;
}

AutoGrow ReadAutoGrow(const Json& claim_spec) {
  AutoGrow out;
  const Json* grow = Find(claim_spec, {"autoGrow"});
  const std::string limit = AskedStorage(claim_spec, "limits");
  out.asked = (grow != nullptr && grow->is_object()) || !limit.empty();
  out.limit = WholeUnits(limit);
  if (grow == nullptr || !grow->is_object()) return out;
  const std::int64_t trigger = GetInt(*grow, {"trigger"}, 75);
  out.trigger = static_cast<std::uint64_t>(std::clamp<std::int64_t>(trigger, 50, 90));
  out.most = WholeUnits(Amount(*grow, {"maxGrow"})).value_or(0);
  return out;
}

ClaimState ReadClaim(const Json& claim) {
  ClaimState out;
  out.request = WholeUnits(AskedStorage(GetObject(claim, {"spec"}))).value_or(0);
  out.capacity = WholeUnits(Amount(claim, {"status", "capacity", "storage"})).value_or(0);
  out.bound = GetString(claim, {"status", "phase"}) == "Bound";
  out.deleting = Find(claim, {"metadata", "deletionTimestamp"}) != nullptr;
  for (const Json& condition : GetArray(claim, {"status", "conditions"})) {
    if (GetString(condition, {"status"}) != "True") continue;
    const std::string type = GetString(condition, {"type"});
    out.resizing = out.resizing || type == "Resizing";
    out.file_system = out.file_system || type == "FileSystemResizePending";
    out.failed = out.failed || type == "ControllerResizeError" || type == "NodeResizeError";
  }
  return out;
}

}  // namespace pgo::cluster
