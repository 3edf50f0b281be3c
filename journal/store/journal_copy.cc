// What makes a journal a copy of another one: frames as they are stored there, and the way back to
// the last one that both have.
#include <set>

#include "journal/store/journal_state.h"
#include "journal/store/keys.h"
#include "journal/store/settings.h"

namespace pgo::journal {
namespace {

bool OneCommit(const FrameHeader& a, const FrameHeader& b) {
  return a.epoch == b.epoch && a.wall_us == b.wall_us && a.elapsed_us == b.elapsed_us;
}

bool IsBaseline(const FrameView& frame) { return (frame.header.flags & kFlagBaseline) != 0; }

// How many of the frames, from the first, go into one segment.
std::size_t RunLength(std::span<const FrameView> frames) {
  std::size_t count = 1;
  for (; count < frames.size(); ++count) {
    const FrameView& before = frames[count - 1];
    if (!IsBaseline(frames[count])) continue;
    if (!IsBaseline(before) || !OneCommit(before.header, frames[count].header)) break;
  }
  return count;
}

}  // namespace

Result<AppendedFrame> Journal::AppendVerbatim(std::span<const std::string> frames) {
  if (Status refusal = state_->Refusal(); !refusal) return Fail(refusal.error());
  if (frames.empty()) return Fail(Code::kInvalid, "there are no frames to append");
  const JournalHead head = state_->Look().appended;
  ChainWalk walk(head.seq + 1, head.chain);
  std::vector<FrameView> views;
  std::uint64_t total = 0;
  std::uint64_t epoch = head.epoch;
  for (const std::string& bytes : frames) {
    Result<FrameView> view = ViewFrame(bytes);
    if (!view) return Fail(view.error());
    if (view->header.epoch < epoch) {
      return Fail(Code::kCorrupt, FrameName(view->header) + ": its epoch is of the past");
    }
    if (Status next = walk.Next(*view); !next) return Fail(next.error());
    epoch = view->header.epoch;
    total += bytes.size();
    views.push_back(*std::move(view));
  }
  state_->bases->Clear();  // what is written next here is stored whole
  const std::span<const FrameView> all = views;
  for (std::size_t at = 0; at < views.size();) {
    if (IsBaseline(views[at])) {
      if (Status turned = state_->Turn(); !turned) return Fail(turned.error());
      state_->segment_bytes = 0;
      state_->latch->MarkGrown();
    }
    const std::size_t count = RunLength(all.subspan(at));
    const Status written = state_->AppendRun(all.subspan(at, count), frames.subspan(at, count));
    if (!written) return Fail(written.error());
    at += count;
  }
  state_->epoch = epoch;
  return AppendedFrame{views.front().header.first_seq, views.back().header.last_seq(),
                       views.back().chain, views.size(), total};
}

Status Journal::State::AppendRun(std::span<const FrameView> frames,
                                 std::span<const std::string> bytes) {
  const auto segments = Look().segments;
  std::size_t size = 0;
  for (const std::string& frame : bytes) size += frame.size();
  rocksdb::WriteBatch batch(size + 256, 0, kProtectionBytes, 0);
  std::vector<Stored> stored;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    if (Status put = PutVerbatim(batch, segments->back(), frames[i], bytes[i]); !put) return put;
    stored.push_back({frames[i].header, frames[i].chain, bytes[i].size()});
  }
  if (Status written = Write(batch, true); !written) return written;
  Publish(stored, true);
  return {};
}

Status Journal::State::PutVerbatim(rocksdb::WriteBatch& batch, const Segment& segment,
                                   const FrameView& frame, const std::string& bytes) const {
  rocksdb::Status put = batch.Put(segment.records.get(), SeqKey(frame.header.first_seq), bytes);
  for (std::size_t i = 0; i < frame.items.size(); ++i) {
    const std::uint64_t seq = frame.header.first_seq + i;
    const Result<RecordView> record = ViewRecord(frame.items[i].bytes, seq);
    if (!record) return Fail(record.error());
    const std::set<std::string_view> subjects(record->subjects.begin(), record->subjects.end());
    for (const std::string_view subject : subjects) {
      if (put.ok()) put = batch.Put(segment.index.get(), SubjectKey(subject, seq), "");
    }
  }
  const JournalHead head{database->journal_id(), frame.header.epoch, frame.header.last_seq(),
                         frame.chain};
  if (put.ok()) put = batch.Put(database->latest(), kHeadKey, EncodeHead(head));
  return put.ok() ? Status() : Fail(Code::kInternal, put.ToString());
}

// Deletions of what is behind `seq`; `head` becomes what ends there, if a frame does.
Status Journal::State::DeleteBehind(rocksdb::WriteBatch& batch, const Segment& segment,
                                    std::uint64_t seq, JournalHead& head) const {
  FrameCursor cursor(database->db(), {segment});
  Result<bool> on_frame = cursor.SeekHolding(seq);
  bool found = false;
  for (; on_frame && *on_frame; on_frame = cursor.Next()) {
    const Result<FrameView> frame = cursor.Frame();
    if (!frame) return Fail(frame.error());
    if (frame->header.last_seq() == seq) {
      found = true;
      head.epoch = frame->header.epoch;
      head.seq = seq;
      head.chain = frame->chain;
      continue;
    }
    if (!found || IsBaseline(*frame)) break;
    batch.Delete(segment.records.get(), SeqKey(frame->header.first_seq));
    for (std::size_t i = 0; i < frame->items.size(); ++i) {
      const Result<RecordView> record =
          ViewRecord(frame->items[i].bytes, frame->header.first_seq + i);
      if (!record) return Fail(record.error());
      for (const std::string_view subject : record->subjects) {
        batch.Delete(segment.index.get(), SubjectKey(subject, frame->header.first_seq + i));
      }
    }
  }
  if (!on_frame) return Fail(on_frame.error());
  if (found && !*on_frame) return {};
  return Fail(Code::kInvalid,
              "no frame behind the newest baseline ends with record " + std::to_string(seq));
}

Status Journal::CutBack(std::uint64_t seq) {
  if (Status refusal = state_->Refusal(); !refusal) return refusal;
  if (Status synced = Sync(); !synced) return synced;
  const State::Published now = state_->Look();
  JournalHead head = now.appended;
  const Segment& newest = now.segments->back();
  if (seq == head.seq) return {};
  if (seq > head.seq || newest.first_seq == 0 || seq < newest.first_seq ||
      head.seq - seq > kCutMax) {
    return Fail(Code::kInvalid, "record " + std::to_string(seq) + " is not within the last " +
                                    std::to_string(kCutMax) + " of the newest segment");
  }
  rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
  if (Status cut = state_->DeleteBehind(batch, newest, seq, head); !cut) return cut;
  batch.Put(state_->database->latest(), kHeadKey, EncodeHead(head));
  if (Status written = state_->Write(batch, true); !written) return written;
  state_->bases->Clear();
  state_->epoch = head.epoch;
  const std::scoped_lock lock(state_->mutex);
  state_->published.appended = state_->published.durable = head;
  return {};
}

}  // namespace pgo::journal
