#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "journal/query/bundle_file.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

namespace fs = std::filesystem;
using testing::Fails;
using testing::Ok;
using testing::SmallRecord;
using testing::TempDir;

constexpr std::int64_t kDay = 86'400'000'000;

SegmentStatus Sized(std::uint64_t bytes, std::int64_t last_day, bool baseline = true) {
  SegmentStatus segment;
  segment.first_seq = 1;
  segment.bytes = bytes;
  segment.last_wall_us = last_day * kDay;
  segment.baseline = baseline;
  return segment;
}

TEST(CountExpiredTest, CountsByBytesAndByAge) {
  const std::vector<SegmentStatus> four{Sized(10, 1, false), Sized(10, 2), Sized(10, 3),
                                        Sized(10, 4)};
  const std::int64_t now = 5 * kDay;
  EXPECT_EQ(CountExpired(four, {}, now), 0U);
  EXPECT_EQ(CountExpired(four, {40, 0, 2}, now), 0U);
  EXPECT_EQ(CountExpired(four, {39, 0, 2}, now), 1U);
  EXPECT_EQ(CountExpired(four, {20, 0, 2}, now), 2U);
  EXPECT_EQ(CountExpired(four, {1, 0, 2}, now), 2U);  // two stay in any case
  EXPECT_EQ(CountExpired(four, {1, 0, 0}, now), 3U);  // and the active one even then
  EXPECT_EQ(CountExpired(four, {0, 4 * kDay, 1}, now), 0U);
  EXPECT_EQ(CountExpired(four, {0, 4 * kDay - 1, 1}, now), 1U);
  EXPECT_EQ(CountExpired(four, {25, 3 * kDay - 1, 1}, now), 2U);
  EXPECT_EQ(CountExpired({}, {1, 1, 1}, now), 0U);
}

TEST(CountExpiredTest, LeavesABaselineInFront) {
  EXPECT_EQ(CountExpired({Sized(10, 1), Sized(10, 2, false), Sized(10, 3)}, {1, 0, 1}, 0), 2U);
  EXPECT_EQ(CountExpired({Sized(10, 1), Sized(10, 2, false), Sized(10, 3)}, {25, 0, 1}, 0), 0U);
  EXPECT_EQ(CountExpired({Sized(10, 1), Sized(10, 2), Sized(10, 3, false)}, {1, 0, 1}, 0), 1U);
}

// Five segments of a day each: a baseline record and nine others, the first one ten others.
class RetentionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Open();
    for (int day = 0; day < 5; ++day) {
      const Record baseline = SmallRecord(0, "baseline");
      if (day > 0) {
        ASSERT_TRUE(Ok(journal_->Rotate({day * kDay, 0}, {&baseline, 1})));
      }
      while (journal_->NextSeq() <= static_cast<std::uint64_t>(day + 1) * 10) {
        const Record record = SmallRecord(journal_->NextSeq(), "a");
        ASSERT_TRUE(Ok(journal_->Append({&record, 1}, {day * kDay + 1, 0})));
      }
    }
    chain_20_ = ChainAfter(20);
  }
  void Open() {
    journal_.reset();
    options_.new_id = testing::TestId();
    Result<std::unique_ptr<Journal>> journal = Journal::Open(Path(), options_);
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
  }
  std::string Path() const { return dir_.Path("j"); }
  Hash ChainAfter(std::uint64_t seq) const {
    Hash chain{};
    EXPECT_TRUE(Ok(journal_->Frames({seq, seq}, [&](const FrameView& frame) {
      chain = frame.chain;
      return false;
    })));
    return chain;
  }
  // Keeps what is younger than so many days, on the fifth.
  Result<std::vector<Seal>> Retain(int days) {
    options_.retention.age_max_us = days * kDay;
    Open();
    return journal_->Retain({5 * kDay, 0});
  }
  void ExpectFrom21() {
    const auto begin = journal_->Begin();
    ASSERT_TRUE(Ok(begin));
    EXPECT_EQ(begin->first_seq, 21U);
    EXPECT_EQ(begin->chain, chain_20_);
    const auto report = Verify(*journal_);
    ASSERT_TRUE(Ok(report));
    EXPECT_EQ(report->first_seq, 21U);
    EXPECT_EQ(report->records, 30U);
    EXPECT_TRUE(Ok(journal_->VerifyIndex()));
    EXPECT_EQ(journal_->Baseline(25)->first_seq, 21U);
  }
  // The directory as RocksDB sees it, behind the journal's back.
  void Raw(
      const std::function<void(rocksdb::DB&, std::vector<rocksdb::ColumnFamilyHandle*>&)>& do_) {
    journal_.reset();
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, Path(), &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const auto& name : names) families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    ASSERT_TRUE(rocksdb::DB::Open({}, Path(), families, &handles, &raw).ok());
    do_(*raw, handles);
    for (auto* handle : handles) raw->DestroyColumnFamilyHandle(handle);
    delete raw;
  }

  TempDir dir_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  Hash chain_20_{};
};

TEST_F(RetentionTest, WhatIsKeptVerifiesFromTheSeal) {
  const auto dropped = Retain(3);
  ASSERT_TRUE(Ok(dropped));
  ASSERT_EQ(dropped->size(), 2U);
  const Seal& second = dropped->back();
  EXPECT_EQ(second.segment, 2U);
  EXPECT_EQ(second.first_seq, 11U);
  EXPECT_EQ(second.last_seq, 20U);
  EXPECT_EQ(second.first_wall_us, kDay);
  EXPECT_EQ(second.last_wall_us, kDay + 1);
  EXPECT_EQ(second.after, chain_20_);
  EXPECT_EQ(dropped->front().before, GenesisOf(testing::TestId()));
  ExpectFrom21();
  options_.verify_all = true;
  Open();
  ExpectFrom21();
  const auto status = journal_->Describe();
  ASSERT_TRUE(Ok(status));
  EXPECT_EQ(status->seals, *dropped);
  EXPECT_EQ(status->segments.front().number, 3U);
  const auto again = journal_->Retain({5 * kDay, 0});
  ASSERT_TRUE(Ok(again));
  EXPECT_TRUE(again->empty());
}

TEST_F(RetentionTest, AsksForWhatIsGoneAreTold) {
  ASSERT_TRUE(Ok(Retain(3)));
  const std::string told = "begins with record 21 (1970-01-03T00:00:00Z)";
  const auto any = [](const auto&) { return true; };
  EXPECT_TRUE(Fails(journal_->Frames({2, 30}, any), Code::kNotFound, told));
  EXPECT_TRUE(Fails(journal_->Frames({1, 20}, any), Code::kNotFound, told));
  EXPECT_TRUE(Fails(Iterate(*journal_, {20, 21}, any), Code::kNotFound, told));
  EXPECT_TRUE(
      Fails(journal_->BySubject("a", {5, 9}, Order::kNewestFirst, any), Code::kNotFound, told));
  EXPECT_TRUE(Fails(At(*journal_, 20), Code::kNotFound, told));
  EXPECT_TRUE(Fails(journal_->Baseline(19), Code::kNotFound, told));
  EXPECT_TRUE(Ok(journal_->Baseline(20)));
  ExportOptions options;
  options.range.from = 7;
  const Sink nowhere = [](std::string_view) { return Status(); };
  EXPECT_TRUE(Fails(ExportBundle(*journal_, options, nowhere), Code::kNotFound));
  EXPECT_TRUE(Ok(At(*journal_, 21)));
  std::uint64_t first = 0;
  EXPECT_TRUE(Ok(Iterate(*journal_, {}, [&](const Entry& entry) {
    first = entry.seq;
    return false;
  })));
  EXPECT_EQ(first, 21U);
}

TEST_F(RetentionTest, AnchorsOfWhatIsGoneAreExpired) {
  JournalHead anchor{testing::TestId(), 0, 20, chain_20_};
  JournalHead older{testing::TestId(), 0, 15, ChainAfter(15)};
  ASSERT_TRUE(Ok(Retain(3)));
  EXPECT_EQ(*CompareAnchor(*journal_, anchor), AnchorVerdict::kHolds);
  EXPECT_EQ(*CompareAnchor(*journal_, older), AnchorVerdict::kExpired);
}

TEST_F(RetentionTest, ABundleOfWhatIsKeptVerifies) {
  ASSERT_TRUE(Ok(Retain(3)));
  const std::string path = dir_.Path("b.pgoj");
  ASSERT_TRUE(Ok(ExportBundleFile(*journal_, {}, path)));
  const auto file = BundleFile::Open(path);
  ASSERT_TRUE(Ok(file));
  EXPECT_EQ((*file)->Begin()->first_seq, 21U);
  EXPECT_EQ((*file)->Head(), journal_->Head());
  EXPECT_TRUE(Fails(At(**file, 3), Code::kNotFound, "begins with record 21"));
  EXPECT_EQ(
      std::system(("python3 journal/format/verify_bundle.py '" + path + "' >/dev/null").c_str()),
      0);
}

TEST_F(RetentionTest, AReaderInsideFinishes) {
  options_.retention.age_max_us = kDay / 2;
  Open();
  std::uint64_t last = 0;
  ASSERT_TRUE(Ok(journal_->Frames({}, [&](const FrameView& frame) {
    if (frame.header.first_seq == 3) {
      EXPECT_EQ(journal_->Retain({5 * kDay, 0})->size(), 3U);
    }
    last = frame.header.last_seq();
    return true;
  })));
  EXPECT_EQ(last, 50U);
  EXPECT_EQ(journal_->Begin()->first_seq, 31U);
  EXPECT_TRUE(Ok(Verify(*journal_)));
}

TEST_F(RetentionTest, GoesOnAfterwards) {
  ASSERT_TRUE(Ok(Retain(3)));
  const Record record = SmallRecord(51, "a");
  ASSERT_TRUE(Ok(journal_->Append({&record, 1}, {5 * kDay, 0})));
  ASSERT_TRUE(Ok(journal_->Rotate({5 * kDay, 0}, {&record, 1})));
  const auto more = journal_->Retain({7 * kDay, 0});
  ASSERT_TRUE(Ok(more));
  EXPECT_EQ(more->size(), 2U);
  Open();
  EXPECT_EQ(journal_->Begin()->first_seq, 41U);
  EXPECT_TRUE(Ok(Verify(*journal_)));
}

TEST_F(RetentionTest, ACrashBetweenSealAndDropIsFinishedAtOpen) {
  const std::string aside = dir_.Path("aside");
  journal_.reset();
  fs::copy(Path(), aside);
  ASSERT_TRUE(Ok(Retain(3)));
  const auto seals = journal_->Describe()->seals;
  journal_.reset();
  for (const bool half : {false, true}) {
    fs::remove_all(Path());
    fs::copy(aside, Path());
    Raw([&](rocksdb::DB& db, auto& handles) {
      rocksdb::WriteOptions synced;
      synced.sync = true;
      ASSERT_TRUE(db.Put(synced, "seal/0001", SealJson(seals[0])).ok());
      ASSERT_TRUE(db.Put(synced, "seal/0002", SealJson(seals[1])).ok());
      for (auto* handle : handles) {
        if (half && handle->GetName() == "0002.idx") {
          ASSERT_TRUE(db.DropColumnFamily(handle).ok());
        }
      }
    });
    Open();
    ExpectFrom21();
    std::vector<std::string> names;
    journal_.reset();
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, Path(), &names).ok());
    EXPECT_EQ(names.size(), 2U + 3 * 2);
  }
}

TEST_F(RetentionTest, ASealThatDoesNotFitIsRefused) {
  ASSERT_TRUE(Ok(Retain(3)));
  Seal seal = journal_->Describe()->seals[1];
  const auto write = [&](const Seal& one) {
    Raw([&](rocksdb::DB& db, auto&) {
      rocksdb::WriteOptions synced;
      synced.sync = true;
      ASSERT_TRUE(db.Put(synced, "seal/0002", SealJson(one)).ok());
    });
    return Journal::Open(Path(), options_);
  };
  Seal other = seal;
  other.before[0] ^= 1U;
  EXPECT_TRUE(Fails(write(other), Code::kCorrupt, "seal of segment 2 does not continue"));
  other = seal;
  other.last_seq = 19;
  EXPECT_TRUE(Fails(write(other), Code::kCorrupt, "does not begin with record 20"));
  other = seal;
  other.after[0] ^= 1U;
  options_.verify_all = true;
  EXPECT_TRUE(Fails(write(other), Code::kCorrupt, "frame 21..21"));
  EXPECT_TRUE(Ok(write(seal)));
}

TEST_F(RetentionTest, ASegmentThatIsMissingWithoutSealIsDamage) {
  Raw([&](rocksdb::DB& db, auto& handles) {
    for (auto* handle : handles) {
      if (handle->GetName().starts_with("0001")) {
        ASSERT_TRUE(db.DropColumnFamily(handle).ok());
      }
    }
  });
  EXPECT_TRUE(Fails(Journal::Open(Path(), options_), Code::kCorrupt, "segment 0001 is missing"));
}

TEST_F(RetentionTest, PacksWhatIsNoLongerWrittenTo) {
  int packed = 0;
  EXPECT_TRUE(Ok(journal_->Compact([&](std::uint32_t) { return ++packed > 0; })));
  EXPECT_EQ(packed, 4);
  EXPECT_TRUE(Ok(Verify(*journal_)));
  EXPECT_TRUE(Fails(journal_->Compact([](std::uint32_t) { return false; }), Code::kUnavailable));
}

// The child of the test below.
TEST(RetentionChild, DISABLED_GivesUpForEver) {
  if (testing::ChildDirectory().empty()) return;
  JournalOptions options;
  options.new_id = testing::TestId();
  options.retention.age_max_us = 1;
  const auto journal = Journal::Open(testing::ChildDirectory(), options);
  ASSERT_TRUE(Ok(journal));
  const std::vector<Record> three(3, SmallRecord(0, "a"));
  for (std::int64_t day = 1;; ++day) {
    const FrameTime time{day * kDay, 0};
    ASSERT_TRUE(Ok((*journal)->Rotate(time, three)));
    const auto appended = (*journal)->Append(three, time);
    ASSERT_TRUE(Ok(appended));
    ASSERT_TRUE(Ok((*journal)->Retain({1'000'000 * kDay, 0})));
    const std::uint64_t seq = appended->last_seq;
    ASSERT_EQ(::write(testing::kReportFd, &seq, sizeof seq), static_cast<ssize_t>(sizeof seq));
  }
}

TEST(RetentionCrashTest, AKillAtAnyMomentLeavesWhatVerifiesFromASeal) {
  TempDir dir;
  testing::Random random(43);
  JournalOptions options;
  options.verify_all = true;
  std::size_t sealed = 0;
  for (int cut = 0; cut < testing::Rounds(12); ++cut) {
    const std::string path = dir.Path("j" + std::to_string(cut / 12));
    const auto child = testing::SpawnTest("RetentionChild.DISABLED_GivesUpForEver", path);
    std::uint64_t seq = 0;
    std::uint64_t last = 0;
    for (std::uint64_t i = 1 + random() % 6; i > 0; --i) {
      if (::read(child.reports, &seq, sizeof seq) == sizeof seq) last = seq;
    }
    ::usleep(static_cast<unsigned>(random() % 20'000));  // somewhere in the next round
    ::kill(child.pid, SIGKILL);
    while (::read(child.reports, &seq, sizeof seq) == sizeof seq) last = seq;
    EXPECT_TRUE(WIFSIGNALED(testing::WaitFor(child))) << "it ended by itself";
    const auto journal = Journal::Open(path, options);
    ASSERT_TRUE(Ok(journal)) << "cut " << cut;
    EXPECT_GE((*journal)->Head().seq, last);
    EXPECT_GE((*journal)->Describe()->seals.size(), sealed);
    sealed = (*journal)->Describe()->seals.size();
    EXPECT_LE((*journal)->SegmentCount(), 3U);
  }
  EXPECT_GT(sealed, 12U);
}

}  // namespace
}  // namespace pgo::journal
