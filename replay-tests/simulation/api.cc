#include "replay-tests/simulation/api.h"

namespace pgo::simulation {
namespace {

constexpr std::size_t kLogMax = 2000;

// Removes what was applied before and is not any more; lists are taken as a whole.
void RemoveAbsent(Json& live, const Json& before, const Json& now) {
  if (!live.is_object() || !before.is_object()) return;
  for (const auto& [key, value] : before.items()) {
    const auto at = live.find(key);
    if (at == live.end()) continue;
    if (!now.is_object() || !now.contains(key)) {
      live.erase(at);
    } else if (value.is_object()) {
      RemoveAbsent(*at, value, now[key]);
    }
  }
}

void Merge(Json& live, const Json& now) {
  if (!live.is_object()) live = Json::object();
  for (const auto& [key, value] : now.items()) {
    if (value.is_object()) {
      Merge(live[key], value);
    } else {
      live[key] = value;
    }
  }
}

// As the operator's watches select.
bool HasStatus(const std::string& kind) {
  return kind == "PostgresCluster" || kind == "StatefulSet";
}

}  // namespace

const Json* ApiServer::Find(const kube::ObjectRef& ref) const {
  const auto it = objects_.find(ref);
  return it == objects_.end() ? nullptr : it->second.get();
}

Object ApiServer::Get(const kube::ObjectRef& ref) const {
  const auto it = objects_.find(ref);
  return it == objects_.end() ? nullptr : it->second;
}

std::vector<std::pair<kube::ObjectRef, Object>> ApiServer::All(std::string_view kind) const {
  std::vector<std::pair<kube::ObjectRef, Object>> out;
  for (auto it = objects_.lower_bound({std::string(kind), "", ""});
       it != objects_.end() && it->first.kind == kind; ++it) {
    out.emplace_back(it->first, it->second);
  }
  return out;
}

bool ApiServer::Since(std::uint64_t version, std::vector<Change>& out,
                      std::string_view kind) const {
  const std::uint64_t oldest = log_.empty() ? version_ + 1 : log_.front().version;
  if (version + 1 < oldest && version < version_) return false;
  for (const Change& change : log_) {
    if (change.version > version && change.ref.kind == kind) out.push_back(change);
  }
  return true;
}

Reply ApiServer::Commit(const kube::ObjectRef& ref, Json object) {
  Json& metadata = object["metadata"];
  const Json* old = Find(ref);
  if (old == nullptr) {
    object["kind"] = ref.kind;
    metadata["name"] = ref.name;
    if (!ref.ns.empty()) metadata["namespace"] = ref.ns;
    metadata["uid"] = "uid-" + std::to_string(++created_);
    metadata["creationTimestamp"] = WallSeconds(wall_us_());
    if (HasStatus(ref.kind)) metadata["generation"] = 1;
    const Json* ip = pgo::Find(object, {"spec", "clusterIP"});
    if (ref.kind == "Service" && ip == nullptr) {
      Put(object, {"spec", "clusterIP"}, "10.96.0." + std::to_string(++addresses_));
    }
  } else if (HasStatus(ref.kind) && GetObject(object, {"spec"}) != GetObject(*old, {"spec"})) {
    metadata["generation"] = GetInt(*old, {"metadata", "generation"}) + 1;
  }
  const bool ends = metadata.contains("deletionTimestamp") &&
                    GetArray(object, {"metadata", "finalizers"}).empty() && ref.kind != "Pod";
  metadata["resourceVersion"] = std::to_string(++version_);
  auto stored = std::make_shared<const Json>(std::move(object));
  if (ends) {
    objects_.erase(ref);
    applied_.erase(ref);
  } else {
    objects_[ref] = stored;
  }
  log_.push_back({version_, ref, stored, ends});
  if (log_.size() > kLogMax) log_.pop_front();
  const Change change = log_.back();
  if (on_change_) on_change_(change);
  return {Outcome::kOk, "", stored};
}

Outcome ApiServer::Check(const kube::ObjectRef& ref, const Preconditions& when) const {
  const Json* object = Find(ref);
  if (object == nullptr) return Outcome::kNotFound;
  const bool holds =
      (when.uid.empty() || when.uid == GetString(*object, {"metadata", "uid"})) &&
      (when.rv.empty() || when.rv == GetString(*object, {"metadata", "resourceVersion"}));
  return holds ? Outcome::kOk : Outcome::kConflict;
}

Reply ApiServer::Apply(const kube::ObjectRef& ref, const Json& object) {
  const Json* old = Find(ref);
  Json next = old == nullptr ? Json::object() : *old;
  const auto before = applied_.find(ref);
  if (before != applied_.end()) RemoveAbsent(next, before->second, object);
  Merge(next, object);
  applied_[ref] = object;
  if (old != nullptr && next == *old) return {Outcome::kOk, "", Get(ref)};
  return Commit(ref, std::move(next));
}

Reply ApiServer::Patch(const kube::ObjectRef& ref, const Preconditions& when, const Json& patch) {
  const Outcome outcome = Check(ref, when);
  if (outcome != Outcome::kOk) return {outcome, ref.Text() + ": the precondition fails", nullptr};
  const Json* old = Find(ref);
  Json next = *old;
  next.merge_patch(patch);
  if (next == *old) return {Outcome::kOk, "", Get(ref)};
  return Commit(ref, std::move(next));
}

Reply ApiServer::Create(const kube::ObjectRef& ref, Json object) {
  if (Find(ref) != nullptr) return {Outcome::kConflict, ref.Text() + " exists", nullptr};
  return Commit(ref, std::move(object));
}

Reply ApiServer::Delete(const kube::ObjectRef& ref, const Preconditions& when, bool at_once) {
  const Outcome outcome = Check(ref, when);
  if (outcome != Outcome::kOk) return {outcome, ref.Text() + ": the precondition fails", nullptr};
  const Json* old = Find(ref);
  const bool bound = !GetString(*old, {"spec", "nodeName"}).empty();
  const bool finalizers = !GetArray(*old, {"metadata", "finalizers"}).empty();
  if ((ref.kind == "Pod" && bound && !at_once) || finalizers) {
    if (pgo::Find(*old, {"metadata", "deletionTimestamp"}) != nullptr) return {};
    Json next = *old;
    Put(next, {"metadata", "deletionTimestamp"}, WallSeconds(wall_us_()));
    return Commit(ref, std::move(next));
  }
  Remove(ref);
  return {};
}

bool ApiServer::Mutate(const kube::ObjectRef& ref, const std::function<bool(Json&)>& change) {
  const Json* old = Find(ref);
  if (old == nullptr) return false;
  Json next = *old;
  if (!change(next) || next == *old) return false;
  Commit(ref, std::move(next));
  return true;
}

void ApiServer::Remove(const kube::ObjectRef& ref) {
  const auto it = objects_.find(ref);
  if (it == objects_.end()) return;
  Json last = *it->second;
  last["metadata"]["resourceVersion"] = std::to_string(++version_);
  const auto object = std::make_shared<const Json>(std::move(last));
  objects_.erase(it);
  applied_.erase(ref);
  log_.push_back({version_, ref, object, true});
  if (log_.size() > kLogMax) log_.pop_front();
  const Change change = log_.back();
  if (on_change_) on_change_(change);
}

}  // namespace pgo::simulation
