#include "adapters/local/store/shape.h"

#include <algorithm>
#include <span>

#include "engine/base/json.h"

namespace pgo::local {
namespace {

// Lists of the built-in types that do not merge as one value. `parent` is the field that holds the
// list's owner ("" for any); the first row that fits counts.
struct ListRow {
  std::string_view kind;    // of the object, "" for any
  std::string_view parent;  // "" for any
  std::string_view name;
  ListKind list;
  std::string_view keys;       // of server-side apply, comma-separated
  std::string_view patch_key;  // of strategic merge
};

constexpr ListRow kLists[] = {
    {"", "metadata", "finalizers", ListKind::kSet, "", "*"},
    {"", "metadata", "ownerReferences", ListKind::kMap, "uid", "uid"},
    {"", "", "containers", ListKind::kMap, "name", "name"},
    {"", "", "initContainers", ListKind::kMap, "name", "name"},
    {"", "", "ephemeralContainers", ListKind::kMap, "name", "name"},
    {"", "", "env", ListKind::kMap, "name", "name"},
    {"", "", "volumes", ListKind::kMap, "name", "name"},
    {"", "", "volumeMounts", ListKind::kMap, "mountPath", "mountPath"},
    {"", "", "volumeDevices", ListKind::kMap, "devicePath", "devicePath"},
    {"", "", "imagePullSecrets", ListKind::kMap, "name", "name"},
    {"", "", "hostAliases", ListKind::kMap, "ip", "ip"},
    {"", "", "topologySpreadConstraints", ListKind::kMap, "topologyKey,whenUnsatisfiable",
     "topologyKey"},
    {"Service", "spec", "ports", ListKind::kMap, "port,protocol", "port"},
    {"", "containers", "ports", ListKind::kMap, "containerPort,protocol", "containerPort"},
    {"", "initContainers", "ports", ListKind::kMap, "containerPort,protocol", "containerPort"},
    {"", "status", "conditions", ListKind::kMap, "type", "type"},
    {"", "status", "podIPs", ListKind::kMap, "ip", "ip"},
    {"Node", "status", "addresses", ListKind::kMap, "type", "type"},
    {"Node", "spec", "taints", ListKind::kAtomic, "", "key"},
    {"ServiceAccount", "", "secrets", ListKind::kMap, "name", "name"},
    {"StatefulSet", "spec", "volumeClaimTemplates", ListKind::kAtomic, "", ""},
    {"", "projected", "sources", ListKind::kAtomic, "", ""},
    {"CustomResourceDefinition", "names", "shortNames", ListKind::kAtomic, "", ""},
};

// Objects of the built-in types that merge as one value.
constexpr std::string_view kAtomicMaps[] = {
    "secretKeyRef",   "configMapKeyRef", "fieldRef",  "resourceFieldRef",
    "labelSelector",  "claimRef",        "targetRef", "nodeSelector",
    "involvedObject", "podSelector",     "roleRef",   "nodeAffinity",
};

const ListRow* FindList(std::string_view kind, std::string_view parent, std::string_view name) {
  for (const ListRow& row : kLists) {
    if (row.name == name && (row.kind.empty() || row.kind == kind) &&
        (row.parent.empty() || row.parent == parent)) {
      return &row;
    }
  }
  return nullptr;
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(','), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

const Json* SchemaOfField(const Json* schema, std::string_view name) {
  if (schema == nullptr) return nullptr;
  if (const Json* at = Find(*schema, {"properties", name})) return at;
  const Json* more = Find(*schema, "additionalProperties");
  return more != nullptr && more->is_object() ? more : nullptr;
}

}  // namespace

Shape RootShape(const TypeInfo& type, const std::string& version) {
  Shape root;
  root.kind_ = type.kind;
  root.custom_ = type.custom;
  const auto it = type.schemas.find(version.empty() ? type.storage_version : version);
  if (it != type.schemas.end()) root.schema_ = &it->second;
  return root;
}

Shape Shape::Field(std::string_view name) const {
  Shape next = *this;
  next.parent_ = name_;
  next.name_ = name;
  next.item_ = false;
  next.schema_ = SchemaOfField(schema_, name);
  // metadata is not in a custom type's schema: it merges as everywhere.
  if (name_.empty() && name == "metadata") next.custom_ = false;
  return next;
}

Shape Shape::Item() const {
  Shape next = *this;
  next.item_ = true;
  next.schema_ = schema_ == nullptr ? nullptr : Find(*schema_, "items");
  return next;
}

ListShape Shape::List() const {
  if (custom_) {
    if (schema_ == nullptr) return {};
    const std::string kind = GetString(*schema_, {"x-kubernetes-list-type"});
    if (kind == "set") return {ListKind::kSet, {}};
    if (kind != "map") return {};
    ListShape shape{ListKind::kMap, {}};
    for (const Json& key : GetArray(*schema_, {"x-kubernetes-list-map-keys"})) {
      shape.keys.push_back(AsString(key));
    }
    return shape;
  }
  const ListRow* row = FindList(kind_, parent_, name_);
  return row == nullptr ? ListShape{} : ListShape{row->list, Split(row->keys)};
}

std::string Shape::PatchMergeKey() const {
  const ListRow* row = custom_ ? nullptr : FindList(kind_, parent_, name_);
  return row == nullptr ? std::string() : std::string(row->patch_key);
}

bool Shape::AtomicMap() const {
  if (custom_) {
    return schema_ != nullptr && GetString(*schema_, {"x-kubernetes-map-type"}) == "atomic";
  }
  if (item_) return false;
  // A Service's selector and a workload's are replaced whole.
  if (name_ == "selector" && parent_ == "spec") return true;
  return std::find(std::begin(kAtomicMaps), std::end(kAtomicMaps), name_) != std::end(kAtomicMaps);
}

}  // namespace pgo::local
