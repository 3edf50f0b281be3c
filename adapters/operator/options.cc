#include "adapters/operator/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>

extern char** environ;

namespace pgo {
namespace {

std::string Env(const char* name, const std::string& otherwise = "") {
  const char* value = std::getenv(name);
  return value == nullptr || *value == '\0' ? otherwise : value;
}

std::vector<std::string> Split(const std::string& text) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text + ",") {
    if (c != ',' && c != ' ') {
      word += c;
    } else if (!word.empty()) {
      out.push_back(std::exchange(word, ""));
    }
  }
  return out;
}

// Every RELATED_IMAGE_* under its own name: the engine may depend on these and nothing else.
Json ReadSettings() {
  Json settings = Json::object();
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string entry = *at;
    const auto equals = entry.find('=');
    if (entry.starts_with("RELATED_IMAGE_") && equals != std::string::npos) {
      settings[entry.substr(0, equals)] = entry.substr(equals + 1);
    }
  }
  const std::string gates = Env("PGO_FEATURE_GATES");
  if (!gates.empty()) settings["PGO_FEATURE_GATES"] = gates;
  return settings;
}

void ReadEnvironment(Options& options) {
  options.lease_namespace = Env("PGO_NAMESPACE");
  options.lease_name = Env("PGO_CONTROLLER_LEASE_NAME", "cpk-leader-election-lease");
  options.namespaces = Split(Env("PGO_TARGET_NAMESPACES", Env("PGO_TARGET_NAMESPACE")));
  options.debug = Env("CRUNCHY_DEBUG") == "true";
  options.settings = ReadSettings();
}

// The directory of a stopped operator, as DIR or as everywhere else.
void AddDirectory(CLI::App* verb, Options& options) {
  verb->add_option("DIR,--data-dir", options.data_directory, "directory of the stopped operator");
}

void AddFormat(CLI::App* verb, Options& options) {
  verb->add_option_function<std::string>(
          "-o,--output", [&options](const std::string& format) { options.json = format == "json"; },
          "table or json")
      ->check(CLI::IsMember({"table", "json"}));
}

void AddUpkeepVerbs(CLI::App* journal, Options& options) {
  auto* status = journal->add_subcommand("status", "what it consists of: segments, times, bytes");
  AddDirectory(status, options);
  AddFormat(status, options);
  status->callback([&options] { options.journal_status = true; });
}

void AddJournalVerbs(CLI::App& app, Options& options) {
  auto* journal = app.add_subcommand("journal", "the journal of a stopped operator");
  AddUpkeepVerbs(journal, options);
  auto* out = journal->add_subcommand("export", "write the whole journal as one bundle file");
  out->add_option("--data-dir", options.data_directory, "directory of the stopped operator");
  out->add_option("-o,--output", options.output, "bundle file to write")->required();
  out->callback([&options] { options.export_journal = true; });
  auto* salvage = journal->add_subcommand(
      "salvage",
      "the way on after a crash tore the journal's log: keeps the damaged directory, "
      "goes on with an intact copy if nothing that was acknowledged is missing");
  salvage->add_option("--data-dir", options.data_directory, "directory of the stopped operator");
  salvage->add_option("--anchor", options.anchor,
                      "head as kept elsewhere: annotation postgres-operator.crunchydata.com/anchor "
                      "of the operator's Lease");
  salvage->add_flag("--accept-loss", options.accept_loss,
                    "go on though records are missing, or without an anchor");
  salvage->callback([&options] { options.salvage_journal = true; });
  journal->require_subcommand(1);
}

}  // namespace

Result<Options> ReadOptions(int argc, char** argv) {
  Options options;
  ReadEnvironment(options);
  CLI::App app{
      "pgo-operator: keeps PostgreSQL clusters on Kubernetes as their manifests say, and "
      "journals everything it saw and did."};
  app.set_version_flag("--version", std::string("pgo-operator ") + kBuild);
  app.footer(
      "Environment: PGO_NAMESPACE, PGO_TARGET_NAMESPACE(S), PGO_CONTROLLER_LEASE_NAME,\n"
      "PGO_FEATURE_GATES, CRUNCHY_DEBUG, RELATED_IMAGE_*.\n\n"
      "Examples:\n"
      "  pgo-operator --data-dir /var/lib/pgo\n"
      "  pgo-operator --kubeconfig ~/.kube/config --data-dir ./data --debug\n"
      "  pgo-operator journal status ./data -o json\n"
      "  pgo-operator journal export --data-dir ./data -o incident.pgoj\n"
      "  pgo-operator journal salvage --data-dir ./data --anchor 1f…/3/4711/9c…");
  app.add_option("--data-dir", options.data_directory, "directory of journal and identity");
  app.add_option("--kubeconfig", options.kubeconfig, "file; default: in-cluster, else KUBECONFIG");
  app.add_option("--context", options.context, "context of the kubeconfig");
  app.add_option("--listen", options.listen, "ADDRESS:PORT of the HTTPS API");
  app.add_option("--health-listen", options.health_listen,
                 "ADDRESS:PORT of /healthz, /readyz and /metrics");
  app.add_flag("--debug", options.debug, "a log line for every event");
  AddJournalVerbs(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      app.exit(error);
      return Fail(Code::kNotFound, "");
    }
    return Fail(Code::kInvalid, std::string(error.what()) + "; see pgo-operator --help");
  }
  return options;
}

}  // namespace pgo
