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

// The whole state as the records that open a segment. A Rebuilder that is fed them stands where the
// engine stood; the loop itself goes on from there, so that every replay meets the same state.
std::vector<JournalRecord> BaselineOf(const Engine& engine,
                                      std::size_t part_bytes = std::size_t{4} << 20U);

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
