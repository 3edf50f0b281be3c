#include "replay-tests/benchmarks/harness.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace pgo::bench {
namespace {

using Clock = std::chrono::steady_clock;

// What one slice of one side gave.
struct Slice {
  double per_second = 0;
  double median_us = 0, p99_us = 0;
};

Result<Slice> RunSlice(const Side& side, int slice_ms) {
  std::vector<double> times;
  double total = 0;
  const auto end = Clock::now() + std::chrono::milliseconds(slice_ms);
  do {
    times.push_back(side.run());
    if (times.back() < 0) return Fail(Code::kInternal, "side " + side.name + " failed");
    total += times.back();
  } while (Clock::now() < end);
  const auto count = static_cast<double>(times.size());
  return Slice{count / total * 1e6, Quantile(times, 0.5), Quantile(times, 0.99)};
}

double ValueOf(const Slice& slice, Statistic statistic) {
  switch (statistic) {
    case Statistic::kRate:
      return slice.per_second;
    case Statistic::kMedian:
      return slice.median_us;
    case Statistic::kP99:
      return slice.p99_us;
  }
  return 0;
}

Outcome Compare(const Row& row, const Comparison& what,
                const std::vector<std::vector<Slice>>& slices) {
  std::vector<double> ratios, ours, anchors;
  const auto& of_ours = slices[what.ours];
  const auto& of_anchor = slices[what.anchor];
  for (std::size_t i = 0; i < std::min(of_ours.size(), of_anchor.size()); ++i) {
    ours.push_back(ValueOf(of_ours[i], what.statistic));
    anchors.push_back(ValueOf(of_anchor[i], what.statistic));
    ratios.push_back(ours.back() / anchors.back());
  }
  Outcome out{row.name,
              row.sides[what.ours].name + " / " + row.sides[what.anchor].name,
              row.number,
              what.statistic,
              Quantile(ratios, 0.1),
              Quantile(ratios, 0.5),
              Quantile(ratios, 0.9),
              what.goal,
              Quantile(ours, 0.5),
              Quantile(anchors, 0.5),
              Verdict::kInfo};
  out.verdict = Judge(out);
  return out;
}

}  // namespace

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const auto above = std::min(below + 1, values.size() - 1);
  return values[below] + (values[above] - values[below]) * (place - std::floor(place));
}

Verdict Judge(const Outcome& outcome) {
  if (outcome.goal == 0) return Verdict::kInfo;
  const bool met = outcome.statistic == Statistic::kRate ? outcome.p50 >= outcome.goal
                                                         : outcome.p50 <= outcome.goal;
  if (!met) return Verdict::kMiss;
  const bool wide = outcome.p10 < outcome.p50 * 0.8 || outcome.p90 > outcome.p50 * 1.2;
  return wide ? Verdict::kWarn : Verdict::kPass;
}

Result<std::vector<Outcome>> Measure(const Row& row, const Settings& settings,
                                     const std::function<void(double)>& progress) {
  std::vector<std::vector<Slice>> slices(row.sides.size());
  const auto stopped = [&] { return settings.stopped != nullptr && *settings.stopped; };
  for (int i = -1; i < settings.slices && !stopped(); ++i) {  // the first one warms up
    for (std::size_t s = 0; s < row.sides.size(); ++s) {
      const auto slice = RunSlice(row.sides[s], settings.slice_ms);
      if (!slice) return Fail(slice.error().In(row.name));
      if (i >= 0) slices[s].push_back(*slice);
    }
    if (i >= 0) progress(static_cast<double>(i + 1) / settings.slices);
  }
  std::vector<Outcome> outcomes;
  for (const Comparison& what : row.comparisons) {
    if (!slices[what.ours].empty()) outcomes.push_back(Compare(row, what, slices));
  }
  return outcomes;
}

const char* NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kPass:
      return "pass";
    case Verdict::kWarn:
      return "warn";
    case Verdict::kMiss:
      return "miss";
    case Verdict::kInfo:
      return "info";
  }
  return "";
}

const char* NameOf(Statistic statistic) {
  switch (statistic) {
    case Statistic::kRate:
      return "rate";
    case Statistic::kMedian:
      return "p50";
    case Statistic::kP99:
      return "p99";
  }
  return "";
}

Json ToJson(const Outcome& o) {
  Json json = Json::object();
  json["row"] = o.number;
  json["name"] = o.row;
  json["compared"] = o.name;
  json["statistic"] = NameOf(o.statistic);
  json["ratio"] = {{"p10", o.p10}, {"p50", o.p50}, {"p90", o.p90}};
  if (o.goal != 0) json["goal"] = o.goal;
  json["ours"] = o.ours;
  json["anchor"] = o.anchor;
  json["unit"] = o.statistic == Statistic::kRate ? "per second" : "microseconds";
  json["verdict"] = NameOf(o.verdict);
  return json;
}

std::string TableOf(const std::vector<Outcome>& outcomes) {
  std::array<char, 256> line{};
  const auto row = [&](const Outcome& o) {
    const char* sign = o.statistic == Statistic::kRate ? ">=" : "<=";
    std::array<char, 32> goal{};
    if (o.goal != 0) std::snprintf(goal.data(), goal.size(), "%s %.2f", sign, o.goal);
    std::snprintf(line.data(), line.size(), "%3d  %-16s %-38s %-4s %6.2f %6.2f %6.2f  %-8s %s\n",
                  o.number, o.row.c_str(), o.name.c_str(), NameOf(o.statistic), o.p10, o.p50, o.p90,
                  goal.data(), NameOf(o.verdict));
    return std::string(line.data());
  };
  std::snprintf(line.data(), line.size(), "%3s  %-16s %-38s %-4s %6s %6s %6s  %-8s %s\n", "row",
                "what", "ratio of", "of", "p10", "p50", "p90", "goal", "verdict");
  std::string out = line.data();
  for (const Outcome& outcome : outcomes) out += row(outcome);
  return out;
}

}  // namespace pgo::bench
