// The volume for WAL alone that an instance may have: whether it has one, and whether its WAL is on
// it. The data directory's link pg_wal leads to the WAL, and says alone where that is; the startup
// script of a pod brings it to where it ought to be (rooms/instances/scripts.h).
#pragma once

#include <cstdint>
#include <string>

#include "engine/cluster/roster.h"
#include "engine/cluster/view.h"

namespace pgo::cluster {

enum class WalPlace : std::uint8_t {
  kData,     // beside the data directory; the pod has no other volume
  kVolume,   // asked for on a volume of its own, /pgwal
  kLeaving,  // no longer asked for, and not yet known to be off that volume: the pod has both
};

// What the instance's objects alone do not tell.
struct WalSigns {
  bool moved = false;  // HasMovedOff
  bool going = false;  // its claim is being deleted: nobody is to begin to use that one
};
// Where the next pod of the member is to have its WAL.
WalPlace WalPlaceOf(const Member& member, WalSigns signs);
// By the instance's own pod: it was made from the newest template, which is one for moving WAL off
// (`asked`: the digest on it), and says that it did.
bool HasMovedOff(const InstanceView& instance, const std::string& asked);
// "/pgwal/pg17_wal" or "/pgdata/pg17_wal"; with kLeaving the latter.
std::string WalDirectoryOf(std::int64_t postgres_version, WalPlace place);
// The other of the two.
std::string OtherWalDirectoryOf(std::int64_t postgres_version, WalPlace place);

bool MountsClaim(const Subject& pod, const std::string& claim);
// Adds the volume to a pod's specification, and its mount to a container.
void AddWalVolume(Json& pod_spec, const std::string& instance);
void MountWal(Json& container);
// A Job that works on an instance's volumes: whether it needs the one for WAL too.
bool JobNeedsWalVolume(const ClusterView& cluster, const std::string& instance);
// And where it is to put the WAL.
WalPlace JobWalPlace(const ClusterView& cluster, const std::string& instance);

// What init container postgres-startup says of the WAL.
struct WalReport {
  std::string place;    // "data", "volume"; "" unknown
  std::string problem;  // why it did not move; "" if nothing is wrong
};
WalReport ReadWalReport(const PodView& pod);

}  // namespace pgo::cluster
