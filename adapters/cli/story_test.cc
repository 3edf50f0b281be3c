#include "adapters/cli/story.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/story_text.h"
#include "adapters/cli/testing/incidents.h"

namespace pgo::cli {
namespace {

using testing::Book;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kHippo;
using ::testing::Not;

const Output kPlain(stdout, false, false);

TEST(StoryTest, AFencedPrimaryIsExplainedFromItsRecords) {
  const auto episodes = Explain(testing::Fenced().Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(EpisodeText(episodes[0], kPlain),
            R"(2026-11-21 12:03:41.000  FAILOVER  hippo-00-a-0 → hippo-00-b-0, timeline 1 → 2  #9
  because  primary hippo-00-a-0 is fenced (class F): its node node1 is confirmed off by the taint node.kubernetes.io/out-of-service, its lock was last renewed 4.0 s ago #9
           #4  12:03:36.000  Pod hippo-00-a-0: node node1, phase Running, role primary, state running, timeline 1, LSN 0/5000148
           #7  12:03:37.000  Endpoints hippo-ha: leader hippo-00-a-0, renewTime 2026-11-21T12:03:26+00:00 → 2026-11-21T12:03:36+00:00
           #8  12:03:41.000  Node node1: taint node.kubernetes.io/out-of-service added, condition Ready True → Unknown
  chosen   hippo-00-b-0: at LSN 0/5000148, not behind what was last heard of the old primary, synchronous
  steps    +0.000 s   #9   named hippo-00-b-0 as candidate, in Endpoints hippo-ha-failover  Ok +0.020 s #10
           +0.020 s   #11  release the leader lock of hippo-00-a-0 so that hippo-00-b-0 takes it, unless it was renewed meanwhile  Ok +0.030 s #12
           +0.650 s   #13  hippo-00-b-0 holds the leader lock  (seen)
           +0.800 s   #14  hippo-00-b-0 says that it is primary, timeline 2  (seen)
           +1 m 0 s   #17  hippo-00-a-0 rejoined as a replica, streaming timeline 2  (seen)
  took     4.8 s from the last renewal seen of the old primary's lock to the new primary's word that it accepts writes; decided after 4.0 s
  lost     synchronous: it held every acknowledged write
  result   hippo-00-a-0 → hippo-00-b-0, timeline 1 → 2, after class F #15
)");
}

TEST(StoryTest, WhatIsNotAmongTheRecordsIsSaidToBeMissing) {
  const testing::TempDir directory;
  testing::Fenced().SaveAs(directory.Path("x.pgoj"), 8, 8);
  Records records;
  ASSERT_TRUE(records.Add(*OpenBundle(directory.Path("x.pgoj"))));
  const auto episodes = Explain(records, kHippo);
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_THAT(Missing(episodes[0]), ElementsAre(8u));
  EXPECT_THAT(EpisodeText(episodes[0], kPlain),
              HasSubstr("#8                not among these records"));
}

TEST(StoryTest, RecordsOfTwoBundlesComplementEachOther) {
  const testing::TempDir directory;
  const Book book = testing::Fenced();
  book.SaveAs(directory.Path("x.pgoj"), 8, 8);
  book.SaveAs(directory.Path("y.pgoj"), 1, 7);
  Records records;
  ASSERT_TRUE(records.Add(*OpenBundle(directory.Path("x.pgoj"))));
  ASSERT_TRUE(records.Add(*OpenBundle(directory.Path("y.pgoj"))));
  const auto episodes = Explain(records, kHippo);
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_TRUE(Missing(episodes[0]).empty());
}

TEST(StoryTest, AnUnfinishedChangeClaimsNoEnd) {
  Book book("2026-11-21T12:00:00.000Z");
  const auto lock = book.Observe("Endpoints", "hippo-ha", testing::Annotated({{"leader", "a"}}));
  Action nudge = testing::Said(Reason::kSilent, "primary a is silent (class X); make Patroni look",
                               {lock}, "nudge/1");
  nudge.facts["operation"] = {{"evidence", "X"}, {"from", "a"}};
  book.Do(nudge);
  const auto episodes = Explain(book.Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].kind, Episode::Kind::kUnderWay);
  const std::string text = EpisodeText(episodes[0], kPlain);
  EXPECT_THAT(text, HasSubstr("UNDER WAY"));
  EXPECT_THAT(text, HasSubstr("(no outcome recorded)"));
  EXPECT_THAT(text, HasSubstr("not known: the records end before it does"));
  EXPECT_THAT(text, Not(HasSubstr("lost ")));
}

TEST(StoryTest, LossIsToldWhenTheOldDiskWasRead) {
  Book book("2026-11-21T12:00:00.000Z");
  Action end =
      testing::Said(Reason::kFailoverComplete,
                    "a → b, timeline 1 → 2, after class F; asynchronous: what was lost is told "
                    "when the old primary's disk is read",
                    {}, "say/primary");
  end.facts = {
      {"ended", true}, {"primary", "b"}, {"from", "a"}, {"timeline", 2}, {"timeline_from", 1}};
  const auto ended = book.Do(end);
  EXPECT_THAT(EpisodeText(Explain(book.Read(), kHippo)[0], kPlain),
              HasSubstr("no such report is among these records"));
  Action lost = testing::Said(Reason::kWalLost, "lost: a had written WAL 0/5000100 to 0/5000148",
                              {ended}, "say/lost");
  lost.facts["lost_reported"] = true;
  book.Do(lost);
  EXPECT_THAT(EpisodeText(Explain(book.Read(), kHippo)[0], kPlain),
              HasSubstr("lost     lost: a had written WAL 0/5000100 to 0/5000148 #2"));
}

TEST(StoryTest, PatronisOwnDoingIsNotClaimedByTheOperator) {
  Book book("2026-11-21T12:00:00.000Z");
  Action end =
      testing::Said(Reason::kCompletedByOther,
                    "a → b, timeline 1 → 2, Patroni changed the primary by itself", {}, "say/p");
  end.facts = {
      {"ended", true}, {"primary", "b"}, {"from", "a"}, {"timeline", 2}, {"timeline_from", 1}};
  book.Do(end);
  const auto episodes = Explain(book.Read(), kHippo);
  ASSERT_EQ(episodes.size(), 1u);
  EXPECT_EQ(episodes[0].kind, Episode::Kind::kByOther);
  EXPECT_THAT(EpisodeText(episodes[0], kPlain),
              HasSubstr("PRIMARY CHANGED  a → b, timeline 1 → 2"));
}

TEST(StoryTest, ThePrimaryThatCameBackIsNotCalledAnother) {
  Book book("2026-11-21T12:00:00.000Z");
  Action end = testing::Said(Reason::kCompletedByOther, "a → a, timeline 1 → 2", {}, "say/p");
  end.facts = {
      {"ended", true}, {"primary", "a"}, {"from", "a"}, {"timeline", 2}, {"timeline_from", 1}};
  book.Do(end);
  EXPECT_THAT(EpisodeText(Explain(book.Read(), kHippo).at(0), kPlain),
              HasSubstr("PRIMARY RETURNED  a again, timeline 1 → 2"));
}

TEST(StoryTest, JsonHoldsTheSame) {
  const Json json = EpisodeJson(Explain(testing::Fenced().Read(), kHippo).at(0));
  EXPECT_EQ(GetString(json, {"evidence_class"}), "F");
  EXPECT_EQ(GetString(json, {"to"}), "hippo-00-b-0");
  EXPECT_EQ(GetInt(json, {"took_ms"}), 4800);
  EXPECT_EQ(GetArray(json, {"citations"}).size(), 3u);
}

}  // namespace
}  // namespace pgo::cli
