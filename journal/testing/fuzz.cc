#include "journal/testing/fuzz.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "engine/base/check.h"
#include "journal/format/bundle.h"

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
