// Parts of the rollout room's plan, each in its own file.
#pragma once

#include <string>

#include "engine/rooms/rollout/rollout.h"

namespace pgo::rooms::rollout {

inline constexpr std::int64_t kAttemptsMax = 3;

// Ends the operation and says how it ended.
void End(const Input& in, Plan& plan, Reason reason, const std::string& sentence);
void GiveUp(const Input& in, Plan& plan, const std::string& why);
// One step of a restart in place, of the instance that was taken (restart.cc).
void RestartStep(const Input& in, const cluster::InstanceView& instance, bool only_pending,
                 Plan& plan);
// Takes annotations off that were dealt with; makes every Patroni reload (served.cc).
void ClearServed(const Input& in, Plan& plan);
void ReloadAll(const Input& in, const std::string& id, Plan& plan);

// "12.3 s", "1 instance", "3 instances"
std::string Seconds(std::int64_t us);
std::string Instances(std::int64_t count);

}  // namespace pgo::rooms::rollout
