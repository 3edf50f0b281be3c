#include "engine/rooms/rollout/rollout.h"

#include <gtest/gtest.h>

#include "engine/kube/names.h"
#include "engine/rooms/instances/instances.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::rollout {
namespace {

// Three instances at revision "old"; the first leads, the second is the synchronous standby.
class Rollouts : public ::testing::Test {
 protected:
  Rollouts() {
    builder.Settle(instances::PlanInstances(builder.View(), {}));
    for (const auto& member : cluster::Roster(builder.View())) names.push_back(member.name);
    for (const auto& name : names) Revise(name, "old");
    Pod(0, std::string(testing::kPrimaryStatus));
    Pod(1, std::string(testing::kReplicaStatus));
    Pod(2, std::string(testing::kReplicaStatus));
    builder.Lock(names[0] + "-0", testing::ClusterBuilder::Address(names[0]));
    Put(builder.manifest(), {"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}, true);
    builder.Show();
    Sync(0, 1);
  }
  void Revise(const std::string& name, const std::string& revision, int observed = 2) {
    Json set = builder.View().Find("StatefulSet", name)->object;
    Put(set, {"metadata", "generation"}, 2);
    Put(set, {"status", "observedGeneration"}, observed);
    Put(set, {"status", "updateRevision"}, revision);
    builder.Observe(std::move(set));
  }
  void Pod(std::size_t i, const std::string& status, bool ready = true, bool running = true) {
    builder.Pod(names[i], "", status);
    Json pod = builder.View().Find("Pod", names[i] + "-0")->object;
    Put(pod, {"metadata", "labels", "controller-revision-hash"}, "old");
    if (!ready) pod["status"]["conditions"] = Json::array();
    if (!running) pod["status"]["containerStatuses"][0]["state"] = Json::object();
    builder.Observe(std::move(pod));
  }
  void Sync(std::size_t leader, std::size_t standby) {
    Json o = JsonLiteral(R"({"kind": "Endpoints", "apiVersion": "v1"})");
    Put(o, {"metadata", "name"}, "hippo-ha-sync");
    Put(o, {"metadata", "namespace"}, "postgres");
    Put(o, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    Put(o, {"metadata", "annotations", "leader"}, names[leader] + "-0");
    Put(o, {"metadata", "annotations", "sync_standby"}, names[standby] + "-0");
    builder.Observe(std::move(o));
  }
  void Ask(std::string_view annotation, const std::string& value) {
    Put(builder.manifest(), {"metadata", "annotations", annotation}, value);
    builder.Show();
  }
  Request Read() { return ReadRequest(builder.View(), memory); }
  // Who is to start anew, in order.
  std::vector<std::string> Turns(bool templates_applied = true) {
    const auto view = builder.View();
    std::vector<std::string> out;
    const arbiter::Ledger ledger;
    for (const Work& work :
         CollectWork({view, memory, ledger, templates_applied, now}, ReadRequest(view, memory))) {
      out.push_back(work.instance->name);
    }
    return out;
  }

  testing::ClusterBuilder builder;
  Memory memory;
  Now now{1'700'000'000 * kSecond, 1000 * kSecond};
  std::vector<std::string> names;
};

using Names = std::vector<std::string>;

TEST_F(Rollouts, NobodyNeedsAnythingWhileRevisionsAgree) {
  EXPECT_EQ(Turns(), Names{});
  EXPECT_EQ(WhyNotNow(builder.View()), "");
}

TEST_F(Rollouts, AsynchronousReplicasThenSynchronousOnesThenThePrimary) {
  for (const auto& name : names) Revise(name, "new");
  EXPECT_EQ(Turns(), (Names{names[2], names[1], names[0]}));
  EXPECT_EQ(Turns(false), Names{}) << "not every StatefulSet has the template yet";
}

TEST_F(Rollouts, PauseAndShutdownHoldItAndAreNamed) {
  for (const auto& name : names) Revise(name, "new");
  const arbiter::Ledger ledger;
  for (const char* field : {"paused", "shutdown"}) {
    builder.manifest()["spec"].erase("paused");
    Put(builder.manifest(), {"spec", field}, true);
    builder.Show();
    const auto view = builder.View();
    const Plan plan = PlanRollout({view, memory, ledger, true, now});
    EXPECT_TRUE(plan.proposals.empty()) << field;
    ASSERT_EQ(plan.conditions.size(), 1U);
    EXPECT_EQ(plan.conditions[0].message, std::string("restarts wait: spec.") + field + " is true");
  }
}

TEST_F(Rollouts, ARevisionOfAnOlderTemplateProvesNothing) {
  Revise(names[1], "new", 1);
  EXPECT_EQ(Turns(), Names{});
}

// The primary's alone was looked at: it would be switched away from, and then its successor too.
TEST_F(Rollouts, BeginsOnlyWhenEveryTemplateWasLookedAt) {
  Revise(names[0], "new");
  Revise(names[1], "old", 1);
  Revise(names[2], "old", 1);
  EXPECT_EQ(Turns(), Names{});
  for (const auto& name : names) Revise(name, "new");
  EXPECT_EQ(Turns(), (Names{names[2], names[1], names[0]}));
}

TEST_F(Rollouts, WhatIsDownGoesFirst) {
  for (const auto& name : names) Revise(name, "new");
  Pod(1, std::string(testing::kReplicaStatus), false, false);
  EXPECT_EQ(Turns().front(), names[1]);
}

TEST_F(Rollouts, SettingsStartWithThePrimaryAndAPodIsRestartedForThemTwiceAtMost) {
  const auto pending = [](std::string_view status) {
    Json json = ParseJson(status).value_or(Json::object());
    json["pending_restart"] = true;
    return DumpJson(json);
  };
  Pod(0, pending(testing::kPrimaryStatus));
  Pod(2, pending(testing::kReplicaStatus));
  EXPECT_EQ(Turns(), (Names{names[0], names[2]}));
  const auto view = builder.View();
  const std::string uid = view.instances.at(names[2]).pod->uid;
  memory.restarted[uid] = {ConfigDigest(view), 1, now.elapsed_us};
  EXPECT_EQ(Turns(), Names{names[0]}) << "Patroni's word lags behind";
  now.elapsed_us += 30 * kSecond;
  EXPECT_EQ(Turns(), (Names{names[0], names[2]}));
  memory.restarted[uid].count = 2;
  EXPECT_EQ(Turns(), Names{names[0]});
}

TEST_F(Rollouts, WhyNotNowNamesWhoMustServeFirst) {
  Pod(2, std::string(testing::kReplicaStatus), false);
  EXPECT_EQ(WhyNotNow(builder.View()), names[2] + " does not stream yet");
  Pod(2, std::string(testing::kReplicaStatus));
  Sync(2, 1);
  EXPECT_NE(WhyNotNow(builder.View()).find("does not speak of " + names[0]), std::string::npos);
  Sync(0, 0);
  EXPECT_EQ(WhyNotNow(builder.View()), "no synchronous standby streams");
  Sync(0, 1);
  Pod(0, std::string(testing::kReplicaStatus));
  EXPECT_EQ(WhyNotNow(builder.View()), "there is no primary");
}

TEST_F(Rollouts, AnotherVersionOfTheOperatorRestartsNothingUntilSomebodyAsks) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    Json pod = builder.View().Find("Pod", names[i] + "-0")->object;
    const Json& set = builder.View().Find("StatefulSet", names[i])->object;
    Put(pod, {"metadata", "annotations", kube::kAsked},
        GetString(set, {"spec", "template", "metadata", "annotations", kube::kAsked}));
    builder.Observe(std::move(pod));
    Revise(names[i], "new");
  }
  EXPECT_EQ(Turns(), Names{});
  const arbiter::Ledger ledger;
  const Plan plan = PlanRollout({builder.View(), memory, ledger, true, now});
  EXPECT_TRUE(plan.proposals.empty());
  ASSERT_EQ(plan.conditions.size(), 1U);
  EXPECT_EQ(plan.conditions[0].type, "PodsCurrent");
  EXPECT_NE(plan.conditions[0].message.find("3 instances"), std::string::npos);
  Ask(kube::kRestart, "now");
  const auto view = builder.View();
  const auto work = CollectWork({view, memory, ledger, true, now}, Read());
  ASSERT_EQ(work.size(), 3U);
  for (const Work& item : work) EXPECT_EQ(item.need, Need::kReplace);
}

TEST_F(Rollouts, WhatTheUserWantsOtherwiseIsRolledOut) {
  for (const auto& name : names) {
    Json pod = builder.View().Find("Pod", name + "-0")->object;
    Put(pod, {"metadata", "annotations", kube::kAsked}, "0123456789abcdef");
    builder.Observe(std::move(pod));
    Revise(name, "new");
  }
  EXPECT_EQ(Turns().size(), 3U);
}

TEST_F(Rollouts, ARequestIsReadOnceAndItsWordsAreChecked) {
  EXPECT_EQ(Read().restart, "");
  Ask(kube::kRestart, "one");
  EXPECT_EQ(Read().restart, "one");
  EXPECT_EQ(Turns().back(), names[0]);
  Ask(kube::kRestartInstances, names[2] + "-0 , " + names[1]);
  EXPECT_EQ(Turns(), (Names{names[2], names[1]}));
  Ask(kube::kRestartRolling, "true");
  EXPECT_NE(Read().refusal.find("cannot be used with restart-instances"), std::string::npos);
  EXPECT_EQ(Turns(), Names{});
  Ask(kube::kRestartRolling, "yes");
  EXPECT_NE(Read().refusal.find("must be true or false"), std::string::npos);
  Ask(kube::kRestartRolling, "false");
  Ask(kube::kRestartInstances, "nobody");
  EXPECT_NE(Read().refusal.find("name some of: " + names[0]), std::string::npos);
  memory.served_restart = "one";
  EXPECT_EQ(Read().restart, "");
}

}  // namespace
}  // namespace pgo::rooms::rollout
