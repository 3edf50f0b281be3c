// The certificates of a cluster, each a Secret filled by recipe: no key passes through the engine.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::certificates {

Plan PlanCertificates(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::certificates
