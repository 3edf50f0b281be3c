// Whether the copies of a cluster follow its primary, and what is promised about commits.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::replication {

// Patroni makes replicas and chooses synchronous standbys; this room observes, and makes Patroni
// look sooner when a replica waits for it (hasten.cc).
Plan PlanReplication(const cluster::ClusterView& cluster, Now now);
void Hasten(const cluster::ClusterView& cluster, Now now, Plan& plan);

}  // namespace pgo::rooms::replication
