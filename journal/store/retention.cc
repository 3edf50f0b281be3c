// Giving up the oldest segments, and packing those that no more is written to.
#include <cstdio>

#include "journal/store/journal_state.h"
#include "journal/store/keys.h"
#include "journal/store/settings.h"

namespace pgo::journal {
namespace {

// What is said of the oldest segment once it is gone. `start` is where it begins.
Result<Seal> SealOf(rocksdb::DB& db, const JournalId& id, const Segment& segment,
                    const Reader::Start& start) {
  FrameCursor cursor(db, {segment});
  const Result<bool> found = cursor.SeekLast();
  if (!found) return Fail(found.error());
  if (!*found) return Fail(Code::kCorrupt, "its frames are missing");
  const Result<FrameView> last = cursor.Frame();
  if (!last) return Fail(last.error());
  Seal seal;
  seal.journal_id = id;
  seal.segment = segment.number;
  seal.first_seq = start.first_seq;
  seal.last_seq = last->header.last_seq();
  seal.first_wall_us = segment.first_wall_us;
  seal.last_wall_us = last->header.wall_us;
  seal.before = start.chain;
  seal.after = last->chain;
  return seal;
}

// The next segment must stand on its own behind the seal.
Status CheckFollows(rocksdb::DB& db, const Segment& next, const Seal& seal) {
  FrameCursor cursor(db, {next});
  const Result<bool> found = cursor.SeekHolding(next.first_seq);
  if (!found) return Fail(found.error());
  if (!*found) return Fail(Code::kCorrupt, "the frames behind it are missing");
  const Result<FrameView> frame = cursor.Frame();
  if (!frame) return Fail(frame.error());
  ChainWalk walk(seal.last_seq + 1, seal.after);
  return walk.Next(*frame);
}

}  // namespace

Result<std::vector<Seal>> Journal::Retain(FrameTime now) {
  return Retain(now, state_->options.retention);
}

Result<std::vector<Seal>> Journal::Retain(FrameTime now, const Retention& retention) {
  const Result<std::size_t> count = Expired(retention, now);
  if (!count) return Fail(count.error());
  std::vector<Seal> dropped;
  while (dropped.size() < *count) {
    Result<Seal> seal = state_->DropOldest(now);
    if (!seal) return Fail(seal.error().In("retention"));
    dropped.push_back(*std::move(seal));
  }
  return dropped;
}

Result<std::size_t> Journal::Expired(const Retention& retention, FrameTime now) const {
  if (retention.bytes_max == 0 && retention.age_max_us == 0) return std::size_t{0};
  if (SegmentCount() <= retention.segments_min) return std::size_t{0};
  const Result<JournalStatus> status = Describe();
  if (!status) return Fail(status.error());
  return CountExpired(status->segments, retention, now.wall_us);
}

// Seal first, durable; then what readers see; then the data. Readers that are inside keep the
// segment's files until they leave.
Result<Seal> Journal::State::DropOldest(FrameTime now) {
  if (Status refusal = Refusal(); !refusal) return Fail(refusal.error());
  Published next = Look();
  std::vector<Segment> segments = *next.segments;
  const Segment oldest = segments.front();
  Result<Seal> seal = SealOf(database->db(), database->journal_id(), oldest, next.begin);
  if (!seal) return Fail(seal.error());
  seal->dropped_wall_us = now.wall_us;
  if (Status follows = CheckFollows(database->db(), segments[1], *seal); !follows) {
    return Fail(follows.error());
  }
  if (Status written = database->WriteSeal(*seal); !written) {
    latch->Trip(written.error().message);
    return Fail(Code::kUnknown, written.error().message);
  }
  segments.erase(segments.begin());
  std::vector<Seal> seals = *next.seals;
  seals.push_back(*seal);
  {
    const std::scoped_lock lock(mutex);
    published.segments = std::make_shared<const std::vector<Segment>>(std::move(segments));
    published.seals = std::make_shared<const std::vector<Seal>>(std::move(seals));
    published.begin = {seal->last_seq + 1, seal->after};
  }
  if (Status dropped = database->DropSegment(oldest); !dropped) {
    latch->Trip(dropped.error().message);
    return Fail(Code::kUnknown, dropped.error().message);
  }
  return seal;
}

Status Journal::Compact(const std::function<bool(std::uint32_t segment)>& progress) {
  const State::Published now = state_->Look();
  rocksdb::CompactRangeOptions how;
  how.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  for (std::size_t i = 0; i + 1 < now.segments->size(); ++i) {
    const Segment& segment = (*now.segments)[i];
    if (progress && !progress(segment.number)) return Fail(Code::kUnavailable, "interrupted");
    for (auto* family : {segment.records.get(), segment.index.get()}) {
      const rocksdb::Status done =
          state_->database->db().CompactRange(how, family, nullptr, nullptr);
      if (!done.ok()) return Fail(FromRocks(done));
    }
  }
  return {};
}

}  // namespace pgo::journal
