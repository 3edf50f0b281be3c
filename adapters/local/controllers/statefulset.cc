// StatefulSets: pods NAME-0 and up, each with claims of its own. OnDelete replaces nothing by
// itself; RollingUpdate replaces one pod at a time, from the last.
#include <optional>
#include <vector>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "engine/base/digest.h"

namespace pgo::local {
namespace {

constexpr const char* kRevisionLabel = "controller-revision-hash";

std::string RevisionOf(const Json& set) {
  return NameOf(set) + "-" + ShortName(DumpJson(GetObject(set, {"spec", "template"})), 10);
}

std::string PodName(const Json& set, std::int64_t ordinal) {
  return NameOf(set) + "-" + std::to_string(ordinal);
}

Json NewPod(const Json& set, std::int64_t ordinal) {
  const Json& pod_template = GetObject(set, {"spec", "template"});
  const std::string name = PodName(set, ordinal);
  Json pod = {{"metadata", GetObject(pod_template, {"metadata"})},
              {"spec", GetObject(pod_template, {"spec"})}};
  Json& metadata = pod["metadata"];
  metadata["name"] = name;
  metadata["labels"][kRevisionLabel] = RevisionOf(set);
  metadata["labels"]["statefulset.kubernetes.io/pod-name"] = name;
  metadata["labels"]["apps.kubernetes.io/pod-index"] = std::to_string(ordinal);
  metadata["ownerReferences"] = Json::array({OwnerReference(set, "apps/v1", "StatefulSet")});
  Json& spec = pod["spec"];
  spec["hostname"] = name;
  spec["subdomain"] = GetString(set, {"spec", "serviceName"});
  Json volumes = Json::array();
  for (const Json& claim : GetArray(set, {"spec", "volumeClaimTemplates"})) {
    volumes.push_back({{"name", NameOf(claim)},
                       {"persistentVolumeClaim", {{"claimName", NameOf(claim) + "-" + name}}}});
  }
  for (const Json& volume : GetArray(spec, {"volumes"})) {
    bool replaced = false;
    for (const Json& own : volumes)
      replaced = replaced || own["name"] == GetString(volume, {"name"});
    if (!replaced) volumes.push_back(volume);
  }
  spec["volumes"] = std::move(volumes);
  return pod;
}

void CreatePod(const World& world, Store& store, const Json& set, std::int64_t ordinal) {
  const std::string ns = GetString(set, {"metadata", "namespace"});
  for (const Json& claim_template : GetArray(set, {"spec", "volumeClaimTemplates"})) {
    const std::string name = NameOf(claim_template) + "-" + PodName(set, ordinal);
    if (world.Get(kClaims, ns, name)) continue;
    Json claim = {{"metadata", GetObject(claim_template, {"metadata"})},
                  {"spec", GetObject(claim_template, {"spec"})}};
    claim["metadata"]["name"] = name;
    for (const auto& [key, value] : GetObject(set, {"spec", "selector", "matchLabels"}).items()) {
      claim["metadata"]["labels"][key] = value;
    }
    CreateOnce(store, kClaims, ns, std::move(claim));
  }
  CreateOnce(store, kPods, ns, NewPod(set, ordinal));
}

struct Replica {
  std::int64_t ordinal;
  ObjectPtr pod;  // null if there is none
};

bool Foreign(const Json& set, const Replica& replica) {
  return replica.pod != nullptr && !ControlledBy(*replica.pod, UidOf(set));
}

bool Healthy(const Replica& replica) {
  return replica.pod != nullptr && !Deleting(*replica.pod) && PodReady(*replica.pod);
}

// The ordinal of a pod of this set by its name; nothing for another pod.
std::optional<std::int64_t> OrdinalOf(const Json& set, const std::string& pod_name) {
  const std::string prefix = NameOf(set) + "-";
  if (!pod_name.starts_with(prefix)) return std::nullopt;
  const std::string rest = pod_name.substr(prefix.size());
  if (rest.empty() || rest.size() > 6 ||
      rest.find_first_not_of("0123456789") != std::string::npos) {
    return std::nullopt;
  }
  return std::stoll(rest);
}

struct Fleet {
  std::vector<Replica> wanted;     // by ordinal
  std::vector<Replica> condemned;  // beyond the wanted, last first
};

Fleet FleetOf(const World& world, const Json& set) {
  const std::string ns = GetString(set, {"metadata", "namespace"});
  const std::int64_t replicas = GetInt(set, {"spec", "replicas"}, 1);
  Fleet fleet;
  for (std::int64_t i = 0; i < replicas; ++i)
    fleet.wanted.push_back({i, world.Get(kPods, ns, PodName(set, i))});
  for (const auto& [name, pod] : world.All(kPods)) {
    if (name.first != ns || !ControlledBy(*pod, UidOf(set))) continue;
    const auto ordinal = OrdinalOf(set, name.second);
    if (!ordinal || *ordinal < replicas) continue;
    auto at = fleet.condemned.begin();
    while (at != fleet.condemned.end() && at->ordinal > *ordinal) ++at;
    fleet.condemned.insert(at, {*ordinal, pod});
  }
  return fleet;
}

// Returns whether all wanted pods are there and healthy.
bool KeepWanted(const World& world, Store& store, const Json& set, const Fleet& fleet) {
  const bool ordered = GetString(set, {"spec", "podManagementPolicy"}) != "Parallel";
  bool healthy = true;
  for (const Replica& replica : fleet.wanted) {
    if (Foreign(set, replica)) {
      healthy = false;
    } else if (replica.pod == nullptr) {
      CreatePod(world, store, set, replica.ordinal);
      healthy = false;
    } else if (PodOver(*replica.pod) && !Deleting(*replica.pod)) {
      DeleteThis(store, kPods, *replica.pod);
      healthy = false;
    } else if (!Healthy(replica)) {
      healthy = false;
    }
    if (!healthy && ordered) return false;
  }
  return healthy;
}

void RollUpdate(Store& store, const Json& set, const Fleet& fleet) {
  const std::int64_t partition =
      GetInt(set, {"spec", "updateStrategy", "rollingUpdate", "partition"}, 0);
  for (auto it = fleet.wanted.rbegin(); it != fleet.wanted.rend(); ++it) {
    if (it->ordinal < partition) return;
    if (GetString(*it->pod, {"metadata", "labels", kRevisionLabel}) == RevisionOf(set)) continue;
    DeleteThis(store, kPods, *it->pod);
    return;
  }
}

Json StatusOf(const Json& set, const Fleet& fleet) {
  const std::string revision = RevisionOf(set);
  const std::string current = GetString(set, {"status", "currentRevision"}, revision);
  std::int64_t replicas = 0, ready = 0, updated = 0, on_current = 0;
  for (const auto* part : {&fleet.wanted, &fleet.condemned}) {
    for (const Replica& replica : *part) {
      if (replica.pod == nullptr || Foreign(set, replica)) continue;
      ++replicas;
      if (Healthy(replica)) ++ready;
      const std::string label = GetString(*replica.pod, {"metadata", "labels", kRevisionLabel});
      if (!Deleting(*replica.pod) && label == revision) ++updated;
      if (!Deleting(*replica.pod) && label == current) ++on_current;
    }
  }
  const std::int64_t wanted = GetInt(set, {"spec", "replicas"}, 1);
  // Kubernetes never finishes an OnDelete update: currentRevision stays what it was.
  const bool rolling = GetString(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate";
  const bool complete = rolling && updated == wanted && ready == wanted;
  Json status = {{"observedGeneration", GetInt(set, {"metadata", "generation"})},
                 {"replicas", replicas},
                 {"readyReplicas", ready},
                 {"availableReplicas", ready},
                 {"currentReplicas", complete ? updated : on_current},
                 {"updatedReplicas", updated},
                 {"currentRevision", complete ? revision : current},
                 {"updateRevision", revision},
                 {"collisionCount", 0}};
  for (const char* name : {"readyReplicas", "currentReplicas", "updatedReplicas"}) {
    if (status[name] == 0) status.erase(name);  // omitted when zero
  }
  return status;
}

void Reconcile(const World& world, Store& store, const Json& set) {
  const Fleet fleet = FleetOf(world, set);
  if (!Deleting(set)) {
    const bool healthy = KeepWanted(world, store, set, fleet);
    for (const Replica& replica : fleet.condemned) {
      if (!Deleting(*replica.pod)) DeleteThis(store, kPods, *replica.pod);
      if (GetString(set, {"spec", "podManagementPolicy"}) != "Parallel") break;
    }
    const bool rolling = GetString(set, {"spec", "updateStrategy", "type"}) == "RollingUpdate";
    if (healthy && fleet.condemned.empty() && rolling) RollUpdate(store, set, fleet);
  }
  Json status = StatusOf(set, fleet);
  if (GetObject(set, {"status"}) == status) return;
  static_cast<void>(store.Mutate(KeyOf(kStatefulSets, set), "status", [&](Json& object) {
    if (UidOf(object) != UidOf(set)) return false;
    object["status"] = status;
    return true;
  }));
}

}  // namespace

void ReconcileStatefulSets(const World& world, Store& store) {
  for (const auto& [name, set] : world.All(kStatefulSets)) Reconcile(world, store, *set);
}

}  // namespace pgo::local
