#include "engine/rooms/services/services.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::services {
namespace {

const Json* Wanted(const Plan& plan, const std::string& kind, const std::string& name) {
  const auto it = std::ranges::find_if(
      plan.objects, [&](const Desired& d) { return d.ref.kind == kind && d.ref.name == name; });
  return it == plan.objects.end() ? nullptr : &it->object;
}

TEST(Services, PrimaryLeadsToTheLeaderServiceOnceThatHasAnAddress) {
  testing::ClusterBuilder builder;
  const Plan first = PlanServices(builder.View());
  EXPECT_EQ(Wanted(first, "Endpoints", "hippo-primary"), nullptr);
  ASSERT_NE(Wanted(first, "Service", "hippo-primary"), nullptr);
  EXPECT_EQ(GetString(*Wanted(first, "Service", "hippo-primary"), {"spec", "clusterIP"}), "None");
  builder.Settle(first);
  const Plan second = PlanServices(builder.View());
  const Json* endpoints = Wanted(second, "Endpoints", "hippo-primary");
  ASSERT_NE(endpoints, nullptr);
  EXPECT_NE(DumpJson(*endpoints).find("10.96.0.17"), std::string::npos);
}

// kubernetes/kubernetes#78933: Endpoints without a Service are collected.
TEST(Services, AServiceKeepsEachOfPatronisEndpoints) {
  testing::ClusterBuilder builder;
  const Plan plan = PlanServices(builder.View());
  for (const char* name : {"hippo-ha", "hippo-ha-config", "hippo-ha-sync", "hippo-ha-failover"}) {
    const Json* service = Wanted(plan, "Service", name);
    ASSERT_NE(service, nullptr) << name;
    EXPECT_EQ(Find(*service, {"spec", "selector"}), nullptr) << name;
  }
}

TEST(Services, PassesOnWhatTheManifestAsksOfAService) {
  testing::ClusterBuilder builder;
  builder.manifest()["spec"]["service"] = JsonLiteral(
      R"({"type": "NodePort", "nodePort": 32000, "externalTrafficPolicy": "Local",
          "metadata": {"annotations": {"a": "b"}}})");
  builder.Show();
  const Plan plan = PlanServices(builder.View());
  const Json& service = *Wanted(plan, "Service", "hippo-ha");
  EXPECT_EQ(GetString(service, {"spec", "type"}), "NodePort");
  EXPECT_EQ(GetInt(service["spec"]["ports"][0], {"nodePort"}), 32000);
  EXPECT_EQ(GetString(service, {"spec", "externalTrafficPolicy"}), "Local");
  EXPECT_EQ(GetString(service, {"metadata", "annotations", "a"}), "b");
  EXPECT_EQ(GetString(*Wanted(plan, "Service", "hippo-replicas"), {"spec", "type"}), "ClusterIP");
}

TEST(Services, BudgetGoesWhenASingleInstanceIsLeft) {
  testing::ClusterBuilder builder;
  builder.Settle(PlanServices(builder.View()));
  builder.manifest()["spec"]["instances"][0]["replicas"] = 1;
  builder.Show();
  const Plan plan = PlanServices(builder.View());
  EXPECT_EQ(Wanted(plan, "PodDisruptionBudget", "hippo-set-00"), nullptr);
  ASSERT_EQ(plan.proposals.size(), 1U);
  const auto* remove = std::get_if<Delete>(&plan.proposals[0].command);
  ASSERT_NE(remove, nullptr);
  EXPECT_EQ(remove->ref.name, "hippo-set-00");
  EXPECT_FALSE(remove->uid.empty());
}

}  // namespace
}  // namespace pgo::rooms::services
