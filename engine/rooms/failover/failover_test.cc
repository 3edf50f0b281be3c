#include "engine/testing/failover_bench.h"

namespace pgo::rooms::failover {
namespace {

TEST(Failover, AHealthyClusterIsLeftAlone) {
  Bench bench(true);
  EXPECT_EQ(bench.Take(), Said{});
  bench.Wait(9 * kSecond);
  EXPECT_EQ(bench.Take(), Said{});
}

TEST(Failover, FencedSyncNamesTheSynchronousStandbyThenReleases) {
  Bench bench(true);
  bench.Wait(3 * kSecond);
  bench.Node("node1", true);
  EXPECT_EQ(bench.Take(), Said{"Fenced name"});
  EXPECT_EQ(bench.memory.operation.to, Bench::Pod("b"));
  EXPECT_EQ(bench.Take(), Said{"Released release"});
  EXPECT_EQ(bench.memory.operation.phase, Phase::kPromoting);
  bench.Lock("b", "2026-11-21T10:00:05.000000+00:00");
  EXPECT_EQ(bench.Take(), Said{}) << "a leader in recovery is no primary yet";
  bench.Member("b", "node2", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), (Said{"FailoverComplete say"}));
  EXPECT_EQ(bench.memory.primary, Bench::Pod("b"));
  EXPECT_EQ(bench.Take(), Said{"DemotedLabel relabel"});
  EXPECT_NE(bench.sentences[1].find("class F"), std::string::npos) << bench.sentences[1];
}

TEST(Failover, SyncWithoutASyncKeyNamesNobody) {
  Bench bench(true);
  bench.Endpoints("hippo-ha-sync", {});
  bench.Node("node1", true);
  EXPECT_EQ(bench.Take(), Said{"NoCandidate say"});
  EXPECT_EQ(bench.memory.operation.evidence, Class::kNone);
}

TEST(Failover, FencedAsyncAsksEveryReplicaAndTakesTheFurthest) {
  Bench bench(false);
  bench.probe_answers[Bench::Pod("b")] = JsonLiteral(R"({"lsn":"0/5000100","timeline":1})");
  bench.probe_answers[Bench::Pod("c")] = JsonLiteral(R"({"lsn":"0/5000148","timeline":1})");
  bench.Node("node1", true);
  EXPECT_EQ(bench.Take(), (Said{"Fenced probe", "Fenced probe"}));
  EXPECT_EQ(bench.Take(), Said{"Fenced name"});
  EXPECT_EQ(bench.memory.operation.to, Bench::Pod("c"));
}

TEST(Failover, AsyncRefusesAReplicaTooFarBehind) {
  Bench bench(false);
  bench.Member("a", "node1", "primary", 0x9000000);
  bench.Node("node1", true);
  EXPECT_EQ(bench.Take(), Said{"NoCandidate say"});
}

TEST(Failover, StoppedSyncActsAtOnce) {
  Bench bench(true);
  bench.Stopped("a", "node1", "2026-11-21T10:00:00Z");
  EXPECT_EQ(bench.Take(), Said{"Stopped name"});
}

TEST(Failover, AContainerThatEndedBeforeTheLastRenewalProvesNothing) {
  Bench bench(true);
  bench.Stopped("a", "node1", "2026-11-21T09:59:59Z");
  EXPECT_EQ(bench.Take(), Said{});
}

TEST(Failover, StoppedAsyncWaitsForTheRestartInPlace) {
  Bench bench(false);
  bench.Stopped("a", "node1", "2026-11-21T10:00:02Z");
  EXPECT_EQ(bench.Take(), Said{});
  ASSERT_TRUE(bench.Wake().has_value());
  bench.Wait(16 * kSecond);
  EXPECT_EQ(bench.Take(), (Said{"Stopped probe", "Stopped probe"}));
}

TEST(Failover, ARenewalEndsTheOperation) {
  Bench bench(true);
  bench.Node("node1", true);
  bench.Take();
  bench.Node("node1", false);
  EXPECT_EQ(bench.Take(), Said{"FailoverAbandoned say"});
  EXPECT_EQ(bench.memory.operation.evidence, Class::kNone);
}

TEST(Failover, AReleaseThatConflictsIsTriedOnTheNewestVersionThenGivenUp) {
  Bench bench(true);
  bench.Node("node1", true);
  bench.Take();
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(bench.Take(Outcome::kConflict), Said{"Released release"}) << i;
    bench.Wait(5 * kSecond);
  }
  EXPECT_EQ(bench.Take(), Said{"FailoverAbandoned say"});
}

TEST(Failover, SilenceReleasesAndNamesNothing) {
  Bench bench(true);
  bench.Wait(29 * kSecond);
  EXPECT_EQ(bench.Take(), Said{});
  bench.Wait(3 * kSecond);
  EXPECT_EQ(bench.Take(), Said{"Silent nudge"});
  bench.Lock("b", "2026-11-21T10:00:40.000000+00:00");
  bench.Member("b", "node2", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"FailoverComplete say"});
}

TEST(Failover, AStallOfTheControlPlaneProvesNothing) {
  Bench bench(true);
  bench.Wait(5 * kSecond);
  bench.ContactLost();
  bench.Wait(60 * kSecond);
  EXPECT_EQ(bench.Take(), Said{});
  bench.ContactBack();
  bench.Wait(20 * kSecond);
  EXPECT_EQ(bench.Take(), Said{}) << "ages start anew after a stall";
}

TEST(Failover, ANewPodOfTheSameNameInheritsTheNameButNotTheProof) {
  Bench bench(true);
  bench.Reincarnate(
      "a");  // deleted by force and made again elsewhere; the lock was not renewed since
  bench.Stopped("a", "node2", "2026-11-21T10:00:02Z");
  EXPECT_EQ(bench.Take(), Said{}) << "that the new pod stopped says nothing about the old one";
}

TEST(Failover, AReleasedLockIsNudgedAfterOneSecond) {
  Bench bench(true);
  bench.Lock("", "2026-11-21T10:00:02.000000+00:00");
  EXPECT_EQ(bench.Take(), Said{});
  bench.Wait(kSecond);
  EXPECT_EQ(bench.Take(), Said{"Released nudge"});
}

TEST(Failover, AReleaseThatPatroniServesItselfIsToldAsClassR) {
  Bench bench(true);
  bench.Lock("", "2026-11-21T10:00:02.000000+00:00");
  bench.Lock("b", "2026-11-21T10:00:02.500000+00:00");
  bench.Member("a", "node1", "replica", 0x5000200, 2);
  bench.Member("b", "node2", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"CompletedByOther say"});
  EXPECT_NE(bench.sentences.back().find("class R"), std::string::npos) << bench.sentences.back();
  bench.Lock("c", "2026-11-21T10:00:09.000000+00:00");
  bench.Member("b", "node2", "replica", 0x5000300, 3);
  bench.Member("c", "node3", "primary", 0x5000300, 3);
  EXPECT_EQ(bench.Take(), Said{"CompletedByOther say"});
  EXPECT_EQ(bench.sentences.back().find("class R"), std::string::npos)
      << "nobody saw this lock released: " << bench.sentences.back();
}

TEST(Failover, SwitchoverAsksPatroniOnce) {
  Bench bench(true);
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(), Said{"Planned switchover"});
  EXPECT_EQ(bench.memory.operation.to, Bench::Pod("b"));
  bench.Lock("b", "2026-11-21T10:00:05.000000+00:00");
  bench.Member("a", "node1", "replica", 0x5000200, 2);
  bench.Member("b", "node2", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"FailoverComplete say"});
  EXPECT_EQ(bench.memory.switchover_done, "one");
  EXPECT_EQ(bench.Take(), Said{});
}

TEST(Failover, ASwitchoverWaitsWhileTheClusterIsPaused) {
  Bench bench(true);
  bench.paused = true;
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(), Said{});
  bench.paused = false;
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(), Said{"Planned switchover"});
}

TEST(Failover, WhoLedBeforeAShutdownIsPrimaryAgainAndNobodyTookOver) {
  Bench bench(true);
  bench.startup = "hippo-00-a";
  bench.Cluster("");
  bench.Lock("", "2026-11-21T10:00:05.000000+00:00");
  bench.Wait(60 * kSecond);
  EXPECT_EQ(bench.Take(), Said{}) << "nobody is made to look: the others are not started yet";
  bench.Lock("a", "2026-11-21T10:01:10.000000+00:00");
  bench.Member("a", "node1", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"FirstPrimary say"});
  EXPECT_EQ(bench.memory.primary_timeline, Timeline(2));
}

TEST(Failover, ASwitchoverWhoseAnswerNobodySawIsJudgedByWhatHappens) {
  Bench bench(true);
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(Outcome::kUnknown), Said{"Planned switchover"});
  EXPECT_EQ(bench.Take(), Said{}) << "it may be under way: nothing is given up, no key cleared";
  bench.Lock("b", "2026-11-21T10:00:05.000000+00:00");
  bench.Member("a", "node1", "replica", 0x5000200, 2);
  bench.Member("b", "node2", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"FailoverComplete say"});
}

TEST(Failover, ASwitchoverThatNeverComesIsGivenUp) {
  Bench bench(true);
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(), Said{"Planned switchover"});
  bench.Wait(119 * kSecond);
  bench.Lock("a", "2026-11-21T10:01:59.000000+00:00");
  EXPECT_EQ(bench.Take(), Said{});
  bench.Wait(2 * kSecond);
  EXPECT_EQ(bench.Take(), Said{"FailoverAbandoned say"});
  EXPECT_EQ(bench.Take(), Said{}) << "asked for once, done with once";
}

TEST(Failover, ASwitchoverThatPatroniRefusesIsGivenUpAtOnce) {
  Bench bench(true);
  bench.Cluster("one");
  EXPECT_EQ(bench.Take(Outcome::kFailed), Said{"Planned switchover"});
  EXPECT_EQ(bench.Take(), Said{"FailoverAbandoned say"});
}

TEST(Failover, ChangeByPatroniAloneIsMadeKnown) {
  Bench bench(true);
  bench.Lock("c", "2026-11-21T10:00:05.000000+00:00");
  bench.Member("a", "node1", "replica", 0x5000200, 2);
  bench.Member("c", "node3", "primary", 0x5000200, 2);
  EXPECT_EQ(bench.Take(), Said{"CompletedByOther say"});
}

}  // namespace
}  // namespace pgo::rooms::failover
