// The pod of one instance, as its StatefulSet's template. Containers, volumes and paths are the
// contract of the image: both ours and Crunchy's run from it.
#pragma once

#include "engine/cluster/roster.h"
#include "engine/cluster/wal_volume.h"
#include "engine/rooms/instances/instances.h"

namespace pgo::rooms::instances {

struct Images {
  std::string postgres, backrest;
};

struct PodOptions {
  bool openshift = false;
  cluster::WalPlace wal = cluster::WalPlace::kData;
};

// {metadata, spec}
Json PodTemplate(const cluster::ClusterView& cluster, const cluster::Member& member,
                 const Images& images, const PodOptions& options);

}  // namespace pgo::rooms::instances
