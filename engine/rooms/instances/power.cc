#include "engine/rooms/instances/power.h"

#include <algorithm>

#include "engine/cluster/roster.h"
#include "engine/kube/names.h"

namespace pgo::rooms::instances {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Member;

constexpr const char* kShutdown = "stopped, as spec.shutdown asks";

bool IsOn(const Member& member) {
  return member.instance != nullptr && member.instance->stateful_set != nullptr &&
         GetInt(member.instance->stateful_set->object, {"spec", "replicas"}, 1) != 0;
}

// Who has all the WAL: the primary, or, while it is in recovery or its word is old, who holds the
// lock.
const InstanceView* Leader(const ClusterView& cluster) {
  const InstanceView* primary = cluster.Primary();
  return primary != nullptr ? primary : cluster.ByPod(cluster.lock.leader);
}

void Record(const InstanceView& leader, Power& power) {
  power.status["startupInstance"] = leader.name;
  power.status["startupInstanceSet"] = leader.set;
}

void Forget(Power& power) {
  power.status["startupInstance"] = "";
  power.status["startupInstanceSet"] = "";
}

// What is off stays off, what is on stays on.
void KeepAsIs(const std::vector<Member>& roster, Power& power) {
  for (const Member& member : roster) {
    const bool there = member.instance != nullptr && member.instance->stateful_set != nullptr;
    if (there && !IsOn(member)) power.off[member.name] = kShutdown;
  }
}

// Replicas first, so that the primary's last WAL reaches them and none is promoted by its end; the
// primary once it is known from the status who it was and no other pod is left.
void ShutDown(const ClusterView& cluster, const std::vector<Member>& roster, Power& power) {
  const InstanceView* leader = Leader(cluster);
  const std::string& recorded = cluster.startup_instance;
  if (leader != nullptr && leader->name != recorded) {
    Record(*leader, power);
    return KeepAsIs(roster, power);
  }
  bool others = false;
  for (const auto& [name, instance] : cluster.instances) {
    others = others || (name != recorded && instance.pod.has_value());
  }
  for (const Member& member : roster) {
    const bool last = member.name == recorded && IsOn(member);
    if (!last || !others) power.off[member.name] = kShutdown;
  }
}

// Its volume is gone for certain, so waiting for it would be for ever.
bool HasNoVolume(const ClusterView& cluster, const Member& first) {
  return cluster.complete && (first.instance == nullptr || first.instance->claim == nullptr);
}

std::string Asked(const ClusterView& cluster) {
  return GetString(cluster.subject->object, {"metadata", "annotations", kube::kStartupInstance});
}

Proposal TakeOff(const ClusterView& cluster) {
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations", kube::kStartupInstance}, nullptr);
  Proposal p;
  p.reason = Reason::kStatus;
  p.sentence = "annotation " + std::string(kube::kStartupInstance) +
               " is for one start and somebody leads: take it off";
  p.causes = {cluster.subject->seq.value()};
  p.goal = "served/" + std::string(kube::kStartupInstance) + "/" + cluster.subject->rv;
  p.command = Patch{cluster.subject->ref, cluster.uid, cluster.subject->rv, "", std::move(patch)};
  return p;
}

// The one to wait for; null if all may run.
const Member* First(const ClusterView& cluster, const std::vector<Member>& roster) {
  const std::string asked = Asked(cluster);
  if (asked == "any") return nullptr;
  auto it = std::ranges::find(roster, asked, &Member::name);
  // A slip in the annotation must not start whoever may lack the last writes.
  if (it == roster.end()) it = std::ranges::find(roster, cluster.startup_instance, &Member::name);
  return it == roster.end() || HasNoVolume(cluster, *it) ? nullptr : &*it;
}

// Who led last starts first: it alone is sure to have every acknowledged write.
void StartUp(const ClusterView& cluster, const std::vector<Member>& roster, Power& power) {
  if (cluster.startup_instance.empty()) return;
  const Member* first = First(cluster, roster);
  if (cluster.Primary() != nullptr || first == nullptr) return Forget(power);
  for (const Member& member : roster) {
    if (member.name == first->name || IsOn(member)) continue;
    power.off[member.name] = "starts once " + first->name + ", which led last, is primary again";
  }
}

}  // namespace

Power PlanPower(const ClusterView& cluster, bool changing) {
  Power power;
  if (cluster.Primary() != nullptr && !Asked(cluster).empty()) power.served = TakeOff(cluster);
  if (!cluster.spec().shutdown && cluster.startup_instance.empty()) return power;
  const auto roster = cluster::Roster(cluster);
  if (changing) {
    KeepAsIs(roster, power);
  } else if (cluster.spec().shutdown) {
    ShutDown(cluster, roster, power);
  } else {
    StartUp(cluster, roster, power);
  }
  return power;
}

}  // namespace pgo::rooms::instances
