// Where a moment is in a journal.
#pragma once

#include <cstdint>

#include "journal/query/reader.h"

namespace pgo::journal {

// Numbers of records and the wall times of their frames; 0 where there is no such record.
struct Place {
  struct Mark {
    std::uint64_t seq = 0;
    std::int64_t wall_us = 0;
    bool operator==(const Mark&) const = default;
  };
  Mark first, last;  // of what the reader holds
  Mark at;           // the newest record at or before the moment
  Mark next;         // the oldest one after it
  bool operator==(const Place&) const = default;
};

// The place of a wall time: `at` was written at or before it, `next` later. Where the clock was set
// back there may be several such places: this gives one of them. Reads about log2(n) frames.
Result<Place> PlaceOf(const Reader& reader, std::int64_t wall_us);
// The place of a record; a number outside of what is held gives the nearest end, with `at` or
// `next` missing.
Result<Place> PlaceOfSeq(const Reader& reader, std::uint64_t seq);

}  // namespace pgo::journal
