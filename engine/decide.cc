#include "engine/decide.h"

#include <algorithm>

#include "engine/amnesia.h"
#include "engine/arbiter/subset.h"
#include "engine/base/digest.h"
#include "engine/engine.h"
#include "engine/kube/names.h"
#include "engine/rooms/failover/failover.h"
#include "engine/rooms/table.h"

namespace pgo {
namespace {

// Rooms name what they rest on as they go: in the record each is named once, oldest first.
std::vector<std::uint64_t> Ordered(std::vector<std::uint64_t> causes) {
  std::erase(causes, std::uint64_t{0});
  std::ranges::sort(causes);
  causes.erase(std::ranges::unique(causes).begin(), causes.end());
  return causes;
}

using cluster::ClusterView;
using cluster::Subject;
using rooms::Desired;
using rooms::Plan;
using rooms::Proposal;

constexpr std::int64_t kRetryApply = 2 * kSecond;
// A leaf certificate lives a year and is renewed below a third of that.
constexpr std::int64_t kRenewBefore = 122LL * 86400 * kSecond;

struct Input {
  const ClusterView& view;
  const ClusterMemory& memory;
  const rooms::Context& context;
  Now now;
  Shortcuts& shortcuts;
};

// Collects the actions of one decision.
class Arbiter {
 public:
  explicit Arbiter(const Input& in) : in_(in), stale_(Stale(in.context, in.view, in.now)) {}

  void Take(std::string_view room, const Plan& plan) {
    for (const Desired& desired : plan.objects) {
      desired.parts.empty() ? TakeApply(room, desired) : TakeProvision(room, desired);
    }
    for (const Proposal& proposal : plan.proposals) TakeProposal(room, proposal);
    if (plan.wake_at_us) WakeAt(*plan.wake_at_us);
  }
  void SetHolder(std::string_view room) { holder_ = room; }
  ClusterDecision Result() && { return std::move(result_); }

 private:
  void WakeAt(std::int64_t at) {
    if (!result_.wake_at_us || at < *result_.wake_at_us) result_.wake_at_us = at;
  }
  const Subject* Live(const kube::ObjectRef& ref) const {
    const auto it = in_.view.objects.find(ref);
    return it == in_.view.objects.end() ? nullptr : it->second;
  }
  std::vector<std::uint64_t> CausesOf(const Subject* live) const {
    std::vector<std::uint64_t> causes{in_.view.subject->seq.value()};
    if (live != nullptr && live->seq != in_.view.subject->seq) causes.push_back(live->seq.value());
    return causes;
  }

  const std::string& ResidueOf(const Desired& desired, const std::string& digest,
                               const Subject& live) {
    Compared& last = in_.shortcuts.compared[desired.ref.Text()];
    if (last.digest != digest || last.live != live.seq.value()) {
      last = {digest, live.seq.value(), ResidueDigest(desired.object, live.object)};
    }
    return last.residue;
  }

  void TakeApply(std::string_view room, const Desired& desired) {
    const Subject* live = Live(desired.ref);
    const std::string digest = desired.digest.empty() ? rooms::DigestOf(desired) : desired.digest;
    const auto applied = in_.memory.applied.find(desired.ref.Text());
    const bool known = applied != in_.memory.applied.end();
    Reason reason = Reason::kNone;
    if (live == nullptr) {
      reason = Reason::kCreating;
    } else if (known && applied->second.digest != digest) {
      reason = Reason::kChanged;
    } else if (ResidueOf(desired, digest, *live) != (known ? applied->second.residue : "")) {
      reason = known ? Reason::kDrifted : Reason::kChanged;
    }
    if (reason == Reason::kNone) return;
    Proposal proposal;
    proposal.reason = reason;
    proposal.sentence = Sentence(reason, desired);
    proposal.causes = CausesOf(live);
    proposal.goal = "apply/" + desired.ref.Text();
    proposal.command = Apply{desired.ref, desired.object};
    proposal.retry_after_us = kRetryApply;
    Issue(room, proposal, reason == Reason::kChanged);
  }

  static std::string Sentence(Reason reason, const Desired& desired) {
    const std::string what = desired.ref.Text() + " (" + desired.sentence + ")";
    if (reason == Reason::kCreating) return what + " is missing: create it";
    if (reason == Reason::kDrifted) return what + " was changed by somebody else: set it back";
    return what + " is to be different: apply the change";
  }

  void TakeProvision(std::string_view room, const Desired& desired) {
    const Subject* live = Live(desired.ref);
    const std::string recipe = desired.digest.empty() ? rooms::DigestOf(desired) : desired.digest;
    const auto reason = WhyProvision(desired, live, recipe);
    if (reason == Reason::kNone) return;
    Proposal proposal;
    proposal.reason = reason;
    proposal.sentence = reason == Reason::kCertificateEnds
                            ? desired.ref.Text() + ": its certificate ends soon: renew it"
                            : Sentence(reason, desired);
    proposal.causes = CausesOf(live);
    proposal.goal = "provision/" + desired.ref.Text() + "/" + recipe.substr(0, 12);
    proposal.command = Provision{desired.ref, desired.object, desired.parts, recipe};
    proposal.retry_after_us = kRetryApply;
    Issue(room, proposal, false);
  }

  Reason WhyProvision(const Desired& desired, const Subject* live, const std::string& recipe) {
    if (live == nullptr) return Reason::kCreating;
    const Json& object = live->object;
    if (GetString(object, {"metadata", "annotations", kube::kRecipeAnnotation}) != recipe) {
      return Reason::kChanged;
    }
    for (const Part& part : desired.parts) {
      if (Find(object, {"redacted", part.key}) == nullptr) return Reason::kDrifted;
    }
    const auto end =
        ParseWall(GetString(object, {"metadata", "annotations", kube::kNotAfterAnnotation}));
    const bool ends = end && in_.now.wall_us > *end - kRenewBefore;
    return ends ? Reason::kCertificateEnds : Reason::kNone;
  }

  void TakeProposal(std::string_view room, const Proposal& proposal) {
    if (proposal.disrupts && !holder_.empty() && holder_ != room) return;
    Issue(room, proposal, false);
  }

  // Lists that are still awaited decide anew by themselves.
  void AwaitFresh() {
    const std::int64_t at = FreshAtUs(in_.context, in_.view);
    if (in_.now.elapsed_us < at) WakeAt(at);
  }

  // `afresh`: what is wanted has changed, so an earlier success does not delay it.
  void Issue(std::string_view room, const Proposal& p, bool afresh) {
    if (stale_ && Disruptive(p.command, p.disrupts)) return AwaitFresh();
    const std::string key = arbiter::GoalKey(room, p.goal);
    auto ruling = arbiter::Rule(in_.memory.ledger, key, in_.now);
    const auto entry = in_.memory.ledger.entries.find(key);
    if (afresh && ruling.verdict == arbiter::Verdict::kNotYet &&
        entry->second.outcome == Outcome::kOk) {
      ruling = {arbiter::Verdict::kGo, entry->second.attempt + 1, 0};
    }
    if (ruling.verdict == arbiter::Verdict::kNotYet) WakeAt(ruling.not_before_us);
    if (ruling.verdict != arbiter::Verdict::kGo) return;
    Action action;
    action.ns = in_.view.key.ns;
    action.cluster = in_.view.key.name;
    action.room = room;
    action.reason = p.reason;
    action.sentence = p.sentence;
    action.causes = Ordered(p.causes);
    action.goal = p.goal;
    action.attempt = ruling.attempt;
    action.once = p.once;
    action.retry_after_us = p.retry_after_us;
    action.timeout_ms = p.timeout_ms;
    action.facts = p.facts;
    action.command = p.command;
    action.id = ActionId(
        Sha256Hex(in_.view.uid + "|" + key + "|" + std::string(CommandName(p.command)) + "|" +
                  std::to_string(ruling.attempt) + "|" + std::to_string(in_.now.wall_us))
            .substr(0, 20));
    result_.actions.push_back(std::move(action));
  }

  const Input& in_;
  const bool stale_;  // not yet observed afresh
  std::string holder_;
  ClusterDecision result_;
};

}  // namespace

std::string ResidueDigest(const Json& desired, const Json& live) {
  const auto residue = arbiter::Residue(desired, live);
  if (residue.empty()) return "";
  std::string all;
  for (const auto& line : residue) all += line + "\n";
  return Sha256Hex(all).substr(0, 32);
}

ClusterDecision DecideCluster(const ClusterView& view, const ClusterMemory& memory,
                              const rooms::Context& context, Now now, Shortcuts& shortcuts) {
  const Input in{view, memory, context, now, shortcuts};
  Arbiter arbiter(in);
  const auto plans = rooms::PlanAll({view, memory, context, now, shortcuts.renderings});
  for (const auto& [room, plan] : plans) {
    if (plan->holds_cluster) {
      arbiter.SetHolder(room);
      break;
    }
  }
  for (const auto& [room, plan] : plans) arbiter.Take(room, *plan);
  return std::move(arbiter).Result();
}

}  // namespace pgo
