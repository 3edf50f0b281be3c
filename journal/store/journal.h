// The journal on disk: frames in RocksDB, one synced write each.
//
// Threads: one writer (Append, Rotate, NewEpoch, Sync, on one thread at a time); the Reader part,
// Poisoned and NextSeq may be called from any thread while it writes. The journal outlives all
// calls into it.
//
// The latch: the first write that fails poisons the handle. Nothing is known about that write (it
// may show up after a reopen), so it answers kUnknown; every later write answers kUnavailable and
// names the first error. Reads go on up to the last durable frame. The only way on is to destroy
// the journal, open it again (which verifies) and compare its head with the anchor.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "journal/query/reader.h"
#include "journal/query/verify.h"
#include "journal/store/seal.h"
#include "journal/store/status.h"

namespace rocksdb {
class Env;
}

namespace pgo::journal {

struct FrameTime {
  std::int64_t wall_us = 0;      // since the Unix epoch
  std::uint64_t elapsed_us = 0;  // CLOCK_BOOTTIME
};

enum class Durability : std::uint8_t {
  kSynced,    // on disk when the call returns
  kDeferred,  // with the next synced append or Sync; the caller calls one within a second
};

struct AppendedFrame {
  std::uint64_t first_seq = 0;
  std::uint64_t last_seq = 0;
  Hash chain{};
  std::uint64_t frames = 0;  // more than one if the records do not fit one
  std::uint64_t bytes = 0;   // as stored
};

struct JournalOptions {
  bool create_if_missing = true;
  std::optional<JournalId> new_id;  // of a journal made now; default: random
  // Of a journal made now with that id: the past that it does not hold. Its first record continues
  // the last of them.
  std::vector<Seal> new_seals;
  std::uint64_t segment_bytes_max = 256U << 20U;
  std::uint64_t segment_records_max = 250'000;  // bounds how much a restart has to fold
  std::int64_t segment_age_max_us = 7LL * 24 * 3600 * 1'000'000;
  // Memory for the newest payloads of the active segment, to store the next ones as differences to
  // them; 0: every payload is stored whole.
  std::size_t delta_bytes_max = 64U << 20U;
  Retention retention;          // none by default; Retain carries it out
  bool verify_all = false;      // at open: every frame and the index; else the newest 1024 frames
  rocksdb::Env* env = nullptr;  // not owned; for fault injection; default: the system's
};

class Journal final : public Reader {
 public:
  // Errors: kUnavailable if another process has it open (names the lock) or the disk refuses;
  // kCorrupt if the directory is damaged: nothing was changed, the message names damage and mend;
  // kNotFound if there is none and create_if_missing is off. The way on from a damaged log is
  // store/salvage.h.
  static Result<std::unique_ptr<Journal>> Open(const std::string& directory,
                                               const JournalOptions& options);
  ~Journal() override;

  // Appends one commit: one frame, or several in one write if the records do not fit one. kInvalid
  // (nothing written, not poisoned) if a record breaks a limit.
  Result<AppendedFrame> Append(std::span<const Record> records, FrameTime time,
                               Durability durability = Durability::kSynced);
  // The seq that the first record of the next Append gets.
  [[nodiscard]] std::uint64_t NextSeq() const;
  // Appends frames that another journal with this id holds, as they are stored there: whole ones,
  // in order, the first one continuing the head. What is one commit there comes in one call, and so
  // is here as a whole or not at all; a baseline opens a segment here as well. On disk when it
  // returns. kCorrupt (of that write nothing is there, not poisoned) if a frame cannot be read or
  // does not continue the one before.
  Result<AppendedFrame> AppendVerbatim(std::span<const std::string> frames);
  // Gives up the records behind `seq`, which ends a frame of the newest segment behind its
  // baseline; for a replica whose end nobody else has, once it is kept elsewhere. One synced write.
  // kInvalid, nothing changed, if `seq` is no such place or more than kCutMax records are behind
  // it.
  Status CutBack(std::uint64_t seq);
  static constexpr std::uint64_t kCutMax = 20'000;
  // Makes deferred frames durable.
  Status Sync();

  // Frames appended from now on carry this epoch. kInvalid if it is less than the current one
  // (Head().epoch after Open); the current one again is no change.
  Status NewEpoch(std::uint64_t epoch);

  // Segments are turned by the caller, between batches, because the baseline takes seqs.
  [[nodiscard]] bool RotationDue(FrameTime time) const;
  // Stored bytes of the segment that is appended to; for the writer.
  [[nodiscard]] std::uint64_t SegmentBytes() const;
  // Starts a segment with `baseline`, the records from which everything after them folds, appended
  // in one synced write (of several frames if it is large; the answer spans them all). Without one
  // the segment stays empty until the next append, and a reopen before that undoes it.
  Result<std::optional<AppendedFrame>> Rotate(FrameTime time, std::span<const Record> baseline);

  // Gives up the oldest segments that retention no longer covers, by the wall clock of `now`; for
  // the writer, best after Rotate. What is kept begins with a baseline and verifies from the seal
  // of what went before. kUnknown, and poisoned, if the disk refuses. Answers what went.
  Result<std::vector<Seal>> Retain(FrameTime now);
  // The same with another retention than the journal was opened with.
  Result<std::vector<Seal>> Retain(FrameTime now, const Retention& retention);
  // How many of the oldest segments a retention would give up.
  [[nodiscard]] Result<std::size_t> Expired(const Retention& retention, FrameTime now) const;
  // Packs the segments that no more is written to as tightly as RocksDB can. Any thread; false of
  // `progress` interrupts between two of them.
  Status Compact(const std::function<bool(std::uint32_t segment)>& progress = {});

  // The error that poisoned the handle.
  [[nodiscard]] std::optional<Error> Poisoned() const;

  // Reader: durable frames only, from Begin() on. Head().epoch is that of the last durable frame.
  [[nodiscard]] JournalHead Head() const override;
  [[nodiscard]] Result<Start> Begin() const override;
  [[nodiscard]] Result<Start> Baseline(std::uint64_t seq) const override;
  Status Frames(SeqRange range, const FrameCallback& callback) const override;
  Status BySubject(std::string_view subject, SeqRange range, Order order,
                   const EntryCallback& callback) const override;

  [[nodiscard]] std::size_t SegmentCount() const;
  // Segments, their places and sizes. Reads the first and the last frame of each. Any thread.
  [[nodiscard]] Result<JournalStatus> Describe() const;

  // Proves that the subject index names exactly the subjects of the durable records, which the
  // hash chain does not cover. Reads everything; kCorrupt names the segment.
  [[nodiscard]] Status VerifyIndex() const;

 private:
  struct State;
  explicit Journal(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace pgo::journal
