// What can be said of a cluster's service from what is observed.
#pragma once

#include <string>

#include "engine/cluster/view.h"

namespace pgo::cluster {

// The instance is a running replica that streams, by its own word. A standby of a silent member is
// never counted: the pod must be there and its database container run.
bool IsStreaming(const ClusterView& cluster, const InstanceView* instance);

// Why applications cannot write through the cluster's Services right now, as {reason, sentence};
// both empty if they can.
struct Obstacle {
  std::string reason, message;
};
Obstacle WhyNotWritable(const ClusterView& cluster);

}  // namespace pgo::cluster
