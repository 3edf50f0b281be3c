#include "journal/testing/fuzz.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/base/check.h"
#include "journal/format/bundle.h"
#include "journal/format/wire.h"
#include "journal/query/decoder.h"

namespace pgo::journal::testing {
namespace {

constexpr std::uint64_t kSeq = 1000;

std::string_view TextOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

template <typename T>
void CheckRefusal(const Result<T>& result) {
  PGO_CHECK(result.has_value() || result.error().code == Code::kCorrupt, "bad bytes are kCorrupt");
  PGO_CHECK(result.has_value() || !result.error().message.empty(), "an error says what");
}

}  // namespace

int FuzzRecord(const std::uint8_t* data, std::size_t size) {
  const Result<Record> record = DecodeRecord(TextOf(data, size), kSeq);
  CheckRefusal(record);
  if (!record) return 0;
  const Result<std::string> again = EncodeRecord(*record, kSeq);
  PGO_CHECK(again.has_value(), "what is read can be written");
  const Result<Record> same = DecodeRecord(*again, kSeq);
  PGO_CHECK(same.has_value() && *same == *record, "and means the same");
  return 0;
}

int FuzzFrame(const std::uint8_t* data, std::size_t size) {
  const Result<FrameView> frame = ViewFrame(TextOf(data, size));
  CheckRefusal(frame);
  if (!frame) return 0;
  PGO_CHECK(frame->items.size() == frame->header.n, "a frame has the records it states");
  PGO_CHECK(EncodeHeader(frame->header) == frame->header_bytes, "a header has one encoding");
  static_cast<void>(CheckChain(*frame, Hash{}));
  for (std::size_t i = 0; i < frame->items.size(); ++i) CheckRefusal(RecordAt(*frame, i));
  return 0;
}

int FuzzChain(const std::uint8_t* data, std::size_t size) {
  std::vector<std::string_view> records;
  std::string_view left = TextOf(data, size);
  while (left.size() >= 2) {
    const auto length = GetFixed<std::uint16_t>(left, 0);
    records.push_back(left.substr(2, length));
    left.remove_prefix(std::min<std::size_t>(left.size(), 2U + length));
  }
  const auto fetch = [&](std::uint64_t seq) -> Result<std::optional<std::string>> {
    if (seq == 0 || seq > records.size()) return std::optional<std::string>();
    return std::optional(std::string(records[seq - 1]));
  };
  for (const Order order : {Order::kOldestFirst, Order::kNewestFirst}) {
    Decoder decoder(fetch, order, 1U << 16U);
    for (std::uint64_t seq = records.size(); seq > 0; --seq) {
      const Result<Record> record = decoder.Decode(records[seq - 1], seq);
      CheckRefusal(record);
      PGO_CHECK(!record || decoder.depth() <= kBasesMax, "a chain is bounded");
      const Result<Record> alone = Decoder(fetch).Decode(records[seq - 1], seq);
      PGO_CHECK(alone.has_value() == record.has_value(), "what is kept changes no answer");
      PGO_CHECK(!record || *record == *alone, "what is kept changes no payload");
    }
  }
  return 0;
}

int FuzzBundle(const std::uint8_t* data, std::size_t size) {
  std::size_t at = 0;
  const Source source = [&](char* buffer, std::size_t want) -> Result<std::size_t> {
    const std::size_t count = std::min(want, size - at);
    if (count > 0) std::memcpy(buffer, data + at, count);
    at += count;
    return count;
  };
  BundleVisitor visitor;
  visitor.frame = [](const FrameView& frame, std::uint64_t) {
    for (std::size_t i = 0; i < frame.items.size(); ++i) CheckRefusal(RecordAt(frame, i));
    return Status();
  };
  CheckRefusal(ReadBundle(source, visitor));
  return 0;
}

}  // namespace pgo::journal::testing
