#include "engine/rooms/status/status.h"

#include <gtest/gtest.h>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/replication/replication.h"
#include "engine/rooms/services/services.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::status {
namespace {

constexpr Now kNow{1'777'000'000 * kSecond, 5 * kSecond};

// Applies the patch as the API server would; returns false if there was none.
bool Apply(testing::ClusterBuilder& builder, Now now, const std::vector<Condition>& others = {}) {
  const Plan plan = PlanStatus(builder.View(), others, Json::object(), now);
  if (plan.proposals.empty()) return false;
  const auto& patch = std::get<Patch>(plan.proposals[0].command);
  EXPECT_EQ(patch.subresource, "status");
  builder.manifest().merge_patch(patch.patch);
  builder.Show();
  return true;
}

Json ConditionOf(testing::ClusterBuilder& builder, const std::string& type) {
  for (const Json& c : GetArray(builder.manifest(), {"status", "conditions"})) {
    if (GetString(c, {"type"}) == type) return c;
  }
  return {};
}

struct Healthy {
  testing::ClusterBuilder builder;
  std::vector<std::string> names;
  Healthy() {
    builder.Settle(services::PlanServices(builder.View()));
    builder.Settle(services::PlanServices(builder.View()));
    builder.Settle(instances::PlanInstances(builder.View(), {}));
    for (const auto& member : cluster::Roster(builder.View())) names.push_back(member.name);
    builder.Pod(names[0], "master", std::string(testing::kPrimaryStatus));
    builder.Pod(names[1], "replica", std::string(testing::kReplicaStatus));
    builder.Pod(names[2], "replica", std::string(testing::kReplicaStatus));
    builder.Lock(kube::InstancePodName(names[0]), testing::ClusterBuilder::Address(names[0]));
    builder.Bootstrapped();
  }
};

TEST(Status, IsWrittenOnceAndThenQuiet) {
  Healthy h;
  ASSERT_TRUE(Apply(h.builder, kNow));
  EXPECT_EQ(GetString(ConditionOf(h.builder, "Ready"), {"status"}), "True");
  EXPECT_EQ(GetString(h.builder.manifest(), {"status", "summary"}), "Ready 3/3");
  EXPECT_EQ(GetString(h.builder.manifest(), {"status", "primary"}), h.names[0] + "-0");
  Now later = kNow;
  later.wall_us += 3600 * kSecond;
  EXPECT_FALSE(Apply(h.builder, later));
}

TEST(Status, ALeaderInRecoveryIsNeitherPrimaryNorReady) {
  Healthy h;
  Apply(h.builder, kNow);
  const std::string since = GetString(ConditionOf(h.builder, "Ready"), {"lastTransitionTime"});
  h.builder.Pod(h.names[0], "master", R"({"state":"running","role":"promoted","timeline":2})");
  Now later = kNow;
  later.wall_us += 60 * kSecond;
  ASSERT_TRUE(Apply(h.builder, later));
  const Json ready = ConditionOf(h.builder, "Ready");
  EXPECT_EQ(GetString(ready, {"status"}), "False");
  EXPECT_EQ(GetString(ready, {"reason"}), "LeaderInRecovery");
  EXPECT_NE(GetString(ready, {"lastTransitionTime"}), since);
  EXPECT_EQ(GetString(h.builder.manifest(), {"status", "primary"}), "");
}

TEST(Status, ReadyNeedsTheServicesToLeadToThePrimary) {
  Healthy h;
  h.builder.Lock(kube::InstancePodName(h.names[0]), "10.9.9.9");
  Apply(h.builder, kNow);
  EXPECT_EQ(GetString(ConditionOf(h.builder, "Ready"), {"reason"}), "ServiceNotLeading");
}

TEST(Status, ReplicasThatDoNotStreamAreNamed) {
  Healthy h;
  h.builder.Pod(h.names[2], "replica", R"({"state":"running","role":"replica","timeline":1})");
  Apply(h.builder, kNow, replication::PlanReplication(h.builder.View(), kNow).conditions);
  EXPECT_EQ(GetString(ConditionOf(h.builder, "Ready"), {"reason"}), "ReplicasNotStreaming");
  EXPECT_NE(GetString(ConditionOf(h.builder, "ReplicasStreaming"), {"message"}).find(h.names[2]),
            std::string::npos);
}

TEST(Status, OthersConditionsStayAndOursGoWhenNobodyReportsThem) {
  Healthy h;
  h.builder.manifest()["status"]["conditions"] = JsonLiteral(
      R"([{"type": "Theirs", "status": "True"}, {"type": "ImageAvailable", "status": "False"}])");
  h.builder.Show();
  ASSERT_TRUE(Apply(h.builder, kNow));
  EXPECT_FALSE(ConditionOf(h.builder, "Theirs").is_null());
  EXPECT_TRUE(ConditionOf(h.builder, "ImageAvailable").is_null());
}

TEST(Status, ABrokenManifestSaysWhichRuleAndHowToMendIt) {
  Healthy h;
  h.builder.manifest()["spec"]["postgresVersion"] = 3;
  h.builder.Show();
  ASSERT_TRUE(Apply(h.builder, kNow));
  EXPECT_EQ(GetString(ConditionOf(h.builder, "Ready"), {"reason"}), "InvalidSpec");
  const std::string message = GetString(ConditionOf(h.builder, "SpecValid"), {"message"});
  EXPECT_NE(message.find("spec.postgresVersion"), std::string::npos) << message;
}

TEST(Status, WhatHasNoEffectIsNamedApartFromWhatIsNoField) {
  Healthy h;
  Json& spec = h.builder.manifest()["spec"];
  spec["proxy"] = JsonLiteral(R"({"pgBouncer": {}})");
  spec["openshift"] = true;
  spec["instances"][0]["replica"] = 3;
  h.builder.Show();
  ASSERT_TRUE(Apply(h.builder, kNow));
  EXPECT_EQ(GetString(ConditionOf(h.builder, "FieldsNotImplemented"), {"message"}),
            "accepted, but without effect in this version: spec.openshift, spec.proxy; no field of "
            "PostgresCluster, misspelled perhaps: spec.instances[].replica");
}

// The API server takes 32768 characters: a longer message would be refused at every try.
TEST(Status, MessagesEndInHowManyMoreThereAre) {
  Healthy h;
  Json& spec = h.builder.manifest()["spec"];
  for (int i = 0; i < 5000; ++i) {
    spec["x" + std::to_string(i) + std::string(100, 'x')] = 1;
    spec["supplementalGroups"][static_cast<std::size_t>(i)] = 0;
  }
  spec[std::string(100'000, 'y')] = 1;
  h.builder.Show();
  ASSERT_TRUE(Apply(h.builder, kNow));
  for (const char* type : {"Ready", "SpecValid", "FieldsNotImplemented"}) {
    const std::string message = GetString(ConditionOf(h.builder, type), {"message"});
    EXPECT_LT(message.size(), 2500U) << type;
    EXPECT_TRUE(message.ends_with(" more")) << message;
  }
  EXPECT_FALSE(Apply(h.builder, kNow));
}

}  // namespace
}  // namespace pgo::rooms::status
