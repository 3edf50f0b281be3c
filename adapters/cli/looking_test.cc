// Verbs that look at clusters, and labels, against the API server of pgo-local. Commands in pods
// are answered by the test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "adapters/cli/df.h"
#include "adapters/cli/testing/cluster_fixture.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using Answer = testing::FakeRuntime::Answer;

bool Has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

// hippo with primary a (10.0.0.1) and replica b (10.0.0.2), both well and reachable.
class Looking : public testing::ClusterFixture {
 protected:
  Looking() {
    CreateCluster create;
    create.name = "hippo";
    create.replica_count = 1;
    create.wait = false;
    EXPECT_TRUE(run_(create, common_));
    MakePod("a", "primary", 0x5000148, 1, "10.0.0.1");
    MakePod("b", "replica", 0x5000100, 1, "10.0.0.2");
    for (const char* letter : {"a", "b"}) {
      MakeClaim(letter);
      MakeSet(letter);
    }
    Label("b", "replica");
    MakeService("hippo-primary", "None", "10.96.0.9");
    MakeService("hippo-replicas", "10.96.0.8", "10.0.0.2");
    MakeService("hippo-ha", "10.96.0.9", "");
    MakeLock("hippo-00-a-0");
    LeadTo("10.0.0.1");
    Play({});
  }
  void MakeClaim(const std::string& letter) {
    Json claim = Labelled("PersistentVolumeClaim", "hippo-00-" + letter + "-pgdata");
    Put(claim, {"metadata", "labels", kube::kLabelRole}, "pgdata");
    Put(claim, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    claim["spec"] = JsonLiteral(
        R"({"accessModes":["ReadWriteOnce"],"resources":{"requests":{"storage":"1Gi"}}})");
    Post("/api/v1/namespaces/default/persistentvolumeclaims", claim);
    Patch("persistentvolumeclaims/hippo-00-" + letter + "-pgdata/status",
          R"({"status":{"phase":"Bound","capacity":{"storage":"1Gi"}}})");
  }
  void MakeSet(const std::string& letter) {
    Json set = Labelled("StatefulSet", "hippo-00-" + letter);
    set["apiVersion"] = "apps/v1";
    Put(set, {"metadata", "labels", kube::kLabelInstance}, "hippo-00-" + letter);
    Put(set, {"metadata", "labels", kube::kLabelInstanceSet}, "00");
    set["spec"] =
        JsonLiteral(R"({"replicas":1,"serviceName":"s","selector":{"matchLabels":{"a":"b"}},
      "template":{"metadata":{"labels":{"a":"b"}},"spec":{"containers":[]}}})");
    Post("/apis/apps/v1/namespaces/default/statefulsets", set);
  }
  void Label(const std::string& letter, const std::string& role) {
    Json patch = Json::object();
    Put(patch, {"metadata", "labels", kube::kLabelRole}, role);
    Patch("pods/hippo-00-" + letter + "-0", DumpJson(patch));
  }
  void MakeService(const std::string& name, const std::string& ip, const std::string& endpoint) {
    Json service = Labelled("Service", name);
    service["spec"] = JsonLiteral(R"({"ports":[{"port":5432}]})");
    service["spec"]["clusterIP"] = ip;
    Post("/api/v1/namespaces/default/services", service);
    if (endpoint.empty()) return;
    Json endpoints = Labelled("Endpoints", name);
    endpoints["subsets"] = JsonLiteral(R"([{"addresses":[{}],"ports":[{"port":5432}]}])");
    endpoints["subsets"][0]["addresses"][0]["ip"] = endpoint;
    Post("/api/v1/namespaces/default/endpoints", endpoints);
  }
  void LeadTo(const std::string& ip) {
    Patch("endpoints/hippo-ha",
          R"({"subsets":[{"addresses":[{"ip":")" + ip + R"("}],"ports":[{"port":5432}]}]})");
  }
  void Patch(const std::string& what, const std::string& patch) {
    const auto answer = api_.Call("PATCH", "/api/v1/namespaces/default/" + what, patch,
                                  "application/merge-patch+json");
    EXPECT_EQ(answer.code, 200) << what << answer.body;
  }
  // All is well but for what `other` answers.
  void Play(
      const std::function<std::optional<Answer>(const std::string&, const std::string&)>& other) {
    runtime_.Set([other](const std::string& pod, const std::string& command) {
      if (other) {
        if (auto answer = other(pod, command)) return *answer;
      }
      const bool primary = pod == "hippo-00-a-0";
      if (Has(command, "pg_logical_emit_message") != (primary && Has(command, "pg_is_in_recovery")))
        return Answer{2, "", "a write was asked of the wrong pod"};
      if (Has(command, "pg_is_in_recovery")) {
        return primary ? Answer{0, "{\"recovery\": false, \"receiver\": null}\n0/5000178\n", ""}
                       : Answer{0, "{\"recovery\": true, \"receiver\": \"streaming\"}\n", ""};
      }
      if (Has(command, "pg_isready")) return Answer{0, "accepting connections\n", ""};
      return Answer{127, "", "not played: " + command};
    });
  }
  std::string Test() {
    TestCluster test;
    test.names = {"hippo"};
    const auto done = run_(test, common_);
    return done ? "" : done.error().message;
  }
};

TEST_F(Looking, TestPassesWhereAllIsWell) {
  EXPECT_EQ(Test(), "");
  EXPECT_EQ(run_.out(),
            "cluster : hippo\n"
            "\tServices\n"
            "\t\tprimary (10.96.0.9:5432): UP  hippo-primary leads to hippo-00-a-0, which holds "
            "the lock\n"
            "\t\treplica (10.96.0.8:5432): UP  hippo-replicas leads to 1 replica\n"
            "\tInstances\n"
            "\t\tprimary (hippo-00-a-0): UP  committed a write\n"
            "\t\treplica (hippo-00-b-0): UP  streaming, 72 B behind\n"
            "\tVolumes\n"
            "\t\tdata (hippo-00-a-pgdata): UP  1Gi\n"
            "\t\tdata (hippo-00-b-pgdata): UP  1Gi\n");
}

TEST_F(Looking, TestFailsWhenAServiceLeadsElsewhere) {
  LeadTo("10.0.0.2");
  EXPECT_EQ(Test(), "hippo: 1 of 6 checks failed");
  EXPECT_THAT(run_.out(),
              HasSubstr("primary (10.96.0.9:5432): DOWN  hippo-ha leads to 10.0.0.2, but "
                        "hippo-00-a-0, which holds the lock, has 10.0.0.1"));
  Label("b", "nobody");
  EXPECT_EQ(Test(), "hippo: 2 of 6 checks failed");
  EXPECT_THAT(run_.out(), HasSubstr("but ready replicas are nobody"));
}

TEST_F(Looking, TestTellsWhatEachDatabaseSays) {
  Play([](const std::string& pod, const std::string& command) -> std::optional<Answer> {
    if (pod != "hippo-00-a-0" || !Has(command, "emit")) return std::nullopt;
    return Answer{124, "{\"recovery\": false, \"receiver\": null}\n", "Cancel request sent"};
  });
  EXPECT_EQ(Test(), "hippo: 1 of 6 checks failed");
  EXPECT_THAT(run_.out(), HasSubstr("DOWN  a commit was not confirmed within 5 s"));
  Play([](const std::string& pod, const std::string& command) -> std::optional<Answer> {
    if (Has(command, "pg_isready")) return Answer{2, "10.96.0.9:5432 - no response\n", ""};
    if (pod == "hippo-00-a-0") return Answer{0, "{\"recovery\": true, \"receiver\": null}\n", ""};
    return Answer{0, "{\"recovery\": true, \"receiver\": null}\n", ""};
  });
  EXPECT_EQ(Test(), "hippo: 4 of 6 checks failed");
  EXPECT_THAT(run_.out(), HasSubstr("(hippo-00-a-0): DOWN  it holds the lock, but is in recovery"));
  EXPECT_THAT(run_.out(), HasSubstr("(hippo-00-b-0): DOWN  it does not receive WAL"));
  EXPECT_THAT(run_.out(), HasSubstr("(10.96.0.9:5432): DOWN  10.96.0.9:5432 - no response"));
  common_.output = "json";
  EXPECT_NE(Test(), "");
  EXPECT_FALSE(GetBool((*ParseJson(run_.out()))[0], {"up"}));
}

TEST_F(Looking, StatusCountsANamespace) {
  ShowStatus status;
  ASSERT_TRUE(run_(status, common_));
  EXPECT_THAT(run_.out(), HasSubstr("Clusters:                1\nDatabases:               2\n"));
  EXPECT_THAT(run_.out(),
              HasSubstr("Claims:                  2\nTotal Volume Size:       2.0 GiB\n"));
  EXPECT_THAT(run_.out(), HasSubstr("Database Images:\n                         2\ti\n"));
  EXPECT_THAT(run_.out(), HasSubstr("Clusters Not Ready:\n\thippo\n"));
}

TEST_F(Looking, DfCountsOwnFileSystemsByDfAndSharedOnesByDu) {
  Json volumes = JsonLiteral(R"({"spec":{"containers":[{"name":"database","image":"i",
    "volumeMounts":[{"name":"v","mountPath":"/pgdata"}]}],"volumes":[{"name":"v",
    "persistentVolumeClaim":{"claimName":"x"}}]}})");
  for (const std::string letter : {"c", "d"}) {
    MakeClaim(letter);
    volumes["spec"]["volumes"][0]["persistentVolumeClaim"]["claimName"] =
        "hippo-00-" + letter + "-pgdata";
    Json pod = Labelled("Pod", "hippo-00-" + letter + "-0");
    pod["spec"] = volumes["spec"];
    Post("/api/v1/namespaces/default/pods", pod);
    Patch("pods/hippo-00-" + letter + "-0/status", R"({"status":{"phase":"Running"}})");
  }
  runtime_.Set([](const std::string& pod, const std::string& command) {
    if (Has(command, "pg_database_size"))
      return Answer{0, R"([{"name":"app","bytes":7340032}])", ""};
    if (command.starts_with("du ")) return Answer{1, "104857600\t/pgdata\n", "du: vanished"};
    const bool own = pod == "hippo-00-c-0";
    return Answer{0,
                  own ? "Size Used Avail\n1000000000 900000000 100000000\n"
                      : "Size Used Avail\n500000000000 1 2\n",
                  ""};
  });
  Df df;
  df.names = {"hippo"};
  ASSERT_TRUE(run_(df, common_)) << run_.Error(df, common_);
  EXPECT_THAT(run_.out(), HasSubstr("PVC                INSTANCE    POD           TYPE  USED"));
  EXPECT_THAT(run_.out(), HasSubstr("data  858.3 MiB  1.0 GiB   90%\n"));
  EXPECT_THAT(run_.out(), HasSubstr("data  100.0 MiB  1.0 GiB   10%\n"));
  EXPECT_THAT(run_.out(), HasSubstr("hippo    app       7.0 MiB\n"));
  runtime_.Set({});
  EXPECT_THAT(run_.Error(df, common_), HasSubstr("hippo-00-c-pgdata: command in pod"));
}

TEST_F(Looking, UsersAreShownWithoutPasswordsUnlessAskedFor) {
  Json secret = Labelled("Secret", "hippo-pguser-app");
  Put(secret, {"metadata", "labels", kube::kLabelUser}, "app");
  secret["data"]["password"] = "aHVudGVyMg==";
  Post("/api/v1/namespaces/default/secrets", secret);
  std::string asked;
  runtime_.Set([&asked](const std::string&, const std::string& command) {
    asked = command;
    return Answer{0, R"([{"name":"app","expires":"never"},{"name":"postgres","expires":"never"}])",
                  ""};
  });
  ShowUser show;
  show.names = {"hippo"};
  ASSERT_TRUE(run_(show, common_)) << run_.Error(show, common_);
  EXPECT_EQ(run_.out(),
            "CLUSTER  USERNAME  PASSWORD  EXPIRES  STATUS  ERROR\n"
            "hippo    app       (hidden)  never    ok\n");
  common_.output = "json";
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), Not(HasSubstr("hunter2")));
  common_.output = "";
  show.show_passwords = show.show_system_accounts = true;
  show.expired = 7;
  ASSERT_TRUE(run_(show, common_));
  EXPECT_THAT(run_.out(), HasSubstr("app       hunter2   never"));
  EXPECT_THAT(run_.out(), HasSubstr("postgres  -         never"));
  EXPECT_THAT(asked, HasSubstr("now() + interval '7 days'"));
  EXPECT_THAT(asked, Not(HasSubstr("hunter2")));
  runtime_.Set({});
  EXPECT_THAT(run_.Error(show, common_), HasSubstr("hippo: command in pod hippo-00-a-0"));
}

TEST_F(Looking, LabelsArePutOnAndTakenOff) {
  AddLabel add;
  add.names = {"hippo"};
  add.labels = {"team=a", "tier=1"};
  add.dry_run = true;
  ASSERT_TRUE(run_(add, common_));
  EXPECT_EQ(run_.out(),
            "The label would have been applied on the following:\nLabel applied on hippo\n");
  EXPECT_EQ(GetString(Hippo(), {"metadata", "labels", "team"}), "");
  add.dry_run = false;
  ASSERT_TRUE(run_(add, common_));
  EXPECT_EQ(GetString(Hippo(), {"metadata", "labels", "team"}), "a");
  DeleteLabel remove;
  remove.selector = "team=a";
  remove.labels = {"team=b"};
  EXPECT_THAT(run_.Error(remove, common_), HasSubstr("which has team=a; write that, or the key"));
  remove.labels = {"team=a"};
  ASSERT_TRUE(run_(remove, common_));
  EXPECT_EQ(run_.out(), "Label removed from hippo\n");
  EXPECT_EQ(GetString(Hippo(), {"metadata", "labels", "team"}, "none"), "none");
  EXPECT_EQ(GetString(Hippo(), {"metadata", "labels", "tier"}), "1");
  add.labels = {"postgres-operator.crunchydata.com/cluster=rhino"};
  EXPECT_THAT(run_.Error(add, common_), HasSubstr("are the operator's; choose another key"));
  add.labels = {"team"};
  EXPECT_THAT(run_.Error(add, common_), HasSubstr("must be key=value; write it as team=a"));
}

TEST_F(Looking, TabCompletesNamesOfClusters) {
  Complete complete;
  complete.words = {"test", "--kubeconfig=" + common_.kubeconfig, "-n", "default", "hi"};
  ASSERT_TRUE(run_(complete));
  EXPECT_EQ(run_.out(), "words\nhippo\t\n");
  complete.words.back() = "rhi";
  ASSERT_TRUE(run_(complete));
  EXPECT_EQ(run_.out(), "words\n");
}

}  // namespace
}  // namespace pgo::cli
