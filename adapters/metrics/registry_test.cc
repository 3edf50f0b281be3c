#include "adapters/metrics/registry.h"

#include <gtest/gtest.h>

#include <thread>

#include "adapters/metrics/process.h"

namespace pgo::metrics {
namespace {

TEST(Registry, WritesTheTextFormat) {
  Registry registry;
  registry.Counter("a_total", "Counts a\\b.\nTwice.", {"kind"}).Add({"q\"\\\n"}, 2);
  registry.Gauge("b", "Level.").Set({}, -1.5);
  registry.Gauge("c", "Never seen.", {"x"});
  EXPECT_EQ(registry.Text(),
            "# HELP a_total Counts a\\\\b.\\nTwice.\n"
            "# TYPE a_total counter\n"
            "a_total{kind=\"q\\\"\\\\\\n\"} 2\n"
            "# HELP b Level.\n"
            "# TYPE b gauge\n"
            "b -1.5\n");
}

TEST(Registry, HistogramBucketsAreCumulativeAndEndAtInfinity) {
  Registry registry;
  Family& family = registry.Histogram("d_seconds", "Time.", {0.1, 1}, {"verb"});
  for (const double value : {0.1, 0.2, 5.0}) family.Observe({"GET"}, value);
  EXPECT_EQ(registry.Text(),
            "# HELP d_seconds Time.\n"
            "# TYPE d_seconds histogram\n"
            "d_seconds_bucket{verb=\"GET\",le=\"0.1\"} 1\n"
            "d_seconds_bucket{verb=\"GET\",le=\"1\"} 2\n"
            "d_seconds_bucket{verb=\"GET\",le=\"+Inf\"} 3\n"
            "d_seconds_sum{verb=\"GET\"} 5.3\n"
            "d_seconds_count{verb=\"GET\"} 3\n");
}

TEST(Registry, AFamilyWithoutLabelsStartsAtZeroAndClearForgets) {
  Registry registry;
  registry.Counter("a_total", "A.");
  Family& labelled = registry.Gauge("b", "B.", {"x"});
  labelled.Set({"1"}, 1);
  labelled.Clear();
  EXPECT_EQ(registry.Text(), "# HELP a_total A.\n# TYPE a_total counter\na_total 0\n");
}

TEST(Registry, CountsFromManyThreadsWhileItIsRead) {
  Registry registry;
  Family& family = registry.Counter("a_total", "A.", {"x"});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 1000; ++i) family.Add({std::to_string(i % 3)});
      EXPECT_FALSE(registry.Text().empty());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_NE(registry.Text().find("a_total{x=\"0\"} 1336\n"), std::string::npos);
}

TEST(Process, TellsOfThisProcess) {
  Registry registry;
  Process process(registry);
  process.Refresh();
  const std::string text = registry.Text();
  for (const char* name : {"process_resident_memory_bytes", "process_open_fds", "process_threads",
                           "process_start_time_seconds", "process_max_fds"}) {
    const auto at = text.find(std::string("\n") + name + " ");
    ASSERT_NE(at, std::string::npos) << name;
    EXPECT_GT(std::stod(text.substr(at + std::string(name).size() + 2)), 0) << name;
  }
}

}  // namespace
}  // namespace pgo::metrics
