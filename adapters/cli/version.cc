// `pgo version` and `pgo completion`.
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

std::string BashScript(const std::vector<VerbWords>& verbs) {
  std::string cases;
  std::string firsts;
  for (const VerbWords& verb : verbs) {
    const auto space = verb.path.find(' ');
    const std::string first = verb.path.substr(0, space);
    if (firsts.find(" " + first + " ") == std::string::npos) firsts += " " + first + " ";
    std::string options;
    for (const auto& option : verb.options) options += " " + option;
    const std::string noun = space == std::string::npos ? "" : verb.path.substr(space + 1);
    cases += "    '" + first + " " + noun + "') words='" + options + "' ;;\n";
  }
  return "# bash completion for pgo\n_pgo() {\n  local cur=${COMP_WORDS[COMP_CWORD]} words=\n"
         "  local verb=${COMP_WORDS[1]} noun=\n"
         "  case $verb in create|show|delete|incident) noun=${COMP_WORDS[2]} ;; esac\n"
         "  case \"$verb $noun\" in\n" +
         cases +
         "  esac\n"
         "  if [ \"$COMP_CWORD\" -eq 1 ]; then words='" +
         firsts +
         "'\n"
         "  elif [ \"$COMP_CWORD\" -eq 2 ]; then\n"
         "    case $verb in create|show|delete) words=cluster ;; incident) words=export ;; esac\n"
         "  fi\n"
         "  COMPREPLY=($(compgen -W \"$words --namespace --output --kubeconfig --context --help\" "
         "-- "
         "\"$cur\"))\n"
         "  [ ${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- \"$cur\"))\n}\n"
         "complete -F _pgo pgo\n";
}

std::string FishScript(const std::vector<VerbWords>& verbs) {
  std::string out = "# fish completion for pgo\n";
  for (const VerbWords& verb : verbs) {
    const auto space = verb.path.find(' ');
    const std::string first = verb.path.substr(0, space);
    out += "complete -c pgo -n __fish_use_subcommand -f -a " + first + "\n";
    if (space != std::string::npos) {
      out += "complete -c pgo -n '__fish_seen_subcommand_from " + first + "' -f -a " +
             verb.path.substr(space + 1) + "\n";
    }
    for (const auto& option : verb.options) {
      out += "complete -c pgo -n '__fish_seen_subcommand_from " + first + "' -l " +
             option.substr(2) + "\n";
    }
  }
  return out;
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

Status Run(const Completion& options, const Common&, Console& console) {
  const auto verbs = Verbs();
  if (options.shell == "fish") {
    console.out.Print(FishScript(verbs));
  } else if (options.shell == "zsh") {
    console.out.Print("#compdef pgo\nautoload -U +X bashcompinit && bashcompinit\n" +
                      BashScript(verbs));
  } else {
    console.out.Print(BashScript(verbs));
  }
  return {};
}

}  // namespace pgo::cli
