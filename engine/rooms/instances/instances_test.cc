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

// Another cluster that may be copied, with one repository in a bucket unless `repos` says
// otherwise.
Json SourceCluster(const char* repos = R"([{"name": "repo1", "s3": {"bucket": "b", "endpoint": "e",
                                          "region": "r"}}])") {
  Json out = JsonLiteral(R"({
    "apiVersion": "postgres-operator.crunchydata.com/v1beta1", "kind": "PostgresCluster",
    "metadata": {"namespace": "postgres", "name": "a", "generation": 1},
    "spec": {"postgresVersion": 17, "backups": {"pgbackrest": {"configuration": [
      {"secret": {"name": "a-keys"}}, {"configMap": {"name": "a-more"}}]}}}})");
  out["spec"]["backups"]["pgbackrest"]["repos"] = JsonLiteral(repos);
  return out;
}

// What the condition says of it; "" if the cluster begins.
std::string RefusalOf(const char* source, const char* backups = "{}") {
  testing::ClusterBuilder builder;
  Put(builder.manifest(), {"spec", "dataSource"}, JsonLiteral(source));
  Put(builder.manifest(), {"spec", "backups", "pgbackrest"}, JsonLiteral(backups));
  builder.Observe(SourceCluster());
  builder.Show();
  const Plan plan = PlanInstances(builder.View(), {});
  EXPECT_EQ(plan.conditions.size(), 1U);
  EXPECT_EQ(plan.conditions[0].reason == "InvalidDataSource", plan.objects.empty()) << source;
  return plan.objects.empty() ? plan.conditions[0].message : "";
}

TEST(Instances, ACopyBeginsOnlyFromASourceThatCanBeRead) {
  struct {
    const char *source, *says;
  } cases[] = {
      {R"({"clusterName": "hippo", "repoName": "repo1"})", "another cluster"},
      {R"({"clusterName": "a", "clusterNamespace": "b", "repoName": "repo1"})",
       "this cluster's namespace"},
      {R"({"clusterName": "nobody", "repoName": "repo1"})", "none is there"},
      {R"({"clusterName": "a", "repoName": "repo2"})", "choose one of: repo1"},
      {R"({"clusterName": "a", "repoName": "repo1", "options": ["--type=time --target-action=pause"]})",
       "--target-action"},
      {R"({"clusterName": "a", "repoName": "repo1", "options": ["***"]})", "options: ***"},
  };
  for (const auto& c : cases) {
    const std::string all = std::string(R"({"postgresCluster": )") + c.source + "}";
    EXPECT_NE(RefusalOf(all.c_str()).find(c.says), std::string::npos) << RefusalOf(all.c_str());
  }
  EXPECT_EQ(RefusalOf(R"({"postgresCluster": {"clusterName": "a", "repoName": "repo1",
                         "options": ["--type=time", "--target=\"2026-11-21 22:36:36+00\""]}})"),
            "");
}

TEST(Instances, ACopyOutOfABucketBeginsOnlyFromWhatCanBeRead) {
  const std::string start = R"({"pgbackrest": {"stanza": "db", "repo": {"name": "repo1", )";
  const std::string s3 = R"("s3": {"bucket": "b", "endpoint": "e", "region": "r"}})";
  struct {
    std::string source, says;
  } cases[] = {
      {start + R"("schedules": {}}}})", "add s3, gcs or azure"},
      {start + s3 + R"(, "global": {"repo1-s3-key": "***"}}})",
       "global.repo1-s3-key: must not hold a credential"},
      {start + s3 + R"(, "options": ["--stanza=other"]}})", "options: --stanza"},
      {start + s3 + R"(, "options": ["***"]}})", "options: ***"},
      {start + s3 + R"(, "options": ["--type=standby"]}})", "must be a recovery that ends"},
      {R"({"pgbackrest": {"stanza": "db; rm", "repo": {"name": "repo1", )" + s3 + "}}",
       "pgbackrest.stanza: must be letters"},
      {start + s3 + R"(}, "postgresCluster": {"clusterName": "a", "repoName": "repo1"}})",
       "either postgresCluster or pgbackrest"},
  };
  for (const auto& c : cases) {
    EXPECT_NE(RefusalOf(c.source.c_str()).find(c.says), std::string::npos)
        << RefusalOf(c.source.c_str());
  }
  EXPECT_EQ(RefusalOf((start + s3 + R"(, "options": ["--type=immediate"]}})").c_str()), "");
}

// It has its source's system identifier: pgBackRest would mix the WAL of both.
TEST(Instances, ACopyDoesNotArchiveIntoTheRepositoryThatItCameFrom) {
  const auto backups = [](const std::string& global) {
    return R"({"global": {)" + global + R"(}, "repos": [{"name": "repo2", "s3": {
      "bucket": "b", "endpoint": "e", "region": "elsewhere"}}]})";
  };
  const std::string same = backups(R"("repo2-path": "/pgbackrest/repo1/")");
  const std::string other = backups(R"("repo2-path": "/mine")");
  const char* cluster = R"({"postgresCluster": {"clusterName": "a", "repoName": "repo1"}})";
  const char* bucket = R"({"pgbackrest": {"stanza": "db", "repo": {"name": "repo1", "s3": {
    "bucket": "b", "endpoint": "e", "region": "r"}}}})";
  const char* stanza = R"({"pgbackrest": {"stanza": "old", "repo": {"name": "repo1", "s3": {
    "bucket": "b", "endpoint": "e", "region": "r"}}}})";
  for (const char* source : {cluster, bucket}) {
    EXPECT_NE(RefusalOf(source, same.c_str()).find("set another repo2-path"), std::string::npos);
    EXPECT_EQ(RefusalOf(source, other.c_str()), "");
  }
  EXPECT_EQ(RefusalOf(stanza, same.c_str()), "");
}

std::string VolumesOf(const Plan& plan) {
  std::string out;
  const Json& pod = plan.objects[0].object["spec"]["template"]["spec"];
  for (const Json& volume : pod["volumes"]) {
    if (GetString(volume, {"name"}).starts_with("source")) out += DumpJson(volume);
  }
  for (const Json& mount : pod["containers"][0]["volumeMounts"]) {
    if (GetString(mount, {"name"}).starts_with("source")) out += GetString(mount, {"mountPath"});
  }
  return out;
}

TEST(Instances, ASourcesKeysLieApartFromTheClustersOwn) {
  testing::ClusterBuilder builder;
  Put(builder.manifest(), {"spec", "dataSource", "postgresCluster"},
      JsonLiteral(R"({"clusterName": "a", "repoName": "repo1"})"));
  builder.Show();
  builder.Observe(SourceCluster());
  const Plan plan = PlanInstances(builder.View(), {});
  const std::string volumes = VolumesOf(plan);
  EXPECT_NE(volumes.find(R"({"secret":{"name":"a-keys","optional":true}},)"
                         R"({"configMap":{"name":"a-more","optional":true}})"),
            std::string::npos)
      << volumes;
  EXPECT_TRUE(volumes.ends_with("/etc/pgbackrest/server/etc/pgbackrest/source")) << volumes;
  // Once it is made, nothing of the source makes its pods start anew.
  builder.Settle(plan);
  builder.Bootstrapped();
  builder.Remove({"PostgresCluster", "postgres", "a"});
  EXPECT_EQ(VolumesOf(PlanInstances(builder.View(), {})), volumes);
}

TEST(Instances, ASourceOnAVolumeNeedsNoKeys) {
  testing::ClusterBuilder builder;
  Put(builder.manifest(), {"spec", "dataSource", "postgresCluster"},
      JsonLiteral(R"({"clusterName": "a", "repoName": "repo1"})"));
  builder.Show();
  Json source = SourceCluster(R"([{"name": "repo1", "volume": {}}])");
  source["spec"]["backups"]["pgbackrest"].erase("configuration");
  builder.Observe(std::move(source));
  const std::string volumes = VolumesOf(PlanInstances(builder.View(), {}));
  EXPECT_EQ(volumes.find("source-keys"), std::string::npos) << volumes;
  EXPECT_NE(volumes.find("a-pgbackrest-config"), std::string::npos) << volumes;
}

TEST(Instances, ABucketsKeysLieApartFromTheClustersOwn) {
  testing::ClusterBuilder builder;
  Put(builder.manifest(), {"spec", "dataSource", "pgbackrest"}, JsonLiteral(R"({
    "stanza": "db", "repo": {"name": "repo3", "gcs": {"bucket": "b"}},
    "configuration": [{"secret": {"name": "keys", "items": [{"key": "k", "path": "k.conf"}]}}]})"));
  builder.Show();
  const Plan plan = PlanInstances(builder.View(), {});
  EXPECT_NE(plan.conditions[0].message.find("stanza db in repo3 (gcs b)"), std::string::npos);
  const std::string volumes = VolumesOf(plan);
  EXPECT_NE(volumes.find(R"({"configMap":{"items":[{"key":"pgbackrest_source.conf",)"
                         R"("path":"source.conf"}],"name":"hippo-config","optional":true}})"),
            std::string::npos)
      << volumes;
  EXPECT_NE(volumes.find(R"("name":"keys","optional":true)"), std::string::npos) << volumes;
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
