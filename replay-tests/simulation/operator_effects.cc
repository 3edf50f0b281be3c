// How requests fare: a while on the way, perhaps refused, perhaps done without an answer, perhaps
// done long after the operator stopped waiting. Answers come back by the same gate as watches.
#include "engine/base/overloaded.h"
#include "replay-tests/simulation/dcs.h"
#include "replay-tests/simulation/operator.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {
namespace {

bool Has(const Exec& exec, std::string_view word) {
  return std::ranges::any_of(exec.argv, [&](const std::string& argument) {
    return argument.find(word) != std::string::npos;
  });
}

}  // namespace

void Operator::Submit(Action action) {
  ++actions;
  last_action_at = sim_.now();
  sim_.last_sentence = action.sentence;
  sim_.Trace("action " + std::to_string(actions) + " [" + action.room + "] " + action.sentence);
  const bool meant = armed_ != Cut::kNone && struck_.empty() && actions >= armed_action_;
  if (meant) struck_ = action.id.value();
  if (struck_ == action.id.value()) {
    if (armed_ == Cut::kAfterAppend) {
      sim_.oracles->Reached("operator: killed after an action was journaled");
      armed_ = Cut::kNone;
      dead_ = true;
    } else if (armed_ == Cut::kAfterSend) {
      sim_.oracles->Reached("operator: killed after an action was sent");
    }
  }
  if (dead_ && armed_ != Cut::kAfterSend) return;  // never sent
  Micros& free_at = lanes_[TargetOf(action.command).Text()];
  free_at = std::max(free_at, sim_.now()) + sim_.Delay(1, 12);
  const std::uint64_t generation = generation_;
  sim_.schedule.At(free_at, [this, action, generation] { Send(action, generation); });
  if (armed_ == Cut::kAfterSend && struck_ == action.id.value()) {
    armed_ = Cut::kNone;
    dead_ = true;
  }
}

// The request arrives.
void Operator::Send(const Action& action, std::uint64_t generation) {
  const Micros timeout = action.timeout_ms * kMs;
  const auto answer = [&](Micros delay, Reply reply, Json result) {
    sim_.schedule.After(delay, [this, action, generation, reply = std::move(reply),
                                result = std::move(result)]() mutable {
      Answer(action, generation, std::move(reply), std::move(result));
    });
  };
  if (!sim_.api_up) {
    const bool unsure = sim_.chance.Chance(500);
    const auto outcome = unsure ? Outcome::kUnknown : Outcome::kUnavailable;
    return answer(unsure ? timeout : sim_.Delay(1, 1000), {outcome, "no answer", nullptr}, Json());
  }
  const std::int64_t draw = sim_.healing ? 1000 : sim_.chance.Between(0, 999);
  const Profile& p = sim_.profile;
  if (draw < p.api_busy) {
    return answer(sim_.Delay(1, 20), {Outcome::kUnavailable, "too many requests", nullptr}, Json());
  }
  if (draw < p.api_busy + p.api_late) {
    sim_.oracles->Reached("request: done long after its timeout");
    sim_.schedule.After(timeout + sim_.Delay(100, 15'000), [this, action] {
      Json unseen;
      if (sim_.api_up) Carry(action, unseen);
    });
    return answer(timeout, {Outcome::kUnknown, "no answer within its time", nullptr}, Json());
  }
  Json result;
  Reply reply = Carry(action, result);
  if (draw < p.api_busy + p.api_late + p.api_unsure) {
    sim_.oracles->Reached("request: done, but its answer was lost");
    return answer(timeout, {Outcome::kUnknown, "the connection broke", nullptr}, Json());
  }
  if (reply.outcome == Outcome::kConflict) sim_.oracles->Reached("request: a precondition failed");
  answer(sim_.Delay(1, 12), std::move(reply), std::move(result));
}

void Operator::Answer(const Action& action, std::uint64_t generation, Reply reply, Json result) {
  if (generation != generation_ || !alive()) return;
  if (frozen_until_ > sim_.now()) {
    return Later(frozen_until_ - sim_.now() + kMs,
                 [=, this] { Answer(action, generation, reply, result); });
  }
  if (struck_ == action.id.value() && armed_ == Cut::kAfterOutcome) {
    armed_ = Cut::kNone;
    sim_.oracles->Reached("operator: killed before an outcome was journaled");
    return Kill(false);
  }
  std::vector<Payload> events;
  const kube::ObjectRef& ref = TargetOf(action.command);
  if (reply.object != nullptr && reply.outcome == Outcome::kOk) {
    events.emplace_back(Observed{ref, GetString(*reply.object, {"metadata", "uid"}),
                                 GetString(*reply.object, {"metadata", "resourceVersion"}),
                                 *reply.object});
  }
  events.emplace_back(Done{action.id, reply.outcome, reply.message, std::move(result)});
  Post(std::move(events));
}

Reply Operator::Carry(const Action& action, Json& result) {
  const std::uint64_t before = sim_.api.version();
  sim_.oracles->Arrives(action);
  Reply reply = std::visit(
      Overloaded{[&](const Apply& a) { return sim_.api.Apply(a.ref, a.object); },
                 [&](const Provision& p) { return Fill(p); },
                 [&](const Patch& p) { return sim_.api.Patch(p.ref, {p.uid, p.rv}, p.patch); },
                 [&](const Delete& d) {
                   Reply r = sim_.api.Delete(d.ref, {d.uid, d.rv}, d.grace_s == 0);
                   r.object = nullptr;
                   return r;
                 },
                 [&](const Exec& e) { return Execute(e, result); },
                 [&](const Notice&) { return Reply{}; }},
      action.command);
  if (sim_.api.version() != before) ++writes;
  sim_.oracles->Arrived(action, reply);
  return reply;
}

// A Secret as the redactor shows it: fingerprints in place of values, kept as long as the recipe
// is.
Reply Operator::Fill(const Provision& provision) {
  Json object = provision.object;
  const auto fill = [&](const std::string& key) {
    const Json* live = sim_.api.Find(provision.ref);
    const Json* had = live == nullptr ? nullptr : pgo::Find(*live, {"redacted", key, "hmac"});
    Put(object, {"redacted", key, "hmac"}, had != nullptr ? *had : Json("of-" + key));
  };
  for (const Part& part : provision.parts) {
    fill(part.key);
    if (!part.key_of.empty()) fill(part.key_of);
  }
  Put(object, {"metadata", "annotations", kube::kRecipeAnnotation}, provision.recipe);
  return sim_.api.Apply(provision.ref, object);
}

// What runs in a container: psql and curl as the rooms call them. Anything else succeeds.
Reply Operator::Execute(const Exec& exec, Json& result) {
  const Json* pod = sim_.api.Find(exec.ref);
  if (pod == nullptr) return {Outcome::kNotFound, "no such pod", nullptr};
  if (GetString(*pod, {"metadata", "uid"}) != exec.uid) {
    return {Outcome::kConflict, "another pod by now", nullptr};
  }
  const auto run = sim_.pods.find(exec.uid);
  const bool there = run != sim_.pods.end() && run->second.container_runs &&
                     sim_.Reaches(sim_.nodes[run->second.node]);
  if (!there) return {Outcome::kUnknown, "the kubelet does not answer", nullptr};
  Member* member = run->second.member.get();
  if (member == nullptr) return {};
  const auto refused = [](std::string why) {
    return Reply{Outcome::kFailed, "exit status 22: " + std::move(why), nullptr};
  };
  const bool psql = !exec.argv.empty() && exec.argv.front() == "psql";
  if (psql && !member->Running()) return refused("the server does not run");
  if (Has(exec, "pg_last_wal_receive_lsn")) {
    result["lsn"] = LsnText(Lsn(member->disk().lsn));
    result["timeline"] = member->disk().timeline;
    result["in_recovery"] = !member->primary();
  } else if (Has(exec, "pg_postmaster_start_time")) {
    result["started"] = WallText(member->started());
    result["serving"] = member->primary() || member->Streams();
  } else if (Has(exec, "/switchover")) {
    const auto body = ParseJson(exec.argv[exec.argv.size() - 2]);
    std::string why;
    if (!body ||
        !member->Switchover(GetString(*body, {"leader"}), GetString(*body, {"candidate"}), why)) {
      return refused(why);
    }
  } else if (Has(exec, "/restart")) {
    if (!member->Restart(Has(exec, "restart_pending"))) return refused("status is busy");
  } else if (Has(exec, "/config")) {
    for (Member* other : sim_.Members()) {
      if (other->primary()) other->Wake(sim_.Delay(5, 50));
    }
  }
  return {};
}

}  // namespace pgo::simulation
