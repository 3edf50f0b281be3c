// Kubernetes's own controllers, as far as the operator leans on them.
#include "engine/base/digest.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/oracles.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {
namespace {

constexpr Micros kNotReadyAfter = 40 * kSecond;
constexpr Micros kEvictAfter = 300 * kSecond;

bool Deleting(const Json& object) {
  return pgo::Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
}

Json NodeObject(const std::string& name, bool ready, bool off) {
  Json out = Json::object();
  Put(out, {"metadata", "name"}, name);
  Json condition = Json::object();
  condition["type"] = "Ready";
  condition["status"] = ready ? "True" : "Unknown";
  out["status"]["conditions"].push_back(std::move(condition));
  if (off) {
    Json taint = Json::object();
    taint["key"] = std::string(kube::kOutOfServiceTaint);
    taint["effect"] = "NoExecute";
    out["spec"]["taints"].push_back(std::move(taint));
  }
  return out;
}

}  // namespace

void Simulation::Reconcile() {
  reconcile_planned_ = false;
  if (!api_up) return;  // looked at again when it is back
  ReconcileSets();
  ReconcileClaims();
  ReconcileJobs();
  CollectOwned();
  CollectPods();
  SchedulePods();
}

void Simulation::ReconcileSets() {
  for (const auto& [ref, set] : api.All("StatefulSet")) {
    const std::int64_t generation = GetInt(*set, {"metadata", "generation"});
    if (GetInt(*set, {"status", "observedGeneration"}) != generation) {
      const std::string revision =
          ref.name + "-" + Sha256Hex(DumpJson(GetObject(*set, {"spec", "template"}))).substr(0, 10);
      api.Mutate(ref, [&](Json& object) {
        Put(object, {"status", "observedGeneration"}, generation);
        Put(object, {"status", "updateRevision"}, revision);
        return true;
      });
    }
    const Object current = api.Get(ref);
    if (current == nullptr || Deleting(*current)) continue;
    const std::int64_t replicas = GetInt(*current, {"spec", "replicas"}, 1);
    for (std::int64_t i = 0; i < std::max<std::int64_t>(replicas, 1); ++i) {
      const kube::ObjectRef pod{"Pod", ref.ns, ref.name + "-" + std::to_string(i)};
      const Json* there = api.Find(pod);
      if (there == nullptr && i < replicas) CreatePod(pod, *current, i);
      if (there != nullptr && i >= replicas && !Deleting(*there)) api.Delete(pod, {}, false);
    }
  }
}

void Simulation::CreatePod(const kube::ObjectRef& ref, const Json& set, std::int64_t ordinal) {
  Json pod = Json::object();
  pod["metadata"] = GetObject(set, {"spec", "template", "metadata"});
  Put(pod, {"metadata", "labels", "controller-revision-hash"},
      GetString(set, {"status", "updateRevision"}));
  Put(pod, {"metadata", "labels", "apps.kubernetes.io/pod-index"}, std::to_string(ordinal));
  Json owner = Json::object();
  owner["kind"] = "StatefulSet";
  owner["name"] = GetString(set, {"metadata", "name"});
  owner["uid"] = GetString(set, {"metadata", "uid"});
  owner["controller"] = true;
  pod["metadata"]["ownerReferences"] = Json::array({owner});
  Put(pod, {"status", "phase"}, "Pending");
  api.Create(ref, std::move(pod));
}

// The node that is up with the fewest pods; the first of equals.
std::string Simulation::PlaceFor(const Json& pod) const {
  std::map<std::string, int> load;
  for (const auto& [name, node] : nodes) {
    const Json* object = api.Find({"Node", "", name});
    const bool ready =
        object != nullptr &&
        GetString(GetArray(*object, {"status", "conditions"})[0], {"status"}) == "True" &&
        GetArray(*object, {"spec", "taints"}).empty();
    if (ready) load[name] = 0;
  }
  for (const auto& [ref, other] : api.All("Pod")) {
    const auto at = load.find(GetString(*other, {"spec", "nodeName"}));
    if (at != load.end() && other.get() != &pod) ++at->second;
  }
  std::string best;
  for (const auto& [name, count] : load) {
    if (best.empty() || count < load[best]) best = name;
  }
  return best;
}

void Simulation::SchedulePods() {
  for (const auto& [ref, pod] : api.All("Pod")) {
    if (!GetString(*pod, {"spec", "nodeName"}).empty() || Deleting(*pod)) continue;
    const std::string place = PlaceFor(*pod);
    if (place.empty()) continue;
    api.Mutate(ref, [&](Json& object) {
      Put(object, {"spec", "nodeName"}, place);
      return true;
    });
  }
}

void Simulation::ReconcileClaims() {
  for (const auto& [ref, claim] : api.All("PersistentVolumeClaim")) {
    if (GetString(*claim, {"status", "phase"}) == "Bound") continue;
    api.Mutate(ref, [](Json& object) {
      Put(object, {"status", "phase"}, "Bound");
      return true;
    });
  }
  for (const auto& [ref, pod] : api.All("Pod")) Kubelet(ref, *pod);
}

// Their pods are not modelled: a Job takes its time and is complete.
void Simulation::ReconcileJobs() {
  for (const auto& [ref, job] : api.All("Job")) {
    if (pgo::Find(*job, {"status", "startTime"}) != nullptr) continue;
    api.Mutate(ref, [&](Json& object) {
      Put(object, {"status", "startTime"}, WallSeconds(wall()));
      Put(object, {"status", "active"}, 1);
      return true;
    });
    schedule.After(Delay(3000, 20'000), [this, ref = ref] {
      api.Mutate(ref, [&](Json& object) {
        object["status"] =
            JsonLiteral(R"({"succeeded":1,"conditions":[{"type":"Complete","status":"True"}]})");
        Put(object, {"status", "completionTime"}, WallSeconds(wall()));
        return true;
      });
    });
  }
}

// What has an owner goes with it.
void Simulation::CollectOwned() {
  std::set<std::string> uids;
  for (const auto& info : kube::Kinds()) {
    for (const auto& [ref, object] : api.All(info.kind)) {
      uids.insert(GetString(*object, {"metadata", "uid"}));
    }
  }
  for (const auto& info : kube::Kinds()) {
    for (const auto& [ref, object] : api.All(info.kind)) {
      const Json& owners = GetArray(*object, {"metadata", "ownerReferences"});
      if (owners.empty() || Deleting(*object)) continue;
      if (!uids.contains(GetString(owners[0], {"uid"}))) api.Delete(ref, {}, false);
    }
  }
}

// On nodes that are out of service pods are removed without their kubelet.
void Simulation::CollectPods() {
  for (const auto& [ref, pod] : api.All("Pod")) {
    const auto node = nodes.find(GetString(*pod, {"spec", "nodeName"}));
    if (node == nodes.end() || !node->second.reported_off) continue;
    pods.erase(GetString(*pod, {"metadata", "uid"}));
    api.Remove(ref);
  }
}

void Simulation::TellNode(const Node& node, bool ready) {
  const Json wanted = NodeObject(node.name, ready, node.reported_off);
  api.Mutate({"Node", "", node.name}, [&](Json& object) {
    object["status"] = wanted["status"];
    object.erase("spec");
    if (wanted.contains("spec")) object["spec"] = wanted["spec"];
    return true;
  });
}

// Node lifecycle: a node that says nothing is not ready after a while, and its pods are evicted
// after a longer one.
void Simulation::NodeChanged(Node& node) {
  const std::uint64_t since = ++node.since;
  if (node.on && !node.frozen && !node.cut && !node.api_cut) {
    schedule.After(Delay(500, 4000), [this, since, &node] {
      if (node.since != since) return;
      TellNode(node, true);
      for (const auto& [uid, run] : std::map(pods)) {
        if (run.node != node.name) continue;
        ReportPod(uid);
        StartPod(uid);
      }
      KubeletReturns(node);
    });
    return;
  }
  if (node.reported_off) TellNode(node, false);
  schedule.After(kNotReadyAfter, [this, since, &node] {
    if (node.since != since) return;
    TellNode(node, false);
    PodsOfSilentNode(node, false);
  });
  schedule.After(kNotReadyAfter + kEvictAfter, [this, since, &node] {
    if (node.since != since) return;
    oracles->Reached("kubernetes: pods of a silent node are evicted");
    PodsOfSilentNode(node, true);
  });
}

void Simulation::PodsOfSilentNode(const Node& node, bool evict) {
  for (const auto& [ref, pod] : api.All("Pod")) {
    if (GetString(*pod, {"spec", "nodeName"}) != node.name) continue;
    if (evict) {
      api.Delete(ref, {}, false);
      continue;
    }
    api.Mutate(ref, [](Json& object) {
      Put(object, {"status", "conditions"}, PGO_JSON(R"([{"type":"Ready","status":"False"}])"));
      return true;
    });
  }
}

// A kubelet that was away: pods that are gone or to go are ended, others told and started.
void Simulation::KubeletReturns(Node& node) {
  std::vector<std::string> over;
  for (const auto& [uid, run] : pods) {
    if (run.node != node.name) continue;
    const Json* pod = api.Find({"Pod", kNamespace, run.name});
    const bool same = pod != nullptr && GetString(*pod, {"metadata", "uid"}) == uid;
    if (!same || Deleting(*pod)) over.push_back(uid);
    if (run.member) run.member->Reconnect();
  }
  for (const std::string& uid : over) {
    pods[uid].terminating = true;
    schedule.After(Delay(100, 3000), [this, uid] { PodEnds(uid); });
  }
  for (const auto& [ref, pod] : api.All("Pod")) {
    if (GetString(*pod, {"spec", "nodeName"}) == node.name) Kubelet(ref, *pod);
  }
}

}  // namespace pgo::simulation
