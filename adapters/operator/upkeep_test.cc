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

}  // namespace
}  // namespace pgo
