#include "replay-tests/benchmarks/harness.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <thread>

namespace pgo::bench {
namespace {

double Spend(int us) {
  std::this_thread::sleep_for(std::chrono::microseconds(us));
  return us;
}

Row TwoSides(double goal, Statistic statistic) {
  Row row;
  row.name = "test";
  row.sides = {{"twice", [] { return Spend(200); }}, {"once", [] { return Spend(100); }}};
  row.comparisons = {{"", 0, 1, statistic, goal}};
  return row;
}

TEST(Harness, QuantilesLieBetweenNeighbours) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Quantile({3}, 0.9), 3);
  EXPECT_EQ(Quantile({4, 1, 3, 2}, 0.5), 2.5);
  EXPECT_NEAR(Quantile({0, 10}, 0.9), 9, 1e-9);
}

TEST(Harness, ARateMustBeHighAndATimeLow) {
  const auto verdict = [](Statistic statistic, double p10, double p50, double p90, double goal) {
    Outcome outcome;
    outcome.statistic = statistic;
    outcome.p10 = p10;
    outcome.p50 = p50;
    outcome.p90 = p90;
    outcome.goal = goal;
    return Judge(outcome);
  };
  EXPECT_EQ(verdict(Statistic::kRate, 0.9, 1, 1.1, 0.9), Verdict::kPass);
  EXPECT_EQ(verdict(Statistic::kRate, 0.7, 1, 1.1, 0.9), Verdict::kWarn);
  EXPECT_EQ(verdict(Statistic::kRate, 0.9, 1, 1.1, 1.05), Verdict::kMiss);
  EXPECT_EQ(verdict(Statistic::kP99, 0.9, 1, 1.1, 1.05), Verdict::kPass);
  EXPECT_EQ(verdict(Statistic::kMedian, 0.9, 1, 1.3, 1.05), Verdict::kWarn);
  EXPECT_EQ(verdict(Statistic::kMedian, 0.9, 1, 1.1, 0.9), Verdict::kMiss);
  EXPECT_EQ(verdict(Statistic::kRate, 0.9, 1, 1.1, 0), Verdict::kInfo);
}

TEST(Harness, GivesTheRatioOfWhatEachOperationSaysItTook) {
  Settings settings;
  settings.slices = 3;
  settings.slice_ms = 5;
  const auto none = [](double) {};
  const auto rate = Measure(TwoSides(0.4, Statistic::kRate), settings, none);
  ASSERT_TRUE(rate);
  ASSERT_EQ(rate->size(), 1U);
  EXPECT_NEAR((*rate)[0].p50, 0.5, 1e-6);
  EXPECT_EQ((*rate)[0].name, "twice / once");
  EXPECT_EQ((*rate)[0].verdict, Verdict::kPass);
  EXPECT_NEAR((*Measure(TwoSides(1, Statistic::kMedian), settings, none))[0].p50, 2, 1e-6);
  EXPECT_NE(TableOf(*rate).find("pass"), std::string::npos);
}

TEST(Harness, ASideThatFailsHasNoSpeed) {
  Row row = TwoSides(1, Statistic::kRate);
  row.sides[1].run = [] { return -1.0; };
  const auto outcomes = Measure(row, {}, [](double) {});
  ASSERT_FALSE(outcomes);
  EXPECT_EQ(outcomes.error().message, "test: side once failed");
}

TEST(Harness, StopsBetweenSlicesAndShowsWhatThereIs) {
  std::atomic<bool> stopped = false;
  Settings settings;
  settings.slices = 1000;
  settings.slice_ms = 1;
  settings.stopped = &stopped;
  const auto outcomes =
      Measure(TwoSides(1, Statistic::kMedian), settings, [&](double) { stopped = true; });
  EXPECT_EQ(outcomes->size(), 1U);
  EXPECT_TRUE(Measure(TwoSides(1, Statistic::kMedian), settings, [](double) {})->empty());
}

}  // namespace
}  // namespace pgo::bench
