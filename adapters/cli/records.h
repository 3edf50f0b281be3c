// The records that verbs look into: of one bundle, or of several that each hold a part. What is
// elided in one may be carried by another. Not for several threads.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/action/action.h"
#include "engine/base/result.h"
#include "engine/event/event.h"
#include "journal/query/reader.h"

namespace pgo::cli {

class Records {
 public:
  struct Entry {
    std::uint64_t seq = 0;
    std::int64_t wall_us = 0;  // of its frame
    std::uint64_t type = 0;    // RecordType
    std::vector<std::uint64_t> causes;
    std::vector<std::string> subjects;
    std::string payload;  // kept for what is small; observations are read again when asked for
    [[nodiscard]] bool Names(std::string_view subject) const;
  };

  // Takes what the reader carries and is not here yet. kCorrupt if a record cannot be read.
  Status Add(std::shared_ptr<const journal::Reader> reader);

  [[nodiscard]] const std::map<std::uint64_t, Entry>& all() const { return entries_; }
  [[nodiscard]] const Entry* Find(std::uint64_t seq) const;
  // The record read in full; nothing if it is not here or of another kind.
  [[nodiscard]] std::optional<Payload> EventAt(std::uint64_t seq) const;
  [[nodiscard]] std::optional<Action> ActionAt(std::uint64_t seq) const;
  // The newest observation of the same object before this one; 0 if there is none here.
  [[nodiscard]] std::uint64_t ObservedBefore(const kube::ObjectRef& ref, std::uint64_t seq) const;
  // Where it is recorded what became of an action that was taken at `seq`; 0 if it is not here.
  [[nodiscard]] std::uint64_t OutcomeOf(const ActionId& action, std::uint64_t seq) const;
  [[nodiscard]] std::int64_t last_wall_us() const;
  // Clusters that any record names, sorted.
  [[nodiscard]] std::vector<ClusterKey> Clusters() const;
  // What the observation says and what changed since the one before, if that is here.
  [[nodiscard]] std::string DescribeAt(std::uint64_t seq) const;

 private:
  [[nodiscard]] std::string PayloadAt(std::uint64_t seq) const;

  std::vector<std::shared_ptr<const journal::Reader>> readers_;
  std::map<std::uint64_t, Entry> entries_;
  std::map<std::string, std::vector<std::uint64_t>> observed_;  // by object subject, ascending
  std::map<std::string, std::vector<std::uint64_t>> done_;      // by action subject, ascending
};

}  // namespace pgo::cli
