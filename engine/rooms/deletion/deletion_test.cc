#include "engine/rooms/deletion/deletion.h"

#include <gtest/gtest.h>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"
#include "engine/rooms/instances/instances.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::deletion {
namespace {

std::vector<kube::ObjectRef> Deleted(const Plan& plan) {
  std::vector<kube::ObjectRef> out;
  for (const auto& proposal : plan.proposals) {
    const auto* command = std::get_if<Delete>(&proposal.command);
    if (command == nullptr) continue;
    EXPECT_FALSE(command->uid.empty());
    out.push_back(command->ref);
  }
  return out;
}

TEST(Deletion, TheFinalizerIsSetOnceBesideOthers) {
  testing::ClusterBuilder builder;
  builder.manifest()["metadata"]["finalizers"] = JsonLiteral(R"(["other"])");
  builder.Show();
  const Plan plan = PlanDeletion(builder.View());
  ASSERT_EQ(plan.proposals.size(), 1U);
  const auto& patch = std::get<Patch>(plan.proposals[0].command);
  EXPECT_FALSE(patch.rv.empty());
  builder.manifest().merge_patch(patch.patch);
  builder.Show();
  EXPECT_EQ(DumpJson(builder.manifest()["metadata"]["finalizers"]),
            R"(["other","postgres-operator.crunchydata.com/finalizer"])");
  EXPECT_TRUE(PlanDeletion(builder.View()).proposals.empty());
}

TEST(Deletion, ReplicasThenPrimaryThenPatronisEndpointsThenTheFinalizer) {
  testing::ClusterBuilder builder;
  builder.manifest()["metadata"]["finalizers"] =
      JsonLiteral(R"(["postgres-operator.crunchydata.com/finalizer", "other"])");
  builder.Show();
  builder.Settle(instances::PlanInstances(builder.View(), {}));
  std::vector<std::string> names;
  for (const auto& member : cluster::Roster(builder.View())) names.push_back(member.name);
  for (const auto& name : names) builder.Pod(name, "", std::string(testing::kReplicaStatus));
  builder.Lock(kube::InstancePodName(names[1]), "10.1.0.1");
  builder.Bootstrapped();
  builder.manifest()["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  builder.Show();

  const auto end = [&](const std::string& name) {
    builder.Remove({"StatefulSet", "postgres", name});
    builder.Remove({"Pod", "postgres", kube::InstancePodName(name)});
  };
  auto deleted = Deleted(PlanDeletion(builder.View()));
  ASSERT_EQ(deleted.size(), 2U);
  EXPECT_NE(deleted[0].name, names[1]);
  EXPECT_NE(deleted[1].name, names[1]);
  end(names[0]);
  builder.Remove({"StatefulSet", "postgres", names[2]});
  // Its pod still ends: the primary waits.
  EXPECT_TRUE(PlanDeletion(builder.View()).proposals.empty());
  end(names[2]);
  deleted = Deleted(PlanDeletion(builder.View()));
  ASSERT_EQ(deleted.size(), 1U);
  EXPECT_EQ(deleted[0].name, names[1]);
  end(names[1]);
  deleted = Deleted(PlanDeletion(builder.View()));
  ASSERT_EQ(deleted.size(), 2U);
  for (const auto& ref : deleted) builder.Remove(ref);
  const Plan last = PlanDeletion(builder.View());
  ASSERT_EQ(last.proposals.size(), 1U);
  const auto& patch = std::get<Patch>(last.proposals[0].command);
  EXPECT_EQ(DumpJson(patch.patch), R"({"metadata":{"finalizers":["other"]}})");
  EXPECT_FALSE(patch.rv.empty());
}

}  // namespace
}  // namespace pgo::rooms::deletion
