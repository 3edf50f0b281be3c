// `pgo test`: is the cluster what it claims to be. Laid out as 4.7 did.
#include "adapters/cli/checks.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

std::string Block(const Output& out, const std::string& title, const std::vector<Check>& checks) {
  std::string text = "\t" + title + "\n";
  for (const Check& check : checks) {
    text += "\t\t" + check.type + " (" + check.what +
            "): " + out.Styled(check.up ? Style::kGood : Style::kBad, check.up ? "UP" : "DOWN");
    text += check.detail.empty() ? "\n" : "  " + check.detail + "\n";
  }
  return text;
}

std::string ChecksText(const Output& out, const std::string& cluster, const Checks& checks) {
  return out.Styled(Style::kBold, "cluster : " + cluster) + "\n" +
         Block(out, "Services", checks.services) + Block(out, "Instances", checks.instances) +
         Block(out, "Volumes", checks.volumes);
}

Json ChecksJson(const std::vector<Check>& checks) {
  Json out = Json::array();
  for (const Check& check : checks) {
    out.push_back(
        {{"type", check.type}, {"what", check.what}, {"up", check.up}, {"detail", check.detail}});
  }
  return out;
}

}  // namespace

Status Run(const TestCluster& options, const Common& common, Console& console) {
  auto kube = Kube::Connect(common);
  if (!kube) return Fail(kube.error());
  auto clusters = FindClusters(**kube, options.names, options.selector, options.all);
  if (!clusters) return Fail(clusters.error());
  Json all = Json::array();
  std::string text, failed;
  for (const Json& object : *clusters) {
    const ClusterKey key = KeyOf(object);
    auto snapshot = ReadCluster(**kube, key, &object);
    if (!snapshot) return Fail(snapshot.error());
    const Checks checks = Judge(**snapshot, AskAll(**kube, QuestionsFor(**snapshot)));
    all.push_back({{"cluster", key.name},
                   {"up", checks.failed() == 0},
                   {"services", ChecksJson(checks.services)},
                   {"instances", ChecksJson(checks.instances)},
                   {"volumes", ChecksJson(checks.volumes)}});
    text += (text.empty() ? "" : "\n") + ChecksText(console.out, key.name, checks);
    if (checks.failed() == 0) continue;
    failed += (failed.empty() ? "" : ", ") + key.name + ": " + std::to_string(checks.failed()) +
              " of " + std::to_string(checks.all()) + " checks failed";
  }
  if (common.output == "json") {
    console.out.Print(Pretty(all));
  } else {
    console.out.Print(clusters->empty() ? "no cluster found\n" : text);
  }
  if (!failed.empty()) return Fail(Code::kUnavailable, failed);
  return {};
}

}  // namespace pgo::cli
