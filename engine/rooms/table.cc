#include "engine/rooms/table.h"

#include <algorithm>

#include "engine/cluster/wal_volume.h"
#include "engine/decide.h"
#include "engine/engine.h"
#include "engine/kube/names.h"
#include "engine/rooms/backups/backups.h"
#include "engine/rooms/certificates/certificates.h"
#include "engine/rooms/config/config.h"
#include "engine/rooms/deletion/deletion.h"
#include "engine/rooms/failover/failover.h"
#include "engine/rooms/instances/asked.h"
#include "engine/rooms/instances/instances.h"
#include "engine/rooms/instances/power.h"
#include "engine/rooms/replication/replication.h"
#include "engine/rooms/restores/restores.h"
#include "engine/rooms/rollout/rollout.h"
#include "engine/rooms/scaling/scaling.h"
#include "engine/rooms/services/services.h"
#include "engine/rooms/status/status.h"
#include "engine/rooms/storage/storage.h"
#include "engine/rooms/users/users.h"

namespace pgo::rooms {
namespace {

using cluster::ClusterView;

std::shared_ptr<const Plan> Shared(Plan plan) {
  return std::make_shared<const Plan>(std::move(plan));
}

void AddStatus(const ClusterView& view, Now now, Plans& plans) {
  std::vector<Condition> conditions;
  Json members = Json::object();
  for (const auto& [room, plan] : plans) {
    conditions.insert(conditions.end(), plan->conditions.begin(), plan->conditions.end());
    for (const auto& [key, value] : plan->status.items()) {
      // A section may be of several rooms, each with members of its own.
      if (!value.is_object() || !members.contains(key)) members[key] = Json::object();
      value.is_object() ? members[key].update(value) : void(members[key] = value);
    }
  }
  plans.emplace_back("status", Shared(status::PlanStatus(view, conditions, members, now)));
}

// Every StatefulSet is as it ought to be.
bool AreApplied(const Plan& instances, const cluster::ClusterView& view,
                const ClusterMemory& memory) {
  return std::ranges::all_of(instances.objects, [&](const Desired& desired) {
    const auto* live = view.Find(desired.ref.kind, desired.ref.name);
    if (live == nullptr) return false;
    const auto applied = memory.applied.find(desired.ref.Text());
    return applied == memory.applied.end() ? ResidueDigest(desired.object, live->object).empty()
                                           : applied->second.digest == desired.digest;
  });
}

// What changes who runs, planned before room failover is asked: it carries out the switchovers.
struct Changes {
  std::shared_ptr<const Plan> instances, power, rollout, scaling;

  [[nodiscard]] const SwitchoverRequest* Switchover() const {
    if (rollout != nullptr && rollout->switchover) return &*rollout->switchover;
    return scaling != nullptr && scaling->switchover ? &*scaling->switchover : nullptr;
  }
};

cluster::WalSigns WalSignsOf(const PlanInput& in, const cluster::Member& member) {
  const cluster::Subject& claim = *member.instance->wal_claim;
  const auto leaving = instances::AskedDigest(in.view, *member.set, cluster::WalPlace::kLeaving);
  const auto* removal =
      arbiter::Look(in.memory.ledger, storage::kRoom, storage::RemovalGoal(claim));
  return {cluster::HasMovedOff(*member.instance, leaving),
          removal != nullptr && removal->in_flight};
}

std::shared_ptr<const Plan> RenderInstances(const PlanInput& in,
                                            const std::map<std::string, std::string>& off) {
  auto settings = instances::SettingsFor(in.context.settings, in.view.spec().postgres_version);
  settings.off = off;
  for (const auto& member : cluster::Roster(in.view)) {
    // A restore in place stops instances and lets them run again.
    if (!in.view.MayRun(member.name)) settings.off.emplace(member.name, "stopped by the restore");
    if (member.instance == nullptr || member.instance->wal_claim == nullptr) continue;
    settings.wal[member.name] = WalSignsOf(in, member);
  }
  Sight sight;
  sight.roster = sight.bootstrapped = sight.restore = sight.source = true;
  sight.settings =
      settings.image + ' ' + settings.backrest_image + (settings.openshift ? " o" : "");
  for (const auto& [name, why] : settings.off) sight.settings += '\n' + name + ' ' + why;
  for (const auto& [name, signs] : settings.wal) {
    sight.settings += '\n' + name + (signs.moved ? " moved" : "") + (signs.going ? " going" : "");
  }
  return in.renderings.Get("instances", in.view, sight, [&](const ClusterView& shown) {
    return instances::PlanInstances(shown, settings);
  });
}

std::shared_ptr<const Plan> RenderServices(const PlanInput& in) {
  const std::string& name = in.view.key.name;
  Sight sight;
  sight.objects = {{"Service", kube::LeaderName(name)}};
  for (const auto& set : in.view.spec().instances) {
    sight.objects.emplace_back("PodDisruptionBudget", kube::DisruptionBudgetName(name, set.name));
  }
  return in.renderings.Get("services", in.view, sight, services::PlanServices);
}

std::shared_ptr<const Plan> RenderCertificates(const PlanInput& in) {
  Sight sight;
  sight.objects = {{"Secret", std::string(kube::kRootCertificateSecret)}};
  sight.roster = true;
  return in.renderings.Get("certificates", in.view, sight, certificates::PlanCertificates);
}

std::shared_ptr<const Plan> RenderConfig(const PlanInput& in) {
  Sight sight;
  sight.objects = {{"Endpoints", kube::DcsConfigName(in.view.key.name)}};
  sight.roster = sight.bootstrapped = sight.backups_status = sight.restore = sight.source = true;
  const auto unmounted = config::UnmountedWal(in.view);
  for (const auto& name : unmounted) sight.settings += name + ' ';
  return in.renderings.Get("config", in.view, sight, [&](const ClusterView& shown) {
    return config::PlanConfig(shown, unmounted);
  });
}

std::shared_ptr<const Plan> RenderStorage(const PlanInput& in) {
  Sight sight;
  sight.roster = true;
  return in.renderings.Get("storage", in.view, sight, storage::PlanStorage);
}

std::shared_ptr<const Plan> RenderHost(const PlanInput& in) {
  Sight sight;
  sight.roster = true;
  for (const auto& repo : in.view.spec().backups.repositories) {
    sight.objects.emplace_back("PersistentVolumeClaim",
                               kube::RepoVolumeName(in.view.key.name, repo.name));
  }
  const bool stopped = backups::IsShutDown(in.view);
  sight.settings = DumpJson(in.context.settings) + (stopped ? " stopped" : "");
  return in.renderings.Get(backups::kRoom, in.view, sight, [&](const ClusterView& shown) {
    return backups::PlanHost(shown, in.context.settings, stopped);
  });
}

Changes PlanChanges(const PlanInput& in) {
  Changes out;
  auto power = instances::PlanPower(
      in.view, in.memory.failover.operation.evidence != failover::Class::kNone);
  out.instances = RenderInstances(in, power.off);
  Plan said;
  said.status = std::move(power.status);
  if (power.served) said.Do(*std::move(power.served));
  out.power = Shared(std::move(said));
  const bool applied =
      !rollout::AnyOutdated(in.view) || AreApplied(*out.instances, in.view, in.memory);
  out.rollout =
      Shared(rollout::PlanRollout({in.view, in.memory.rollout, in.memory.ledger, applied, in.now}));
  out.scaling = Shared(scaling::PlanScaling(in.view));
  return out;
}

// What follows from a manifest that breaks no rule, but for failover.
void AddRooms(const PlanInput& in, const Changes& changes, Plans& plans) {
  plans.emplace_back(restores::kRoom,
                     Shared(restores::PlanRestores({in.view, in.memory.restores, in.memory.ledger,
                                                    in.context.settings, in.now})));
  plans.emplace_back(rollout::kRoom, changes.rollout);
  plans.emplace_back(scaling::kRoom, changes.scaling);
  plans.emplace_back("deletion", Shared(deletion::PlanDeletion(in.view)));
  plans.emplace_back("certificates", RenderCertificates(in));
  plans.emplace_back("services", RenderServices(in));
  plans.emplace_back("config", RenderConfig(in));
  plans.emplace_back(storage::kRoom, RenderStorage(in));
  plans.emplace_back(storage::kRoom,
                     Shared(storage::PlanVolumes({in.view, in.memory.storage, in.memory.ledger})));
  plans.emplace_back("instances", changes.instances);
  plans.emplace_back("instances", changes.power);
  plans.emplace_back("users", in.renderings.Get("users", in.view, {}, users::PlanSecrets));
  plans.emplace_back("users", Shared(users::PlanRoles(in.view)));
  if (in.view.spec().backups.any) {
    plans.emplace_back(backups::kRoom, RenderHost(in));
    plans.emplace_back(backups::kRoom,
                       Shared(backups::PlanWork({in.view, in.memory.backups, in.memory.ledger,
                                                 in.context.settings, in.now})));
  }
  plans.emplace_back("replication", Shared(replication::PlanReplication(in.view, in.now)));
}

// While paused the manifest is not applied: what runs goes on, what is under way is finished by its
// own room, schedules say what they skip. Deletion is not held up.
void Pause(Plans& plans) {
  for (auto& [room, plan] : plans) {
    Plan held = *plan;
    held.objects.clear();
    const bool owns = room == failover::kRoom || room == rollout::kRoom || room == scaling::kRoom ||
                      room == backups::kRoom || room == restores::kRoom || room == "deletion";
    if (!owns) held.proposals.clear();
    plan = Shared(std::move(held));
  }
  Plan said;
  said.conditions.push_back({"Progressing", false, "Paused",
                             "spec.paused is true: changes of the manifest are not applied until "
                             "it is false; Patroni goes "
                             "on failing over by itself"});
  plans.emplace(plans.begin(), "pause", Shared(std::move(said)));
}

}  // namespace

Plans PlanAll(const PlanInput& in) {
  Plans plans;
  if (in.view.deleting) {
    plans.emplace_back("deletion", Shared(deletion::PlanDeletion(in.view)));
    return plans;
  }
  // A manifest that breaks a rule holds everything but its status: what runs goes on running, and
  // is failed over.
  const bool valid = in.view.parsed().problems.empty();
  Changes changes;
  if (valid) changes = PlanChanges(in);
  plans.emplace_back(failover::kRoom,
                     Shared(failover::PlanFailover({in.view, in.memory.failover, in.memory.ledger,
                                                    in.context, in.now, changes.Switchover()})));
  if (valid) AddRooms(in, changes, plans);
  if (in.view.spec().paused) Pause(plans);
  AddStatus(in.view, in.now, plans);
  return plans;
}

}  // namespace pgo::rooms
