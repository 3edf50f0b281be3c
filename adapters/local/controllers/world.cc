#include "adapters/local/controllers/world.h"

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

const ObjectMap kNone;
const char* const kManager = "kube-controller-manager";

}  // namespace

void World::Fold(const Change& change) {
  ObjectMap& map = objects_[change.key.resource];
  const NamespacedName name{change.key.ns, change.key.name};
  if (change.type == ChangeType::kDeleted) {
    map.erase(name);
  } else {
    map[name] = change.object;
  }
}

const ObjectMap& World::All(const Resource& resource) const {
  const auto it = objects_.find(resource);
  return it == objects_.end() ? kNone : it->second;
}

ObjectPtr World::Get(const Resource& resource, const std::string& ns,
                     const std::string& name) const {
  const ObjectMap& map = All(resource);
  const auto it = map.find({ns, name});
  return it == map.end() ? nullptr : it->second;
}

Key KeyOf(const Resource& resource, const Json& object) {
  return {resource, GetString(object, {"metadata", "namespace"}), NameOf(object)};
}

std::string ConditionOf(const Json& object, std::string_view type) {
  for (const Json& condition : GetArray(object, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == type) return GetString(condition, {"status"});
  }
  return {};
}

bool SetCondition(Json& object, const std::string& type, const std::string& status,
                  const std::string& reason, const std::string& message) {
  Json& conditions = object["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  Json* found = nullptr;
  for (Json& condition : conditions) {
    if (GetString(condition, {"type"}) == type) found = &condition;
  }
  if (found == nullptr) {
    conditions.push_back({{"type", type}});
    found = &conditions.back();
  }
  const bool turned = GetString(*found, {"status"}) != status;
  const bool changed = turned || GetString(*found, {"reason"}) != reason ||
                       GetString(*found, {"message"}) != message;
  (*found)["status"] = status;
  (*found)["reason"] = reason;
  (*found)["message"] = message;
  if (turned) (*found)["lastTransitionTime"] = NowText();
  return changed;
}

bool PodReady(const Json& pod) { return ConditionOf(pod, "Ready") == "True"; }

bool PodOver(const Json& pod) {
  const std::string phase = GetString(pod, {"status", "phase"});
  return phase == "Succeeded" || phase == "Failed";
}

bool ControlledBy(const Json& object, const std::string& uid) {
  for (const Json& owner : GetArray(object, {"metadata", "ownerReferences"})) {
    if (GetBool(owner, {"controller"}) && GetString(owner, {"uid"}) == uid) return true;
  }
  return false;
}

Json OwnerReference(const Json& owner, const std::string& api_version, const std::string& kind) {
  return {{"apiVersion", api_version}, {"kind", kind},       {"name", NameOf(owner)},
          {"uid", UidOf(owner)},       {"controller", true}, {"blockOwnerDeletion", true}};
}

void CreateOnce(Store& store, const Resource& resource, const std::string& ns, Json object) {
  static_cast<void>(store.Create(resource, ns, std::move(object), {.field_manager = kManager}));
}

void DeleteThis(Store& store, const Resource& resource, const Json& object,
                std::optional<std::int64_t> grace) {
  DeletePreconditions preconditions;
  preconditions.uid = UidOf(object);
  preconditions.grace_period_seconds = grace;
  static_cast<void>(store.Delete(KeyOf(resource, object), preconditions));
}

}  // namespace pgo::local
