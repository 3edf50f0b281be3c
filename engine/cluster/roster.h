// Which instances a cluster ought to have. Names follow from the cluster's uid, the set and an
// ordinal, so an instance that comes back finds its volume.
#pragma once

#include <string>
#include <vector>

#include "engine/cluster/view.h"

namespace pgo::cluster {

struct Member {
  std::string name;              // "hippo-00-4k2x"
  const InstanceSet* set;        // of the view's spec
  const InstanceView* instance;  // null: nothing of it is there yet
  std::int64_t ordinal = 0;      // INT64_MAX: not named here
};

// "hippo-00-4k2x"
std::string InstanceName(const ClusterView& cluster, const std::string& set, std::int64_t ordinal);

// In the order of the sets, each set in the order of its ordinals. Every present instance of a set
// belongs to it until it is leaving, also those beyond `replicas`: which of them goes is decided by
// room scaling. New ones come up to `replicas`, those first that find a volume of theirs.
std::vector<Member> Roster(const ClusterView& cluster);

// The instance's pod holds the leader lock.
bool HoldsLock(const ClusterView& cluster, const InstanceView& instance);

}  // namespace pgo::cluster
