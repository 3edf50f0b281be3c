#include "journal/query/place.h"

#include <gtest/gtest.h>

#include "journal/query/bundle_file.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Ok;
using testing::SmallRecord;
using testing::TempDir;

// Frames of two records at wall times 1000, 1010, 1020, …; some at the same time as the one before.
class PlaceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    JournalOptions options;
    options.new_id = testing::TestId();
    Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), options);
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
  }
  void Append(std::int64_t wall_us) {
    const std::uint64_t seq = journal_->NextSeq();
    const std::vector<Record> records{SmallRecord(seq, "a"), SmallRecord(seq + 1, "b")};
    ASSERT_TRUE(Ok(journal_->Append(records, {wall_us, 0}, Durability::kDeferred)));
    ASSERT_TRUE(Ok(journal_->Sync()));
  }
  Place At(std::int64_t wall_us) const {
    const auto place = PlaceOf(*journal_, wall_us);
    EXPECT_TRUE(Ok(place));
    return place.value_or(Place{});
  }

  TempDir dir_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(PlaceTest, AnEmptyJournalHasNoPlaces) {
  EXPECT_EQ(At(5), Place{});
  EXPECT_EQ(*PlaceOfSeq(*journal_, 1), Place{});
}

TEST_F(PlaceTest, EveryMomentLiesBetweenTheRecordBeforeItAndTheOneAfter) {
  std::vector<std::int64_t> walls;
  for (int i = 0; i < 57; ++i) {
    walls.push_back(1000 + i / 3 * 30);  // three frames at the same time
    Append(walls.back());
  }
  for (std::int64_t wall = 1000; wall <= walls.back(); ++wall) {
    const Place place = At(wall);
    ASSERT_LE(place.at.wall_us, wall);
    EXPECT_EQ(place.at.wall_us, walls[(place.at.seq - 1) / 2]);
    EXPECT_EQ(place.at.seq % 2, 0U) << "the last of its frame";
    if (wall < walls.back()) {
      ASSERT_GT(place.next.wall_us, wall);
      EXPECT_EQ(place.next.seq, place.at.seq + 1);
    }
  }
  EXPECT_EQ(At(walls.back()).at, (Place::Mark{114, walls.back()}));
}

TEST_F(PlaceTest, WhatIsOutsideIsSaidToBeOutside) {
  Append(1000);
  Append(2000);
  EXPECT_EQ(At(999).at, Place::Mark{});
  EXPECT_EQ(At(999).next, (Place::Mark{1, 1000}));
  EXPECT_EQ(At(9999).at, (Place::Mark{4, 2000}));
  EXPECT_EQ(At(9999).next, Place::Mark{});
  EXPECT_EQ(At(9999).first, (Place::Mark{1, 1000}));
  EXPECT_EQ(PlaceOfSeq(*journal_, 5)->at, (Place::Mark{4, 2000}));
  EXPECT_EQ(PlaceOfSeq(*journal_, 3)->at, (Place::Mark{3, 2000}));
  EXPECT_EQ(PlaceOfSeq(*journal_, 2)->next, (Place::Mark{3, 2000}));
}

TEST_F(PlaceTest, AClockSetBackStillGivesAFittingPlace) {
  for (const std::int64_t wall : {1000, 1010, 5000, 1020, 1030}) Append(wall);
  for (const std::int64_t wall : {1005, 1015, 1025}) {
    const Place place = At(wall);
    EXPECT_LE(place.at.wall_us, wall);
    EXPECT_GT(place.next.wall_us, wall);
  }
}

TEST_F(PlaceTest, ABundleOfLeftOutRecordsHasTheSamePlaces) {
  for (int i = 0; i < 40; ++i) Append(1000 + i * 10);
  ExportOptions options;
  options.subjects = {"none"};
  ASSERT_TRUE(Ok(ExportBundleFile(*journal_, options, dir_.Path("b"))));
  const auto bundle = BundleFile::Open(dir_.Path("b"));
  ASSERT_TRUE(Ok(bundle));
  for (const std::int64_t wall : {990, 1000, 1005, 1200, 1390, 2000}) {
    EXPECT_EQ(*PlaceOf(**bundle, wall), At(wall)) << wall;
  }
}

}  // namespace
}  // namespace pgo::journal
