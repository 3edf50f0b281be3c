#include "engine/rooms/rollout/rollout.h"

#include <algorithm>

#include "engine/kube/names.h"
#include "engine/rooms/rollout/commands.h"
#include "engine/rooms/rollout/steps.h"

namespace pgo::rooms::rollout {
namespace {

using cluster::InstanceView;

constexpr std::int64_t kReturnWait = 600 * kSecond;
constexpr std::int64_t kSettleWait = 60 * kSecond;
constexpr std::int64_t kWakes = 3;

bool UnderWay(const Input& in) { return in.memory.operation.seq != 0; }

void Show(Plan& plan, const std::string& reason, const std::string& message) {
  plan.conditions.push_back({"Progressing", true, reason, message});
}

std::string KindOf(const Work& work) {
  switch (work.need) {
    case Need::kReplace:
      return "Rollout";
    case Need::kRestart:
      return "Restart";
    case Need::kSettings:
      return "Settings";
  }
  return "";
}

Reason ReasonOf(const std::string& kind) {
  if (kind == "Rollout") return Reason::kRollout;
  return kind == "Restart" ? Reason::kRestart : Reason::kPendingRestart;
}

std::string WhyOf(const Work& work, const Request& request) {
  switch (work.need) {
    case Need::kReplace:
      return "their StatefulSets have another template than their pods were made from";
    case Need::kRestart:
      return "annotation restart=" + request.restart + " asks for it";
    case Need::kSettings:
      return "settings take effect only when PostgreSQL starts";
  }
  return "";
}

// The first word of an operation: who will start anew, and why.
void Begin(const Input& in, const Request& request, const std::vector<Work>& work, Plan& plan) {
  std::string names;
  std::vector<std::uint64_t> causes{in.view.subject->seq.value()};
  for (const Work& item : work) {
    names += (names.empty() ? "" : ", ") + item.instance->name;
    const bool replace = item.need == Need::kReplace;
    const auto* cause = replace ? item.instance->stateful_set : item.instance->pod->subject;
    causes.push_back(cause->seq.value());
  }
  Operation op;
  op.kind = KindOf(work.front());
  op.ask = request.refusal.empty() ? request.restart : "";
  auto p = Say(in, ReasonOf(op.kind),
               Instances(static_cast<std::int64_t>(work.size())) +
                   " to start anew, one at a time: " + names + ": " + WhyOf(work.front(), request),
               "begin/" + std::to_string(in.view.subject->seq.value()) + "/" +
                   std::to_string(in.now.wall_us));
  std::ranges::sort(causes);
  causes.erase(std::ranges::unique(causes).begin(), causes.end());
  p.causes = causes;
  p.disrupts = true;
  p.facts["rollout"] = ToJson(op);
  Put(p.facts, {"operation", "kind"}, op.kind);
  plan.Do(std::move(p));
}

// Takes an instance: the step's action carries the operation's new place. What was asked for since
// it began is served along with it.
Operation Taking(const Input& in, const Request& request, const InstanceView& instance,
                 bool in_place) {
  Operation op = in.memory.operation;
  if (!request.restart.empty() && request.refusal.empty() && op.ask != request.restart) {
    op.ask = request.restart;
    op.done.clear();
    // An operation of its own from here on: what was asked of an instance before is asked again.
    op.seq = in.view.subject->seq.value();
  }
  op.current = instance.name;
  op.current_uid = instance.pod->uid;
  op.in_place = in_place;
  op.started.clear();
  op.asked_us = 0;
  op.config = ConfigDigest(in.view);
  ++op.steps;
  return op;
}

// The synchronous standby that is about to stop asks its primary to choose another.
void Relieve(const Input& in, const InstanceView& leaving, Plan& plan) {
  const Operation& op = in.memory.operation;
  const InstanceView* primary = in.view.Primary();
  const auto& published = in.view.sync.standbys;
  if (primary == nullptr || primary == &leaving || !leaving.pod) return;
  if (std::ranges::find(published, leaving.pod->name) == published.end()) return;
  const std::int64_t look = (in.now.elapsed_us - op.step_us) / kSecond;
  if (look >= kWakes) return;
  if (look > 0) plan.Do(Wake(in, *primary, op, look));
  plan.WakeAt(op.step_us + (look + 1) * kSecond);
}

// What is under way with the instance that was taken. True while it is not finished.
bool Continue(const Input& in, const std::vector<Work>& work, Plan& plan) {
  const Operation& op = in.memory.operation;
  const auto found = in.view.instances.find(op.current);
  if (op.current.empty() || found == in.view.instances.end()) return false;
  const InstanceView& instance = found->second;
  if (!instance.pod || instance.pod->uid != op.current_uid) return false;  // it is another pod now
  Relieve(in, instance, plan);
  if (op.in_place) {
    const auto item = std::ranges::find(work, &instance, &Work::instance);
    RestartStep(in, instance, item != work.end() && item->need == Need::kSettings, plan);
    return true;
  }
  if (instance.pod->deleting) return false;  // waits with the rest
  auto p = Replace(in, instance, op);
  p.sentence = "delete pod " + instance.pod->name + " again: it is still there";
  plan.Do(std::move(p));
  return true;
}

void TakeForReplacement(const Input& in, const Request& request, const Work& item, Plan& plan) {
  const InstanceView& instance = *item.instance;
  Operation op = Taking(in, request, instance, false);
  op.done.push_back(instance.name);
  auto p = Replace(in, instance, op);
  p.sentence = "delete pod " + instance.pod->name + (item.primary ? " (the only instance)" : "") +
               (item.synchronous ? " (a synchronous standby)" : "") +
               ": it was made from another template; its StatefulSet makes it anew";
  p.facts["rollout"] = ToJson(op);
  plan.Do(std::move(p));
}

void TakeForRestart(const Input& in, const Request& request, const Work& item, Plan& plan) {
  const Operation op = Taking(in, request, *item.instance, true);
  auto p = LookAt(in, *item.instance, op, "0");
  p.reason = item.need == Need::kSettings ? Reason::kPendingRestart : Reason::kRestart;
  p.sentence = "next is " + item.instance->pod->name + (item.primary ? ", the primary" : "") +
               ": ask since when it runs";
  p.disrupts = true;
  p.facts["rollout"] = ToJson(op);
  plan.Do(std::move(p));
}

// The primary's turn: by switchover where there is somebody to switch to and a reason to.
void TakePrimary(const Input& in, const Request& request, const Work& item, Plan& plan) {
  const bool replace = item.need == Need::kReplace;
  const bool alone = cluster::Roster(in.view).size() < 2;
  const InstanceView& primary = *item.instance;
  if (!alone && (replace || (item.need == Need::kRestart && request.rolling))) {
    plan.switchover = SwitchoverRequest{
        "rollout/" + primary.pod->uid + "/" + std::to_string(primary.pod->member->timeline.value()),
        std::string(kRoom),
        primary.pod->name,
        "so that it can start anew as a replica",
        {in.memory.operation.seq}};
    // Room failover's turn: it holds the cluster until the change of primary is complete.
    plan.holds_cluster = false;
    return;
  }
  if (!replace) return TakeForRestart(in, request, item, plan);
  const auto* checkpoint = arbiter::Look(
      in.ledger, kRoom,
      "checkpoint/" + std::to_string(in.memory.operation.seq) + "/" + primary.pod->uid);
  if (checkpoint == nullptr || checkpoint->in_flight) {
    return plan.Do(Checkpoint(in, primary, in.memory.operation));
  }
  TakeForReplacement(in, request, item, plan);
}

// Making it anew can only help, unless room failover may need it.
bool IsDown(const Input& in, const Work& item) {
  return item.need == Need::kReplace && !Serves(in.view, item.instance) &&
         (!item.primary || cluster::Roster(in.view).size() < 2);
}

// It is made anew whatever the rest does: at once if it does not even run, else when it has had its
// time (after a switchover, for example).
bool MendsItself(const Input& in, const Work& item) {
  if (!IsDown(in, item)) return false;
  return !item.instance->pod->database_running ||
         in.now.elapsed_us - in.memory.operation.step_us >= kSettleWait;
}

// Settings: Patroni tells of the primary up to a loop_wait later than of replicas.
bool ToldOfAll(const Input& in, const Work& first, Plan& plan) {
  if (first.need != Need::kSettings || first.primary || in.view.dcs_config == nullptr) return true;
  const std::int64_t due =
      in.view.dcs_config->changed.elapsed_us + (in.view.spec().patroni.sync_period_s + 2) * kSecond;
  if (in.now.elapsed_us >= due) return true;
  plan.WakeAt(due);
  return false;
}

void Next(const Input& in, const Request& request, const std::vector<Work>& work, Plan& plan) {
  const Work& first = work.front();
  if (MendsItself(in, first)) return TakeForReplacement(in, request, first, plan);
  const std::string wait = WhyNotNow(in.view);
  if (!wait.empty()) {
    const std::int64_t due = in.memory.operation.step_us + kReturnWait;
    if (in.now.elapsed_us >= due) return GiveUp(in, plan, wait);
    plan.WakeAt(due);
    if (IsDown(in, first)) plan.WakeAt(in.memory.operation.step_us + kSettleWait);
    return Show(plan, "Waiting", "next is " + first.instance->name + ", but " + wait);
  }
  Show(plan, in.memory.operation.kind, "next is " + first.instance->name);
  if (first.primary) return TakePrimary(in, request, first, plan);
  first.need == Need::kReplace ? TakeForReplacement(in, request, first, plan)
                               : TakeForRestart(in, request, first, plan);
}

void Progress(const Input& in, const Request& request, const std::vector<Work>& work, Plan& plan) {
  const Operation& op = in.memory.operation;
  plan.holds_cluster = true;
  if (Continue(in, work, plan)) return Show(plan, op.kind, op.current + " starts anew");
  if (!work.empty()) return Next(in, request, work, plan);
  const std::string wait = WhyNotNow(in.view);
  if (wait.empty()) {
    return End(in, plan, Reason::kOperationComplete,
               Instances(op.steps) + " started anew in " +
                   Seconds(in.now.wall_us - op.began_wall_us) + "; all serve again");
  }
  const std::int64_t due = op.step_us + kReturnWait;
  if (in.now.elapsed_us >= due) return GiveUp(in, plan, wait);
  plan.WakeAt(due);
  Show(plan, "Waiting", wait);
}

void Start(const Input& in, const Request& request, const std::vector<Work>& work, Plan& plan) {
  if (work.empty()) return;
  const std::string wait = IsDown(in, work.front()) ? "" : WhyNotNow(in.view);
  if (!wait.empty()) {
    return Show(plan, "Waiting",
                Instances(static_cast<std::int64_t>(work.size())) + " to start anew, but " + wait);
  }
  if (ToldOfAll(in, work.front(), plan)) Begin(in, request, work, plan);
}

// Pods that an upgrade of the operator would have restarted.
void ShowWaiting(const Input& in, Plan& plan) {
  std::int64_t count = 0;
  std::string names;
  for (const auto& [name, instance] : in.view.instances) {
    if (!WaitsToBeAsked(instance)) continue;
    ++count;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (count == 0) return;
  plan.conditions.push_back(
      {"PodsCurrent", false, "OperatorChanged",
       Instances(count) + " would be made otherwise by this version of the operator: " + names +
           "; a restart applies that (pgo restart " + in.view.key.name + ")"});
}

}  // namespace

std::string Seconds(std::int64_t us) {
  const std::int64_t tenths = std::max<std::int64_t>(us, 0) / 100'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

std::string Instances(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " instance" : " instances");
}

void End(const Input& in, Plan& plan, Reason reason, const std::string& sentence) {
  const Operation& op = in.memory.operation;
  auto p = Say(in, reason, sentence, "end/" + std::to_string(op.seq));
  p.causes = {op.seq};
  p.facts["finished"] = true;
  p.facts["config"] = ConfigDigest(in.view);
  p.facts["ended"] = true;
  Put(p.facts, {"operation", "kind"}, op.kind);
  plan.Do(std::move(p));
}

void GiveUp(const Input& in, Plan& plan, const std::string& why) {
  End(in, plan, Reason::kOperationRefused,
      "given up after " + Instances(in.memory.operation.steps) + ": " + why);
}

Plan PlanRollout(const Input& in) {
  Plan plan;
  if (in.view.deleting) return plan;
  const Request request = ReadRequest(in.view, in.memory);
  const auto work = CollectWork(in, request);
  ShowWaiting(in, plan);
  if (in.view.spec().paused || in.view.spec().shutdown) {
    const std::string field = in.view.spec().paused ? "spec.paused" : "spec.shutdown";
    if (UnderWay(in) || !work.empty()) Show(plan, "Paused", "restarts wait: " + field + " is true");
    return plan;
  }
  if (!request.refusal.empty()) {
    plan.conditions.push_back({"Restart", false, "Refused", request.refusal});
  }
  ClearServed(in, plan);
  if (!request.reload.empty()) ReloadAll(in, request.reload, plan);
  UnderWay(in) ? Progress(in, request, work, plan) : Start(in, request, work, plan);
  return plan;
}

}  // namespace pgo::rooms::rollout
