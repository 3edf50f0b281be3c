// One cluster's decision: every room is asked in table order, then the arbiter turns what they want
// into actions. Pure: the ledger is read here and changed only by the fold of what came out.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "engine/action/action.h"
#include "engine/cluster/view.h"
#include "engine/rooms/context.h"
#include "engine/rooms/renderings.h"

namespace pgo {

struct ClusterMemory;

struct ClusterDecision {
  std::vector<Action> actions;
  std::optional<std::int64_t> wake_at_us;
};

// What was found when an object was last compared with what is wanted: a heartbeat changes neither,
// and comparing costs as much as rendering.
struct Compared {
  std::string digest;      // of what was wanted
  std::uint64_t live = 0;  // seq of the observation
  std::string residue;
};

// What is kept of the decisions on one cluster so that the next one is made from it. Beside the
// state and never part of it: without it every decision is the same, only slower.
struct Shortcuts {
  std::map<std::string, Compared> compared;  // by ObjectRef::Text
  cluster::Readings readings;
  rooms::Renderings renderings;
};

ClusterDecision DecideCluster(const cluster::ClusterView& view, const ClusterMemory& memory,
                              const rooms::Context& context, Now now, Shortcuts& shortcuts);

// What the live object shows otherwise than asked for, as one digest; "" for nothing.
std::string ResidueDigest(const Json& desired, const Json& live);

}  // namespace pgo
