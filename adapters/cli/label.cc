// `pgo label` and `pgo delete label`: labels of clusters, by which --selector finds them. Nothing
// below the cluster is touched, so no database restarts.
#include <algorithm>
#include <cctype>

#include "adapters/cli/kube_access.h"
#include "adapters/cli/verbs.h"
#include "engine/kube/names.h"

namespace pgo::cli {
namespace {

struct Label {
  std::string key;
  std::optional<std::string> value;  // nothing: any
};

bool IsLabelWord(std::string_view word, std::size_t most) {
  const auto letter = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; };
  return !word.empty() && word.size() <= most && letter(word.front()) && letter(word.back()) &&
         std::ranges::all_of(word,
                             [&](char c) { return letter(c) || c == '-' || c == '_' || c == '.'; });
}

// https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/, syntax and characters
std::string RuleBroken(const Label& label) {
  const auto slash = label.key.find('/');
  const std::string name = slash == std::string::npos ? label.key : label.key.substr(slash + 1);
  const bool prefix = slash == std::string::npos || IsLabelWord(label.key.substr(0, slash), 253);
  if (!prefix || !IsLabelWord(name, 63)) {
    return "the key must be letters, digits, '-', '_' and '.', at most 63, with an optional "
           "prefix/; write it as team=a";
  }
  if (label.value && !label.value->empty() && !IsLabelWord(*label.value, 63)) {
    return "the value must be letters, digits, '-', '_' and '.', at most 63; write it as team=a";
  }
  if (label.key.starts_with(kube::kPrefix)) {
    return "labels of " + std::string(kube::kPrefix) + " are the operator's; choose another key";
  }
  return "";
}

Result<std::vector<Label>> Read(const std::vector<std::string>& texts, bool values) {
  std::vector<Label> out;
  for (const std::string& text : texts) {
    const auto equals = text.find('=');
    Label label{text.substr(0, equals), std::nullopt};
    if (equals != std::string::npos) label.value = text.substr(equals + 1);
    std::string rule = RuleBroken(label);
    if (values && !label.value) rule = "must be key=value; write it as team=a";
    if (!rule.empty()) return Fail(Code::kInvalid, "--label: \"" + text + "\": " + rule);
    out.push_back(std::move(label));
  }
  return out;
}

Json PatchOf(const Json& labels) {
  Json patch = Json::object();
  Put(patch, {"metadata", "labels"}, labels);
  return patch;
}

// The labels that are there and are to go, as nulls of a merge patch. A value that differs is not
// what was meant.
Result<Json> ToRemove(const Json& cluster, const std::vector<Label>& labels) {
  Json out = Json::object();
  for (const Label& label : labels) {
    const Json* has = Find(cluster, {"metadata", "labels", label.key});
    if (has == nullptr) continue;
    if (label.value && AsString(*has) != *label.value) {
      return Fail(Code::kConflict, "--label: \"" + label.key + "=" + *label.value +
                                       "\": must be a label of cluster " + KeyOf(cluster).name +
                                       ", which has " + label.key + "=" + AsString(*has) +
                                       "; write that, or the key alone");
    }
    out[label.key] = nullptr;
  }
  return out;
}

struct Change {
  ClusterKey key;
  Json labels;  // of a merge patch
};

Status Carry(Kube& kube, const std::vector<Change>& changes, const std::string& said, bool dry_run,
             const Common& common, Console& console) {
  Json all = Json::array();
  if (dry_run && common.output != "json") {
    console.out.Line("The label would have been " + said + " the following:");
  }
  for (const Change& change : changes) {
    Json labels;
    if (!dry_run && !change.labels.empty()) {
      auto patched = kube.MergePatch({"PostgresCluster", change.key.ns, change.key.name},
                                     PatchOf(change.labels));
      if (!patched) return Fail(patched.error());
      labels = GetObject(*patched, {"metadata", "labels"});
    }
    if (common.output != "json") {
      console.out.Line(change.labels.empty() ? change.key.name + " has no such label"
                                             : "Label " + said + " " + change.key.name);
    }
    Json one = {{"cluster", change.key.name}, {"changed", !change.labels.empty()}};
    if (!dry_run && !change.labels.empty()) one["labels"] = std::move(labels);
    all.push_back(std::move(one));
  }
  if (common.output == "json") console.out.Print(Pretty(all));
  return {};
}

}  // namespace

Status Run(const AddLabel& options, const Common& common, Console& console) {
  auto labels = Read(options.labels, true);
  if (!labels) return Fail(labels.error());
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  Json wanted = Json::object();
  for (const Label& label : *labels) wanted[label.key] = label.value.value_or("");
  std::vector<Change> changes;
  for (const Json& cluster : *clusters) changes.push_back({KeyOf(cluster), wanted});
  return Carry(**kube, changes, "applied on", options.dry_run, common, console);
}

Status Run(const DeleteLabel& options, const Common& common, Console& console) {
  auto labels = Read(options.labels, false);
  if (!labels) return Fail(labels.error());
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  std::vector<Change> changes;
  for (const Json& cluster : *clusters) {  // all are looked at before one is changed
    auto removed = ToRemove(cluster, *labels);
    if (!removed) return Fail(removed.error());
    changes.push_back({KeyOf(cluster), *std::move(removed)});
  }
  return Carry(**kube, changes, "removed from", options.dry_run, common, console);
}

}  // namespace pgo::cli
