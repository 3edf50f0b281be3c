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

Result<std::unique_ptr<Holder>> AppendRows(const Settings& settings);  // 1
Result<std::unique_ptr<Holder>> IngestRows(const Settings& settings);  // 4
Result<std::unique_ptr<Holder>> ActionRows(const Settings& settings);  // 5

}  // namespace pgo::bench
