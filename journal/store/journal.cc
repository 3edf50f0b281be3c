#include "journal/store/journal.h"

#include <set>

#include "journal/store/journal_state.h"
#include "journal/store/keys.h"
#include "journal/store/settings.h"

namespace pgo::journal {
namespace {

// Per frame. Stored bytes are at most the raw ones that are counted here, so a frame that keeps
// these limits keeps those of the format.
struct FrameLimits {
  std::size_t records, bytes;
};
constexpr FrameLimits kCommitLimits{kRecordsMax, 40U << 20U};
constexpr FrameLimits kBaselineLimits{16384, 16U << 20U};

std::size_t RawBytes(const Record& record) {
  std::size_t bytes = 64 + record.payload.size() + record.rv.size() + record.causes.size() * 10;
  for (const std::string& subject : record.subjects) bytes += subject.size() + 3;
  return bytes;
}

// How many of the records, from the first, one frame takes; at least one.
std::size_t FrameCount(std::span<const Record> records, const FrameLimits& limits) {
  std::size_t count = 0;
  std::size_t bytes = 0;
  while (count < records.size() && count < limits.records) {
    bytes += RawBytes(records[count]);
    if (count > 0 && bytes > limits.bytes) break;
    ++count;
  }
  return count;
}

}  // namespace

Journal::Journal(std::unique_ptr<State> state) : state_(std::move(state)) {}

Journal::~Journal() {
  if (state_ == nullptr || state_->database == nullptr || !state_->Refusal()) return;
  // What RocksDB did since the last write. If this fails, the next open knows a little less.
  rocksdb::WriteBatch nothing(0, 0, kProtectionBytes, 0);
  if (state_->latch->Grown()) static_cast<void>(state_->Write(nothing, true));
}

Result<AppendedFrame> Journal::Append(std::span<const Record> records, FrameTime time,
                                      Durability durability) {
  return state_->AppendCommit(records, time, durability == Durability::kSynced);
}

std::uint64_t Journal::NextSeq() const { return state_->Look().appended.seq + 1; }

std::optional<Error> Journal::Poisoned() const { return state_->latch->Get(); }

std::size_t Journal::SegmentCount() const { return state_->Look().segments->size(); }

Status Journal::NewEpoch(std::uint64_t epoch) {
  if (epoch < state_->epoch) {
    return Fail(Code::kInvalid, "epoch " + std::to_string(epoch) + " is less than " +
                                    std::to_string(state_->epoch));
  }
  state_->epoch = epoch;
  return {};
}

Status Journal::Sync() {
  if (Status refusal = state_->Refusal(); !refusal) return refusal;
  const State::Published now = state_->Look();
  if (now.appended == now.durable) return {};
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  batch.Put(state_->database->latest(), kHeadKey, EncodeHead(now.appended));
  if (Status written = state_->Write(batch, true); !written) return written;
  const std::scoped_lock lock(state_->mutex);
  state_->published.durable = now.appended;
  return {};
}

bool Journal::RotationDue(FrameTime time) const {
  const State::Published now = state_->Look();
  const Segment& newest = now.segments->back();
  if (newest.first_seq == 0) return false;
  return state_->segment_bytes >= state_->options.segment_bytes_max ||
         now.appended.seq - newest.first_seq >= state_->options.segment_records_max ||
         time.wall_us - newest.first_wall_us >= state_->options.segment_age_max_us;
}

std::uint64_t Journal::SegmentBytes() const { return state_->segment_bytes; }

Result<std::optional<AppendedFrame>> Journal::Rotate(FrameTime time,
                                                     std::span<const Record> records) {
  if (Status refusal = state_->Refusal(); !refusal) return Fail(refusal.error());
  // Encoded before the segment exists, so that a baseline we cannot write changes nothing.
  const Result<std::vector<EncodedFrame>> frames =
      state_->EncodeFrames(kFlagBaseline, records, time);
  if (!frames) return Fail(frames.error().In("baseline"));
  if (Status turned = state_->Turn(); !turned) return Fail(turned.error());
  state_->segment_bytes = 0;
  state_->bases->Clear();
  state_->latch->MarkGrown();
  if (records.empty()) return std::optional<AppendedFrame>();
  Result<AppendedFrame> appended = state_->AppendFrames(records, *frames, true);
  if (!appended) return Fail(appended.error());
  return std::optional<AppendedFrame>(*appended);
}

// A new newest segment; one that holds nothing yet will do.
Status Journal::State::Turn() {
  std::vector<Segment> segments = *Look().segments;
  if (segments.back().first_seq == 0) return {};
  Result<Segment> segment = database->AddSegment(segments.back().number + 1);
  if (!segment) {
    latch->Trip("new segment: " + segment.error().message);
    return Fail(Code::kUnknown, "new segment: " + segment.error().message);
  }
  segments.push_back(*segment);
  const std::scoped_lock lock(mutex);
  published.segments = std::make_shared<const std::vector<Segment>>(std::move(segments));
  return {};
}

Status Journal::State::Refusal() const {
  const std::optional<Error> first = latch->Get();
  if (!first) return {};
  return Fail(Code::kUnavailable,
              "the journal takes no more writes since the first error: " + first->message +
                  "; close it, open it again and compare its head with the anchor");
}

Status Journal::State::Write(rocksdb::WriteBatch& batch, bool sync) {
  if (latch->TakeGrown()) {
    const Result<Fence> fence = database->MakeFence(false);
    if (!fence) return Fail(fence.error());
    batch.Put(database->latest(), kFenceKey, EncodeFence(*fence));
  }
  const rocksdb::Status written = database->db().Write(WriteSettings(sync), &batch);
  if (written.ok()) return {};
  latch->Trip(written.ToString());
  return Fail(Code::kUnknown, "journal write: " + written.ToString());
}

Status Journal::State::PutFrame(rocksdb::WriteBatch& batch, const Segment& segment,
                                const EncodedFrame& frame, std::span<const Record> records) const {
  rocksdb::Status put =
      batch.Put(segment.records.get(), SeqKey(frame.header.first_seq), frame.bytes);
  for (std::size_t i = 0; i < records.size() && put.ok(); ++i) {
    const std::set<std::string_view> subjects(records[i].subjects.begin(),
                                              records[i].subjects.end());
    for (const std::string_view subject : subjects) {
      put = batch.Put(segment.index.get(), SubjectKey(subject, frame.header.first_seq + i), "");
    }
  }
  const JournalHead head{database->journal_id(), frame.header.epoch, frame.header.last_seq(),
                         frame.chain};
  if (put.ok()) put = batch.Put(database->latest(), kHeadKey, EncodeHead(head));
  return put.ok() ? Status() : Fail(Code::kInternal, put.ToString());
}

// Readers see all frames of a write or none: whoever copies them gets whole commits.
void Journal::State::Publish(std::span<const Stored> frames, bool sync) {
  const std::scoped_lock lock(mutex);
  const Stored& last = frames.back();
  published.appended = {database->journal_id(), last.header.epoch, last.header.last_seq(),
                        last.chain};
  if (sync) published.durable = published.appended;
  for (const Stored& frame : frames) segment_bytes += frame.bytes;
  if (published.segments->back().first_seq != 0) return;
  std::vector<Segment> segments = *published.segments;
  segments.back().first_seq = frames.front().header.first_seq;
  segments.back().first_wall_us = frames.front().header.wall_us;
  published.segments = std::make_shared<const std::vector<Segment>>(std::move(segments));
}

Result<EncodedFrame> Journal::State::Encode(std::uint8_t flags, std::span<const Record> records,
                                            FrameTime time, const JournalHead& after) {
  FrameHeader header;
  header.flags = flags;
  header.first_seq = after.seq + 1;
  header.epoch = epoch;
  header.wall_us = time.wall_us;
  header.elapsed_us = time.elapsed_us;
  if (flags == kFlagBaseline) return EncodeFrame(header, records, after.chain);
  return EncodeFrame(header, records, after.chain, [this](const Record& record, std::uint64_t seq) {
    return bases->Next(record, seq);
  });
}

Result<AppendedFrame> Journal::State::AppendCommit(std::span<const Record> records, FrameTime time,
                                                   bool sync) {
  if (Status refusal = Refusal(); !refusal) return Fail(refusal.error());
  if (records.empty()) return Fail(Code::kInvalid, "a frame holds at least one record");
  const Result<std::vector<EncodedFrame>> frames = EncodeFrames(0, records, time);
  if (!frames) {
    bases->Clear();  // it knows records that are never written
    return Fail(frames.error());
  }
  return AppendFrames(records, *frames, sync);
}

// What does not fit one frame becomes several, each continuing the one before.
Result<std::vector<EncodedFrame>> Journal::State::EncodeFrames(std::uint8_t flags,
                                                               std::span<const Record> records,
                                                               FrameTime time) {
  std::vector<EncodedFrame> frames;
  JournalHead after = Look().appended;
  while (!records.empty()) {
    const std::size_t count =
        FrameCount(records, flags == kFlagBaseline ? kBaselineLimits : kCommitLimits);
    Result<EncodedFrame> frame = Encode(flags, records.first(count), time, after);
    if (!frame) return Fail(frame.error());
    after.seq = frame->header.last_seq();
    after.chain = frame->chain;
    frames.push_back(*std::move(frame));
    records = records.subspan(count);
  }
  return frames;
}

// All of them are one write: they are there together or not at all.
Result<AppendedFrame> Journal::State::AppendFrames(std::span<const Record> records,
                                                   const std::vector<EncodedFrame>& frames,
                                                   bool sync) {
  const auto segments = Look().segments;
  const Segment& segment = segments->back();
  std::size_t bytes = 0;
  for (const EncodedFrame& frame : frames) bytes += frame.bytes.size();
  rocksdb::WriteBatch batch(bytes + 256, 0, kProtectionBytes, 0);
  std::size_t start = 0;
  for (const EncodedFrame& frame : frames) {
    const Status put = PutFrame(batch, segment, frame, records.subspan(start, frame.header.n));
    if (!put) return Fail(put.error());
    start += frame.header.n;
  }
  if (Status written = Write(batch, sync); !written) return Fail(written.error());
  std::vector<Stored> stored;
  for (const EncodedFrame& frame : frames) {
    stored.push_back({frame.header, frame.chain, frame.bytes.size()});
  }
  Publish(stored, sync);
  return AppendedFrame{frames.front().header.first_seq, frames.back().header.last_seq(),
                       frames.back().chain, frames.size(), bytes};
}

}  // namespace pgo::journal
