// What the rollout room must remember: the operation under way, and which restarts are done. Both
// come back from the facts of its own actions.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "engine/base/fields.h"

namespace pgo::rooms::rollout {

struct Operation {
  std::string kind;           // "Rollout", "Restart", "Settings": why it began
  std::string ask;            // value of annotation restart, if it serves one
  std::uint64_t seq = 0;      // of the action that began it; 0: nothing is under way
  std::int64_t began_us = 0;  // elapsed
  std::int64_t began_wall_us = 0;
  std::int64_t step_us = 0;       // elapsed, of the newest step
  std::int64_t steps = 0;         // instances that were taken
  std::vector<std::string> done;  // instances that have started anew since it was asked for
  // The instance that is being restarted; "" between two.
  std::string current, current_uid;
  bool in_place = false;      // by Patroni; else its pod is replaced
  std::string started;        // its postmaster's start time before, as PostgreSQL says it
  std::int64_t asked_us = 0;  // elapsed, when Patroni was asked; 0 not yet
  std::string config;         // digest of Patroni's configuration then
  PGO_FIELDS(Operation, kind, ask, seq, began_us, began_wall_us, step_us, steps, done, current,
             current_uid, in_place, started, asked_us, config)
};

// What was already restarted for settings: Patroni's word lags behind.
struct Restarted {
  std::string config;
  std::int64_t count = 0;
  std::int64_t at_us = 0;
  PGO_FIELDS(Restarted, config, count, at_us)
};

struct Memory {
  Operation operation;
  std::string served_restart, served_reload;   // newest values that were dealt with
  std::map<std::string, Restarted> restarted;  // by pod uid
  PGO_FIELDS(Memory, operation, served_restart, served_reload, restarted)
};

}  // namespace pgo::rooms::rollout
