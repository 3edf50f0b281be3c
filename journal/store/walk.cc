#include "journal/store/walk.h"

#include <utility>

#include "journal/store/keys.h"

namespace pgo::journal {

FrameCursor::FrameCursor(rocksdb::DB& db, std::vector<Segment> segments)
    : db_(db), segments_(std::move(segments)) {
  std::erase_if(segments_, [](const Segment& segment) { return segment.first_seq == 0; });
}

void FrameCursor::Enter(std::size_t segment) {
  at_ = segment;
  rocksdb::ReadOptions options;
  options.readahead_size = 256U << 10U;
  iterator_.reset(db_.NewIterator(options, segments_[segment].records));
}

Result<bool> FrameCursor::Valid() const {
  if (!iterator_->status().ok()) return Fail(FromRocks(iterator_->status()));
  return iterator_->Valid();
}

Result<bool> FrameCursor::SeekLast() {
  if (segments_.empty()) return false;
  Enter(segments_.size() - 1);
  iterator_->SeekToLast();
  return Valid();
}

Result<bool> FrameCursor::SeekHolding(std::uint64_t seq) {
  std::size_t segment = segments_.size();
  while (segment > 0 && segments_[segment - 1].first_seq > seq) --segment;
  if (segment == 0) return false;
  Enter(segment - 1);
  iterator_->SeekForPrev(SeqKey(seq));
  return Valid();
}

Result<bool> FrameCursor::Next() {
  iterator_->Next();
  Result<bool> valid = Valid();
  if (!valid || *valid || at_ + 1 == segments_.size()) return valid;
  Enter(at_ + 1);
  iterator_->SeekToFirst();
  return Valid();
}

Result<bool> FrameCursor::Previous() {
  iterator_->Prev();
  Result<bool> valid = Valid();
  if (!valid || *valid || at_ == 0) return valid;
  Enter(at_ - 1);
  iterator_->SeekToLast();
  return Valid();
}

Result<FrameView> FrameCursor::Frame() const {
  const auto key = ParseSeqKey(iterator_->key().ToStringView());
  Result<FrameView> frame = ViewFrame(iterator_->value().ToStringView());
  if (!frame) {
    return Fail(frame.error().In("frame at " + (key ? std::to_string(*key) : "a wrong key")));
  }
  if (key != frame->header.first_seq) {
    return Fail(Code::kCorrupt, FrameName(frame->header) + " is stored under another number");
  }
  return frame;
}

}  // namespace pgo::journal
