// The table of rooms, in order of precedence: the first that holds a cluster keeps the others from
// disrupting it.
#pragma once

#include <string_view>
#include <utility>
#include <vector>

#include "engine/cluster/view.h"
#include "engine/rooms/context.h"
#include "engine/rooms/room.h"

namespace pgo {
struct ClusterMemory;
}

namespace pgo::rooms {

std::vector<std::pair<std::string_view, Plan>> PlanAll(const cluster::ClusterView& view,
                                                       const ClusterMemory& memory,
                                                       const Context& context, Now now);

}  // namespace pgo::rooms
