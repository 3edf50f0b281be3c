#include "adapters/cli/operation.h"

#include <algorithm>
#include <iostream>

#include "adapters/cli/instances.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

constexpr int kAttemptsMax = 5;

// What the operator refused or gave up since then, in its own words.
std::string RefusedSince(Kube& kube, const ClusterKey& key, std::int64_t since_us) {
  auto events = kube.List("Event", key.ns);
  if (!events) return "";
  for (const Json& event : *events) {
    const Json& about = GetObject(event, {"regarding"});
    if (GetString(about, {"kind"}) != "PostgresCluster" || GetString(about, {"name"}) != key.name ||
        GetString(event, {"reason"}) != "OperationRefused") {
      continue;
    }
    const auto at = ParseWall(
        GetString(event, {"eventTime"}, GetString(event, {"metadata", "creationTimestamp"})));
    if (at && *at >= since_us) return GetString(event, {"note"});
  }
  return "";
}

std::string RefusedByCondition(const cluster::ClusterView& view, const std::string& type) {
  if (type.empty() || view.subject == nullptr) return "";
  for (const Json& condition : GetArray(view.subject->object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != type) continue;
    if (GetString(condition, {"reason"}) == "Refused") return GetString(condition, {"message"});
  }
  return "";
}

void ShowInstances(Progress& progress, const cluster::ClusterView& view,
                   std::vector<std::string>& shown) {
  const auto lines = InstanceLines(view);
  // Only those that are gone: a line that is taken off and set again would be printed again.
  for (const auto& name : shown) {
    if (std::ranges::find(lines, name, &InstanceLine::instance) == lines.end()) {
      progress.Remove(name);
    }
  }
  shown.clear();
  for (const InstanceLine& line : lines) {
    const std::string state = line.state.substr(0, line.state.find(','));
    progress.Set(line.instance, Pad(line.instance, 20) + "  " +
                                    Pad(line.role.empty() ? "-" : line.role, 7) + "  " + state);
    shown.push_back(line.instance);
  }
}

}  // namespace

Status AskFirst(const std::string& warning, bool no_prompt, Console& console) {
  if (no_prompt || !console.err.terminal()) return {};
  console.err.Print("WARNING: " + warning + ". Are you sure? (yes/no): ");
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes" || answer == "y") return {};
  return Fail(Code::kUnavailable, "nothing was changed");
}

Status ShowReplicas(const Snapshot& snapshot, const Common& common, Console& console) {
  Table table({"REPLICA", "STATUS", "NODE", "REPLICATION LAG", "PENDING RESTART"});
  Json all = Json::array();
  for (const InstanceLine& line : InstanceLines(snapshot.view)) {
    if (line.role == "primary" || line.pod.empty()) continue;
    all.push_back(InstanceJson(line));
    table.Row({line.instance, line.state.substr(0, line.state.find(", ")),
               line.node.empty() ? "-" : line.node, line.lag ? Bytes(*line.lag) : "unknown",
               line.pending_restart ? "true" : "false"});
  }
  if (common.output == "json") {
    console.out.Print(Pretty(all));
  } else if (table.rows() == 0) {
    console.out.Line("cluster " + snapshot.view.key.name + " has no replica");
  } else {
    console.out.Print(table.Text());
  }
  return {};
}

Result<Json> Change(Kube& kube, const ClusterKey& key,
                    const std::function<Result<Json>(const Json& cluster)>& change) {
  const kube::ObjectRef ref{"PostgresCluster", key.ns, key.name};
  for (int attempt = 1;; ++attempt) {
    auto cluster = kube.Get(ref);
    if (!cluster) return Fail(cluster.error());
    auto patch = change(*cluster);
    if (!patch) return Fail(patch.error());
    Put(*patch, {"metadata", "resourceVersion"},
        GetString(*cluster, {"metadata", "resourceVersion"}));
    auto changed = kube.MergePatch(ref, *patch);
    if (changed || changed.error().code != Code::kConflict || attempt == kAttemptsMax) {
      return changed;
    }
  }
}

Status WaitShowing(Kube& kube, const Waiting& waiting, Output& output,
                   const std::function<Result<bool>(const Snapshot&)>& done) {
  Progress progress(output);
  std::vector<std::string> shown;
  const std::string late = waiting.late + " after " + std::to_string(waiting.timeout_s) +
                           " s; it goes on, look with `pgo history " + waiting.key.name + "`";
  Status waited = WaitUntil(waiting.timeout_s, late, [&]() -> Result<bool> {
    // Events have whole seconds, and the clocks may differ a little.
    std::string refused = RefusedSince(kube, waiting.key, waiting.since_us - kSecond);
    auto snapshot = ReadCluster(kube, waiting.key);
    if (!snapshot) return Fail(snapshot.error());
    const cluster::ClusterView& view = (*snapshot)->view;
    if (refused.empty()) refused = RefusedByCondition(view, waiting.condition);
    if (!refused.empty()) return Fail(Code::kConflict, refused);
    ShowInstances(progress, view, shown);
    progress.Draw();
    return done(**snapshot);
  });
  progress.End();
  return waited;
}

std::string AnnotationOf(const cluster::ClusterView& view, std::string_view name) {
  if (view.subject == nullptr) return "";
  return GetString(view.subject->object, {"metadata", "annotations", name});
}

}  // namespace pgo::cli
