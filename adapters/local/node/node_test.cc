// A node with real containers. Needs namespaces and the image; skips, saying what is missing,
// without.
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <condition_variable>
#include <cstring>
#include <filesystem>
#include <mutex>
#include <thread>

#include "adapters/local/node/daemon_space.h"
#include "adapters/local/node/local_nodes.h"
#include "adapters/local/node/node_init.h"
#include "adapters/local/node/sys.h"
#include "adapters/local/store/memory_store.h"

namespace pgo::local {
namespace {

constexpr std::int64_t kPatienceMs = 30'000;

// The image of this tree, from wherever the test runs.
std::string Image() {
  const char* named = std::getenv("PGO_TEST_IMAGE");
  return std::filesystem::absolute(named != nullptr ? named : "build/image/rootfs").string();
}

bool Eventually(const std::function<bool()>& holds) {
  const std::int64_t deadline = MonotonicMs() + kPatienceMs;
  while (!holds()) {
    if (MonotonicMs() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return true;
}

Json Pod() {
  return JsonLiteral(R"x({
    "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"},
    "spec": {
      "nodeName": "node1", "terminationGracePeriodSeconds": 5, "shareProcessNamespace": true,
      "securityContext": {"fsGroup": 26, "runAsNonRoot": true},
      "initContainers": [{"name": "init", "image": "i", "command": ["sh", "-c", "date >> /data/boots"],
                          "volumeMounts": [{"name": "data", "mountPath": "/data"}]}],
      "containers": [{"name": "main", "image": "i",
        "command": ["bash", "-c", "trap 'exit 0' TERM; echo up as $(id -u); sleep 1000 & touch /tmp/ready; while :; do read -t 0.1 <> <(:); done"],
        "env": [{"name": "SECRET", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "securityContext": {"readOnlyRootFilesystem": true, "allowPrivilegeEscalation": false},
        "readinessProbe": {"exec": {"command": ["test", "-e", "/tmp/ready"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "tmp", "mountPath": "/tmp"},
                         {"name": "conf", "mountPath": "/conf"}]}],
      "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "c"}}, {"name": "tmp", "emptyDir": {}},
                  {"name": "conf", "configMap": {"name": "m"}}]}})x");
}

// What a command in the pod printed and how it ended.
struct Spoken {
  int code = -1;
  std::string text;
};

class Cluster {
 public:
  explicit Cluster(const std::string& directory) {
    store = *MemoryStore::Open({});
    nodes = *LocalNodes::Start(
        {.nodes = 2,
         .directory = directory,
         .image = Image(),
         .image_id = "x",
         .store = store.get(),
         .token = [](const std::string&, const std::string&) { return std::string("t"); },
         .ca_pem = "ca"});
    Put("configmaps",
        JsonLiteral(
            R"({"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "m"}, "data": {"f": "one"}})"));
    Put("secrets",
        JsonLiteral(
            R"({"kind": "Secret", "apiVersion": "v1", "metadata": {"name": "s"}, "data": {"k": "djE="}})"));
    Put("persistentvolumeclaims",
        JsonLiteral(
            R"({"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": {"name": "c"},
        "spec": {"volumeName": "pv1", "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}})"));
    static_cast<void>(
        store->Mutate({{"", "persistentvolumeclaims"}, "default", "c"}, "status", [](Json& claim) {
          claim["status"]["phase"] = "Bound";
          return true;
        }));
    static_cast<void>(store->Create({"", "persistentvolumes"}, "",
                                    JsonLiteral(R"({"kind": "PersistentVolume", "apiVersion": "v1",
        "metadata": {"name": "pv1"}, "spec": {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"]}})"),
                                    {}));
  }
  void Put(const std::string& plural, Json object) {
    const auto made = store->Create({"", plural}, "default", std::move(object), {});
    ASSERT_TRUE(made) << made.error().message;
  }
  Json Get() const { return store->Get({{"", "pods"}, "default", "p"}).value_or(Json()); }
  bool Ready() const {
    const Json pod = Get();
    for (const Json& condition : GetArray(pod, {"status", "conditions"})) {
      if (GetString(condition, {"type"}) == "Ready")
        return GetString(condition, {"status"}) == "True";
    }
    return false;
  }
  Json Container() const { return Get()["status"]["containerStatuses"][0]; }
  Spoken Say(const std::string& script, const std::string& input = "") {
    auto spoken = std::make_shared<Spoken>();
    auto over = std::make_shared<std::atomic<bool>>(false);
    auto session =
        nodes->Exec({.ns = "default",
                     .pod = "p",
                     .container = "main",
                     .argv = {"sh", "-c", script},
                     .has_stdin = !input.empty(),
                     .on_stdout = [spoken](std::string_view text) { spoken->text += text; },
                     .on_stderr = [spoken](std::string_view text) { spoken->text += text; },
                     .on_exit =
                         [spoken, over](int code) {
                           spoken->code = code;
                           *over = true;
                         }});
    if (!session) return {-1, session.error().message};
    if (!input.empty()) {
      (*session)->WriteStdin(input);
      (*session)->CloseStdin();
    }
    Eventually([&] { return over->load(); });
    return *spoken;
  }

  std::unique_ptr<MemoryStore> store;
  std::unique_ptr<LocalNodes> nodes;
};

void CommandsRunAsInTheContainer(Cluster& cluster) {
  const Spoken said = cluster.Say("echo $SECRET; cat; exit 3", "through");
  EXPECT_EQ(said.code, 3);
  EXPECT_EQ(said.text, "v1\nthrough");
  EXPECT_EQ(cluster.Say("kill -9 $$").code, 137);
  EXPECT_NE(cluster.Say("touch /root-is-read-only").code, 0);
  EXPECT_EQ(cluster.Say("stat -c %g:%a /data; wc -l < /data/boots").text, "26:2777\n1\n");
  auto log =
      cluster.nodes->OpenLog({.ns = "default", .pod = "p", .container = "main", .tail_lines = 1});
  ASSERT_TRUE(log) << log.error().message;
  EXPECT_EQ((*log)->Read(), "up as 26\n");
  EXPECT_FALSE((*log)->Over());
}

void ConfigMapsAreRefreshed(Cluster& cluster) {
  static_cast<void>(cluster.store->Mutate({{"", "configmaps"}, "default", "m"}, "", [](Json& map) {
    map["data"]["f"] = "two";
    return true;
  }));
  EXPECT_TRUE(Eventually([&] { return cluster.Say("cat /conf/f").text == "two"; }));
}

// A container that dies takes along what it left in the shared process namespace.
void ADeadContainerIsStartedAgain(Cluster& cluster) {
  EXPECT_EQ(cluster.Say("pkill -9 -x bash -o; sleep 5").code, 137);
  EXPECT_TRUE(Eventually(
      [&] { return GetInt(cluster.Container(), {"restartCount"}) == 1 && cluster.Ready(); }));
  EXPECT_TRUE(Eventually([&] { return cluster.Say("pgrep -c sleep").text == "1\n"; }));
}

// What this process had open when the node booted ends when this process closes it: else a cut
// connection of the API server would live on in the node, and its client would wait for ever.
void ANodeHoldsNothingOfItsMaker(Cluster& cluster) {
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_TRUE(cluster.nodes->PowerOff("node2"));
  EXPECT_TRUE(cluster.nodes->PowerOn("node2"));
  ::close(ends[1]);
  pollfd closed{ends[0], POLLIN, 0};
  EXPECT_EQ(::poll(&closed, 1, 0), 1);
  EXPECT_NE(closed.revents & POLLHUP, 0);
  ::close(ends[0]);
}

void APowerLossLeavesTheVolumes(Cluster& cluster) {
  const std::string before = GetString(cluster.Get(), {"status", "podIP"});
  EXPECT_TRUE(cluster.nodes->PowerOff("node1"));
  EXPECT_FALSE(cluster.nodes->Exec({.ns = "default", .pod = "p", .argv = {"true"}}));
  EXPECT_TRUE(cluster.Ready()) << "a dead node says nothing";
  EXPECT_TRUE(cluster.nodes->PowerOn("node1"));
  EXPECT_TRUE(Eventually([&] {
    return cluster.Ready() && GetInt(cluster.Container(), {"restartCount"}) == 2;
  })) << cluster.Get().dump(1);
  EXPECT_EQ(cluster.Say("wc -l < /data/boots").text, "2\n");
  EXPECT_NE(GetString(cluster.Get(), {"status", "podIP"}), before);
}

void DeletionIsGraceful(Cluster& cluster) {
  const std::int64_t began = MonotonicMs();
  static_cast<void>(cluster.store->Delete({{"", "pods"}, "default", "p"}, {}));
  EXPECT_TRUE(Eventually([&] { return cluster.Get().is_null(); }));
  EXPECT_LT(MonotonicMs() - began, 4000) << "it ended at SIGTERM, before its grace was over";
}

// Runs in the cluster's namespaces; 0 if every promise held.
int LifeOfAPod() {
  char directory[] = "/tmp/pgo-node-test-XXXXXX";
  if (::mkdtemp(directory) == nullptr) return 1;
  {
    Cluster cluster(directory);
    cluster.Put("pods", Pod());
    EXPECT_TRUE(Eventually([&] { return cluster.Ready(); })) << cluster.Get().dump(1);
    EXPECT_EQ(GetString(cluster.Get(), {"status", "phase"}), "Running");
    CommandsRunAsInTheContainer(cluster);
    ConfigMapsAreRefreshed(cluster);
    ADeadContainerIsStartedAgain(cluster);
    ANodeHoldsNothingOfItsMaker(cluster);
    APowerLossLeavesTheVolumes(cluster);
    DeletionIsGraceful(cluster);
  }
  RemoveTree(directory);
  return ::testing::Test::HasFailure() ? 1 : 0;
}

TEST(Node, RunsAPodThroughItsLife) {
  const std::string missing = MissingRequirements(Image());
  if (!missing.empty()) GTEST_SKIP() << "cannot run containers here:\n" << missing;
  const auto status = RunInNewSpace([] {
    ::signal(SIGPIPE, SIG_IGN);
    return LifeOfAPod();
  });
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(*status, 0);
}

}  // namespace
}  // namespace pgo::local

int main(int argc, char** argv) {
  if (argc == 3 && std::strcmp(argv[1], "internal-node") == 0)
    return pgo::local::NodeInitMain(argv[2], 3);
  ::testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
