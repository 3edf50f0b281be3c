// Every field that the engine acts on: it has an effect, and whatever is written into it, the
// engine comes to rest, and a second look at everything writes nothing.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <set>

#include "engine/cluster/spec.h"
#include "engine/kube/names.h"
#include "engine/testing/fake_kube.h"
#include "replay-tests/mutation_values.h"

namespace pgo::mutation {
namespace {

const kube::ObjectRef kHippo{"PostgresCluster", "postgres", "hippo"};
constexpr std::size_t kActionsMax = 150;

Json Annotated(const char* name, const std::string& value) {
  Json out = Json::object();
  Put(out, {"metadata", "labels", kube::kLabelCluster}, "hippo");
  Put(out, {"metadata", "annotations", name}, value);
  return out;
}

// Plays kubelet and Patroni for every instance; the first leads.
void RunPods(testing::Loop& loop) {
  std::string leader;
  for (const auto& set : loop.kube.All("StatefulSet")) {
    const bool leads = leader.empty();
    Json pod = JsonLiteral(R"({"spec": {"nodeName": "node1"}, "status": {"phase": "Running",
      "podIP": "10.1.0.1", "conditions": [{"type": "Ready", "status": "True"}],
      "containerStatuses": [{"name": "database", "state": {"running": {}}, "ready": true}]}})");
    const Json* labels = Find(*loop.kube.Find(set), {"spec", "template", "metadata", "labels"});
    if (labels != nullptr) Put(pod, {"metadata", "labels"}, *labels);
    Put(pod, {"metadata", "labels", kube::kLabelRole}, leads ? "master" : "replica");
    Json status = JsonLiteral(R"({"state":"running","version":"4.0.7","xlog_location":83886336,
      "timeline":1})");
    status["role"] = leads ? "primary" : "replica";
    if (!leads) status["replication_state"] = "streaming";
    Put(pod, {"metadata", "annotations", "status"}, DumpJson(status));
    if (leads) leader = set.name + "-0";
    loop.Post({loop.kube.Put({"Pod", "postgres", set.name + "-0"}, pod)});
  }
  Json lock = Annotated("leader", leader);
  Put(lock, {"metadata", "annotations", "renewTime"}, "2026-11-21T10:00:00.5+00:00");
  lock["subsets"] = JsonLiteral(R"([{"addresses": [{"ip": "10.1.0.1"}]}])");
  Json config = Annotated("initialize", "7412");
  Put(config, {"metadata", "annotations", "config"}, "{}");
  loop.Post({loop.kube.Put({"Endpoints", "postgres", "hippo-ha"}, lock),
             loop.kube.Put({"Endpoints", "postgres", "hippo-ha-config"}, config)});
}

testing::Loop Running(const Json& manifest, bool pods) {
  testing::Loop loop;
  Json node = JsonLiteral(R"({"status":{"conditions":[{"type":"Ready","status":"True"}]}})");
  loop.Post({loop.kube.Put({"Node", "", "node1"}, node)});
  loop.kube.Put(kHippo, manifest);
  Json settings = Json::object();
  settings["RELATED_IMAGE_POSTGRES_17"] = "localhost/pgo/postgres:17";
  settings["RELATED_IMAGE_POSTGRES_18"] = "localhost/pgo/postgres:18";
  loop.Post({Started{"test", kRuleset, "one", settings}});
  loop.Post({Leading{true, 1, ""}});
  loop.Post(loop.kube.ListAll());
  EXPECT_TRUE(loop.Settle());
  if (pods) RunPods(loop);
  EXPECT_TRUE(loop.Settle());
  return loop;
}

// As a user's `kubectl replace` would: status, finalizers and uid stay.
void Replace(testing::Loop& loop, const Json& manifest) {
  Json object = manifest;
  const Json& old = *loop.kube.Find(kHippo);
  object["metadata"] = GetObject(old, {"metadata"});
  Put(object, {"metadata", "generation"}, 2);
  object["status"] = GetObject(old, {"status"});
  loop.Post({loop.kube.Put(kHippo, std::move(object))});
}

// What is wrong with how the engine took the last change; "" if nothing is.
std::string Unrest(testing::Loop& loop, std::size_t actions_before) {
  if (!loop.Settle(60)) return "does not come to rest";
  if (loop.actions.size() - actions_before > kActionsMax) return "takes too many actions";
  const std::uint64_t writes = loop.kube.writes;
  loop.Post(loop.kube.ListAll());
  if (!loop.Settle(60)) return "does not come to rest the second time";
  return loop.kube.writes == writes ? "" : "writes again: " + loop.actions.back().sentence;
}

Json MessageOf(const testing::Loop& loop, const char* type) {
  for (const Json& c : GetArray(*loop.kube.Find(kHippo), {"status", "conditions"})) {
    if (GetString(c, {"type"}) == type) return GetString(c, {"message"});
  }
  return "";
}

// The first field of each kind that is acted on, and every section that is not.
bool Drives(const Node& node) {
  if (ActedOn(node.path)) return !node.repeated;
  return node.way.size() <= 3;
}

TEST(Engine, ComesToRestWhateverIsWrittenIntoAField) {
  const Json full = FullSample();
  const testing::Loop base = Running(Reduce(full, NodesOf(full).front()), true);
  int driven = 0;
  for (const Node& node : NodesOf(full)) {
    if (!Drives(node)) continue;
    const Json reduced = Reduce(full, node);
    int refused = 0;
    for (const Mutation& m : MutationsOf(reduced, node)) {
      const auto parsed = cluster::ParseSpec(m.object);
      // A manifest that breaks a rule holds everything alike: one of a field is enough.
      if (!parsed.problems.empty() && ++refused > 1) continue;
      testing::Loop loop = base;
      Replace(loop, m.object);
      const std::string unrest = Unrest(loop, base.actions.size());
      ASSERT_EQ(unrest, "") << node.path << " " << m.what;
      const std::string text = AsString(MessageOf(loop, "SpecValid"));
      EXPECT_EQ(text.empty(), parsed.problems.empty()) << node.path << " " << m.what << text;
      const std::string ignored = AsString(MessageOf(loop, "FieldsNotImplemented"));
      EXPECT_EQ(ignored.empty(), parsed.not_implemented.empty() && parsed.unknown.empty())
          << node.path << " " << m.what << ignored;
      ++driven;
    }
  }
  std::printf("%d mutations driven through the engine\n", driven);
  EXPECT_GT(driven, 500);
}

// What is asked for of everything but the manifest itself.
std::set<std::string> Wanted(const Json& manifest, bool pods) {
  const testing::Loop loop = Running(manifest, pods);
  std::set<std::string> out;
  for (const Action& action : loop.actions) {
    if (TargetOf(action.command).kind == kHippo.kind) continue;
    Json command = std::visit([](const auto& c) { return ToJson(c); }, action.command);
    for (const char* name : {"uid", "rv"}) command.erase(name);
    out.insert(DumpJson(command));
  }
  return out;
}

// Fields that show only later, and the tests that show it.
bool ShowsLater(const std::string& path) {
  constexpr std::array kLater{
      "spec.patroni.switchover",  // failover_test: SwitchoverAsksPatroniOnce
      "spec.failover.async",      // failover_test: StoppedAsyncWaitsForTheRestartInPlace
      // instances_test: ACopyBeginsOnlyFromASourceThatCanBeRead,
      // ABucketsKeysLieApartFromTheClusters
      "spec.dataSource.postgresCluster.clusterName",
      "spec.dataSource.pgbackrest.configuration",
      "spec.dataSource.postgresCluster.clusterNamespace",
      // storage_test: when a volume that was measured grows, and how far
      "spec.instances[].dataVolumeClaimSpec.autoGrow",
      "spec.instances[].dataVolumeClaimSpec.resources.limits",
      "spec.instances[].walVolumeClaimSpec.autoGrow",
      "spec.instances[].walVolumeClaimSpec.resources.limits",
      "spec.backups.pgbackrest.repos[].volume.volumeClaimSpec.autoGrow",
      "spec.backups.pgbackrest.repos[].volume.volumeClaimSpec.resources.limits",
      // backups_test: what it is for; whole pods of jobs are in JobsTakeWhatTheManifestAsksOfThem
      "spec.backups.pgbackrest.manual",
      "spec.backups.pgbackrest.jobs",
      "spec.backups.pgbackrest.repos[].schedules",
      // restores_test: EverythingStops…, UntilTheVolumeIsOverwritten…, JobsTakeWhatTheManifestAsks…
      "spec.backups.pgbackrest.restore",
  };
  return std::ranges::any_of(kLater, [&](const char* p) { return path.starts_with(p); });
}

Json OtherThan(const Json& value) {
  Json out = value;
  if (value.is_structured() && !value.empty()) {
    *out.begin() = OtherThan(*value.begin());
    return out;
  }
  if (value.is_number_integer()) return AsInt(value) + 1;
  if (value.is_boolean()) return value != Json(true);
  if (value == Json("1Gi")) return "3Gi";
  return AsString(value) + "2";
}

TEST(Engine, ActsOnEveryFieldThatIsNotNamed) {
  const Json full = FullSample();
  int checked = 0;
  for (const Node& node : NodesOf(full)) {
    if (!node.leaf || !ActedOn(node.path) || ShowsLater(node.path)) continue;
    if (node.path.ends_with("[]")) continue;  // the list stands for them
    Json with = Reduce(full, node);
    if (node.path.ends_with(".nodePort") || node.path.ends_with("TrafficPolicy")) {
      with["spec"][node.way[1]]["type"] = "NodePort";
    }
    if (node.path != "spec.instances[].replicas") with["spec"]["instances"][0]["replicas"] = 2;
    Json without = with;
    const auto at = PointerTo(node);
    without[at] = OtherThan(with[at]);
    if (!cluster::ValidateCluster(without).empty()) without[at] = nullptr;
    ASSERT_TRUE(cluster::ValidateCluster(without).empty()) << node.path;
    // Users are made by SQL, which waits for a primary.
    const bool pods = node.path.starts_with("spec.users");
    EXPECT_NE(Wanted(with, pods), Wanted(without, pods))
        << node.path << " has no effect: " << with[at];
    ++checked;
  }
  std::printf("%d fields have an effect\n", checked);
  EXPECT_GT(checked, 100);
}

}  // namespace
}  // namespace pgo::mutation
