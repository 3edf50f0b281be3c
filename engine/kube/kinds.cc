#include "engine/kube/kinds.h"

#include <algorithm>
#include <array>

namespace pgo::kube {
namespace {

using enum KindInfo::Watch;

constexpr auto kKinds = std::to_array<KindInfo>({
    {"PostgresCluster", "postgres-operator.crunchydata.com", "v1beta1", "postgresclusters", true,
     kAll},
    {"Pod", "", "v1", "pods", true, kLabelled},
    {"StatefulSet", "apps", "v1", "statefulsets", true, kLabelled},
    {"PersistentVolumeClaim", "", "v1", "persistentvolumeclaims", true, kLabelled},
    {"Service", "", "v1", "services", true, kLabelled},
    {"Endpoints", "", "v1", "endpoints", true, kLabelled},
    {"ConfigMap", "", "v1", "configmaps", true, kLabelled},
    {"Secret", "", "v1", "secrets", true, kLabelled},
    {"ServiceAccount", "", "v1", "serviceaccounts", true, kLabelled},
    {"Role", "rbac.authorization.k8s.io", "v1", "roles", true, kLabelled},
    {"RoleBinding", "rbac.authorization.k8s.io", "v1", "rolebindings", true, kLabelled},
    {"PodDisruptionBudget", "policy", "v1", "poddisruptionbudgets", true, kLabelled},
    {"Node", "", "v1", "nodes", false, kAll},
    {"Event", "events.k8s.io", "v1", "events", true, kNone},
    {"Lease", "coordination.k8s.io", "v1", "leases", true, kNone},
    {"Namespace", "", "v1", "namespaces", false, kNone},
    {"PersistentVolume", "", "v1", "persistentvolumes", false, kNone},
    {"Job", "batch", "v1", "jobs", true, kLabelled, false},
    {"Deployment", "apps", "v1", "deployments", true, kNone},
    {"CustomResourceDefinition", "apiextensions.k8s.io", "v1", "customresourcedefinitions", false,
     kNone},
});

}  // namespace

std::span<const KindInfo> Kinds() { return kKinds; }

const KindInfo* FindKind(std::string_view kind) {
  const auto* it = std::ranges::find(kKinds, kind, &KindInfo::kind);
  return it == kKinds.end() ? nullptr : it;
}

std::string ApiVersion(const KindInfo& info) {
  return (info.group.empty() ? "" : std::string(info.group) + "/") + std::string(info.version);
}

std::string ObjectRef::Text() const { return kind + " " + (ns.empty() ? "" : ns + "/") + name; }

}  // namespace pgo::kube
