#include "engine/amnesia.h"

#include <gtest/gtest.h>

#include "engine/event/codec.h"

namespace pgo {
namespace {

class AmnesiaTest : public ::testing::Test {
 protected:
  AmnesiaTest() {
    context_.amnesia_seq = 100;
    context_.live_since_us = 1000 * kSecond;
    view_.complete = true;
  }
  [[nodiscard]] bool StaleAt(std::int64_t second) const {
    return Stale(context_, view_, {0, second * kSecond});
  }

  rooms::Context context_;
  cluster::ClusterView view_;
};

TEST_F(AmnesiaTest, AJournalThatLostNothingIsFresh) {
  context_.amnesia_seq = 0;
  view_.complete = false;
  EXPECT_FALSE(StaleAt(1000));
}

TEST_F(AmnesiaTest, ALockIsFreshAfterAWholeLeaseThatWasWatched) {
  EXPECT_TRUE(StaleAt(1029));
  EXPECT_FALSE(StaleAt(1030));
  context_.live_since_us = 1020 * kSecond;  // contact was lost meanwhile
  EXPECT_TRUE(StaleAt(1030));
  EXPECT_EQ(FreshAtUs(context_, view_), 1050 * kSecond);
  view_.lock.ttl_s = 60;
  EXPECT_TRUE(StaleAt(1079));
  EXPECT_FALSE(StaleAt(1080));
}

TEST_F(AmnesiaTest, ALockThatWasRenewedOnceProvesNothing) {
  cluster::Subject lock;
  lock.seq = Seq(101);
  view_.lock.subject = &lock;
  EXPECT_TRUE(StaleAt(1029));
}

TEST_F(AmnesiaTest, NothingIsFreshBeforeEverythingWasListed) {
  view_.complete = false;
  EXPECT_TRUE(StaleAt(5000));
  EXPECT_FALSE(ObservedAfresh(context_, {}, {0, 5000 * kSecond}));
}

TEST_F(AmnesiaTest, WhatDisruptsWaitsAndWhatKeepsGoesOn) {
  Exec probe;
  probe.probe = true;
  Patch status;
  status.subresource = "status";
  for (const Command& command : {Command(Delete()), Command(Exec()), Command(Patch())}) {
    EXPECT_TRUE(Disruptive(command, false)) << CommandName(command);
  }
  for (const Command& command : {Command(Apply()), Command(Provision()), Command(Notice()),
                                 Command(probe), Command(status)}) {
    EXPECT_FALSE(Disruptive(command, false)) << CommandName(command);
    EXPECT_TRUE(Disruptive(command, true)) << CommandName(command);
  }
}

// A successor on another machine goes on with a journal whose elapsed times are of that one's
// clock.
TEST(StartedTest, ElapsedTimesOfAnotherMachineAreMovedOntoThisOnesClock) {
  cluster::World world;
  const kube::ObjectRef ref{"Pod", "postgres", "hippo-0"};
  const auto changed = [&] { return world.Find(ref)->changed.elapsed_us; };
  world.Fold({Seq(1), {0, 90'000 * kSecond}, Observed{ref, "u", "1", Json::object()}});
  world.Fold({Seq(2), {0, 90'001 * kSecond}, Started{}});
  EXPECT_EQ(changed(), 90'000 * kSecond) << "the same clock";
  Started elsewhere;
  elsewhere.clock_us = -89'990 * kSecond;
  world.Fold({Seq(3), {0, 12 * kSecond}, elsewhere});
  EXPECT_EQ(changed(), 10 * kSecond);
}

// Journals of before replicas have neither field, and these bytes are hashed.
TEST(StartedTest, WhatIsNewInItIsWrittenOnlyWhereItSaysSomething) {
  EXPECT_EQ(EncodePayload(Started{"b", 2, "i", Json()}).find("clock_us"), std::string::npos);
  EXPECT_EQ(EncodePayload(Leading{true, 1, "why"}).find("after"), std::string::npos);
  OrphanedTail tail{"pgo-0_x", 3, 8, 12, "ab", "orphan/3.pgoj"};
  const auto read = DecodePayload(11, EncodePayload(tail));
  ASSERT_TRUE(read && std::holds_alternative<OrphanedTail>(*read));
  EXPECT_EQ(std::get<OrphanedTail>(*read).last_seq, 12);
}

}  // namespace
}  // namespace pgo
