#include <algorithm>
#include <optional>

#include "journal/format/bundle.h"
#include "journal/format/bundle_layout.h"
#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {
namespace {

char KindOf(const FrameView& frame) {
  if (frame.root) return kEntrySkipped;
  const bool partial =
      std::any_of(frame.items.begin(), frame.items.end(), [](const auto& i) { return i.leaf; });
  return partial ? kEntryPartial : kEntryFrame;
}

std::string BodyOf(char kind, const FrameView& frame) {
  std::string out(frame.header_bytes);
  if (frame.root) out += BytesOf(*frame.root);
  for (const FrameView::Item& item : frame.items) {
    if (kind == kEntryPartial) out += item.leaf ? kItemLeaf : kItemBytes;
    if (item.leaf) {
      out += BytesOf(*item.leaf);
      continue;
    }
    if (kind == kEntryPartial) PutFixed(out, static_cast<std::uint32_t>(item.bytes.size()));
    out += item.bytes;
  }
  out += BytesOf(frame.chain);
  return out;
}

}  // namespace

struct BundleWriter::State {
  explicit State(Sink to) : sink(std::move(to)) {}

  Status Write(std::string_view bytes) {
    digest.Update(bytes);
    offset += bytes.size();
    return sink(bytes);
  }
  Status WriteEntry(char kind, std::string_view body) {
    if (Status head = Write(EntryHead(kind, body.size())); !head) return head;
    return Write(body);
  }

  Sink sink;
  Sha256 digest;  // of everything written so far
  std::uint64_t offset = 0;
  std::optional<ChainWalk> walk;
  Hash manifest_digest{};
  BundleFooter footer;
};

BundleWriter::BundleWriter(Sink sink) : state_(std::make_unique<State>(std::move(sink))) {}
BundleWriter::~BundleWriter() = default;

Status BundleWriter::Begin(const Manifest& manifest) {
  if (state_->walk) return Fail(Code::kInvalid, "the bundle was begun before");
  const std::string json = ManifestJson(manifest);
  if (json.size() > kManifestBytesMax) return Fail(Code::kInvalid, "the manifest is too large");
  if (Result<Manifest> same = ParseManifest(json); !same) {
    return Fail(Code::kInvalid, same.error().message);
  }
  state_->walk.emplace(manifest.first_seq, manifest.start_chain);
  state_->footer.chain = manifest.start_chain;
  state_->footer.last_seq = manifest.first_seq - 1;
  state_->manifest_digest = Sha256Of(json);
  if (Status magic = state_->Write(kBundleMagic); !magic) return magic;
  return state_->WriteEntry(kEntryManifest, json);
}

Status BundleWriter::Add(const FrameView& frame) {
  if (!state_->walk) return Fail(Code::kInvalid, "the bundle was not begun");
  if (Status next = state_->walk->Next(frame); !next) {
    return Fail(Code::kInvalid, next.error().message);
  }
  BundleFooter& footer = state_->footer;
  AddPoint(footer.points, frame.header.first_seq, state_->offset);
  ++footer.frames;
  for (const FrameView::Item& item : frame.items) footer.records += item.leaf ? 0 : 1;
  footer.last_seq = frame.header.last_seq();
  footer.chain = frame.chain;
  const char kind = KindOf(frame);
  return state_->WriteEntry(kind, BodyOf(kind, frame));
}

Result<BundleFooter> BundleWriter::End() {
  if (!state_->walk) return Fail(Code::kInvalid, "the bundle was not begun");
  const std::uint64_t start = state_->offset;
  std::string body = FooterBody(state_->footer);
  body += BytesOf(state_->manifest_digest);
  const std::size_t len = body.size() + kChainBytes;
  if (len > kFooterBytesMax) return Fail(Code::kInvalid, "the bundle is too large");
  if (Status head = state_->Write(EntryHead(kEntryFooter, len) + body); !head) {
    return Fail(head.error());
  }
  const Hash digest = state_->digest.Finish();
  std::string tail(BytesOf(digest));
  PutFixed(tail, start);
  tail += kBundleEnd;
  if (Status end = state_->sink(tail); !end) return Fail(end.error());
  return state_->footer;
}

}  // namespace pgo::journal
