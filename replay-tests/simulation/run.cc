#include "replay-tests/simulation/run.h"

#include "engine/replay.h"
#include "replay-tests/simulation/clients.h"

namespace pgo::simulation {
namespace {

// I35: every recorded decision comes out of the recorded events again, and without what the engine
// keeps for the sake of speed.
void Verify(Simulation& sim) {
  Verifier verifier(true);
  const auto& journal = sim.op->journal;
  for (std::size_t i = journal.segment; i < journal.records.size(); ++i) {
    verifier.Feed(journal.records[i]);
  }
  const auto result = verifier.Finish();
  if (result.Exact()) return;
  sim.oracles->Alarm("I35", "replay differs at #" + std::to_string(result.first_bad.value()) +
                                ": " + result.difference);
}

// True if the failure stays.
bool Still(const Case& what, const std::string& oracle) {
  const RunResult result = RunTwice(what, oracle == "I35");
  return !result.alarms.empty() && result.alarms.front().oracle == oracle;
}

// Leaves out whole parts of the list, ever smaller ones (ddmin without its complements).
void FewerFaults(Case& best, const std::string& oracle, int& runs) {
  for (std::size_t size = best.faults.size(); size >= 1; size /= 2) {
    for (std::size_t at = 0; at < best.faults.size() && runs > 0;) {
      Case fewer = best;
      const auto begin = fewer.faults.begin() + static_cast<std::ptrdiff_t>(at);
      const auto count = std::min(size, fewer.faults.size() - at);
      fewer.faults.erase(begin, begin + static_cast<std::ptrdiff_t>(count));
      --runs;
      if (Still(fewer, oracle)) {
        best = std::move(fewer);
      } else {
        at += size;
      }
    }
  }
}

}  // namespace

Case DrawCase(std::uint64_t seed, std::int64_t minutes) {
  Case out;
  out.profile = DrawProfile(seed, minutes);
  out.faults = DrawFaults(out.profile);
  return out;
}

RunResult RunOnce(const Case& what, const RunOptions& options) {
  Simulation sim(what.profile, what.faults);
  sim.tracing = options.trace;
  if (what.kill_at_action != 0) {
    sim.op->KillAtAction(what.kill_at_action, static_cast<Cut>(what.cut));
  }
  sim.Run();
  if (options.verify && sim.oracles->alarms.empty()) Verify(sim);
  if (!options.bundle.empty()) WriteBundle(sim.op->journal, what.profile.seed, options.bundle);
  RunResult out;
  out.alarms = sim.oracles->alarms;
  out.situations = sim.oracles->situations;
  out.digest = sim.oracles->digest;
  out.events = sim.schedule.ran();
  out.records = sim.op->journal.records.size();
  out.actions = sim.op->actions;
  out.acknowledged = sim.clients->acknowledged;
  out.promotions = sim.oracles->promotions;
  out.simulated = sim.now();
  out.converged_in = sim.converged_in;
  out.longest_gap = sim.clients->longest_gap;
  out.trace = std::move(sim.trace);
  return out;
}

RunResult RunTwice(const Case& what, bool verify) {
  RunOptions options;
  options.verify = verify;
  RunResult first = RunOnce(what, options);
  options.verify = false;
  const RunResult second = RunOnce(what, options);
  if (first.digest != second.digest || first.events != second.events) {
    first.alarms.push_back({"D", "two runs of one seed differ", first.simulated});
  }
  return first;
}

Case Minimise(const Case& failing, const std::string& oracle, int runs_max) {
  Case best = failing;
  int runs = runs_max;
  FewerFaults(best, oracle, runs);
  for (std::int64_t Profile::* part :
       {&Profile::api_unsure, &Profile::api_late, &Profile::api_busy, &Profile::rotate_every}) {
    Case milder = best;
    milder.profile.*part = 0;
    if (best.profile.*part == 0 || runs-- <= 0) continue;
    if (Still(milder, oracle)) best = std::move(milder);
  }
  for (std::int64_t minutes : {5, 10, 20}) {
    Case shorter = best;
    shorter.profile.minutes = minutes;
    if (minutes >= best.profile.minutes || runs-- <= 0) break;
    if (!Still(shorter, oracle)) continue;
    best = std::move(shorter);
    break;
  }
  return best;
}

std::vector<Workload> Workloads() {
  Profile profile;
  profile.seed = 7;
  profile.minutes = 6;
  profile.rotate_every = 0;
  const auto with = [&](std::string name, Mode mode, std::vector<Fault> faults) {
    Profile p = profile;
    p.mode = mode;
    p.fastest = true;
    return Workload{std::move(name), {p, std::move(faults), 0, 0}};
  };
  constexpr std::int64_t kAt = 90'000;
  return {with("create", Mode::kSync, {}),
          with("switchover", Mode::kSync, {{kAt, FaultKind::kSwitchover, 0, 0}}),
          with("power-off", Mode::kSync, {{kAt, FaultKind::kPowerOffTold, 0, 60'000}}),
          with("power-off-async", Mode::kAsync, {{kAt, FaultKind::kPowerOffTold, 0, 60'000}}),
          with("container", Mode::kSync, {{kAt, FaultKind::kKillContainer, 0, 0}}),
          with("silent", Mode::kSync, {{kAt, FaultKind::kPowerOff, 0, 60'000}}),
          with("scale-down", Mode::kSync, {{kAt, FaultKind::kScale, 1, 0}}),
          with("scale-up", Mode::kSync, {{kAt, FaultKind::kScale, 4, 0}}),
          with("restart", Mode::kSync, {{kAt, FaultKind::kRestart, 0, 0}}),
          with("rolling-restart", Mode::kSync, {{kAt, FaultKind::kRestart, 1, 0}}),
          with("template", Mode::kSync, {{kAt, FaultKind::kChangeTemplate, 0, 0}}),
          with("parameter", Mode::kSync, {{kAt, FaultKind::kChangeParameter, 7, 0}})};
}

}  // namespace pgo::simulation
