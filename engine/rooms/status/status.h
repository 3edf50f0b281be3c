// The status of a PostgresCluster: what people and tools read.
#pragma once

#include <vector>

#include "engine/rooms/room.h"

namespace pgo::rooms::status {

// `conditions`: what the other rooms report, in the rooms' order; of two with one type the first
// counts. Proposes one merge patch of the status subresource, and only when it changes something.
Plan PlanStatus(const cluster::ClusterView& cluster, const std::vector<Condition>& conditions,
                const Json& members, Now now);

}  // namespace pgo::rooms::status
