#include "engine/rooms/failover/failover.h"

#include <algorithm>

#include "engine/kube/names.h"
#include "engine/rooms/failover/commands.h"

namespace pgo::rooms::failover {
namespace {

using cluster::InstanceView;

constexpr std::int64_t kProbeWait = 3 * kSecond / 2;
constexpr std::int64_t kNamedWait = 5 * kSecond;
// Longer than Patroni takes to stop the old primary with a checkpoint, as a rule.
constexpr std::int64_t kSwitchoverWait = 120 * kSecond;
constexpr std::int64_t kAttemptsMax = 3;

std::string Id(const Operation& operation) { return std::to_string(operation.seq); }

bool LockIsStill(const Input& in, const std::string& leader) {
  return in.view.lock.leader == leader && !leader.empty();
}

Operation Begin(const Input& in, const Evidence& evidence) {
  const LockMemory& lock = in.memory.lock;
  Operation op;
  op.evidence = evidence.evidence;
  op.from = lock.leader.empty() ? in.memory.primary : lock.leader;
  op.from_uid = lock.pod_uid;
  op.from_instance = lock.instance;
  op.timeline = lock.timeline.value() != 0 ? lock.timeline : in.memory.primary_timeline;
  op.lsn = std::max(lock.lsn, in.view.lock.optime);
  op.synchronous = SynchronousMode(in.view);
  op.last_sign_us = lock.observed_wall_us;
  op.causes = evidence.causes;
  return op;
}

// Ends an operation without a new primary and says why.
void Abandon(const Input& in, Plan& plan, const std::string& why) {
  const Operation& op = in.memory.operation;
  auto proposal = Say(in, Reason::kFailoverAbandoned,
                      "change of primary from " + op.from + " given up: " + why, "end/" + Id(op));
  proposal.causes = {op.seq, in.memory.lock.seq};
  proposal.facts["ended"] = true;
  plan.Do(std::move(proposal));
  if (HasFailoverKey(in)) plan.Do(ClearKey(in, Id(op)));
}

// Nobody may be promoted: said once for each renewal of the lock, as a warning.
void SayNobody(const Input& in, Plan& plan, const Evidence& evidence, const std::string& why) {
  auto proposal = Say(in, Reason::kNoCandidate, evidence.sentence + "; nobody is promoted: " + why,
                      "nobody/" + std::to_string(in.memory.lock.seq));
  proposal.causes = evidence.causes;
  plan.Do(std::move(proposal));
  plan.conditions.push_back({"FailoverBlocked", true, "NoCandidate", why});
}

void NameCandidate(const Input& in, Plan& plan, Operation op, const Evidence& evidence,
                   const Choice& choice) {
  op.phase = Phase::kNaming;
  op.to = choice.chosen->instance->pod->name;
  op.to_instance = choice.chosen->instance->name;
  auto proposal = NameIn(in, op);
  proposal.reason = evidence.reason;
  proposal.sentence = evidence.sentence + "; " + choice.sentence;
  proposal.causes = evidence.causes;
  proposal.causes.insert(proposal.causes.end(), choice.chosen->causes.begin(),
                         choice.chosen->causes.end());
  proposal.facts["operation"] = ToJson(op);
  proposal.goal = "name/" + std::to_string(in.memory.lock.seq);
  plan.Do(std::move(proposal));
}

// P and F: there is proof. Sync: the published set is the truth about who may lead. Async: ask each
// replica how far it is, for the pods' own words are up to a loop_wait old.
void ActOnProof(const Input& in, Plan& plan, const Evidence& evidence) {
  Operation op = Begin(in, evidence);
  if (op.synchronous && (in.view.sync.subject == nullptr || in.view.sync.leader != op.from)) {
    return SayNobody(in, plan, evidence,
                     "synchronous replication is on but " + kube::SyncName(in.view.key.name) +
                         " does not name " + op.from + ", so who may lead is not known");
  }
  const Choice choice = Choose(in, op);
  if (!choice.chosen) return SayNobody(in, plan, evidence, choice.sentence);
  if (op.synchronous) return NameCandidate(in, plan, op, evidence, choice);
  op.phase = Phase::kProbing;
  for (const InstanceView* instance : Eligible(in)) {
    auto proposal = ProbeOf(in, *instance, std::to_string(in.memory.lock.seq));
    proposal.reason = evidence.reason;
    proposal.sentence = evidence.sentence + "; ask " + instance->pod->name + " how far it is";
    proposal.causes = evidence.causes;
    if (plan.proposals.empty())
      proposal.facts["operation"] = ToJson(op);  // the first one begins it
    plan.Do(std::move(proposal));
  }
  plan.WakeAt(in.now.elapsed_us + kProbeWait);
}

// R and X: no proof, so Patroni decides; it is only made to look now instead of at its next round.
void Nudge(const Input& in, Plan& plan, const Evidence& evidence) {
  auto proposal = NudgeLock(in, std::to_string(in.memory.lock.seq));
  proposal.reason = evidence.reason;
  proposal.sentence = evidence.sentence + "; make Patroni look, release and name nothing";
  proposal.causes = evidence.causes;
  Operation op = Begin(in, evidence);
  op.phase = Phase::kPromoting;
  proposal.facts["operation"] = ToJson(op);
  plan.Do(std::move(proposal));
}

void Detect(const Input& in, Plan& plan) {
  if (in.view.deleting || in.view.spec().paused || in.view.spec().shutdown) return;
  if (!in.view.startup_instance.empty()) return;  // nobody led; who led last is being started
  const Evidence evidence = Judge(in);
  if (evidence.evidence == Class::kNone) return;
  if (in.now.elapsed_us < evidence.not_before_us) return plan.WakeAt(evidence.not_before_us);
  const bool proof = evidence.evidence == Class::kFenced || evidence.evidence == Class::kStopped;
  proof ? ActOnProof(in, plan, evidence) : Nudge(in, plan, evidence);
}

bool ProbesAreIn(const Input& in) {
  const Operation& op = in.memory.operation;
  for (const InstanceView* instance : Eligible(in)) {
    const auto it = op.probes.find(instance->pod->name);
    if (it == op.probes.end() || !it->second.answered) return false;
  }
  return true;
}

void OnProbing(const Input& in, Plan& plan) {
  const Operation& op = in.memory.operation;
  if (!LockIsStill(in, op.from)) return Abandon(in, plan, "the lock is no longer its own");
  const Evidence evidence = Judge(in);
  if (evidence.evidence != op.evidence) {
    return Abandon(in, plan, "the proof no longer holds (the lock was renewed)");
  }
  if (!ProbesAreIn(in) && in.now.elapsed_us < op.phase_us + kProbeWait) {
    return plan.WakeAt(op.phase_us + kProbeWait);
  }
  const Choice choice = Choose(in, op);
  if (!choice.chosen) return Abandon(in, plan, choice.sentence);
  NameCandidate(in, plan, op, evidence, choice);
}

void OnNaming(const Input& in, Plan& plan) {
  const Operation& op = in.memory.operation;
  if (!LockIsStill(in, op.from)) return Abandon(in, plan, "the lock is no longer its own");
  if (Judge(in).evidence != op.evidence) {
    return Abandon(in, plan, "the proof no longer holds (the lock was renewed)");
  }
  const auto* named = arbiter::Look(in.ledger, kRoom, "name/" + std::to_string(in.memory.lock.seq));
  if (named == nullptr || named->in_flight) return;
  if (named->outcome != Outcome::kOk) {
    if (named->attempt >= kAttemptsMax) {
      return Abandon(in, plan, "the candidate could not be named: " + named->message);
    }
    const Choice choice = Choose(in, op);
    return choice.chosen ? NameCandidate(in, plan, op, Judge(in), choice)
                         : Abandon(in, plan, choice.sentence);
  }
  Operation next = op;
  next.phase = Phase::kReleasing;
  auto proposal = Release(in, Id(op));
  proposal.sentence = "release the leader lock of " + op.from + " so that " + op.to +
                      " takes it, unless it was renewed meanwhile";
  proposal.causes = {op.seq, named->seq, in.memory.lock.seq};
  proposal.facts["operation"] = ToJson(next);
  plan.Do(std::move(proposal));
}

void OnReleasing(const Input& in, Plan& plan) {
  const Operation& op = in.memory.operation;
  const auto* released = arbiter::Look(in.ledger, kRoom, "release/" + Id(op));
  if (released == nullptr || released->in_flight) return;
  if (!LockIsStill(in, op.from)) {
    // Somebody else has it, or nobody: the promotion goes on either way.
    Operation next = op;
    next.phase = Phase::kPromoting;
    auto proposal = NudgeLock(in, Id(op));
    proposal.reason = Reason::kReleased;
    proposal.sentence = "the lock of " + op.from + " is gone; make Patroni look";
    proposal.causes = {op.seq, in.memory.lock.seq};
    proposal.facts["operation"] = ToJson(next);
    return plan.Do(std::move(proposal));
  }
  if (Judge(in).evidence != op.evidence || released->attempt >= kAttemptsMax) {
    return Abandon(in, plan, "its lock could not be released: " + released->message);
  }
  auto proposal = Release(in, Id(op));
  proposal.sentence = "release the leader lock of " + op.from + ", again";
  proposal.causes = {op.seq, in.memory.lock.seq};
  proposal.facts["operation"] = ToJson(op);
  plan.Do(std::move(proposal));
}

// A: Patroni does it. Whether it took the order up is certain only if it refused: an outcome that
// nobody saw (the operator ended, the connection broke) is settled by what happens next.
void AwaitSwitchover(const Input& in, Plan& plan) {
  const Operation& op = in.memory.operation;
  const auto* asked = arbiter::Look(in.ledger, kRoom, "switchover/" + op.id);
  const bool answered = asked != nullptr && !asked->in_flight && asked->outcome != Outcome::kOk &&
                        asked->outcome != Outcome::kUnknown;
  if (answered) return Abandon(in, plan, "Patroni refused the switchover: " + asked->message);
  const std::int64_t due = op.phase_us + kSwitchoverWait;
  if (in.now.elapsed_us < due) return plan.WakeAt(due);
  Abandon(in, plan, "Patroni did not do it within " + Seconds(kSwitchoverWait));
}

void OnPromoting(const Input& in, Plan& plan) {
  const Operation& op = in.memory.operation;
  const InstanceView* primary = in.view.Primary();
  if (primary != nullptr && primary->pod->name != op.from) {
    return plan.Do(Complete(in, *primary));
  }
  if (primary != nullptr && primary->pod->member->timeline > op.timeline &&
      op.timeline.value() != 0) {
    return plan.Do(Complete(in, *primary));  // the same name, restarted and promoted
  }
  const bool renewed_since = in.memory.lock.seq > op.seq && LockIsStill(in, op.from);
  if (renewed_since && op.evidence != Class::kPlanned && primary != nullptr) {
    return Abandon(in, plan, op.from + " renewed its lock: it is alive");
  }
  if (op.evidence == Class::kPlanned) return AwaitSwitchover(in, plan);
  if (!in.view.lock.leader.empty() || op.to.empty()) return;
  const std::int64_t due = op.phase_us + kNamedWait;
  if (in.now.elapsed_us < due) return plan.WakeAt(due);
  if (HasFailoverKey(in)) plan.Do(ClearKey(in, Id(op)));
}

void Progress(const Input& in, Plan& plan) {
  plan.holds_cluster = true;
  switch (in.memory.operation.phase) {
    case Phase::kProbing:
      return OnProbing(in, plan);
    case Phase::kNaming:
      return OnNaming(in, plan);
    case Phase::kReleasing:
      return OnReleasing(in, plan);
    case Phase::kPromoting:
      return OnPromoting(in, plan);
  }
}

// A primary that nobody here brought about is made known all the same.
void MakeKnown(const Input& in, Plan& plan) {
  const InstanceView* primary = in.view.Primary();
  if (primary == nullptr || primary->pod->member->timeline.value() == 0) return;
  const bool same_name = primary->pod->name == in.memory.primary;
  if (same_name && primary->pod->member->timeline <= in.memory.primary_timeline) return;
  plan.Do(Complete(in, *primary));
}

}  // namespace

Plan PlanFailover(const Input& in) {
  Plan plan;
  if (!in.view.bootstrapped || in.view.lock.subject == nullptr) return plan;
  if (in.memory.operation.evidence != Class::kNone) {
    Progress(in, plan);
    return plan;
  }
  if (in.view.restore.Stops()) return plan;  // nobody is to lead until room restores says so
  MakeKnown(in, plan);
  if (plan.proposals.empty()) Detect(in, plan);
  if (plan.proposals.empty()) PlanSwitchover(in, plan);
  RelabelDemoted(in, plan);
  ReportLost(in, plan);
  return plan;
}

}  // namespace pgo::rooms::failover
