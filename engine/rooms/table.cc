#include "engine/rooms/table.h"

#include <algorithm>

#include "engine/base/digest.h"
#include "engine/decide.h"
#include "engine/engine.h"
#include "engine/rooms/backups/backups.h"
#include "engine/rooms/certificates/certificates.h"
#include "engine/rooms/config/config.h"
#include "engine/rooms/deletion/deletion.h"
#include "engine/rooms/failover/failover.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/replication/replication.h"
#include "engine/rooms/rollout/rollout.h"
#include "engine/rooms/scaling/scaling.h"
#include "engine/rooms/services/services.h"
#include "engine/rooms/status/status.h"
#include "engine/rooms/storage/storage.h"
#include "engine/rooms/users/users.h"

namespace pgo::rooms {
namespace {

using Plans = std::vector<std::pair<std::string_view, Plan>>;

void AddStatus(const cluster::ClusterView& view, Now now, Plans& plans) {
  std::vector<Condition> conditions;
  Json members = Json::object();
  for (const auto& [room, plan] : plans) {
    conditions.insert(conditions.end(), plan.conditions.begin(), plan.conditions.end());
    for (const auto& [key, value] : plan.status.items()) members[key] = value;
  }
  plans.emplace_back("status", status::PlanStatus(view, conditions, members, now));
}

// Every StatefulSet is as it ought to be.
bool AreApplied(const Plan& instances, const cluster::ClusterView& view,
                const ClusterMemory& memory) {
  return std::ranges::all_of(instances.objects, [&](const Desired& desired) {
    const auto* live = view.Find(desired.ref.kind, desired.ref.name);
    if (live == nullptr) return false;
    const auto applied = memory.applied.find(desired.ref.Text());
    return applied == memory.applied.end()
               ? ResidueDigest(desired.object, live->object).empty()
               : applied->second.digest == Sha256Hex(DumpJson(desired.object));
  });
}

// What changes who runs, planned before room failover is asked: it carries out the switchovers.
struct Changes {
  Plan instances, rollout, scaling;

  [[nodiscard]] const SwitchoverRequest* Switchover() const {
    if (rollout.switchover) return &*rollout.switchover;
    return scaling.switchover ? &*scaling.switchover : nullptr;
  }
};

Changes PlanChanges(const cluster::ClusterView& view, const ClusterMemory& memory,
                    const Context& context, Now now) {
  Changes out;
  auto settings = instances::SettingsFor(context.settings, view.spec().postgres_version);
  settings.changing = memory.failover.operation.evidence != failover::Class::kNone;
  out.instances = instances::PlanInstances(view, settings);
  const bool applied = !rollout::AnyOutdated(view) || AreApplied(out.instances, view, memory);
  out.rollout = rollout::PlanRollout({view, memory.rollout, memory.ledger, applied, now});
  out.scaling = scaling::PlanScaling(view);
  return out;
}

// While paused the manifest is not applied: what runs goes on, what is under way is finished by its
// own room, schedules say what they skip. Deletion is not held up.
void Pause(Plans& plans) {
  for (auto& [room, plan] : plans) {
    plan.objects.clear();
    const bool owns = room == failover::kRoom || room == rollout::kRoom || room == scaling::kRoom ||
                      room == backups::kRoom || room == "deletion";
    if (!owns) plan.proposals.clear();
  }
  Plan said;
  said.conditions.push_back(
      {"Progressing", false, "Paused",
       "spec.paused is true: changes of the manifest are not applied until it "
       "is false; Patroni goes on failing over by itself"});
  plans.emplace(plans.begin(), "pause", std::move(said));
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
  const bool valid = view.parsed.problems.empty();
  Changes changes;
  if (valid) changes = PlanChanges(view, memory, context, now);
  plans.emplace_back(failover::kRoom, failover::PlanFailover({view, memory.failover, memory.ledger,
                                                              context, now, changes.Switchover()}));
  if (valid) {
    plans.emplace_back(rollout::kRoom, std::move(changes.rollout));
    plans.emplace_back(scaling::kRoom, std::move(changes.scaling));
    plans.emplace_back("deletion", deletion::PlanDeletion(view));
    plans.emplace_back("certificates", certificates::PlanCertificates(view));
    plans.emplace_back("services", services::PlanServices(view));
    plans.emplace_back("config", config::PlanConfig(view));
    plans.emplace_back("storage", storage::PlanStorage(view));
    plans.emplace_back("instances", std::move(changes.instances));
    plans.emplace_back("users", users::PlanUsers(view));
    plans.emplace_back(backups::kRoom, backups::PlanBackups({view, memory.backups, memory.ledger,
                                                             context.settings, now}));
    plans.emplace_back("replication", replication::PlanReplication(view, now));
  }
  if (view.spec().paused) Pause(plans);
  AddStatus(view, now, plans);
  return plans;
}

}  // namespace pgo::rooms
