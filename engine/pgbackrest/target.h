// What a restore is to reach, read from options of `pgbackrest restore`.
// https://pgbackrest.org/command.html#command-restore (checked against 2.54)
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/ids.h"
#include "engine/base/result.h"

namespace pgo::pgbackrest {

struct Target {
  std::string type = "default";  // default, immediate, time, lsn, xid, name
  std::string text;              // --target as written
  std::int64_t time_us = 0;      // wall time, of type time
  Lsn lsn;                       // of type lsn
  std::string set;               // --set: a backup's label; "" leaves the choice to pgBackRest
  bool delta = true;             // --no-delta: everything is copied anew
};

// Words as SplitOptions gives them. kInvalid: `--target: "…": what must hold; what to do`. A time
// must be one that pgBackRest chooses the backup by, and name its zone.
Result<Target> ReadTarget(const std::vector<std::string>& words);

// "the end of the archive", "the moment 2026-11-21 22:36:36+00", …
std::string TargetText(const Target& target);

}  // namespace pgo::pgbackrest
