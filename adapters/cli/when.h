// Times as people write them on the command line. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace pgo::cli {

// Microseconds since the Unix epoch, in UTC. Accepts "2026-05-04 03:12:05.118", the same with T and
// Z, "2026-05-04 03:12", "2026-05-04", "03:12" and "03:12:05" (the last such moment before
// `now_us`), "now", and ages "90s", "30m", "2h", "7d", "10 minutes ago". kInvalid names the option,
// the rule and the mend.
Result<std::int64_t> ParseWhen(const std::string& option, const std::string& text,
                               std::int64_t now_us);

// A moment in a journal: a time, or the number of a record.
struct Moment {
  std::uint64_t seq = 0;     // 0: a time is meant
  std::int64_t wall_us = 0;  // a time without a fraction means the whole of that second
};
// "" and "now" give the moment `now_us`; "#4127" and "4127" a record; else as ParseWhen.
Result<Moment> ParseMoment(const std::string& option, const std::string& text, std::int64_t now_us);

}  // namespace pgo::cli
