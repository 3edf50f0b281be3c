#include "adapters/operator/journal_port.h"

#include <chrono>

#include "engine/record.h"

namespace pgo {

static_assert(kJournalPayloadMax == journal::kPayloadBytesMax);

namespace {

using SteadyClock = std::chrono::steady_clock;

double SecondsSince(SteadyClock::time_point began) {
  return std::chrono::duration<double>(SteadyClock::now() - began).count();
}

std::vector<journal::Record> Stored(const std::vector<JournalRecord>& records) {
  std::vector<journal::Record> stored;
  stored.reserve(records.size());
  for (const JournalRecord& record : records) {
    journal::Record out;
    out.type = static_cast<std::uint16_t>(record.type);
    out.schema = 1;
    out.causes = record.causes;
    out.subjects = record.subjects;
    out.rv = record.rv;
    out.payload = record.payload;
    stored.push_back(std::move(out));
  }
  return stored;
}

journal::FrameTime TimeOf(Now now) {
  return {now.wall_us, static_cast<std::uint64_t>(now.elapsed_us)};
}

}  // namespace

Status StorePort::Append(const std::vector<JournalRecord>& records, Now now, bool synced) {
  const auto began = SteadyClock::now();
  const auto appended =
      journal_.Append(Stored(records), TimeOf(now),
                      synced ? journal::Durability::kSynced : journal::Durability::kDeferred);
  if (!appended) return Fail(appended.error().In("append to the journal"));
  if (observer_) observer_({appended->frames, appended->bytes, synced, SecondsSince(began)});
  return Shrink(now);
}

Status StorePort::Shrink(Now now) {
  if (volume_ == nullptr || !volume_->Look(now)) return {};
  return ShrinkTo(journal_, volume_->use(), TimeOf(now));
}

Status ShrinkTo(journal::Journal& journal, const VolumeUse& use, journal::FrameTime now) {
  if (RungOf(use) < Rung::kShrink || journal.SegmentCount() <= journal::Retention().segments_min) {
    return {};
  }
  const auto status = journal.Describe();
  if (!status) return Fail(status.error());
  std::uint64_t bytes = 0;
  for (const journal::SegmentStatus& segment : status->segments) bytes += segment.bytes;
  const auto dropped = journal.Retain(now, ForcedRetention(use, bytes));
  return dropped ? Status() : Fail(dropped.error());
}

Status StorePort::Sync() {
  const auto began = SteadyClock::now();
  if (auto status = journal_.Sync(); !status) return status;
  if (observer_) observer_({0, 0, true, SecondsSince(began)});
  return {};
}

Status StorePort::NewEpoch(std::int64_t epoch) {
  const auto wanted = static_cast<std::uint64_t>(epoch);
  if (wanted <= journal_.Head().epoch) return {};
  return journal_.NewEpoch(wanted);
}

bool StorePort::RotationDue(Now now) const {
  if (journal_.RotationDue(TimeOf(now))) return true;
  return volume_ != nullptr && volume_->rung() >= Rung::kShrink &&
         journal_.SegmentBytes() >= volume_->SegmentBytesForced();
}

Status StorePort::Rotate(const std::vector<JournalRecord>& baseline, Now now) {
  const auto began = SteadyClock::now();
  const auto rotated = journal_.Rotate(TimeOf(now), Stored(baseline));
  if (!rotated) return Fail(rotated.error().In("new segment of the journal"));
  if (observer_ && *rotated) {
    observer_({(*rotated)->frames, (*rotated)->bytes, true, SecondsSince(began)});
  }
  const auto dropped = journal_.Retain(TimeOf(now));
  if (!dropped) return Fail(dropped.error());
  return volume_ == nullptr ? Status() : ShrinkTo(journal_, volume_->use(), TimeOf(now));
}

Result<Engine> Rebuild(const journal::Reader& reader) {
  Engine engine;
  Rebuilder rebuilder(engine);
  const auto start = reader.Baseline(reader.Head().seq);
  if (!start) return Fail(start.error().In("rebuild from the journal"));
  const journal::SeqRange range{start->first_seq, UINT64_MAX};
  const auto status = journal::Iterate(reader, range, [&](const journal::Entry& entry) {
    rebuilder.Feed({entry.seq,
                    entry.record.type,
                    entry.record.payload,
                    {entry.frame.wall_us, static_cast<std::int64_t>(entry.frame.elapsed_us)}});
    return true;
  });
  if (!status) return Fail(status.error().In("rebuild from the journal"));
  return engine;
}

}  // namespace pgo
