#include "engine/rooms/rollout/rollout.h"

namespace pgo::rooms::rollout {
namespace {

bool GoalIs(const std::string& goal_key, std::string_view what) {
  return goal_key.starts_with(std::string(kRoom) + "/" + std::string(what) + "/");
}

// PostgreSQL's own word about itself, of the instance that is being restarted.
void FoldLook(Memory& memory, const std::string& goal_key, const Done& done, const Event& event) {
  Operation& op = memory.operation;
  const std::string started = GetString(done.result, {"started"});
  if (done.outcome != Outcome::kOk || started.empty() || op.current.empty()) return;
  if (goal_key.find("/" + op.current_uid + "/") == std::string::npos) return;
  if (op.started.empty()) {
    op.started = started;
    return;
  }
  if (op.asked_us == 0 || started == op.started || !GetBool(done.result, {"serving"})) return;
  Restarted& restarted = memory.restarted[op.current_uid];
  if (restarted.config != op.config) restarted = {op.config, 0, 0};
  ++restarted.count;
  restarted.at_us = event.at.elapsed_us;
  op.done.push_back(op.current);
  op.current.clear();
  op.current_uid.clear();
  op.started.clear();
  op.asked_us = 0;
  op.step_us = event.at.elapsed_us;
}

}  // namespace

void FoldEvent(Memory& memory, const Event& event) {
  if (!std::holds_alternative<Started>(event.payload)) return;
  // Ages count from here: the elapsed clock may have begun anew.
  Operation& op = memory.operation;
  op.began_us = op.step_us = event.at.elapsed_us;
  if (op.asked_us != 0) op.asked_us = event.at.elapsed_us;
  for (auto& [uid, restarted] : memory.restarted) restarted.at_us = event.at.elapsed_us;
}

void FoldAction(Memory& memory, const Action& action, Seq seq, Now now) {
  if (action.room != kRoom || !action.facts.is_object()) return;
  if (const Json* written = Find(action.facts, "rollout")) {
    const std::int64_t began = memory.operation.began_us;
    memory.operation = FromJson<Operation>(*written);
    Operation& op = memory.operation;
    op.step_us = now.elapsed_us;
    op.began_us = began;
    if (op.seq == 0) {
      op.seq = seq.value();
      op.began_us = now.elapsed_us;
      op.began_wall_us = now.wall_us;
    }
  }
  if (GetBool(action.facts, {"asks"})) memory.operation.asked_us = now.elapsed_us;
  const std::string reloaded = GetString(action.facts, {"reloaded"});
  if (!reloaded.empty()) memory.served_reload = reloaded;
  if (!GetBool(action.facts, {"finished"})) return;
  if (!memory.operation.ask.empty()) memory.served_restart = memory.operation.ask;
  memory.operation = Operation{};
  // What was restarted for an older configuration will not be asked about again.
  const std::string config = GetString(action.facts, {"config"});
  std::erase_if(memory.restarted, [&](const auto& r) { return r.second.config != config; });
}

void FoldDone(Memory& memory, const std::string& goal_key, const Done& done, const Event& event) {
  if (GoalIs(goal_key, "look")) FoldLook(memory, goal_key, done, event);
}

}  // namespace pgo::rooms::rollout
