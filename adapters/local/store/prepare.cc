#include "adapters/local/store/prepare.h"

#include <algorithm>

#include "adapters/local/store/claims.h"
#include "adapters/local/store/defaults.h"
#include "adapters/local/store/meta.h"
#include "adapters/local/store/patch.h"
#include "adapters/local/store/schema.h"

namespace pgo::local {
namespace {

// What the server alone writes: a client's version of it is not asked.
constexpr const char* kServerFields[] = {
    "uid",        "resourceVersion",   "creationTimestamp",
    "generation", "deletionTimestamp", "deletionGracePeriodSeconds",
    "selfLink",   "managedFields"};

std::string RequestVersion(const WriteContext& context) {
  const std::string& asked = context.write.version;
  return context.type.Serves(asked) ? asked : context.type.storage_version;
}

Manager ManagerOf(const WriteContext& context) {
  return {context.write.field_manager.empty() ? "unknown" : context.write.field_manager,
          context.write.subresource, context.type.ApiVersion(RequestVersion(context))};
}

void SetIdentity(const WriteContext& context, Json& object) {
  object["apiVersion"] = context.type.ApiVersion(context.type.storage_version);
  object["kind"] = context.type.kind;
}

// Empty maps that clients leave behind ("labels": {}) and nulls are not kept.
void TidyMetadata(Json& object) {
  Json& metadata = Meta(object);
  for (auto it = metadata.begin(); it != metadata.end();) {
    const bool empty_list = it.key() == "finalizers" || it.key() == "ownerReferences" ||
                            it.key() == "labels" || it.key() == "annotations";
    it = it->is_null() || (empty_list && it->empty()) ? metadata.erase(it) : std::next(it);
  }
}

std::vector<FieldError> CheckMetadata(const Json& object) {
  std::vector<FieldError> errors;
  for (const char* name : {"labels", "annotations"}) {
    const Json* map = Find(object, {"metadata", name});
    if (map == nullptr) continue;
    const std::string path = std::string("metadata.") + name;
    if (!map->is_object()) {
      errors.push_back({path, "FieldValueTypeInvalid", "Invalid value: must be an object"});
      continue;
    }
    for (const auto& [key, value] : map->items()) {
      if (value.is_string()) continue;
      errors.push_back({path + "." + key, "FieldValueTypeInvalid",
                        "Invalid value: " + DumpJson(value) + ": must be a string"});
    }
  }
  return errors;
}

Answer<void> Judge(const WriteContext& context, const Json& object, const Json* old) {
  auto errors = CheckMetadata(object);
  const auto add = [&errors](std::vector<FieldError> more) {
    errors.insert(errors.end(), more.begin(), more.end());
  };
  const auto schema = context.type.schemas.find(RequestVersion(context));
  if (schema != context.type.schemas.end()) add(Validate(object, schema->second));
  add(CheckBuiltIn(context.type, object, old));
  const auto rules = context.options.admission.find(context.type.kind);
  // A rule may read what the schema promises, so it is asked only about what fits the schema.
  if (errors.empty() && context.type.custom && rules != context.options.admission.end()) {
    // Rules may differ by version, and the object says by which it was sent.
    Json asked = object;
    asked["apiVersion"] = context.type.ApiVersion(RequestVersion(context));
    add(rules->second(asked, old));
  }
  if (!errors.empty()) return tl::unexpected(Invalid(context.type, NameOf(object), errors));
  if (old == nullptr) return {};
  return JudgeExpansion(context.type, *old, object, context.can_expand);
}

void Complete(const WriteContext& context, Json& object, const Json* old) {
  const auto schema = context.type.schemas.find(RequestVersion(context));
  if (schema != context.type.schemas.end()) {
    Prune(object, schema->second);
    SetDefaults(object, schema->second);
  }
  SetBuiltInDefaults(context.type, object, old, context.options.eviction_s);
  TidyMetadata(object);
}

Json EstablishedStatus(const Json& definition) {
  const std::string now = GetString(definition, {"metadata", "creationTimestamp"}, NowText());
  Json conditions = Json::array();
  for (const char* type : {"NamesAccepted", "Established"}) {
    conditions.push_back(
        {{"type", type},
         {"status", "True"},
         {"lastTransitionTime", now},
         {"reason", type == std::string("Established") ? "InitialNamesAccepted" : "NoConflicts"},
         {"message", ""}});
  }
  Json stored = Json::array();
  for (const Json& version : GetArray(definition, {"spec", "versions"})) {
    if (GetBool(version, {"storage"})) stored.push_back(GetString(version, {"name"}));
  }
  return {{"acceptedNames", GetObject(definition, {"spec", "names"})},
          {"conditions", std::move(conditions)},
          {"storedVersions", std::move(stored)}};
}

// All that is neither metadata nor status counts as the specification of a custom type.
bool SpecificationDiffers(const TypeInfo& type, const Json& a, const Json& b) {
  const auto specification = [&](const Json& object) {
    if (!type.custom) {
      const Json* spec = Find(object, "spec");
      return spec == nullptr ? Json() : *spec;
    }
    Json copy = object;
    copy.erase("metadata");
    if (type.has_status) copy.erase("status");
    return copy;
  };
  return specification(a) != specification(b);
}

// A change of metadata alone is not judged anew: it can mend nothing, and must not be held up.
bool ContentDiffers(Json a, Json b) {
  a.erase("metadata");
  b.erase("metadata");
  return a != b;
}

void KeepServerFields(const Json& old, Json& object) {
  Json& metadata = Meta(object);
  const Json& before = GetObject(old, {"metadata"});
  for (const char* name : kServerFields) {
    if (name == std::string_view("managedFields")) continue;
    const Json* was = Find(before, name);
    if (was == nullptr) {
      metadata.erase(name);
    } else {
      metadata[name] = *was;
    }
  }
  metadata["name"] = NameOf(old);
  const Json* ns = Find(before, "namespace");
  if (ns != nullptr) metadata["namespace"] = *ns;
}

// What a write through a subresource, or past one, may touch.
Json Restrict(const WriteContext& context, const Json& old, Json proposed) {
  const std::string& subresource = context.write.subresource;
  if (subresource == "status") {
    Json object = old;
    const auto status = proposed.find("status");
    if (status == proposed.end()) {
      object.erase("status");
    } else {
      object["status"] = std::move(*status);
    }
    const Json* managed = Find(proposed, {"metadata", "managedFields"});
    if (managed != nullptr) Meta(object)["managedFields"] = *managed;
    return object;
  }
  if (context.type.has_status && subresource.empty()) {
    const Json* status = Find(old, "status");
    if (status == nullptr) {
      proposed.erase("status");
    } else {
      proposed["status"] = *status;
    }
  }
  return proposed;
}

}  // namespace

Answer<void> CheckPreconditions(const Resource& resource, const Json& old, const Json& sent) {
  const std::string uid = UidOf(sent), version = GetString(sent, {"metadata", "resourceVersion"});
  if (!uid.empty() && uid != UidOf(old)) {
    return tl::unexpected(
        Conflict(resource, NameOf(old),
                 "StorageError: invalid object, Code: 4, Precondition failed: UID in "
                 "precondition: " +
                     uid + ", UID in object meta: " + UidOf(old)));
  }
  if (!version.empty() && version != "0" &&
      version != GetString(old, {"metadata", "resourceVersion"})) {
    return tl::unexpected(Conflict(resource, NameOf(old),
                                   "the object has been modified; please apply your changes to the "
                                   "latest version and try again"));
  }
  return {};
}

bool ReadyToGo(const TypeInfo& type, const Json& object) {
  if (!Deleting(object) || HasFinalizers(object)) return false;
  if (type.kind == "Namespace" && !GetArray(object, {"spec", "finalizers"}).empty()) return false;
  return GetInt(object, {"metadata", "deletionGracePeriodSeconds"}, 0) == 0;
}

Answer<Json> PrepareCreate(const WriteContext& context, const std::string& ns, Json object,
                           bool applied) {
  if (!object.is_object()) return tl::unexpected(BadRequest("the object is not a JSON object"));
  Json& metadata = Meta(object);
  const Json managed = metadata.value("managedFields", Json());
  for (const char* name : kServerFields) metadata.erase(name);
  const std::string prefix = GetString(metadata, {"generateName"});
  if (NameOf(object).empty() && !prefix.empty()) metadata["name"] = prefix + RandomSuffix(5);
  const std::string name = NameOf(object);
  if (name.empty()) {
    return tl::unexpected(Invalid(context.type, "",
                                  {{"metadata.name", "FieldValueRequired",
                                    "Required value: name or generateName is required"}}));
  }
  if (!ValidName(name) && context.type.resource.group != "rbac.authorization.k8s.io") {
    return tl::unexpected(
        Invalid(context.type, name,
                {{"metadata.name", "FieldValueInvalid",
                  "Invalid value: \"" + name +
                      "\": a lowercase RFC 1123 subdomain must consist of lower case "
                      "alphanumeric characters, '-' or '.', and must start and end with an "
                      "alphanumeric character"}}));
  }
  if (context.type.namespaced) metadata["namespace"] = ns;
  metadata["uid"] = NewUuid();
  metadata["creationTimestamp"] = NowText();
  SetIdentity(context, object);
  SetInitialState(context.type, object);
  Complete(context, object, nullptr);
  if (object.contains("spec")) Meta(object)["generation"] = 1;
  if (auto judged = Judge(context, object, nullptr); !judged) return tl::unexpected(judged.error());
  if (context.type.kind == "Service") {
    AllocateClusterIp(object, context.options.service_prefix, context.ip_taken);
  }
  if (context.type.kind == "CustomResourceDefinition") object["status"] = EstablishedStatus(object);
  if (applied) {
    Meta(object)["managedFields"] = managed;
  } else {
    RecordUpdate(Json::object(), object, ManagerOf(context),
                 RootShape(context.type, RequestVersion(context)));
  }
  return object;
}

Answer<Json> PrepareUpdate(const WriteContext& context, const Json& old, Json proposed,
                           bool applied) {
  if (!proposed.is_object()) return tl::unexpected(BadRequest("the object is not a JSON object"));
  if (auto ok = CheckPreconditions(context.type.resource, old, proposed); !ok) {
    return tl::unexpected(ok.error());
  }
  Json object = Restrict(context, old, std::move(proposed));
  KeepServerFields(old, object);
  SetIdentity(context, object);
  Complete(context, object, &old);
  if (context.type.kind == "Service" && context.write.subresource.empty()) {
    AllocateClusterIp(object, context.options.service_prefix, context.ip_taken);
  }
  if (Deleting(old)) {  // a finalizer may go, none may come
    Json& finalizers = Meta(object)["finalizers"];
    const Json& was = GetArray(old, {"metadata", "finalizers"});
    Json kept = Json::array();
    for (const Json& finalizer : finalizers) {
      if (std::find(was.begin(), was.end(), finalizer) != was.end()) kept.push_back(finalizer);
    }
    finalizers = std::move(kept);
    TidyMetadata(object);
  }
  if (context.type.kind == "CustomResourceDefinition" && context.write.subresource.empty()) {
    object["status"] = EstablishedStatus(object);
  }
  if (ContentDiffers(old, object)) {
    if (auto judged = Judge(context, object, &old); !judged) return tl::unexpected(judged.error());
  } else if (auto errors = CheckMetadata(object); !errors.empty()) {
    return tl::unexpected(Invalid(context.type, NameOf(object), errors));
  }
  if (SpecificationDiffers(context.type, old, object)) {
    Meta(object)["generation"] = GetInt(old, {"metadata", "generation"}, 0) + 1;
  }
  if (!applied) {
    RecordUpdate(old, object, ManagerOf(context), RootShape(context.type, RequestVersion(context)));
  }
  return SameObject(old, object) ? old : object;
}

Answer<Json> PreparePatch(const WriteContext& context, const Key& key, const Json* old,
                          PatchType type, const Json& patch) {
  const Shape shape = RootShape(context.type, RequestVersion(context));
  if (type == PatchType::kApply) {
    if (!patch.is_object())
      return tl::unexpected(BadRequest("an applied configuration is an object"));
    if (old != nullptr) {
      if (auto ok = CheckPreconditions(key.resource, *old, patch); !ok)
        return tl::unexpected(ok.error());
    }
    Json configuration = patch;
    SetIdentity(context, configuration);
    Meta(configuration)["name"] = key.name;
    if (context.write.subresource == "status") {  // the rest of the configuration is not asked
      configuration = {{"apiVersion", configuration["apiVersion"]},
                       {"kind", configuration["kind"]},
                       {"metadata", {{"name", key.name}}},
                       {"status", patch.value("status", Json::object())}};
    } else if (context.type.has_status) {
      configuration.erase("status");
    }
    return Apply(old == nullptr ? Json::object() : *old, configuration, ManagerOf(context),
                 context.write.force, shape);
  }
  if (type == PatchType::kJson) return JsonPatch(*old, patch);
  if (type == PatchType::kMerge) return MergePatch(*old, patch);
  if (context.type.custom) {
    return tl::unexpected(
        StatusError{415, "UnsupportedMediaType",
                    "the body of the request was in an unknown format - accepted media "
                    "types include: application/json-patch+json, "
                    "application/merge-patch+json, application/apply-patch+yaml",
                    nullptr});
  }
  return StrategicMergePatch(*old, patch, shape);
}

}  // namespace pgo::local
