// What a journal on disk consists of, for whoever shows it to a person.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "journal/query/reader.h"
#include "journal/store/seal.h"

namespace pgo::journal {

struct SegmentStatus {
  std::uint32_t number = 0;
  std::uint64_t first_seq = 0;  // 0: nothing in it yet
  std::uint64_t last_seq = 0;
  std::int64_t first_wall_us = 0;  // of its first and last frame
  std::int64_t last_wall_us = 0;
  std::uint64_t bytes = 0;  // records and index, on disk or about to be
  bool baseline = false;    // opens with one, so that a fold may begin here
  bool active = false;      // the one that is appended to
};

struct JournalStatus {
  std::string directory;
  JournalHead head;
  std::uint64_t first_seq = 1;          // of what is kept
  std::vector<SegmentStatus> segments;  // oldest first
  std::vector<Seal> seals;              // of segments that are no longer kept, oldest first
  std::uint64_t disk_bytes = 0;         // of all files of the directory
  std::optional<Error> poisoned;        // the first write error of this handle
};

// The same as JSON, one object, names in snake case.
std::string StatusJson(const JournalStatus& status);

}  // namespace pgo::journal
