// The parts of a node that decide: environments, volumes, probes, statuses, names, Services.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>

#include "adapters/local/node/hosts.h"
#include "adapters/local/node/log_format.h"
#include "adapters/local/node/log_reader.h"
#include "adapters/local/node/partition.h"
#include "adapters/local/node/pod_fields.h"
#include "adapters/local/node/pod_status.h"
#include "adapters/local/node/probe.h"
#include "adapters/local/node/service_table.h"
#include "adapters/local/node/volume_content.h"

namespace pgo::local {
namespace {

using State = ContainerRecord::State;

std::optional<Json> Objects(const std::string& plural, const std::string& name) {
  if (plural == "secrets" && name == "s")
    return JsonLiteral(R"({"data": {"k": "djE=", "b": "AP8="}})");
  if (plural == "configmaps" && name == "m")
    return JsonLiteral(R"({"data": {"a": "1", "z": "26"}})");
  return std::nullopt;
}

TEST(Expansion, FollowsTheContainerRules) {
  const std::map<std::string, std::string> known = {{"A", "x"}, {"B", ""}};
  const std::pair<const char*, const char*> cases[] = {
      {"$(A)-$(A)", "x-x"}, {"$(B)", ""}, {"$(C)", "$(C)"}, {"$$(A)", "$(A)"},
      {"$", "$"},           {"$A", "$A"}, {"$(A", "$(A"},   {"$$$(A)", "$x"},
  };
  for (const auto& [text, expected] : cases)
    EXPECT_EQ(ExpandVariables(text, known), expected) << text;
}

TEST(Environment, TakesValuesFromEverywhereInOrder) {
  const Json pod = JsonLiteral(
      R"({"metadata": {"name": "p", "labels": {"x/y": "l"}}, "status": {"podIP": "10.1"}})");
  const Json container = JsonLiteral(R"x({
    "resources": {"limits": {"memory": "64Mi"}},
    "envFrom": [{"configMapRef": {"name": "m"}, "prefix": "M_"}],
    "env": [{"name": "IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "URL", "value": "http://$(IP):$(M_a)$(LATER)"},
            {"name": "LATER", "value": "no"},
            {"name": "L", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['x/y']"}}},
            {"name": "S", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "O", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k", "optional": true}}},
            {"name": "MEM", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory", "divisor": "1Mi"}}}]})x");
  const auto env = BuildEnvironment(pod, container, {{"BASE", "b"}}, Objects, {});
  ASSERT_TRUE(env) << env.error().message;
  EXPECT_EQ(env->at("URL"), "http://10.1:1$(LATER)");
  EXPECT_EQ(env->at("L"), "l");
  EXPECT_EQ(env->at("S"), "v1");
  EXPECT_EQ(env->at("MEM"), "64");
  EXPECT_EQ(env->at("BASE"), "b");
  EXPECT_FALSE(env->contains("O"));
}

TEST(Environment, NamesWhatIsMissing) {
  const Json container = JsonLiteral(
      R"({"env": [{"name": "S", "valueFrom": {"secretKeyRef": {"name": "none", "key": "k"}}}]})");
  const auto env = BuildEnvironment(Json::object(), container, {}, Objects, {});
  ASSERT_FALSE(env);
  EXPECT_EQ(env.error().message, "secret \"none\" not found");
}

TEST(Quantities, AreThousandths) {
  EXPECT_EQ(MilliQuantity("500m"), 500);
  EXPECT_EQ(MilliQuantity("2"), 2000);
  EXPECT_EQ(MilliQuantity("1Ki"), 1024000);
  EXPECT_EQ(MilliQuantity("lots"), std::nullopt);
}

TEST(Volumes, ProjectItemsWithTheirModes) {
  const Json volume = JsonLiteral(R"({"projected": {"defaultMode": 420, "sources": [
      {"secret": {"name": "s", "items": [{"key": "k", "path": "tls/key", "mode": 384}]}},
      {"configMap": {"name": "m"}}, {"secret": {"name": "none", "optional": true}},
      {"serviceAccountToken": {"path": "token"}},
      {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}}]}})");
  const Json pod = JsonLiteral(R"({"metadata": {"labels": {"a": "b"}}})");
  const auto files = BuildVolume(pod, volume, Objects, {"tok", "ca"}, {});
  ASSERT_TRUE(files) << files.error().message;
  const VolumeFiles expected = {{"tls/key", {"v1", 0600}},
                                {"a", {"1", 0644}},
                                {"z", {"26", 0644}},
                                {"token", {"tok", 0644}},
                                {"labels", {"a=\"b\"", 0644}}};
  EXPECT_EQ(*files, expected);
}

TEST(Volumes, RefuseAPathThatLeavesThem) {
  const Json volume = JsonLiteral(
      R"({"secret": {"secretName": "s", "items": [{"key": "k", "path": "../../etc/shadow"}]}})");
  EXPECT_FALSE(BuildVolume(Json::object(), volume, Objects, {}, {}));
}

TEST(Probes, ChangeTheirVerdictAtTheThresholds) {
  const Json container = JsonLiteral(R"({"ports": [{"name": "rest", "containerPort": 8008}],
      "readinessProbe": {"httpGet": {"path": "/r", "port": "rest", "scheme": "HTTPS"}, "periodSeconds": 2,
                         "successThreshold": 1, "failureThreshold": 2, "initialDelaySeconds": 1}})");
  const auto spec = ProbeOf(container, ProbeKind::kReadiness);
  ASSERT_TRUE(spec);
  EXPECT_EQ(spec->port, 8008);
  EXPECT_TRUE(spec->https);
  EXPECT_FALSE(ProbeOf(container, ProbeKind::kLiveness));
  ProbeState state(*spec, 100);
  EXPECT_FALSE(state.Due(1099));
  ASSERT_TRUE(state.Due(1100));
  state.Begin(1100);
  EXPECT_FALSE(state.Due(9999)) << "one at a time";
  EXPECT_TRUE(state.Record(true, 1150));
  EXPECT_EQ(state.Verdict(), true);
  EXPECT_EQ(state.NextDue(), 3100);
  state.Begin(3100);
  EXPECT_FALSE(state.Record(false, 3200));
  EXPECT_EQ(state.Verdict(), true);
  state.Begin(5100);
  EXPECT_TRUE(state.Record(false, 5200));
  EXPECT_EQ(state.Verdict(), false);
}

Json TwoContainers() {
  return JsonLiteral(R"({"metadata": {"name": "p"}, "spec": {"restartPolicy": "Always",
      "initContainers": [{"name": "i"}], "containers": [{"name": "a"}, {"name": "b"}]}})");
}

std::string ConditionStatus(const Json& status, const std::string& type) {
  for (const Json& condition : GetArray(status, {"conditions"})) {
    if (GetString(condition, {"type"}) == type) return GetString(condition, {"status"});
  }
  return {};
}

TEST(PodStatus, GoesFromPendingToRunningAndReady) {
  const Json pod = TwoContainers();
  auto records = NewRecords(pod);
  ASSERT_EQ(records.size(), 3U);
  const auto status = [&] {
    return BuildStatus({pod, records, "10.201.1.2", "10.200.0.11", 1000, 2000, "x", "", ""});
  };
  EXPECT_EQ(GetString(status(), {"phase"}), "Pending");
  records[0].state = State::kTerminated;
  records[0].current = Termination{.exit_code = 0, .reason = "Completed"};
  EXPECT_EQ(ConditionStatus(status(), "Initialized"), "True");
  for (int i = 1; i < 3; ++i) records[static_cast<std::size_t>(i)].state = State::kRunning;
  records[1].ready = true;
  EXPECT_EQ(GetString(status(), {"phase"}), "Running");
  EXPECT_EQ(ConditionStatus(status(), "Ready"), "False");
  records[2].ready = true;
  EXPECT_EQ(ConditionStatus(status(), "Ready"), "True");
}

TEST(PodStatus, ShowsTheEndThenTheBackOff) {
  const Json pod = TwoContainers();
  auto records = NewRecords(pod);
  records[1].state = State::kTerminated;
  records[1].current = Termination{.exit_code = 137, .signal = 9, .reason = "Error"};
  const auto container = [&] {
    return BuildStatus({pod, records, "", "", 0, 0, "", "", ""})["containerStatuses"][0];
  };
  EXPECT_EQ(GetInt(container(), {"state", "terminated", "exitCode"}), 137);
  EXPECT_EQ(GetInt(container(), {"state", "terminated", "signal"}), 9);
  records[1].backing_off = true;
  EXPECT_EQ(GetString(container(), {"state", "waiting", "reason"}), "CrashLoopBackOff");
  EXPECT_EQ(GetInt(container(), {"lastState", "terminated", "exitCode"}), 137);
}

TEST(PodStatus, EndsAsThePolicySays) {
  Json pod = TwoContainers();
  pod["spec"].erase("initContainers");
  pod["spec"]["restartPolicy"] = "Never";
  auto records = NewRecords(pod);
  for (auto& record : records) {
    record.state = State::kTerminated;
    record.current = Termination{};
  }
  const auto phase = [&] { return PhaseOf({pod, records, "", "", 0, 0, "", "", ""}); };
  EXPECT_EQ(phase(), "Succeeded");
  records[0].current->exit_code = 1;
  EXPECT_EQ(phase(), "Failed");
  pod["spec"]["restartPolicy"] = "OnFailure";
  EXPECT_EQ(phase(), "Running");
}

TEST(PodStatus, ARebootEndsWhatRan) {
  Json pod = TwoContainers();
  pod["status"] = JsonLiteral(R"({"containerStatuses": [{"name": "a", "restartCount": 2,
      "containerID": "pgo-local://abc", "state": {"running": {}}}]})");
  const auto records = RecordsAfterReboot(pod, 5000);
  ASSERT_TRUE(records[1].last);
  EXPECT_EQ(records[1].restarts, 3);
  EXPECT_EQ(records[1].last->exit_code, 255);
  EXPECT_EQ(records[1].last->container_id, "abc");
}

TEST(PodStatus, BackOffGrows) {
  EXPECT_EQ(BackoffMs(1), 0);
  EXPECT_EQ(BackoffMs(2), 10'000);
  EXPECT_EQ(BackoffMs(3), 20'000);
  EXPECT_EQ(BackoffMs(50), 300'000);
}

TEST(Hosts, NameServicesAndTheirEndpoints) {
  const NamedObjects objects = {
      {JsonLiteral(
           R"({"metadata": {"name": "db", "namespace": "n"}, "spec": {"clusterIP": "10.202.0.5"}})"),
       JsonLiteral(
           R"({"metadata": {"name": "pods", "namespace": "n"}, "spec": {"clusterIP": "None"}})")},
      {JsonLiteral(R"({"metadata": {"name": "pods", "namespace": "n"},
                       "subsets": [{"addresses": [{"ip": "10.201.1.2", "hostname": "p-0"}],
                                    "notReadyAddresses": [{"ip": "10.201.1.3", "hostname": "p-1"}]}]})")}};
  const std::string inside = ClusterHosts(objects, "n"), outside = ClusterHosts(objects, "other");
  EXPECT_THAT(inside,
              testing::HasSubstr(
                  "10.202.0.5\tdb.n.svc.cluster.local db.n.svc.cluster.local. db.n.svc db.n db\n"));
  EXPECT_THAT(inside, testing::HasSubstr("10.201.1.2\tp-0.pods.n.svc.cluster.local "));
  EXPECT_THAT(inside, testing::HasSubstr("10.201.1.2\tpods.n.svc.cluster.local "));
  EXPECT_THAT(inside, testing::Not(testing::HasSubstr("10.201.1.3")));
  EXPECT_THAT(outside, testing::HasSubstr("db.n.svc db.n\n"));
}

TEST(Services, LeadToEndpointsWithTheSamePort) {
  const std::vector<Json> services = {
      JsonLiteral(
          R"({"metadata": {"name": "a", "namespace": "n"}, "spec": {"clusterIP": "10.202.0.5",
          "ports": [{"name": "pg", "port": 5432, "targetPort": 9}]}})"),
      JsonLiteral(
          R"({"metadata": {"name": "b", "namespace": "n"}, "spec": {"clusterIP": "10.202.0.6",
          "ports": [{"port": 80}]}})"),
      JsonLiteral(R"({"metadata": {"name": "c", "namespace": "n"}, "spec": {"clusterIP": "None",
          "ports": [{"port": 80}]}})")};
  const std::vector<Json> endpoints = {
      JsonLiteral(R"({"metadata": {"name": "a", "namespace": "n"}, "subsets": [
          {"addresses": [{"ip": "1.1.1.1"}], "ports": [{"name": "pg", "port": 5433}, {"name": "x", "port": 1}]}]})"),
      JsonLiteral(R"({"metadata": {"name": "b", "namespace": "n"}, "subsets": [
          {"notReadyAddresses": [{"ip": "1.1.1.2"}], "ports": [{"port": 8080}]}]})")};
  const ServiceTable expected = {{{"10.202.0.5", 5432}, {{"1.1.1.1", 5433}}},
                                 {{"10.202.0.6", 80}, {}}};
  EXPECT_EQ(BuildServiceTable(services, endpoints), expected);
}

TEST(Partition, BlocksBothWaysAndOnlyWhatItSays) {
  Partition partition;
  EXPECT_TRUE(partition.BlockedAt(1).empty());
  partition.SetLink(2, 1, false);
  partition.SetLink(1, 0, false);
  EXPECT_EQ(partition.CutFrom(1), (std::set<int>{0, 2}));
  EXPECT_EQ(partition.BlockedAt(2),
            (std::set<std::string>{"from 10.200.0.11/32", "from 10.201.1.0/24", "to 10.200.0.11/32",
                                   "to 10.201.1.0/24"}));
  EXPECT_FALSE(partition.BlockedAt(1).contains("to 10.201.0.0/24")) << "the clients have no pods";
  partition.SetLink(1, 2, true);
  EXPECT_TRUE(partition.BlockedAt(2).empty());
  partition.SetApi(2, false);
  const auto blocked = partition.BlockedAt(2);
  EXPECT_TRUE(blocked.contains("to 10.200.0.1/32 ipproto tcp dport 6443"));
  EXPECT_TRUE(blocked.contains("from 10.202.0.1/32 ipproto tcp sport 443"));
  EXPECT_FALSE(blocked.contains("to 10.200.0.1/32")) << "Services answer from there";
}

TEST(Partition, KnowsWhoseAnAddressIs) {
  EXPECT_EQ(NodeOfAddress("10.201.3.17"), 3);
  EXPECT_EQ(NodeOfAddress("10.200.0.12"), 2);
  EXPECT_EQ(NodeOfAddress("10.200.0.10"), 0);
  EXPECT_EQ(NodeOfAddress("10.200.0.1"), -1);
  EXPECT_EQ(NodeOfAddress("10.202.0.5"), -1);
}

TEST(LogFormat, KeepsLinesWholeAndMarksPieces) {
  LogFramer framer;
  EXPECT_EQ(framer.Frame("a\nb", "T1"), "T1 stdout F a\n");
  EXPECT_EQ(framer.Frame("c\n\n", "T2"), "T2 stdout F bc\nT2 stdout F \n");
  EXPECT_EQ(framer.Frame("end", "T3"), "");
  EXPECT_EQ(framer.Rest("T4"), "T4 stdout P end\n");
  const std::string pieces = framer.Frame(std::string(20'000, 'x') + "\n", "T5");
  EXPECT_TRUE(pieces.starts_with("T5 stdout P xxx"));
  EXPECT_NE(pieces.find("\nT5 stdout F xxx"), std::string::npos);
  EXPECT_FALSE(ParseLogLine("no such line"));
  EXPECT_EQ(LogTime(1'000'000'005), "1970-01-01T00:00:01.000000005Z");
}

TEST(LogReader, FollowsAFileThatGrowsAndIsRotated) {
  const std::string path = ::testing::TempDir() + "/pgo-log-reader-test";
  for (const char* suffix : {"", ".1"}) std::remove((path + suffix).c_str());
  LogFileReader all(path, {}), late(path, {.tail_lines = 1, .timestamps = true}),
      newer(path, {.since = "T2"}), few(path, {.limit_bytes = 4});
  EXPECT_EQ(all.Read(), "");
  std::ofstream(path) << "T1 stdout F one\nT2 stdout P two \nT3 stdout F three\nT4 stdout F hal";
  EXPECT_EQ(all.Read(), "one\ntwo three\n");
  EXPECT_EQ(late.Read(), "T2 two T3 three\n");
  EXPECT_EQ(newer.Read(), "two three\n");
  EXPECT_EQ(few.Read(), "one\n");
  EXPECT_TRUE(few.Full());
  std::ofstream(path, std::ios::app) << "f\n";
  std::rename(path.c_str(), (path + ".1").c_str());
  std::ofstream(path) << "T5 stdout F new\n";
  EXPECT_EQ(all.Read(), "half\nnew\n");
}

}  // namespace
}  // namespace pgo::local
