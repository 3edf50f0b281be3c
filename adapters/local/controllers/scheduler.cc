// Gives pods their nodes: only nodes that are ready, uncordoned and tolerated, that the pod's node
// selector, affinity and volumes allow; among those the one with the fewest pods of the same
// PostgreSQL cluster. Claims of the pod that have no volume get one on that node, which binds the
// pod to it for ever.
#include <algorithm>
#include <vector>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "adapters/local/store/selector.h"

namespace pgo::local {
namespace {

constexpr const char* kHostname = "kubernetes.io/hostname";
constexpr const char* kCluster = "postgres-operator.crunchydata.com/cluster";
constexpr const char* kInstanceSet = "postgres-operator.crunchydata.com/instance-set";

bool Tolerates(const Json& pod, const Json& taint) {
  for (const Json& toleration : GetArray(pod, {"spec", "tolerations"})) {
    const std::string key = GetString(toleration, {"key"}),
                      effect = GetString(toleration, {"effect"});
    const bool exists = GetString(toleration, {"operator"}) == "Exists";
    if (!key.empty() && key != GetString(taint, {"key"})) continue;
    if (key.empty() && !exists) continue;
    if (!effect.empty() && effect != GetString(taint, {"effect"})) continue;
    if (exists || GetString(toleration, {"value"}) == GetString(taint, {"value"})) return true;
  }
  return false;
}

bool TermMatches(const Json& term, const Json& node) {
  return Selector::OfObject(Json{{"matchExpressions", GetArray(term, {"matchExpressions"})}})
      .Matches(node);
}

bool AnyTermMatches(const Json& terms, const Json& node) {
  return terms.empty() || std::any_of(terms.begin(), terms.end(),
                                      [&](const Json& term) { return TermMatches(term, node); });
}

// Why a pod cannot go to a node; "" if it can.
std::string NodeObjection(const Json& pod, const Json& node) {
  if (ConditionOf(node, "Ready") != "True") return "were not ready";
  if (GetBool(node, {"spec", "unschedulable"})) return "were unschedulable";
  for (const Json& taint : GetArray(node, {"spec", "taints"})) {
    if (GetString(taint, {"effect"}) != "PreferNoSchedule" && !Tolerates(pod, taint)) {
      return "had untolerated taint {" + GetString(taint, {"key"}) + ": " +
             GetString(taint, {"value"}) + "}";
    }
  }
  const Json& terms =
      GetArray(pod, {"spec", "affinity", "nodeAffinity",
                     "requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms"});
  if (!Selector::OfLabels(GetObject(pod, {"spec", "nodeSelector"})).Matches(node) ||
      !AnyTermMatches(terms, node)) {
    return "didn't match Pod's node affinity/selector";
  }
  return {};
}

using Placement = std::vector<std::pair<ObjectPtr, std::string>>;  // pods and their nodes

std::string AntiAffinityObjection(const Json& pod, const std::string& node,
                                  const Placement& placed) {
  const Json& terms = GetArray(pod, {"spec", "affinity", "podAntiAffinity",
                                     "requiredDuringSchedulingIgnoredDuringExecution"});
  for (const Json& term : terms) {
    if (GetString(term, {"topologyKey"}) != kHostname) continue;
    const Selector selector = Selector::OfObject(GetObject(term, {"labelSelector"}));
    for (const auto& [other, where] : placed) {
      if (where == node && UidOf(*other) != UidOf(pod) && selector.Matches(*other)) {
        return "didn't match pod anti-affinity rules";
      }
    }
  }
  return {};
}

std::int64_t Crowding(const Json& pod, const std::string& node, const Placement& placed) {
  const std::string cluster = GetString(pod, {"metadata", "labels", kCluster});
  const std::string instance_set = GetString(pod, {"metadata", "labels", kInstanceSet});
  std::int64_t score = 0;
  for (const auto& [other, where] : placed) {
    if (where != node) continue;
    ++score;
    if (cluster.empty() || GetString(*other, {"metadata", "labels", kCluster}) != cluster) continue;
    score += 100;
    if (!instance_set.empty() &&
        GetString(*other, {"metadata", "labels", kInstanceSet}) == instance_set) {
      score += 10'000;
    }
  }
  return score;
}

std::vector<std::string> ClaimNames(const Json& pod) {
  std::vector<std::string> out;
  for (const Json& volume : GetArray(pod, {"spec", "volumes"})) {
    const std::string name = GetString(volume, {"persistentVolumeClaim", "claimName"});
    if (!name.empty()) out.push_back(name);
  }
  return out;
}

struct Claims {
  std::vector<Json> unbound;
  std::vector<Json> volumes;  // of the bound ones
  std::string problem;        // "" or why the pod cannot be placed anywhere yet
};

// Read from the store itself: a volume must never be made twice, on two nodes.
Claims ClaimsOf(const Json& pod, Store& store) {
  Claims out;
  const std::string ns = GetString(pod, {"metadata", "namespace"});
  for (const std::string& name : ClaimNames(pod)) {
    auto claim = store.Get({kClaims, ns, name});
    if (!claim) {
      out.problem = "persistentvolumeclaim \"" + name + "\" not found";
    } else if (const std::string volume = GetString(*claim, {"spec", "volumeName"});
               !volume.empty()) {
      auto found = store.Get({kVolumes, "", volume});
      if (found) out.volumes.push_back(*std::move(found));
      if (!found) out.problem = "persistentvolume \"" + volume + "\" not found";
    } else if (Deleting(*claim)) {
      out.problem = "persistentvolumeclaim \"" + name + "\" is being deleted";
    } else if (const std::string kind = GetString(*claim, {"spec", "storageClassName"});
               !store.Get({kStorageClasses, "", kind})) {
      out.problem = "storageclass.storage.k8s.io \"" + kind + "\" not found";
    } else {
      out.unbound.push_back(*std::move(claim));
    }
  }
  return out;
}

void MakeVolume(Store& store, const Json& claim, const std::string& node) {
  const std::string ns = GetString(claim, {"metadata", "namespace"});
  const std::string name = "pvc-" + UidOf(claim);
  const std::string size = GetString(claim, {"spec", "resources", "requests", "storage"}, "1Gi");
  Json modes = GetArray(claim, {"spec", "accessModes"});
  const Json term = {
      {"matchExpressions", {{{"key", kHostname}, {"operator", "In"}, {"values", {node}}}}}};
  CreateOnce(
      store, kVolumes, "",
      {{"metadata",
        {{"name", name}, {"annotations", {{"pv.kubernetes.io/provisioned-by", "pgo-local"}}}}},
       {"spec",
        {{"capacity", {{"storage", size}}},
         {"accessModes", modes},
         {"persistentVolumeReclaimPolicy", "Delete"},
         {"storageClassName", GetString(claim, {"spec", "storageClassName"})},
         {"volumeMode", "Filesystem"},
         {"claimRef",
          {{"apiVersion", "v1"},
           {"kind", "PersistentVolumeClaim"},
           {"namespace", ns},
           {"name", NameOf(claim)},
           {"uid", UidOf(claim)}}},
         {"local", {{"path", "/" + name}}},
         {"nodeAffinity", {{"required", {{"nodeSelectorTerms", Json::array({term})}}}}}}}});
  static_cast<void>(store.Mutate({kVolumes, "", name}, "status", [](Json& volume) {
    volume["status"] = {{"phase", "Bound"}};
    return true;
  }));
  const Key key{kClaims, ns, NameOf(claim)};
  static_cast<void>(store.Mutate(key, "", [&](Json& object) {
    if (UidOf(object) != UidOf(claim)) return false;
    object["spec"]["volumeName"] = name;
    object["metadata"]["annotations"]["pv.kubernetes.io/bind-completed"] = "yes";
    object["metadata"]["annotations"]["volume.kubernetes.io/selected-node"] = node;
    return true;
  }));
  static_cast<void>(store.Mutate(key, "status", [&](Json& object) {
    object["status"] = {
        {"phase", "Bound"}, {"accessModes", modes}, {"capacity", {{"storage", size}}}};
    return true;
  }));
}

void Unschedulable(Store& store, const Json& pod, const std::string& why) {
  static_cast<void>(store.Mutate(KeyOf(kPods, pod), "status", [&](Json& object) {
    if (UidOf(object) != UidOf(pod) || !GetString(object, {"spec", "nodeName"}).empty())
      return false;
    return SetCondition(object, "PodScheduled", "False", "Unschedulable", why);
  }));
}

void Bind(Store& store, const Json& pod, const std::string& node) {
  const Key key = KeyOf(kPods, pod);
  const auto bound = store.Mutate(key, "", [&](Json& object) {
    if (UidOf(object) != UidOf(pod) || !GetString(object, {"spec", "nodeName"}).empty())
      return false;
    object["spec"]["nodeName"] = node;
    return true;
  });
  if (!bound) return;
  static_cast<void>(store.Mutate(key, "status", [&](Json& object) {
    return UidOf(object) == UidOf(pod) && SetCondition(object, "PodScheduled", "True", "", "");
  }));
}

// The node for a pod, or why there is none: "0/3 nodes are available: 3 were not ready."
std::pair<std::string, std::string> Choose(const World& world, const Json& pod,
                                           const Claims& claims, const Placement& placed) {
  std::string best;
  std::int64_t least = 0;
  std::map<std::string, int> objections;
  for (const auto& [name, node] : world.All(kNodes)) {
    std::string objection = NodeObjection(pod, *node);
    for (const Json& volume : claims.volumes) {
      const Json& terms =
          GetArray(volume, {"spec", "nodeAffinity", "required", "nodeSelectorTerms"});
      if (objection.empty() && !AnyTermMatches(terms, *node))
        objection = "had volume node affinity conflict";
    }
    if (objection.empty()) objection = AntiAffinityObjection(pod, name.second, placed);
    if (!objection.empty()) {
      ++objections[objection];
      continue;
    }
    const std::int64_t crowding = Crowding(pod, name.second, placed);
    if (best.empty() || crowding < least) {
      best = name.second;
      least = crowding;
    }
  }
  std::string why = "0/" + std::to_string(world.All(kNodes).size()) + " nodes are available";
  const char* separator = ": ";
  for (const auto& [objection, count] : objections) {
    why += separator + std::to_string(count) + " node(s) " + objection;
    separator = ", ";
  }
  return {best, why + "."};
}

}  // namespace

void SchedulePods(const World& world, Store& store) {
  Placement placed;
  for (const auto& [name, pod] : world.All(kPods)) {
    const std::string node = GetString(*pod, {"spec", "nodeName"});
    if (!node.empty() && !PodOver(*pod)) placed.emplace_back(pod, node);
  }
  for (const auto& [name, waiting] : world.All(kPods)) {
    if (!GetString(*waiting, {"spec", "nodeName"}).empty() || Deleting(*waiting) ||
        PodOver(*waiting))
      continue;
    const auto pod =
        store.Get({kPods, name.first, name.second});  // what the world shows may be old
    if (!pod || UidOf(*pod) != UidOf(*waiting)) continue;
    if (const std::string node = GetString(*pod, {"spec", "nodeName"}); !node.empty()) {
      placed.emplace_back(waiting, node);
      continue;
    }
    const Claims claims = ClaimsOf(*pod, store);
    if (!claims.problem.empty()) {
      Unschedulable(store, *pod, claims.problem);
      continue;
    }
    const auto [node, why] = Choose(world, *pod, claims, placed);
    if (node.empty()) {
      Unschedulable(store, *pod, why);
      continue;
    }
    for (const Json& claim : claims.unbound) MakeVolume(store, claim, node);
    Bind(store, *pod, node);
    placed.emplace_back(waiting, node);
  }
}

}  // namespace pgo::local
