#include "adapters/local/store/types.h"

#include <algorithm>

#include "engine/base/json.h"

namespace pgo::local {
namespace {

struct Row {
  const char* group;
  const char* version;
  const char* plural;
  const char* kind;
  const char* short_names;  // blank-separated
  bool namespaced;
  bool status;
  bool scale;
  bool in_all;  // the category "all"
};

constexpr Row kRows[] = {
    {"", "v1", "pods", "Pod", "po", true, true, false, true},
    {"", "v1", "services", "Service", "svc", true, true, false, true},
    {"", "v1", "endpoints", "Endpoints", "ep", true, false, false, false},
    {"", "v1", "configmaps", "ConfigMap", "cm", true, false, false, false},
    {"", "v1", "secrets", "Secret", "", true, false, false, false},
    {"", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", "pvc", true, true, false, false},
    {"", "v1", "persistentvolumes", "PersistentVolume", "pv", false, true, false, false},
    {"", "v1", "nodes", "Node", "no", false, true, false, false},
    {"", "v1", "namespaces", "Namespace", "ns", false, true, false, false},
    {"", "v1", "serviceaccounts", "ServiceAccount", "sa", true, false, false, false},
    {"", "v1", "events", "Event", "ev", true, false, false, false},
    {"events.k8s.io", "v1", "events", "Event", "ev", true, false, false, false},
    {"apps", "v1", "statefulsets", "StatefulSet", "sts", true, true, true, true},
    {"apps", "v1", "deployments", "Deployment", "deploy", true, true, true, true},
    {"apps", "v1", "replicasets", "ReplicaSet", "rs", true, true, true, true},
    {"apps", "v1", "controllerrevisions", "ControllerRevision", "", true, false, false, false},
    {"batch", "v1", "jobs", "Job", "", true, true, false, true},
    {"batch", "v1", "cronjobs", "CronJob", "cj", true, true, false, true},
    {"policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget", "pdb", true, true, false,
     false},
    {"rbac.authorization.k8s.io", "v1", "roles", "Role", "", true, false, false, false},
    {"rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", "", true, false, false,
     false},
    {"rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", "", false, false, false,
     false},
    {"rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", "", false,
     false, false, false},
    {"coordination.k8s.io", "v1", "leases", "Lease", "", true, false, false, false},
    {"storage.k8s.io", "v1", "storageclasses", "StorageClass", "sc", false, false, false, false},
    {"apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition",
     "crd crds", false, true, false, false},
};

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    if (end > at) out.emplace_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

std::shared_ptr<const TypeInfo> FromRow(const Row& row) {
  auto type = std::make_shared<TypeInfo>();
  type->resource = type->kept_as = {row.group, row.plural};
  // Both groups' events are the same objects (api/events.h).
  if (type->resource.group == "events.k8s.io") type->kept_as.group = "";
  type->kind = row.kind;
  type->singular = Lower(row.kind);
  type->versions = {row.version};
  type->storage_version = row.version;
  type->short_names = Words(row.short_names);
  if (row.in_all) type->categories = {"all"};
  type->namespaced = row.namespaced;
  type->has_status = row.status;
  type->has_scale = row.scale;
  return type;
}

// Kubernetes' order of versions: GA before beta before alpha, then the higher number.
int VersionRank(const std::string& version) {
  const bool alpha = version.find("alpha") != std::string::npos;
  const bool beta = version.find("beta") != std::string::npos;
  int number = 0, minor = 0;
  for (std::size_t i = 1;
       i < version.size() && std::isdigit(static_cast<unsigned char>(version[i])); ++i) {
    number = number * 10 + (version[i] - '0');
  }
  for (std::size_t i = version.find_last_not_of("0123456789") + 1; i < version.size(); ++i) {
    minor = minor * 10 + (version[i] - '0');
  }
  return (alpha  ? 0
          : beta ? 1
                 : 2) *
             1'000'000 +
         std::min(number, 999) * 1000 + std::min(minor, 999);
}

void AddVersion(const Json& version, TypeInfo& type) {
  const std::string name = GetString(version, {"name"});
  if (GetBool(version, {"storage"})) type.storage_version = name;
  if (!GetBool(version, {"served"})) return;
  type.versions.push_back(name);
  type.schemas[name] = GetObject(version, {"schema", "openAPIV3Schema"});
  type.columns[name] = GetArray(version, {"additionalPrinterColumns"});
  if (Find(version, {"subresources", "status"}) != nullptr) type.has_status = true;
}

std::vector<std::string> Strings(const Json& array) {
  std::vector<std::string> out;
  for (const Json& item : array) out.push_back(AsString(item));
  return out;
}

}  // namespace

bool TypeInfo::Serves(std::string_view version) const {
  return std::find(versions.begin(), versions.end(), version) != versions.end();
}

TypeTable BuiltInTypes() {
  TypeTable table;
  for (const Row& row : kRows) {
    auto type = FromRow(row);
    table.emplace(type->resource, std::move(type));
  }
  return table;
}

std::shared_ptr<const TypeInfo> TypeOfDefinition(const Json& definition) {
  auto type = std::make_shared<TypeInfo>();
  type->custom = true;
  type->resource = {GetString(definition, {"spec", "group"}),
                    GetString(definition, {"spec", "names", "plural"})};
  type->kept_as = type->resource;
  type->kind = GetString(definition, {"spec", "names", "kind"});
  type->singular = GetString(definition, {"spec", "names", "singular"}, Lower(type->kind));
  type->short_names = Strings(GetArray(definition, {"spec", "names", "shortNames"}));
  type->categories = Strings(GetArray(definition, {"spec", "names", "categories"}));
  type->namespaced = GetString(definition, {"spec", "scope"}) != "Cluster";
  for (const Json& version : GetArray(definition, {"spec", "versions"})) AddVersion(version, *type);
  if (type->versions.empty() || type->resource.plural.empty() || type->kind.empty()) return nullptr;
  std::sort(type->versions.begin(), type->versions.end(),
            [](const auto& a, const auto& b) { return VersionRank(a) > VersionRank(b); });
  if (type->storage_version.empty()) type->storage_version = type->versions.front();
  return type;
}

}  // namespace pgo::local
