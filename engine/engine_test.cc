#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "engine/event/codec.h"
#include "engine/kube/names.h"
#include "engine/replay.h"
#include "engine/testing/fake_kube.h"

namespace pgo {
namespace {

const kube::ObjectRef kHippo{"PostgresCluster", "postgres", "hippo"};

class EngineTest : public ::testing::Test {
 protected:
  EngineTest() { SetUpCluster(); }
  void SetUpCluster() {
    for (const char* node : {"node1", "node2", "node3"}) Node(node, false);
    Json cluster = JsonLiteral(R"({"apiVersion":"postgres-operator.crunchydata.com/v1beta1",
      "spec":{"postgresVersion":17,"instances":[{"replicas":3,"dataVolumeClaimSpec":{
        "accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}}}],
        "patroni":{"dynamicConfiguration":{"synchronous_mode":true}}}})");
    loop.kube.Put(kHippo, cluster);
    Begin();
  }
  void Begin() {
    Json settings = Json::object();
    settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
    loop.Post({Started{"test", kRuleset, "one", settings}});
    loop.Post({Leading{true, ++epoch_, ""}});
    loop.Post(loop.kube.ListAll());
    ASSERT_TRUE(loop.Settle());
  }
  void Node(const std::string& name, bool off) {
    Json o = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
    if (off) {
      o["spec"]["taints"] = JsonLiteral(R"([{"key":"node.kubernetes.io/out-of-service"}])");
    }
    loop.Post({loop.kube.Put({"Node", "", name}, o)});
  }
  // Plays kubelet and Patroni: every instance gets a pod, the one at `leader` leads.
  void RunPods(std::size_t leader, int timeline) {
    const auto sets = loop.kube.All("StatefulSet");
    for (std::size_t i = 0; i < sets.size(); ++i) RunPod(sets[i].name, i, i == leader, timeline);
    Json lock = Endpoints();
    Put(lock, {"metadata", "annotations", "leader"}, sets[leader].name + "-0");
    Put(lock, {"metadata", "annotations", "renewTime"}, "2026-11-21T10:00:00.5+00:00");
    Json sync = Endpoints();
    Put(sync, {"metadata", "annotations", "leader"}, sets[leader].name + "-0");
    Put(sync, {"metadata", "annotations", "sync_standby"}, sets[(leader + 1) % 3].name + "-0");
    Json config = Endpoints();
    Put(config, {"metadata", "annotations", "initialize"}, "7412");
    Put(config, {"metadata", "annotations", "config"}, "{}");
    loop.Post({loop.kube.Put({"Endpoints", "postgres", "hippo-ha"}, lock),
               loop.kube.Put({"Endpoints", "postgres", "hippo-ha-sync"}, sync),
               loop.kube.Put({"Endpoints", "postgres", "hippo-ha-config"}, config)});
  }
  void RunPod(const std::string& instance, std::size_t i, bool leads, int timeline) {
    Json pod = JsonLiteral(R"({"status":{"phase":"Running","containerStatuses":
      [{"name":"database","state":{"running":{}},"ready":true}],
      "conditions":[{"type":"Ready","status":"True"}]}})");
    Put(pod, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    Put(pod, {"metadata", "labels", kube::kLabelInstance}, instance);
    Put(pod, {"metadata", "labels", kube::kLabelRole}, leads ? "master" : "replica");
    Put(pod, {"spec", "nodeName"}, "node" + std::to_string(i + 1));
    Json status = JsonLiteral(R"({"state":"running","version":"4.0.7","xlog_location":83886336})");
    status["role"] = leads ? "primary" : "replica";
    status["timeline"] = timeline;
    if (!leads) status["replication_state"] = "streaming";
    Put(pod, {"metadata", "annotations", "status"}, DumpJson(status));
    loop.Post({loop.kube.Put({"Pod", "postgres", instance + "-0"}, pod)});
  }
  static Json Endpoints() {
    Json o = Json::object();
    Put(o, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    return o;
  }
  void ExpectReplayIsExact() {
    Verifier verifier;
    for (const auto& record : loop.records) verifier.Feed(record);
    const auto result = verifier.Finish();
    EXPECT_TRUE(result.Exact()) << "#" << result.first_bad.value() << ": " << result.difference;
    EXPECT_GT(result.actions, 0U);
    for (const Action& action : loop.actions) {
      EXPECT_EQ(std::ranges::adjacent_find(action.causes, std::greater_equal<>()),
                action.causes.end())
          << "each cause is named once, oldest first: " << action.sentence;
    }
  }
  bool Did(Reason reason) const {
    return std::ranges::any_of(loop.actions, [&](const Action& a) { return a.reason == reason; });
  }

  testing::Loop loop;
  std::int64_t epoch_ = 0;
};

TEST_F(EngineTest, AClusterGetsItsObjectsThenNothingMoreIsAskedFor) {
  EXPECT_EQ(loop.kube.All("StatefulSet").size(), 3U);
  EXPECT_EQ(loop.kube.All("PersistentVolumeClaim").size(), 3U);
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  const auto writes = loop.kube.writes;
  loop.Wait(25 * kSecond);
  loop.Post({Ticked{}});
  ASSERT_TRUE(loop.Settle());
  EXPECT_EQ(loop.kube.writes, writes);
  ExpectReplayIsExact();
}

TEST_F(EngineTest, ARestartOverUnchangedClustersWritesNothing) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  const auto writes = loop.kube.writes;
  const Json before = loop.engine.Save();
  loop.Restart();
  EXPECT_EQ(DumpJson(loop.engine.Save()["memories"]), DumpJson(before["memories"]))
      << "rebuilding from the journal gives the state that was";
  Begin();
  EXPECT_EQ(loop.kube.writes, writes);
  ExpectReplayIsExact();
}

TEST_F(EngineTest, ACopyBeginsAsSoonAsItsSourceHasWhatItAsksFor) {
  Json copy = *loop.kube.Find(kHippo);
  Put(copy, {"spec", "dataSource", "postgresCluster"},
      JsonLiteral(R"({"clusterName": "hippo", "repoName": "repo2"})"));
  const auto before = loop.kube.All("StatefulSet").size();
  loop.Post({loop.kube.Put({"PostgresCluster", "postgres", "rhino"}, copy)});
  ASSERT_TRUE(loop.Settle());
  EXPECT_EQ(loop.kube.All("StatefulSet").size(), before);
  Json source = *loop.kube.Find(kHippo);
  Put(source, {"spec", "backups", "pgbackrest"}, JsonLiteral(R"({
    "configuration": [{"secret": {"name": "keys"}}],
    "repos": [{"name": "repo2", "s3": {"bucket": "b", "endpoint": "e", "region": "r"}}]})"));
  loop.Post({loop.kube.Put(kHippo, source)});
  ASSERT_TRUE(loop.Settle());
  EXPECT_EQ(loop.kube.All("StatefulSet").size(), before + 3);
  loop.Restart();
  Begin();
  ExpectReplayIsExact();
}

TEST_F(EngineTest, AFencedPrimaryIsReplacedAndEveryDecisionReplays) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  Node("node1", true);
  ASSERT_TRUE(loop.Settle());
  const auto* lock = loop.kube.Find({"Endpoints", "postgres", "hippo-ha"});
  EXPECT_EQ(GetString(*lock, {"metadata", "annotations", "leader"}), "") << DumpJson(*lock);
  RunPods(1, 2);
  ASSERT_TRUE(loop.Settle());
  EXPECT_TRUE(Did(Reason::kFenced));
  EXPECT_TRUE(Did(Reason::kFailoverComplete));
  ExpectReplayIsExact();
}

// The journal lost its end: nobody knows what was decided last. Everything is listed again, and the
// primary's lease watched for its whole length, before anything is disrupted.
TEST_F(EngineTest, AJournalThatLostItsEndDisruptsNothingUntilItWasObservedAfresh) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  loop.Post({Leading{true, ++epoch_, "", "the journal ends with record 9"}});
  Node("node1", true);
  ASSERT_TRUE(loop.Settle());
  EXPECT_FALSE(Did(Reason::kFenced)) << "nothing was listed since";
  loop.Post(loop.kube.ListAll());
  ASSERT_TRUE(loop.Settle());
  EXPECT_FALSE(Did(Reason::kFenced)) << "the lease was not watched for its whole length";
  loop.Restart();
  loop.Post({Started{"test", kRuleset, "one", loop.engine.context().settings}});
  loop.Post({Leading{true, ++epoch_, ""}});
  loop.Post(loop.kube.ListAll());
  ASSERT_TRUE(loop.Settle());
  EXPECT_FALSE(Did(Reason::kFenced)) << "a restart does not make it known";
  loop.Wait(31 * kSecond);
  loop.Post({Ticked{}});
  ASSERT_TRUE(loop.Settle());
  EXPECT_TRUE(Did(Reason::kFenced));
  EXPECT_EQ(loop.engine.context().amnesia_seq, 0U);
  ExpectReplayIsExact();
}

// The pod's successor on another node inherits its name and the lock; the watch of pods may show it
// later than its renewals. Found by the simulation (I28, seed 43).
TEST_F(EngineTest, WhoRenewsAfterItsNodeWasOffIsAnotherIncarnation) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  const kube::ObjectRef lock_ref{"Endpoints", "postgres", "hippo-ha"};
  const kube::ObjectRef node_ref{"Node", "", "node1"};
  Json node = *loop.kube.Find(node_ref);
  node["spec"]["taints"] = JsonLiteral(R"([{"key":"node.kubernetes.io/out-of-service"}])");
  Json lock = *loop.kube.Find(lock_ref);
  Put(lock, {"metadata", "annotations", "renewTime"}, "2026-11-21T10:00:10.5+00:00");
  loop.Post({loop.kube.Put(node_ref, node), loop.kube.Put(lock_ref, lock)});
  ASSERT_TRUE(loop.Settle());
  EXPECT_FALSE(Did(Reason::kFenced)) << "its lock was renewed by somebody who lives";
  loop.Wait(40 * kSecond);
  loop.Post({Ticked{}});
  ASSERT_TRUE(loop.Settle());
  EXPECT_TRUE(Did(Reason::kSilent)) << "without renewals it is silent like any other";
}

class KilledTest;

// What makes the primary go, for each class of evidence.
struct Loss {
  const char* name;
  Reason reason;
  void (*inflict)(KilledTest& test);
};

class KilledTest : public EngineTest, public ::testing::WithParamInterface<Loss> {
 public:
  void Fence() { Node("node1", true); }
  void StopContainer() {
    const kube::ObjectRef ref{"Pod", "postgres", Leader() + "-0"};
    Json pod = *loop.kube.Find(ref);
    Json& state = pod["status"]["containerStatuses"][0]["state"];
    state = JsonLiteral(R"({"terminated":{"exitCode":137,"finishedAt":"2026-11-21T10:00:07Z"}})");
    loop.Post({loop.kube.Put(ref, pod)});
  }
  void ReleaseLock() {
    const kube::ObjectRef ref{"Endpoints", "postgres", "hippo-ha"};
    Json lock = *loop.kube.Find(ref);
    lock["metadata"]["annotations"].erase("leader");
    loop.Post({loop.kube.Put(ref, lock)});
    loop.Wait(2 * kSecond);
  }
  void FallSilent() { loop.Wait(40 * kSecond); }
  void AskForSwitchover() {
    Json cluster = *loop.kube.Find(kHippo);
    Put(cluster, {"spec", "patroni", "switchover", "enabled"}, true);
    Put(cluster, {"metadata", "annotations", kube::kTriggerSwitchover}, "now");
    loop.Post({loop.kube.Put(kHippo, cluster)});
  }

 protected:
  std::string Leader() const { return loop.kube.All("StatefulSet")[0].name; }
};

// After so many rounds of deciding and carrying out the process is killed, three times over.
TEST_P(KilledTest, AtAnyMomentTheChangeOfPrimaryIsFinishedAfterwards) {
  for (int rounds = 0; rounds < 5; ++rounds) {
    SCOPED_TRACE(rounds);
    loop = testing::Loop();
    SetUpCluster();
    RunPods(0, 1);
    ASSERT_TRUE(loop.Settle());
    GetParam().inflict(*this);
    loop.Post({Ticked{}});
    for (int kills = 0; kills < 3; ++kills) {
      loop.Settle(rounds);
      loop.Restart();
      Begin();
      loop.Wait(3 * kSecond);
      loop.Post({Ticked{}});
    }
    ASSERT_TRUE(loop.Settle());
    RunPods(1, 2);
    ASSERT_TRUE(loop.Settle());
    EXPECT_TRUE(Did(GetParam().reason));
    EXPECT_TRUE(Did(Reason::kFailoverComplete) || Did(Reason::kCompletedByOther));
    ExpectReplayIsExact();
  }
}

// A replica that runs but does not stream has the leader look four times, and no more.
TEST_F(EngineTest, AReplicaThatDoesNotStreamHasItsPrimaryLookAFewTimes) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  const auto looks = [&] {
    return std::ranges::count(loop.actions, Reason::kReplicaWaits, &Action::reason);
  };
  EXPECT_EQ(looks(), 0) << "everybody streams";
  const kube::ObjectRef ref{"Pod", "postgres", loop.kube.All("StatefulSet")[2].name + "-0"};
  Json pod = *loop.kube.Find(ref);
  Put(pod, {"metadata", "annotations", "status"},
      R"({"state":"running","role":"replica","version":"4.0.7","timeline":1})");
  loop.Post({loop.kube.Put(ref, pod)});
  ASSERT_TRUE(loop.Settle());
  EXPECT_EQ(looks(), 1);
  for (int i = 0; i < 30; ++i) {
    loop.Wait(kSecond);
    loop.Post({Ticked{}});
    ASSERT_TRUE(loop.Settle());
  }
  EXPECT_EQ(looks(), 4);
  ExpectReplayIsExact();
}

INSTANTIATE_TEST_SUITE_P(
    EveryClass, KilledTest,
    ::testing::Values(Loss{"Planned", Reason::kPlanned,
                           [](KilledTest& t) { t.AskForSwitchover(); }},
                      Loss{"Released", Reason::kReleased, [](KilledTest& t) { t.ReleaseLock(); }},
                      Loss{"Stopped", Reason::kStopped, [](KilledTest& t) { t.StopContainer(); }},
                      Loss{"Fenced", Reason::kFenced, [](KilledTest& t) { t.Fence(); }},
                      Loss{"Silent", Reason::kSilent, [](KilledTest& t) { t.FallSilent(); }}),
    [](const auto& test) { return std::string(test.param.name); });

// A new segment at any moment of a failover: each replay, from the start or from any baseline, is
// exact.
TEST_F(EngineTest, EverySegmentReplaysFromItsBaseline) {
  std::vector<std::size_t> starts = {0};
  const auto rotate = [&](std::size_t part_bytes) {
    starts.push_back(loop.records.size());
    loop.Rotate(part_bytes);
    EXPECT_GE(loop.records.size() - starts.back(), part_bytes == 1 ? 10U : 1U);
  };
  RunPods(0, 1);
  rotate(1);  // each object a part
  ASSERT_TRUE(loop.Settle());
  Node("node1", true);
  for (int i = 0; i < 3; ++i) {
    rotate(5000);
    loop.Settle(1);
  }
  ASSERT_TRUE(loop.Settle());
  RunPods(1, 2);
  ASSERT_TRUE(loop.Settle());
  EXPECT_TRUE(Did(Reason::kFailoverComplete));
  for (const std::size_t start : starts) {
    Verifier verifier;
    for (std::size_t i = start; i < loop.records.size(); ++i) verifier.Feed(loop.records[i]);
    const auto result = verifier.Finish();
    EXPECT_TRUE(result.Exact()) << "from " << start << ": #" << result.first_bad.value() << ": "
                                << result.difference;
    EXPECT_GT(result.decisions, 0U);
  }
  const Json before = loop.engine.Save();
  loop.Restart();
  for (const char* part : {"memories", "world", "context"}) {
    EXPECT_TRUE(loop.engine.Save()[part] == before[part]) << part;
  }
}

// A start that finds a segment due turns it before anything else: when decisions are due again is
// not rebuilt, and the next Started forgets it.
TEST_F(EngineTest, ASegmentThatIsTurnedAtARestartReplays) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  ASSERT_TRUE(loop.engine.WakeAt()) << "or this proves nothing";
  loop.Restart();
  loop.Rotate(SIZE_MAX);
  Begin();
  ExpectReplayIsExact();
}

TEST_F(EngineTest, ABaselineThatIsNotTheStateBeforeItIsNamed) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  loop.Rotate(SIZE_MAX);
  const auto baseline = loop.records.size() - 1;
  loop.Post({Ticked{}});
  auto edited = loop.records;
  const auto at = edited[baseline].payload.find("node2");
  ASSERT_NE(at, std::string::npos);
  edited[baseline].payload.replace(at, 5, "node9");
  Verifier verifier;
  for (const auto& record : edited) verifier.Feed(record);
  const auto result = verifier.Finish();
  EXPECT_EQ(result.first_bad.value(), baseline + 1);
  EXPECT_NE(result.difference.find("node9"), std::string::npos) << result.difference;
}

TEST_F(EngineTest, AnEditedRecordIsNamed) {
  RunPods(0, 1);
  ASSERT_TRUE(loop.Settle());
  auto edited = loop.records;
  const auto action = std::ranges::find_if(edited, [](const StoredRecord& r) {
    return r.type == static_cast<std::uint64_t>(RecordType::kAction) &&
           r.payload.find("missing") != std::string::npos;
  });
  ASSERT_NE(action, edited.end());
  action->payload.replace(action->payload.find("missing"), 7, "MISSING");
  Verifier verifier;
  for (const auto& record : edited) verifier.Feed(record);
  const auto result = verifier.Finish();
  EXPECT_FALSE(result.Exact());
  EXPECT_EQ(result.first_bad.value(), action->seq);
  EXPECT_NE(result.difference.find("/sentence"), std::string::npos) << result.difference;
}

}  // namespace
}  // namespace pgo
