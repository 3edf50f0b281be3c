// How many instances there are: which one goes when there are too many, and what becomes of its
// volumes. README.md has the promises. Level-based: the place of a removal is the annotation
// `leaving` of its StatefulSet, so nothing needs to be remembered.
#pragma once

#include <string>
#include <vector>

#include "engine/cluster/roster.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::scaling {

// What the annotations of the PostgresCluster ask for.
struct Request {
  std::string target;  // instance or pod; "" leaves the choice
  bool keep_data = false;
  bool any = false;     // an annotation is there
  std::string refusal;  // why they cannot be followed; "" if they can
};
Request ReadRequest(const cluster::ClusterView& cluster);

// Who could go, the one to go first in front. Never the lock's holder.
struct Victim {
  const cluster::InstanceView* instance = nullptr;
  std::string why;  // "does not stream", "streams, asynchronous"
};
std::vector<Victim> Candidates(const cluster::ClusterView& cluster,
                               const std::vector<cluster::Member>& members);

Plan PlanScaling(const cluster::ClusterView& cluster);

inline constexpr std::string_view kRoom = "scaling";

}  // namespace pgo::rooms::scaling
