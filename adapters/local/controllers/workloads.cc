// Deployments (their pods directly, without ReplicaSets between) and Jobs (one pod at a time).
#include <vector>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "engine/base/digest.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

constexpr const char* kHashLabel = "pod-template-hash";

Json PodOf(const Json& owner, const std::string& api_version, const std::string& kind,
           const std::string& name) {
  const Json& pod_template = GetObject(owner, {"spec", "template"});
  Json pod = {{"metadata", GetObject(pod_template, {"metadata"})},
              {"spec", GetObject(pod_template, {"spec"})}};
  pod["metadata"]["name"] = name;
  pod["metadata"]["ownerReferences"] = Json::array({OwnerReference(owner, api_version, kind)});
  return pod;
}

std::vector<ObjectPtr> PodsOf(const World& world, const Json& owner) {
  std::vector<ObjectPtr> out;
  const std::string ns = GetString(owner, {"metadata", "namespace"});
  for (const auto& [name, pod] : world.All(kPods)) {
    if (name.first == ns && ControlledBy(*pod, UidOf(owner))) out.push_back(pod);
  }
  return out;
}

void SetStatus(Store& store, const Resource& resource, const Json& object, const Json& status) {
  if (GetObject(object, {"status"}) == status) return;
  static_cast<void>(store.Mutate(KeyOf(resource, object), "status", [&](Json& fresh) {
    if (UidOf(fresh) != UidOf(object)) return false;
    fresh["status"] = status;
    return true;
  }));
}

// A Deployment's pods that count: neither over nor ending.
struct Fleet {
  std::vector<ObjectPtr> updated, old;
  std::int64_t updated_ready = 0, old_ready = 0;
};

Fleet FleetOf(const World& world, Store& store, const Json& deployment, const std::string& hash) {
  Fleet fleet;
  for (const ObjectPtr& pod : PodsOf(world, deployment)) {
    if (PodOver(*pod) && !Deleting(*pod)) DeleteThis(store, kPods, *pod);
    if (PodOver(*pod) || Deleting(*pod)) continue;
    const bool updated = GetString(*pod, {"metadata", "labels", kHashLabel}) == hash;
    (updated ? fleet.updated : fleet.old).push_back(pod);
    if (PodReady(*pod)) ++(updated ? fleet.updated_ready : fleet.old_ready);
  }
  return fleet;
}

// Names are by number, so that a pass over a world that is behind makes none twice.
void AddPods(const World& world, Store& store, const Json& deployment, const std::string& hash,
             std::int64_t missing) {
  const std::string ns = GetString(deployment, {"metadata", "namespace"});
  for (int i = 0; missing > 0 && i < 1000; ++i) {
    const std::string name = NameOf(deployment) + "-" + hash + "-" +
                             ShortName(UidOf(deployment) + hash + std::to_string(i), 5);
    if (world.Get(kPods, ns, name)) continue;
    Json pod = PodOf(deployment, "apps/v1", "Deployment", name);
    pod["metadata"]["labels"][kHashLabel] = hash;
    CreateOnce(store, kPods, ns, std::move(pod));
    --missing;
  }
}

Json DeploymentStatus(const Json& deployment, const Fleet& fleet, std::int64_t wanted) {
  const std::int64_t ready = fleet.updated_ready + fleet.old_ready;
  Json fresh = deployment;
  SetCondition(fresh, "Available", ready >= wanted ? "True" : "False",
               ready >= wanted ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable", "");
  return {{"observedGeneration", GetInt(deployment, {"metadata", "generation"})},
          {"replicas", fleet.updated.size() + fleet.old.size()},
          {"updatedReplicas", fleet.updated.size()},
          {"readyReplicas", ready},
          {"availableReplicas", ready},
          {"conditions", fresh["status"]["conditions"]}};
}

void ReconcileDeployment(const World& world, Store& store, const Json& deployment) {
  if (Deleting(deployment)) return;
  const std::string hash = ShortName(DumpJson(GetObject(deployment, {"spec", "template"})), 10);
  const std::int64_t wanted = GetInt(deployment, {"spec", "replicas"}, 1);
  const bool recreate = GetString(deployment, {"spec", "strategy", "type"}) == "Recreate";
  const Fleet fleet = FleetOf(world, store, deployment, hash);
  const auto updated = static_cast<std::int64_t>(fleet.updated.size());
  if (!recreate || fleet.old.empty()) AddPods(world, store, deployment, hash, wanted - updated);
  for (std::int64_t i = wanted; i < updated; ++i) {
    DeleteThis(store, kPods, *fleet.updated[static_cast<std::size_t>(i)]);
  }
  if (recreate || fleet.updated_ready >= wanted) {
    for (const ObjectPtr& pod : fleet.old) DeleteThis(store, kPods, *pod);
  }
  SetStatus(store, kDeployments, deployment, DeploymentStatus(deployment, fleet, wanted));
}

bool Finished(const Json& job) {
  return ConditionOf(job, "Complete") == "True" || ConditionOf(job, "Failed") == "True";
}

void Expire(Store& store, const Json& job) {
  const Json* ttl = Find(job, {"spec", "ttlSecondsAfterFinished"});
  if (ttl == nullptr || !ttl->is_number()) return;
  for (const Json& condition : GetArray(job, {"status", "conditions"})) {
    const auto at = ParseWall(GetString(condition, {"lastTransitionTime"}));
    if (at && NowMicros() - *at > AsInt(*ttl) * kSecond) {
      DeleteThis(store, kJobs, job);
      return;
    }
  }
}

void ReconcileJob(const World& world, Store& store, const Json& job) {
  if (Deleting(job)) return;
  if (Finished(job)) return Expire(store, job);
  if (GetBool(job, {"spec", "suspend"})) return;
  std::int64_t failed = 0, succeeded = 0, active = 0, ready = 0;
  for (const ObjectPtr& pod : PodsOf(world, job)) {
    const std::string phase = GetString(*pod, {"status", "phase"});
    failed += phase == "Failed" ? 1 : 0;
    succeeded += phase == "Succeeded" ? 1 : 0;
    active += phase != "Failed" && phase != "Succeeded" ? 1 : 0;
    ready += PodReady(*pod) ? 1 : 0;
  }
  Json fresh = job;
  if (succeeded > 0) {
    SetCondition(fresh, "Complete", "True", "CompletionsReached",
                 "Reached expected number of succeeded pods");
  } else if (failed > GetInt(job, {"spec", "backoffLimit"}, 6)) {
    SetCondition(fresh, "Failed", "True", "BackoffLimitExceeded",
                 "Job has reached the specified backoff limit");
  } else if (active == 0) {
    const std::string name = NameOf(job) + "-" + ShortName(UidOf(job) + std::to_string(failed), 5);
    CreateOnce(store, kPods, GetString(job, {"metadata", "namespace"}),
               PodOf(job, "batch/v1", "Job", name));
  }
  Json status = {{"active", active},
                 {"failed", failed},
                 {"succeeded", succeeded},
                 {"ready", ready},
                 {"startTime", GetString(job, {"status", "startTime"}, NowText())}};
  if (fresh.contains("status") && fresh["status"].contains("conditions")) {
    status["conditions"] = fresh["status"]["conditions"];
  }
  if (succeeded > 0)
    status["completionTime"] = GetString(job, {"status", "completionTime"}, NowText());
  for (const char* name : {"active", "failed", "succeeded"}) {
    if (status[name] == 0) status.erase(name);
  }
  SetStatus(store, kJobs, job, status);
}

}  // namespace

void ReconcileDeployments(const World& world, Store& store) {
  for (const auto& [name, deployment] : world.All(kDeployments))
    ReconcileDeployment(world, store, *deployment);
}

void ReconcileJobs(const World& world, Store& store) {
  for (const auto& [name, job] : world.All(kJobs)) ReconcileJob(world, store, *job);
}

}  // namespace pgo::local
