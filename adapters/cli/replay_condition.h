// Conditions that a replay runs to: "primary=hippo-00-b-0", "timeline=2", "Ready!=True",
// "spec.instances[0].replicas=3". Pure.
#pragma once

#include <string>

#include "engine/base/result.h"
#include "engine/cluster/view.h"

namespace pgo::cli {

struct Condition {
  std::string field, value;
  bool equal = true;  // "=", else "!="
};

Result<Condition> ParseCondition(const std::string& text);

// What is not there is "".
bool Holds(const Condition& condition, const cluster::World& world, const ClusterKey& cluster);

}  // namespace pgo::cli
