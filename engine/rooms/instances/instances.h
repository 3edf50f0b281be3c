// The instances of a cluster: one StatefulSet with one pod each, and how many there are.
#pragma once

#include <map>
#include <string>

#include "engine/cluster/wal_volume.h"
#include "engine/rooms/context.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::instances {

// What the operator's environment decides for all clusters.
struct InstanceSettings {
  std::string image;           // when the manifest names none; "" if there is none for its version
  std::string backrest_image;  // RELATED_IMAGE_PGBACKREST, or ""
  bool openshift = false;      // the platform chooses user and group IDs
  std::map<std::string, std::string> off;        // instances without a pod → why (power.h)
  std::map<std::string, cluster::WalSigns> wal;  // of instances that have a claim for WAL
};
// From the settings of Started: "RELATED_IMAGE_POSTGRES_17", "OPENSHIFT".
InstanceSettings SettingsFor(const Json& settings, std::int64_t postgres_version);

Plan PlanInstances(const cluster::ClusterView& cluster, const InstanceSettings& settings);

}  // namespace pgo::rooms::instances
