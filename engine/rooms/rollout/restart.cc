// A restart in place: ask since when PostgreSQL runs, ask Patroni, and watch until it runs anew.
#include "engine/rooms/rollout/commands.h"
#include "engine/rooms/rollout/steps.h"

namespace pgo::rooms::rollout {
namespace {

using cluster::InstanceView;

constexpr std::int64_t kRestartWait = 120 * kSecond;
constexpr std::int64_t kUnknownWait = 30 * kSecond;

// Looks come each second at first, then each third; `since` tells those before a restart of the
// operator from those after it.
std::string LookName(std::int64_t since_us, Now now) {
  const std::int64_t age = now.elapsed_us - since_us;
  const std::int64_t number =
      age < 10 * kSecond ? age / kSecond : 10 + (age - 10 * kSecond) / (3 * kSecond);
  return std::to_string(since_us) + "-" + std::to_string(number);
}

// Patroni said no, or was not reached. What is unknown is given time to show.
bool MustAskAgain(const Input& in, const arbiter::Entry* asked) {
  if (asked == nullptr || asked->in_flight || asked->outcome == Outcome::kOk) return false;
  return asked->outcome != Outcome::kUnknown ||
         in.now.elapsed_us - in.memory.operation.asked_us > kUnknownWait;
}

// Patroni was asked; what PostgreSQL says decides when it is done.
void Watch(const Input& in, const InstanceView& instance, Plan& plan) {
  const Operation& op = in.memory.operation;
  const auto* asked =
      arbiter::Look(in.ledger, kRoom, "restart/" + std::to_string(op.seq) + "/" + op.current_uid);
  const std::int64_t age = in.now.elapsed_us - op.asked_us;
  if (MustAskAgain(in, asked) && asked->attempt >= kAttemptsMax) {
    return GiveUp(in, plan, "Patroni in " + instance.pod->name + " refused: " + asked->message);
  }
  if (age > kRestartWait) {
    return GiveUp(in, plan, instance.pod->name + " did not start anew within " + Seconds(age));
  }
  auto look = LookAt(in, instance, op, LookName(op.asked_us, in.now));
  look.sentence = "ask " + instance.pod->name + " whether it runs anew and serves";
  plan.Do(std::move(look));
  plan.WakeAt(in.now.elapsed_us + kSecond);
}

}  // namespace

// The instance is being restarted in place: ask since when it runs, ask Patroni, watch.
void RestartStep(const Input& in, const InstanceView& instance, bool only_pending, Plan& plan) {
  const Operation& op = in.memory.operation;
  if (op.started.empty()) {
    if (in.now.elapsed_us - op.step_us > kRestartWait) {
      return GiveUp(in, plan, instance.pod->name + " does not say since when it runs");
    }
    auto p = LookAt(in, instance, op, LookName(op.step_us, in.now));
    p.sentence = "ask " + instance.pod->name + " since when it runs, to know it from the restarted";
    plan.Do(std::move(p));
    return plan.WakeAt(in.now.elapsed_us + kSecond);
  }
  const auto* asked =
      arbiter::Look(in.ledger, kRoom, "restart/" + std::to_string(op.seq) + "/" + op.current_uid);
  const bool again = MustAskAgain(in, asked) && asked->attempt < kAttemptsMax;
  if (op.asked_us == 0 || again) {
    auto p = Restart(in, instance, op, only_pending);
    p.sentence = "restart PostgreSQL in " + instance.pod->name +
                 (only_pending ? " for settings that wait for it" : "") + ", running since " +
                 op.started;
    p.facts["asks"] = true;
    plan.Do(std::move(p));
  }
  if (op.asked_us != 0) Watch(in, instance, plan);
}

}  // namespace pgo::rooms::rollout
