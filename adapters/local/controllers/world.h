// What the controllers know: the newest state of every object, as the store's changes told it. It
// may be a moment behind the store, so what is written on its strength is named deterministically
// (a second creation is AlreadyExists) or goes through Store::Mutate, which reads anew.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "adapters/local/store/memory_store.h"
#include "engine/base/json.h"

namespace pgo::local {

using ObjectPtr = std::shared_ptr<const Json>;
using NamespacedName = std::pair<std::string, std::string>;
using ObjectMap = std::map<NamespacedName, ObjectPtr>;

inline const Resource kPods{"", "pods"};
inline const Resource kNodes{"", "nodes"};
inline const Resource kServices{"", "services"};
inline const Resource kEndpoints{"", "endpoints"};
inline const Resource kClaims{"", "persistentvolumeclaims"};
inline const Resource kVolumes{"", "persistentvolumes"};
inline const Resource kNamespaces{"", "namespaces"};
inline const Resource kConfigMaps{"", "configmaps"};
inline const Resource kServiceAccounts{"", "serviceaccounts"};
inline const Resource kLeases{"coordination.k8s.io", "leases"};
inline const Resource kStatefulSets{"apps", "statefulsets"};
inline const Resource kDeployments{"apps", "deployments"};
inline const Resource kJobs{"batch", "jobs"};
inline const Resource kStorageClasses{"storage.k8s.io", "storageclasses"};
inline const Resource kDefinitions{"apiextensions.k8s.io", "customresourcedefinitions"};

class World {
 public:
  void Fold(const Change& change);
  [[nodiscard]] const ObjectMap& All(const Resource& resource) const;
  [[nodiscard]] ObjectPtr Get(const Resource& resource, const std::string& ns,
                              const std::string& name) const;
  [[nodiscard]] const std::map<Resource, ObjectMap>& Everything() const { return objects_; }

 private:
  std::map<Resource, ObjectMap> objects_;
};

Key KeyOf(const Resource& resource, const Json& object);
// The status of a condition ("True"), "" if it is not there.
std::string ConditionOf(const Json& object, std::string_view type);
// Sets a condition; lastTransitionTime moves only with its status. True if anything changed.
bool SetCondition(Json& object, const std::string& type, const std::string& status,
                  const std::string& reason, const std::string& message);
bool PodReady(const Json& pod);
bool PodOver(const Json& pod);  // Succeeded or Failed
// Whether the controller among the object's owners has this uid.
bool ControlledBy(const Json& object, const std::string& uid);
Json OwnerReference(const Json& owner, const std::string& api_version, const std::string& kind);
// Writes what a controller makes; an object that exists already is well.
void CreateOnce(Store& store, const Resource& resource, const std::string& ns, Json object);
// Removes an object if it is still this one.
void DeleteThis(Store& store, const Resource& resource, const Json& object,
                std::optional<std::int64_t> grace = std::nullopt);

// The controllers. Each looks at the world and writes what is missing.
struct NodeWatch {  // what node lifecycle remembers: when it last saw each node's heartbeat change
  std::map<std::string, std::pair<std::string, std::int64_t>> seen;  // heartbeat, at (ms)
};
void ReconcileStatefulSets(const World& world, Store& store);
void ReconcileDeployments(const World& world, Store& store);
void ReconcileJobs(const World& world, Store& store);
void SchedulePods(const World& world, Store& store);
void ReconcileVolumes(const World& world, Store& store);
void ReconcileEndpoints(const World& world, Store& store);
void CollectGarbage(const World& world, Store& store);
void ReconcileNamespaces(const World& world, Store& store, const std::string& ca_pem);
void ReconcileDefinitions(const World& world, Store& store);
void ReconcileNodes(const World& world, Store& store, NodeWatch& watch, std::int64_t grace_ms,
                    std::int64_t now_ms);

}  // namespace pgo::local
