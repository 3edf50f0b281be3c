#include "journal/query/decoder.h"

#include <utility>

namespace pgo::journal {
namespace {

std::string NameOf(std::uint64_t seq) { return "record " + std::to_string(seq); }

bool MayBeBase(const RecordView& view, const std::string& payload) {
  return !view.subjects.empty() && payload.size() >= kDeltaPayloadBytesMin &&
         payload.size() <= kDeltaPayloadBytesMax;
}

}  // namespace

// One record on the way back: its payload as stored.
struct Decoder::Link {
  std::uint64_t seq;
  Codec codec;
  std::uint64_t base;
  std::string stored;
};

Decoder::Decoder(Fetch fetch, Order order, std::size_t kept_bytes)
    : fetch_(std::move(fetch)), order_(order), kept_bytes_max_(kept_bytes) {}

Decoder::Decoder(const Reader& reader, Order order)
    : Decoder([&reader](std::uint64_t seq) { return StoredRecord(reader, seq); }, order) {}

const Decoder::Kept* Decoder::Find(std::uint64_t seq) {
  const auto found = by_seq_.find(seq);
  if (found == by_seq_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, found->second);
  return &kept_.front();
}

void Decoder::Forget(std::uint64_t seq) {
  const auto found = by_seq_.find(seq);
  if (found == by_seq_.end()) return;
  kept_bytes_ -= found->second->payload.size();
  kept_.erase(found->second);
  by_seq_.erase(found);
}

void Decoder::Keep(std::uint64_t seq, const std::string& payload, std::size_t depth) {
  if (payload.size() > kept_bytes_max_) return;
  Forget(seq);
  kept_.push_front({seq, payload, depth, anchor_, false});
  by_seq_[seq] = kept_.begin();
  kept_bytes_ += payload.size();
  while (kept_bytes_ > kept_bytes_max_) Forget(kept_.back().seq);
}

// In the order of time: whether another record was read already that rests on this base. The next
// of a row rests on the one before it, and now and then one on the one a step before; what neither
// can rest on any more is forgotten.
bool Decoder::Use(std::uint64_t base) {
  const auto found = by_seq_.find(base);
  if (found == by_seq_.end()) return false;
  const bool again = std::exchange(found->second->used, true);
  if (again || !found->second->anchor) Forget(base);
  return again;
}

// The records behind `base`, itself first, back to one that is kept (and not given) or whole.
Result<std::vector<Decoder::Link>> Decoder::WalkBack(std::uint64_t base) {
  std::vector<Link> links;
  while (Find(base) == nullptr) {
    if (links.size() == kBasesMax) {
      return Fail(Code::kCorrupt,
                  "its payload rests on more than " + std::to_string(kBasesMax) + " others");
    }
    const Result<std::optional<std::string>> bytes = fetch_(base);
    if (!bytes) return Fail(bytes.error());
    if (!*bytes) return Fail(Code::kCorrupt, "its base, " + NameOf(base) + ", is not kept here");
    const Result<RecordView> view = ViewRecord(**bytes, base);
    if (!view) return Fail(view.error());
    links.push_back({base, view->codec, view->base, std::string(view->stored_payload)});
    if (view->codec != Codec::kDelta) break;
    base = view->base;
  }
  return links;
}

Result<std::string> Decoder::Payload(const RecordView& view) {
  depth_ = 0;
  anchor_ = true;
  if (view.codec != Codec::kDelta) return DecodePayload(view);
  anchor_ = false;
  Result<std::vector<Link>> links = WalkBack(view.base);
  if (!links) return Fail(links.error());
  std::string payload;  // of the record before the one in turn
  if (links->empty() || links->back().codec == Codec::kDelta) {
    const Kept* kept = Find(links->empty() ? view.base : links->back().base);
    payload = kept->payload;
    depth_ = kept->depth + 1;
  }
  if (depth_ + links->size() > kBasesMax) {
    return Fail(Code::kCorrupt,
                "its payload rests on more than " + std::to_string(kBasesMax) + " others");
  }
  for (auto link = links->rbegin(); link != links->rend(); ++link) {
    RecordView one;
    one.codec = link->codec;
    one.base = link->base;
    one.stored_payload = link->stored;
    Result<std::string> next = DecodePayload(one, payload);
    if (!next) return Fail(next.error().In(NameOf(link->seq)));
    payload = *std::move(next);
    if (order_ == Order::kNewestFirst) Keep(link->seq, payload, depth_);
    ++depth_;
  }
  if (order_ == Order::kOldestFirst) anchor_ = Use(view.base);
  return DecodePayload(view, payload);
}

Result<Record> Decoder::Decode(std::string_view bytes, std::uint64_t seq) {
  const Result<RecordView> view = ViewRecord(bytes, seq);
  if (!view) return Fail(view.error());
  Record record = RecordOf(*view);
  if (const Kept* kept = Find(seq)) {
    record.payload = kept->payload;
    depth_ = kept->depth;
    return record;
  }
  Result<std::string> payload = Payload(*view);
  if (!payload) return Fail(payload.error().In(NameOf(seq)));
  record.payload = *std::move(payload);
  if (MayBeBase(*view, record.payload)) Keep(seq, record.payload, depth_);
  return record;
}

Result<std::optional<Record>> Decoder::RecordAt(const FrameView& frame, std::size_t index) {
  if (frame.root || frame.items[index].leaf) return std::optional<Record>();
  Result<Record> record = Decode(frame.items[index].bytes, frame.header.first_seq + index);
  if (!record) return Fail(record.error());
  return std::optional<Record>(*std::move(record));
}

Result<std::optional<std::string>> StoredRecord(const Reader& reader, std::uint64_t seq) {
  std::optional<std::string> bytes;
  const Status walked = reader.Frames({seq, seq}, [&](const FrameView& frame) {
    if (frame.root) return false;
    const FrameView::Item& item = frame.items[seq - frame.header.first_seq];
    if (!item.leaf) bytes = std::string(item.bytes);
    return false;
  });
  if (!walked && walked.error().code != Code::kNotFound) return Fail(walked.error());
  return bytes;
}

}  // namespace pgo::journal
