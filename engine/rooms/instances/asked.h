// What the manifest asks of an instance's pod, as one short digest: written onto the pod, so that a
// pod made from another template tells whether its user wanted it otherwise or only a later version
// of the operator makes it otherwise. The first is rolled out, the second waits to be asked for.
//
// The digest of a manifest is permanent: it is the same in every later version (a test holds some).
// A field that comes to matter for pods is added as a member that is absent when the field is.
// The operator's own settings (its images) are no part of it.
#pragma once

#include <string>

#include "engine/cluster/roster.h"
#include "engine/cluster/view.h"
#include "engine/cluster/wal_volume.h"

namespace pgo::rooms::instances {

// 16 hexadecimal digits. `wal`: where the pod has its WAL; a volume of its own comes or goes with a
// new pod.
std::string AskedDigest(const cluster::ClusterView& cluster, const cluster::InstanceSet& set,
                        cluster::WalPlace wal = cluster::WalPlace::kData);

}  // namespace pgo::rooms::instances
