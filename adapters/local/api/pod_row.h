// A pod's columns as `kubectl get pods` shows them. Pure.
#pragma once

#include <string>

#include "engine/base/json.h"

namespace pgo::local {

struct PodRow {
  std::string ready;     // "1/2"
  std::string status;    // "Running", "Init:0/1", "CrashLoopBackOff", "Terminating", …
  std::string restarts;  // "3 (5m ago)"
};
PodRow RowOfPod(const Json& pod);

}  // namespace pgo::local
