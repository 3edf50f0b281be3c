// Events, decisions and actions as journal records, and back: the one place that knows the layout
// of a frame: events, then one Decided, then its actions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/ports/journal.h"

namespace pgo {

JournalRecord RecordOf(const Event& event, const cluster::World& world);
JournalRecord RecordOf(const Decided& decided);
JournalRecord RecordOf(const Action& action);

std::optional<Decided> DecodeDecided(std::string_view payload);
std::optional<Action> DecodeAction(std::string_view payload);

// A record as read back from a journal or bundle.
struct StoredRecord {
  std::uint64_t seq = 0;
  std::uint64_t type = 0;
  std::string payload;
  Now at;  // the frame's time
};

// Rebuilds a state by folding records in order, without deciding anything.
class Rebuilder {
 public:
  explicit Rebuilder(Engine& engine) : engine_(engine) {}
  void Feed(const StoredRecord& record);

 private:
  Engine& engine_;
};

}  // namespace pgo
