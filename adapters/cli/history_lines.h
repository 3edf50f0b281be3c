// The records of a cluster as lines: decisions, outcomes, observations, and what befell the
// operator. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "adapters/cli/records.h"

namespace pgo::cli {

struct HistoryLine {
  std::uint64_t seq = 0;
  std::int64_t wall_us = 0;
  std::string kind;  // "failover", "Pod", "Leading", "outcome"
  std::string what;  // "Fenced", "Observed", "Ok"
  std::string text;
  std::vector<std::uint64_t> causes;
  std::vector<std::string> words;  // what --kind may name
  bool heartbeat = false;          // signs of life, and outcomes as expected
};

// In order of seq.
std::vector<HistoryLine> LinesOf(const Records& records, const ClusterKey& cluster);
// Whether one of the line's words is this one, in any case.
bool IsOfKind(const HistoryLine& line, const std::string& word);
Json LineJson(const HistoryLine& line);

}  // namespace pgo::cli
