// `pgo version`.
#include "adapters/cli/kube_access.h"
#include "adapters/cli/operator_client.h"
#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

// A version, or why it is not known.
struct Part {
  std::string version, problem;
};

Part ServerVersion(const Common& common) {
  auto kube = Kube::Connect(common);
  if (!kube) return {"", kube.error().message};
  auto version = (*kube)->GetPath("/version");
  if (!version) return {"", version.error().message};
  return {GetString(*version, {"gitVersion"}, "unknown"), ""};
}

Part OperatorVersion(const Common& common) {
  auto address = FindOperator(common);
  if (!address) return {"", address.error().message};
  auto version = OperatorClient(*address).Get("/version");
  if (!version) return {"", version.error().message};
  return {GetString(*version, {"build"}, GetString(*version, {"version"}, "unknown")), ""};
}

Json PartJson(const Part& part) {
  Json out = Json::object();
  if (part.problem.empty()) out["version"] = part.version;
  if (!part.problem.empty()) out["problem"] = part.problem;
  return out;
}

std::string PartText(const Part& part) {
  return part.problem.empty() ? part.version : "unknown (" + part.problem + ")";
}

}  // namespace

Status Run(const Version& options, const Common& common, Console& console) {
  const bool json = common.output == "json";
  Json out = Json::object();
  out["client"]["version"] = kVersion;
  std::string text = "pgo client version " + std::string(kVersion) + "\n";
  if (!options.client) {
    const Part server = ServerVersion(common);
    const Part of_operator = OperatorVersion(common);
    out["server"] = PartJson(server);
    out["operator"] = PartJson(of_operator);
    text += "kubernetes version " + PartText(server) + "\n";
    text += "pgo-operator version " + PartText(of_operator) + "\n";
  }
  console.out.Print(json ? Pretty(out) : text);
  return {};
}

}  // namespace pgo::cli
