#include "engine/kube/names.h"
#include "engine/rooms/failover/commands.h"

namespace pgo::rooms::failover {
namespace {

using cluster::InstanceView;

// The client certificate with which Patroni's REST API accepts changes, as the instance pod has it.
constexpr std::string_view kClientCertificate = "/etc/patroni/~postgres-operator/patroni.crt+key";

// The instance that was asked for, by instance or pod name; else the furthest replica.
const InstanceView* Target(const Input& in, const std::string& wanted, std::string& why) {
  if (wanted.empty()) {
    Operation op;
    op.synchronous = SynchronousMode(in.view);
    const Choice choice = Choose(in, op);
    why = choice.sentence;
    return choice.chosen ? choice.chosen->instance : nullptr;
  }
  for (const InstanceView* instance : Eligible(in)) {
    if (instance->name == wanted || instance->pod->name == wanted) return instance;
  }
  why = "spec.patroni.switchover.targetInstance: " + wanted +
        ": is no running replica of this cluster; name one that `pgo failover --query` lists";
  return nullptr;
}

Proposal AskPatroni(const Input& in, const InstanceView& primary, const InstanceView& target,
                    const std::string& id) {
  Json body = Json::object();
  body["leader"] = primary.pod->name;
  body["candidate"] = target.pod->name;
  Exec exec;
  exec.ref = {"Pod", in.view.key.ns, primary.pod->name};
  exec.uid = primary.pod->uid;
  exec.container = kube::kDatabaseContainer;
  exec.argv = {"curl",
               "-sSk",
               "--fail-with-body",
               "--max-time",
               "50",
               "--cert",
               std::string(kClientCertificate),
               "-H",
               "Content-Type: application/json",
               "-d",
               DumpJson(body),
               "https://127.0.0.1:" + std::to_string(in.view.spec().patroni.port) + "/switchover"};
  Proposal p;
  p.reason = Reason::kPlanned;
  p.goal = "switchover/" + id;
  p.command = std::move(exec);
  p.once = true;
  p.disrupts = true;
  p.timeout_ms = 60'000;
  p.facts = Json::object();
  return p;
}

// Begins a switchover; `how` says who wants it.
void Start(const Input& in, Plan& plan, const InstanceView& primary, const InstanceView& target,
           Operation op, const std::string& how) {
  op.evidence = Class::kPlanned;
  op.phase = Phase::kPromoting;
  op.from = primary.pod->name;
  op.from_uid = primary.pod->uid;
  op.from_instance = primary.name;
  op.to = target.pod->name;
  op.to_instance = target.name;
  op.timeline = primary.pod->member->timeline;
  op.lsn = primary.pod->member->lsn;
  op.synchronous = SynchronousMode(in.view);
  auto p = AskPatroni(in, primary, target, op.id);
  p.sentence = "switchover (class A) from " + op.from + " to " + op.to + ", " + how;
  p.causes = op.causes;
  p.facts["operation"] = ToJson(op);
  plan.Do(std::move(p));
}

// Another room asks. Without a candidate nothing is done: it looks again when something changes.
void StartRequested(const Input& in, Plan& plan) {
  const InstanceView* primary = in.view.Primary();
  if (primary == nullptr || primary->pod->name != in.requested->from || in.view.deleting) return;
  std::string why;
  const InstanceView* target = Target(in, "", why);
  if (target == nullptr) {
    plan.conditions.push_back({"FailoverBlocked", true, "NoCandidate", why});
    return;
  }
  Operation op;
  op.id = in.requested->id;
  op.asked_by = in.requested->room;
  op.causes = in.requested->causes;
  Start(in, plan, *primary, *target, std::move(op),
        "asked for by room " + in.requested->room + " " + in.requested->reason + "; " + why);
}

// What was asked for while nothing may be done is not forgotten.
void Wait(const Input& in, Plan& plan, const std::string& id) {
  const std::string field = in.view.spec().paused ? "spec.paused" : "spec.shutdown";
  plan.conditions.push_back(
      {"FailoverBlocked", true, "Paused", "switchover " + id + " waits: " + field + " is true"});
}

}  // namespace

void PlanSwitchover(const Input& in, Plan& plan) {
  const std::string id =
      GetString(in.view.subject->object, {"metadata", "annotations", kube::kTriggerSwitchover});
  if (id.empty() || id == in.memory.switchover_done) {
    if (in.requested != nullptr) StartRequested(in, plan);
    return;
  }
  if (in.view.spec().paused || in.view.spec().shutdown) return Wait(in, plan, id);
  const auto& wanted = in.view.spec().patroni.switchover;
  const InstanceView* primary = in.view.Primary();
  if (!wanted.enabled || primary == nullptr || in.view.deleting) return;
  if (wanted.target_instance == primary->name || wanted.target_instance == primary->pod->name) {
    auto p = Say(in, Reason::kFailoverAbandoned,
                 "nothing to do: " + wanted.target_instance + " is the primary already",
                 "switchover/" + id);
    p.causes = {in.view.subject->seq.value()};
    p.facts["ended"] = true;
    p.facts["switchover"] = id;
    return plan.Do(std::move(p));
  }
  std::string why;
  const InstanceView* target = Target(in, wanted.target_instance, why);
  if (target == nullptr) {
    auto p =
        Say(in, Reason::kNoCandidate, "switchover " + id + " refused: " + why, "switchover/" + id);
    p.causes = {in.view.subject->seq.value()};
    p.facts["ended"] = true;
    p.facts["switchover"] = id;
    return plan.Do(std::move(p));
  }
  Operation op;
  op.id = id;
  op.causes = {in.view.subject->seq.value()};
  Start(in, plan, *primary, *target, std::move(op),
        "asked for by annotation trigger-switchover=" + id);
}

}  // namespace pgo::rooms::failover
