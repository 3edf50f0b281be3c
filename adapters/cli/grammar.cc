#include "adapters/cli/grammar.h"

#include <algorithm>

#include "adapters/cli/verbs.h"

namespace pgo::cli {
namespace {

constexpr const char* kIsOutput = "format: json or yaml (where there is more than text)";

}  // namespace

CLI::App* Grammar::At(const std::string& path) {
  const auto space = path.find(' ');
  CLI::App* parent = &app;
  if (space != std::string::npos) {
    const std::string group = path.substr(0, space);
    CLI::App*& slot = groups[group];
    if (slot == nullptr) {
      slot = app.add_subcommand(group);
      slot->require_subcommand(1)->fallthrough();
    }
    parent = slot;
  }
  CLI::App* verb = parent->add_subcommand(path.substr(space == std::string::npos ? 0 : space + 1));
  verb->fallthrough();
  return verb;
}

// "-1": must be 0 to 99; write for example 2
CLI::Validator Between(std::int64_t low, std::int64_t high, std::int64_t example) {
  const std::string range = std::to_string(low) + " to " + std::to_string(high);
  CLI::Validator check(range);
  check.operation([=](std::string& text) {
    std::int64_t value = 0;
    if (CLI::detail::lexical_cast(text, value) && value >= low && value <= high)
      return std::string();
    return "\"" + text + "\": must be " + range + "; write for example " + std::to_string(example);
  });
  return check;
}

CLI::Validator OneOf(const std::vector<std::string>& words) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : ", ") + word;
  CLI::Validator check(all);
  check.name(kOneOf);
  check.operation([words, all](std::string& text) {
    if (std::ranges::find(words, text) != words.end()) return std::string();
    return "\"" + text + "\": must be one of: " + all + "; choose one of these";
  });
  return check;
}

void AddWaiting(CLI::App& verb, bool& wait, std::int64_t& timeout_s) {
  verb.add_flag("--wait,!--no-wait", wait, "wait until it is done (default)");
  verb.add_option("--timeout", timeout_s, "seconds to wait")
      ->check(Between(1, 86'400, 300))
      ->capture_default_str();
}

void AddSelection(CLI::App& verb, std::vector<std::string>& names, std::string& selector,
                  bool& all) {
  verb.add_option("name", names, "names of clusters");
  verb.add_option("-s,--selector", selector, "label selector: team=a");
  verb.add_flag("--all", all, "all clusters of the namespace");
}

void AddOwnVerbs(Grammar& grammar) {
  grammar.Verb<Version>(
      "version", "Show the versions of pgo, the operator and Kubernetes",
      "  pgo version\n  pgo version --client -o json",
      [](CLI::App& verb, Version& o) { verb.add_flag("--client", o.client, "ask nobody"); });
  grammar.Verb<Completion>("completion", "Print a completion script for a shell",
                           "  source <(pgo completion bash)\n  pgo completion fish | source",
                           [](CLI::App& verb, Completion& o) {
                             verb.add_option("shell", o.shell, "bash, zsh or fish")
                                 ->required()
                                 ->check(OneOf({"bash", "zsh", "fish"}));
                           });
}

Grammar::Grammar(const std::string& program)
    : app("PostgreSQL clusters on Kubernetes, and the journal of what happened to them", program) {
  app.require_subcommand(1);
  app.set_version_flag("--version", "pgo client version " + std::string(kVersion));
  Common& c = parsed.common;
  app.add_option("-n,--namespace", c.ns, "namespace (default: the context's, else PGO_NAMESPACE)");
  app.add_option("--kubeconfig", c.kubeconfig,
                 "kubeconfig file (default: KUBECONFIG, ~/.kube/config)");
  app.add_option("--context", c.context, "context of the kubeconfig");
  app.add_option("-o,--output", c.output, kIsOutput)
      ->check(OneOf({"json", "yaml", "table", "wide", "text"}));
  app.add_option("--apiserver-url", c.apiserver_url,
                 "of the operator (default: PGO_APISERVER_URL)");
  app.add_option("--config", c.config,
                 "file that names the operator (default: PGO_CONFIG, "
                 "~/.pgo/operator.json)");
  app.add_option("--operator-namespace", c.operator_ns,
                 "where the operator runs (default: PGO_OPERATOR_NAMESPACE, postgres-operator)");
  app.add_flag("--no-pager", c.no_pager, "never show answers through $PAGER");
  AddClusterVerbs(*this);
  AddChangeVerbs(*this);
  AddOperationVerbs(*this);
  AddBackupVerbs(*this);
  AddStoryVerbs(*this);
  AddOwnVerbs(*this);
  for (auto& [name, group] : groups) {
    std::string nouns;
    for (const CLI::App* noun : group->get_subcommands({})) nouns += " " + noun->get_name();
    group->description("of:" + nouns);
  }
  app.footer("`" + program + " VERB --help` shows a verb's options and examples.");
}

}  // namespace pgo::cli
