#include "adapters/operator/standing.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "engine/base/ids.h"
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

TEST_F(StandingTest, AFollowerIsReadyWhileItIsInStep) {
  Role role;
  const std::int64_t now = 1000 * kSecond;
  EXPECT_EQ(WhyNoStandby(role, now), "") << "nobody to follow is no fault of its own";
  role.what = Role::What::kFollowing;
  role.leader = "pgo-0_abc";
  EXPECT_NE(WhyNoStandby(role, now).find("has not got all of its records yet"), std::string::npos);
  EXPECT_EQ(BehindSeconds(role, now), -1);
  role.in_step_us = now - 15 * kSecond;
  EXPECT_EQ(WhyNoStandby(role, now), "");
  role.in_step_us = now - 16 * kSecond;
  role.why = "connection refused";
  EXPECT_EQ(WhyNoStandby(role, now),
            "following pgo-0_abc, and was last in step 16 s ago: connection refused");
  role.what = Role::What::kLeading;
  EXPECT_EQ(WhyNoStandby(role, now), "");
  EXPECT_EQ(BehindSeconds(role, now), 0);
  role = Role{};
  role.why = "a right is missing";
  role.broken = true;
  EXPECT_EQ(WhyNoStandby(role, now), "a right is missing");
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
