#include <algorithm>
#include <optional>

#include "journal/format/bundle.h"
#include "journal/format/bundle_layout.h"
#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

constexpr std::size_t kReadBytes = 64U << 10U;

std::string RangeName(std::uint64_t from, std::uint64_t end) {
  return "bytes " + std::to_string(from) + ".." + std::to_string(end == from ? from : end - 1);
}

// Walks through one bundle. Each step returns the first error.
class BundleParser {
 public:
  BundleParser(const Source& source, const BundleVisitor& visitor)
      : source_(source), visitor_(visitor) {}

  Result<BundleSummary> Run();

 private:
  Status ReadManifest();
  Result<bool> ReadEntry();  // false: that was the footer
  Status ReadFrame(const std::string& head, std::size_t len);
  Status ReadFooter(const std::string& head, std::size_t len);
  Status CompareFooter(std::string_view body, std::string_view digest, std::uint64_t start);
  Status ReadTail(std::uint64_t footer_start);

  // Appends exactly `size` bytes to `out`. Grows as bytes arrive: a length in damaged bytes does
  // not make it allocate what is not there.
  Status ReadExactly(std::string& out, std::size_t size, const char* what);
  tl::unexpected<Error> Corrupt(std::uint64_t from, const std::string& why) const;

  const Source& source_;
  const BundleVisitor& visitor_;
  Sha256 digest_;
  std::uint64_t offset_ = 0;
  std::string last_frame_;  // name of the last whole frame
  std::uint64_t manifest_end_ = 0;
  Hash manifest_digest_{};
  std::optional<ChainWalk> walk_;
  BundleSummary summary_;
};

tl::unexpected<Error> BundleParser::Corrupt(std::uint64_t from, const std::string& why) const {
  std::string message = "bundle, " + RangeName(from, offset_) + ": " + why;
  if (!last_frame_.empty()) message += "; the last good one is " + last_frame_;
  return Fail(Code::kCorrupt, std::move(message));
}

Status BundleParser::ReadExactly(std::string& out, std::size_t size, const char* what) {
  const std::uint64_t from = offset_;
  while (size > 0) {
    const std::size_t had = out.size();
    const std::size_t want = std::min(size, kReadBytes);
    out.resize(had + want);
    Result<std::size_t> got = source_(out.data() + had, want);
    if (!got) return Fail(got.error());
    out.resize(had + std::min(*got, want));
    if (*got == 0) return Corrupt(from, std::string("it ends inside ") + what);
    offset_ += *got;
    size -= std::min(*got, want);
  }
  return {};
}

Status BundleParser::ReadManifest() {
  std::string bytes;
  if (Status magic = ReadExactly(bytes, kBundleMagic.size(), "its first bytes"); !magic) {
    return magic;
  }
  if (bytes != kBundleMagic) return Corrupt(0, "this is not a bundle");
  if (Status head = ReadExactly(bytes, kEntryHeadBytes, "the manifest"); !head) return head;
  const std::size_t len = GetFixed<std::uint32_t>(bytes, kBundleMagic.size() + 1);
  if (bytes[kBundleMagic.size()] != kEntryManifest || len > kManifestBytesMax) {
    return Corrupt(kBundleMagic.size(), "here the manifest is due");
  }
  const std::size_t start = bytes.size();
  if (Status body = ReadExactly(bytes, len, "the manifest"); !body) return body;
  const std::string_view json = std::string_view(bytes).substr(start);
  Result<Manifest> manifest = ParseManifest(json);
  if (!manifest) return Corrupt(start, manifest.error().message);
  digest_.Update(bytes);
  manifest_digest_ = Sha256Of(json);
  manifest_end_ = offset_;
  summary_.manifest = *std::move(manifest);
  walk_.emplace(summary_.manifest.first_seq, summary_.manifest.start_chain);
  summary_.footer.chain = summary_.manifest.start_chain;
  summary_.footer.last_seq = summary_.manifest.first_seq - 1;
  return visitor_.manifest ? visitor_.manifest(summary_.manifest) : Status();
}

Result<bool> BundleParser::ReadEntry() {
  const std::uint64_t start = offset_;
  std::string head;
  if (Status read = ReadExactly(head, kEntryHeadBytes, "an entry"); !read) {
    return Fail(read.error());
  }
  const std::size_t len = GetFixed<std::uint32_t>(head, 1);
  const bool footer = head[0] == kEntryFooter;
  if (!footer && !IsFrameEntry(head[0])) {
    return Corrupt(start, "this is not the start of a frame or of the footer");
  }
  if (len > (footer ? kFooterBytesMax : kFrameEntryBytesMax)) {
    return Corrupt(start, "the length of an entry is over its limit");
  }
  Status entry = footer ? ReadFooter(head, len) : ReadFrame(head, len);
  if (!entry) return Fail(entry.error());
  return !footer;
}

Status BundleParser::ReadFrame(const std::string& head, std::size_t len) {
  const std::uint64_t start = offset_ - head.size();
  std::string bytes = head;
  if (Status body = ReadExactly(bytes, len, "a frame"); !body) return body;
  const Result<FrameView> frame = ViewFrameEntry(bytes);
  if (!frame) return Corrupt(start, frame.error().message);
  if (Status next = walk_->Next(*frame); !next) return Corrupt(start, next.error().message);
  digest_.Update(bytes);
  BundleFooter& footer = summary_.footer;
  AddPoint(footer.points, frame->header.first_seq, start);
  ++footer.frames;
  for (const FrameView::Item& item : frame->items) footer.records += item.leaf ? 0 : 1;
  footer.last_seq = frame->header.last_seq();
  footer.chain = frame->chain;
  last_frame_ = FrameName(frame->header);
  return visitor_.frame ? visitor_.frame(*frame, start) : Status();
}

Status BundleParser::ReadFooter(const std::string& head, std::size_t len) {
  const std::uint64_t start = offset_ - head.size();
  std::string bytes = head;
  if (Status body = ReadExactly(bytes, len, "the footer"); !body) return body;
  if (len < 2 * kChainBytes) return Corrupt(start, "the footer is too short");
  const std::string_view all = bytes;
  digest_.Update(all.substr(0, all.size() - kChainBytes));
  Status same = CompareFooter(all.substr(kEntryHeadBytes, len - kChainBytes),
                              all.substr(all.size() - kChainBytes), start);
  return same ? ReadTail(start) : same;
}

Status BundleParser::CompareFooter(std::string_view body, std::string_view digest,
                                   std::uint64_t start) {
  const std::string expected = FooterBody(summary_.footer);
  if (body.substr(0, body.size() - kChainBytes) != expected) {
    return Corrupt(start,
                   "the footer does not describe the frames before it: frames are missing "
                   "at the end, or the footer was changed");
  }
  const bool manifest_same = body.substr(expected.size()) == BytesOf(manifest_digest_);
  const bool all_same = digest == BytesOf(digest_.Finish());
  if (manifest_same && all_same) return {};
  const std::string manifest =
      "the manifest (" + RangeName(kBundleMagic.size(), manifest_end_) + ")";
  return Corrupt(start, manifest_same
                            ? "the digest of the whole bundle differs: bytes outside the frames "
                              "were changed, in the footer or in " +
                                  manifest
                            : manifest + " or its digest here was changed");
}

Status BundleParser::ReadTail(std::uint64_t footer_start) {
  const std::uint64_t start = offset_;
  std::string expected;
  PutFixed(expected, footer_start);
  expected += kBundleEnd;
  std::string tail;
  if (Status read = ReadExactly(tail, expected.size(), "its last bytes"); !read) return read;
  if (tail != expected) return Corrupt(start, "these are not the last bytes of a bundle");
  char more = 0;
  Result<std::size_t> got = source_(&more, 1);
  if (!got) return Fail(got.error());
  if (*got != 0) return Corrupt(offset_, "bytes follow the end");
  summary_.bytes = offset_;
  return {};
}

Result<BundleSummary> BundleParser::Run() {
  if (Status manifest = ReadManifest(); !manifest) return Fail(manifest.error());
  while (true) {
    const Result<bool> more = ReadEntry();
    if (!more) return Fail(more.error());
    if (!*more) return std::move(summary_);
  }
}

}  // namespace

Result<BundleSummary> ReadBundle(const Source& source, const BundleVisitor& visitor) {
  return BundleParser(source, visitor).Run();
}

}  // namespace pgo::journal
