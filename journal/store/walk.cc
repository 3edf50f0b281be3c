#include "journal/store/walk.h"

#include <utility>

#include "journal/format/wire.h"
#include "journal/store/keys.h"

namespace pgo::journal {

FrameCursor::FrameCursor(rocksdb::DB& db, std::vector<Segment> segments)
    : db_(db), segments_(std::move(segments)) {
  std::erase_if(segments_, [](const Segment& segment) { return segment.first_seq == 0; });
}

void FrameCursor::Enter(std::size_t segment) {
  if (iterator_ != nullptr && at_ == segment) return;
  at_ = segment;
  // RocksDB reads ahead by itself where blocks are read in a row; said here, each seek would pay.
  iterator_.reset(db_.NewIterator(rocksdb::ReadOptions(), segments_[segment].records.get()));
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

Result<std::optional<FrameCursor::Place>> FrameCursor::Find(std::uint64_t seq) {
  const Result<bool> found = SeekHolding(seq);
  if (!found) return Fail(found.error());
  if (!*found) return std::optional<Place>();
  const std::string_view bytes = iterator_->value().ToStringView();
  const Result<FrameHeader> header = DecodeHeader(bytes.substr(0, kHeaderBytes));
  if (!header) return Fail(header.error());
  if (bytes.size() != kHeaderBytes + header->len + kChainBytes ||
      ParseSeqKey(iterator_->key().ToStringView()) != header->first_seq) {
    return Fail(Code::kCorrupt, FrameName(*header) + " has another length or number than it says");
  }
  if (seq > header->last_seq()) return std::optional<Place>();
  const std::string_view body = bytes.substr(kHeaderBytes, header->len);
  Cursor cursor(body);
  std::size_t start = 0;
  for (std::uint64_t at = header->first_seq; at <= seq && cursor.ok(); ++at) {
    start = cursor.offset();
    cursor.Bytes(kRecordBytesMax, "record");
  }
  if (!cursor.ok()) return Fail(cursor.Problem().In(FrameName(*header)));
  return std::optional(Place{*header, body.substr(start, cursor.offset() - start)});
}

Result<std::optional<std::string>> StoredIn(FrameCursor& cursor, std::uint64_t seq) {
  const auto place = cursor.Find(seq);
  if (!place) return Fail(place.error());
  if (!*place) return std::optional<std::string>();
  return std::optional<std::string>((*place)->bytes);
}

}  // namespace pgo::journal
