// The operator's side: what it commits is looked at with the state it decided on; what arrives at
// the API server is looked at with the truth.
#include <algorithm>

#include "engine/event/codec.h"
#include "engine/rooms/failover/memory.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/operator.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

constexpr std::uint64_t kActionsAMinute = 400;

bool IsPodDeletion(const Action& action) {
  const auto* remove = std::get_if<Delete>(&action.command);
  return remove != nullptr && remove->ref.kind == "Pod";
}
bool IsRestart(const Action& action) { return action.goal.starts_with("restart/"); }
bool IsSwitchover(const Action& action) { return action.goal.starts_with("switchover/"); }
bool IsLeave(const Action& action) { return action.goal.starts_with("leave/"); }

bool IsDisruptive(const Action& action) {
  return IsPodDeletion(action) || IsRestart(action) || IsSwitchover(action) || IsLeave(action);
}

}  // namespace

void Oracles::Committed(const std::vector<Event>& events, const StepResult& step,
                        const Engine& engine) {
  for (const Event& event : events) {
    Mix(std::to_string(event.seq.value()));
    // I34: without a hole; a power cut may take the unsynced end with it.
    if (last_seq_ != 0 && event.seq.value() > last_seq_ + 1 && sim_.profile.rotate_every == 0) {
      Alarm("I34", "the journal has a hole before #" + std::to_string(event.seq.value()));
    }
    last_seq_ = event.seq.value();
    if (std::holds_alternative<Started>(event.payload)) listed_.clear();
    if (const auto* listed = std::get_if<Listed>(&event.payload)) listed_.insert(listed->kind);
    if (const auto* done = std::get_if<Done>(&event.payload)) {
      // I34, I27: one outcome after each intent.
      if (!ids_.contains(done->action.value())) Alarm("I34", "an outcome without its action");
      if (!done_.insert(done->action.value()).second) Alarm("I27", "a second outcome");
    }
  }
  last_seq_ += 1 + step.actions.size();
  if (step.actions.empty()) return;
  for (const Action& action : step.actions) {
    Mix(action.id.value());
    if (!ids_.insert(action.id.value()).second) {
      Alarm("I27", "action id met again: " + action.sentence);
    }
    CheckAction(action, engine);
  }
  CheckRate();
}

// I40: retries are bounded.
void Oracles::CheckRate() {
  const Micros minute = sim_.now() / (60 * kSecond);
  auto& count = actions_in_[minute];
  if (++count > kActionsAMinute && count == kActionsAMinute + 1) {
    Alarm("I40", "more than " + std::to_string(kActionsAMinute) + " decisions in a minute");
  }
}

void Oracles::CheckAction(const Action& action, const Engine& engine) {
  // I24: nothing before everything was listed, as it is counted here; I36: causes are named and
  // earlier.
  for (const auto& kind : kube::Kinds()) {
    const bool needed = kind.required && kind.watch != kube::KindInfo::Watch::kNone;
    if (needed && !listed_.contains(std::string(kind.kind))) {
      Alarm("I24", "acts before all was listed: " + action.sentence);
    }
  }
  if (!engine.context().leading) Alarm("I26", "acts without leading: " + action.sentence);
  if (action.causes.empty()) Alarm("I36", "names no cause: " + action.sentence);
  for (const std::uint64_t cause : action.causes) {
    if (cause > last_seq_) Alarm("I36", "a cause in the future: " + action.sentence);
  }
  if (action.attempt > 60)
    Alarm("I40", "attempt " + std::to_string(action.attempt) + ": " + action.sentence);
  // I23: what destroys names exactly what was seen.
  if (const auto* remove = std::get_if<Delete>(&action.command)) {
    if (remove->uid.empty()) Alarm("I23", "deletes by name alone: " + action.sentence);
  }
  if (action.goal.starts_with("release/")) {
    const auto* patch = std::get_if<Patch>(&action.command);
    if (patch == nullptr || patch->uid.empty() || patch->rv.empty()) {
      Alarm("I23", "releases a lock without its version: " + action.sentence);
    }
  }
  if (!IsDisruptive(action) && !action.goal.starts_with("name/")) return;
  const auto view = cluster::Project(engine.world(), {action.ns, action.cluster});
  if (view.subject == nullptr) return;
  CheckDisruption(action, view);
  CheckCandidate(action, view);
}

// I20, I21, I25: one at a time, replicas before the primary, nothing while paused.
void Oracles::CheckDisruption(const Action& action, const cluster::ClusterView& view) {
  if (!IsDisruptive(action) || view.deleting) return;
  if (view.spec().paused) Alarm("I25", "disrupts while paused: " + action.sentence);
  const std::string target = TargetOf(action.command).name;
  if (IsLeave(action)) {
    if (kube::InstancePodName(target) == view.lock.leader) {
      Alarm("I20", "removes the holder of the lock: " + action.sentence);
    }
    return;
  }
  if (IsSwitchover(action)) return;
  for (const auto& [name, instance] : view.instances) {
    if (instance.leaving || instance.stateful_set == nullptr) continue;
    const std::string pod = kube::InstancePodName(name);
    const bool up = instance.pod && instance.pod->database_running && !instance.pod->deleting &&
                    instance.pod->ready;
    if (pod == target && !up) return;  // it was down anyway
  }
  for (const auto& [name, instance] : view.instances) {
    if (instance.leaving || instance.stateful_set == nullptr) continue;
    if (kube::InstancePodName(name) == target) continue;
    const bool up = instance.pod && instance.pod->database_running && !instance.pod->deleting &&
                    instance.pod->ready;
    if (!up) Alarm("I21", "disrupts " + target + " while " + name + " is down: " + action.sentence);
  }
}

// I3 to I6, of what the operator knew: who is named is published as synchronous; without
// synchronous replication nobody that answered is ahead of it.
void Oracles::CheckCandidate(const Action& action, const cluster::ClusterView& view) {
  if (!action.goal.starts_with("name/")) return;
  const auto operation =
      FromJson<rooms::failover::Operation>(GetObject(action.facts, {"operation"}));
  if (view.spec().synchronous_mode) {
    const auto& standbys = view.sync.standbys;
    if (std::ranges::find(standbys, operation.to) == standbys.end()) {
      Alarm("I3", operation.to + " is named but not published as synchronous");
    }
    return;
  }
  const auto chosen = operation.probes.find(operation.to);
  if (chosen == operation.probes.end() || !chosen->second.answered) return;
  for (const auto& [pod, answer] : operation.probes) {
    const auto* instance = view.ByPod(pod);
    const bool eligible = answer.answered && instance != nullptr && !instance->pod->deleting &&
                          instance->pod->database_running;
    if (!eligible || answer.timeline < chosen->second.timeline) continue;
    if (answer.lsn > chosen->second.lsn) {
      Alarm("I5", operation.to + " is named though " + pod + " is ahead of it");
    }
  }
  if (operation.lsn > chosen->second.lsn &&
      operation.lsn.value() - chosen->second.lsn.value() > view.spec().maximum_lag_on_failover) {
    Alarm("I4", operation.to + " is named though it lags more than is allowed");
  }
}

// With the truth, at the moment a request is carried out.
void Oracles::Arrives(const Action& action) {
  if (action.goal.starts_with("release/")) CheckRelease(action);
  if (const auto* remove = std::get_if<Delete>(&action.command)) CheckDelete(action, *remove);
}

// No false failover: the lock of a primary that accepts writes is never taken away, also if nothing
// outside reaches it; only whoever stands still cannot be told from one that is gone.
void Oracles::CheckRelease(const Action& action) {
  const auto* patch = std::get_if<Patch>(&action.command);
  const Json* lock = sim_.api.Find(kLeaderRef);
  if (patch == nullptr || lock == nullptr) return;
  if (GetString(*lock, {"metadata", "resourceVersion"}) != patch->rv) return;  // it will conflict
  const Member* holder = sim_.MemberOf(Annotation(lock, "leader"));
  if (holder != nullptr && holder->Writable() && holder->node().on && !holder->node().frozen) {
    Alarm("I28", "releases the lock of " + holder->pod() + ", which is well: " + action.sentence);
  }
  Reached("failover: the operator released a lock");
}

// I11: the volume that is deleted is not the only one with all that was acknowledged.
void Oracles::CheckDelete(const Action& action, const Delete& remove) {
  if (remove.ref.kind != "PersistentVolumeClaim") return;
  const Json* subject = sim_.api.Find(kSubject);
  if (subject == nullptr || Find(*subject, {"metadata", "deletionTimestamp"}) != nullptr) return;
  const auto holds_all = [&](const Disk& disk) {
    return std::ranges::all_of(
        acknowledged_, [&](const auto& entry) { return disk.Holds({entry.first, entry.second}); });
  };
  const auto gone = sim_.disks.find(remove.uid);
  if (gone == sim_.disks.end() || !holds_all(gone->second)) return;
  Reached("scaling: a volume with all commits was deleted");
  for (const auto& [uid, disk] : sim_.disks) {
    if (uid != remove.uid && holds_all(disk)) return;
  }
  Alarm("I11", "deletes the only copy of acknowledged commits: " + action.sentence);
}

void Oracles::Arrived(const Action& action, const Reply& reply) {
  if (reply.outcome != Outcome::kOk) return;
  if (action.goal.starts_with("sql/")) ++scripts;
  if (action.goal.starts_with("nudge/")) Reached("failover: the operator nudged Patroni");
  if (action.goal.starts_with("name/")) Reached("failover: the operator named a candidate");
  if (action.goal.starts_with("clear/")) Reached("failover: a named candidate was cleared");
  if (IsSwitchover(action)) Reached("failover: a switchover was asked for");
  if (IsLeave(action)) Reached("scaling: an instance leaves");
  if (IsPodDeletion(action)) Reached("rollout: a pod is replaced");
  if (IsRestart(action)) Reached("rollout: a restart in place");
  const std::string reason(NameOf(action.reason));
  if (std::holds_alternative<Notice>(action.command)) Reached("notice: " + reason);
}

}  // namespace pgo::simulation
