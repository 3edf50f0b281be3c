// Feeding a whole bundle to a replay: with progress, and only if nothing is left out of it.
#pragma once

#include <functional>
#include <string>

#include "adapters/cli/output.h"
#include "engine/record.h"
#include "journal/query/bundle_file.h"

namespace pgo::cli {

// "rehearsing  45 %", on a terminal alone and only of what takes longer than half a second. Gone
// when it ends.
class Percent {
 public:
  Percent(Output& output, std::string what);
  ~Percent();
  Percent(const Percent&) = delete;
  Percent& operator=(const Percent&) = delete;
  void Set(std::uint64_t done, std::uint64_t all);

 private:
  Output& output_;
  std::string what_;
  std::int64_t begun_ms_;
  int shown_ = -1;
};

// Every record in order. kInvalid if the bundle leaves records out; `why` is what it is needed
// whole for: "so its decisions cannot be made again".
Status FeedAll(const journal::BundleFile& bundle, const std::string& why, Percent& progress,
               const std::function<void(const StoredRecord&)>& feed);

// "1f9c…21ab"
std::string ShortHash(const journal::Hash& chain);

// What a record says, in a line, with what changed since the observation before it, if that is not
// far. For a few records of a bundle that may be large.
std::string DescribeRecord(const journal::BundleFile& bundle, std::uint64_t seq);

}  // namespace pgo::cli
