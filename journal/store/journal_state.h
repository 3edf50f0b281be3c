// What a Journal holds. Internal to journal/store: appending is in journal.cc, reading in
// journal_read.cc.
#pragma once

#include <rocksdb/write_batch.h>

#include <memory>
#include <mutex>
#include <vector>

#include "journal/store/bases.h"
#include "journal/store/database.h"
#include "journal/store/journal.h"
#include "journal/store/walk.h"

namespace pgo::journal {

struct Journal::State {
  // What readers see, taken under the mutex.
  struct Published {
    JournalHead appended;  // in the log, perhaps not on disk
    JournalHead durable;
    Start begin;                                           // of what is kept
    std::shared_ptr<const std::vector<Segment>> segments;  // at least one
    std::shared_ptr<const std::vector<Seal>> seals;
  };

  JournalOptions options;
  std::shared_ptr<Latch> latch;
  std::unique_ptr<Database> database;

  mutable std::mutex mutex;
  Published published;

  // The writer's own.
  std::uint64_t epoch = 0;
  std::uint64_t segment_bytes = 0;  // of the newest segment, as stored
  std::unique_ptr<Bases> bases;     // of the newest segment

  [[nodiscard]] Published Look() const {
    const std::scoped_lock lock(mutex);
    return published;
  }

  // Opening.
  Status Recover();
  Status NoteOpened();
  Result<JournalHead> FindHead() const;
  Status CompareStoredHead(const JournalHead& head) const;
  Status DropEmptyLastSegment();
  void MeasureLastSegment();
  Status WarmBases();
  [[nodiscard]] Result<std::uint64_t> TailStart(std::uint64_t frames) const;

  // Retention.
  Result<Seal> DropOldest(FrameTime now);

  // Appending.
  Status Turn();
  Status AppendRun(std::span<const FrameView> frames, std::span<const std::string> bytes);
  Status PutVerbatim(rocksdb::WriteBatch& batch, const Segment& segment, const FrameView& frame,
                     const std::string& bytes) const;
  struct Stored {
    FrameHeader header;
    Hash chain{};
    std::size_t bytes = 0;
  };
  void Publish(std::span<const Stored> frames, bool sync);
  Status DeleteBehind(rocksdb::WriteBatch& batch, const Segment& segment, std::uint64_t seq,
                      JournalHead& head) const;
  [[nodiscard]] Status Refusal() const;  // of a poisoned handle
  Result<EncodedFrame> Encode(std::uint8_t flags, std::span<const Record> records, FrameTime time,
                              const JournalHead& after);
  Result<AppendedFrame> AppendCommit(std::span<const Record> records, FrameTime time, bool sync);
  Result<std::vector<EncodedFrame>> EncodeFrames(std::uint8_t flags,
                                                 std::span<const Record> records, FrameTime time);
  Result<AppendedFrame> AppendFrames(std::span<const Record> records,
                                     const std::vector<EncodedFrame>& frames, bool sync);
  Status Write(rocksdb::WriteBatch& batch, bool sync);
  Status PutFrame(rocksdb::WriteBatch& batch, const Segment& segment, const EncodedFrame& frame,
                  std::span<const Record> records) const;

  // Reading.
  Result<std::uint64_t> BaselineEnd(FrameCursor& cursor, std::uint64_t first,
                                    std::uint64_t end) const;
  Result<ChainWalk> WalkFrom(FrameCursor& cursor, const Start& begin, std::uint64_t seq) const;
  static Status CheckKept(const Published& now, SeqRange range);
};

}  // namespace pgo::journal
