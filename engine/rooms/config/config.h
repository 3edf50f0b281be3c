// What PostgreSQL and Patroni are told: files of the pods, and the live configuration in Patroni's
// Endpoints.
#pragma once

#include <set>
#include <string>

#include "engine/rooms/room.h"

namespace pgo::rooms::config {

// `unmounted`: instances whose pod does not have the volume for WAL yet that the manifest asks for.
// What it makes anew meanwhile goes where it can, and moves when the pod starts anew.
Plan PlanConfig(const cluster::ClusterView& cluster, const std::set<std::string>& unmounted = {});
std::set<std::string> UnmountedWal(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::config
