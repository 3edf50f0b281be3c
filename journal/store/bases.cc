#include "journal/store/bases.h"

#include <utility>

#include "journal/query/decoder.h"
#include "journal/store/journal_state.h"

namespace pgo::journal {
namespace {

constexpr std::size_t kRowBytes = 256;  // of a row beside key and payload, about
// What an open spends on them: records looked at, and records read to rebuild their payloads.
constexpr std::size_t kWarmRecords = 32'768;
constexpr std::size_t kWarmReads = 16'384;

bool Fits(const Record& record) {
  return !record.subjects.empty() && record.payload.size() >= kDeltaPayloadBytesMin &&
         record.payload.size() <= kDeltaPayloadBytesMax;
}

}  // namespace

std::string Bases::KeyOf(std::uint16_t type, std::string_view subject) {
  std::string key(subject);
  key += static_cast<char>(type & 0xffU);
  key += static_cast<char>(type >> 8U);
  return key;
}

std::size_t Bases::BytesOf(const Row& row) {
  const std::size_t anchor = row.anchor ? row.anchor->payload.capacity() : 0;
  return kRowBytes + 2 * row.key.size() + row.newest.payload.capacity() + anchor;
}

void Bases::Shrink() {
  while (bytes_ > bytes_max_ && !rows_.empty()) {
    bytes_ -= BytesOf(rows_.back());
    by_key_.erase(rows_.back().key);
    rows_.pop_back();
  }
}

// What the next version of the row rests on; given_ holds its payload.
Base Bases::Rest(Row& row) {
  const bool step = (row.place + 1) % kBasesStep == 0;
  if (step && row.anchor) {
    Version anchor = *std::exchange(row.anchor, std::nullopt);
    std::swap(given_, anchor.payload);
    row.newest.depth = anchor.depth + 1;
    return {anchor.seq, given_};
  }
  std::swap(given_, row.newest.payload);
  const Base base{row.newest.seq, given_};
  if (row.place % kBasesStep == 0) row.anchor = Version{base.seq, row.newest.depth, given_};
  ++row.newest.depth;
  return base;
}

std::optional<Base> Bases::Next(const Record& record, std::uint64_t seq) {
  if (bytes_max_ == 0 || !Fits(record)) return std::nullopt;
  const std::string key = KeyOf(record.type, record.subjects.front());
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) {
    rows_.push_front({key, {seq, 0, record.payload}, 0, std::nullopt});
    by_key_[key] = rows_.begin();
    bytes_ += BytesOf(rows_.front());
    Shrink();
    return std::nullopt;
  }
  rows_.splice(rows_.begin(), rows_, found->second);
  Row& row = rows_.front();
  bytes_ -= BytesOf(row);
  std::optional<Base> base;
  if (row.place + 1 < kBasesMax) {
    base = Rest(row);
    ++row.place;
  } else {
    row.place = row.newest.depth = 0;
    row.anchor.reset();
  }
  row.newest.seq = seq;
  row.newest.payload = record.payload;
  bytes_ += BytesOf(row);
  Shrink();
  return base;
}

bool Bases::Learn(const Record& record, std::uint64_t seq, std::size_t depth) {
  if (!Fits(record)) return true;
  // Its place is not known, but that it rests on fewer records than there are before it.
  Row row{KeyOf(record.type, record.subjects.front()),
          {seq, depth, record.payload},
          depth,
          std::nullopt};
  if (bytes_ + BytesOf(row) > bytes_max_) return false;
  if (by_key_.contains(row.key)) return true;
  bytes_ += BytesOf(row);
  rows_.push_back(std::move(row));
  by_key_[rows_.back().key] = std::prev(rows_.end());
  return true;
}

bool Bases::Knows(std::uint16_t type, std::string_view subject) const {
  return by_key_.contains(KeyOf(type, subject));
}

void Bases::Clear() {
  rows_.clear();
  by_key_.clear();
  bytes_ = 0;
}

// Walks back from the end of the newest segment. What it does not reach is stored whole next time.
Status Journal::State::WarmBases() {
  const Segment segment = Look().segments->back();
  if (segment.first_seq == 0 || options.delta_bytes_max == 0) return {};
  FrameCursor newest(database->db(), {segment});
  FrameCursor others(database->db(), {segment});
  std::size_t looks = 0;
  std::size_t reads = 0;
  Decoder decoder(
      [&](std::uint64_t seq) -> Result<std::optional<std::string>> {
        ++reads;
        return StoredIn(others, seq);
      },
      Order::kNewestFirst);
  Result<bool> on_frame = newest.SeekLast();
  for (; on_frame && *on_frame; on_frame = newest.Previous()) {
    const Result<FrameView> frame = newest.Frame();
    if (!frame) return Fail(frame.error());
    if ((frame->header.flags & kFlagBaseline) != 0) break;
    for (std::size_t i = frame->items.size(); i-- > 0;) {
      if (++looks > kWarmRecords || reads > kWarmReads) return {};
      const std::uint64_t seq = frame->header.first_seq + i;
      const Result<RecordView> view = ViewRecord(frame->items[i].bytes, seq);
      if (!view) return Fail(view.error());
      if (view->subjects.empty() || bases->Knows(view->type, view->subjects.front())) continue;
      const Result<Record> record = decoder.Decode(frame->items[i].bytes, seq);
      if (!record) return Fail(record.error());
      if (!bases->Learn(*record, seq, decoder.depth())) return {};
    }
  }
  return on_frame ? Status() : Fail(on_frame.error());
}

}  // namespace pgo::journal
