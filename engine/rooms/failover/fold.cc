#include <algorithm>

#include "engine/base/overloaded.h"
#include "engine/kube/names.h"
#include "engine/rooms/failover/failover.h"

namespace pgo::rooms::failover {
namespace {

std::string Annotation(const Json& object, std::string_view name) {
  return GetString(object, {"metadata", "annotations", name});
}

bool IsOutOfService(const cluster::World& world, const std::string& node) {
  const auto* subject = world.Find({"Node", "", node});
  if (subject == nullptr) return false;
  return std::ranges::any_of(GetArray(subject->object, {"spec", "taints"}), [](const Json& taint) {
    return GetString(taint, {"key"}) == kube::kOutOfServiceTaint;
  });
}

// Nobody knows yet which incarnation holds the lock.
void Untie(LockMemory& lock) {
  lock.pod_uid.clear();
  lock.node.clear();
  lock.instance.clear();
  lock.pod_seq = 0;
}

// What the leader says of itself, if its pod is there.
void ReadLeader(LockMemory& lock, const ClusterKey& key, const cluster::World& world,
                bool renewed) {
  if (lock.leader.empty()) return;
  const auto* pod = world.Find({"Pod", key.ns, lock.leader});
  if (pod == nullptr) return;
  const std::string node = GetString(pod->object, {"spec", "nodeName"});
  // A renewal ties the lock to the pod that is there now. Without one a new pod of the same name
  // proves nothing about the old.
  // Nothing comes from a node that is out of service: who renews is an incarnation that the watch
  // of pods has not shown yet.
  const bool off = !node.empty() && IsOutOfService(world, node);
  if (off && renewed) Untie(lock);
  if (!node.empty() && !off && (renewed || lock.pod_uid.empty())) {
    lock.pod_uid = pod->uid;
    lock.node = node;
    lock.instance = GetString(pod->object, {"metadata", "labels", kube::kLabelInstance});
    lock.pod_seq = pod->seq.value();
  }
  if (pod->uid != lock.pod_uid) return;
  const auto status = ParseJson(Annotation(pod->object, "status"));
  if (!status || GetString(*status, {"role"}) != "primary") return;
  const auto timeline = GetInt(*status, {"timeline"});
  const auto lsn = GetInt(*status, {"xlog_location"});
  if (timeline > 0) lock.timeline = Timeline(static_cast<std::uint32_t>(timeline));
  if (lsn > 0) lock.lsn = std::max(lock.lsn, Lsn(static_cast<std::uint64_t>(lsn)));
}

void FoldLock(LockMemory& lock, const cluster::Subject& subject, const Event& event,
              const ClusterKey& key, const cluster::World& world) {
  const std::string leader = Annotation(subject.object, "leader");
  const std::string renew_time = Annotation(subject.object, "renewTime");
  const bool changed =
      lock.uid != subject.uid || lock.leader != leader || lock.renew_time != renew_time;
  if (lock.leader != leader || lock.uid != subject.uid) {
    lock = LockMemory{};
    lock.uid = subject.uid;
    lock.leader = leader;
  }
  if (changed) {
    lock.renew_time = renew_time;
    lock.observed_us = event.at.elapsed_us;
    lock.observed_wall_us = event.at.wall_us;
    lock.seq = event.seq.value();
  }
  ReadLeader(lock, key, world, changed);
}

void FoldObserved(Memory& memory, const Observed& e, const Event& event, const ClusterKey& key,
                  const cluster::World& world) {
  const auto* now = world.Find(e.ref);
  if (now == nullptr || now->seq != event.seq) return;  // an older observation, passed over
  if (e.ref.kind == "Endpoints" && e.ref.name == kube::LeaderName(key.name)) {
    const bool held = !memory.lock.leader.empty() && memory.lock.leader == memory.primary;
    FoldLock(memory.lock, *now, event, key, world);
    if (held && memory.lock.leader.empty() && memory.operation.evidence == Class::kNone) {
      memory.released_seq = event.seq.value();
      memory.released_wall_us = event.at.wall_us;
    }
  } else if (e.ref.kind == "Pod" && e.ref.name == memory.lock.leader) {
    ReadLeader(memory.lock, key, world, false);
  }
}

}  // namespace

void FoldEvent(Memory& memory, const Event& event, const ClusterKey& key,
               const cluster::World& world) {
  std::visit(
      Overloaded{[&](const Observed& e) { FoldObserved(memory, e, event, key, world); },
                 [&](const Gone& e) {
                   if (e.ref.kind == "Endpoints" && e.ref.name == kube::LeaderName(key.name)) {
                     memory.lock = LockMemory{};
                   }
                 },
                 [&](const Started&) {
                   // Ages count from here: the elapsed clock may have begun anew.
                   memory.lock.observed_us = event.at.elapsed_us;
                   memory.operation.began_us = event.at.elapsed_us;
                   memory.operation.phase_us = event.at.elapsed_us;
                 },
                 [](const auto&) {}},
      event.payload);
}

void FoldAction(Memory& memory, const Action& action, Seq seq, Now now) {
  if (action.room != kRoom || !action.facts.is_object()) return;
  if (const Json* written = Find(action.facts, "operation")) {
    auto operation = FromJson<Operation>(*written);
    const bool begins = operation.seq == 0;
    if (begins) {
      operation.seq =
          memory.operation.evidence == Class::kNone ? seq.value() : memory.operation.seq;
      operation.began_us = now.elapsed_us;
      operation.began_wall_us = now.wall_us;
    }
    if (begins || operation.phase != memory.operation.phase) operation.phase_us = now.elapsed_us;
    if (operation.phase == Phase::kReleasing) operation.released_seq = seq.value();
    memory.operation = std::move(operation);
  }
  if (GetBool(action.facts, {"lost_reported"})) memory.lost_from.clear();
  if (!GetBool(action.facts, {"ended"})) return;
  if (!memory.operation.id.empty() && memory.operation.asked_by.empty()) {
    memory.switchover_done = memory.operation.id;
  }
  const std::string refused = GetString(action.facts, {"switchover"});
  if (!refused.empty()) memory.switchover_done = refused;
  memory.operation = Operation{};
  const std::string primary = GetString(action.facts, {"primary"});
  if (primary.empty()) return;
  memory.primary = primary;
  memory.primary_timeline =
      Timeline(static_cast<std::uint32_t>(GetInt(action.facts, {"timeline"})));
  ++memory.promotions;
  memory.released_seq = 0;
  memory.failover_seq = seq.value();
  memory.failover_wall_us = now.wall_us;
  memory.lost_from = GetString(action.facts, {"lost_from"});
  memory.lost_timeline =
      Timeline(static_cast<std::uint32_t>(GetInt(action.facts, {"lost_timeline"})));
}

void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event) {
  Operation& operation = memory.operation;
  const std::string probe = std::string(kRoom) + "/probe/";
  if (goal_key.starts_with(probe) && done.outcome == Outcome::kOk) {
    const auto pod = goal_key.substr(goal_key.rfind('/') + 1);
    const auto lsn = ParseLsn(GetString(done.result, {"lsn"}));
    if (!lsn) return;
    operation.probes[pod] = {
        true, *lsn, Timeline(static_cast<std::uint32_t>(GetInt(done.result, {"timeline"}))),
        event.seq.value()};
  } else if (goal_key.starts_with(std::string(kRoom) + "/release/") &&
             done.outcome == Outcome::kOk && operation.phase == Phase::kReleasing) {
    operation.phase = Phase::kPromoting;
    operation.phase_us = event.at.elapsed_us;
  }
}

}  // namespace pgo::rooms::failover
