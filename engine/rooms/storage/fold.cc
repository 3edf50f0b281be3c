#include "engine/event/event.h"
#include "engine/rooms/storage/storage.h"

namespace pgo::rooms::storage {

void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, std::uint64_t seq) {
  const std::string prefix = std::string(kRoom) + "/" + std::string(kMeasureGoal);
  if (!goal_key.starts_with(prefix) || done.outcome != Outcome::kOk) return;
  const std::string pod = goal_key.substr(prefix.size());
  if (!done.result.is_object()) return;
  for (const auto& [volume, bytes] : done.result.items()) {
    Reading reading{GetInt(bytes, {"size"}), GetInt(bytes, {"used"}), GetInt(bytes, {"available"}),
                    seq};
    if (reading.size > 0) memory.readings[pod + "/" + volume] = reading;
  }
}

void FoldEvent(Memory& memory, const Event& event) {
  const auto* gone = std::get_if<Gone>(&event.payload);
  if (gone == nullptr || gone->ref.kind != "Pod") return;
  const std::string prefix = gone->ref.name + "/";
  std::erase_if(memory.readings, [&](const auto& r) { return r.first.starts_with(prefix); });
}

}  // namespace pgo::rooms::storage
