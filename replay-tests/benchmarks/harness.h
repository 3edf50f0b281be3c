// Ratios in one run: the sides of a comparison take turns in short slices, so that a slow moment of
// the machine meets all of them. Only ratios are worth keeping; absolute numbers move with the
// hour.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "engine/base/json.h"
#include "engine/base/result.h"

namespace pgo::bench {

struct Settings {
  std::string directory;  // fresh files go here; on the disk to be measured
  int slices = 20;
  int slice_ms = 150;
  const std::atomic<bool>* stopped = nullptr;
};

// One side: `run` does one operation and gives how many microseconds of it count; less than 0: it
// failed.
struct Side {
  std::string name;
  std::function<double()> run;
};

enum class Statistic : std::uint8_t { kRate, kMedian, kP99 };

// ours / anchor, slice by slice. Of rates at least, of times at most `goal`; 0: no goal, shown for
// the record.
struct Comparison {
  std::string name;
  std::size_t ours = 0, anchor = 0;  // sides, by place
  Statistic statistic = Statistic::kRate;
  double goal = 0;
};

struct Row {
  std::string name;  // "append 128 B"
  int number = 0;    // of the table of goals
  std::vector<Side> sides;
  std::vector<Comparison> comparisons;
};

enum class Verdict : std::uint8_t { kPass, kWarn, kMiss, kInfo };

struct Outcome {
  std::string row, name;
  int number = 0;
  Statistic statistic = Statistic::kRate;
  double p10 = 0, p50 = 0, p90 = 0, goal = 0;
  double ours = 0, anchor = 0;  // medians of the slices: per second, or microseconds
  Verdict verdict = Verdict::kInfo;
};

// Runs all slices; fewer if stopped meanwhile, none of a comparison without a whole slice.
// `progress` is told the part done, 0..1.
// An error names the side that failed: what does not work has no speed.
Result<std::vector<Outcome>> Measure(const Row& row, const Settings& settings,
                                     const std::function<void(double)>& progress);

// The q-th part of the values, between neighbours in proportion; 0 of none.
double Quantile(std::vector<double> values, double q);
// Pass: p50 meets the goal. Warn: it does, but p10..p90 is wider than 20 % to a side.
Verdict Judge(const Outcome& outcome);
const char* NameOf(Verdict verdict);
const char* NameOf(Statistic statistic);

Json ToJson(const Outcome& outcome);
std::string TableOf(const std::vector<Outcome>& outcomes);

}  // namespace pgo::bench
