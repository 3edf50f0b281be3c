// What stays of a segment that retention dropped: enough to prove that what is kept continues it.
//
// A seal is written, synced and flushed before its segment goes; an open drops what a crash left of
// a sealed segment. Seals follow one another from the genesis on, so the chain of hashes is whole,
// though the records between two of its points are gone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/base/result.h"
#include "journal/query/reader.h"

namespace pgo::journal {

struct Seal {
  JournalId journal_id{};
  std::uint32_t segment = 0;
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  std::int64_t first_wall_us = 0;  // of its first and last frame
  std::int64_t last_wall_us = 0;
  Hash before{};                     // chain before its first frame
  Hash after{};                      // chain after its last frame
  std::int64_t dropped_wall_us = 0;  // when it was given up

  bool operator==(const Seal&) const = default;
};

std::string SealJson(const Seal& seal);
Result<Seal> ParseSeal(std::string_view json);

// Where what is kept begins: behind the last seal. kCorrupt, naming the segment, unless the seals
// are this journal's and each continues the one before, from the genesis on.
Result<Reader::Start> StartAfter(const JournalId& id, const std::vector<Seal>& seals);

// How much of the past is kept.
struct Retention {
  std::uint64_t bytes_max = 0;     // of all segments; 0: no bound
  std::int64_t age_max_us = 0;     // of a segment's newest record; 0: no bound
  std::uint32_t segments_min = 2;  // kept in any case, the active one among them; at least 1
};

struct SegmentStatus;
// How many of the oldest segments may go. The last one left begins with a baseline, or none goes
// that far: without one its state could not be rebuilt.
std::size_t CountExpired(const std::vector<SegmentStatus>& segments, const Retention& retention,
                         std::int64_t now_wall_us);

}  // namespace pgo::journal
