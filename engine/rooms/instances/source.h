// spec.dataSource: whether a new cluster can begin as the copy that it asks for.
#pragma once

#include "engine/cluster/view.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::instances {

// Condition PostgresDataInitialized. False while the cluster must not begin: the condition says
// why, with field, value, rule and mend.
bool SaySource(const cluster::ClusterView& cluster, Plan& plan);

}  // namespace pgo::rooms::instances
