// What a report draws: lanes with spans of time and marks, as the JSON that report/page.js reads.
// Pure. Times are milliseconds since the Unix epoch.
//
//   {"from", "to",
//    "lanes": [{"title", "sub", "instance"?,
//               "spans": [{"from", "to", "look", "label", "text"}],
//               "points": [{"t", "seq", "text", "bad", "good", and of a decision "room", "reason",
//                           "outcome", "causes": [{"seq", "text"}]}]}],
//    "instances": [{"name", "lsn": [[t, position, timeline]]}],
//    "episodes": [{"from", "to", "title"}]}
#pragma once

#include <vector>

#include "adapters/cli/history_lines.h"
#include "adapters/cli/story.h"

namespace pgo::cli {

Json ReportData(const Records& records, const ClusterKey& cluster,
                const std::vector<HistoryLine>& lines, const std::vector<Episode>& episodes);

}  // namespace pgo::cli
