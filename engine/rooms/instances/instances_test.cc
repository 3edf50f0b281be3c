#include "engine/rooms/instances/instances.h"

#include "engine/rooms/instances/asked.h"

#include <gtest/gtest.h>

#include "engine/cluster/quantity.h"
#include "engine/rooms/storage/storage.h"
#include "engine/testing/cluster_builder.h"

namespace pgo::rooms::instances {
namespace {

TEST(Instances, RenderingIsDeterministic) {
  testing::ClusterBuilder a;
  testing::ClusterBuilder b;
  const Plan one = PlanInstances(a.View(), {});
  const Plan two = PlanInstances(b.View(), {});
  ASSERT_EQ(one.objects.size(), 3U);
  for (std::size_t i = 0; i < one.objects.size(); ++i) {
    EXPECT_EQ(DumpJson(one.objects[i].object), DumpJson(two.objects[i].object));
  }
  // What was applied does not change what is wanted.
  a.Settle(one);
  const Plan again = PlanInstances(a.View(), {});
  for (std::size_t i = 0; i < one.objects.size(); ++i) {
    EXPECT_EQ(DumpJson(one.objects[i].object), DumpJson(again.objects[i].object));
  }
}

TEST(Instances, WithoutAnImageTheConditionNamesTheMend) {
  testing::ClusterBuilder builder;
  builder.manifest()["spec"].erase("image");
  builder.Show();
  const Plan plan = PlanInstances(builder.View(), {});
  EXPECT_TRUE(plan.objects.empty());
  ASSERT_EQ(plan.conditions.size(), 1U);
  EXPECT_NE(plan.conditions[0].message.find("RELATED_IMAGE_POSTGRES_17"), std::string::npos);
  const auto settings = SettingsFor(JsonLiteral(R"({"RELATED_IMAGE_POSTGRES_17": "img"})"), 17);
  EXPECT_EQ(PlanInstances(builder.View(), settings).objects.size(), 3U);
}

TEST(Instances, ACopyBeginsOnlyFromASourceThatCanBeRead) {
  const auto refused = [](const char* source) {
    testing::ClusterBuilder builder;
    Put(builder.manifest(), {"spec", "dataSource", "postgresCluster"}, JsonLiteral(source));
    builder.Show();
    const Plan plan = PlanInstances(builder.View(), {});
    EXPECT_EQ(plan.conditions.size(), 1U);
    EXPECT_EQ(plan.conditions[0].reason == "InvalidDataSource", plan.objects.empty()) << source;
    return plan.objects.empty() ? plan.conditions[0].message : "";
  };
  EXPECT_NE(refused(R"({"clusterName": "hippo", "repoName": "repo1"})").find("another cluster"),
            std::string::npos);
  EXPECT_NE(refused(R"({"clusterName": "a", "clusterNamespace": "b", "repoName": "repo1"})")
                .find("this cluster's namespace"),
            std::string::npos);
  EXPECT_NE(refused(R"({"clusterName": "a", "repoName": "repo1",
                        "options": ["--type=time --target-action=pause"]})")
                .find("--target-action"),
            std::string::npos);
  EXPECT_EQ(refused(R"({"clusterName": "a", "repoName": "repo1",
                        "options": ["--type=time", "--target=\"2026-11-21 22:36:36+00\""]})"),
            "");
}

TEST(Instances, PodsHoldToTheContract) {
  testing::ClusterBuilder builder;
  const Plan plan = PlanInstances(builder.View(), {});
  const Json& pod = plan.objects[0].object["spec"]["template"]["spec"];
  EXPECT_TRUE(GetBool(pod, {"shareProcessNamespace"}));
  EXPECT_FALSE(GetBool(pod, {"enableServiceLinks"}, true));
  for (const char* list : {"containers", "initContainers"}) {
    for (const Json& container : GetArray(pod, {list})) {
      EXPECT_TRUE(GetBool(container, {"securityContext", "readOnlyRootFilesystem"}));
      EXPECT_FALSE(GetBool(container, {"securityContext", "allowPrivilegeEscalation"}, true));
      EXPECT_EQ(DumpJson(container["securityContext"]["capabilities"]), R"({"drop":["ALL"]})");
    }
  }
  EXPECT_EQ(GetString(pod["containers"][0], {"name"}), "database");
  EXPECT_EQ(GetString(pod["containers"][1], {"name"}), "replication-cert-copy");
  EXPECT_EQ(GetInt(pod, {"securityContext", "fsGroup"}), 26);
  InstanceSettings openshift;
  openshift.openshift = true;
  Plan other = PlanInstances(builder.View(), openshift);
  EXPECT_EQ(
      Find(other.objects[0].object["spec"]["template"], {"spec", "securityContext", "fsGroup"}),
      nullptr);
}

TEST(Quantity, ComparesUnits) {
  EXPECT_TRUE(cluster::LessQuantity("1G", "1Gi"));
  EXPECT_TRUE(cluster::LessQuantity("0.5Gi", "600Mi"));
  EXPECT_TRUE(cluster::LessQuantity("500m", "1"));
  EXPECT_FALSE(cluster::LessQuantity("1024Mi", "1Gi"));
  EXPECT_FALSE(cluster::LessQuantity("x", "1Gi"));
  EXPECT_FALSE(cluster::LessQuantity("99999999999999999999Pi", "1Gi"));
}

// Permanent: another digest for the same manifest would restart every database at an upgrade.
TEST(Asked, DigestsOfManifestsNeverChange) {
  testing::ClusterBuilder builder;
  const auto digest = [&] {
    builder.Show();
    const auto view = builder.View();
    return AskedDigest(view, view.spec().instances.front());
  };
  EXPECT_EQ(digest(), "3c936c722f1592bf");
  Put(builder.manifest(), {"spec", "instances"},
      JsonLiteral(R"([{"replicas": 5, "dataVolumeClaimSpec": {"accessModes": ["ReadWriteOnce"],
                       "resources": {"requests": {"storage": "9Gi"}}}}])"));
  EXPECT_EQ(digest(), "3c936c722f1592bf") << "neither the number nor the volumes are the pod's";
  Put(builder.manifest(), {"spec", "patroni", "leaderLeaseDurationSeconds"}, 20);
  builder.manifest()["spec"]["instances"][0]["resources"] =
      JsonLiteral(R"({"limits": {"cpu": "2"}})");
  EXPECT_EQ(digest(), "61ea9fedfa2c24b6");
}

}  // namespace
}  // namespace pgo::rooms::instances
