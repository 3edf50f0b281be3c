// The network names of a cluster, the rights of its pods, and its disruption budgets.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::services {

Plan PlanServices(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::services
