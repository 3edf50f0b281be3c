#include <gtest/gtest.h>

#include "journal/query/verify.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::SmallRecord;
using testing::TempDir;
using testing::Version;

// One journal, and another one that is made a copy of it.
class CopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    origin_ = Open("origin", {});
    copy_ = Open("copy", {.new_id = origin_->Head().journal_id});
  }
  std::unique_ptr<Journal> Open(const std::string& name, const JournalOptions& options) {
    auto opened = Journal::Open(dir_.Path(name), options);
    EXPECT_TRUE(Ok(opened));
    return *std::move(opened);
  }
  void Write(Journal& journal, int count) {
    for (int i = 0; i < count; ++i) {
      const Record record = Version("Pod/ns/a", journal.NextSeq());
      ASSERT_TRUE(Ok(journal.Append({&record, 1}, {++wall_us_, 0})));
    }
  }
  void Turn(Journal& journal) {
    const std::vector<Record> baseline(3, SmallRecord(0, "operator/Baseline"));
    ASSERT_TRUE(Ok(journal.Rotate({++wall_us_, 0}, baseline)));
  }
  std::vector<std::string> From(const Journal& journal, std::uint64_t seq) {
    std::vector<std::string> frames;
    EXPECT_TRUE(Ok(journal.Frames({seq, UINT64_MAX}, [&](const FrameView& frame) {
      frames.push_back(StoredBytes(frame));
      return true;
    })));
    return frames;
  }
  void ExpectSame() {
    EXPECT_EQ(copy_->Head(), origin_->Head());
    ASSERT_TRUE(Ok(Verify(*copy_)));
    EXPECT_TRUE(Ok(copy_->VerifyIndex()));
  }

  TempDir dir_;
  std::unique_ptr<Journal> origin_, copy_;
  std::int64_t wall_us_ = 0;
};

TEST_F(CopyTest, IsTheSameJournalAndGoesOnAsOne) {
  Write(*origin_, 20);
  Turn(*origin_);
  Write(*origin_, 5);
  ASSERT_TRUE(Ok(copy_->AppendVerbatim(From(*origin_, 1))));
  ExpectSame();
  EXPECT_EQ(copy_->SegmentCount(), 2U);
  copy_.reset();
  copy_ = Open("copy", {.verify_all = true});
  ExpectSame();
  ASSERT_TRUE(Ok(copy_->NewEpoch(7)));
  Write(*copy_, 3);
  ASSERT_TRUE(Ok(origin_->AppendVerbatim(From(*copy_, origin_->Head().seq + 1))));
  ExpectSame();
}

TEST_F(CopyTest, TakesNothingThatDoesNotContinueIt) {
  Write(*origin_, 4);
  const auto frames = From(*origin_, 1);
  EXPECT_TRUE(Fails(copy_->AppendVerbatim({{frames[1], frames[2]}}), Code::kCorrupt));
  std::string changed = frames[0];
  changed[60] ^= 1;
  EXPECT_TRUE(Fails(copy_->AppendVerbatim({{changed}}), Code::kCorrupt));
  ASSERT_TRUE(Ok(copy_->NewEpoch(3)));
  EXPECT_EQ(copy_->Head().seq, 0U);
  EXPECT_FALSE(copy_->Poisoned());
  ASSERT_TRUE(Ok(copy_->AppendVerbatim(frames)));
}

TEST_F(CopyTest, BeginsBehindWhatTheOriginNoLongerHas) {
  for (int i = 0; i < 3; ++i) {
    Write(*origin_, 10);
    Turn(*origin_);
  }
  ASSERT_TRUE(Ok(origin_->Retain({wall_us_, 0}, {1, 0, 1})));
  const auto status = origin_->Describe();
  ASSERT_TRUE(Ok(status));
  ASSERT_EQ(status->seals.size(), 3U);
  const JournalOptions how{.new_id = origin_->Head().journal_id, .new_seals = status->seals};
  Open("later", how).reset();  // ended before the first frame came
  copy_ = Open("later", how);
  EXPECT_EQ(copy_->NextSeq(), origin_->Begin()->first_seq);
  ASSERT_TRUE(Ok(copy_->AppendVerbatim(From(*origin_, 1))));
  ExpectSame();
  copy_.reset();
  copy_ = Open("later", {.verify_all = true});
  ExpectSame();
}

TEST_F(CopyTest, GoesBackToTheLastRecordThatBothHave) {
  Write(*origin_, 10);
  ASSERT_TRUE(Ok(copy_->AppendVerbatim(From(*origin_, 1))));
  ASSERT_TRUE(Ok(copy_->NewEpoch(2)));
  Write(*copy_, 7);
  ASSERT_TRUE(Ok(origin_->NewEpoch(3)));
  Write(*origin_, 4);
  EXPECT_TRUE(Fails(copy_->AppendVerbatim(From(*origin_, 11)), Code::kCorrupt));
  ASSERT_TRUE(Ok(copy_->CutBack(10)));
  ASSERT_TRUE(Ok(copy_->AppendVerbatim(From(*origin_, 11))));
  ExpectSame();
  copy_.reset();
  copy_ = Open("copy", {.verify_all = true});
  ExpectSame();
}

TEST_F(CopyTest, NeverCutsIntoABaselineOrAnOlderSegment) {
  Write(*copy_, 10);
  Turn(*copy_);
  Write(*copy_, 2);
  EXPECT_TRUE(Fails(copy_->CutBack(5), Code::kInvalid));
  EXPECT_TRUE(Fails(copy_->CutBack(10), Code::kInvalid));
  EXPECT_TRUE(Fails(copy_->CutBack(12), Code::kInvalid));
  EXPECT_TRUE(Fails(copy_->CutBack(16), Code::kInvalid));
  EXPECT_EQ(copy_->Head().seq, 15U);
  ASSERT_TRUE(Ok(copy_->CutBack(13)));
  EXPECT_EQ(copy_->Head().seq, 13U);
}

}  // namespace
}  // namespace pgo::journal
