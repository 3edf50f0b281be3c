#include "engine/rooms/replication/replication.h"

#include "engine/cluster/health.h"
#include "engine/cluster/roster.h"

namespace pgo::rooms::replication {
namespace {

using cluster::ClusterView;

std::string Joined(const std::vector<std::string>& names) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

void Streaming(const ClusterView& cluster, Plan& plan) {
  std::vector<std::string> missing;
  const auto* primary = cluster.Primary();
  std::size_t replicas = 0;
  for (const auto& member : cluster::Roster(cluster)) {
    if (primary != nullptr && member.name == primary->name) continue;
    ++replicas;
    if (!cluster::IsStreaming(cluster, member.instance)) missing.push_back(member.name);
  }
  if (replicas == 0) return;
  if (primary == nullptr) {
    plan.conditions.push_back({"ReplicasStreaming", false, "NoPrimary", "there is no primary"});
  } else if (missing.empty()) {
    plan.conditions.push_back(
        {"ReplicasStreaming", true, "Streaming", "all replicas stream from " + primary->pod->name});
  } else {
    plan.conditions.push_back(
        {"ReplicasStreaming", false, "Waiting", "not streaming: " + Joined(missing)});
  }
}

// Patroni publishes who may lead before PostgreSQL stops waiting for them, and after it began.
void Synchronous(const ClusterView& cluster, Plan& plan) {
  if (!cluster.spec().synchronous_mode) return;
  if (cluster.sync.subject == nullptr || cluster.sync.leader.empty()) {
    plan.conditions.push_back({"SynchronousReplication", false, "NotPublished",
                               "no synchronous standby was published yet"});
  } else if (cluster.sync.standbys.empty()) {
    plan.conditions.push_back(
        {"SynchronousReplication", false, "NoStandby",
         cluster.spec().synchronous_mode_strict
             ? "there is no synchronous standby: commits wait for one"
             : "there is no synchronous standby: commits are on the primary alone"});
  } else {
    plan.conditions.push_back({"SynchronousReplication", true, "Synchronous",
                               "commits are also on " + Joined(cluster.sync.standbys)});
  }
}

}  // namespace

Plan PlanReplication(const ClusterView& cluster, Now now) {
  Plan plan;
  if (cluster.deleting) return plan;
  Streaming(cluster, plan);
  Synchronous(cluster, plan);
  Hasten(cluster, now, plan);
  return plan;
}

}  // namespace pgo::rooms::replication
