// What became of what was decided: one entry a goal, per cluster. It keeps the same goal from being
// pursued twice at once, spaces retries, and remembers what was reached for good. Changed only by
// the folds below, so that a rebuild from the journal gives the same ledger.
#pragma once

#include <map>
#include <string>

#include "engine/action/action.h"
#include "engine/event/event.h"

namespace pgo::arbiter {

// One goal's newest attempt.
struct Entry {
  ActionId action;
  std::string room;
  std::uint64_t seq = 0;  // of the action
  std::int64_t attempt = 0;
  bool in_flight = false;
  bool once = false;
  Outcome outcome = Outcome::kOk;  // of the attempt, once it is not in flight
  std::string message;
  std::int64_t settled_us = 0;  // elapsed time of the outcome
  std::int64_t retry_after_us = 0;
  std::string target;  // ObjectRef::Text of what it acts on
  PGO_FIELDS(Entry, action, room, seq, attempt, in_flight, once, outcome, message, settled_us,
             retry_after_us, target)
};

struct Ledger {
  std::map<std::string, Entry> entries;  // by room + "/" + goal
  PGO_FIELDS(Ledger, entries)
};

std::string GoalKey(std::string_view room, std::string_view goal);

// An action was journaled (and will be sent).
void FoldAction(Ledger& ledger, const Action& action, Seq seq);
// Its outcome arrived. Returns the goal key it belonged to, or "" if no entry waits for it.
std::string FoldDone(Ledger& ledger, const Done& done, Now at);
// The process started anew: what was in flight may or may not have been done.
void FoldStarted(Ledger& ledger, Now at);

enum class Verdict : std::uint8_t { kGo, kInFlight, kReached, kNotYet };
struct Ruling {
  Verdict verdict = Verdict::kGo;
  std::int64_t attempt = 1;        // of the next action, for kGo
  std::int64_t not_before_us = 0;  // for kNotYet
};
// May this goal be pursued now?
Ruling Rule(const Ledger& ledger, const std::string& goal_key, Now now);
const Entry* Look(const Ledger& ledger, std::string_view room, std::string_view goal);

// Drops settled entries older than an hour, and the oldest reached goals beyond 256.
void Prune(Ledger& ledger, Now now);

}  // namespace pgo::arbiter
