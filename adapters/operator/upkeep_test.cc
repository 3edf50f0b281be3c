#include <gtest/gtest.h>

#include "adapters/operator/operator.h"
#include "engine/base/json.h"
#include "journal/store/journal.h"
#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Fails;
using journal::testing::Ok;
using journal::testing::SmallRecord;

template <typename T>
Status Discard(const Result<T>& result) {
  return result ? Status() : Fail(result.error());
}

class UpkeepTest : public ::testing::Test {
 protected:
  UpkeepTest() { options_.data_directory = dir_.Path(""); }

  // Segments of two records each: a baseline and one more.
  void Write(int segments) {
    auto journal = journal::Journal::Open(dir_.Path("journal"), {});
    ASSERT_TRUE(Ok(journal));
    const auto record = SmallRecord(1, "pod/a");
    for (int i = 1; i <= segments; ++i) {
      const journal::FrameTime time{i * 1'000'000LL, 0};
      const Status opened = i > 1 ? Discard((*journal)->Rotate(time, {&record, 1}))
                                  : Discard((*journal)->Append({&record, 1}, time));
      ASSERT_TRUE(Ok(opened));
      ASSERT_TRUE(Ok((*journal)->Append({&record, 1}, time)));
    }
  }
  std::string Shown() {
    ::testing::internal::CaptureStdout();
    const Status shown = ShowJournal(options_);
    std::string text = ::testing::internal::GetCapturedStdout();
    EXPECT_TRUE(Ok(shown));
    return text;
  }

  journal::testing::TempDir dir_;
  Options options_;
};

TEST_F(UpkeepTest, ShowsTheSegmentsOfAStoppedJournal) {
  EXPECT_TRUE(Fails(ShowJournal(options_), Code::kNotFound, "there is no journal"));
  Write(3);
  const std::string table = Shown();
  EXPECT_NE(table.find("records 1..6"), std::string::npos) << table;
  EXPECT_NE(table.find("1970-01-01T00:00:03Z"), std::string::npos) << table;
  options_.json = true;
  const auto json = ParseJson(Shown());
  ASSERT_TRUE(json.has_value());
  EXPECT_EQ(GetInt(*json, {"seq"}), 6);
  EXPECT_EQ(GetArray(*json, {"segments"}).size(), 3U);
}

TEST_F(UpkeepTest, TellsWhatWouldGoAndGivesItUpOnlyIfTold) {
  Write(4);
  EXPECT_TRUE(Fails(RetainJournal(options_), Code::kInvalid, "must be given"));
  options_.journal_age_max_us = 1;
  options_.json = true;
  const auto run = [&] {
    ::testing::internal::CaptureStdout();
    EXPECT_TRUE(Ok(RetainJournal(options_)));
    return *ParseJson(::testing::internal::GetCapturedStdout());
  };
  EXPECT_EQ(GetArray(run(), {"segments"}).size(), 2U);
  EXPECT_EQ(GetInt(*ParseJson(Shown()), {"first_seq"}), 1);
  options_.apply = true;
  EXPECT_EQ(GetArray(run(), {"segments"}).size(), 2U);
  const auto shown = *ParseJson(Shown());
  EXPECT_EQ(GetInt(shown, {"first_seq"}), 5);
  EXPECT_EQ(GetArray(shown, {"seals"}).size(), 2U);
  EXPECT_TRUE(GetArray(run(), {"segments"}).empty());
}

TEST_F(UpkeepTest, PacksClosedSegments) {
  Write(3);
  ::testing::internal::CaptureStdout();
  EXPECT_TRUE(Ok(CompactJournal(options_)));
  EXPECT_NE(::testing::internal::GetCapturedStdout().find("2 segments packed"), std::string::npos);
}

Result<Options> Read(std::vector<std::string> words) {
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  return ReadOptions(static_cast<int>(argv.size()), argv.data());
}

TEST(OptionsTest, ReadsTheBoundsOfTheJournal) {
  const auto options =
      Read({"pgo-operator", "--journal-max-bytes", "20GB", "--journal-max-age=90d"});
  ASSERT_TRUE(Ok(options));
  EXPECT_EQ(options->journal_bytes_max, 20'000'000'000U);
  EXPECT_EQ(options->journal_age_max_us, 90LL * 86'400'000'000);
  EXPECT_TRUE(Fails(Read({"pgo-operator", "--journal-max-age", "90"}), Code::kInvalid,
                    "journal-max-age 90: must be"));
  EXPECT_TRUE(Fails(Read({"pgo-operator", "--journal-max-bytes", "-3"}), Code::kInvalid));
  ::setenv("PGO_JOURNAL_MAX_BYTES", "1MiB", 1);
  const auto fallback = Read({"pgo-operator"});
  ::unsetenv("PGO_JOURNAL_MAX_BYTES");
  ASSERT_TRUE(Ok(fallback));
  EXPECT_EQ(fallback->journal_bytes_max, 1U << 20U);
}

}  // namespace
}  // namespace pgo
