#include "journal/query/verify.h"

#include <gtest/gtest.h>

#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;

// A reader whose frame that holds `bad` states another hash.
class Changed final : public Reader {
 public:
  Changed(const Reader& good, std::uint64_t bad) : good_(good), bad_(bad) {}
  JournalHead Head() const override { return good_.Head(); }
  Result<Start> Begin() const override { return good_.Begin(); }
  Result<Start> Baseline(std::uint64_t seq) const override { return good_.Baseline(seq); }
  Status Frames(SeqRange range, const FrameCallback& callback) const override {
    return good_.Frames(range, [&](const FrameView& frame) {
      FrameView shown = frame;
      if (frame.header.first_seq <= bad_ && bad_ <= frame.header.last_seq()) shown.chain[0] ^= 1U;
      return callback(shown);
    });
  }
  Status BySubject(std::string_view subject, SeqRange range, Order order,
                   const EntryCallback& callback) const override {
    return good_.BySubject(subject, range, order, callback);
  }

 private:
  const Reader& good_;
  std::uint64_t bad_;
};

class VerifyTest : public ::testing::Test {
 protected:
  // Long frames, so that parts do not begin where frames do, and deltas across the parts.
  void SetUp() override {
    Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), {});
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
    for (std::uint64_t i = 0; i < 45; ++i) {
      std::vector<Record> frame(999, testing::SmallRecord(1, "small"));
      frame.push_back(testing::Version("a", i));
      ASSERT_TRUE(Ok(journal_->NewEpoch(1 + i / 20)));
      ASSERT_TRUE(Ok(journal_->Append(frame, {}, Durability::kDeferred)));
    }
    ASSERT_TRUE(Ok(journal_->Sync()));
  }
  testing::TempDir dir_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(VerifyTest, SeveralThreadsProveTheSame) {
  const auto one = Verify(*journal_);
  ASSERT_TRUE(Ok(one));
  EXPECT_EQ(one->records, 45'000U);
  for (const unsigned threads : {0U, 2U, 3U, 4U, 64U}) {
    const auto many = Verify(*journal_, {}, threads);
    ASSERT_TRUE(Ok(many)) << threads;
    EXPECT_EQ(many->head, one->head);
    EXPECT_EQ(many->frames, one->frames);
    EXPECT_EQ(many->records, one->records);
    EXPECT_EQ(many->bytes, one->bytes);
  }
}

TEST_F(VerifyTest, SeveralThreadsNameTheDamage) {
  for (const std::uint64_t bad : {1, 11'111, 11'250, 22'500, 33'333, 45'000}) {
    const std::uint64_t first = (bad - 1) / 1000 * 1000 + 1;
    const std::string name = "frame " + std::to_string(first) + "..";
    for (const unsigned threads : {1U, 2U, 4U}) {
      const auto report = Verify(Changed(*journal_, bad), {}, threads);
      EXPECT_TRUE(Fails(report, Code::kCorrupt, name)) << bad << " with " << threads;
    }
  }
}

TEST_F(VerifyTest, ProgressInterruptsAllThreads) {
  Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("many"), {});
  ASSERT_TRUE(Ok(journal));
  const std::vector<Record> frame(9, testing::SmallRecord(1, "small"));
  for (int i = 0; i < 4000; ++i) {
    ASSERT_TRUE(Ok((*journal)->Append(frame, {}, Durability::kDeferred)));
  }
  ASSERT_TRUE(Ok((*journal)->Sync()));
  std::uint64_t told = 0;
  const auto stop = [&](const VerifyProgress& progress) {
    told = progress.seq;
    return false;
  };
  EXPECT_TRUE(Fails(Verify(**journal, stop, 2), Code::kUnavailable, "interrupted"));
  EXPECT_GT(told, 0U);
  EXPECT_LE(told, 36'000U);
}

}  // namespace
}  // namespace pgo::journal
