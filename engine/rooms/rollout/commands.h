// What the rollout room sends.
#pragma once

#include <string>

#include "engine/rooms/rollout/rollout.h"

namespace pgo::rooms::rollout {

// A Kubernetes Event about the cluster that is also the journal's record of the moment.
Proposal Say(const Input& in, Reason reason, std::string sentence, std::string goal);
// Deletes exactly this pod; its StatefulSet makes another from the newest template.
Proposal Replace(const Input& in, const cluster::InstanceView& instance, const Operation& op);
// Asks Patroni to restart PostgreSQL in this pod. Ok: it was accepted, not that it is done.
Proposal Restart(const Input& in, const cluster::InstanceView& instance, const Operation& op,
                 bool only_pending);
// Asks PostgreSQL since when it runs, and whether it serves: {"started", "serving"}. `look` is
// another word for each time it is to be asked.
Proposal LookAt(const Input& in, const cluster::InstanceView& instance, const Operation& op,
                const std::string& look);
// Makes the Patroni of the primary look at its members now.
Proposal Wake(const Input& in, const cluster::InstanceView& primary, const Operation& op,
              std::int64_t look);
Proposal Checkpoint(const Input& in, const cluster::InstanceView& instance, const Operation& op);
Proposal Reload(const Input& in, const cluster::InstanceView& instance, const std::string& id);
// Takes annotations off the PostgresCluster.
Proposal TakeOff(const Input& in, const std::vector<std::string_view>& annotations);

}  // namespace pgo::rooms::rollout
