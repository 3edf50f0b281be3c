// What the room remembers: how full volumes were when they were last measured. A successor without
// it measures again.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "engine/base/fields.h"

namespace pgo::rooms::storage {

// Bytes of a volume's file system, as df has them.
struct Reading {
  std::int64_t size = 0, used = 0, available = 0;
  std::uint64_t seq = 0;  // of the action that asked: nothing older is in it
  PGO_FIELDS(Reading, size, used, available, seq)
};

struct Memory {
  std::map<std::string, Reading> readings;  // by pod and volume: "hippo-00-4k2x-0/data"
  PGO_FIELDS(Memory, readings)
};

}  // namespace pgo::rooms::storage
