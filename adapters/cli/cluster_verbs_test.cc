// The cluster verbs against the API server of pgo-local: what they send, what they show of it. The
// test itself plays the operator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "adapters/cli/documents.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"
#include "adapters/local/test_support.h"
#include "engine/cluster/spec.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using testing::Captured;
using ::testing::HasSubstr;
using ::testing::Not;

local::StoreOptions Rules() {
  local::StoreOptions options;
  options.admission["PostgresCluster"] = [](const Json& object, const Json* old) {
    std::vector<local::FieldError> out;
    for (const auto& p : cluster::ValidateCluster(object, old)) {
      out.push_back({p.field, "FieldValueInvalid",
                     "Invalid value: " + p.value + ": " + p.rule + "; " + p.mend});
    }
    return out;
  };
  return options;
}

class ClusterVerbs : public ::testing::Test {
 protected:
  ClusterVerbs() : api_(Rules()) {
    testing::WriteText(
        directory_.Path("kubeconfig"),
        api_.credentials->Kubeconfig("https://127.0.0.1:" + std::to_string(api_.port)));
    common_.kubeconfig = directory_.Path("kubeconfig");
    common_.ns = "default";
    const auto crd = ReadDocuments(testing::ReadText("crds/postgrescluster.yaml"), "crd");
    EXPECT_EQ(api_.Call("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
                        DumpJson(crd->at(0)))
                  .code,
              201);
  }

  Json Get(const std::string& path) { return api_.Call("GET", path).json(); }
  Json Hippo() { return Get(kHippos + "/hippo"); }
  void Post(const std::string& path, const Json& object) {
    const auto answer = api_.Call("POST", path, DumpJson(object));
    EXPECT_EQ(answer.code, 201) << answer.body;
  }
  static Json Labelled(const std::string& kind, const std::string& name) {
    Json object = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", name}}}};
    Put(object, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    return object;
  }
  void MakePod(const std::string& letter, const std::string& role, std::int64_t lsn,
               int timeline = 1) {
    Json pod = Labelled("Pod", "hippo-00-" + letter + "-0");
    const Json member = testing::MemberObject(role, lsn, timeline, "node-" + letter);
    Put(pod, {"metadata", "annotations"}, GetObject(member, {"metadata", "annotations"}));
    Put(pod, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    pod["spec"] = JsonLiteral(R"({"containers":[{"name":"database","image":"i"}]})");
    pod["spec"]["nodeName"] = "node-" + letter;
    Post("/api/v1/namespaces/default/pods", pod);
    const std::string status = R"({"status":{"phase":"Running","podIP":"10.0.0.1","conditions":[
      {"type":"Ready","status":"True"}],"containerStatuses":[{"name":"database","ready":true,
      "image":"i","imageID":"i","restartCount":0,"state":{"running":{}}}]}})";
    const auto answer =
        api_.Call("PATCH", "/api/v1/namespaces/default/pods/hippo-00-" + letter + "-0/status",
                  status, "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  void MakeLock(const std::string& leader) {
    Json lock = Labelled("Endpoints", "hippo-ha");
    Put(lock, {"metadata", "annotations"}, Json{{"leader", leader}, {"optime", "83886408"}});
    Post("/api/v1/namespaces/default/endpoints", lock);
  }
  void SetStatus(const std::string& ready, const std::string& message) {
    Json status = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","reason":"R",
      "lastTransitionTime":"2026-11-21T12:00:00Z"}]}})");
    status["status"]["conditions"][0]["status"] = ready;
    status["status"]["conditions"][0]["message"] = message;
    status["status"]["conditions"][0]["observedGeneration"] =
        GetInt(Hippo(), {"metadata", "generation"});
    const auto answer = api_.Call("PATCH", kHippos + "/hippo/status", DumpJson(status),
                                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  void MakeHippo() {
    CreateCluster create;
    create.name = "hippo";
    create.replica_count = 1;
    create.wait = false;
    const auto made = run_(create, common_);
    ASSERT_TRUE(made) << made.error().message;
    MakePod("a", "primary", 0x5000148);
    MakePod("b", "replica", 0x5000100);
    MakeLock("hippo-00-a-0");
  }

  const std::string kHippos =
      "/apis/postgres-operator.crunchydata.com/v1beta1/namespaces/default/postgresclusters";
  local::TestServer api_;
  testing::TempDir directory_;
  Common common_;
  Captured run_;
};

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
  ASSERT_TRUE(run_(remove, common_));
  EXPECT_THAT(run_.out(), HasSubstr("deleted cluster: hippo\n"));
  EXPECT_EQ(GetInt(Hippo(), {"code"}), 404);
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("does not exist"));
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
