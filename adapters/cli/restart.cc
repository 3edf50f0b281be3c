// `pgo restart` and `pgo reload`: ask the operator by annotation, and wait until it is served.
#include <algorithm>

#include "adapters/cli/instances.h"
#include "adapters/cli/operation.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

Status Query(const Snapshot& snapshot, const Common& common, Console& console) {
  Table table({"INSTANCE", "ROLE", "STATUS", "NODE", "REPLICATION LAG", "PENDING RESTART"});
  Json all = Json::array();
  for (const InstanceLine& line : InstanceLines(snapshot.view)) {
    if (line.pod.empty()) continue;
    all.push_back(InstanceJson(line));
    const std::string lag = line.role == "primary" ? "-" : "unknown";
    table.Row({line.instance, line.role.empty() ? "-" : line.role,
               line.state.substr(0, line.state.find(", ")), line.node.empty() ? "-" : line.node,
               line.lag ? Bytes(*line.lag) : lag, line.pending_restart ? "true" : "false"});
  }
  if (common.output == "json") {
    console.out.Print(Pretty(all));
  } else if (table.rows() == 0) {
    console.out.Line("cluster " + snapshot.view.key.name + " has no instance");
  } else {
    console.out.Print(table.Text());
  }
  return {};
}

// Instances, by their own or their pods' names.
Result<std::vector<std::string>> Targets(const cluster::ClusterView& view,
                                         const std::vector<std::string>& wanted) {
  std::vector<std::string> out;
  const auto lines = InstanceLines(view);
  for (const std::string& word : wanted) {
    const auto found = std::ranges::find_if(
        lines, [&](const auto& line) { return line.instance == word || line.pod == word; });
    if (found != lines.end()) {
      out.push_back(found->instance);
      continue;
    }
    std::string all;
    for (const auto& line : lines) all += (all.empty() ? "" : ", ") + line.instance;
    return Fail(Code::kInvalid, "--target: \"" + word + "\": must be an instance of cluster " +
                                    view.key.name + "; choose one of: " + all);
  }
  return out;
}

std::string Joined(const std::vector<std::string>& words) {
  std::string out;
  for (const auto& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

Json RestartPatch(const Restart& options, const std::vector<std::string>& targets,
                  const std::string& id) {
  Json patch = Json::object();
  Json& annotations = patch["metadata"]["annotations"];
  annotations[std::string(kube::kRestart)] = id;
  annotations[std::string(kube::kRestartInstances)] =
      targets.empty() ? Json(nullptr) : Json(Joined(targets));
  annotations[std::string(kube::kRestartRolling)] = options.rolling ? Json("true") : Json(nullptr);
  return patch;
}

// Waits until the annotation with this value is gone, as the operator takes it off when served.
Status WaitServed(Kube& kube, const Waiting& waiting, std::string_view annotation,
                  const std::string& id, Output& out) {
  return WaitShowing(kube, waiting, out, [&](const Snapshot& s) -> Result<bool> {
    return AnnotationOf(s.view, annotation) != id;
  });
}

Status ReloadOne(Kube& kube, const Reload& options, const ClusterKey& key, Output& out) {
  const std::int64_t since = WallNow();
  const std::string id = WallText(since);
  auto changed = Change(kube, key, [&](const Json&) -> Result<Json> {
    Json patch = Json::object();
    Put(patch, {"metadata", "annotations", kube::kReload}, id);
    return patch;
  });
  if (!changed) return Fail(changed.error());
  if (!options.wait) return {};
  const Waiting waiting{key, since, options.timeout_s, key.name + " is not reloaded", ""};
  Status done = WaitServed(kube, waiting, kube::kReload, id, out);
  if (done) out.Line("reloaded " + key.name);
  return done;
}

}  // namespace

Status Run(const Restart& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  const ClusterKey key{(*kube)->ns(), options.cluster};
  auto snapshot = ReadCluster(**kube, key);
  if (!snapshot) return Fail(snapshot.error());
  if (options.query) return Query(**snapshot, common, console);
  auto targets = Targets((*snapshot)->view, options.targets);
  if (!targets) return Fail(targets.error());
  const std::string what = targets->empty() ? "all instances of " + key.name : Joined(*targets);
  if (auto sure = AskFirst("this restarts " + what, options.no_prompt, console); !sure) return sure;
  const std::int64_t since = WallNow();
  const std::string id = WallText(since);
  auto changed = Change(**kube, key, [&](const Json&) -> Result<Json> {
    return RestartPatch(options, *targets, id);
  });
  if (!changed) return Fail(changed.error());
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  out.Line("restarting " + what + ", one at a time" +
           (options.rolling ? ", the primary by switchover" : ""));
  if (options.wait) {
    const Waiting waiting{key, since, options.timeout_s, key.name + " is not restarted", "Restart"};
    Status done = WaitServed(**kube, waiting, kube::kRestart, id, out);
    if (!done) return done;
    out.Line("restarted " + what + " in " + DurationText(WallNow() - since));
  }
  if (json) {
    console.out.Print(Pretty({{"cluster", key.name},
                              {"instances", *targets},
                              {"rolling", options.rolling},
                              {"milliseconds", (WallNow() - since) / 1000}}));
  }
  return {};
}

Status Run(const Reload& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::string names;
  for (const Json& cluster : *clusters) names += " " + GetString(cluster, {"metadata", "name"});
  if (auto sure = AskFirst("this reloads the configuration of" + names, options.no_prompt, console);
      !sure) {
    return sure;
  }
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  Json reloaded = Json::array();
  for (const Json& cluster : *clusters) {
    const ClusterKey key{GetString(cluster, {"metadata", "namespace"}),
                         GetString(cluster, {"metadata", "name"})};
    if (auto done = ReloadOne(**kube, options, key, out); !done) return done;
    reloaded.push_back(key.name);
  }
  if (json) console.out.Print(Pretty({{"reloaded", reloaded}}));
  return {};
}

}  // namespace pgo::cli
