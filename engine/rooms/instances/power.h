// Which instances run: all of them, unless spec.shutdown is set or the cluster starts again after
// it. Who led last is kept in status.startupInstance, so a successor without a journal starts the
// right one.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "engine/base/json.h"
#include "engine/cluster/view.h"
#include "engine/rooms/room.h"

namespace pgo::rooms::instances {

struct Power {
  std::map<std::string, std::string> off;  // instance without a pod → why, one clause
  // Members of the PostgresCluster's status that change: startupInstance, startupInstanceSet.
  Json status = Json::object();
  // Takes annotation startup-instance off once somebody leads: at a later start it would name one
  // that may lack acknowledged writes.
  std::optional<Proposal> served;
};

// `changing`: a change of primary is under way; nobody is stopped or held back meanwhile.
Power PlanPower(const cluster::ClusterView& cluster, bool changing);

}  // namespace pgo::rooms::instances
