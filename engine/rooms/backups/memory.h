// What the room must remember: which moments of its schedules were dealt with. Everything else
// follows from what is observed (Jobs, the status of the PostgresCluster).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/fields.h"

namespace pgo::rooms::backups {

struct Schedule {
  std::string cron;
  std::int64_t since_us = 0;  // wall time since which it is known: earlier moments do not count
  std::int64_t slot_us = 0;   // newest moment that was dealt with; 0 none yet
  std::string result;         // of that: "Run", "Skipped"
  PGO_FIELDS(Schedule, cron, since_us, slot_us, result)
};

struct Memory {
  std::map<std::string, Schedule> schedules;  // by repository and type: "repo1/full"
  PGO_FIELDS(Memory, schedules)
};

}  // namespace pgo::rooms::backups
