// What a rehearsal found, as JSON, and that JSON as text: another build gives the first alone.
#pragma once

#include <functional>
#include <string>

#include "adapters/cli/output.h"
#include "engine/rehearse.h"

namespace pgo::cli {

// {"rehearsal": 1, "recorded_build", "recorded_ruleset", "from", "to", "clusters", "events",
//  "decisions", "actions", "identical" (no action differs but in words), "would", "would_not" (both
//  by cluster: restarts, failovers, creates, changes, deletes), "differences"}
Json RehearsalJson(const Rehearsal& rehearsal);

using DescribeSeq = std::function<std::string(std::uint64_t seq)>;
// A summary, the first difference, then the differences with their first causes: the first 20 of
// those that are more than words, or `all`. Any JSON gives some text.
std::string RehearsalText(const Json& rehearsal, bool all, const DescribeSeq& describe,
                          const Output& out);

}  // namespace pgo::cli
