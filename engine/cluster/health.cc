#include "engine/cluster/health.h"

#include "engine/kube/names.h"

namespace pgo::cluster {
namespace {

bool Leads(const Subject& endpoints, const std::string& ip) {
  for (const Json& subset : GetArray(endpoints.object, {"subsets"})) {
    for (const Json& address : GetArray(subset, {"addresses"})) {
      if (GetString(address, {"ip"}) == ip) return true;
    }
  }
  return false;
}

Obstacle WhyNoPrimary(const ClusterView& cluster) {
  if (!cluster.bootstrapped) {
    return {"Creating", "the cluster is not initialized yet"};
  }
  if (cluster.lock.leader.empty()) return {"NoPrimary", "nobody holds the leader lock"};
  const std::string& leader = cluster.lock.leader;
  const auto* holder = cluster.ByPod(leader);
  if (holder == nullptr) return {"NoPrimary", leader + " holds the leader lock but has no pod"};
  if (!holder->pod->database_running) {
    return {"NoPrimary", leader + " holds the leader lock but its database does not run"};
  }
  return {"LeaderInRecovery", leader + " holds the leader lock but does not accept writes yet"};
}

}  // namespace

bool IsStreaming(const ClusterView& cluster, const InstanceView* instance) {
  if (instance == nullptr || !instance->pod || !instance->pod->member) return false;
  const PodView& pod = *instance->pod;
  if (pod.deleting || !pod.database_running || pod.name == cluster.lock.leader) return false;
  if (instance->node && instance->node->known && !instance->node->ready) return false;
  const MemberStatus& member = *pod.member;
  return member.state == "running" && member.role == "replica" &&
         member.replication_state == "streaming";
}

Obstacle WhyNotWritable(const ClusterView& cluster) {
  const auto* primary = cluster.Primary();
  if (primary == nullptr && cluster.restore.Stops()) {
    return {"Restoring", "restore " + cluster.restore.id.substr(0, 100) +
                             (cluster.restore.UnderWay() ? " is under way: " : ": ") +
                             std::string(RestoreStepWord(cluster.restore.step))};
  }
  if (primary == nullptr) return WhyNoPrimary(cluster);
  if (primary->node && primary->node->known && !primary->node->ready) {
    return {"NodeNotReady", "the node of primary " + primary->pod->name + " is not ready"};
  }
  const auto* endpoints = cluster.lock.subject;
  if (endpoints == nullptr || !Leads(*endpoints, primary->pod->ip)) {
    return {"ServiceNotLeading", "Service " + kube::LeaderName(cluster.key.name) +
                                     " does not lead to " + primary->pod->name + " yet"};
  }
  if (cluster.Find("Endpoints", kube::PrimaryServiceName(cluster.key.name)) == nullptr) {
    return {"ServiceNotLeading",
            "Service " + kube::PrimaryServiceName(cluster.key.name) + " leads nowhere yet"};
  }
  return {};
}

}  // namespace pgo::cluster
