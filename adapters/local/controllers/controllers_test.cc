#include "adapters/local/controllers/controllers.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <thread>

#include "engine/base/json.h"

namespace pgo::local {
namespace {

const Resource kPods{"", "pods"};
const Resource kNodes{"", "nodes"};
const Resource kMaps{"", "configmaps"};
const Resource kClaims{"", "persistentvolumeclaims"};
const Resource kVolumes{"", "persistentvolumes"};
const Resource kEndpoints{"", "endpoints"};
const Resource kServices{"", "services"};
const Resource kSets{"apps", "statefulsets"};
const Resource kNamespaces{"", "namespaces"};

bool Eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
  while (std::chrono::steady_clock::now() < until) {
    if (holds()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(3));
  }
  return holds();
}

class ControllersTest : public ::testing::Test {
 protected:
  void Begin(std::int64_t grace_ms = 40'000) {
    controllers = Controllers::Start(*store, {.node_grace_ms = grace_ms, .tick_ms = 20});
  }
  void AddNode(const std::string& name) {
    ASSERT_TRUE(store->Create(
        kNodes, "",
        {{"metadata", {{"name", name}, {"labels", {{"kubernetes.io/hostname", name}}}}}}, {}));
    Status({kNodes, "", name}, R"({"conditions": [{"type": "Ready", "status": "True"}]})");
  }
  void Status(const Key& key, const char* status) {
    ASSERT_TRUE(store->Patch(key, PatchType::kMerge, {{"status", JsonLiteral(status)}},
                             {.subresource = "status"}));
  }
  void AddSet(const std::string& name, const char* strategy = "OnDelete") {
    Json set = JsonLiteral(
        R"({"spec": {"replicas": 1, "serviceName": "pods", "selector": {"matchLabels": {"app": "x"}},
      "template": {"metadata": {"labels": {"app": "x", "postgres-operator.crunchydata.com/cluster": "c"}},
                   "spec": {"containers": [{"name": "database", "image": "i",
                            "ports": [{"name": "postgres", "containerPort": 5432}]}]}},
      "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"],
                                "resources": {"requests": {"storage": "1Gi"}}}}]}})");
    set["metadata"]["name"] = name;
    set["spec"]["updateStrategy"]["type"] = strategy;
    ASSERT_TRUE(store->Create(kSets, "default", set, {}));
  }
  std::string Text(const Key& key, Path path) const {
    const auto object = store->Get(key);
    return object ? GetString(*object, path) : std::string();
  }
  std::string NodeOf(const std::string& pod) const {
    return Text({kPods, "default", pod}, {"spec", "nodeName"});
  }
  void MakeReady(const std::string& pod, const char* ip) {
    Json status =
        JsonLiteral(R"({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]})");
    status["podIP"] = ip;
    Status({kPods, "default", pod}, DumpJson(status).c_str());
  }

  std::unique_ptr<MemoryStore> store = *MemoryStore::Open({});
  std::unique_ptr<Controllers> controllers;
};

TEST_F(ControllersTest, SetMakesItsPodOnANodeItsVolumeStaysOn) {
  Begin();
  AddNode("n1");
  AddNode("n2");
  AddSet("i");
  ASSERT_TRUE(Eventually([&] { return !NodeOf("i-0").empty(); }));
  const std::string node = NodeOf("i-0");
  const auto claim = store->Get({kClaims, "default", "data-i-0"});
  ASSERT_TRUE(claim);
  EXPECT_EQ(GetString(*claim, {"status", "phase"}), "Bound");
  EXPECT_TRUE(store->Get({kVolumes, "", GetString(*claim, {"spec", "volumeName"})}));
  MakeReady("i-0", "10.0.0.1");
  const Key set{kSets, "default", "i"};
  ASSERT_TRUE(
      Eventually([&] { return GetInt(*store->Get(set), {"status", "readyReplicas"}) == 1; }));
  EXPECT_EQ(Text(set, {"status", "updateRevision"}),
            Text({kPods, "default", "i-0"}, {"metadata", "labels", "controller-revision-hash"}));

  const std::string uid = Text({kPods, "default", "i-0"}, {"metadata", "uid"});
  ASSERT_TRUE(store->Delete({kPods, "default", "i-0"}, {.grace_period_seconds = 0}));
  ASSERT_TRUE(Eventually([&] {
    const std::string now = Text({kPods, "default", "i-0"}, {"metadata", "uid"});
    return !now.empty() && now != uid && !NodeOf("i-0").empty();
  }));
  EXPECT_EQ(NodeOf("i-0"), node);
}

TEST_F(ControllersTest, OnDeleteWaitsAndRollingUpdateReplaces) {
  Begin();
  AddNode("n1");
  AddSet("wait");
  AddSet("roll", "RollingUpdate");
  for (const char* name : {"wait", "roll"}) {
    ASSERT_TRUE(Eventually([&] { return !NodeOf(std::string(name) + "-0").empty(); }));
    MakeReady(std::string(name) + "-0", "10.0.0.1");
  }
  const std::string waits = Text({kPods, "default", "wait-0"}, {"metadata", "uid"});
  const Json change =
      JsonLiteral(R"({"spec": {"template": {"metadata": {"labels": {"new": "1"}}}}})");
  for (const char* name : {"wait", "roll"})
    ASSERT_TRUE(store->Patch({kSets, "default", name}, PatchType::kMerge, change, {}));
  ASSERT_TRUE(Eventually([&] {
    return !Text({kPods, "default", "roll-0"}, {"metadata", "deletionTimestamp"}).empty();
  }));
  ASSERT_TRUE(Eventually([&] {
    const auto set = store->Get({kSets, "default", "wait"});
    return GetString(*set, {"status", "updateRevision"}) !=
           GetString(*set, {"status", "currentRevision"});
  }));
  EXPECT_EQ(Text({kPods, "default", "wait-0"}, {"metadata", "uid"}), waits);
  EXPECT_EQ(Text({kPods, "default", "wait-0"}, {"metadata", "deletionTimestamp"}), "");
}

TEST_F(ControllersTest, PodsOfAClusterSpreadAndSaySoWhenTheyCannotRun) {
  Begin();
  AddSet("a");
  ASSERT_TRUE(Eventually([&] {
    const auto pod = store->Get({kPods, "default", "a-0"});
    return pod && GetArray(*pod, {"status", "conditions"}).size() == 1 &&
           GetString(pod->at("status").at("conditions").at(0), {"message"}) ==
               "0/0 nodes are available.";
  }));
  for (const char* node : {"n1", "n2", "n3"}) AddNode(node);
  AddSet("b");
  AddSet("c");
  ASSERT_TRUE(Eventually(
      [&] { return !NodeOf("a-0").empty() && !NodeOf("b-0").empty() && !NodeOf("c-0").empty(); }));
  EXPECT_NE(NodeOf("a-0"), NodeOf("b-0"));
  EXPECT_NE(NodeOf("b-0"), NodeOf("c-0"));
  EXPECT_NE(NodeOf("a-0"), NodeOf("c-0"));
}

TEST_F(ControllersTest, EndpointsFollowReadinessAndTheirService) {
  Begin();
  AddNode("n1");
  AddSet("i");
  ASSERT_TRUE(store->Create(kServices, "default", JsonLiteral(R"({"metadata": {"name": "s"},
      "spec": {"selector": {"app": "x"}, "ports": [{"name": "p", "port": 5432, "targetPort": "postgres"}]}})"),
                            {}));
  ASSERT_TRUE(Eventually([&] { return !NodeOf("i-0").empty(); }));
  Status({kPods, "default", "i-0"}, R"({"phase": "Running", "podIP": "10.0.0.9"})");
  const Key key{kEndpoints, "default", "s"};
  const auto first = [&](const char* list) {
    const auto endpoints = store->Get(key);
    const Json none;
    const Json& subsets = endpoints ? GetArray(*endpoints, {"subsets"}) : none;
    if (subsets.size() != 1 || GetArray(subsets[0], {list}).size() != 1) return std::string();
    return GetString(subsets[0][list][0], {"ip"}) + ":" +
           std::to_string(GetInt(subsets[0]["ports"][0], {"port"}));
  };
  EXPECT_TRUE(Eventually([&] { return first("notReadyAddresses") == "10.0.0.9:5432"; }));
  MakeReady("i-0", "10.0.0.9");
  EXPECT_TRUE(Eventually([&] { return first("addresses") == "10.0.0.9:5432"; }));
  ASSERT_TRUE(store->Delete({kServices, "default", "s"}, {}));
  EXPECT_TRUE(Eventually([&] { return !store->Get(key); }));
}

TEST_F(ControllersTest, LeftoverEndpointsGoAtStartOnly) {
  ASSERT_TRUE(store->Create(kEndpoints, "default",
                            JsonLiteral(R"({"metadata": {"name": "c-ha-sync"}})"), {}));
  ASSERT_TRUE(store->Create(
      kServices, "default",
      JsonLiteral(R"({"metadata": {"name": "c-ha"}, "spec": {"clusterIP": "None"}})"), {}));
  ASSERT_TRUE(
      store->Create(kEndpoints, "default", JsonLiteral(R"({"metadata": {"name": "c-ha"}})"), {}));
  Begin();
  EXPECT_TRUE(Eventually([&] { return !store->Get({kEndpoints, "default", "c-ha-sync"}); }));
  ASSERT_TRUE(store->Create(kEndpoints, "default",
                            JsonLiteral(R"({"metadata": {"name": "c-ha-failover"}})"), {}));
  ASSERT_TRUE(
      Eventually([&] { return store->Get({kEndpoints, "default", "kubernetes"}).has_value(); }));
  AddNode("n1");  // further passes
  AddSet("i");
  ASSERT_TRUE(Eventually([&] { return !NodeOf("i-0").empty(); }));
  EXPECT_TRUE(store->Get({kEndpoints, "default", "c-ha"}));
  EXPECT_TRUE(store->Get({kEndpoints, "default", "c-ha-failover"}));
}

TEST_F(ControllersTest, OwnedObjectsGoWithTheirOwner) {
  Begin();
  const Json owner =
      *store->Create(kMaps, "default", JsonLiteral(R"({"metadata": {"name": "owner"}})"), {});
  Json owned = JsonLiteral(R"({"metadata": {"name": "owned", "ownerReferences": [
      {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}]}})");
  owned["metadata"]["ownerReferences"][0]["uid"] = GetString(owner, {"metadata", "uid"});
  ASSERT_TRUE(store->Create(kMaps, "default", owned, {}));
  owned["metadata"]["name"] = "orphan";
  owned["metadata"]["ownerReferences"][0]["uid"] = "never-was";
  ASSERT_TRUE(store->Create(kMaps, "default", owned, {}));
  EXPECT_TRUE(Eventually([&] { return !store->Get({kMaps, "default", "orphan"}); }));
  EXPECT_TRUE(store->Get({kMaps, "default", "owned"}));
  ASSERT_TRUE(store->Delete({kMaps, "default", "owner"}, {}));
  EXPECT_TRUE(Eventually([&] { return !store->Get({kMaps, "default", "owned"}); }));
}

TEST_F(ControllersTest, ANodeOutOfServiceLosesItsPodsAtOnce) {
  Begin();
  AddNode("n1");
  AddSet("i");
  ASSERT_TRUE(Eventually([&] { return !NodeOf("i-0").empty(); }));
  const std::string uid = Text({kPods, "default", "i-0"}, {"metadata", "uid"});
  ASSERT_TRUE(
      store->Patch({kNodes, "", "n1"}, PatchType::kMerge,
                   JsonLiteral(R"({"spec": {"taints": [{"key": "node.kubernetes.io/out-of-service",
                                           "value": "nodeshutdown", "effect": "NoExecute"}]}})"),
                   {}));
  EXPECT_TRUE(Eventually([&] {
    const std::string now = Text({kPods, "default", "i-0"}, {"metadata", "uid"});
    return !now.empty() && now != uid && NodeOf("i-0").empty();
  }));
}

TEST_F(ControllersTest, ASilentNodeBecomesUnknownAndComesBack) {
  Begin(100);
  AddNode("n1");
  AddSet("i");
  const auto ready = [&] {
    const auto node = store->Get({kNodes, "", "n1"});
    for (const Json& condition : GetArray(*node, {"status", "conditions"})) {
      if (GetString(condition, {"type"}) == "Ready") return GetString(condition, {"status"});
    }
    return std::string();
  };
  EXPECT_TRUE(Eventually([&] { return ready() == "Unknown"; }));
  EXPECT_TRUE(Eventually(
      [&] { return GetArray(*store->Get({kNodes, "", "n1"}), {"spec", "taints"}).size() == 2; }));
  Status(
      {kNodes, "", "n1"},
      R"({"conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-01-01T00:00:00Z"}]})");
  EXPECT_TRUE(Eventually(
      [&] { return GetArray(*store->Get({kNodes, "", "n1"}), {"spec", "taints"}).empty(); }));
}

TEST_F(ControllersTest, WithoutTheApiServerNoNodeIsBlamed) {
  using std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kGrace(400);
  Begin(kGrace.count());
  AddNode("n1");
  controllers->SetRunning(false);
  std::this_thread::sleep_for(kGrace + kGrace);
  const auto resumed = steady_clock::now();
  controllers->SetRunning(true);
  ASSERT_TRUE(Eventually([&] {
    const auto node = store->Get({kNodes, "", "n1"});
    return GetString(GetArray(*node, {"status", "conditions"})[0], {"status"}) == "Unknown";
  }));
  EXPECT_GE(steady_clock::now() - resumed, kGrace) << "its grace begins anew";
}

TEST_F(ControllersTest, ForegroundDeletionWaitsForWhatIsOwned) {
  Begin();
  const auto owner = store->Create(kMaps, "default", {{"metadata", {{"name", "owner"}}}}, {});
  ASSERT_TRUE(owner);
  Json owned = {{"metadata",
                 {{"name", "owned"},
                  {"finalizers", {"test/held"}},
                  {"ownerReferences",
                   {{{"apiVersion", "v1"},
                     {"kind", "ConfigMap"},
                     {"name", "owner"},
                     {"uid", GetString(*owner, {"metadata", "uid"})},
                     {"blockOwnerDeletion", true}}}}}}};
  ASSERT_TRUE(store->Create(kMaps, "default", owned, {}));
  const Key owner_key{kMaps, "default", "owner"}, owned_key{kMaps, "default", "owned"};
  ASSERT_TRUE(store->Delete(owner_key, {.propagation_policy = "Foreground"}));
  ASSERT_TRUE(
      Eventually([&] { return !Text(owned_key, {"metadata", "deletionTimestamp"}).empty(); }));
  EXPECT_TRUE(store->Get(owner_key)) << "it waits";
  ASSERT_TRUE(store->Mutate(owned_key, "", [](Json& object) {
    object["metadata"]["finalizers"] = Json::array();
    return true;
  }));
  EXPECT_TRUE(Eventually([&] { return !store->Get(owned_key) && !store->Get(owner_key); }));
}

TEST_F(ControllersTest, ADeletedNamespaceTakesItsContent) {
  Begin();
  ASSERT_TRUE(store->Create(kNamespaces, "", JsonLiteral(R"({"metadata": {"name": "t"}})"), {}));
  ASSERT_TRUE(store->Create(kMaps, "t", JsonLiteral(R"({"metadata": {"name": "a"}})"), {}));
  ASSERT_TRUE(store->Delete({kNamespaces, "", "t"}, {}));
  EXPECT_TRUE(Eventually([&] { return !store->Get({kNamespaces, "", "t"}); }));
  EXPECT_FALSE(store->Get({kMaps, "t", "a"}));
}

TEST_F(ControllersTest, NothingIsWrittenWhenNothingHappens) {
  Begin();
  AddNode("n1");
  AddSet("i");
  ASSERT_TRUE(Eventually([&] { return !NodeOf("i-0").empty(); }));
  MakeReady("i-0", "10.0.0.1");
  ASSERT_TRUE(Eventually([&] {
    return GetInt(*store->Get({kSets, "default", "i"}), {"status", "readyReplicas"}) == 1;
  }));
  ASSERT_TRUE(Eventually([&] { return store->Settled() == store->Version(); }));
  std::this_thread::sleep_for(std::chrono::milliseconds(200));  // ten ticks
  const auto version = store->Version();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_EQ(store->Version(), version);
}

TEST_F(ControllersTest, DeploymentsAndJobsRunTheirPods) {
  Begin();
  AddNode("n1");
  const Json pod_template = JsonLiteral(
      R"({"metadata": {"labels": {"d": "1"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}})");
  ASSERT_TRUE(store->Create({"apps", "deployments"}, "default",
                            {{"metadata", {{"name", "d"}}},
                             {"spec",
                              {{"replicas", 2},
                               {"selector", {{"matchLabels", {{"d", "1"}}}}},
                               {"template", pod_template}}}},
                            {}));
  EXPECT_TRUE(Eventually([&] { return store->List(kPods, "default").first.size() == 2; }));
  const Resource jobs{"batch", "jobs"};
  Json job_template = pod_template;
  job_template["spec"]["restartPolicy"] = "Never";
  ASSERT_TRUE(store->Create(jobs, "default",
                            {{"metadata", {{"name", "j"}}}, {"spec", {{"template", job_template}}}},
                            {}));
  std::string pod;
  ASSERT_TRUE(Eventually([&] {
    for (const Json& object : store->List(kPods, "default").first) {
      const std::string name = GetString(object, {"metadata", "name"});
      if (name.starts_with("j-")) pod = name;
    }
    return !pod.empty();
  }));
  Status({kPods, "default", pod}, R"({"phase": "Succeeded"})");
  EXPECT_TRUE(Eventually(
      [&] { return GetInt(*store->Get({jobs, "default", "j"}), {"status", "succeeded"}) == 1; }));
}

}  // namespace
}  // namespace pgo::local
