#include "adapters/operator/options.h"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <map>

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
  options.pod_name = Env("PGO_POD_NAME");
  options.viewer_role = Env("PGO_VIEWER_ROLE");
  options.debug = Env("CRUNCHY_DEBUG") == "true";
  options.settings = ReadSettings();
}

// A number and a unit of the table.
bool ReadUnits(const std::string& text, const std::map<std::string, double>& units, double& out) {
  const auto digits = text.find_first_not_of("0123456789");
  const auto unit = units.find(digits == std::string::npos ? "" : text.substr(digits));
  if (digits == 0 || text.empty() || text.size() > 24 || unit == units.end()) return false;
  out = std::strtod(text.substr(0, digits).c_str(), nullptr) * unit->second;
  return true;
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

// "10GB", "512MiB", "1000000"
Status ReadBytes(const std::string& text, std::uint64_t& out) {
  static const std::map<std::string, double> kUnits{{"", 1},
                                                    {"B", 1},
                                                    {"kB", 1e3},
                                                    {"MB", 1e6},
                                                    {"GB", 1e9},
                                                    {"TB", 1e12},
                                                    {"KiB", 1024.0},
                                                    {"MiB", 1048576.0},
                                                    {"GiB", 1073741824.0},
                                                    {"TiB", 1099511627776.0}};
  double value = 0;
  if (ReadUnits(text, kUnits, value) && value < 1e18) {
    out = static_cast<std::uint64_t>(value);
    return {};
  }
  return Fail(Code::kInvalid, "journal-max-bytes " + text +
                                  ": must be a number with B, kB, MB, GB, TB or KiB…TiB, as 20GB");
}

// "30d", "12h", "45m"
Status ReadAge(const std::string& text, std::int64_t& out) {
  static const std::map<std::string, double> kUnits{
      {"s", 1e6}, {"m", 6e7}, {"h", 3.6e9}, {"d", 8.64e10}, {"w", 6.048e11}};
  double value = 0;
  if (ReadUnits(text, kUnits, value) && value < 9e18) {
    out = static_cast<std::int64_t>(value);
    return {};
  }
  return Fail(Code::kInvalid,
              "journal-max-age " + text + ": must be a number with s, m, h, d or w, as 30d");
}

// An option whose text is read by `read`; the environment's variable stands for it where it is not
// given.
template <typename T>
void AddBound(CLI::App* app, const std::string& name, const char* variable, const char* what,
              Status (*read)(const std::string&, T&), T& out) {
  app->add_option_function<std::string>(
         name,
         [read, &out](const std::string& text) {
           if (Status status = read(text, out); !status)
             throw CLI::ValidationError(status.error().message);
         },
         what)
      ->envname(variable);
}

void AddRetention(CLI::App* app, Options& options) {
  AddBound(app, "--journal-max-bytes", "PGO_JOURNAL_MAX_BYTES",
           "keep no more of the journal, as 20GB; whole segments go, oldest first", ReadBytes,
           options.journal_bytes_max);
  AddBound(app, "--journal-max-age", "PGO_JOURNAL_MAX_AGE",
           "keep nothing older, as 90d; whole segments go, oldest first", ReadAge,
           options.journal_age_max_us);
}

void AddUpkeepVerbs(CLI::App* journal, Options& options) {
  auto* status = journal->add_subcommand("status", "what it consists of: segments, times, bytes");
  AddDirectory(status, options);
  AddFormat(status, options);
  status->callback([&options] { options.journal_status = true; });
  auto* retention = journal->add_subcommand(
      "retention", "which segments the bounds no longer cover; with --apply, gives them up");
  AddDirectory(retention, options);
  AddFormat(retention, options);
  AddRetention(retention, options);
  retention->add_flag("--apply", options.apply, "do it; what goes cannot be had back");
  retention->callback([&options] { options.journal_retention = true; });
  auto* compact =
      journal->add_subcommand("compact", "packs the segments that no more is written to");
  AddDirectory(compact, options);
  compact->callback([&options] { options.journal_compact = true; });
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

// Where it keeps its things and where it is to be found.
void AddPlaces(CLI::App& app, Options& options) {
  app.add_option("--data-dir", options.data_directory, "directory of journal and identity")
      ->capture_default_str();
  app.add_option("--kubeconfig", options.kubeconfig, "file; default: in-cluster, else KUBECONFIG");
  app.add_option("--context", options.context, "context of the kubeconfig");
  app.add_option("--listen", options.listen, "ADDRESS:PORT of the HTTPS API")
      ->capture_default_str();
  app.add_option("--health-listen", options.health_listen,
                 "ADDRESS:PORT of /healthz, /readyz and /metrics")
      ->capture_default_str();
  app.add_option("--metrics-listen", options.metrics_listen,
                 "ADDRESS:PORT of /metrics over TLS, for who may get it; default: on "
                 "--health-listen, for everybody")
      ->envname("PGO_METRICS_LISTEN");
  app.add_option("--replica-listen", options.replica_listen,
                 "ADDRESS:PORT where other replicas get this one's journal; default: none do")
      ->envname("PGO_REPLICA_LISTEN");
  app.add_option("--replica-address", options.replica_address,
                 "HOST or HOST:PORT under which they reach it; default: as it listens")
      ->envname("PGO_REPLICA_ADDRESS");
  AddRetention(&app, options);
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
      "PGO_FEATURE_GATES, PGO_JOURNAL_MAX_BYTES, PGO_JOURNAL_MAX_AGE, CRUNCHY_DEBUG, "
      "RELATED_IMAGE_*.\n\n"
      "Examples:\n"
      "  pgo-operator --data-dir /var/lib/pgo\n"
      "  pgo-operator --kubeconfig ~/.kube/config --data-dir ./data --debug\n"
      "  pgo-operator --data-dir ./data --journal-max-bytes 20GB --journal-max-age 90d\n"
      "  pgo-operator journal status ./data -o json\n"
      "  pgo-operator journal retention ./data --journal-max-age 30d\n"
      "  pgo-operator journal export --data-dir ./data -o incident.pgoj\n"
      "  pgo-operator journal salvage --data-dir ./data --anchor 1f…/3/4711/9c…");
  AddPlaces(app, options);
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
