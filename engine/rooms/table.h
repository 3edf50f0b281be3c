// The table of rooms, in order of precedence: the first that holds a cluster keeps the others from
// disrupting it.
#pragma once

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/cluster/view.h"
#include "engine/rooms/context.h"
#include "engine/rooms/renderings.h"
#include "engine/rooms/room.h"

namespace pgo {
struct ClusterMemory;
}

namespace pgo::rooms {

struct PlanInput {
  const cluster::ClusterView& view;
  const ClusterMemory& memory;
  const Context& context;
  Now now;
  Renderings& renderings;
};

using Plans = std::vector<std::pair<std::string_view, std::shared_ptr<const Plan>>>;

// A room may stand there more than once: with what it renders, then with what it does.
Plans PlanAll(const PlanInput& in);

}  // namespace pgo::rooms
