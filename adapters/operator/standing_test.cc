#include "adapters/operator/standing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "journal/testing/fixture.h"

namespace pgo {
namespace {

using journal::testing::Ok;

class StandingTest : public ::testing::Test {
 protected:
  journal::testing::TempDir dir_;
};

TEST_F(StandingTest, StandingStillKeepsTheJournalReadableUntilItIsClosed) {
  auto opened = journal::Journal::Open(dir_.Path("j"), {});
  ASSERT_TRUE(Ok(opened));
  const std::shared_ptr<const journal::Journal> journal = *std::move(opened);
  Standing standing;
  EXPECT_EQ(standing.journal(), nullptr);
  standing.Work(journal);
  EXPECT_EQ(standing.WhyStill(), "");
  standing.Still("no space");
  EXPECT_EQ(standing.journal(), journal);
  EXPECT_EQ(standing.WhyStill(), "no space");
  standing.Close();
  EXPECT_EQ(standing.journal(), nullptr);
  EXPECT_EQ(standing.WhyStill(), "no space");
  standing.Work(journal);
  EXPECT_EQ(standing.WhyStill(), "");
}

TEST_F(StandingTest, ForgettingWhatIsCachedChangesNoFile) {
  std::ofstream(dir_.Path("file")) << "kept";
  ForgetCached(dir_.Path(""));
  ForgetCached(dir_.Path("nowhere"));
  std::string text;
  std::ifstream(dir_.Path("file")) >> text;
  EXPECT_EQ(text, "kept");
}

}  // namespace
}  // namespace pgo
