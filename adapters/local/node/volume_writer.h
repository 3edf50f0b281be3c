// Puts volumes onto a node's disk. Any thread, but one per volume.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "adapters/local/node/sys.h"
#include "adapters/local/node/volume_content.h"

namespace pgo::local {

// The files as links through "..data", which is swapped in one step: a reader sees all of the old
// or all of the new ones. Nothing is touched if they are there already. With `group`, files and
// directories belong to it and it may read them.
Status WriteVolume(const std::string& directory, const VolumeFiles& files,
                   std::optional<std::uint32_t> group);

// What an fsGroup does to a volume that can be written, at every start of a pod: everything belongs
// to the group, which may read and write it; directories hand the group down.
void GiveToGroup(const std::string& directory, std::uint32_t group, bool only_if_root_differs);

}  // namespace pgo::local
