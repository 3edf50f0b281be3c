// Volumes that are as large as they say and no larger. Kept in memory (tmpfs): a user namespace may
// mount nothing else that has a size. Their content outlives a node's power, not the cluster's end.
//
// All in the daemon's mount namespace; nodes see what is mounted here (ShareMounts).
#pragma once

#include <cstdint>
#include <string>

#include "adapters/local/node/sys.h"

namespace pgo::local {

// What is mounted below a directory from now on is seen by nodes that are started later.
Status ShareMounts(const std::string& directory);
void UnshareMounts(const std::string& directory);  // with all disks below
// Mounts a disk of this size at a directory, or changes the size of the one that is there.
Status MountDisk(const std::string& directory, std::int64_t bytes);
// Takes the disk away, with what is on it. Nothing if there is none.
void UnmountDisk(const std::string& directory);
// Leaves so many bytes free, by a file of its own (".pgo-local-fill"). kConflict if there is no
// disk of limited size.
Status FillDisk(const std::string& directory, std::int64_t leave_bytes);
Status FreeDisk(const std::string& directory);

}  // namespace pgo::local
