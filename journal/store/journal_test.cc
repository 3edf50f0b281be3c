#include "journal/store/journal.h"

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "journal/query/bundle_file.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::Random;
using testing::RandomRecords;
using testing::SmallRecord;
using testing::TempDir;

JournalOptions Options() {
  JournalOptions options;
  options.new_id = testing::TestId();
  return options;
}

std::unique_ptr<Journal> OpenOrFail(const std::string& path,
                                    const JournalOptions& options = Options()) {
  Result<std::unique_ptr<Journal>> journal = Journal::Open(path, options);
  EXPECT_TRUE(Ok(journal));
  return journal ? *std::move(journal) : nullptr;
}

std::vector<std::uint64_t> SeqsOf(const Reader& reader, const std::string& subject,
                                  SeqRange range = {}, Order order = Order::kOldestFirst) {
  std::vector<std::uint64_t> seqs;
  EXPECT_TRUE(Ok(reader.BySubject(subject, range, order, [&](const Entry& entry) {
    seqs.push_back(entry.seq);
    return true;
  })));
  return seqs;
}

TEST(JournalTest, KeepsWhatWasAppended) {
  TempDir dir(testing::Disk::kReal);
  Random random(7);
  std::vector<Record> written;
  JournalHead head;
  {
    const auto journal = OpenOrFail(dir.Path("j"));
    EXPECT_EQ(journal->Head().seq, 0U);
    EXPECT_EQ(journal->Head().chain, GenesisOf(testing::TestId()));
    ASSERT_TRUE(Ok(journal->NewEpoch(3)));
    EXPECT_TRUE(Ok(journal->NewEpoch(3)));
    EXPECT_TRUE(Fails(journal->NewEpoch(2), Code::kInvalid, "less than 3"));
    for (int i = 0; i < 50; ++i) {
      const auto records = RandomRecords(random, journal->NextSeq(), 1 + random() % 5);
      const auto frame = journal->Append(records, {1000 + i, 5U});
      ASSERT_TRUE(Ok(frame));
      EXPECT_EQ(frame->last_seq, written.size() + records.size());
      written.insert(written.end(), records.begin(), records.end());
    }
    head = journal->Head();
    EXPECT_EQ(head.seq, written.size());
    EXPECT_EQ(head.epoch, 3U);
  }
  const auto journal = OpenOrFail(dir.Path("j"));
  EXPECT_EQ(journal->Head(), head);
  std::vector<Record> read;
  ASSERT_TRUE(Ok(Iterate(*journal, {}, [&](const Entry& entry) {
    EXPECT_EQ(entry.seq, read.size() + 1);
    read.push_back(entry.record);
    return true;
  })));
  EXPECT_EQ(read, written);
  const auto report = Verify(*journal);
  ASSERT_TRUE(Ok(report));
  EXPECT_EQ(report->frames, 50U);
  EXPECT_EQ(report->records, written.size());
  const auto middle = At(*journal, 20);
  ASSERT_TRUE(Ok(middle));
  EXPECT_EQ(middle->record, written[19]);
  EXPECT_TRUE(Fails(At(*journal, head.seq + 1), Code::kNotFound));
}

TEST(JournalTest, RefusesARecordOverItsLimitsAndGoesOn) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  Record bad = SmallRecord(1, "a");
  bad.causes = {1};
  EXPECT_TRUE(Fails(journal->Append({&bad, 1}, {}), Code::kInvalid, "does not precede"));
  bad = SmallRecord(1, std::string("a\0b", 3));
  EXPECT_TRUE(Fails(journal->Append({&bad, 1}, {}), Code::kInvalid, "NUL"));
  EXPECT_TRUE(Fails(journal->Append({}, {}), Code::kInvalid));
  EXPECT_FALSE(journal->Poisoned());
  const Record good = SmallRecord(1, "a");
  EXPECT_TRUE(Ok(journal->Append({&good, 1}, {})));
}

TEST(JournalTest, FindsRecordsBySubjectAcrossSegments) {
  TempDir dir;
  JournalOptions options = Options();
  options.segment_bytes_max = 2000;
  int baselines = 0;
  const std::vector<Record> baseline(2, SmallRecord(0, "baseline"));
  std::vector<std::uint64_t> a;
  std::vector<std::uint64_t> ab;
  {
    const auto journal = OpenOrFail(dir.Path("j"), options);
    for (int i = 0; i < 100; ++i) {
      const bool both = i % 3 == 0;
      Record record = SmallRecord(journal->NextSeq(), "a");
      if (both) record.subjects.push_back("ab");
      if (both) ab.push_back(journal->NextSeq());
      a.push_back(journal->NextSeq());
      ASSERT_TRUE(Ok(journal->Append({&record, 1}, {i, 0})));
      if (journal->RotationDue({i, 0})) {
        ++baselines;
        const auto frame = journal->Rotate({i, 0}, baseline);
        ASSERT_TRUE(Ok(frame));
        EXPECT_EQ((*frame)->last_seq, (*frame)->first_seq + 1);
      }
    }
    EXPECT_GT(journal->SegmentCount(), 3U);
    EXPECT_EQ(SeqsOf(*journal, "a"), a);
  }
  const auto journal = OpenOrFail(dir.Path("j"), options);
  EXPECT_EQ(journal->SegmentCount(), static_cast<std::size_t>(baselines) + 1);
  EXPECT_EQ(SeqsOf(*journal, "a"), a);
  EXPECT_EQ(SeqsOf(*journal, "ab"), ab);
  EXPECT_EQ(SeqsOf(*journal, "baseline").size(), static_cast<std::size_t>(baselines) * 2);
  EXPECT_TRUE(SeqsOf(*journal, "none").empty());
  EXPECT_EQ(SeqsOf(*journal, "a", {a[10], a[20]}),
            std::vector<std::uint64_t>(a.begin() + 10, a.begin() + 21));
  std::vector<std::uint64_t> reversed(a.rbegin(), a.rend());
  EXPECT_EQ(SeqsOf(*journal, "a", {}, Order::kNewestFirst), reversed);
  EXPECT_TRUE(Ok(Verify(*journal)));
  EXPECT_TRUE(Ok(journal->VerifyIndex()));
}

TEST(JournalTest, ALargeBaselineIsSeveralFramesInOneWrite) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  const Record record = SmallRecord(1, "a");
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  const auto baseline =
      journal->Rotate({}, std::vector<Record>(40'000, SmallRecord(0, "baseline")));
  ASSERT_TRUE(Ok(baseline));
  EXPECT_EQ((*baseline)->first_seq, 2U);
  EXPECT_EQ((*baseline)->last_seq, 40'001U);
  EXPECT_EQ(journal->Head().seq, 40'001U);
  EXPECT_EQ(journal->Head().chain, (*baseline)->chain);
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  const auto report = Verify(*journal);
  ASSERT_TRUE(Ok(report));
  EXPECT_EQ(report->frames, 5U);
  EXPECT_EQ(journal->Baseline(1)->first_seq, 1U);
  EXPECT_EQ(journal->Baseline(40'000)->first_seq, 1U) << "a part of a baseline is none";
  EXPECT_EQ(journal->Baseline(40'001)->first_seq, 2U);
  EXPECT_EQ(journal->Baseline(UINT64_MAX)->first_seq, 2U);
}

TEST(JournalTest, ACommitOverAFramesLimitsIsSeveralFramesInOneWrite) {
  TempDir dir;
  Record large = SmallRecord(1, "a");
  large.payload.assign(15U << 20U, 'x');
  const Record small = SmallRecord(1, "b");
  JournalHead head;
  {
    const auto journal = OpenOrFail(dir.Path("j"));
    const auto by_bytes = journal->Append(std::vector<Record>(7, large), {});
    ASSERT_TRUE(Ok(by_bytes));
    EXPECT_EQ(by_bytes->first_seq, 1U);
    EXPECT_EQ(by_bytes->last_seq, 7U);
    const auto by_count = journal->Append(std::vector<Record>(70'000, small), {});
    ASSERT_TRUE(Ok(by_count));
    EXPECT_EQ(by_count->last_seq, 70'007U);
    head = journal->Head();
    EXPECT_EQ(head.chain, by_count->chain);
  }
  const auto journal = OpenOrFail(dir.Path("j"));
  EXPECT_EQ(journal->Head(), head);
  EXPECT_EQ(SeqsOf(*journal, "a").size(), 7U);
  const auto report = Verify(*journal);
  ASSERT_TRUE(Ok(report));
  EXPECT_EQ(report->frames, 4U + 2U) << "two large records a frame; 65535 and the rest";
  EXPECT_EQ(report->records, 70'007U);
}

TEST(JournalTest, TurnsSegmentsByCount) {
  TempDir dir;
  JournalOptions options = Options();
  options.segment_records_max = 10;
  const Record record = SmallRecord(1, "a");
  const auto journal = OpenOrFail(dir.Path("j"), options);
  ASSERT_TRUE(Ok(journal->Append(std::vector<Record>(10, record), {})));
  EXPECT_FALSE(journal->RotationDue({}));
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  EXPECT_TRUE(journal->RotationDue({}));
  ASSERT_TRUE(Ok(journal->Rotate({}, {&record, 1})));
  EXPECT_FALSE(journal->RotationDue({}));
}

TEST(JournalTest, TurnsSegmentsByAge) {
  TempDir dir;
  JournalOptions options = Options();
  options.segment_age_max_us = 1000;
  const auto journal = OpenOrFail(dir.Path("j"), options);
  EXPECT_FALSE(journal->RotationDue({5000, 0})) << "an empty segment has no age";
  const Record record = SmallRecord(1, "a");
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {5000, 0})));
  EXPECT_FALSE(journal->RotationDue({5999, 0}));
  EXPECT_TRUE(journal->RotationDue({6000, 0}));
}

TEST(JournalTest, UndoesARotationThatWasCutShort) {
  TempDir dir;
  {
    const auto journal = OpenOrFail(dir.Path("j"));
    const Record record = SmallRecord(1, "a");
    ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
    ASSERT_TRUE(Ok(journal->Rotate({}, {})));  // without a baseline: the segment stays empty
    EXPECT_EQ(journal->SegmentCount(), 2U);
  }
  const auto journal = OpenOrFail(dir.Path("j"));
  EXPECT_EQ(journal->SegmentCount(), 1U);
  EXPECT_EQ(journal->NextSeq(), 2U);
}

TEST(JournalTest, ServesDeferredFramesOnlyWhenTheyAreDurable) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  const Record record = SmallRecord(1, "a");
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {}, Durability::kDeferred)));
  EXPECT_EQ(journal->Head().seq, 0U);
  EXPECT_EQ(journal->NextSeq(), 2U);
  EXPECT_TRUE(SeqsOf(*journal, "a").empty());
  ASSERT_TRUE(Ok(journal->Sync()));
  EXPECT_EQ(journal->Head().seq, 1U);
  EXPECT_EQ(SeqsOf(*journal, "a").size(), 1U);
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {}, Durability::kDeferred)));
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  EXPECT_EQ(journal->Head().seq, 3U);
}

TEST(JournalTest, IsReadWhileItIsWritten) {
  TempDir dir;
  JournalOptions options = Options();
  options.segment_bytes_max = 20'000;
  const auto journal = OpenOrFail(dir.Path("j"), options);
  std::atomic<bool> done = false;
  std::atomic<int> verified = 0;
  std::thread reader([&] {
    while (!done || verified == 0) {
      EXPECT_TRUE(Ok(Verify(*journal)));
      EXPECT_TRUE(Ok(journal->VerifyIndex()));
      ++verified;
    }
  });
  for (int i = 0; i < 500; ++i) {
    const Record record = SmallRecord(1, "a");
    EXPECT_TRUE(Ok(journal->Append({&record, 1}, {})));
    if (journal->RotationDue({})) {
      EXPECT_TRUE(Ok(journal->Rotate({}, {})));
    }
  }
  done = true;
  reader.join();
  EXPECT_GT(verified, 0);
}

TEST(JournalChild, DISABLED_IsRefused) {
  if (testing::ChildDirectory().empty()) GTEST_SKIP() << "only as a child";
  EXPECT_TRUE(Fails(Journal::Open(testing::ChildDirectory(), Options()), Code::kUnavailable,
                    "another process has this journal open"));
}

TEST(JournalTest, RefusesASecondOpener) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  EXPECT_TRUE(Fails(Journal::Open(dir.Path("j"), Options()), Code::kUnavailable, "/LOCK"));
  EXPECT_EQ(testing::WaitFor(testing::SpawnTest("JournalChild.DISABLED_IsRefused", dir.Path("j"))),
            0);
  const Record record = SmallRecord(1, "a");
  EXPECT_TRUE(Ok(journal->Append({&record, 1}, {})));
}

TEST(JournalTest, SaysWhenThereIsNone) {
  TempDir dir;
  JournalOptions options = Options();
  options.create_if_missing = false;
  EXPECT_TRUE(Fails(Journal::Open(dir.Path("none"), options), Code::kNotFound));
  EXPECT_FALSE(std::filesystem::exists(dir.Path("none")));
  testing::WriteFileText(dir.Path("file"), "text");
  EXPECT_TRUE(Fails(Journal::Open(dir.Path("file"), Options()), Code::kUnavailable));
}

TEST(JournalTest, ComparesItsHeadWithAnAnchor) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  const Record record = SmallRecord(1, "a");
  EXPECT_EQ(CompareAnchor(*journal, journal->Head()), AnchorVerdict::kHolds);
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  JournalHead anchor = journal->Head();
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  EXPECT_EQ(CompareAnchor(*journal, anchor), AnchorVerdict::kHolds);
  EXPECT_EQ(CompareAnchor(*journal, journal->Head()), AnchorVerdict::kHolds);
  anchor.chain[0] ^= 1U;
  EXPECT_EQ(CompareAnchor(*journal, anchor), AnchorVerdict::kForeign);
  anchor = journal->Head();
  ++anchor.seq;
  EXPECT_EQ(CompareAnchor(*journal, anchor), AnchorVerdict::kBehind);
  anchor.journal_id[0] ^= 1U;
  EXPECT_EQ(CompareAnchor(*journal, anchor), AnchorVerdict::kForeign);
}

TEST(JournalTest, DescribesItsSegments) {
  TempDir dir;
  const auto journal = OpenOrFail(dir.Path("j"));
  const Record record = SmallRecord(1, "a");
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {10, 0})));
  ASSERT_TRUE(Ok(journal->Append({&record, 1}, {20, 0})));
  const std::vector<Record> baseline(3, SmallRecord(0, "baseline"));
  ASSERT_TRUE(Ok(journal->Rotate({30, 0}, baseline)));
  const auto status = journal->Describe();
  ASSERT_TRUE(Ok(status));
  EXPECT_EQ(status->head, journal->Head());
  ASSERT_EQ(status->segments.size(), 2U);
  const SegmentStatus& first = status->segments[0];
  EXPECT_EQ(first.first_seq, 1U);
  EXPECT_EQ(first.last_seq, 2U);
  EXPECT_EQ(first.first_wall_us, 10);
  EXPECT_EQ(first.last_wall_us, 20);
  EXPECT_FALSE(first.baseline || first.active);
  const SegmentStatus& second = status->segments[1];
  EXPECT_EQ(second.first_seq, 3U);
  EXPECT_EQ(second.last_seq, 5U);
  EXPECT_TRUE(second.baseline && second.active);
  EXPECT_GT(second.bytes, 0U);
  EXPECT_GT(status->disk_bytes, 0U);
  EXPECT_NE(StatusJson(*status).find(R"("last_seq":5)"), std::string::npos);
}

}  // namespace
}  // namespace pgo::journal
