#include "journal/format/frame.h"

#include <gtest/gtest.h>

#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::Random;

std::string HexOfText(std::string_view text) {
  return HexOf({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

std::string TextOfHex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  }
  return out;
}

std::vector<Record> GoldenRecords() {
  Record first;
  first.type = 3;
  first.schema = 1;
  first.source = 2;
  first.causes = {1, 298};
  first.subjects = {"cluster/db/hippo", "pod/db/hippo-1"};
  first.rv = "12345";
  first.payload = "{\"phase\":\"Running\"}";
  Record second;
  second.type = 300;
  second.causes = {300};
  second.subjects = {"cluster/db/hippo"};
  second.payload = "ok";
  return {first, second};
}

FrameHeader GoldenHeader() {
  FrameHeader header;
  header.first_seq = 300;
  header.epoch = 7;
  header.wall_us = 1'777'864'325'118'000;
  header.elapsed_us = 86'400'000'000;
  return header;
}

// These bytes are for ever: a journal written years ago must read like this. If this test fails,
// the change is wrong, not the bytes.
constexpr std::string_view kGoldenFrame =
    "01000200630000002c01000000000000070000000000000030b88e4bf55006000060d71d1400000044030100"
    "020002d604d1040210636c75737465722f64622f686970706f0e706f642f64622f686970706f2d3105313233"
    "34357b227068617365223a2252756e6e696e67227d1dac020000000001020110636c75737465722f64622f68"
    "6970706f006f6b7d4ab579005aaf82b456f03a12b020c38c4c4b4c806ee9599976135e17387f92";
// The payload "abababab..." (96 bytes) as this project's first version stored it with zstd.
constexpr std::string_view kGoldenZstdRecord =
    "1d010001000000000028b52ffd24604500001061620100dbe4b0ece3d621";

TEST(FrameTest, BytesArePermanent) {
  const auto frame = EncodeFrame(GoldenHeader(), GoldenRecords(), GenesisOf(testing::TestId()));
  ASSERT_TRUE(Ok(frame));
  EXPECT_EQ(HexOfText(frame->bytes), kGoldenFrame);
}

TEST(FrameTest, OldBytesRead) {
  const std::string bytes = TextOfHex(kGoldenFrame);
  const auto frame = ViewFrame(bytes);
  ASSERT_TRUE(Ok(frame));
  EXPECT_TRUE(Ok(CheckChain(*frame, GenesisOf(testing::TestId()))));
  FrameHeader header = GoldenHeader();
  header.n = 2;
  header.len = static_cast<std::uint32_t>(bytes.size() - kHeaderBytes - kChainBytes);
  EXPECT_EQ(frame->header, header);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto record = RecordAt(*frame, i);
    ASSERT_TRUE(Ok(record));
    EXPECT_EQ(*record, GoldenRecords()[i]);
  }
  std::string payload;
  for (int i = 0; i < 48; ++i) payload += "ab";
  const auto packed = DecodeRecord(TextOfHex(kGoldenZstdRecord), 9);
  ASSERT_TRUE(Ok(packed));
  EXPECT_EQ(packed->payload, payload);
}

TEST(FrameTest, RoundTrips) {
  Random random(11);
  ChainWalk walk(1, GenesisOf(testing::TestId()));
  for (const EncodedFrame& frame : testing::MakeFrames(random, 200)) {
    const auto view = ViewFrame(frame.bytes);
    ASSERT_TRUE(Ok(view));
    EXPECT_EQ(view->header, frame.header);
    EXPECT_EQ(view->chain, frame.chain);
    ASSERT_TRUE(Ok(walk.Next(*view)));
  }
}

TEST(FrameTest, EveryChangedByteIsNoticed) {
  const std::string bytes = TextOfHex(kGoldenFrame);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const int flip : {1, 0x80, 0xff}) {
      std::string damaged = bytes;
      damaged[i] = static_cast<char>(damaged[i] ^ flip);
      const auto frame = ViewFrame(damaged);
      if (!frame) {
        ASSERT_EQ(frame.error().code, Code::kCorrupt);
        continue;
      }
      ASSERT_TRUE(Fails(CheckChain(*frame, GenesisOf(testing::TestId())), Code::kCorrupt)) << i;
    }
  }
}

TEST(FrameTest, RefusesTruncationAtEveryLength) {
  const std::string bytes = TextOfHex(kGoldenFrame);
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_TRUE(Fails(ViewFrame(bytes.substr(0, size)), Code::kCorrupt)) << size;
  }
}

TEST(FrameTest, WalkRefusesGapsRepeatsAndOldEpochs) {
  Random random(5);
  const auto frames = testing::MakeFrames(random, 8);
  std::vector<FrameView> views;
  for (const EncodedFrame& frame : frames) views.push_back(*ViewFrame(frame.bytes));
  ChainWalk walk(1, GenesisOf(testing::TestId()));
  ASSERT_TRUE(Ok(walk.Next(views[0])));
  EXPECT_TRUE(Fails(walk.Next(views[0]), Code::kCorrupt, "repeated"));
  EXPECT_TRUE(Fails(walk.Next(views[2]), Code::kCorrupt, FrameName(views[2].header)));
  ASSERT_TRUE(Ok(walk.Next(views[1])));  // a refusal does not move the walk
  FrameHeader header;
  header.first_seq = walk.next_seq();
  header.epoch = 0;
  const Record record = testing::SmallRecord(1, "a");
  const auto old = EncodeFrame(header, {&record, 1}, walk.chain());
  ASSERT_TRUE(Ok(old));
  EXPECT_TRUE(Fails(walk.Next(*ViewFrame(old->bytes)), Code::kCorrupt, "epoch"));
}

TEST(FrameTest, RefusesWhatDoesNotFit) {
  const std::vector<Record> many(kRecordsMax + 1);
  FrameHeader header;
  header.first_seq = 1;
  EXPECT_TRUE(Fails(EncodeFrame(header, many, Hash{}), Code::kInvalid));
  EXPECT_TRUE(Ok(EncodeFrame(header, std::span(many).first(kRecordsMax), Hash{})));
  EXPECT_TRUE(Fails(EncodeFrame(header, {}, Hash{}), Code::kInvalid));
}

TEST(HashTest, TextAndBack) {
  const Hash hash = GenesisOf(testing::TestId());
  EXPECT_EQ(ParseHash(HexOf(hash)), hash);
  EXPECT_EQ(ParseJournalId(HexOf(testing::TestId())), testing::TestId());
  EXPECT_FALSE(ParseHash("12"));
  EXPECT_FALSE(ParseJournalId(std::string(32, 'g')));
  JournalId other = testing::TestId();
  other[15] ^= 1U;
  EXPECT_NE(GenesisOf(other), hash);
}

}  // namespace
}  // namespace pgo::journal
