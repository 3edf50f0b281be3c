// The rows of docs/performance.md. Each makes its sides; they live as long as the row's holder.
#pragma once

#include <memory>
#include <vector>

#include "engine/base/result.h"
#include "replay-tests/benchmarks/harness.h"

namespace pgo::bench {

// Rows and whatever they work on; files are in the settings' directory.
class Holder {
 public:
  virtual ~Holder() = default;
  std::vector<Row> rows;
};

Result<std::unique_ptr<Holder>> AppendRows(const Settings& settings);   // 1, 2, 3
Result<std::unique_ptr<Holder>> HistoryRows(const Settings& settings);  // 7, 8, 9, 13, 14, 15
Result<std::unique_ptr<Holder>> ReopenRows(const Settings& settings);   // 18
Result<std::unique_ptr<Holder>> IngestRows(const Settings& settings);   // 4
Result<std::unique_ptr<Holder>> ActionRows(const Settings& settings);   // 5

struct BigSettings {
  std::string directory;  // emptied before and after
  std::uint64_t events = 10'000'000;
  std::size_t clusters = 1200;
  const std::atomic<bool>* stopped = nullptr;
  std::function<void(const char* what, double part)> progress;  // may be empty
};
// Prints its figures as it gets them, and gives them: {"reopen": {"value", "unit"}, …}.
Result<Json> RunBig(const BigSettings& settings);

}  // namespace pgo::bench
