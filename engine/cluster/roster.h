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
};

// "hippo-00-4k2x"
std::string InstanceName(const ClusterView& cluster, const std::string& set, std::int64_t ordinal);

// In the order of the sets, each set in the order of its ordinals. Present instances stay before
// new ones come; of too many the lock's holder stays first, then those with the lowest ordinals.
std::vector<Member> Roster(const ClusterView& cluster);
// Present instances (with a StatefulSet) that are not in the roster, to be removed in this order.
// Never the lock's holder.
std::vector<const InstanceView*> Surplus(const ClusterView& cluster,
                                         const std::vector<Member>& roster);

}  // namespace pgo::cluster
