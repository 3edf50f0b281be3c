#include "journal/store/bases.h"

#include <gtest/gtest.h>

#include <map>

#include "journal/query/bundle_file.h"
#include "journal/query/decoder.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo::journal {
namespace {

using testing::Fails;
using testing::Ok;
using testing::TempDir;
using testing::Version;

TEST(BasesTest, TellsTheOneBeforeOfTheSameTypeAndSubject) {
  Bases bases(1U << 20U);
  EXPECT_FALSE(bases.Next(Version("a", 1), 1));
  EXPECT_FALSE(bases.Next(Version("b", 1), 2));
  Record other = Version("a", 1);
  other.type = 9;
  EXPECT_FALSE(bases.Next(other, 3));
  const auto base = bases.Next(Version("a", 2), 4);
  ASSERT_TRUE(base);
  EXPECT_EQ(base->seq, 1U);
  EXPECT_EQ(base->payload, Version("a", 1).payload);
  bases.Clear();
  EXPECT_FALSE(bases.Next(Version("a", 3), 5));
}

TEST(BasesTest, OneInSixtyFourIsWhole) {
  Bases bases(1U << 20U);
  int whole = 0;
  for (std::uint64_t seq = 1; seq <= 640; ++seq)
    whole += bases.Next(Version("a", seq), seq) ? 0 : 1;
  EXPECT_EQ(whole, 10);
}

TEST(BasesTest, ARecordRestsOnFewOthers) {
  Bases bases(1U << 20U);
  std::map<std::uint64_t, std::size_t> depth;
  std::size_t all = 0;
  for (std::uint64_t seq = 1; seq <= 640; ++seq) {
    const Record record = Version("a", seq);
    const auto base = bases.Next(record, seq);
    if (base) EXPECT_EQ(base->payload, Version("a", base->seq).payload) << seq;
    depth[seq] = base ? depth[base->seq] + 1 : 0;
    EXPECT_LE(depth[seq], 2 * (kBasesStep - 1)) << seq;
    all += depth[seq];
  }
  EXPECT_EQ(all / 640, 7U);
}

TEST(BasesTest, ForgetsWhatWasUsedLongestAgo) {
  Bases bases(6 * Version("a", 1).payload.size());
  for (const char* subject : {"a", "b", "e", "a", "c", "d", "f"})
    bases.Next(Version(subject, 1), 1);
  EXPECT_LE(bases.bytes(), 6 * Version("a", 1).payload.size());
  EXPECT_TRUE(bases.Knows(1, "d"));
  EXPECT_TRUE(bases.Knows(1, "a"));
  EXPECT_FALSE(bases.Knows(1, "b"));
  Record large = Version("large", 1);
  large.payload.resize(1U << 20U);
  EXPECT_FALSE(bases.Next(large, 9));
  EXPECT_EQ(bases.bytes(), 0U);
}

// A journal in which objects a, b and c change in turn.
class DeltaJournalTest : public ::testing::Test {
 protected:
  void SetUp() override { Open(); }
  void Open() {
    journal_.reset();
    options_.new_id = testing::TestId();
    Result<std::unique_ptr<Journal>> journal = Journal::Open(dir_.Path("j"), options_);
    ASSERT_TRUE(Ok(journal));
    journal_ = *std::move(journal);
  }
  void Write(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      std::vector<Record> frame;
      for (const char* subject : {"a", "b", "c"}) {
        frame.push_back(Version(subject, written_.size() + frame.size()));
        frame.back().subjects.push_back("all");
      }
      ASSERT_TRUE(Ok(journal_->Append(frame, {}, Durability::kDeferred)));
      written_.insert(written_.end(), frame.begin(), frame.end());
    }
    ASSERT_TRUE(Ok(journal_->Sync()));
  }
  void Turn() {
    const std::vector<Record> baseline{Version("a", 9999)};
    ASSERT_TRUE(Ok(journal_->Rotate({}, baseline)));
    written_.push_back(baseline[0]);
  }
  // Bases of the stored records, 0 for one stored whole.
  std::vector<std::uint64_t> BasesIn(SeqRange range) {
    std::vector<std::uint64_t> out;
    EXPECT_TRUE(Ok(journal_->Frames(range, [&](const FrameView& frame) {
      for (std::size_t i = 0; i < frame.items.size(); ++i) {
        out.push_back(ViewRecord(frame.items[i].bytes, frame.header.first_seq + i)->base);
      }
      return true;
    })));
    return out;
  }
  void ExpectAll(const Reader& reader) {
    std::uint64_t seq = 0;
    EXPECT_TRUE(Ok(Iterate(reader, {}, [&](const Entry& entry) {
      seq = entry.seq;
      EXPECT_EQ(entry.record, written_[seq - 1]) << seq;
      return true;
    })));
    EXPECT_EQ(seq, written_.size());
    EXPECT_TRUE(Ok(Verify(reader)));
    for (const Order order : {Order::kOldestFirst, Order::kNewestFirst}) {
      std::size_t found = 0;
      EXPECT_TRUE(Ok(reader.BySubject("a", {}, order, [&](const Entry& entry) {
        EXPECT_EQ(entry.record, written_[entry.seq - 1]) << entry.seq;
        return ++found > 0;
      })));
      EXPECT_GT(found, written_.size() / 4);
    }
  }
  std::unique_ptr<BundleFile> Export(const ExportOptions& options) {
    const std::string path = dir_.Path("bundle.pgoj");
    EXPECT_TRUE(Ok(ExportBundleFile(*journal_, options, path)));
    Result<std::unique_ptr<BundleFile>> file = BundleFile::Open(path);
    EXPECT_TRUE(Ok(file));
    return file ? *std::move(file) : nullptr;
  }

  TempDir dir_;
  JournalOptions options_;
  std::unique_ptr<Journal> journal_;
  std::vector<Record> written_;
};

TEST_F(DeltaJournalTest, ReadsBackWhatIsStoredAsDifferences) {
  Write(200);
  ExpectAll(*journal_);
  const auto bases = BasesIn({});
  EXPECT_EQ(bases[0], 0U);
  EXPECT_EQ(bases[3], 1U);
  EXPECT_EQ(std::count(bases.begin(), bases.end(), 0U), 3 * 4);  // 0, 64, 128 and 192
  for (const std::uint64_t seq : {1, 150, 600}) {
    const auto entry = At(*journal_, seq);
    ASSERT_TRUE(Ok(entry));
    EXPECT_EQ(entry->record, written_[seq - 1]);
  }
  const auto status = journal_->Describe();
  ASSERT_TRUE(Ok(status));
}

TEST_F(DeltaJournalTest, RestsOnNothingBeforeTheSegmentOrInItsBaseline) {
  Write(5);
  Turn();
  Write(5);
  const auto bases = BasesIn({16, 31});
  EXPECT_EQ(std::vector<std::uint64_t>(bases.begin(), bases.begin() + 7),
            (std::vector<std::uint64_t>{0, 0, 0, 0, 17, 18, 19}));
  ExpectAll(*journal_);
}

TEST_F(DeltaJournalTest, GoesOnWithDifferencesAfterAReopen) {
  Write(10);
  Turn();
  Write(40);
  Open();
  Write(60);
  const std::uint64_t first = 10 * 3 + 1 + 40 * 3 + 1;
  const auto bases = BasesIn({first, first});
  EXPECT_EQ(bases[0], first - 3);
  // Counted from the 4 steps and 7 records that the newest rested on before: 11 and 53 make 64.
  EXPECT_EQ(BasesIn({first + 51 * 3, first + 51 * 3})[0], first + 50 * 3);
  EXPECT_EQ(BasesIn({first + 52 * 3, first + 52 * 3})[0], 0U);
  ExpectAll(*journal_);
  Open();
  ExpectAll(*journal_);
}

TEST_F(DeltaJournalTest, StoresWholeWhatItForgot) {
  options_.delta_bytes_max = 2 * Version("a", 1).payload.size();
  Open();
  Write(20);
  const auto bases = BasesIn({});
  EXPECT_EQ(std::count(bases.begin(), bases.end(), 0U), 60);
  ExpectAll(*journal_);
}

TEST_F(DeltaJournalTest, ARefusedFrameLeavesNoBaseBehind) {
  Write(2);
  std::vector<Record> frame{Version("a", 50), Version("b", 50)};
  frame[1].causes = {1'000'000};
  EXPECT_TRUE(Fails(journal_->Append(frame, {}), Code::kInvalid));
  Write(2);
  EXPECT_EQ(BasesIn({7, 7})[0], 0U);
  ExpectAll(*journal_);
}

TEST_F(DeltaJournalTest, ABundleCarriesTheBasesOfWhatItKeeps) {
  for (int i = 0; i < 8; ++i) {
    Write(10);
    Record only = Version("a", written_.size());
    only.subjects.push_back(i == 4 ? "rare" : "common");
    ASSERT_TRUE(Ok(journal_->Append({&only, 1}, {})));
    written_.push_back(only);
  }
  ExportOptions options;
  options.subjects = {"rare"};
  const auto file = Export(options);
  ASSERT_TRUE(Ok(Verify(*file)));
  const std::uint64_t rare = 5 * 31;  // version 55 of a
  const auto entry = At(*file, rare);
  ASSERT_TRUE(Ok(entry));
  EXPECT_EQ(entry->record, written_[rare - 1]);
  EXPECT_TRUE(Fails(At(*file, 2), Code::kNotFound));
  EXPECT_EQ(file->footer().records, 13U);
  EXPECT_EQ(WEXITSTATUS(std::system(("python3 journal/format/verify_bundle.py '" +
                                     dir_.Path("bundle.pgoj") + "' >/dev/null")
                                        .c_str())),
            0);
}

TEST_F(DeltaJournalTest, ABundleFromTheMiddleReachesBackToItsBases) {
  Write(100);
  ExportOptions options;
  options.range = {241, 250};
  options.from_baseline = false;
  const auto file = Export(options);
  EXPECT_EQ(file->Begin()->first_seq, 64U * 3 + 1);
  ASSERT_TRUE(Ok(Verify(*file)));
  for (std::uint64_t seq = 241; seq <= 249; ++seq) {
    const auto entry = At(*file, seq);
    ASSERT_TRUE(Ok(entry));
    EXPECT_EQ(entry->record, written_[seq - 1]);
  }
  options.range = {};
  ExpectAll(*Export(options));
}

}  // namespace
}  // namespace pgo::journal
