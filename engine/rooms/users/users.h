// Database roles, their databases, and the Secrets by which applications find them.
#pragma once

#include "engine/rooms/room.h"

namespace pgo::rooms::users {

// The Secrets, which follow from the manifest alone.
Plan PlanSecrets(const cluster::ClusterView& cluster);
// The roles and databases in the server, and Secrets of users that are no longer asked for.
Plan PlanRoles(const cluster::ClusterView& cluster);
// Both.
Plan PlanUsers(const cluster::ClusterView& cluster);

// The psql script that makes the roles and databases what the manifest says; it may be run any
// number of times. Verifiers are placeholders (VerifierPlaceholder), never values.
std::string Script(const std::vector<cluster::User>& users);
std::string VerifierPlaceholder(std::size_t index);

}  // namespace pgo::rooms::users
