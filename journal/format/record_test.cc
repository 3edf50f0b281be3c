#include "journal/format/record.h"

#include <gtest/gtest.h>

#include "journal/format/wire.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::Random;

// A record written by hand, with any codec and payload.
std::string Crafted(std::uint64_t codec, const std::string& payload) {
  std::string body;
  PutVarint(body, 1);
  PutVarint(body, 0);
  PutVarint(body, codec);
  for (int i = 0; i < 5; ++i) PutVarint(body, 0);  // source, base, causes, subjects, rv
  std::string out;
  PutBytes(out, body + payload);
  return out;
}

// The head of a zstd frame: magic, descriptor and what follows.
std::string ZstdHead(const std::string& rest) { return "\x28\xb5\x2f\xfd" + rest; }

TEST(RecordTest, RoundTrips) {
  Random random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::uint64_t seq = random() % 4 == 0 ? random() | 1U : 1 + random() % 300;
    const Record record = testing::RandomRecord(random, seq);
    const auto bytes = EncodeRecord(record, seq);
    ASSERT_TRUE(Ok(bytes));
    const auto back = DecodeRecord(*bytes, seq);
    ASSERT_TRUE(Ok(back));
    ASSERT_EQ(*back, record);
  }
}

TEST(RecordTest, CompressesWhatGetsSmaller) {
  Record record;
  record.payload = std::string(5000, 'x');
  const auto bytes = EncodeRecord(record, 1);
  ASSERT_TRUE(Ok(bytes));
  EXPECT_LT(bytes->size(), 100U);
  const auto view = ViewRecord(*bytes, 1);
  ASSERT_TRUE(Ok(view));
  EXPECT_EQ(view->codec, Codec::kZstd);
}

TEST(RecordTest, TakesTheLargestPayloadAndNoLarger) {
  Random random(2);
  Record record;
  record.payload.resize(kPayloadBytesMax);
  for (std::size_t i = 0; i < record.payload.size(); i += 8) {
    record.payload[i] = static_cast<char>(random());
  }
  const auto bytes = EncodeRecord(record, 1);
  ASSERT_TRUE(Ok(bytes));
  const auto back = DecodeRecord(*bytes, 1);
  ASSERT_TRUE(Ok(back));
  EXPECT_EQ(back->payload == record.payload, true);
  record.payload += 'x';
  EXPECT_TRUE(Fails(EncodeRecord(record, 9), Code::kInvalid, "record 9"));
}

TEST(RecordTest, TakesAsManySubjectsAndCausesAsItMay) {
  Record record;
  record.causes.assign(kCausesMax, 7);
  record.subjects.assign(kSubjectsMax, std::string(kSubjectBytesMax, 's'));
  record.rv = std::string(kVersionBytesMax, 'v');
  const auto bytes = EncodeRecord(record, 9);
  ASSERT_TRUE(Ok(bytes));
  const auto back = DecodeRecord(*bytes, 9);
  ASSERT_TRUE(Ok(back));
  EXPECT_EQ(*back == record, true);
  Record more = record;
  more.causes.push_back(1);
  EXPECT_TRUE(Fails(EncodeRecord(more, 9), Code::kInvalid, "too many causes"));
  more = record;
  more.subjects.push_back("s");
  EXPECT_TRUE(Fails(EncodeRecord(more, 9), Code::kInvalid, "too many subjects"));
}

TEST(RecordTest, NamesAnUnknownCodecAndADeltaToItself) {
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(2, "x"), 5), Code::kCorrupt,
                    "base at offset 6: it does not precede the record"));
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(3, "x"), 5), Code::kCorrupt, "codec at offset"));
  EXPECT_TRUE(Ok(DecodeRecord(Crafted(0, "x"), 5)));
}

TEST(RecordTest, BoundsWhatAPayloadMayAskFor) {
  // Descriptor e4: 8-byte content size, single segment, checksum.
  const std::string huge = ZstdHead("\xe4" + std::string(7, '\xff') + "\x0f");
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(1, huge), 1), Code::kCorrupt));
  // Descriptor 04 with a window of 2^31.
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(1, ZstdHead("\x04\xa8rest")), 1), Code::kCorrupt,
                    "window is over"));
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(1, ZstdHead("\x25zz")), 1), Code::kCorrupt, "dictionary"));
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(1, ZstdHead("\x20zz")), 1), Code::kCorrupt, "checksum"));
  EXPECT_TRUE(Fails(DecodeRecord(Crafted(1, "no zstd"), 1), Code::kCorrupt, "not a zstd frame"));
}

TEST(RecordTest, DamagedPayloadIsNoticed) {
  Record record;
  record.payload = std::string(500, 'x') + "and some more text that differs";
  const auto bytes = EncodeRecord(record, 1);
  ASSERT_TRUE(Ok(bytes));
  for (std::size_t i = bytes->size() - 12; i < bytes->size(); ++i) {
    std::string damaged = *bytes;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    const auto read = DecodeRecord(damaged, 1);
    // zstd has bits that nothing reads; the chain covers them too.
    if (!read || read->payload != record.payload) {
      EXPECT_TRUE(Fails(read, Code::kCorrupt, "record 1: ")) << i;
    }
  }
}

TEST(RecordTest, RefusesTruncationAtEveryLength) {
  Random random(3);
  for (int i = 0; i < 30; ++i) {
    const auto bytes = EncodeRecord(testing::RandomRecord(random, 50), 50);
    ASSERT_TRUE(Ok(bytes));
    for (std::size_t size = 0; size < bytes->size(); ++size) {
      ASSERT_TRUE(Fails(DecodeRecord(bytes->substr(0, size), 50), Code::kCorrupt, "offset"));
    }
    ASSERT_TRUE(Fails(DecodeRecord(*bytes + "x", 50), Code::kCorrupt));
  }
}

TEST(RecordTest, HasOneEncodingPerNumber) {
  std::string bytes = Crafted(0, "");
  ASSERT_EQ(bytes[1], 1);  // type
  bytes = std::string("\x09\x81\x00", 3) + bytes.substr(2);
  EXPECT_TRUE(Fails(DecodeRecord(bytes, 1), Code::kCorrupt, "shortest form"));
}

}  // namespace
}  // namespace pgo::journal
