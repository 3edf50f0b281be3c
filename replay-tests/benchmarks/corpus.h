// Watch events as a fleet gives them: clusters of nine objects (three Pods, three StatefulSets,
// three claims), a few kilobytes of JSON each, of which a version changes some dozens of bytes.
// Seeded: every run sees the same.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/base/result.h"
#include "journal/store/journal.h"

namespace pgo::bench {

class Corpus {
 public:
  static constexpr std::size_t kPerCluster = 9;

  explicit Corpus(std::size_t clusters);
  // The next event, somewhere in the fleet.
  journal::Record Next();
  // Every object as it is, as a segment's first records.
  std::vector<journal::Record> All() const;
  std::string SubjectOf(std::size_t object) const { return objects_[object].subject; }
  std::size_t objects() const { return objects_.size(); }

 private:
  struct Object {
    std::string subject, cluster;
    std::string payload;
    std::vector<std::size_t> versions, counters, times;  // where a new version differs
  };
  static Object Make(std::size_t cluster, std::size_t place);
  static journal::Record RecordOf(const Object& object, std::uint16_t type);
  std::uint64_t Random();

  std::vector<Object> objects_;
  std::uint64_t state_ = 88172645463325252U;
  std::uint64_t version_ = 1'000'000'000;
};

// Appends `events` of them in frames of 64, one millisecond after another from kEpochUs on, and
// turns segments as the operator does. `progress` false ends it early, without an error.
inline constexpr std::int64_t kEpochUs = 1'700'000'000'000'000;
Status Fill(journal::Journal& journal, Corpus& corpus, std::uint64_t events,
            const std::function<bool(std::uint64_t done)>& progress);

}  // namespace pgo::bench
