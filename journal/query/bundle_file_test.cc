#include "journal/query/bundle_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>

#include "journal/query/verify.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::SmallRecord;
using testing::TempDir;

std::vector<std::uint64_t> SeqsOf(const Reader& reader, const std::string& subject,
                                  Order order = Order::kOldestFirst) {
  std::vector<std::uint64_t> seqs;
  EXPECT_TRUE(Ok(reader.BySubject(subject, {}, order, [&](const Entry& entry) {
    seqs.push_back(entry.seq);
    return true;
  })));
  return seqs;
}

// A store with two subjects, three segments with baselines, and frames of three records.
class BundleFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    JournalOptions options;
    options.new_id = testing::TestId();
    options.delta_bytes_max = 0;  // so that each record stands alone and takes its room
    const std::vector<Record> baseline(2, SmallRecord(0, "baseline"));
    Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), options);
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
    for (int i = 0; i < 600; ++i) {
      const std::uint64_t seq = journal_->NextSeq();
      std::vector<Record> records;
      for (std::uint64_t k = 0; k < 3; ++k) {
        records.push_back(SmallRecord(seq + k, i % 50 == 0 && k == 1 ? "rare" : "common"));
        records.back().payload += std::string(300, 'z');
      }
      ASSERT_TRUE(Ok(journal_->Append(records, {i, 0}, Durability::kDeferred)));
      if (i % 200 != 199) continue;
      ASSERT_TRUE(Ok(journal_->Rotate({i, 0}, baseline)));
    }
    ASSERT_TRUE(Ok(journal_->Sync()));
  }

  std::unique_ptr<BundleFile> Export(const ExportOptions& options) {
    const std::string path = dir_.Path("bundle.pgoj");
    EXPECT_TRUE(Ok(ExportBundleFile(*journal_, options, path)));
    EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
    Result<std::unique_ptr<BundleFile>> file = BundleFile::Open(path);
    EXPECT_TRUE(Ok(file));
    return file ? *std::move(file) : nullptr;
  }
  static int RunScript(const std::string& path) {
    const std::string command =
        "python3 journal/format/verify_bundle.py '" + path + "' >/dev/null 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  }

  TempDir dir_;
  std::unique_ptr<Journal> journal_;
};

TEST_F(BundleFileTest, AnswersLikeTheStore) {
  const auto file = Export({});
  EXPECT_EQ(file->Head(), journal_->Head());
  EXPECT_GT(file->footer().points.size(), 2U);
  for (const char* subject : {"rare", "common", "baseline", "none"}) {
    for (const Order order : {Order::kOldestFirst, Order::kNewestFirst}) {
      EXPECT_EQ(SeqsOf(*file, subject, order), SeqsOf(*journal_, subject, order)) << subject;
    }
  }
  for (const std::uint64_t seq : {std::uint64_t{1}, std::uint64_t{777}, journal_->Head().seq}) {
    const auto here = At(*file, seq);
    const auto there = At(*journal_, seq);
    ASSERT_TRUE(Ok(here));
    ASSERT_TRUE(Ok(there));
    EXPECT_EQ(here->record, there->record);
    EXPECT_EQ(here->frame, there->frame);
  }
  const std::uint64_t first = SeqsOf(*journal_, "baseline").front();
  for (const std::uint64_t seq : {first - 1, first, first + 1, journal_->Head().seq}) {
    EXPECT_EQ(file->Baseline(seq)->first_seq, journal_->Baseline(seq)->first_seq) << seq;
    EXPECT_EQ(file->Baseline(seq)->chain, journal_->Baseline(seq)->chain) << seq;
  }
  const auto report = Verify(*file);
  ASSERT_TRUE(Ok(report));
  EXPECT_EQ(report->records, journal_->Head().seq);
}

// Whatever is asked for: what its reader may not see is not in it, though the chain verifies.
TEST_F(BundleFileTest, CarriesNothingThatItsReaderMayNotSee) {
  ExportOptions options;
  std::uint64_t asked = 0;
  options.may_see = [&](const RecordView& record) {
    ++asked;
    return record.subjects.front() == "rare";
  };
  for (const std::vector<std::string>& subjects :
       {std::vector<std::string>{}, {"common"}, {"common", "rare"}}) {
    options.subjects = subjects;
    const auto file = Export(options);
    EXPECT_TRUE(SeqsOf(*file, "common").empty());
    EXPECT_EQ(SeqsOf(*file, "rare").size(), subjects.size() == 1 ? 0U : 12U);
    EXPECT_EQ(file->Head(), journal_->Head());
    ASSERT_TRUE(Ok(Verify(*file)));
  }
  EXPECT_GE(asked, 3 * journal_->Head().seq) << "of each, also where subjects leave it out";
}

// Else it could not be read, or what it rests on would be there for everybody.
TEST_F(BundleFileTest, LeavesOutWhatRestsOnARecordThatMayNotBeSeen) {
  journal_ = *Journal::Open(dir_.Path("deltas"), {});
  for (std::uint64_t i = 1; i <= 6; ++i) {
    Record record = testing::Version("a", i);
    if (i == 2) record.subjects.emplace_back("secret");
    ASSERT_TRUE(Ok(journal_->Append({&record, 1}, {1, 0}, Durability::kSynced)));
  }
  int deltas = 0;
  ExportOptions options;
  options.may_see = [&](const RecordView& record) {
    deltas += record.base != 0 ? 1 : 0;
    return std::ranges::find(record.subjects, "secret") == record.subjects.end();
  };
  const auto file = Export(options);
  EXPECT_GE(deltas, 4);
  EXPECT_TRUE(SeqsOf(*file, "secret").empty());
  EXPECT_EQ(SeqsOf(*file, "a"), std::vector<std::uint64_t>{1});
  EXPECT_EQ(file->Head(), journal_->Head());
}

TEST_F(BundleFileTest, KeepsOnlyTheSubjectsAskedFor) {
  ExportOptions options;
  options.subjects = {"rare"};
  const auto file = Export(options);
  EXPECT_EQ(SeqsOf(*file, "rare"), SeqsOf(*journal_, "rare"));
  EXPECT_TRUE(SeqsOf(*file, "common").empty());
  EXPECT_EQ(file->Head(), journal_->Head()) << "the chain still verifies to the same head";
  EXPECT_EQ(file->manifest().subjects, options.subjects);
  EXPECT_TRUE(Fails(At(*file, 1), Code::kNotFound));
  const auto report = Verify(*file);
  ASSERT_TRUE(Ok(report));
  EXPECT_EQ(report->records, 12U);
  EXPECT_EQ(report->records + report->elided, journal_->Head().seq);
  // A bundle of a bundle elides more, never less.
  const std::string path = dir_.Path("again.pgoj");
  ASSERT_TRUE(Ok(ExportBundleFile(*file, options, path)));
  EXPECT_EQ((*BundleFile::Open(path))->Head(), journal_->Head());
  EXPECT_EQ(RunScript(path), 0);
}

TEST_F(BundleFileTest, StartsAtTheBaselineBeforeTheRange) {
  const std::vector<std::uint64_t> baselines = SeqsOf(*journal_, "baseline");
  ASSERT_EQ(baselines.size(), 6U);
  ExportOptions options;
  options.range = {baselines[2] + 50, baselines[2] + 60};
  const auto from_baseline = Export(options);
  EXPECT_EQ(from_baseline->manifest().first_seq, baselines[2]);
  EXPECT_GE(from_baseline->Head().seq, options.range.to);
  EXPECT_LE(from_baseline->Head().seq, options.range.to + 2);
  options.from_baseline = false;
  const auto exact = Export(options);
  EXPECT_LE(exact->manifest().first_seq, options.range.from);
  EXPECT_GT(exact->manifest().first_seq + 3, options.range.from);
  EXPECT_TRUE(Ok(Verify(*exact)));
  EXPECT_TRUE(Fails(At(*exact, 1), Code::kNotFound));
}

TEST_F(BundleFileTest, CanBeInterrupted) {
  ExportOptions options;
  options.progress = [](std::uint64_t seq, std::uint64_t) { return seq < 100; };
  const std::string path = dir_.Path("cut.pgoj");
  EXPECT_TRUE(Fails(ExportBundleFile(*journal_, options, path), Code::kUnavailable, "interrupted"));
  EXPECT_FALSE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  int asked = 0;
  const auto stop = [&](const VerifyProgress&) { return ++asked < 1; };
  EXPECT_TRUE(Ok(Verify(*journal_, stop))) << "603 frames: fewer than one report";
}

TEST_F(BundleFileTest, RefusesWhatIsNoBundleWithItsName) {
  const std::string path = dir_.Path("text");
  testing::WriteFileText(path, "hello");
  EXPECT_TRUE(Fails(BundleFile::Open(path), Code::kCorrupt, path));
  EXPECT_TRUE(Fails(BundleFile::Open(dir_.Path("none")), Code::kNotFound, "none"));
  EXPECT_TRUE(Fails(BundleFile::Open(dir_.Path("j")), Code::kInvalid, "must be a file"));
}

// The script of another language agrees with us, on whole bundles and on injured ones.
TEST_F(BundleFileTest, TheScriptAgrees) {
  const auto file = Export({});
  const std::string path = dir_.Path("bundle.pgoj");
  EXPECT_EQ(RunScript(path), 0);
  const std::string bytes = testing::ReadFileText(path);
  const std::string injured = dir_.Path("injured.pgoj");
  testing::Random random(61);
  for (int i = 0; i < 12; ++i) {
    std::string damaged = bytes;
    const std::size_t at = random() % damaged.size();
    if (i % 4 == 0) {
      damaged.resize(at);
    } else {
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << (random() % 8)));
    }
    testing::WriteFileText(injured, damaged);
    EXPECT_EQ(RunScript(injured), 1) << "byte " << at;
    EXPECT_TRUE(Fails(BundleFile::Open(injured), Code::kCorrupt)) << "byte " << at;
  }
  EXPECT_EQ(RunScript(dir_.Path("none")), 1);
}

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Prints speeds; asserts only that nothing is absurdly slow.
TEST(JournalSpeed, IsPrinted) {
  TempDir dir(testing::Disk::kReal);
  const auto journal = *Journal::Open(dir.Path("j"), {});
  Record record = SmallRecord(1, "pod/a");
  record.payload.resize(500, 'p');
  auto start = std::chrono::steady_clock::now();
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Ok(journal->Append({&record, 1}, {})));
  const double single = 300 / SecondsSince(start);
  start = std::chrono::steady_clock::now();
  const std::vector<Record> batch(64, record);
  for (int i = 0; i < 300; ++i) ASSERT_TRUE(Ok(journal->Append(batch, {})));
  const double batched = 300 * 64 / SecondsSince(start);
  start = std::chrono::steady_clock::now();
  const auto report = Verify(*journal);
  ASSERT_TRUE(Ok(report));
  const double verified = static_cast<double>(report->records) / SecondsSince(start);
  std::printf(
      "synced appends/s: %.0f of 1 record, %.0f records/s in frames of 64; verify: %.0f "
      "records/s\n",
      single, batched, verified);
  EXPECT_GT(single, 5);
  EXPECT_GT(verified, 1000);
}

}  // namespace
}  // namespace pgo::journal
