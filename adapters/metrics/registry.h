// Numbers for Prometheus: counters, gauges and histograms with labels, and their text format
// (version 0.0.4). Names and labels are chosen by the caller; nothing here checks that a label's
// values are few, so no label may hold what a user can make up without end.
//
// Any thread may call anything. A family lives as long as its registry.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace pgo::metrics {

enum class Type : std::uint8_t { kCounter, kGauge, kHistogram };

// All series of one name. `labels` below are the values of its label names, in their order.
class Family {
 public:
  using Labels = std::vector<std::string>;

  Family(Type type, std::string name, std::string help, std::vector<std::string> label_names,
         std::vector<double> bounds);

  void Add(const Labels& labels, double by = 1);     // counter
  void Set(const Labels& labels, double value);      // gauge
  void Observe(const Labels& labels, double value);  // histogram
  void Clear();                                      // forgets all series
  void WriteTo(std::string& out) const;

 private:
  struct Series {
    double value = 0;  // of a histogram: the sum
    std::uint64_t count = 0;
    std::vector<std::uint64_t> buckets;
  };
  std::string LabelText(const Labels& labels, const std::string& bound) const;

  const Type type_;
  const std::string name_, help_;
  const std::vector<std::string> label_names_;
  const std::vector<double> bounds_;  // upper ones, ascending; +Inf is added
  mutable std::mutex mu_;
  std::map<Labels, Series> series_;
};

class Registry {
 public:
  // A family without labels shows 0 from the start; one with labels shows what was counted.
  Family& Counter(std::string name, std::string help, std::vector<std::string> labels = {});
  Family& Gauge(std::string name, std::string help, std::vector<std::string> labels = {});
  Family& Histogram(std::string name, std::string help, std::vector<double> bounds,
                    std::vector<std::string> labels = {});
  // Families in the order in which they were made; one without series is left out.
  std::string Text() const;

 private:
  Family& Make(Type type, std::string name, std::string help, std::vector<std::string> labels,
               std::vector<double> bounds);
  mutable std::mutex mu_;
  std::deque<Family> families_;  // addresses stay
};

// Upper bounds first, first * factor, …; so many of them.
std::vector<double> Exponential(double first, double factor, int count);

}  // namespace pgo::metrics
