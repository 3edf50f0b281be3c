#include "journal/query/decoder.h"

#include <gtest/gtest.h>

#include <map>

#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::Version;

// Records by number, as a reader would have them.
class Shelf {
 public:
  // Stores `record` as a difference to the record `base`, whose payload is said to be `payload`.
  void Put(std::uint64_t seq, const Record& record, std::uint64_t base = 0,
           const std::string& payload = "") {
    const auto resting = base == 0 ? std::nullopt : std::optional<Base>({base, payload});
    const auto bytes = EncodeRecord(record, seq, resting);
    ASSERT_TRUE(Ok(bytes));
    const auto view = ViewRecord(*bytes, seq);
    ASSERT_TRUE(Ok(view));
    ASSERT_EQ(view->base, base);
    bytes_[seq] = *bytes;
  }
  // Versions 1..count of one object, each a difference to the one before.
  void PutChain(std::uint64_t count) {
    for (std::uint64_t seq = 1; seq <= count; ++seq) {
      Put(seq, Version("a", seq), seq - 1, Version("a", seq - 1).payload);
    }
  }
  Decoder Open(Order order = Order::kOldestFirst, std::size_t kept = Decoder::kKeptBytes) {
    return Decoder(
        [this](std::uint64_t seq) -> Result<std::optional<std::string>> {
          ++fetched_;
          const auto found = bytes_.find(seq);
          if (found == bytes_.end()) return std::optional<std::string>();
          return std::optional(found->second);
        },
        order, kept);
  }
  Result<Record> Read(std::uint64_t seq) { return Open().Decode(bytes_.at(seq), seq); }

  std::map<std::uint64_t, std::string> bytes_;
  int fetched_ = 0;
};

TEST(DecoderTest, ADifferenceIsSmallAndReadsTheSame) {
  Shelf shelf;
  shelf.PutChain(2);
  EXPECT_GT(Version("a", 2).payload.size(), 2000U);
  EXPECT_LT(shelf.bytes_[2].size(), 100U);
  const auto record = shelf.Read(2);
  ASSERT_TRUE(Ok(record));
  EXPECT_EQ(*record, Version("a", 2));
  EXPECT_TRUE(Fails(DecodeRecord(shelf.bytes_[2], 2), Code::kCorrupt, "needs record 1, its base"));
}

TEST(DecoderTest, WhatDoesNotResembleIsStoredWhole) {
  Record record = Version("a", 1);
  testing::Random random(5);
  for (char& c : record.payload) c = static_cast<char>(random());
  const auto bytes = EncodeRecord(record, 9, Base{8, Version("a", 2).payload});
  ASSERT_TRUE(Ok(bytes));
  EXPECT_EQ(ViewRecord(*bytes, 9)->base, 0U);
}

TEST(DecoderTest, EachRecordOfAWalkIsFetchedOnceInEitherOrder) {
  Shelf shelf;
  shelf.PutChain(60);
  Decoder forward = shelf.Open();
  for (std::uint64_t seq = 1; seq <= 60; ++seq) {
    const auto record = forward.Decode(shelf.bytes_[seq], seq);
    ASSERT_TRUE(Ok(record));
    EXPECT_EQ(*record, Version("a", seq));
    EXPECT_EQ(forward.depth(), seq - 1);
  }
  EXPECT_EQ(shelf.fetched_, 0);
  Decoder back = shelf.Open(Order::kNewestFirst);
  for (std::uint64_t seq = 60; seq > 0; --seq) {
    const auto record = back.Decode(shelf.bytes_[seq], seq);
    ASSERT_TRUE(Ok(record));
    EXPECT_EQ(*record, Version("a", seq));
    EXPECT_EQ(back.depth(), seq - 1);
  }
  EXPECT_EQ(shelf.fetched_, 59);
}

TEST(DecoderTest, ABaseThatTwoRecordsRestOnIsFetchedOnceToo) {
  Shelf shelf;
  for (std::uint64_t seq = 1; seq <= 64; ++seq) {
    const std::uint64_t base = seq % 8 == 1 && seq > 1 ? seq - 8 : seq - 1;
    shelf.Put(seq, Version("a", seq), base, Version("a", base).payload);
  }
  Decoder forward = shelf.Open();
  for (std::uint64_t seq = 1; seq <= 64; ++seq) {
    const auto record = forward.Decode(shelf.bytes_[seq], seq);
    ASSERT_TRUE(Ok(record));
    EXPECT_EQ(*record, Version("a", seq));
  }
  EXPECT_EQ(shelf.fetched_, 0);
  Decoder back = shelf.Open(Order::kNewestFirst);
  for (std::uint64_t seq = 64; seq > 0; --seq) {
    const auto record = back.Decode(shelf.bytes_[seq], seq);
    ASSERT_TRUE(Ok(record));
    EXPECT_EQ(*record, Version("a", seq));
  }
  EXPECT_LE(shelf.fetched_, 63);
}

TEST(DecoderTest, ReadsOnWhenItMayKeepNothing) {
  Shelf shelf;
  shelf.PutChain(20);
  for (const Order order : {Order::kOldestFirst, Order::kNewestFirst}) {
    Decoder decoder = shelf.Open(order, 1);
    for (const std::uint64_t seq : {7, 20, 3}) {
      const auto record = decoder.Decode(shelf.bytes_[seq], seq);
      ASSERT_TRUE(Ok(record));
      EXPECT_EQ(*record, Version("a", seq));
    }
  }
}

TEST(DecoderTest, ChainsEndSomewhere) {
  Shelf shelf;
  shelf.PutChain(kBasesMax + 2);
  EXPECT_TRUE(Ok(shelf.Read(kBasesMax + 1)));
  EXPECT_TRUE(Fails(shelf.Read(kBasesMax + 2), Code::kCorrupt, "rests on more than 64"));
  // A walk that kept the one before meets the same refusal.
  Decoder decoder = shelf.Open();
  for (std::uint64_t seq = 1; seq <= kBasesMax + 1; ++seq) {
    ASSERT_TRUE(Ok(decoder.Decode(shelf.bytes_[seq], seq)));
  }
  EXPECT_TRUE(Fails(decoder.Decode(shelf.bytes_[kBasesMax + 2], kBasesMax + 2), Code::kCorrupt,
                    "rests on more than 64"));
}

TEST(DecoderTest, NamesABaseThatIsMissing) {
  Shelf shelf;
  shelf.PutChain(4);
  shelf.bytes_.erase(2);
  EXPECT_TRUE(
      Fails(shelf.Read(4), Code::kCorrupt, "record 4: its base, record 2, is not kept here"));
}

TEST(DecoderTest, NamesABaseThatIsAnother) {
  Shelf shelf;
  shelf.PutChain(3);
  shelf.Put(2, Version("b", 77));
  EXPECT_TRUE(Fails(shelf.Read(3), Code::kCorrupt, "record 2 is not the base"));
  Record empty = Version("b", 2);
  empty.payload.clear();
  shelf.Put(2, empty);
  EXPECT_TRUE(Fails(shelf.Read(3), Code::kCorrupt, "record 3: "));
}

TEST(DecoderTest, ABaseMustPrecedeAndBeRead) {
  Shelf shelf;
  shelf.PutChain(3);
  // Read under another number the same distance leads elsewhere: to itself, or nowhere.
  EXPECT_TRUE(Fails(shelf.Open().Decode(shelf.bytes_[3], 1), Code::kCorrupt,
                    "base at offset 6: it does not precede the record"));
  shelf.bytes_[2] = shelf.bytes_[2].substr(0, 10);
  EXPECT_TRUE(Fails(shelf.Read(3), Code::kCorrupt, "record 2: "));
}

}  // namespace
}  // namespace pgo::journal
