// What Prometheus' own client libraries tell of the process, under their names: processor time,
// memory, descriptors, threads, when it started. Read from /proc at Refresh.
#pragma once

#include "adapters/metrics/registry.h"

namespace pgo::metrics {

class Process {
 public:
  explicit Process(Registry& registry);
  // What cannot be read keeps its last value.
  void Refresh();

 private:
  Family& cpu_;
  Family& resident_;
  Family& virtual_;
  Family& descriptors_;
  Family& descriptors_max_;
  Family& threads_;
  Family& started_;
};

}  // namespace pgo::metrics
