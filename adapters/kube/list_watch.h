// Keeps the state of one kind known: list, then watch from there, for ever. No I/O and no clock:
// answers, lines and ticks go in; requests and events come out. Times are any monotonic
// microseconds.
//
//   Resting -tick-> Listing -whole list-> Opening -200-> Watching -closed, stalled-> Resting, then
//   Opening again from the newest version seen; 410 and nonsense lead to a list with `gap`.
//
// A list that is older than what was already seen is never taken: an API server behind a load
// balancer may lag. It is asked for again, at most 5 s later, until it has caught up.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/kube/redact.h"
#include "adapters/kube/requests.h"
#include "engine/event/event.h"

namespace pgo::kube {

struct ListWatchOptions {
  std::string kind;
  std::string ns;                // "" for all namespaces, or a cluster-scoped kind
  std::string label_selector;    // "" for all objects
  bool earlier_history = false;  // a journal of before exists: the first list is a gap
  bool optional = false;  // being denied counts as an empty list (Nodes, namespaced installs)
  std::uint32_t jitter_seed = 1;
};

class ListWatch {
 public:
  struct SendList {
    Request request;
  };
  struct OpenWatch {
    Request request;
  };
  struct CloseWatch {};
  using Output = std::variant<SendList, OpenWatch, CloseWatch, Payload>;
  using Outputs = std::vector<Output>;

  ListWatch(ListWatchOptions options, const Redactor& redactor)
      : options_(std::move(options)), redactor_(redactor), random_(options_.jitter_seed) {}

  Outputs OnTick(std::int64_t now_us);  // also begins
  // The server was away: an open watch may be dead without a word. Opens it anew from where it was.
  Outputs Reopen(std::int64_t now_us);
  // What was seen is not to be trusted: lists again, as after a gap.
  Outputs ListAgain(std::int64_t now_us);
  Outputs OnList(const Reply& reply, std::int64_t now_us);
  // One line of the watch, without its end.
  Outputs OnLine(std::string_view line, std::int64_t now_us);
  // The watch ended, or could not be opened; http 0 for a broken connection.
  Outputs OnClosed(const Reply& reply, std::int64_t now_us);

  // When OnTick has something to do.
  [[nodiscard]] std::int64_t wake_at_us() const { return wake_at_us_; }
  [[nodiscard]] bool listed() const { return listed_; }
  // "namespace/name" of all that exist, as far as seen.
  [[nodiscard]] const std::set<std::string>& keys() const { return keys_; }
  [[nodiscard]] const ListWatchOptions& options() const { return options_; }

 private:
  enum class Phase : std::uint8_t { kResting, kListing, kOpening, kWatching };

  Outputs Rest(std::int64_t now_us, bool failed);
  Outputs Relist(std::int64_t now_us);
  Outputs Begin(std::int64_t now_us);
  Outputs TakeList(std::int64_t now_us, std::string version);
  Outputs TakeEvent(const std::string& type, const Json& object);
  bool AddPage(const Json& list);
  Observed Observe(const Json& object) const;
  ObjectRef RefOf(const Json& object) const;
  std::uint32_t Random(std::uint32_t below);

  const ListWatchOptions options_;
  const Redactor& redactor_;
  std::uint32_t random_;
  Phase phase_ = Phase::kResting;
  bool listed_ = false;  // a whole list was taken, once
  bool relist_ = true;   // the next request is a list
  bool gap_ = false;     // changes may have been missed since the last observation
  int failures_ = 0;     // in a row
  std::int64_t wake_at_us_ = 0;
  std::int64_t opened_us_ = 0;
  std::string version_;        // newest of the collection
  std::uint64_t highest_ = 0;  // version_ as a number, over lists too
  std::set<std::string> keys_;
  std::vector<Payload> page_events_;  // of the list being read
  std::set<std::string> page_keys_;
};

}  // namespace pgo::kube
