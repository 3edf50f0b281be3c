// One seed from beginning to end, twice if asked to; what came of it; and a failing one made small.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "replay-tests/simulation/operator.h"
#include "replay-tests/simulation/oracles.h"

namespace pgo::simulation {

// All that a run depends on.
struct Case {
  Profile profile;
  std::vector<Fault> faults;
  std::uint64_t kill_at_action = 0;  // 0: not
  std::int64_t cut = 0;              // Cut
  PGO_FIELDS(Case, profile, faults, kill_at_action, cut)
};

struct RunResult {
  std::vector<Alarm> alarms;
  std::map<std::string, std::uint64_t> situations;
  std::uint64_t digest = 0, events = 0, records = 0, actions = 0;
  std::uint64_t acknowledged = 0, promotions = 0;
  Micros simulated = 0, converged_in = 0, longest_gap = 0;
  std::vector<std::string> trace;
};

struct RunOptions {
  bool trace = false;
  bool verify = false;  // every decision is made again from the journal (I35)
  std::string bundle;   // the journal goes to this file, if not empty
};

Case DrawCase(std::uint64_t seed, std::int64_t minutes);
RunResult RunOnce(const Case& what, const RunOptions& options);
// Twice: what differs between the runs is an alarm of its own ("D").
RunResult RunTwice(const Case& what, bool verify);

// The fewest faults, and the best behaved world, in which the same oracle still rings. At most
// `runs_max` runs.
Case Minimise(const Case& failing, const std::string& oracle, int runs_max);

// The journal as a file that `pgo replay` opens; false if it could not be written.
bool WriteBundle(const MemoryJournal& journal, std::uint64_t seed, const std::string& path);

// Named sequences without chance, for kills at every action.
struct Workload {
  std::string name;
  Case what;
};
std::vector<Workload> Workloads();

}  // namespace pgo::simulation
