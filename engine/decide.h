// One cluster's decision: every room is asked in table order, then the arbiter turns what they want
// into actions. Pure: the ledger is read here and changed only by the fold of what came out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/cluster/view.h"
#include "engine/rooms/context.h"

namespace pgo {

struct ClusterMemory;

struct ClusterDecision {
  std::vector<Action> actions;
  std::optional<std::int64_t> wake_at_us;
};

ClusterDecision DecideCluster(const cluster::ClusterView& view, const ClusterMemory& memory,
                              const rooms::Context& context, Now now);

// What the live object shows otherwise than asked for, as one digest; "" for nothing.
std::string ResidueDigest(const Json& desired, const Json& live);

}  // namespace pgo
