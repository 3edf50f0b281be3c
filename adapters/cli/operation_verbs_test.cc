// scale, scaledown, restart and reload against the API server of pgo-local: what they write, what
// they refuse. The test itself plays the operator.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "adapters/cli/documents.h"
#include "adapters/cli/testing/captured.h"
#include "adapters/cli/testing/incidents.h"
#include "adapters/cli/verbs.h"
#include "adapters/local/test_support.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

using ::testing::AllOf;
using testing::Captured;
using ::testing::HasSubstr;

class OperationVerbs : public ::testing::Test {
 protected:
  OperationVerbs() : api_(local::StoreOptions()) {
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
    CreateCluster create;
    create.name = "hippo";
    create.replica_count = 1;
    create.wait = false;
    EXPECT_TRUE(run_(create, common_));
    MakePod("a", "primary");
    MakePod("b", "replica");
    Json lock = Labelled("Endpoints", "hippo-ha");
    Put(lock, {"metadata", "annotations"}, Json{{"leader", "hippo-00-a-0"}});
    Post("endpoints", lock);
  }
  void Post(const std::string& plural, const Json& object) {
    const auto answer = api_.Call("POST", "/api/v1/namespaces/default/" + plural, DumpJson(object));
    EXPECT_EQ(answer.code, 201) << answer.body;
  }
  static Json Labelled(const std::string& kind, const std::string& name) {
    Json object = {{"apiVersion", "v1"}, {"kind", kind}, {"metadata", {{"name", name}}}};
    Put(object, {"metadata", "labels", kube::kLabelCluster}, "hippo");
    return object;
  }
  void MakePod(const std::string& letter, const std::string& role) {
    Json pod = Labelled("Pod", "hippo-00-" + letter + "-0");
    const Json member = testing::MemberObject(role, 0x5000148, 1, "node-" + letter);
    Put(pod, {"metadata", "annotations"}, GetObject(member, {"metadata", "annotations"}));
    Put(pod, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    Put(pod, {"metadata", "labels", kube::kLabelInstanceSet}, "00");
    pod["spec"] = JsonLiteral(R"({"containers":[{"name":"database","image":"i"}]})");
    pod["spec"]["nodeName"] = "node-" + letter;
    Post("pods", pod);
    const std::string status = R"({"status":{"phase":"Running","conditions":[
      {"type":"Ready","status":"True"}],"containerStatuses":[{"name":"database","ready":true,
      "image":"i","imageID":"i","restartCount":0,"state":{"running":{}}}]}})";
    const auto answer =
        api_.Call("PATCH", "/api/v1/namespaces/default/pods/hippo-00-" + letter + "-0/status",
                  status, "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << answer.body;
  }
  Json Hippo() { return api_.Call("GET", kHippoPath).json(); }
  std::string Annotation(std::string_view name) {
    return GetString(Hippo(), {"metadata", "annotations", name});
  }
  std::int64_t Replicas() { return GetInt(Hippo()["spec"]["instances"][0], {"replicas"}); }
  void Merge(const Json& patch) {
    EXPECT_EQ(api_.Call("PATCH", kHippoPath, DumpJson(patch), "application/merge-patch+json").code,
              200);
  }

  const std::string kHippoPath =
      "/apis/postgres-operator.crunchydata.com/v1beta1/namespaces/default/postgresclusters/hippo";
  local::TestServer api_;
  testing::TempDir directory_;
  Common common_;
  Captured run_;
};

TEST_F(OperationVerbs, ScaleAddsToTheSetAndRefusesWhatOneReplicaCannotHaveAlone) {
  Scale scale;
  scale.clusters = {"hippo"};
  scale.replica_count = 2;
  scale.wait = false;
  ASSERT_TRUE(run_(scale, common_)) << run_.Error(scale, common_);
  EXPECT_EQ(Replicas(), 4);
  EXPECT_THAT(run_.out(), HasSubstr("hippo: set 00 from 2 to 4 instances"));
  scale.instance_set = "other";
  EXPECT_THAT(run_.Error(scale, common_), HasSubstr("choose one of: 00"));
  scale.instance_set = "";
  scale.node_label = "ssd=true";
  EXPECT_THAT(run_.Error(scale, common_),
              HasSubstr("--node-label: \"ssd=true\": must not be given"));
  scale.node_label = "";
  scale.clusters = {"hippo", "nope"};
  EXPECT_THAT(run_.Error(scale, common_), HasSubstr("cluster nope does not exist"));
  EXPECT_EQ(Replicas(), 4) << "no cluster is changed unless all are there";
}

TEST_F(OperationVerbs, ScaleDownNamesItsTargetAndWhatBecomesOfTheData) {
  ScaleDown down;
  down.cluster = "hippo";
  down.wait = false;
  down.target = "hippo-00-a-0";
  EXPECT_THAT(run_.Error(down, common_), HasSubstr("must be a replica, and it is the primary"));
  down.target = "rhino";
  EXPECT_THAT(run_.Error(down, common_),
              AllOf(HasSubstr("choose one of: "), HasSubstr("hippo-00-b")));
  EXPECT_EQ(Replicas(), 2);
  down.target = "hippo-00-b-0";
  down.keep_data = true;
  ASSERT_TRUE(run_(down, common_)) << run_.Error(down, common_);
  EXPECT_EQ(Replicas(), 1);
  EXPECT_EQ(Annotation(kube::kScaleDownTarget), "hippo-00-b");
  EXPECT_EQ(Annotation(kube::kScaleDownData), "Keep");
  down.target = "";
  EXPECT_THAT(run_.Error(down, common_), HasSubstr("must stay at least 1"));
}

TEST_F(OperationVerbs, QueriesShowWhoIsMeantAndChangeNothing) {
  ScaleDown down;
  down.cluster = "hippo";
  down.query = true;
  ASSERT_TRUE(run_(down, common_));
  EXPECT_THAT(run_.out(),
              HasSubstr("REPLICA     STATUS     NODE    REPLICATION LAG  PENDING RESTART"));
  EXPECT_THAT(run_.out(), HasSubstr("hippo-00-b  streaming  node-b"));
  Restart restart;
  restart.cluster = "hippo";
  restart.query = true;
  ASSERT_TRUE(run_(restart, common_));
  EXPECT_THAT(run_.out(), HasSubstr("hippo-00-a  primary  accepts writes  node-a"));
  EXPECT_EQ(Replicas(), 2);
  EXPECT_EQ(Annotation(kube::kRestart), "");
}

TEST_F(OperationVerbs, RestartIsDoneWhenTheOperatorHasTakenTheAnnotationOff) {
  std::thread plays_operator([this] {
    ASSERT_TRUE(local::Eventually([&] { return !Annotation(kube::kRestart).empty(); }));
    EXPECT_EQ(Annotation(kube::kRestartInstances), "hippo-00-b");
    Json patch = Json::object();
    Put(patch, {"metadata", "annotations", kube::kRestart}, nullptr);
    Merge(patch);
  });
  Restart restart;
  restart.cluster = "hippo";
  restart.targets = {"hippo-00-b-0"};
  const bool done = static_cast<bool>(run_(restart, common_));
  plays_operator.join();
  EXPECT_TRUE(done);
  EXPECT_THAT(run_.out(), HasSubstr("restarted hippo-00-b in "));
  restart.targets = {"nobody"};
  EXPECT_THAT(run_.Error(restart, common_),
              AllOf(HasSubstr("choose one of: "), HasSubstr("hippo-00-a, hippo-00-b")));
}

TEST_F(OperationVerbs, TheOperatorsRefusalIsShown) {
  Merge(JsonLiteral(R"({"status":{"conditions":[]}})"));
  const auto answer = api_.Call("PATCH", kHippoPath + "/status", R"({"status":{"conditions":[
      {"type":"Restart","status":"False","reason":"Refused","message":"because so",
       "lastTransitionTime":"2026-11-21T12:00:00Z"}]}})",
                                "application/merge-patch+json");
  EXPECT_EQ(answer.code, 200) << answer.body;
  Restart restart;
  restart.cluster = "hippo";
  EXPECT_THAT(run_.Error(restart, common_), HasSubstr("because so"));
}

TEST_F(OperationVerbs, ReloadTakesASelector) {
  Reload reload;
  reload.wait = false;
  EXPECT_FALSE(run_.Error(reload, common_).empty());
  reload.names = {"hippo"};
  ASSERT_TRUE(run_(reload, common_)) << run_.Error(reload, common_);
  EXPECT_NE(Annotation(kube::kReload), "");
}

TEST_F(OperationVerbs, UpdateTakesOneWishAndWritesItsField) {
  UpdateCluster update;
  update.names = {"hippo"};
  update.wait = false;
  EXPECT_THAT(run_.Error(update, common_), HasSubstr("takes one of --shutdown"));
  update.shutdown = update.pause = true;
  EXPECT_THAT(run_.Error(update, common_), HasSubstr("takes one of --shutdown"));
  update.pause = false;
  const auto field = [&](const char* name) { return GetBool(Hippo(), {"spec", name}); };
  ASSERT_TRUE(run_(update, common_)) << run_.Error(update, common_);
  EXPECT_TRUE(field("shutdown"));
  update.shutdown = false;
  update.startup = true;
  ASSERT_TRUE(run_(update, common_)) << run_.Error(update, common_);
  EXPECT_FALSE(field("shutdown"));
}

}  // namespace
}  // namespace pgo::cli
