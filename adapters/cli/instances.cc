#include "adapters/cli/instances.h"

#include <algorithm>

#include "engine/cluster/health.h"
#include "engine/cluster/roster.h"

namespace pgo::cli {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::PodView;

// Why a pod's database does not run yet, from what the kubelet says of its containers.
std::string WaitingFor(const PodView& pod) {
  const Json& object = pod.subject->object;
  if (pod.node.empty()) return "waiting for a node";
  for (const char* list : {"initContainerStatuses", "containerStatuses"}) {
    for (const Json& status : GetArray(object, {"status", list})) {
      const std::string reason = GetString(status, {"state", "waiting", "reason"});
      if (reason.empty() || reason == "PodInitializing" || reason == "ContainerCreating") continue;
      return GetString(status, {"name"}) + ": " + reason;
    }
  }
  return pod.terminal ? "ended" : "starting containers";
}

std::string StateOf(const ClusterView& view, const InstanceView& instance) {
  if (!instance.pod) {
    if (view.deleting) return "removed";
    return instance.stateful_set == nullptr ? "not created yet" : "no pod";
  }
  const PodView& pod = *instance.pod;
  if (instance.leaving) return "leaving";
  const bool node_down = instance.node && instance.node->known && !instance.node->ready;
  if (node_down && instance.node->out_of_service) return "node is off";
  if (node_down) return "node is not ready";
  if (pod.deleting) return "being deleted";
  if (!pod.database_running) return WaitingFor(pod);
  if (!pod.member) return "starting PostgreSQL";
  if (view.Primary() == &instance) return "accepts writes";
  if (view.lock.leader == pod.name) return "leader, does not accept writes yet";
  const cluster::MemberStatus& member = *pod.member;
  if (!cluster::IsStreaming(view, &instance)) {
    return member.replication_state.empty() ? member.state
                                            : member.state + ", " + member.replication_state;
  }
  return "streaming";
}

std::optional<std::uint64_t> LagOf(const ClusterView& view, const InstanceView& instance) {
  const InstanceView* primary = view.Primary();
  if (!instance.pod || !instance.pod->member || primary == nullptr || primary == &instance) {
    return std::nullopt;
  }
  if (instance.pod->member->lsn.value() == 0) return std::nullopt;
  const std::uint64_t ahead = std::max(primary->pod->member->lsn.value(), view.lock.optime.value());
  const std::uint64_t here = instance.pod->member->lsn.value();
  return ahead > here ? ahead - here : 0;
}

}  // namespace

InstanceLine LineOf(const ClusterView& view, const InstanceView& instance) {
  InstanceLine line;
  line.instance = instance.name;
  line.state = StateOf(view, instance);
  const bool primary = view.Primary() == &instance;
  const bool streams = cluster::IsStreaming(view, &instance);
  line.settled = primary || streams;
  if (!instance.pod) return line;
  const PodView& pod = *instance.pod;
  line.pod = pod.name;
  line.node = pod.node;
  line.settled = line.settled && pod.ready;
  if (pod.member) {
    line.pending_restart = pod.member->pending_restart;
    line.timeline = pod.member->timeline;
  }
  if (primary) line.role = "primary";
  if (!primary && pod.member && pod.database_running && view.lock.leader != pod.name) {
    line.role = "replica";
  }
  if (streams) {
    line.lag = LagOf(view, instance);
    if (line.lag) line.state += ", " + std::to_string(*line.lag) + " B behind";
  }
  return line;
}

std::vector<InstanceLine> InstanceLines(const ClusterView& view) {
  std::vector<InstanceLine> out;
  for (const auto& [name, instance] : view.instances) out.push_back(LineOf(view, instance));
  if (view.subject == nullptr || view.deleting) return out;
  for (const cluster::Member& member : cluster::Roster(view)) {
    if (member.instance != nullptr) continue;
    InstanceLine line;
    line.instance = member.name;
    line.state = "not created yet";
    out.push_back(std::move(line));
  }
  std::ranges::sort(out, {}, &InstanceLine::instance);
  return out;
}

Json InstanceJson(const InstanceLine& line) {
  Json out = Json::object();
  out["instance"] = line.instance;
  out["pod"] = line.pod;
  out["node"] = line.node;
  out["role"] = line.role;
  out["state"] = line.state;
  out["pending_restart"] = line.pending_restart;
  if (line.lag) out["bytes_behind"] = *line.lag;
  if (line.timeline.value() != 0) out["timeline"] = line.timeline.value();
  return out;
}

ReadyCondition ReadyOf(const Json& cluster) {
  ReadyCondition out;
  const std::int64_t generation = GetInt(cluster, {"metadata", "generation"});
  for (const Json& condition : GetArray(cluster, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != "Ready") continue;
    if (GetInt(condition, {"observedGeneration"}, generation) < generation) continue;
    out = {GetString(condition, {"status"}), GetString(condition, {"reason"}),
           GetString(condition, {"message"})};
  }
  return out;
}

}  // namespace pgo::cli
