// The cluster verbs against the API server of pgo-local: what they send, what they show of it. The
// test itself plays the operator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "adapters/cli/documents.h"
#include "adapters/cli/testing/cluster_fixture.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ClusterVerbs : public testing::ClusterFixture {};

TEST_F(ClusterVerbs, CreateWaitsUntilTheClusterIsReady) {
  std::thread plays_operator([this] {
    ASSERT_TRUE(
        local::Eventually([&] { return !GetString(Hippo(), {"metadata", "uid"}).empty(); }));
    MakePod("a", "primary", 0x5000148);
    MakeLock("hippo-00-a-0");
    SetStatus("True", "hippo-00-a-0 accepts writes");
  });
  CreateCluster create;
  create.name = "hippo";
  create.timeout_s = 20;
  const auto made = run_(create, common_);
  plays_operator.join();
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_THAT(run_.out(), HasSubstr("created cluster: hippo in namespace default"));
  EXPECT_THAT(run_.out(), HasSubstr("username: hippo\tpassword: in Secret hippo-pguser-hippo"));
  EXPECT_THAT(run_.out(), HasSubstr("ready: hippo-00-a-0 accepts writes"));
  EXPECT_THAT(run_.Error(create, common_), HasSubstr("exists already in namespace default"));
}

TEST_F(ClusterVerbs, AClusterThatDoesNotComeUpIsNamedWithItsReason) {
  CreateCluster create;
  create.name = "hippo";
  create.timeout_s = 1;
  const std::string error = run_.Error(create, common_);
  EXPECT_THAT(error, HasSubstr("cluster hippo is not ready after 1 s"));
  EXPECT_THAT(error, HasSubstr("`pgo show cluster hippo`"));
}

TEST_F(ClusterVerbs, ShowDrawsTheTreeAndTheTable) {
  MakeHippo();
  SetStatus("True", "all is well");
  ShowCluster show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(
      run_.out(),
      HasSubstr("cluster : hippo (PostgreSQL 17, the operator's image)\n\tstatus : ready\n"));
  EXPECT_THAT(
      run_.out(),
      HasSubstr("\tpod : hippo-00-a-0 (Running) on node-a (1/1) (primary)  accepts writes\n"));
  EXPECT_THAT(run_.out(), HasSubstr("(replica)  streaming, 72 B behind\n"));
  common_.output = "table";
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), HasSubstr("CLUSTER  INSTANCE"));
  common_.output = "json";
  show.names.clear();
  show.all = true;
  ASSERT_TRUE(run_(show, common_));
  const auto json = ParseJson(run_.out());
  ASSERT_TRUE(json);
  EXPECT_TRUE(GetBool((*json)[0], {"ready"}));
  common_.output = "";
  show.all = false;
  show.names = {"rhino"};
  EXPECT_THAT(run_.Error(show, common_),
              HasSubstr("cluster rhino does not exist in namespace default"));
}

TEST_F(ClusterVerbs, FailoverListsReplicasAndAsksForASwitchover) {
  MakeHippo();
  Failover failover;
  failover.cluster = "hippo";
  failover.query = true;
  ASSERT_TRUE(run_(failover, common_));
  EXPECT_EQ(run_.out(),
            "REPLICA     STATUS     NODE    REPLICATION LAG  PENDING RESTART\n"
            "hippo-00-b  streaming  node-b  72 B             false\n");
  failover.query = false;
  failover.target = "hippo-00-a";
  EXPECT_THAT(run_.Error(failover, common_), HasSubstr("it is the primary already"));
  failover.target = "nobody";
  EXPECT_THAT(run_.Error(failover, common_), HasSubstr("choose one of: hippo-00-b"));
  failover.target = "hippo-00-b-0";
  failover.wait = false;
  ASSERT_TRUE(run_(failover, common_)) << run_.Error(failover, common_);
  const Json switchover = GetObject(Hippo(), {"spec", "patroni", "switchover"});
  EXPECT_EQ(GetString(switchover, {"targetInstance"}), "hippo-00-b");
  EXPECT_TRUE(GetBool(switchover, {"enabled"}));
  EXPECT_FALSE(GetString(Hippo(), {"metadata", "annotations", kube::kTriggerSwitchover}).empty());
}

TEST_F(ClusterVerbs, ApplyTakesAnyManifestAndShowsTheServersRefusal) {
  testing::WriteText(
      directory_.Path("ok.yaml"),
      testing::ReadText("crds/samples/minimal.yaml") +
          "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: extra}\ndata: {a: b}\n");
  ApplyFiles apply;
  apply.files = {directory_.Path("ok.yaml")};
  ASSERT_TRUE(run_(apply, common_)) << run_.Error(apply, common_);
  EXPECT_THAT(run_.out(), HasSubstr("ConfigMap/extra applied\n"));
  auto wrong = ReadDocuments(testing::ReadText("crds/samples/minimal.yaml"), "f")->at(0);
  wrong["spec"]["instances"][0]["replicas"] = -1;
  wrong["metadata"]["name"] = "wrong";
  testing::WriteText(directory_.Path("wrong.yaml"), YamlText(wrong));
  apply.files = {directory_.Path("wrong.yaml")};
  const std::string error = run_.Error(apply, common_);
  EXPECT_THAT(error, HasSubstr("PostgresCluster wrong is refused"));
  EXPECT_THAT(error, HasSubstr("field  spec.instances[0].replicas"));
  EXPECT_THAT(error, HasSubstr("value  -1"));
  EXPECT_THAT(error, HasSubstr("mend   "));
}

TEST_F(ClusterVerbs, ApplyReturnsOnlyWhenADefinitionIsServed) {
  ApplyFiles apply;
  apply.files = {"crds/postgrescluster.yaml"};
  apply.timeout_s = 5;
  ASSERT_TRUE(run_(apply, common_)) << run_.Error(apply, common_);
  // Here a server that takes the definition but never serves it is played by a broken condition.
  const std::string path =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
      "postgresclusters.postgres-operator.crunchydata.com";
  std::atomic<bool> end = false;
  std::thread breaks([&] {
    while (!end) {
      api_.Call("PATCH", path + "/status",
                R"({"status":{"conditions":[{"type":"Established","status":"False"}]}})",
                "application/merge-patch+json");
    }
  });
  apply.timeout_s = 1;
  // The first look may come before the condition is broken again.
  std::string error;
  for (int i = 0; i < 20 && !error.starts_with("CustomResource"); ++i) {
    error = run_.Error(apply, common_);
  }
  end = true;
  breaks.join();
  EXPECT_THAT(error, HasSubstr("is not served after 1 s: its condition Established is not true"));
  apply.wait = false;
  EXPECT_TRUE(run_(apply, common_));
}

TEST_F(ClusterVerbs, WhatCreatePrintsIsWhatApplyTakes) {
  CreateCluster create;
  create.name = "hippo";
  create.replica_count = 2;
  create.dry_run = true;
  ASSERT_TRUE(run_(create, common_));
  testing::WriteText(directory_.Path("hippo.yaml"), run_.out());
  ApplyFiles apply;
  apply.files = {directory_.Path("hippo.yaml")};
  apply.dry_run = true;
  ASSERT_TRUE(run_(apply, common_)) << run_.Error(apply, common_);
  EXPECT_EQ(GetInt(Hippo(), {"code"}), 404);
  EXPECT_THAT(run_.err(), Not(HasSubstr("warning")));
  testing::WriteText(directory_.Path("slip.yaml"), R"(
apiVersion: postgres-operator.crunchydata.com/v1beta1
kind: PostgresCluster
metadata: {name: slip}
spec:
  postgresVersion: 17
  patrony: {x: 1}
  openshift: true
  instances: [{dataVolumeClaimSpec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}]
)");
  apply.files = {directory_.Path("slip.yaml")};
  static_cast<void>(run_(apply, common_));
  EXPECT_THAT(run_.err(), HasSubstr("slip: spec.patrony: no field of PostgresCluster"));
  EXPECT_THAT(run_.err(), HasSubstr("slip: spec.openshift: this version does not act on it"));
  apply.files = {directory_.Path("hippo.yaml")};
  apply.dry_run = false;
  ASSERT_TRUE(run_(apply, common_));
  ASSERT_TRUE(run_(apply, common_));  // twice is the same
  EXPECT_EQ(GetInt(Hippo(), {"metadata", "generation"}), 1);
}

TEST_F(ClusterVerbs, DeleteWaitsUntilAllIsGone) {
  CreateCluster create;
  create.name = "hippo";
  create.wait = false;
  ASSERT_TRUE(run_(create, common_));
  DeleteCluster remove;
  remove.names = {"hippo"};
  remove.keep_data = true;
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("--keep-data: volumes cannot be kept"));
  remove.keep_data = false;
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("no terminal to ask on; nothing was deleted"));
  EXPECT_EQ(GetString(Hippo(), {"kind"}), "PostgresCluster");
  remove.no_prompt = true;
  ASSERT_TRUE(run_(remove, common_));
  EXPECT_THAT(run_.out(), HasSubstr("deleted cluster: hippo\n"));
  EXPECT_EQ(GetInt(Hippo(), {"code"}), 404);
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("does not exist"));
}

TEST_F(ClusterVerbs, FailoverWithoutAReplicaWritesNothing) {
  CreateCluster create;
  create.name = "hippo";
  create.wait = false;
  ASSERT_TRUE(run_(create, common_));
  Failover failover;
  failover.cluster = "hippo";
  EXPECT_THAT(run_.Error(failover, common_), HasSubstr("has no replica to switch to"));
  EXPECT_EQ(GetInt(Hippo(), {"metadata", "generation"}), 1);
}

TEST_F(ClusterVerbs, ADirectoryIsNoManifest) {
  ApplyFiles apply;
  apply.files = {directory_.Path("")};
  EXPECT_THAT(run_.Error(apply, common_), HasSubstr("it is a directory"));
}

// "delete cluster hippo --all" had deleted every cluster.
TEST_F(ClusterVerbs, NamesAndAWiderSelectionAreRefusedTogether) {
  MakeHippo();
  DeleteCluster remove;
  remove.names = {"rhino"};
  remove.no_prompt = true;
  remove.all = true;
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("--all: must not be given together"));
  remove.all = false;
  remove.selector = "a=b";
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("--selector: must not be given together"));
  EXPECT_EQ(GetString(Hippo(), {"kind"}), "PostgresCluster");
}

TEST_F(ClusterVerbs, AnUnreachableServerIsNamedWithAMend) {
  api_.server->Stop(false);
  ShowCluster show;
  show.all = true;
  const std::string error = run_.Error(show, common_);
  EXPECT_THAT(error, HasSubstr("check that https://127.0.0.1:"));
  EXPECT_THAT(error, Not(HasSubstr(api_.token)));
}

}  // namespace
}  // namespace pgo::cli
