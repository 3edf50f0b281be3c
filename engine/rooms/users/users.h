// Database roles, their databases, and the Secrets by which applications find them.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::users {

Plan PlanUsers(const cluster::ClusterView& cluster);

// The psql script that makes the roles and databases what the manifest says; it may be run any
// number of times. Verifiers are placeholders (VerifierPlaceholder), never values.
std::string Script(const std::vector<cluster::User>& users);
std::string VerifierPlaceholder(std::size_t index);

}  // namespace pgo::rooms::users
