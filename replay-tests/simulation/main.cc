// pgo-simulate: runs seeds of the simulation. docs/simulation.md says what it is and how to read
// it.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <mutex>
#include <thread>

#include "replay-tests/simulation/run.h"

namespace pgo::simulation {
namespace {

struct Options {
  std::int64_t seeds = 100, minutes = 20, seconds = 0, stride = 1;
  double hours = 0;
  std::uint64_t first = 1;
  unsigned jobs = std::max(1U, std::thread::hardware_concurrency());
  bool trace = false, cuts = false, once = false, no_minimise = false;
  bool until_alarm = false;
  std::string output = "build/simulation", case_file;
  std::uint64_t one = 0;
};

// What all runs together gave.
class Summary {
 public:
  void Add(const RunResult& result) {
    const std::lock_guard lock(mu_);
    ++runs;
    simulated_s_ += result.simulated / kSecond;
    for (const auto& [name, count] : result.situations) situations_[name] += count;
    longest_ = std::max(longest_, result.converged_in);
    records_ += static_cast<std::int64_t>(result.records);
    promotions_ += static_cast<std::int64_t>(result.promotions);
  }
  void Failed(const std::string& text) {
    const std::lock_guard lock(mu_);
    failures_.push_back(text);
    std::cout << text << std::endl;
  }
  [[nodiscard]] bool Clean() {
    const std::lock_guard lock(mu_);
    return failures_.empty();
  }

  [[nodiscard]] Json Write(double seconds, bool twice) const {
    Json out = Json::object();
    out["seeds"] = runs.load();
    out["runs_each"] = twice ? 2 : 1;
    out["simulated_hours"] = simulated_s_ / 3600;
    out["alarms"] = failures_.size();
    out["failures"] = failures_;
    out["seeds_per_second"] = static_cast<double>(runs.load()) / seconds;
    out["slowest_convergence_s"] = longest_ / kSecond;
    out["records"] = records_;
    out["promotions"] = promotions_;
    out["situations"] = situations_;
    return out;
  }
  void Print(double seconds, bool twice) const {
    for (const auto& [name, count] : situations_) {
      std::cout << "  " << count << "  " << name << "\n";
    }
    std::cout << runs.load() << " seeds" << (twice ? ", each twice" : "") << ", "
              << simulated_s_ / 3600 << " simulated hours, " << failures_.size() << " alarms, "
              << static_cast<double>(runs.load()) / seconds << " seeds a second" << std::endl;
  }
  [[nodiscard]] std::vector<std::string> Unreached() const {
    std::vector<std::string> out;
    for (const std::string& name : KnownSituations()) {
      if (!situations_.contains(name)) out.push_back(name);
    }
    return out;
  }

  std::atomic<std::int64_t> runs = 0;

 private:
  std::mutex mu_;
  std::int64_t simulated_s_ = 0, records_ = 0, promotions_ = 0;
  Micros longest_ = 0;
  std::map<std::string, std::uint64_t> situations_;
  std::vector<std::string> failures_;
};

void Save(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text << "\n";
}

// Keeps what is needed to see a failure again: the case, its story, its journal.
std::string Keep(const Options& options, const std::string& name, const Case& failing,
                 const Alarm& alarm) {
  const std::string folder = options.output + "/failures/" + name;
  std::filesystem::create_directories(folder);
  const Case small = options.no_minimise ? failing : Minimise(failing, alarm.oracle, 120);
  Save(folder + "/case.json", DumpJson(ToJson(small)));
  RunOptions again;
  again.trace = true;
  again.verify = alarm.oracle == "I35";
  again.bundle = folder + "/journal.pgoj";
  const RunResult result = RunOnce(small, again);
  std::ofstream story(folder + "/story.txt");
  for (const std::string& line : result.trace) story << line << "\n";
  return name + " at " + std::to_string(alarm.at / kSecond) + " s: " + alarm.oracle + ": " +
         alarm.text + "\n    " + std::to_string(small.faults.size()) + " of " +
         std::to_string(failing.faults.size()) + " faults are enough; again: pgo-simulate --case " +
         folder + "/case.json --trace; pgo replay " + again.bundle;
}

// Numbers from 0, on all threads, until there are none left or time is up.
void InParallel(const Options& options, std::size_t count, const std::function<bool()>& enough,
                const std::function<void(std::size_t)>& task) {
  std::atomic<std::size_t> next = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < options.jobs; ++i) {
    threads.emplace_back([&] {
      while (true) {
        const std::size_t mine = next++;
        if (mine >= count || enough()) return;
        if (options.seconds != 0 && std::chrono::steady_clock::now() > end) return;
        task(mine);
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

void RunCase(const Options& options, const std::string& name, const Case& what, bool verify,
             Summary& summary) {
  const RunResult result =
      options.once ? RunOnce(what, {false, verify, ""}) : RunTwice(what, verify);
  summary.Add(result);
  if (result.alarms.empty()) return;
  summary.Failed(Keep(options, name, what, result.alarms.front()));
}

void RunSeeds(const Options& options, Summary& summary) {
  const auto enough = [&] { return options.until_alarm && !summary.Clean(); };
  InParallel(options, static_cast<std::size_t>(options.seeds), enough, [&](std::size_t i) {
    const std::uint64_t seed = options.first + i;
    const Case what = DrawCase(seed, options.minutes);
    RunCase(options, "seed-" + std::to_string(seed), what, seed % 8 == 0, summary);
  });
}

// Every action of every workload × four cuts.
void RunCuts(const Options& options, Summary& summary) {
  std::vector<std::pair<std::string, Case>> all;
  for (const Workload& workload : Workloads()) {
    const RunResult whole = RunOnce(workload.what, {});
    if (!whole.alarms.empty()) {
      summary.Failed(Keep(options, workload.name, workload.what, whole.alarms.front()));
    }
    for (std::uint64_t n = 1; n <= whole.actions; ++n) {
      for (std::int64_t cut = 1; cut <= 4; ++cut) {
        Case what = workload.what;
        what.kill_at_action = n;
        what.cut = cut;
        all.emplace_back(
            workload.name + "-action-" + std::to_string(n) + "-cut-" + std::to_string(cut), what);
      }
    }
  }
  std::cout << all.size() << " kills: every action of " << Workloads().size()
            << " workloads at four cuts" << std::endl;
  const auto stride = static_cast<std::size_t>(options.stride);
  const auto enough = [&] { return options.until_alarm && !summary.Clean(); };
  InParallel(options, all.size() / stride, enough, [&](std::size_t i) {
    const auto& [name, what] = all[(i * stride + options.first) % all.size()];
    RunCase(options, name, what, i % 8 == 0, summary);
  });
}

int RunFile(const Options& options) {
  std::ifstream in(options.case_file);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto json = ParseJson(text);
  if (!json) {
    std::cerr << "pgo-simulate: --case " << options.case_file
              << ": is no JSON of a case; give the case.json of a failure\n";
    return 2;
  }
  const RunResult result = RunOnce(FromJson<Case>(*json), {options.trace, true, ""});
  for (const std::string& line : result.trace) std::cout << line << "\n";
  for (const Alarm& alarm : result.alarms) std::cout << alarm.oracle << ": " << alarm.text << "\n";
  return result.alarms.empty() ? 0 : 1;
}

int RunOne(const Options& options) {
  RunOptions run{options.trace, true, options.output + "/seed.pgoj"};
  std::filesystem::create_directories(options.output);
  const Case what = DrawCase(options.one, options.minutes);
  const RunResult result = RunOnce(what, run);
  for (const std::string& line : result.trace) std::cout << line << "\n";
  for (const auto& [name, count] : result.situations)
    std::cout << "  " << count << "  " << name << "\n";
  std::cout << result.events << " events, " << result.records << " records, " << result.actions
            << " actions, " << result.acknowledged << " acknowledged, " << result.promotions
            << " promotions, well " << result.converged_in / kMs << " ms after healing, digest "
            << result.digest << "; journal: " << run.bundle << "\n";
  for (const Alarm& alarm : result.alarms) std::cout << alarm.oracle << ": " << alarm.text << "\n";
  return result.alarms.empty() ? 0 : 1;
}

int Run(const Options& options) {
  std::filesystem::create_directories(options.output);
  Summary summary;
  const auto began = std::chrono::steady_clock::now();
  options.cuts ? RunCuts(options, summary) : RunSeeds(options, summary);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  Json out = summary.Write(seconds, !options.once);
  out["unreached"] = summary.Unreached();
  out["first_seed"] = options.first;
  out["minutes_each"] = options.minutes;
  Save(options.output + (options.cuts ? "/cuts.json" : "/summary.json"), out.dump(2));
  summary.Print(seconds, !options.once);
  for (const std::string& name : summary.Unreached()) std::cout << "  never: " << name << "\n";
  return summary.Clean() ? 0 : 1;
}

int Main(int argc, char** argv) {
  Options options;
  CLI::App app(
      "Runs the operator's engine against models of Kubernetes, Patroni and PostgreSQL in virtual "
      "time.\n\n  pgo-simulate --seeds 1000\n  pgo-simulate --seed 17 --trace\n"
      "  pgo-simulate --case build/simulation/failures/seed-17/case.json --trace\n"
      "  pgo-simulate --cuts");
  app.add_option("--seeds", options.seeds, "how many");
  app.add_option("--first", options.first, "the first of them");
  app.add_option("--seed", options.one, "this one alone, once");
  app.add_option("--minutes", options.minutes, "simulated minutes with faults, of each");
  app.add_option("--hours", options.hours, "the same in hours");
  app.add_option("--seconds", options.seconds, "begin none later than this");
  app.add_option("--jobs", options.jobs, "threads");
  app.add_option("--output", options.output, "folder of summary.json and failures");
  app.add_option("--case", options.case_file, "a failure that was kept");
  app.add_option("--stride", options.stride, "of the kills only each so-manieth");
  app.add_flag("--trace", options.trace, "print what happens");
  app.add_flag("--cuts", options.cuts, "kill the operator at every action, at four cuts");
  app.add_flag("--until-alarm", options.until_alarm, "end with the first alarm, kept as it is");
  app.add_flag("--once", options.once, "run each seed once, not twice");
  app.add_flag("--no-minimise", options.no_minimise, "keep a failure as it is");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  options.no_minimise = options.no_minimise || options.until_alarm;
  if (options.hours > 0) options.minutes = static_cast<std::int64_t>(options.hours * 60);
  if (!options.case_file.empty()) return RunFile(options);
  return options.one != 0 ? RunOne(options) : Run(options);
}

}  // namespace
}  // namespace pgo::simulation

int main(int argc, char** argv) { return pgo::simulation::Main(argc, argv); }
