// Walking over the frames of several segments as if they were one list.
#pragma once

#include <rocksdb/db.h>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "journal/format/frame.h"
#include "journal/store/database.h"

namespace pgo::journal {

// A place in the list of frames. Segments are a copy taken by the caller; empty ones are passed
// over. Sees the frames that were there when it first entered a segment. Must be gone before the
// database closes.
class FrameCursor {
 public:
  FrameCursor(rocksdb::DB& db, std::vector<Segment> segments);

  // Each answers whether it stands on a frame; kCorrupt if RocksDB finds damage.
  Result<bool> SeekLast();
  Result<bool> SeekHolding(std::uint64_t seq);  // the last frame that starts at or before seq
  Result<bool> Next();
  Result<bool> Previous();

  // One record, without a look at the others of its frame.
  struct Place {
    FrameHeader frame;
    std::string_view bytes;  // of the record; dies with the next move
  };
  // Nothing if the segments do not hold it. The chain is not checked.
  Result<std::optional<Place>> Find(std::uint64_t seq);

  // The frame stood on; its views die with the next move. Its key must be its first seq.
  [[nodiscard]] Result<FrameView> Frame() const;

 private:
  void Enter(std::size_t segment);  // opens the segment's iterator
  Result<bool> Valid() const;

  rocksdb::DB& db_;
  std::vector<Segment> segments_;  // not empty ones
  std::size_t at_ = 0;
  std::unique_ptr<rocksdb::Iterator> iterator_;
};

// The stored bytes of one record, for a Decoder; nothing if the cursor's segments do not hold it.
Result<std::optional<std::string>> StoredIn(FrameCursor& cursor, std::uint64_t seq);

}  // namespace pgo::journal
