// What can be said of a cluster's instances in words. Pure; over the engine's own projection, so
// that `pgo` and the operator mean the same by "primary" and "streaming".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "engine/cluster/view.h"

namespace pgo::cli {

struct InstanceLine {
  std::string instance, pod, node;
  std::string role;      // "primary", "replica" or "" while it is not known
  std::string state;     // "accepts writes", "streaming, 0 B behind", "starting", "no pod yet", …
  bool settled = false;  // it is what it ought to become
  std::optional<std::uint64_t> lag;  // bytes behind the primary, of a replica that runs
  bool pending_restart = false;
  Timeline timeline;
};

// In order of names, instances that ought to be there but are not included.
std::vector<InstanceLine> InstanceLines(const cluster::ClusterView& view);
// One instance's line, columns not aligned.
InstanceLine LineOf(const cluster::ClusterView& view, const cluster::InstanceView& instance);

Json InstanceJson(const InstanceLine& line);

// Condition Ready of the PostgresCluster, of its present generation: {"True", reason, message}.
struct ReadyCondition {
  std::string status = "Unknown", reason, message;
  [[nodiscard]] bool ok() const { return status == "True"; }
};
ReadyCondition ReadyOf(const Json& cluster);

}  // namespace pgo::cli
