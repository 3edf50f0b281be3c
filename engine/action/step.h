// What one step of the engine gave: which clusters it decided on, and the actions that came out.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/base/fields.h"
#include "engine/base/ids.h"

namespace pgo {

// Which clusters were decided on, and how many actions that gave: without it a replay could not
// notice an action too many.
struct Decision {
  std::string cluster;  // "namespace/name"
  std::int64_t actions = 0;
  PGO_FIELDS(Decision, cluster, actions)
};
struct Decided {
  Seq up_to;  // the newest event that was folded
  std::int64_t wall_us = 0, elapsed_us = 0;
  std::int64_t ruleset = 0;
  std::vector<Decision> clusters;
  PGO_FIELDS(Decided, up_to, wall_us, elapsed_us, ruleset, clusters)
};

struct StepResult {
  Decided decided;
  std::vector<Action> actions;  // the first has seq up_to + 2 (Decided itself is up_to + 1)
};

}  // namespace pgo
