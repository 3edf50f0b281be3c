#include "engine/event/event.h"
#include "engine/rooms/backups/backups.h"

namespace pgo::rooms::backups {
namespace {

// A schedule counts from when it was first seen in this form: a moment before it is none of its
// own.
void See(Memory& memory, const std::string& key, const std::string& cron, std::int64_t wall_us) {
  Schedule& schedule = memory.schedules[key];
  if (schedule.cron == cron) return;
  schedule.cron = cron;
  schedule.since_us = wall_us;
}

// What an earlier operator wrote down, when this one's journal does not reach back so far.
void Inherit(Memory& memory, const Json& status) {
  for (const Json& entry : GetArray(status, {"pgbackrest", "schedules"})) {
    const std::string key = GetString(entry, {"repo"}) + "/" + GetString(entry, {"type"});
    const auto it = memory.schedules.find(key);
    if (it == memory.schedules.end() || it->second.slot_us != 0) continue;
    if (GetString(entry, {"cron"}) != it->second.cron) continue;
    const auto slot = ParseWall(GetString(entry, {"slot"}));
    const auto since = ParseWall(GetString(entry, {"since"}));
    if (since && *since < it->second.since_us) it->second.since_us = *since;
    if (!slot || *slot <= 0) continue;
    it->second.slot_us = *slot;
    it->second.result = GetString(entry, {"result"});
  }
}

}  // namespace

void FoldEvent(Memory& memory, const Event& event, const ClusterKey& key) {
  const auto* seen = std::get_if<Observed>(&event.payload);
  if (seen == nullptr || seen->ref.kind != "PostgresCluster" || seen->ref.name != key.name ||
      seen->ref.ns != key.ns) {
    return;
  }
  Memory next;
  for (const Json& repo : GetArray(seen->object, {"spec", "backups", "pgbackrest", "repos"})) {
    for (const auto& [field, type] : {std::pair<std::string_view, const char*>{"full", "/full"},
                                      {"differential", "/diff"},
                                      {"incremental", "/incr"}}) {
      const std::string cron = GetString(repo, {"schedules", field});
      if (cron.empty()) continue;
      const std::string name = GetString(repo, {"name"}) + type;
      const auto known = memory.schedules.find(name);
      if (known != memory.schedules.end()) next.schedules[name] = known->second;
      See(next, name, cron, event.at.wall_us);
    }
  }
  Inherit(next, GetObject(seen->object, {"status"}));
  memory = std::move(next);
}

void FoldAction(Memory& memory, const Action& action) {
  if (action.room != kRoom) return;
  const Json& slot = GetObject(action.facts, {"slot"});
  const auto it = memory.schedules.find(GetString(slot, {"schedule"}));
  const auto at = ParseWall(GetString(slot, {"at"}));
  if (it == memory.schedules.end() || !at) return;
  it->second.result = GetString(slot, {"result"});
  it->second.slot_us = *at;
}

}  // namespace pgo::rooms::backups
