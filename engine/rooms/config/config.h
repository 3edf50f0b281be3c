// What PostgreSQL and Patroni are told: files of the pods, and the live configuration in Patroni's
// Endpoints.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::config {

Plan PlanConfig(const cluster::ClusterView& cluster);

}  // namespace pgo::rooms::config
