// Tables as kubectl shows them: the columns and words of Kubernetes.
#include <gtest/gtest.h>

#include "adapters/local/api/human.h"
#include "adapters/local/api/pod_row.h"
#include "adapters/local/api/table.h"
#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

TEST(Human, DurationsAreAsShortAsKubectlHasThem) {
  const std::pair<std::int64_t, const char*> cases[] = {
      {-5, "<invalid>"},  {0, "0s"},       {119, "119s"},      {120, "2m"},
      {125, "2m5s"},      {600, "10m"},    {10'799, "179m"},   {10'800, "3h"},
      {11'340, "3h9m"},   {28'800, "8h"},  {172'799, "47h"},   {172'800, "2d"},
      {248'400, "2d21h"}, {691'200, "8d"}, {63'072'000, "2y"}, {64'108'800, "2y12d"},
  };
  for (const auto& [seconds, text] : cases) EXPECT_EQ(HumanDuration(seconds), text) << seconds;
}

TEST(Human, SelectorsAndModes) {
  EXPECT_EQ(LabelText(Json::object()), "<none>");
  EXPECT_EQ(SelectorText(JsonLiteral(
                R"({"matchLabels": {"a": "b"}, "matchExpressions": [
                    {"key": "c", "operator": "In", "values": ["d", "e"]}, {"key": "f", "operator": "DoesNotExist"}]})")),
            "a=b,c in (d,e),!f");
  EXPECT_EQ(AccessModes(JsonLiteral(R"(["ReadWriteMany", "ReadWriteOnce"])")), "RWO,RWX");
}

// A pod with these container statuses.
Json Pod(const char* statuses, const char* more = "{}") {
  Json pod = JsonLiteral(R"({"spec": {"containers": [{"name": "a"}, {"name": "b"}]},
                             "status": {"phase": "Running"}})");
  pod["status"]["containerStatuses"] = JsonLiteral(statuses);
  pod.merge_patch(JsonLiteral(more));
  return pod;
}

TEST(PodRow, SaysWhatTheContainersSay) {
  const char* running = R"([{"name": "a", "ready": true, "state": {"running": {}}},
                            {"name": "b", "ready": true, "state": {"running": {}}}])";
  EXPECT_EQ(RowOfPod(Pod(running)).ready, "2/2");
  EXPECT_EQ(RowOfPod(Pod(running)).status, "Running");
  EXPECT_EQ(RowOfPod(Pod(running, R"({"metadata": {"deletionTimestamp": "x"}})")).status,
            "Terminating");
  const Json crashing = Pod(
      R"([{"name": "a", "restartCount": 3, "state": {"waiting": {"reason": "CrashLoopBackOff"}}},
                               {"name": "b", "ready": true, "state": {"running": {}}}])");
  EXPECT_EQ(RowOfPod(crashing).status, "CrashLoopBackOff");
  EXPECT_EQ(RowOfPod(crashing).ready, "1/2");
  EXPECT_EQ(RowOfPod(crashing).restarts, "3");
  EXPECT_EQ(RowOfPod(Pod(R"([{"name": "a", "state": {"terminated": {"signal": 9}}}])")).status,
            "Signal:9");
  const std::string ago = WallSeconds(NowMicros() - 300 * kSecond);
  Json restarted = Pod(R"([{"name": "a", "restartCount": 2, "lastState": {"terminated": {}}}])");
  restarted["status"]["containerStatuses"][0]["lastState"]["terminated"]["finishedAt"] = ago;
  EXPECT_EQ(RowOfPod(restarted).restarts, "2 (5m ago)");
}

TEST(PodRow, ShowsWhereInitialisationStands) {
  const char* init =
      R"({"spec": {"initContainers": [{"name": "i"}, {"name": "s", "restartPolicy": "Always"}]},
    "status": {"phase": "Pending", "initContainerStatuses": [
      {"name": "i", "state": {"terminated": {"exitCode": 0}}}, {"name": "s", "state": {"waiting": {"reason": "PodInitializing"}}}]}})";
  EXPECT_EQ(RowOfPod(Pod("[]", init)).status, "Init:1/2");
  EXPECT_EQ(RowOfPod(Pod("[]", init)).ready, "0/3") << "a sidecar counts";
  EXPECT_EQ(RowOfPod(Pod("[]", R"({"status": {"initContainerStatuses": [
      {"name": "i", "state": {"terminated": {"exitCode": 3}}}]}})"))
                .status,
            "Init:ExitCode:3");
}

TEST(Table, HasTheColumnsOfTheKindAndCarriesWhatIsAsked) {
  const TypeTable types = BuiltInTypes();
  const TypeInfo& services = *types.at({"", "services"});
  const Json objects = Json::array({JsonLiteral(R"({"metadata": {"name": "s"}, "spec": {
    "type": "ClusterIP", "clusterIP": "None", "ports": [{"port": 80}, {"port": 53, "protocol": "UDP"}]}})")});
  const Json table = TableOf({services, "v1", "", 7}, objects);
  std::string names;
  for (const Json& column : table["columnDefinitions"]) names += GetString(column, {"name"}) + " ";
  EXPECT_EQ(names, "Name Type Cluster-IP External-IP Port(s) Age Selector ");
  EXPECT_EQ(table["rows"][0]["cells"][4], "80/TCP,53/UDP");
  EXPECT_EQ(GetString(table["rows"][0], {"object", "kind"}), "PartialObjectMetadata");
  EXPECT_EQ(GetString(table, {"metadata", "resourceVersion"}), "7");
  EXPECT_TRUE(
      TableOf({services, "v1", "Object", 0}, objects)["rows"][0]["object"].contains("spec"));
  EXPECT_FALSE(TableOf({services, "v1", "None", 0}, objects)["rows"][0].contains("object"));
}

// Whatever is in an object: a row of it is as long as the head.
TEST(Table, NothingInAnObjectUpsetsIt) {
  for (const auto& [resource, type] : BuiltInTypes()) {
    for (
        const char* text :
        {"{}", R"({"metadata": 1, "spec": [], "status": "x"})",
         R"({"metadata": {"labels": 1}, "spec": {"ports": 1, "containers": {}, "selector": [1]}, "data": [1]})"}) {
      const Json table =
          TableOf({*type, type->versions[0], "", 0}, Json::array({JsonLiteral(text)}));
      EXPECT_EQ(table["rows"][0]["cells"].size(), table["columnDefinitions"].size()) << type->kind;
    }
  }
}

}  // namespace
}  // namespace pgo::local
