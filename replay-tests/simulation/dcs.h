// Names and annotations of Patroni's Endpoints, as the models read and write them.
#pragma once

#include <string>

#include "engine/kube/names.h"
#include "replay-tests/simulation/simulation.h"

namespace pgo::simulation {

inline kube::ObjectRef EndpointsRef(std::string name) {
  return {"Endpoints", kNamespace, std::move(name)};
}
inline const kube::ObjectRef kLeaderRef = EndpointsRef(kube::LeaderName(kCluster));
inline const kube::ObjectRef kConfigRef = EndpointsRef(kube::DcsConfigName(kCluster));
inline const kube::ObjectRef kSyncRef = EndpointsRef(kube::SyncName(kCluster));
inline const kube::ObjectRef kFailoverRef = EndpointsRef(kube::FailoverName(kCluster));

inline std::string Annotation(const Json* object, std::string_view name) {
  return object == nullptr ? "" : GetString(*object, {"metadata", "annotations", name});
}
inline std::string Annotation(const Object& object, std::string_view name) {
  return Annotation(object.get(), name);
}

// Creates the Endpoints if they are not there, as Patroni does, with its labels.
inline Reply WriteDcs(ApiServer& api, const kube::ObjectRef& ref, const Json& annotations,
                      const Json& subsets = Json()) {
  Json patch = Json::object();
  Put(patch, {"metadata", "annotations"}, annotations);
  if (!subsets.is_null()) patch["subsets"] = subsets;
  if (api.Find(ref) != nullptr) return api.Patch(ref, {}, patch);
  Json object = JsonLiteral(R"({"apiVersion":"v1"})");
  object.merge_patch(patch);
  Put(object, {"metadata", "labels", kube::kLabelCluster}, kCluster);
  Put(object, {"metadata", "labels", kube::kLabelPatroni}, kube::PatroniScope(kCluster));
  return api.Create(ref, std::move(object));
}

}  // namespace pgo::simulation
