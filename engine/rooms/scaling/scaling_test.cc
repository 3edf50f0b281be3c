#include "engine/rooms/scaling/scaling.h"

#include <gtest/gtest.h>

#include "engine/kube/names.h"
#include "engine/rooms/config/config.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/storage/storage.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::scaling {
namespace {

using Names = std::vector<std::string>;

std::string Status(const std::string& replication, std::uint64_t lsn) {
  Json status = JsonLiteral(R"({"state":"running","role":"replica","version":"4.0.7"})");
  status["xlog_location"] = lsn;
  status["timeline"] = 1;
  if (!replication.empty()) status["replication_state"] = replication;
  return DumpJson(status);
}

// Four instances in set "00"; the first leads, the others stream.
class Scaling : public ::testing::Test {
 protected:
  Scaling() : builder("hippo", 4) {
    for (const auto& member : cluster::Roster(builder.View())) names.push_back(member.name);
    for (const Plan& plan :
         {instances::PlanInstances(builder.View(), {}), storage::PlanStorage(builder.View()),
          config::PlanConfig(builder.View())}) {
      builder.Settle(plan);
    }
    for (const auto& name : names) {
      builder.Pod(name, "replica", Status("streaming", 0x5000000));
    }
    Lead(0);
  }
  void Lead(std::size_t i) {
    builder.Pod(names[i], "master", std::string(testing::kPrimaryStatus));
    Json lock = JsonLiteral(R"({"kind": "Endpoints", "apiVersion": "v1"})");
    Annotated("hippo-ha", {{"leader", names[i] + "-0"}, {"optime", "83886080"}});
  }
  void Annotated(const std::string& name, const std::map<std::string, std::string>& annotations) {
    Json o = JsonLiteral(R"({"kind": "Endpoints", "apiVersion": "v1"})");
    Put(o, {"metadata", "name"}, name);
    Put(o, {"metadata", "namespace"}, "postgres");
    Put(o, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    for (const auto& [key, value] : annotations) Put(o, {"metadata", "annotations", key}, value);
    builder.Observe(std::move(o));
  }
  void Sync(std::size_t i) {
    Put(builder.manifest(), {"spec", "patroni", "dynamicConfiguration", "synchronous_mode"}, true);
    builder.Show();
    Annotated("hippo-ha-sync", {{"leader", names[0] + "-0"}, {"sync_standby", names[i] + "-0"}});
  }
  void Scale(int replicas) {
    builder.manifest()["spec"]["instances"][0]["replicas"] = replicas;
    builder.Show();
  }
  void Ask(std::string_view annotation, const std::string& value) {
    Put(builder.manifest(), {"metadata", "annotations", annotation}, value);
    builder.Show();
  }
  Plan Look() { return PlanScaling(builder.View()); }
  // What the plan does, as "leave NAME", "delete Kind NAME", "served ANNOTATION"; and does it.
  Names Take() {
    Names out;
    const Plan plan = Look();
    for (const Proposal& p : plan.proposals) {
      sentences.push_back(p.sentence);
      EXPECT_EQ(p.reason, Reason::kScaling);
      if (const auto* gone = std::get_if<Delete>(&p.command)) {
        EXPECT_FALSE(gone->uid.empty());
        out.push_back("delete " + gone->ref.kind + " " + gone->ref.name);
        builder.Remove(gone->ref);
        continue;
      }
      const auto& patch = std::get<Patch>(p.command);
      EXPECT_FALSE(patch.uid.empty());
      EXPECT_FALSE(patch.rv.empty());
      const bool marks = patch.ref.kind == "StatefulSet";
      out.push_back(marks ? "leave " + patch.ref.name : p.goal.substr(0, p.goal.rfind('/')));
      Json object =
          marks ? builder.View().Find(patch.ref.kind, patch.ref.name)->object : builder.manifest();
      object.merge_patch(patch.patch);
      if (!marks) builder.manifest() = object;
      builder.Observe(std::move(object));
    }
    return out;
  }
  void PodEnds(std::size_t i) { builder.Remove({"Pod", "postgres", names[i] + "-0"}); }
  std::string Refusal() {
    const Plan plan = Look();
    EXPECT_TRUE(plan.proposals.empty());
    return plan.conditions.empty() ? ""
                                   : plan.conditions[0].reason + ": " + plan.conditions[0].message;
  }

  testing::ClusterBuilder builder;
  Names names;
  Names sentences;
};

TEST_F(Scaling, NothingIsDoneWhileTheNumbersAgree) {
  EXPECT_EQ(Take(), Names{});
  EXPECT_FALSE(Look().holds_cluster);
}

TEST_F(Scaling, OneStepFollowsTheOtherAndTheStatefulSetGoesLast) {
  Scale(3);
  EXPECT_EQ(Take(), Names{"leave " + names[3]});
  EXPECT_EQ(Take(), Names{}) << "its pod has not ended";
  EXPECT_TRUE(Look().holds_cluster);
  EXPECT_EQ(cluster::Roster(builder.View()).size(), 3U);
  PodEnds(3);
  EXPECT_EQ(Take(), (Names{"delete ConfigMap " + names[3] + "-config",
                           "delete PersistentVolumeClaim " + names[3] + "-pgdata"}));
  EXPECT_EQ(Take(), Names{"delete StatefulSet " + names[3]});
  EXPECT_EQ(Take(), Names{});
}

TEST_F(Scaling, AmongEqualsTheHighestOrdinalGoesAndNeverThePrimary) {
  Lead(3);
  builder.Pod(names[0], "replica", Status("streaming", 0x5000000));
  Scale(1);
  for (const std::size_t i : {2U, 1U, 0U}) {
    EXPECT_EQ(Take(), Names{"leave " + names[i]});
    PodEnds(i);
    Take();
    Take();
  }
  EXPECT_EQ(Take(), Names{});
}

TEST_F(Scaling, WhatDoesNotServeGoesFirst) {
  Scale(3);
  builder.Pod(names[1], "replica", Status("", 0x4000000));
  EXPECT_EQ(Candidates(builder.View(), cluster::Roster(builder.View()))[0].instance->name,
            names[1]);
  builder.Pod(names[2], "replica", Status("", 0x3000000));
  EXPECT_EQ(Candidates(builder.View(), cluster::Roster(builder.View()))[0].instance->name, names[2])
      << "further behind";
  PodEnds(1);
  EXPECT_EQ(Take(), Names{"leave " + names[1]}) << "has no pod at all";
  EXPECT_NE(sentences[0].find("it does not run; stays: " + names[2] + " (does not stream), "),
            std::string::npos)
      << sentences[0];
}

TEST_F(Scaling, LagCountsOnlyBeyondWhatFailoverAllows) {
  Scale(3);
  builder.Pod(names[1], "replica", Status("streaming", 0x5000000 - 1000));
  EXPECT_EQ(Candidates(builder.View(), cluster::Roster(builder.View()))[0].instance->name,
            names[3]);
  builder.Pod(names[1], "replica", Status("streaming", 0x5000000 - 2'000'000));
  EXPECT_EQ(Candidates(builder.View(), cluster::Roster(builder.View()))[0].instance->name,
            names[1]);
}

TEST_F(Scaling, TheSynchronousStandbyGoesLastAndOnlyWithASuccessor) {
  Sync(3);
  Scale(3);
  EXPECT_EQ(Take(), Names{"leave " + names[2]});
  PodEnds(2);
  Take();
  Take();
  Ask(kube::kScaleDownTarget, names[3]);
  Scale(2);
  builder.Pod(names[1], "replica", Status("", 0x5000000));
  EXPECT_NE(Refusal().find("Waiting: " + names[3] + " is the only synchronous standby"),
            std::string::npos);
  builder.Pod(names[1], "replica", Status("streaming", 0x5000000));
  EXPECT_EQ(Take(), Names{"leave " + names[3]});
}

TEST_F(Scaling, WithoutAPrimaryNobodyGoesAndNoDataIsDeleted) {
  Scale(3);
  EXPECT_EQ(Take(), Names{"leave " + names[3]});
  PodEnds(3);
  Annotated("hippo-ha", {{"leader", ""}});
  EXPECT_EQ(Take(), Names{});
}

TEST_F(Scaling, TheTargetGoesItsAnnotationIsTakenOffAndItsDataKept) {
  Ask(kube::kScaleDownTarget, names[1] + "-0");
  Ask(kube::kScaleDownData, "Keep");
  EXPECT_NE(Refusal().find("NothingToDo"), std::string::npos);
  Scale(3);
  EXPECT_EQ(Take(), Names{"leave " + names[1]});
  EXPECT_NE(sentences[0].find("its volumes are kept"), std::string::npos);
  EXPECT_EQ(Take(), Names{"served/" + std::string(kube::kScaleDownTarget)});
  EXPECT_EQ(Take(), Names{"served/" + std::string(kube::kScaleDownData)});
  PodEnds(1);
  EXPECT_EQ(Take(), Names{"delete ConfigMap " + names[1] + "-config"});
  EXPECT_EQ(Take(), Names{"delete StatefulSet " + names[1]});
  Scale(4);
  EXPECT_EQ(cluster::Roster(builder.View())[1].name, names[1]) << "finds its volume again";
}

TEST_F(Scaling, APrimaryAsTargetIsRefusedUntilAnotherLeads) {
  Ask(kube::kScaleDownTarget, names[0]);
  Scale(3);
  EXPECT_NE(Refusal().find("switch over first"), std::string::npos);
  Lead(2);
  builder.Pod(names[0], "replica", Status("streaming", 0x5000000));
  EXPECT_EQ(Take(), Names{"leave " + names[0]});
}

TEST_F(Scaling, WrongNamesAndWordsAreRefusedWithWhatIsRight) {
  Scale(3);
  Ask(kube::kScaleDownTarget, "rhino-00-abcd");
  EXPECT_NE(Refusal().find("name one of: " + names[3]), std::string::npos) << Refusal();
  Ask(kube::kScaleDownTarget, names[3]);
  Ask(kube::kScaleDownData, "Maybe");
  EXPECT_NE(Refusal().find("must be Delete or Keep"), std::string::npos);
}

TEST_F(Scaling, AnInstanceThatLeavesDoesNotLendItsNameToANewOne) {
  Scale(3);
  Take();
  Scale(4);
  const auto roster = cluster::Roster(builder.View());
  ASSERT_EQ(roster.size(), 4U);
  for (const auto& member : roster) EXPECT_NE(member.name, names[3]);
}

TEST_F(Scaling, ARemovedSetLosesItsPrimaryLastAfterASwitchover) {
  builder.manifest()["spec"]["instances"][0]["name"] = "other";
  builder.manifest()["spec"]["instances"][0]["replicas"] = 1;
  builder.Show();
  for (const std::size_t i : {3U, 2U, 1U}) {
    EXPECT_FALSE(Look().switchover.has_value());
    const Names taken = Take();
    ASSERT_EQ(taken.size(), 1U);
    PodEnds(static_cast<std::size_t>(std::ranges::find(names, taken[0].substr(6)) - names.begin()));
    static_cast<void>(i);
    Take();
    Take();
  }
  EXPECT_EQ(Take(), Names{});
  ASSERT_TRUE(Look().switchover.has_value());
  EXPECT_EQ(Look().switchover->from, names[0] + "-0");
}

TEST_F(Scaling, PausedClustersAreLeftAlone) {
  Scale(3);
  builder.manifest()["spec"]["paused"] = true;
  builder.Show();
  EXPECT_EQ(Take(), Names{});
}

}  // namespace
}  // namespace pgo::rooms::scaling
