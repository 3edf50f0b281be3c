// pgo-injuries: kills, power losses and injuries, and what a journal answers after each. Ctrl-C
// writes the summary of what was done until then.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <thread>

#include "journal/testing/injuries/workers.h"

namespace {

using namespace pgo;
using namespace pgo::journal::injuries;

std::atomic<bool> g_stopped = false;

struct Arguments {
  std::uint64_t kills = 2000, power_losses = 2000, injuries = 20'000;
  std::uint64_t seed = 0;
  std::string only;
  std::optional<std::uint64_t> round;
  int workers = 0;
  int seconds = 0;  // 0: as long as it takes
  std::string directory;
  std::string output = "build/injuries/summary.json";
};

double SecondsSince(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

// Rounds that make so many kills, cuts or injuries.
constexpr std::uint64_t kPerRound[] = {20, 5, 1};

std::uint64_t RoundsOf(const Arguments& arguments, Kind kind) {
  const std::uint64_t wanted[] = {arguments.kills, arguments.power_losses, arguments.injuries};
  const auto at = static_cast<std::size_t>(kind);
  if (!arguments.only.empty() && arguments.only != NameOf(kind)) return 0;
  return (wanted[at] + kPerRound[at] - 1) / kPerRound[at];
}

void Progress(Kind kind, std::uint64_t done, std::uint64_t all, const Tally& tally) {
  static const bool terminal = isatty(STDERR_FILENO) != 0;
  const int part = static_cast<int>(done * 100 / all);
  if (terminal) {
    constexpr int kWidth = 30;
    std::fprintf(stderr, "\r%-10s [%-*.*s] %3d %%  bad %llu", NameOf(kind), kWidth,
                 part * kWidth / 100, "##############################", part,
                 static_cast<unsigned long long>(tally.Bad()));
    if (done == all) std::fprintf(stderr, "\n");
  } else if (done == all) {
    std::fprintf(stderr, "injuries: %s done\n", NameOf(kind));
  }
}

// `seconds`: ends then; 0: as long as it takes.
void RunKind(const Arguments& arguments, Kind kind, double seconds, Tally& tally) {
  Batch batch;
  batch.kind = kind;
  batch.seed = arguments.seed;
  batch.to = RoundsOf(arguments, kind);
  if (arguments.round) {
    batch.from = *arguments.round;
    batch.to = *arguments.round + 1;
  }
  batch.workers = arguments.workers;
  batch.parent = arguments.directory;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  batch.over = [=] {
    return g_stopped || (seconds > 0 && std::chrono::steady_clock::now() >= end);
  };
  const std::uint64_t all = batch.to - batch.from;
  batch.progress = [&](std::uint64_t done) { Progress(kind, done, all, tally); };
  if (all > 0) RunBatch(batch, tally);
}

Status WriteSummary(const std::string& path, const Json& summary) {
  std::error_code error;
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty()) std::filesystem::create_directories(folder, error);
  std::ofstream file(path);
  file << summary.dump(2) << "\n";
  file.close();
  return file ? Status() : Fail(Code::kUnavailable, path + " cannot be written");
}

void Show(const Json& summary) {
  for (const auto& [name, value] : summary.items()) {
    if (value.is_number()) std::printf("%-22s %s\n", name.c_str(), value.dump().c_str());
  }
  for (const Json& failure : GetArray(summary, {"failures"})) {
    std::printf("%s: %s\n  %s\n", GetString(failure, {"as"}).c_str(),
                GetString(failure, {"what"}).c_str(), GetString(failure, {"reproduce"}).c_str());
  }
}

int Main(Arguments arguments) {
  if (arguments.seed == 0) arguments.seed = std::random_device{}();
  if (arguments.workers == 0) {
    arguments.workers = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  }
  std::fprintf(stderr, "injuries: --seed %llu\n", static_cast<unsigned long long>(arguments.seed));
  for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, [](int) { g_stopped = true; });
  const auto began = std::chrono::steady_clock::now();
  Tally tally(arguments.seed);
  for (const Kind kind : {Kind::kKill, Kind::kPowerLoss, Kind::kInjury}) {
    if (g_stopped) break;
    if (arguments.round && arguments.only != NameOf(kind)) continue;
    // Each kind takes its part of what is left.
    const double left = std::max(1.0, arguments.seconds - SecondsSince(began));
    const double part = left / (3 - static_cast<int>(kind));
    RunKind(arguments, kind, arguments.seconds > 0 ? part : 0, tally);
  }
  const bool complete =
      !g_stopped && (arguments.seconds == 0 || arguments.round ||
                     tally.Count("injuries") >= RoundsOf(arguments, Kind::kInjury));
  const Json summary = tally.Summary(complete, SecondsSince(began));
  Show(summary);
  if (const Status written = WriteSummary(arguments.output, summary); !written) {
    std::fprintf(stderr, "pgo-injuries: %s\n", written.error().message.c_str());
    return 2;
  }
  if (g_stopped) return 130;
  return tally.Bad() == 0 ? 0 : 1;
}

// Words that only this program says to itself.
std::optional<int> Inner(int argc, char** argv) {
  const std::string word = argc > 1 ? argv[1] : "";
  const auto number = [&](int at) { return std::strtoull(argv[at], nullptr, 10); };
  if (word == "write" && argc == 4) return WriteUntilKilled(argv[2], number(3), kReports);
  if (word != "work" || argc != 8) return std::nullopt;
  for (const Kind kind : {Kind::kKill, Kind::kPowerLoss, Kind::kInjury}) {
    if (std::string(argv[2]) == NameOf(kind)) {
      return Work(kind, number(3), number(4), number(5), number(6), argv[7]);
    }
  }
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (const auto inner = Inner(argc, argv)) return *inner;
  CLI::App app{
      "pgo-injuries: kills a journal's writer, cuts its power, injures its files, and compares "
      "every "
      "answer with what was written."};
  app.footer(
      "Exit status: 0 nothing lost and no wrong answer, 1 a finding, 2 an error, 130 "
      "interrupted.\n\n"
      "Examples:\n  pgo-injuries --kills 200 --power-losses 300 --injuries 2000\n"
      "  pgo-injuries --only injury --seed 7 --round 4711");
  Arguments arguments;
  app.add_option("--kills", arguments.kills, "kills of a writing process (2000)");
  app.add_option("--power-losses", arguments.power_losses, "cuts of the power (2000)");
  app.add_option("--injuries", arguments.injuries, "injuries to a closed directory (20000)");
  app.add_option("--seed", arguments.seed, "of all that is random; default: a new one, printed");
  app.add_option("--only", arguments.only, "one kind alone")
      ->check(CLI::IsMember({"kill", "power-loss", "injury"}));
  app.add_option("--round", arguments.round, "one round alone, of the kind of --only")
      ->needs("--only");
  app.add_option("--seconds", arguments.seconds, "end after so long, with what was done until then")
      ->check(CLI::Range(1, 1'000'000));
  app.add_option("-j,--workers", arguments.workers, "processes (one per processor)")
      ->check(CLI::Range(1, 64));
  app.add_option("--directory", arguments.directory, "where scratch directories are made (memory)");
  app.add_option("-o,--output", arguments.output, "file for the summary as JSON");
  CLI11_PARSE(app, argc, argv);
  return Main(arguments);
}
