#include "engine/event/event.h"
#include "engine/rooms/restores/restores.h"

namespace pgo::rooms::restores {
namespace {

void Take(Answer& answer, const std::string& goal_key, std::string_view what, const Done& done,
          const Event& event) {
  const std::string start = std::string(kRoom) + "/" + std::string(what) + "/";
  if (!goal_key.starts_with(start) || done.outcome != Outcome::kOk) return;
  if (!done.result.is_object()) return;
  answer = {goal_key.substr(start.size()), done.result, event.seq.value()};
}

}  // namespace

void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event) {
  Take(memory.check, goal_key, "check", done, event);
  Take(memory.safety, goal_key, "safety", done, event);
}

}  // namespace pgo::rooms::restores
