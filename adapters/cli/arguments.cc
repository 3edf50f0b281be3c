#include "adapters/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <map>
#include <memory>

namespace pgo::cli {
namespace {

// The parser and where its values go; a verb's callback puts its options into `command`.
struct Grammar {
  CLI::App app;
  Arguments parsed;
  bool chosen = false;
  std::map<std::string, CLI::App*> groups;  // "create", "show", …

  explicit Grammar(const std::string& program);

  // Adds the verb at "create cluster", with its own copy of the options.
  template <typename Options, typename Setup>
  void Verb(const std::string& path, const std::string& about, const std::string& examples,
            const Setup& setup) {
    CLI::App* verb = At(path);
    verb->description(about);
    if (!examples.empty()) verb->footer("Examples:\n" + examples);
    auto options = std::make_shared<Options>();
    setup(*verb, *options);
    verb->callback([this, options] {
      parsed.command = *options;
      chosen = true;
    });
  }

 private:
  CLI::App* At(const std::string& path);
};

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

constexpr const char* kIsOutput = "format: json or yaml (where there is more than text)";

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

// What each instance is made of.
void AddSizes(CLI::App& verb, CreateCluster& o) {
  verb.add_option("--pvc-size", o.pvc_size, "size of each data volume")->capture_default_str();
  verb.add_option("--storage-class,--storage-config", o.storage_class,
                  "storage class of the volumes");
  verb.add_option("--pg-version", o.pg_version, "major version of PostgreSQL")
      ->check(Between(11, 18, 17))
      ->capture_default_str();
  verb.add_option("--ccp-image-tag", o.ccp_image_tag, "a 4.7 image tag; its major version is used");
  verb.add_option("--image,--ccp-image", o.image, "image (default: the operator's own)");
  verb.add_option("--cpu", o.cpu, "CPU that each instance asks for: 500m");
  verb.add_option("--cpu-limit", o.cpu_limit, "CPU that each instance may use");
  verb.add_option("--memory", o.memory, "memory that each instance asks for: 2Gi");
  verb.add_option("--memory-limit", o.memory_limit, "memory that each instance may use");
}

void AddCreate(Grammar& grammar) {
  grammar.Verb<CreateCluster>(
      "create cluster", "Create a PostgreSQL cluster and wait until it is ready",
      "  pgo create cluster hippo\n"
      "  pgo create cluster hippo --replica-count=2 --sync-replication --pvc-size=20Gi\n"
      "  pgo create cluster hippo --username=app --database=shop --label=team=a\n"
      "  pgo create cluster hippo --replica-count=2 --dry-run > hippo.yaml",
      [](CLI::App& verb, CreateCluster& o) {
        verb.add_option("name", o.name, "name of the cluster")->required();
        verb.add_option("--replica-count", o.replica_count, "replicas besides the primary")
            ->check(Between(0, 99, 2));
        verb.add_option("-d,--database", o.database, "database to create (default: the name)");
        verb.add_option("-u,--username", o.username, "its user (default: the name)");
        verb.add_flag("--sync-replication", o.sync_replication,
                      "a commit waits for a replica: no acknowledged write is lost");
        AddSizes(verb, o);
        verb.add_option("--label", o.labels, "key=value[,key=value], on all objects")
            ->delimiter(',');
        AddWaiting(verb, o.wait, o.timeout_s);
        verb.add_flag("--dry-run", o.dry_run, "print the manifest, create nothing");
      });
}

void AddShowAndDelete(Grammar& grammar) {
  grammar.Verb<ShowCluster>(
      "show cluster", "Show clusters, their instances, volumes and services",
      "  pgo show cluster hippo\n  pgo show cluster --all -o wide\n"
      "  pgo show cluster --selector=team=a -o json",
      [](CLI::App& verb, ShowCluster& o) { AddSelection(verb, o.names, o.selector, o.all); });
  grammar.Verb<DeleteCluster>("delete cluster",
                              "Delete a cluster and its volumes, and wait until it is gone",
                              "  pgo delete cluster hippo\n  pgo delete cluster hippo --no-prompt",
                              [](CLI::App& verb, DeleteCluster& o) {
                                AddSelection(verb, o.names, o.selector, o.all);
                                verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
                                verb.add_flag("--keep-data", o.keep_data, "keep the data volumes");
                                verb.add_flag("--keep-backups", o.keep_backups, "keep the backups");
                                AddWaiting(verb, o.wait, o.timeout_s);
                              });
}

void AddChangeVerbs(Grammar& grammar) {
  grammar.Verb<Failover>(
      "failover", "Make a replica the primary, or show which could be",
      "  pgo failover hippo --query\n  pgo failover hippo --target=hippo-00-m4vz\n"
      "  pgo failover hippo              # the operator chooses the furthest replica",
      [](CLI::App& verb, Failover& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_flag("--query", o.query, "list the replicas, change nothing");
        verb.add_option("--target", o.target, "instance or pod to promote");
        verb.add_flag("--force", o.force, "do not wait for a healthy primary (type Failover)");
        verb.add_flag("-y,--no-prompt", o.no_prompt, "do not ask");
        AddWaiting(verb, o.wait, o.timeout_s);
      });
  grammar.Verb<ApplyFiles>(
      "apply", "Create or change what manifests describe (YAML or JSON, several documents)",
      "  pgo apply -f hippo.yaml\n  pgo create cluster hippo --dry-run | pgo apply -f -",
      [](CLI::App& verb, ApplyFiles& o) {
        verb.add_option("-f,--filename", o.files, "file, or - for standard input")->required();
        verb.add_flag("--dry-run", o.dry_run, "let the server check it, store nothing");
        verb.add_flag("--force-conflicts", o.force_conflicts,
                      "take over fields that another manager set");
      });
  grammar.Verb<Version>(
      "version", "Show the versions of pgo, the operator and Kubernetes",
      "  pgo version\n  pgo version --client -o json",
      [](CLI::App& verb, Version& o) { verb.add_flag("--client", o.client, "ask nobody"); });
  grammar.Verb<Completion>("completion", "Print a completion script for a shell",
                           "  source <(pgo completion bash)", [](CLI::App& verb, Completion& o) {
                             verb.add_option("shell", o.shell, "bash, zsh or fish")
                                 ->required()
                                 ->check(OneOf({"bash", "zsh", "fish"}));
                           });
}

void AddStoryVerbs(Grammar& grammar) {
  grammar.Verb<Why>(
      "why", "Explain the latest change of primary: on what evidence, who was chosen, what it cost",
      "  pgo why hippo\n  pgo why hippo --last=3\n  pgo why hippo --at='2026-05-04 03:12:05'\n"
      "  pgo why hippo --bundle=incident.pgoj -o json",
      [](CLI::App& verb, Why& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--at", o.at,
                        "the one under way at this time (or #seq), or the last before");
        verb.add_option("--last", o.last, "how many, newest first")->check(Between(1, 10'000, 3));
      });
  grammar.Verb<History>(
      "history", "List what happened to a cluster: decisions, outcomes and observations",
      "  pgo history hippo\n  pgo history hippo --kind=failover --since=2026-01-01 -o json\n"
      "  pgo history hippo --bundle=incident.pgoj --kind=Pod,action",
      [](CLI::App& verb, History& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster, or a bundle FILE.pgoj");
        verb.add_option("--bundle", o.bundle, "read a bundle instead of asking the operator");
        verb.add_option("--kind", o.kinds,
                        "only these: a room (failover), an action (Apply), a record (Observed), an "
                        "object's kind (Pod), a reason (Fenced)")
            ->delimiter(',');
        verb.add_option("--since", o.since, "not before: 2026-05-04 03:12:05, 03:12, 2h");
        verb.add_option("--until", o.until, "not after");
        verb.add_option("--last", o.last, "only the newest N")->check(Between(1, 100'000'000, 50));
      });
}

void AddBundleVerbs(Grammar& grammar) {
  grammar.Verb<Replay>(
      "replay", "Show a bundle frame by frame, or prove that its decisions can be reproduced",
      "  pgo replay incident.pgoj\n  pgo replay --verify incident.pgoj",
      [](CLI::App& verb, Replay& o) {
        verb.add_option("file,--bundle", o.bundle, "bundle")->required();
        verb.add_flag("--verify", o.verify,
                      "decide everything again: each decision must be the same bytes");
      });
  grammar.Verb<VerifyFile>("verify", "Prove that a bundle is whole: every frame, every link",
                           "  pgo verify incident.pgoj", [](CLI::App& verb, VerifyFile& o) {
                             verb.add_option("file,--bundle", o.bundle, "bundle")->required();
                           });
  grammar.Verb<IncidentExport>(
      "incident export", "Fetch the operator's records of a time as one file that verifies itself",
      "  pgo incident export hippo --since=03:00 -o hippo.pgoj\n"
      "  pgo incident export hippo --since=2h --until=1h -o hippo.pgoj",
      [](CLI::App& verb, IncidentExport& o) {
        verb.add_option("cluster", o.cluster, "name of the cluster")->required();
        verb.add_option("--since", o.since, "not before: 2026-05-04 03:12:05, 03:12, 2h");
        verb.add_option("--until", o.until, "not after");
        verb.add_option("-o,--file", o.file, "file to write (CLUSTER.pgoj)");
        verb.add_flag("--only-cluster", o.only_cluster,
                      "carry other clusters' records as hashes: smaller, but cannot be replayed");
      });
}

Grammar::Grammar(const std::string& program)
    : app("PostgreSQL clusters on Kubernetes, and the journal of what happened to them", program) {
  app.require_subcommand(1);
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
  AddCreate(*this);
  AddShowAndDelete(*this);
  AddChangeVerbs(*this);
  AddStoryVerbs(*this);
  AddBundleVerbs(*this);
  for (auto& [name, group] : groups) {
    std::string nouns;
    for (const CLI::App* noun : group->get_subcommands({})) nouns += " " + noun->get_name();
    group->description("of:" + nouns);
  }
  app.footer("`" + program + " VERB --help` shows a verb's options and examples.");
}

// "create cluster", as far as the words name verbs: whose help is asked for in messages.
std::string VerbPath(const Grammar& grammar) {
  std::string path;
  const CLI::App* at = &grammar.app;
  while (!at->get_subcommands().empty()) {
    at = at->get_subcommands().front();
    path += at->get_name() + " ";
  }
  return path;
}

// How many letters must be changed, at most: for "did you mean".
std::size_t Distance(const std::string& a, const std::string& b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({above + 1, row[j - 1] + 1, replaced});
      diagonal = above;
    }
  }
  return row[b.size()];
}

// Verbs and nouns of the 4.7 line that are still to come.
constexpr std::array kLater{"backup",  "cat",       "df",        "label",   "reload",   "restart",
                            "restore", "scale",     "scaledown", "status",  "test",     "update",
                            "upgrade", "watch",     "pgbouncer", "pgadmin", "schedule", "user",
                            "policy",  "namespace", "pgouser",   "pgorole"};

// If a word stands where a verb or noun must: what is wrong with it.
std::string UnknownWord(const CLI::App& app, const std::vector<std::string>& words) {
  const CLI::App* at = &app;
  bool is_value = false;  // of the option before it
  for (const std::string& word : words) {
    const auto verbs = at->get_subcommands([](const CLI::App*) { return true; });
    if (verbs.empty()) return "";
    const bool is_option = word.starts_with('-');
    const bool passed_over = is_option || is_value;
    is_value = is_option && word.find('=') == std::string::npos;
    if (passed_over) continue;
    const auto found =
        std::ranges::find(verbs, word, [](const CLI::App* v) { return v->get_name(); });
    if (found != verbs.end()) {
      at = *found;
      continue;
    }
    if (std::ranges::find(kLater, word) != kLater.end()) {
      return "\"" + word + "\": is not in this version yet";
    }
    const auto* nearest = *std::ranges::min_element(
        verbs, {}, [&](const CLI::App* v) { return Distance(word, v->get_name()); });
    return "\"" + word + "\": must be a verb that pgo knows; did you mean `" + nearest->get_name() +
           "`?";
  }
  return "";
}

// A positional FILE.pgoj stands for --bundle.
void TakeBundle(std::string& cluster, std::string& bundle) {
  if (bundle.empty() && cluster.ends_with(".pgoj")) std::swap(cluster, bundle);
}

}  // namespace

tl::expected<Arguments, Ending> ParseArguments(const std::string& program,
                                               const std::vector<std::string>& arguments) {
  Grammar grammar(program);
  try {  // CLI11 reports by exception
    grammar.app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &grammar.app;
    std::string before;
    while (!at->get_subcommands().empty()) {
      before += (before.empty() ? "" : " ") + at->get_name();
      at = at->get_subcommands().front();
    }
    return tl::unexpected(Ending{0, at->help(before)});
  } catch (const CLI::Error& problem) {
    if (arguments.empty()) return tl::unexpected(Ending{2, grammar.app.help()});
    const std::string unknown = UnknownWord(grammar.app, arguments);
    return tl::unexpected(Ending{2, "pgo: " + (unknown.empty() ? problem.what() : unknown) +
                                        "; see `" + program + " " + VerbPath(grammar) +
                                        "--help`\n"});
  }
  if (auto* why = std::get_if<Why>(&grammar.parsed.command)) TakeBundle(why->cluster, why->bundle);
  if (auto* history = std::get_if<History>(&grammar.parsed.command)) {
    TakeBundle(history->cluster, history->bundle);
  }
  return grammar.parsed;
}

std::vector<VerbWords> Verbs() {
  Grammar grammar("pgo");
  std::vector<VerbWords> out;
  const auto add = [&](const CLI::App& verb, const std::string& path) {
    VerbWords words{path, verb.get_description(), {}};
    for (const CLI::Option* option : verb.get_options()) {
      for (const auto& name : option->get_lnames()) words.options.push_back("--" + name);
    }
    out.push_back(std::move(words));
  };
  for (const CLI::App* verb : grammar.app.get_subcommands({})) {
    const auto nouns = verb->get_subcommands({});
    if (nouns.empty()) add(*verb, verb->get_name());
    for (const CLI::App* noun : nouns) add(*noun, verb->get_name() + " " + noun->get_name());
  }
  return out;
}

}  // namespace pgo::cli
