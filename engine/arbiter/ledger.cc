#include "engine/arbiter/ledger.h"

#include <algorithm>
#include <vector>

namespace pgo::arbiter {
namespace {

constexpr std::int64_t kKeepSettled = 3600 * kSecond;
constexpr std::size_t kReachedMax = 256;
// An Ok whose effect is not observed yet is said again only after this long.
constexpr std::int64_t kSayAgain = 15 * kSecond;

std::int64_t Wait(const Entry& entry) {
  if (entry.outcome == Outcome::kOk) return std::max(entry.retry_after_us, kSayAgain);
  const auto doublings = std::min<std::int64_t>(std::max<std::int64_t>(entry.attempt - 1, 0), 5);
  return std::min(entry.retry_after_us << doublings, 60 * kSecond);
}

}  // namespace

std::string GoalKey(std::string_view room, std::string_view goal) {
  return std::string(room) + "/" + std::string(goal);
}

void FoldAction(Ledger& ledger, const Action& action, Seq seq) {
  Entry& entry = ledger.entries[GoalKey(action.room, action.goal)];
  entry = Entry{action.id,
                action.room,
                seq.value(),
                action.attempt,
                true,
                action.once,
                Outcome::kOk,
                "",
                0,
                action.retry_after_us,
                TargetOf(action.command).Text()};
}

std::string FoldDone(Ledger& ledger, const Done& done, Now at) {
  for (auto& [key, entry] : ledger.entries) {
    if (entry.action != done.action || !entry.in_flight) continue;
    entry.in_flight = false;
    entry.outcome = done.outcome;
    entry.message = done.message;
    entry.settled_us = at.elapsed_us;
    return key;
  }
  return "";
}

void FoldStarted(Ledger& ledger, Now at) {
  for (auto& [key, entry] : ledger.entries) {
    entry.settled_us = at.elapsed_us;  // the elapsed clock may have started anew
    if (!entry.in_flight) continue;
    entry.in_flight = false;
    entry.outcome = Outcome::kUnknown;
    entry.message = "the operator ended before the outcome was known";
  }
}

Ruling Rule(const Ledger& ledger, const std::string& goal_key, Now now) {
  const auto it = ledger.entries.find(goal_key);
  if (it == ledger.entries.end()) return {};
  const Entry& entry = it->second;
  if (entry.in_flight) return {Verdict::kInFlight, 0, 0};
  if (entry.once && entry.outcome == Outcome::kOk) return {Verdict::kReached, 0, 0};
  const std::int64_t due = entry.settled_us + Wait(entry);
  if (now.elapsed_us < due) return {Verdict::kNotYet, 0, due};
  return {Verdict::kGo, entry.attempt + 1, 0};
}

const Entry* Look(const Ledger& ledger, std::string_view room, std::string_view goal) {
  const auto it = ledger.entries.find(GoalKey(room, goal));
  return it == ledger.entries.end() ? nullptr : &it->second;
}

void Prune(Ledger& ledger, Now now) {
  std::vector<std::pair<std::int64_t, std::string>> reached;
  for (auto it = ledger.entries.begin(); it != ledger.entries.end();) {
    const Entry& entry = it->second;
    const bool kept_for_good = entry.once && entry.outcome == Outcome::kOk;
    const bool old = !entry.in_flight && now.elapsed_us - entry.settled_us > kKeepSettled;
    if (kept_for_good) reached.emplace_back(entry.seq, it->first);
    it = old && !kept_for_good ? ledger.entries.erase(it) : std::next(it);
  }
  if (reached.size() <= kReachedMax) return;
  std::ranges::sort(reached);
  for (std::size_t i = 0; i < reached.size() - kReachedMax; ++i) {
    ledger.entries.erase(reached[i].second);
  }
}

}  // namespace pgo::arbiter
