// `pgo status`: one namespace in numbers, as 4.7 showed them.
#include <algorithm>

#include "adapters/cli/instances.h"
#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "engine/cluster/quantity.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

struct Numbers {
  std::size_t clusters = 0, databases = 0, claims = 0;
  std::uint64_t volume_bytes = 0;
  std::vector<std::pair<std::string, std::string>> clusters_not_ready;  // name, why
  std::vector<std::string> databases_not_ready;                         // instances
  std::map<std::string, std::size_t> images;
  std::vector<std::pair<std::string, std::size_t>> labels;  // most frequent first
};

bool IsReady(const Json& pod) {
  for (const Json& condition : GetArray(pod, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready")
      return GetString(condition, {"status"}) == "True";
  }
  return false;
}

void CountClusters(const std::vector<Json>& clusters, Numbers& out) {
  out.clusters = clusters.size();
  std::map<std::string, std::size_t> labels;
  for (const Json& cluster : clusters) {
    const ReadyCondition ready = ReadyOf(cluster);
    if (!ready.ok()) out.clusters_not_ready.emplace_back(KeyOf(cluster).name, ready.message);
    for (const auto& [key, value] : GetObject(cluster, {"metadata", "labels"}).items()) {
      ++labels[key + "=" + AsString(value)];
    }
  }
  out.labels.assign(labels.begin(), labels.end());
  std::ranges::stable_sort(out.labels, std::greater(), [](const auto& l) { return l.second; });
}

void CountDatabases(const std::vector<Json>& sets, const std::vector<Json>& pods, Numbers& out) {
  std::map<std::string, bool> ready;
  for (const Json& pod : pods) {
    const std::string instance = GetString(pod, {"metadata", "labels", kube::kLabelInstance});
    if (instance.empty()) continue;
    ready[instance] = IsReady(pod);
    for (const Json& container : GetArray(pod, {"spec", "containers"})) {
      if (GetString(container, {"name"}) == kube::kDatabaseContainer) {
        ++out.images[GetString(container, {"image"})];
      }
    }
  }
  for (const Json& set : sets) {
    const std::string instance = GetString(set, {"metadata", "labels", kube::kLabelInstance});
    if (instance.empty()) continue;
    ++out.databases;
    if (!ready[instance]) out.databases_not_ready.push_back(instance);
  }
}

void CountClaims(const std::vector<Json>& claims, Numbers& out) {
  out.claims = claims.size();
  for (const Json& claim : claims) {
    const std::string size =
        GetString(claim, {"status", "capacity", "storage"},
                  GetString(claim, {"spec", "resources", "requests", "storage"}));
    out.volume_bytes += cluster::WholeUnits(size).value_or(0);
  }
}

Json NumbersJson(const Numbers& n, const std::string& ns) {
  Json out = {{"namespace", ns},
              {"clusters", n.clusters},
              {"databases", n.databases},
              {"claims", n.claims},
              {"volume_bytes", n.volume_bytes},
              {"images", n.images},
              {"databases_not_ready", n.databases_not_ready}};
  out["clusters_not_ready"] = Json::array();
  for (const auto& [name, why] : n.clusters_not_ready) {
    out["clusters_not_ready"].push_back({{"name", name}, {"message", why}});
  }
  out["labels"] = Json::object();
  for (const auto& [label, count] : n.labels) out["labels"][label] = count;
  return out;
}

std::string NumbersText(const Numbers& n) {
  constexpr std::size_t kWidth = 25;
  const auto line = [](const char* name, const std::string& value) {
    return Pad(name, kWidth) + value + "\n";
  };
  std::string text = line("Clusters:", std::to_string(n.clusters)) +
                     line("Databases:", std::to_string(n.databases)) +
                     line("Claims:", std::to_string(n.claims)) +
                     line("Total Volume Size:", Bytes(n.volume_bytes)) + "\nDatabase Images:\n";
  for (const auto& [image, count] : n.images)
    text += line(" ", std::to_string(count) + "\t" + image);
  text += "\nClusters Not Ready:\n";
  for (const auto& [name, why] : n.clusters_not_ready) {
    text += "\t" + name + (why.empty() ? "" : ": " + why) + "\n";
  }
  text += "\nDatabases Not Ready:\n";
  for (const auto& name : n.databases_not_ready) text += "\t" + name + "\n";
  text += "\nLabels (count > 1): [count] [label]\n";
  for (const auto& [label, count] : n.labels) {
    if (count > 1) text += "\t[" + std::to_string(count) + "]\t[" + label + "]\n";
  }
  return text;
}

}  // namespace

Status Run(const ShowStatus&, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  const std::string& ns = (*kube)->ns();
  const std::string ours(kube::kLabelCluster);
  std::map<std::string, std::vector<Json>> lists;
  for (const char* kind : {"PostgresCluster", "StatefulSet", "Pod", "PersistentVolumeClaim"}) {
    auto list = (*kube)->List(kind, ns, kind == std::string("PostgresCluster") ? "" : ours);
    if (!list) return Fail(list.error());
    lists[kind] = *std::move(list);
  }
  Numbers numbers;
  CountClusters(lists["PostgresCluster"], numbers);
  CountDatabases(lists["StatefulSet"], lists["Pod"], numbers);
  CountClaims(lists["PersistentVolumeClaim"], numbers);
  const bool json = common.output == "json";
  console.out.Print(json ? Pretty(NumbersJson(numbers, ns)) : NumbersText(numbers));
  return {};
}

}  // namespace pgo::cli
