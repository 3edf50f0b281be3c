// The orderly end of a cluster: replicas first, then the primary, then what Patroni wrote.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::deletion {

Plan PlanDeletion(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::deletion
