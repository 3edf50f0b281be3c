// Times as people write them on the command line. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "engine/base/result.h"

namespace pgo::cli {

// Microseconds since the Unix epoch, in UTC. Accepts "2026-05-04 03:12:05.118", the same with T and
// Z, "2026-05-04 03:12", "2026-05-04", "03:12" and "03:12:05" (the last such moment before
// `now_us`), and ages "90s", "30m", "2h", "7d". kInvalid names the option, the rule and the mend.
Result<std::int64_t> ParseWhen(const std::string& option, const std::string& text,
                               std::int64_t now_us);

}  // namespace pgo::cli
