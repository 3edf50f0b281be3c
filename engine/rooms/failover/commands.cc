#include "engine/rooms/failover/commands.h"

#include "engine/kube/names.h"

namespace pgo::rooms::failover {
namespace {

using cluster::InstanceView;

constexpr std::string_view kProbeSql =
    "select json_build_object('lsn', greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()),"
    " 'timeline', (select timeline_id from pg_control_checkpoint()),"
    " 'in_recovery', pg_is_in_recovery())";

kube::ObjectRef Endpoints(const Input& in, std::string name) {
  return {"Endpoints", in.view.key.ns, std::move(name)};
}

Json DcsLabels(const Input& in) {
  Json labels = Json::object();
  labels[std::string(kube::kLabelCluster)] = in.view.key.name;
  labels[std::string(kube::kLabelPatroni)] = kube::PatroniScope(in.view.key.name);
  return labels;
}

std::string TimelineStep(Timeline from, Timeline to) {
  if (from.value() == 0 || from == to) return "timeline " + std::to_string(to.value());
  return "timeline " + std::to_string(from.value()) + " → " + std::to_string(to.value());
}

// How the change of primary came about, in one clause.
std::string HowItCame(const Memory& memory, const std::string& winner) {
  const Operation& op = memory.operation;
  if (op.evidence == Class::kNone) {
    return memory.released_seq == 0
               ? "Patroni changed the primary by itself"
               : "Patroni released the leader lock itself (class R) and chose the next by itself";
  }
  std::string text = op.evidence == Class::kPlanned ? "as asked for" : "after class ";
  if (!op.asked_by.empty()) text += " by room " + op.asked_by;
  if (op.evidence != Class::kPlanned) text += NameOf(op.evidence);
  if (!op.to.empty() && op.to != winner)
    text += "; " + op.to + " had been named, another member won";
  return text;
}

// After a shutdown whoever led last is primary again: nobody took over from anybody.
bool IsStartedAgain(const Input& in, const InstanceView& primary) {
  return in.memory.operation.evidence == Class::kNone && in.view.startup_instance == primary.name &&
         in.memory.primary == primary.pod->name;
}

std::string CompleteSentence(const Input& in, const InstanceView& primary, const Operation& op) {
  const std::string& winner = primary.pod->name;
  const Timeline timeline = primary.pod->member->timeline;
  if (in.memory.primary.empty()) {
    return winner + " is the first primary, " + TimelineStep(Timeline(), timeline);
  }
  const Timeline before = op.evidence == Class::kNone ? in.memory.primary_timeline : op.timeline;
  if (IsStartedAgain(in, primary)) {
    return winner + " is primary again after the shutdown, " + TimelineStep(before, timeline);
  }
  const std::string from = op.evidence == Class::kNone ? in.memory.primary : op.from;
  std::string text = from + " → " + winner + ", " + TimelineStep(before, timeline) + ", " +
                     HowItCame(in.memory, winner);
  if (op.last_sign_us != 0) {
    text +=
        "; " + Seconds(in.now.wall_us - op.last_sign_us) +
        " from the last renewal seen of the old primary's lock to the new primary's word that it "
        "accepts writes";
  }
  if (op.evidence == Class::kNone && in.memory.released_seq != 0) {
    text += "; " + Seconds(in.now.wall_us - in.memory.released_wall_us) +
            " from the release to the new primary's word that it accepts writes";
  }
  if (op.evidence == Class::kNone || op.evidence == Class::kPlanned) return text;
  return text + (op.synchronous
                     ? "; synchronous: it held every acknowledged write"
                     : "; asynchronous: what was lost is told when the old primary's disk is read");
}

}  // namespace

Proposal Say(const Input& in, Reason reason, std::string sentence, std::string goal) {
  Proposal p;
  p.reason = reason;
  p.sentence = std::move(sentence);
  p.goal = "say/" + std::move(goal);
  p.once = true;
  p.facts = Json::object();
  const bool warning = reason == Reason::kNoCandidate || reason == Reason::kFailoverAbandoned ||
                       reason == Reason::kWalLost;
  p.command = Notice{in.view.subject->ref, in.view.uid, warning};
  return p;
}

Proposal NameIn(const Input& in, const Operation& op) {
  Proposal p;
  const auto ref = Endpoints(in, kube::FailoverName(in.view.key.name));
  Json object = PGO_JSON(R"({"apiVersion":"v1","kind":"Endpoints"})");
  Put(object, {"metadata", "name"}, ref.name);
  Put(object, {"metadata", "namespace"}, ref.ns);
  Put(object, {"metadata", "labels"}, DcsLabels(in));
  Put(object, {"metadata", "annotations", "leader"}, op.from);
  Put(object, {"metadata", "annotations", "member"}, op.to);
  p.command = Apply{ref, std::move(object)};
  p.disrupts = true;
  p.retry_after_us = kSecond / 5;
  p.timeout_ms = 3000;
  p.facts = Json::object();
  return p;
}

bool HasFailoverKey(const Input& in) {
  if (in.view.failover_key == nullptr) return false;
  const Json& object = in.view.failover_key->object;
  return !GetString(object, {"metadata", "annotations", "leader"}).empty() ||
         !GetString(object, {"metadata", "annotations", "member"}).empty();
}

Proposal ClearKey(const Input& in, const std::string& id) {
  Proposal p;
  p.reason = Reason::kFailoverAbandoned;
  p.sentence = "clear the named candidate, so that Patroni's own race decides";
  p.causes = {in.view.failover_key->seq.value()};
  p.goal = "clear/" + id;
  p.command = Patch{in.view.failover_key->ref, in.view.failover_key->uid, in.view.failover_key->rv,
                    "", PGO_JSON(R"({"metadata":{"annotations":{"leader":null,"member":null}}})")};
  return p;
}

Proposal Release(const Input& in, const std::string& id) {
  Proposal p;
  const cluster::Subject& lock = *in.view.lock.subject;
  p.reason = Reason::kReleased;
  p.goal = "release/" + id;
  p.command = Patch{lock.ref, lock.uid, lock.rv, "",
                    PGO_JSON(R"({"metadata":{"annotations":{"leader":null}},"subsets":[]})")};
  p.disrupts = true;
  p.retry_after_us = kSecond / 5;
  p.timeout_ms = 3000;
  p.facts = Json::object();
  return p;
}

Proposal NudgeLock(const Input& in, const std::string& id) {
  Proposal p;
  const cluster::Subject& lock = *in.view.lock.subject;
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kNudge}, id);
  p.goal = "nudge/" + id;
  p.command = Patch{lock.ref, lock.uid, lock.rv, "", std::move(patch)};
  p.retry_after_us = kSecond;
  p.timeout_ms = 3000;
  p.facts = Json::object();
  return p;
}

Proposal ProbeOf(const Input& in, const InstanceView& instance, const std::string& id) {
  Proposal p;
  Exec exec;
  exec.ref = {"Pod", in.view.key.ns, instance.pod->name};
  exec.uid = instance.pod->uid;
  exec.container = kube::kDatabaseContainer;
  exec.argv = {"psql",     "-h",     "/tmp/postgres",       "-U", "postgres", "-d",
               "postgres", "-XAtqc", std::string(kProbeSql)};
  exec.probe = true;
  p.goal = "probe/" + id + "/" + instance.pod->name;
  p.command = std::move(exec);
  p.once = true;
  p.timeout_ms = 1500;
  p.facts = Json::object();
  return p;
}

Proposal Complete(const Input& in, const InstanceView& primary) {
  const Operation& op = in.memory.operation;
  const bool operated = op.evidence != Class::kNone;
  const std::string& winner = primary.pod->name;
  const auto timeline = primary.pod->member->timeline.value();
  Reason reason = operated && (op.to.empty() || op.to == winner) ? Reason::kFailoverComplete
                                                                 : Reason::kCompletedByOther;
  const bool first = in.memory.primary.empty() || IsStartedAgain(in, primary);
  if (first) reason = Reason::kFirstPrimary;
  auto p = Say(in, reason, CompleteSentence(in, primary, op),
               "primary/" + winner + "/" + std::to_string(timeline) + "/" +
                   std::to_string(op.seq == 0 ? in.memory.lock.seq : op.seq));
  p.causes = {op.seq, op.released_seq, in.memory.released_seq, in.memory.lock.seq,
              primary.pod->subject->seq.value()};
  p.facts["ended"] = true;
  p.facts["primary"] = winner;
  p.facts["timeline"] = timeline;
  if (first) return p;
  p.facts["from"] = operated ? op.from : in.memory.primary;
  p.facts["timeline_from"] = operated ? op.timeline.value() : in.memory.primary_timeline.value();
  const bool released = !operated && in.memory.released_seq != 0;
  p.facts["class"] = std::string(NameOf(released ? Class::kReleased : op.evidence));
  if (op.last_sign_us != 0) p.facts["took_ms"] = (in.now.wall_us - op.last_sign_us) / 1000;
  if (op.evidence != Class::kPlanned && !SynchronousMode(in.view)) {
    p.facts["lost_from"] = p.facts["from"];
    p.facts["lost_timeline"] = p.facts["timeline_from"];
  }
  return p;
}

void RelabelDemoted(const Input& in, Plan& plan) {
  const InstanceView* primary = in.view.Primary();
  if (primary == nullptr) return;
  for (const auto& [name, instance] : in.view.instances) {
    if (!instance.pod || instance.pod->role != kube::kRolePrimary || &instance == primary) continue;
    Proposal p;
    Json patch = Json::object();
    Put(patch, {"metadata", "labels", kube::kLabelRole}, nullptr);
    p.reason = Reason::kDemotedLabel;
    p.sentence = instance.pod->name + " no longer holds the lock but is still labelled " +
                 std::string(kube::kRolePrimary) + ": take the label off";
    p.causes = {in.memory.lock.seq, instance.pod->subject->seq.value()};
    p.goal = "relabel/" + instance.pod->uid;
    p.command = Patch{instance.pod->subject->ref, instance.pod->uid, instance.pod->subject->rv, "",
                      std::move(patch)};
    plan.Do(std::move(p));
  }
}

void ReportLost(const Input& in, Plan& plan) {
  if (in.memory.lost_from.empty() || in.view.dcs_config == nullptr) return;
  const InstanceView* old = in.view.ByPod(in.memory.lost_from);
  if (old == nullptr || old->pod->startup_finished_us.value_or(0) < in.memory.failover_wall_us)
    return;
  const auto disk = ParseJson(old->pod->startup_message);
  if (!disk || GetInt(*disk, {"timeline"}) != in.memory.lost_timeline.value()) return;
  const auto end = ParseLsn(GetString(*disk, {"end"}));
  const auto history =
      ParseJson(GetString(in.view.dcs_config->object, {"metadata", "annotations", "history"}));
  if (!end || !history || !history->is_array()) return;
  for (const Json& entry : *history) {
    if (!entry.is_array() || entry.size() < 2) continue;
    if (AsInt(entry[0]) != in.memory.lost_timeline.value()) continue;
    const Lsn fork(static_cast<std::uint64_t>(AsInt(entry[1])));
    const bool lost = *end > fork;
    auto p = Say(in, lost ? Reason::kWalLost : Reason::kFailoverComplete,
                 lost ? "lost: " + old->pod->name + " had written WAL " + LsnText(fork) + " to " +
                            LsnText(*end) + " of timeline " +
                            std::to_string(in.memory.lost_timeline.value()) + " (" +
                            std::to_string(end->value() - fork.value()) +
                            " B) that the new primary never had"
                      : "nothing was lost: the WAL of " + old->pod->name + " ends at " +
                            LsnText(*end) + ", where the new timeline forks",
                 "lost/" + std::to_string(in.memory.failover_seq));
    p.causes = {in.memory.failover_seq, old->pod->subject->seq.value(),
                in.view.dcs_config->seq.value()};
    p.facts["lost_reported"] = true;
    p.facts["lost_to"] = LsnText(*end);
    p.facts["forked_at"] = LsnText(fork);
    return plan.Do(std::move(p));
  }
}

}  // namespace pgo::rooms::failover
