#include "journal/format/bundle_layout.h"

#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

void ViewPartial(Cursor& cursor, FrameView& frame) {
  for (std::size_t i = 0; i < frame.header.n && cursor.ok(); ++i) {
    const auto tag = cursor.Fixed<std::uint8_t>("record's tag");
    FrameView::Item item;
    if (tag == kItemLeaf) {
      const std::string_view leaf = cursor.Take(kChainBytes, "leaf");
      if (cursor.ok()) item.leaf = HashFrom(leaf);
    } else if (tag == kItemBytes) {
      const auto len = cursor.Fixed<std::uint32_t>("record's length");
      item.bytes = cursor.Take(len, "record");
      if (len == 0) cursor.Refuse("record", "it is empty");
    } else {
      cursor.Refuse("record's tag", "it is not known to this program");
    }
    frame.items.push_back(item);
  }
}

Result<FrameView> ViewReduced(char kind, std::string_view body) {
  Result<FrameHeader> header = DecodeHeader(body.substr(0, kHeaderBytes));
  if (!header) return Fail(header.error());
  FrameView frame;
  frame.header = *header;
  frame.header_bytes = body.substr(0, kHeaderBytes);
  Cursor cursor(body.substr(kHeaderBytes));
  if (kind == kEntrySkipped) {
    const std::string_view root = cursor.Take(kChainBytes, "root");
    if (cursor.ok()) frame.root = HashFrom(root);
  } else {
    ViewPartial(cursor, frame);
  }
  const std::string_view chain = cursor.Take(kChainBytes, "chain");
  if (cursor.ok() && !cursor.AtEnd()) cursor.Refuse("frame", "bytes follow its end");
  if (!cursor.ok()) return Fail(cursor.Problem().In(FrameName(*header)));
  frame.chain = HashFrom(chain);
  return frame;
}

}  // namespace

std::string EntryHead(char kind, std::size_t len) {
  std::string out(1, kind);
  PutFixed(out, static_cast<std::uint32_t>(len));
  return out;
}

std::string FooterBody(const BundleFooter& footer) {
  std::string out;
  PutFixed(out, footer.frames);
  PutFixed(out, footer.records);
  PutFixed(out, footer.last_seq);
  out += BytesOf(footer.chain);
  PutFixed(out, static_cast<std::uint32_t>(footer.points.size()));
  for (const BundlePoint& point : footer.points) {
    PutFixed(out, point.first_seq);
    PutFixed(out, point.offset);
  }
  return out;
}

void AddPoint(std::vector<BundlePoint>& points, std::uint64_t first_seq, std::uint64_t offset) {
  if (points.empty() || offset - points.back().offset >= kPointSpacingBytes) {
    points.push_back({first_seq, offset});
  }
}

std::size_t FrameEntryBytes(std::string_view head) {
  if (head.size() < kEntryHeadBytes || !IsFrameEntry(head[0])) return 0;
  const auto len = GetFixed<std::uint32_t>(head, 1);
  return len > kFrameEntryBytesMax ? 0 : kEntryHeadBytes + len;
}

Result<FrameView> ViewFrameEntry(std::string_view bytes) {
  const std::size_t size = FrameEntryBytes(bytes);
  if (size == 0) return Fail(Code::kCorrupt, "not the entry of a frame");
  if (bytes.size() != size) return Fail(Code::kCorrupt, "the entry is not whole");
  const std::string_view body = bytes.substr(kEntryHeadBytes);
  return bytes[0] == kEntryFrame ? ViewFrame(body) : ViewReduced(bytes[0], body);
}

}  // namespace pgo::journal
