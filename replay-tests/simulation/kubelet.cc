// Kubelets: they start the containers of pods bound to their node, start them again when they end,
// tell the API server, and end what is deleted. One that does not reach the API server goes on with
// what it knows.
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/oracles.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {
namespace {

constexpr Micros kProbeEvery = 2 * kSecond;

Json Terminated(const PodRun& run) {
  Json out = Json::object();
  out["finishedAt"] = run.finished;
  out["exitCode"] = run.exit == "Completed" ? 0 : 137;
  out["reason"] = run.exit;
  return out;
}

Json ContainerStatus(const PodRun& run) {
  Json status = Json::object();
  status["name"] = run.database ? std::string(kube::kDatabaseContainer) : std::string("main");
  status["restartCount"] = run.restarts;
  status["ready"] = run.told_ready;
  if (run.container_runs) {
    status["state"]["running"] = Json::object();
    if (!run.finished.empty()) status["lastState"]["terminated"] = Terminated(run);
  } else if (!run.finished.empty()) {
    status["state"]["terminated"] = Terminated(run);
  } else {
    status["state"]["waiting"] = Json::object();
  }
  return status;
}

Json PodStatus(const PodRun& run) {
  Json status = Json::object();
  status["phase"] = run.container_runs || !run.finished.empty() ? "Running" : "Pending";
  status["podIP"] = run.ip;
  status["containerStatuses"].push_back(ContainerStatus(run));
  if (!run.startup.empty()) {
    Json init = Json::object();
    init["name"] = "postgres-startup";
    Put(init, {"state", "terminated", "message"}, run.startup);
    Put(init, {"state", "terminated", "finishedAt"}, run.startup_finished);
    status["initContainerStatuses"].push_back(std::move(init));
  }
  Json ready = Json::object();
  ready["type"] = "Ready";
  ready["status"] = run.told_ready ? "True" : "False";
  status["conditions"].push_back(std::move(ready));
  return status;
}

}  // namespace

// A pod that was deleted before its kubelet began with it: it starts nothing of it and lets it go.
void Simulation::Decline(const kube::ObjectRef& ref, const std::string& uid) {
  if (!declined_.insert(uid).second) return;
  oracles->Reached("kubelet: a pod was deleted before its kubelet saw it");
  schedule.After(Delay(20, 400), [this, ref, uid] {
    declined_.erase(uid);
    const Json* pod = api.Find(ref);
    if (pod == nullptr || GetString(*pod, {"metadata", "uid"}) != uid) return;
    // Its node may be out of reach by now: then its kubelet looks again when it is back.
    if (Reaches(nodes[GetString(*pod, {"spec", "nodeName"})])) api.Remove(ref);
  });
}

// What the kubelet of the pod's node sees of it.
void Simulation::Kubelet(const kube::ObjectRef& ref, const Json& pod) {
  const std::string uid = GetString(pod, {"metadata", "uid"});
  const std::string node = GetString(pod, {"spec", "nodeName"});
  const bool deleting = pgo::Find(pod, {"metadata", "deletionTimestamp"}) != nullptr;
  const auto known = pods.find(uid);
  if (known != pods.end()) {
    if (deleting && !known->second.terminating && Reaches(nodes[node])) {
      known->second.terminating = true;
      schedule.After(Delay(20, 400), [this, uid] { PodEnds(uid); });
    }
    return;
  }
  if (node.empty() || !Reaches(nodes[node])) return;
  if (deleting) return Decline(ref, uid);
  PodRun run;
  run.name = ref.name;
  run.uid = uid;
  run.node = node;
  ++addresses_;
  run.ip = "10.1." + std::to_string(addresses_ / 200) + "." + std::to_string(addresses_ % 200);
  const std::string instance = GetString(pod, {"metadata", "labels", kube::kLabelInstance});
  run.database = !instance.empty();
  if (run.database) {
    const Json* claim =
        api.Find({"PersistentVolumeClaim", ref.ns, kube::InstanceDataName(instance)});
    if (claim == nullptr) return;  // it waits for its volume; looked at again when that changes
    run.claim_uid = GetString(*claim, {"metadata", "uid"});
  }
  pods[uid] = std::move(run);
  schedule.After(Delay(200, 1500), [this, uid] { StartPod(uid); });
}

// A volume is attached to one node; a container that still runs keeps it.
bool Simulation::ClaimIsFree(const std::string& claim_uid, const std::string& uid) const {
  for (const auto& [other, run] : pods) {
    if (other != uid && run.claim_uid == claim_uid && run.container_runs) return false;
  }
  return true;
}

void Simulation::StartPod(const std::string& uid) {
  const auto it = pods.find(uid);
  if (it == pods.end() || it->second.container_runs || it->second.terminating) return;
  PodRun& run = it->second;
  Node& node = nodes[run.node];
  if (!node.on) return;
  if (node.frozen) {
    node.on_thaw.push_back([this, uid] { StartPod(uid); });
    return;
  }
  if (run.database && !ClaimIsFree(run.claim_uid, uid)) {
    oracles->Reached("kubelet: a pod waits for a volume that another node still holds");
    schedule.After(3 * kSecond, [this, uid] { StartPod(uid); });
    return;
  }
  if (run.database) {
    const Disk& disk = disks[run.claim_uid];
    Json message = Json::object();
    message["timeline"] = disk.timeline;
    message["end"] = LsnText(Lsn(disk.lsn));
    if (disk.initialized) run.startup = DumpJson(message);
    run.startup_finished = WallSeconds(wall());
  }
  StartContainer(uid);
}

void Simulation::StartContainer(const std::string& uid) {
  const auto it = pods.find(uid);
  if (it == pods.end() || it->second.terminating) return;
  PodRun& run = it->second;
  Node& node = nodes[run.node];
  if (!node.on || run.container_runs) return;
  if (node.frozen) {
    node.on_thaw.push_back([this, uid] { StartContainer(uid); });
    return;
  }
  run.container_runs = true;
  if (run.database) {
    run.member = std::make_shared<Member>(*this, node, disks[run.claim_uid], run.name, uid, run.ip);
    run.member->Begin();
    SpreadDcs();
  }
  ReportPod(uid);
  ProbePod(uid, run.restarts);
}

// The readiness probe.
void Simulation::ProbePod(const std::string& uid, std::int64_t incarnation) {
  schedule.After(kProbeEvery, [this, uid, incarnation] {
    const auto it = pods.find(uid);
    if (it == pods.end() || !it->second.container_runs) return;
    if (it->second.restarts != incarnation) return;
    PodRun& run = it->second;
    const bool ready = !run.database || (run.member && run.member->Ready());
    if (ready != run.told_ready && Reaches(nodes[run.node])) {
      run.told_ready = ready;
      ReportPod(uid);
    }
    ProbePod(uid, incarnation);
  });
}

void Simulation::ContainerEnds(PodRun& run, const std::string& exit) {
  if (!run.container_runs) return;
  if (run.member) run.member->Die();
  run.member.reset();
  run.container_runs = false;
  run.told_ready = false;
  run.finished = WallSeconds(wall());
  run.exit = exit;
  ++run.restarts;
  const std::string uid = run.uid;
  schedule.After(Delay(50, 500), [this, uid] { ReportPod(uid); });
  const Micros backoff = run.restarts <= 1  ? Delay(800, 2500)
                         : run.restarts < 4 ? Delay(8000, 15'000)
                                            : Delay(20'000, 40'000);
  schedule.After(backoff, [this, uid] { StartContainer(uid); });
}

void Simulation::ReportPod(const std::string& uid) {
  const auto it = pods.find(uid);
  if (it == pods.end()) return;
  const PodRun& run = it->second;
  if (!Reaches(nodes[run.node])) return;  // told when it is back
  api.Mutate({"Pod", kNamespace, run.name}, [&](Json& pod) {
    if (GetString(pod, {"metadata", "uid"}) != uid) return false;
    pod["status"] = PodStatus(run);
    return true;
  });
}

// Ends what runs of a pod that is deleted; then the object goes.
void Simulation::PodEnds(const std::string& uid) {
  const auto it = pods.find(uid);
  if (it == pods.end()) return;
  const auto gone = [this, uid] {
    const auto at = pods.find(uid);
    if (at == pods.end()) return;
    at->second.container_runs = false;
    const kube::ObjectRef ref{"Pod", kNamespace, at->second.name};
    const bool reached = Reaches(nodes[at->second.node]);
    const Json* pod = api.Find(ref);
    const bool same = pod != nullptr && GetString(*pod, {"metadata", "uid"}) == uid;
    if (same && !reached) return;  // told when the node is back
    pods.erase(at);
    if (same) api.Remove(ref);
  };
  if (it->second.member && it->second.member->alive()) {
    it->second.member->Terminate(gone);
  } else {
    gone();
  }
}

}  // namespace pgo::simulation
