// pgo-bench: the rows of docs/performance.md, each as a ratio to what the machine itself can do,
// measured in the same run. Ctrl-C ends after the slice under way and shows what there is.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "replay-tests/benchmarks/rows.h"

namespace {

using namespace pgo;
using namespace pgo::bench;

std::atomic<bool> g_stopped = false;

struct Kind {
  const char* name;
  const char* what;
  Result<std::unique_ptr<Holder>> (*make)(const Settings&);
};
constexpr Kind kKinds[] = {
    {"append", "1, 2, 3: a durable append of one record, of 64, beside SQLite", AppendRows},
    {"ingest", "4: from the bytes of a watch to durable", IngestRows},
    {"action", "5: from the bytes of a watch to the answer of the action", ActionRows},
    {"history", "7, 8, 9, 13, 14, 15: what a history costs and answers", HistoryRows},
    {"reopen", "18: opening after a crash", ReopenRows},
};

void Progress(const std::string& name, double part) {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  if (terminal) std::fprintf(stderr, "\r%-20s %3d %%", name.c_str(), static_cast<int>(part * 100));
  if (terminal && part >= 1) std::fprintf(stderr, "\r%26s\r", "");
  if (!terminal && part >= 1) std::fprintf(stderr, "bench: %s done\n", name.c_str());
}

Status RunKind(const Kind& kind, const Settings& settings, std::vector<Outcome>& outcomes) {
  auto holder = kind.make(settings);
  if (!holder) return Fail(holder.error().In(kind.name));
  for (const Row& row : (*holder)->rows) {
    if (g_stopped) break;
    ::sync();  // what others have written must not be paid for here
    auto measured = bench::Measure(row, settings, [&](double part) { Progress(row.name, part); });
    if (!measured) return Fail(measured.error());
    for (Outcome& outcome : *measured) outcomes.push_back(std::move(outcome));
  }
  return {};
}

Status WriteSummary(const std::string& path, const Settings& settings,
                    const std::vector<Outcome>& outcomes) {
  Json json = Json::object();
  json["slices"] = settings.slices;
  json["slice_ms"] = settings.slice_ms;
  json["interrupted"] = g_stopped.load();
  json["rows"] = Json::array();
  for (const Outcome& outcome : outcomes) json["rows"].push_back(bench::ToJson(outcome));
  std::ofstream file(path);
  file << json.dump(2) << "\n";
  file.close();
  return file ? Status() : Fail(Code::kUnavailable, path + " cannot be written");
}

struct Arguments {
  Settings settings;
  std::vector<std::string> rows;
  bool big = false;
  std::uint64_t events = 10'000'000;
  std::size_t clusters = 1200;
  std::string output = "build/bench/summary.json";
};

Status RunAll(const Arguments& arguments, std::vector<Outcome>& outcomes) {
  std::error_code error;
  const std::filesystem::path directory = arguments.settings.directory;
  std::filesystem::remove_all(directory, error);
  std::filesystem::create_directories(directory, error);
  if (error) return Fail(Code::kUnavailable, directory.string() + ": " + error.message());
  const std::set<std::string> wanted(arguments.rows.begin(), arguments.rows.end());
  Status status;
  for (const Kind& kind : kKinds) {
    if (!status || g_stopped || !(wanted.empty() || wanted.contains(kind.name))) continue;
    status = RunKind(kind, arguments.settings, outcomes);
  }
  std::filesystem::remove_all(directory, error);
  return status;
}

// Figures in seconds and milliseconds, of one journal too large for slices.
int MainBig(const Arguments& arguments) {
  BigSettings settings;
  settings.directory = arguments.settings.directory;
  settings.events = arguments.events;
  settings.clusters = arguments.clusters;
  settings.stopped = &g_stopped;
  settings.progress = Progress;
  const auto figures = RunBig(settings);
  if (!figures) {
    std::fprintf(stderr, "pgo-bench: %s\n", figures.error().message.c_str());
    return g_stopped ? 130 : 2;
  }
  std::ofstream(arguments.output) << figures->dump(2) << "\n";
  return 0;
}

int Main(const Arguments& arguments) {
  std::vector<Outcome> outcomes;
  Status status = RunAll(arguments, outcomes);
  if (status) status = WriteSummary(arguments.output, arguments.settings, outcomes);
  std::printf("%s", TableOf(outcomes).c_str());
  if (!status) std::fprintf(stderr, "pgo-bench: %s\n", status.error().message.c_str());
  if (!status) return 2;
  return g_stopped ? 130 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"pgo-bench: ratios of the operator's hot paths to what the machine itself can do."};
  Arguments arguments;
  arguments.settings.directory = "build/bench/data";
  arguments.settings.stopped = &g_stopped;
  std::set<std::string> names;
  std::string footer = "Rows:\n";
  for (const Kind& kind : kKinds) {
    names.insert(kind.name);
    footer += std::string("  ") + kind.name + "  " + kind.what + "\n";
  }
  app.footer(footer +
             "\nExample:\n  pgo-bench append --slices 40\n  pgo-bench --directory build/bench/big "
             "big --events 10M");
  app.add_option("row", arguments.rows, "rows to measure; none: all")->check(CLI::IsMember(names));
  app.add_option("--slices", arguments.settings.slices, "slices of each side (20)")
      ->check(CLI::Range(1, 10000));
  app.add_option("--slice-ms", arguments.settings.slice_ms, "milliseconds of a slice (150)")
      ->check(CLI::Range(1, 60000));
  app.add_option("--directory", arguments.settings.directory,
                 "fresh files go here, and are removed; on the disk to be measured");
  app.add_option("-o,--output", arguments.output, "file for the figures as JSON");
  auto* big = app.add_subcommand("big", "a journal of millions of events: open, ask and prove it");
  big->add_option("--events", arguments.events, "events; 10M is short for 10000000 (10M)")
      ->transform(
          CLI::AsNumberWithUnit(std::map<std::string, std::uint64_t>{{"K", 1000}, {"M", 1'000'000}},
                                CLI::AsNumberWithUnit::CASE_SENSITIVE));
  big->add_option("--clusters", arguments.clusters, "clusters of nine objects (1200)")
      ->check(CLI::Range(1, 100'000));
  big->callback([&] { arguments.big = true; });
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, [](int) { g_stopped = true; });
  std::signal(SIGTERM, [](int) { g_stopped = true; });
  std::signal(SIGPIPE, SIG_IGN);
  return arguments.big ? MainBig(arguments) : Main(arguments);
}
