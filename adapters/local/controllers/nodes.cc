// Node lifecycle: a kubelet that falls silent, the taints that follow, and what taints do to pods.
//
//   heartbeat older than the grace  ->  Ready Unknown, pods not Ready, taint unreachable
//   Ready False                     ->  pods not Ready, taint not-ready
//   Ready True                      ->  those taints go
//   taint of effect NoExecute       ->  pods that do not tolerate it (any more) are asked to end
//   taint out-of-service            ->  pods are removed without waiting for the kubelet: whoever
//                                       set it vouches that the node is down
//   Node gone                       ->  its pods are removed
#include <algorithm>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

constexpr const char* kUnreachable = "node.kubernetes.io/unreachable";
constexpr const char* kNotReady = "node.kubernetes.io/not-ready";
constexpr const char* kOutOfService = "node.kubernetes.io/out-of-service";

// Whatever the kubelet renews: its Lease, or the Ready condition's heartbeat.
std::string HeartbeatOf(const World& world, const Json& node) {
  std::string beat;
  if (const ObjectPtr lease = world.Get(kLeases, "kube-node-lease", NameOf(node))) {
    beat = GetString(*lease, {"spec", "renewTime"});
  }
  for (const Json& condition : GetArray(node, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready")
      beat += GetString(condition, {"lastHeartbeatTime"});
  }
  return beat;
}

bool Stale(const World& world, const Json& node, NodeWatch& watch, std::int64_t grace_ms,
           std::int64_t now_ms) {
  auto& [beat, at] = watch.seen[NameOf(node)];
  if (const std::string newest = HeartbeatOf(world, node); newest != beat || at == 0) {
    beat = newest;
    at = now_ms;
  }
  return now_ms - at > grace_ms;
}

bool HasTaint(const Json& node, const std::string& key) {
  const Json& taints = GetArray(node, {"spec", "taints"});
  return std::any_of(taints.begin(), taints.end(),
                     [&](const Json& taint) { return GetString(taint, {"key"}) == key; });
}

// Sets or takes away the pair of taints of a key.
void KeepTaints(Store& store, const Json& node, const std::string& key, bool wanted) {
  if (HasTaint(node, key) == wanted) return;
  static_cast<void>(store.Mutate(KeyOf(kNodes, node), "", [&](Json& object) {
    if (HasTaint(object, key) == wanted) return false;
    Json taints = Json::array();
    for (const Json& taint : GetArray(object, {"spec", "taints"})) {
      if (GetString(taint, {"key"}) != key) taints.push_back(taint);
    }
    if (wanted) {
      taints.push_back({{"key", key}, {"effect", "NoSchedule"}, {"timeAdded", NowText()}});
      taints.push_back({{"key", key}, {"effect", "NoExecute"}, {"timeAdded", NowText()}});
    }
    object["spec"]["taints"] = std::move(taints);
    return true;
  }));
}

void MarkUnknown(Store& store, const Json& node) {
  if (ConditionOf(node, "Ready") == "Unknown") return;
  static_cast<void>(store.Mutate(KeyOf(kNodes, node), "status", [](Json& object) {
    return SetCondition(object, "Ready", "Unknown", "NodeStatusUnknown",
                        "Kubelet stopped posting node status.");
  }));
}

void MarkPodNotReady(Store& store, const Json& pod) {
  static_cast<void>(store.Mutate(KeyOf(kPods, pod), "status", [&](Json& object) {
    return UidOf(object) == UidOf(pod) && PodReady(object) &&
           SetCondition(object, "Ready", "False", "NodeNotReady", "node is not ready");
  }));
}

// Whether a taint drives the pod out now; sets `later` if it will.
bool Evicts(const Json& taint, const Json& pod) {
  if (GetString(taint, {"effect"}) != "NoExecute") return false;
  for (const Json& toleration : GetArray(pod, {"spec", "tolerations"})) {
    const std::string key = GetString(toleration, {"key"}),
                      effect = GetString(toleration, {"effect"});
    const bool exists = GetString(toleration, {"operator"}) == "Exists";
    if (key.empty() ? !exists : key != GetString(taint, {"key"})) continue;
    if (!effect.empty() && effect != "NoExecute") continue;
    if (!exists && GetString(toleration, {"value"}) != GetString(taint, {"value"})) continue;
    const Json* seconds = Find(toleration, "tolerationSeconds");
    if (seconds == nullptr) return false;  // for ever
    const auto added = ParseWall(GetString(taint, {"timeAdded"}));
    return added && NowMicros() - *added > AsInt(*seconds) * kSecond;
  }
  return true;
}

void ReconcilePods(const World& world, Store& store, const std::string& node_name,
                   const Json& node) {
  const bool out = HasTaint(node, kOutOfService);
  const bool ready = ConditionOf(node, "Ready") == "True";
  for (const auto& [name, pod] : world.All(kPods)) {
    if (GetString(*pod, {"spec", "nodeName"}) != node_name) continue;
    if (out) {
      DeleteThis(store, kPods, *pod, 0);
      continue;
    }
    if (!ready && PodReady(*pod)) MarkPodNotReady(store, *pod);
    if (Deleting(*pod)) continue;
    for (const Json& taint : GetArray(node, {"spec", "taints"})) {
      if (!Evicts(taint, *pod)) continue;
      DeleteThis(store, kPods, *pod);
      break;
    }
  }
}

}  // namespace

void ReconcileNodes(const World& world, Store& store, NodeWatch& watch, std::int64_t grace_ms,
                    std::int64_t now_ms) {
  for (const auto& [name, node] : world.All(kNodes)) {
    if (Stale(world, *node, watch, grace_ms, now_ms)) MarkUnknown(store, *node);
    const std::string ready = ConditionOf(*node, "Ready");
    KeepTaints(store, *node, kUnreachable, ready == "Unknown");
    KeepTaints(store, *node, kNotReady, ready == "False" || ready.empty());
    ReconcilePods(world, store, name.second, *node);
  }
  for (const auto& [name, pod] : world.All(kPods)) {
    const std::string node = GetString(*pod, {"spec", "nodeName"});
    if (!node.empty() && !world.Get(kNodes, "", node)) DeleteThis(store, kPods, *pod, 0);
  }
}

}  // namespace pgo::local
