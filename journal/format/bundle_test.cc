#include "journal/format/bundle.h"

#include <gtest/gtest.h>

#include "journal/format/bundle_layout.h"
#include "journal/format/sha256.h"
#include "journal/format/wire.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::MakeBundle;
using testing::MakeFrames;
using testing::Ok;
using testing::Random;
using testing::ReadAll;

// Frames with small records, so that injuring every byte stays quick.
std::vector<EncodedFrame> SmallFrames(std::size_t count) {
  std::vector<EncodedFrame> frames;
  FrameHeader header;
  header.first_seq = 1;
  Hash chain = GenesisOf(testing::TestId());
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<Record> records{
        testing::SmallRecord(header.first_seq, "pod/a"),
        testing::SmallRecord(header.first_seq + 1, i % 2 == 0 ? "pod/b" : "pod/c")};
    frames.push_back(*EncodeFrame(header, records, chain));
    chain = frames.back().chain;
    header.first_seq += 2;
  }
  return frames;
}

// Writes frame views into a bundle that is whole but for what the caller did to the views.
std::string Raw(const std::vector<std::string>& entries, const std::vector<EncodedFrame>& frames) {
  const std::string whole = MakeBundle(frames);
  const std::size_t manifest = GetFixed<std::uint32_t>(whole, 9);
  std::string out = whole.substr(0, 13 + manifest);
  for (const std::string& entry : entries) out += EntryHead('F', entry.size()) + entry;
  return out + whole.substr(whole.size() - 400);
}

TEST(BundleTest, RoundTrips) {
  Random random(21);
  const auto frames = MakeFrames(random, 300);
  const std::string bundle = MakeBundle(frames);
  std::size_t seen = 0;
  BundleVisitor visitor;
  visitor.frame = [&](const FrameView& frame, std::uint64_t offset) {
    EXPECT_EQ(frame.header, frames[seen].header);
    EXPECT_EQ(bundle.substr(offset + kEntryHeadBytes, frames[seen].bytes.size()),
              frames[seen].bytes);
    ++seen;
    return Status();
  };
  const auto summary = ReadBundle(testing::SourceOf(bundle), visitor);
  ASSERT_TRUE(Ok(summary));
  EXPECT_EQ(seen, frames.size());
  EXPECT_EQ(summary->bytes, bundle.size());
  EXPECT_EQ(summary->manifest.build, "test");
  EXPECT_EQ(summary->footer.frames, 300U);
  EXPECT_EQ(summary->footer.chain, frames.back().chain);
  EXPECT_GT(summary->footer.points.size(), 5U);
}

TEST(BundleTest, MayBeEmpty) {
  const auto summary = ReadAll(MakeBundle({}));
  ASSERT_TRUE(Ok(summary));
  EXPECT_EQ(summary->footer.last_seq, 0U);
}

TEST(BundleTest, EveryChangedByteIsNamed) {
  const std::string bundle = MakeBundle(SmallFrames(12));
  for (std::size_t i = 0; i < bundle.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = bundle;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      ASSERT_TRUE(Fails(ReadAll(damaged), Code::kCorrupt, "bytes ")) << "byte " << i;
    }
  }
}

TEST(BundleTest, EveryTruncationIsNamed) {
  const std::string bundle = MakeBundle(SmallFrames(12));
  for (std::size_t size = 0; size < bundle.size(); ++size) {
    ASSERT_TRUE(Fails(ReadAll(bundle.substr(0, size)), Code::kCorrupt, "it ends inside")) << size;
  }
  EXPECT_TRUE(Fails(ReadAll(bundle + "x"), Code::kCorrupt, "bytes follow the end"));
}

TEST(BundleTest, NamesFramesOutOfPlace) {
  const auto frames = SmallFrames(6);
  std::vector<std::string> good;
  for (const EncodedFrame& frame : frames) good.push_back(frame.bytes);

  std::vector<std::string> deleted = good;
  deleted.erase(deleted.begin() + 2);
  EXPECT_TRUE(Fails(ReadAll(Raw(deleted, frames)), Code::kCorrupt, "where record 5 is due"));

  std::vector<std::string> repeated = good;
  repeated.insert(repeated.begin() + 2, good[1]);
  EXPECT_TRUE(Fails(ReadAll(Raw(repeated, frames)), Code::kCorrupt, "frame 3..4: stands where"));

  std::vector<std::string> swapped = good;
  std::swap(swapped[3], swapped[4]);
  EXPECT_TRUE(Fails(ReadAll(Raw(swapped, frames)), Code::kCorrupt, "frame 9..10: stands where"));

  const std::vector<std::string> shorter(good.begin(), good.end() - 1);
  EXPECT_TRUE(Fails(ReadAll(Raw(shorter, frames)), Code::kCorrupt, ""));
}

TEST(BundleTest, NoticesAnEditThatFixesTheDigests) {
  const auto frames = SmallFrames(6);
  std::string bundle = MakeBundle(frames);
  const std::size_t at = bundle.find("payload of 5");
  ASSERT_NE(at, std::string::npos);
  bundle[at] = 'P';
  const std::size_t digest_at = bundle.size() - 16 - 32;
  const Hash digest = Sha256Of(std::string_view(bundle).substr(0, digest_at));
  bundle.replace(digest_at, 32, BytesOf(digest));
  EXPECT_TRUE(Fails(ReadAll(bundle), Code::kCorrupt, "frame 5..6"));
}

TEST(BundleTest, NamesTheManifest) {
  std::string bundle = MakeBundle(SmallFrames(3));
  const std::size_t at = bundle.find("\"build\":\"test\"");
  ASSERT_NE(at, std::string::npos);
  bundle.replace(at, 14, "\"build\":\"tost\"");
  EXPECT_TRUE(Fails(ReadAll(bundle), Code::kCorrupt, "the manifest (bytes 8.."));
}

TEST(BundleTest, StartsAfterItsManifestSays) {
  const auto frames = SmallFrames(4);
  std::string out;
  BundleWriter writer([&out](std::string_view bytes) {
    out += bytes;
    return Status();
  });
  Manifest manifest;
  manifest.journal_id = testing::TestId();
  manifest.first_seq = 3;
  manifest.start_chain = frames[0].chain;
  ASSERT_TRUE(Ok(writer.Begin(manifest)));
  EXPECT_TRUE(Fails(writer.Add(*ViewFrame(frames[2].bytes)), Code::kInvalid));
  ASSERT_TRUE(Ok(writer.Add(*ViewFrame(frames[1].bytes))));
  ASSERT_TRUE(Ok(writer.End()));
  const auto summary = ReadAll(out);
  ASSERT_TRUE(Ok(summary));
  EXPECT_EQ(summary->manifest.first_seq, 3U);
  EXPECT_EQ(summary->footer.last_seq, 4U);
}

TEST(BundleTest, CarriesElidedRecordsThatStillVerify) {
  const auto frames = SmallFrames(3);
  std::string out;
  BundleWriter writer([&out](std::string_view bytes) {
    out += bytes;
    return Status();
  });
  Manifest manifest;
  manifest.journal_id = testing::TestId();
  manifest.start_chain = GenesisOf(testing::TestId());
  ASSERT_TRUE(Ok(writer.Begin(manifest)));
  FrameView first = *ViewFrame(frames[0].bytes);
  first.items[0] = {{}, LeafOf(first.items[0].bytes)};
  ASSERT_TRUE(Ok(writer.Add(first)));
  FrameView second = *ViewFrame(frames[1].bytes);
  const std::vector<Hash> leaves{LeafOf(second.items[0].bytes), LeafOf(second.items[1].bytes)};
  second.items.clear();
  second.root = RootOf(leaves);
  ASSERT_TRUE(Ok(writer.Add(second)));
  ASSERT_TRUE(Ok(writer.Add(*ViewFrame(frames[2].bytes))));
  ASSERT_TRUE(Ok(writer.End()));
  EXPECT_EQ(out.find("payload of 1"), std::string::npos);
  EXPECT_NE(out.find("payload of 2"), std::string::npos);
  EXPECT_EQ(out.find("payload of 3"), std::string::npos);
  const auto summary = ReadAll(out);
  ASSERT_TRUE(Ok(summary));
  EXPECT_EQ(summary->footer.records, 3U);
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::string damaged = out;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    ASSERT_TRUE(Fails(ReadAll(damaged), Code::kCorrupt, "bytes ")) << i;
  }
}

TEST(BundleTest, StopsAtTheFirstErrorOfItsSinkOrVisitor) {
  BundleWriter writer([](std::string_view) { return Fail(Code::kUnavailable, "full"); });
  Manifest manifest;
  manifest.start_chain = GenesisOf(manifest.journal_id);
  EXPECT_TRUE(Fails(writer.Begin(manifest), Code::kUnavailable, "full"));
  BundleVisitor visitor;
  visitor.frame = [](const FrameView&, std::uint64_t) -> Status {
    return Fail(Code::kConflict, "enough");
  };
  const std::string bundle = MakeBundle(SmallFrames(3));
  EXPECT_TRUE(Fails(ReadBundle(testing::SourceOf(bundle), visitor), Code::kConflict, "enough"));
}

}  // namespace
}  // namespace pgo::journal
