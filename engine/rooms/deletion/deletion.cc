#include "engine/rooms/deletion/deletion.h"

#include <algorithm>

#include "engine/kube/names.h"

namespace pgo::rooms::deletion {
namespace {

using cluster::ClusterView;
using cluster::InstanceView;
using cluster::Subject;

Json WithFinalizer(const Json& had) {
  Json out = had;
  out.push_back(std::string(kube::kFinalizer));
  return out;
}

Json WithoutFinalizer(const Json& had) {
  Json out = Json::array();
  for (const Json& finalizer : had) {
    if (AsString(finalizer) != kube::kFinalizer) out.push_back(finalizer);
  }
  return out;
}

void SetFinalizers(const ClusterView& cluster, Json finalizers, Reason reason,
                   const std::string& goal, const std::string& sentence, Plan& plan) {
  Json patch = Json::object();
  Put(patch, {"metadata", "finalizers"}, std::move(finalizers));
  Proposal p;
  p.reason = reason;
  p.sentence = sentence;
  p.causes = {cluster.subject->seq.value()};
  // The list is written whole, so nobody else's change of it may get lost.
  p.goal = goal + "/" + cluster.subject->rv;
  p.command = Patch{cluster.subject->ref, cluster.uid, cluster.subject->rv, "", std::move(patch)};
  plan.Do(std::move(p));
}

void Remove(const ClusterView& cluster, const Subject& subject, const std::string& why,
            Plan& plan) {
  if (Find(subject.object, {"metadata", "deletionTimestamp"}) != nullptr) return;
  Proposal p;
  p.reason = Reason::kDeleting;
  p.sentence = subject.ref.Text() + ": the cluster is being deleted: " + why;
  p.causes = {cluster.subject->seq.value(), subject.seq.value()};
  p.goal = "delete/" + subject.ref.Text() + "/" + subject.uid;
  p.command = Delete{subject.ref, subject.uid, "", {}};
  plan.Do(std::move(p));
}

bool Remains(const InstanceView& instance) {
  return instance.stateful_set != nullptr || instance.pod.has_value();
}

// True while replicas are there; theirs end first, so that the primary's last WAL reaches them and
// none of them is promoted by its end.
bool StopReplicas(const ClusterView& cluster, Plan& plan) {
  const auto* holder = cluster.ByPod(cluster.lock.leader);
  bool any = false;
  for (const auto& [name, instance] : cluster.instances) {
    if (&instance == holder || !Remains(instance)) continue;
    any = true;
    if (instance.stateful_set != nullptr) {
      Remove(cluster, *instance.stateful_set, "replicas stop first", plan);
    }
  }
  return any;
}

bool StopPrimary(const ClusterView& cluster, Plan& plan) {
  bool any = false;
  for (const auto& [name, instance] : cluster.instances) {
    if (!Remains(instance)) continue;
    any = true;
    if (instance.stateful_set != nullptr) {
      Remove(cluster, *instance.stateful_set, "the primary stops last", plan);
    }
  }
  return any;
}

bool RemoveEndpoints(const ClusterView& cluster, Plan& plan) {
  const std::string& c = cluster.key.name;
  bool any = false;
  for (const std::string& name :
       {kube::LeaderName(c), kube::DcsConfigName(c), kube::SyncName(c), kube::FailoverName(c)}) {
    const auto* endpoints = cluster.Find("Endpoints", name);
    if (endpoints == nullptr) continue;
    any = true;
    Remove(cluster, *endpoints, "Patroni's state goes with it", plan);
  }
  return any;
}

}  // namespace

Plan PlanDeletion(const ClusterView& cluster) {
  Plan plan;
  if (cluster.subject == nullptr) return plan;
  const Json& had = GetArray(cluster.subject->object, {"metadata", "finalizers"});
  const bool guarded = std::ranges::find(had, Json(std::string(kube::kFinalizer))) != had.end();
  if (!cluster.deleting) {
    if (!guarded) {
      SetFinalizers(cluster, WithFinalizer(had), Reason::kCreating, "finalizer/add",
                    "its deletion is to be orderly: set the finalizer", plan);
    }
    return plan;
  }
  if (!guarded) return plan;
  plan.holds_cluster = true;
  if (StopReplicas(cluster, plan) || StopPrimary(cluster, plan) || RemoveEndpoints(cluster, plan)) {
    return plan;
  }
  SetFinalizers(cluster, WithoutFinalizer(had), Reason::kDeleting, "finalizer/remove",
                "all instances have stopped: let the cluster go", plan);
  return plan;
}

}  // namespace pgo::rooms::deletion
