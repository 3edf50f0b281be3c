// The volumes of a cluster. A claim only ever grows, and is not deleted here.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::storage {

Plan PlanStorage(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::storage
