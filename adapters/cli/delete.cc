// `pgo delete cluster`: asks on a terminal, deletes, and waits until nothing of it is left.
#include <iostream>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

Status Confirm(const std::vector<Json>& clusters, const DeleteCluster& options, Console& console) {
  if (options.no_prompt) return {};
  std::string names;
  for (const Json& cluster : clusters) names += " " + GetString(cluster, {"metadata", "name"});
  if (!console.err.terminal()) {
    return Fail(Code::kInvalid, "this deletes" + names +
                                    " with all data, and there is no terminal to ask on; nothing "
                                    "was deleted; if it is meant, add --no-prompt");
  }
  console.err.Print("WARNING: this deletes" + names + " with all data. Are you sure? (yes/no): ");
  std::string answer;
  std::getline(std::cin, answer);
  if (answer == "yes" || answer == "y") return {};
  return Fail(Code::kUnavailable, "nothing was deleted");
}

// What is left of a cluster, as {kind → count}; empty when all is gone.
Result<std::map<std::string, std::size_t>> Left(Kube& kube, const ClusterKey& key) {
  std::map<std::string, std::size_t> left;
  const std::string selector = std::string(kube::kLabelCluster) + "=" + key.name;
  for (const char* kind : {"Pod", "PersistentVolumeClaim", "StatefulSet", "Service", "Secret"}) {
    auto list = kube.List(kind, key.ns, selector);
    if (!list && list.error().code == Code::kDenied) continue;  // not ours to see
    if (!list) return Fail(list.error());
    if (!list->empty()) left[kind] = list->size();
  }
  auto cluster = kube.Get({"PostgresCluster", key.ns, key.name});
  if (cluster) left["PostgresCluster"] = 1;
  if (!cluster && cluster.error().code != Code::kNotFound) return Fail(cluster.error());
  return left;
}

std::string LeftText(const std::map<std::string, std::size_t>& left) {
  std::string text;
  for (const auto& [kind, count] : left) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kind;
  }
  return text;
}

Status WaitGone(Kube& kube, const ClusterKey& key, std::int64_t timeout_s, Output& output) {
  Progress progress(output);
  std::string last;
  Status waited = WaitUntil(
      timeout_s, "cluster " + key.name + " is not gone after " + std::to_string(timeout_s) + " s",
      [&]() -> Result<bool> {
        auto left = Left(kube, key);
        if (!left) return Fail(left.error());
        last = LeftText(*left);
        if (!left->empty()) progress.Set(key.name, key.name + ": deleting, left: " + last);
        progress.Draw();
        return left->empty();
      });
  progress.Remove(key.name);
  progress.End();
  if (waited || waited.error().code != Code::kUnavailable) return waited;
  return Fail(Code::kUnavailable, waited.error().message + "; left: " + last +
                                      "; the operator removes them, so check that it runs");
}

}  // namespace

Status Run(const DeleteCluster& options, const Common& common, Console& console) {
  if (options.keep_data || options.keep_backups) {
    const std::string flag = options.keep_data ? "--keep-data" : "--keep-backups";
    return Fail(Code::kInvalid,
                flag +
                    ": volumes cannot be kept when a cluster is deleted in this version; nothing "
                    "was deleted. To keep the data, set spec.shutdown: true instead");
  }
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  if (auto sure = Confirm(*clusters, options, console); !sure) return sure;
  const bool json = common.output == "json";
  Output& out = json ? console.err : console.out;
  Json deleted = Json::array();
  for (const Json& cluster : *clusters) {
    const ClusterKey key{GetString(cluster, {"metadata", "namespace"}),
                         GetString(cluster, {"metadata", "name"})};
    auto done = (*kube)->Delete({"PostgresCluster", key.ns, key.name},
                                GetString(cluster, {"metadata", "uid"}));
    if (!done) return done;
    if (options.wait) {
      if (auto gone = WaitGone(**kube, key, options.timeout_s, out); !gone) return gone;
    }
    out.Line((options.wait ? "deleted cluster: " : "asked to delete cluster: ") + key.name);
    deleted.push_back(key.name);
  }
  if (json) console.out.Print(Pretty({{"deleted", deleted}}));
  return {};
}

}  // namespace pgo::cli
