#include "engine/rooms/table.h"

#include "engine/engine.h"
#include "engine/rooms/certificates/certificates.h"
#include "engine/rooms/config/config.h"
#include "engine/rooms/deletion/deletion.h"
#include "engine/rooms/failover/failover.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/replication/replication.h"
#include "engine/rooms/services/services.h"
#include "engine/rooms/status/status.h"
#include "engine/rooms/storage/storage.h"
#include "engine/rooms/users/users.h"

namespace pgo::rooms {
namespace {

using Plans = std::vector<std::pair<std::string_view, Plan>>;

void AddStatus(const cluster::ClusterView& view, Now now, Plans& plans) {
  std::vector<Condition> conditions;
  for (const auto& [room, plan] : plans) {
    conditions.insert(conditions.end(), plan.conditions.begin(), plan.conditions.end());
  }
  plans.emplace_back("status", status::PlanStatus(view, conditions, now));
}

}  // namespace

std::vector<std::pair<std::string_view, Plan>> PlanAll(const cluster::ClusterView& view,
                                                       const ClusterMemory& memory,
                                                       const Context& context, Now now) {
  Plans plans;
  if (view.deleting) {
    plans.emplace_back("deletion", deletion::PlanDeletion(view));
    return plans;
  }
  // A manifest that breaks a rule holds everything but its status: what runs goes on running, and
  // is failed over.
  plans.emplace_back(failover::kRoom,
                     failover::PlanFailover({view, memory.failover, memory.ledger, context, now}));
  if (view.parsed.problems.empty()) {
    plans.emplace_back("deletion", deletion::PlanDeletion(view));
    plans.emplace_back("certificates", certificates::PlanCertificates(view));
    plans.emplace_back("services", services::PlanServices(view));
    plans.emplace_back("config", config::PlanConfig(view));
    plans.emplace_back("storage", storage::PlanStorage(view));
    const auto settings = instances::SettingsFor(context.settings, view.spec().postgres_version);
    plans.emplace_back("instances", instances::PlanInstances(view, settings));
    plans.emplace_back("users", users::PlanUsers(view));
    plans.emplace_back("replication", replication::PlanReplication(view, now));
  }
  AddStatus(view, now, plans);
  return plans;
}

}  // namespace pgo::rooms
