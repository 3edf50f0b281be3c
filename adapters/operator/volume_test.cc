#include "adapters/operator/volume.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "adapters/operator/journal_port.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Ok;

class VolumeTest : public ::testing::Test {
 protected:
  void SetUp() override { volume_ = Make(); }
  std::unique_ptr<Volume> Make() {
    return std::make_unique<Volume>(dir_.Path(""), [this] { return use_; });
  }
  void Fill(std::uint64_t percent) {
    use_.used = use_.all / 100 * percent;
    now_.elapsed_us += kSecond;
    EXPECT_TRUE(volume_->Look(now_));
  }
  [[nodiscard]] std::uint64_t BallastOnDisk() const {
    std::error_code error;
    const auto size = std::filesystem::file_size(dir_.Path("ballast"), error);
    return error ? 0 : size;
  }

  journal::testing::TempDir dir_;
  VolumeUse use_{16'000'000, 8'000'000};
  Now now_{0, 100 * kSecond};
  std::unique_ptr<Volume> volume_;
};

TEST_F(VolumeTest, ClimbsTheLadder) {
  for (const auto& [percent, rung] :
       {std::pair{79, Rung::kRoom}, std::pair{80, Rung::kTold}, std::pair{89, Rung::kTold},
        std::pair{90, Rung::kShrink}, std::pair{94, Rung::kShrink}, std::pair{95, Rung::kLast},
        std::pair{100, Rung::kLast}, std::pair{10, Rung::kRoom}}) {
    Fill(static_cast<std::uint64_t>(percent));
    EXPECT_EQ(volume_->rung(), rung) << percent;
  }
  constexpr std::uint64_t kTiB = 1ULL << 40U, kGiB = 1ULL << 30U;
  EXPECT_EQ(RungOf({kTiB, kTiB - 2 * kGiB}), Rung::kTold) << "there is plenty";
  EXPECT_EQ(RungOf({kTiB, kTiB - 2 * kGiB + 1}), Rung::kLast);
  EXPECT_EQ(RungOf({}), Rung::kRoom) << "a volume that cannot be measured";
}

TEST_F(VolumeTest, LooksOnceASecond) {
  EXPECT_TRUE(volume_->Look(now_));
  use_.used = use_.all;
  now_.elapsed_us += kSecond - 1;
  EXPECT_FALSE(volume_->Look(now_));
  EXPECT_EQ(volume_->rung(), Rung::kRoom);
  now_.elapsed_us += 1;
  EXPECT_TRUE(volume_->Look(now_));
  EXPECT_EQ(volume_->rung(), Rung::kLast);
}

TEST_F(VolumeTest, TheBallastIsGivenBackAtNinetyFiveAndTakenAgainWithRoomForIt) {
  EXPECT_EQ(BallastOnDisk(), 1'000'000U);
  Fill(94);
  EXPECT_TRUE(volume_->holds_ballast());
  Fill(95);
  EXPECT_FALSE(volume_->holds_ballast());
  EXPECT_EQ(BallastOnDisk(), 0U);
  Fill(75);
  EXPECT_FALSE(volume_->holds_ballast()) << "with it 80 % would be used";
  Fill(70);
  EXPECT_EQ(BallastOnDisk(), 1'000'000U);
  volume_->Refused();
  EXPECT_EQ(BallastOnDisk(), 0U);
}

TEST_F(VolumeTest, ARestartKnowsTheBallastAndAFullVolumeGetsNone) {
  use_.used = 15'900'000;
  volume_ = Make();
  EXPECT_TRUE(volume_->holds_ballast());
  volume_->Refused();
  volume_ = Make();
  EXPECT_FALSE(volume_->holds_ballast());
}

TEST_F(VolumeTest, TheBallastAloneIsRoomToOpenAgain) {
  EXPECT_FALSE(HasRoom({16'000'000, 15'900'000}));
  EXPECT_TRUE(HasRoom({16'000'000, 15'000'000}));
  EXPECT_TRUE(HasRoom({1ULL << 40U, (1ULL << 40U) - (64ULL << 20U)}));
  EXPECT_FALSE(HasRoom({}));
  EXPECT_TRUE(HasRoom(MeasureVolume(dir_.Path(""))));
  EXPECT_FALSE(HasRoom(MeasureVolume(dir_.Path("nowhere"))));
}

TEST_F(VolumeTest, ForcedRetentionFreesDownToEightyFive) {
  EXPECT_EQ(ForcedRetention({1000, 900}, 800).bytes_max, 750U);
  EXPECT_EQ(ForcedRetention({1000, 1000}, 100).bytes_max, 1U) << "another fills it: all but two go";
}

// A journal on a volume of which it may have little: history goes, two segments stay.
class ForcedTest : public VolumeTest {
 protected:
  void SetUp() override {
    VolumeTest::SetUp();
    journal_ = *journal::Journal::Open(dir_.Path("j"), {});
    port_ = std::make_unique<StorePort>(*journal_, StorePort::Observer(), volume_.get());
  }
  void Append() {
    now_.elapsed_us += kSecond;
    JournalRecord record;
    record.type = 3;
    record.subjects = {"pod/a"};
    for (int i = 0; i < 40'000; ++i) {
      random_ = random_ * 69069 + 1;
      record.payload += static_cast<char>(random_ >> 16U);
    }
    ASSERT_TRUE(Ok(port_->Append({record}, now_, true)));
    if (!port_->RotationDue(now_)) return;
    ++rotations_;
    record.payload = "baseline";
    ASSERT_TRUE(Ok(port_->Rotate({record}, now_)));
  }

  std::uint32_t random_ = 1;
  int rotations_ = 0;
  std::unique_ptr<journal::Journal> journal_;
  std::unique_ptr<StorePort> port_;
};

TEST_F(ForcedTest, SegmentsEndSoonerAndTheOldestGoFromNinetyPercent) {
  use_.used = use_.all / 100 * 89;
  for (int i = 0; i < 60; ++i) Append();
  EXPECT_EQ(rotations_, 0);
  use_.used = use_.all / 100 * 92;
  for (int i = 0; i < 200; ++i) Append();
  EXPECT_GT(rotations_, 2);
  EXPECT_EQ(journal_->SegmentCount(), 2U);
  EXPECT_GT(journal_->Begin()->first_seq, 1U);
  const auto report = journal::Verify(*journal_);
  ASSERT_TRUE(Ok(report));
}

TEST_F(ForcedTest, AShrunkJournalOpensAgain) {
  for (int i = 0; i < 3; ++i) {
    Append();
    JournalRecord record;
    record.type = 3;
    ASSERT_TRUE(Ok(port_->Rotate({record}, now_)));
  }
  EXPECT_EQ(journal_->SegmentCount(), 4U);
  ASSERT_TRUE(Ok(ShrinkTo(*journal_, {1000, 899}, {})));
  EXPECT_EQ(journal_->SegmentCount(), 4U);
  ASSERT_TRUE(Ok(ShrinkTo(*journal_, {1'000'000, 900'000}, {})));
  EXPECT_LT(journal_->SegmentCount(), 4U) << "no more than is needed goes";
  const auto head = journal_->Head();
  port_.reset();
  journal_.reset();
  journal_ = *journal::Journal::Open(dir_.Path("j"), {});
  EXPECT_EQ(journal_->Head(), head);
}

}  // namespace
}  // namespace pgo
