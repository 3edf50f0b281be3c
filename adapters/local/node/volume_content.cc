#include "adapters/local/node/volume_content.h"

namespace pgo::local {
namespace {

struct Context {
  const Json& pod;
  const ObjectLookup& lookup;
  const ServiceAccountFiles& account;
  const NodeCapacity& node;
  int mode = 0644;  // of files that say nothing else
};

bool Escapes(const std::string& path) {
  return path.empty() || path.front() == '/' || path == ".." || path.starts_with("../") ||
         path.find("/../") != std::string::npos || path.ends_with("/..");
}

int ModeOf(const Json& item, int otherwise) {
  return static_cast<int>(GetInt(item, {"mode"}, otherwise));
}

std::map<std::string, std::string> DataOf(const std::string& plural, const Json& object) {
  std::map<std::string, std::string> out;
  for (const auto& [key, value] : GetObject(object, {"data"}).items()) {
    out[key] = plural == "secrets" ? DecodeBase64(AsString(value)) : AsString(value);
  }
  for (const auto& [key, value] : GetObject(object, {"binaryData"}).items()) {
    out[key] = DecodeBase64(AsString(value));
  }
  return out;
}

Status AddObject(const Context& context, const std::string& plural, const std::string& name,
                 const Json& source, VolumeFiles& out) {
  const bool optional = GetBool(source, {"optional"});
  const char* kind = plural == "secrets" ? "secret" : "configmap";
  const auto object = context.lookup(plural, name);
  if (!object) {
    if (optional) return {};
    return Fail(Code::kUnavailable, std::string(kind) + " \"" + name + "\" not found");
  }
  const auto data = DataOf(plural, *object);
  const Json& items = GetArray(source, {"items"});
  if (items.empty()) {
    for (const auto& [key, bytes] : data) out[key] = {bytes, context.mode};
    return {};
  }
  for (const Json& item : items) {
    const std::string key = GetString(item, {"key"}), path = GetString(item, {"path"});
    if (Escapes(path))
      return Fail(Code::kInvalid, "path of volume item leaves the volume: " + path);
    const auto found = data.find(key);
    if (found != data.end()) {
      out[path] = {found->second, ModeOf(item, context.mode)};
    } else if (!optional) {
      return Fail(Code::kUnavailable,
                  std::string("references non-existent ") + kind + " key: " + key);
    }
  }
  return {};
}

Status AddDownward(const Context& context, const Json& source, VolumeFiles& out) {
  for (const Json& item : GetArray(source, {"items"})) {
    const std::string path = GetString(item, {"path"});
    if (Escapes(path))
      return Fail(Code::kInvalid, "path of volume item leaves the volume: " + path);
    Result<std::string> value = std::string();
    if (const Json* field = Find(item, "fieldRef")) {
      value = FieldValue(context.pod, GetString(*field, {"fieldPath"}));
    } else if (const Json* resource = Find(item, "resourceFieldRef")) {
      const std::string name = GetString(*resource, {"containerName"});
      Json container = Json::object();
      for (const Json& candidate : GetArray(context.pod, {"spec", "containers"})) {
        if (GetString(candidate, {"name"}) == name) container = candidate;
      }
      value = ResourceValue(container, *resource, context.node);
    }
    if (!value) return Fail(value.error());
    out[path] = {*value, ModeOf(item, context.mode)};
  }
  return {};
}

Status AddProjection(const Context& context, const Json& source, VolumeFiles& out) {
  if (const Json* secret = Find(source, "secret")) {
    return AddObject(context, "secrets", GetString(*secret, {"name"}), *secret, out);
  }
  if (const Json* map = Find(source, "configMap")) {
    return AddObject(context, "configmaps", GetString(*map, {"name"}), *map, out);
  }
  if (const Json* downward = Find(source, "downwardAPI"))
    return AddDownward(context, *downward, out);
  if (const Json* token = Find(source, "serviceAccountToken")) {
    out[GetString(*token, {"path"}, "token")] = {context.account.token, context.mode};
  }
  return {};
}

}  // namespace

bool HasContent(const Json& volume) {
  for (const char* kind : {"configMap", "secret", "projected", "downwardAPI"}) {
    if (Find(volume, kind) != nullptr) return true;
  }
  return false;
}

Result<VolumeFiles> BuildVolume(const Json& pod, const Json& volume, const ObjectLookup& lookup,
                                const ServiceAccountFiles& account, const NodeCapacity& node) {
  Context context{pod, lookup, account, node};
  for (const char* kind : {"configMap", "secret", "projected", "downwardAPI"}) {
    context.mode = static_cast<int>(GetInt(volume, {kind, "defaultMode"}, context.mode));
  }
  VolumeFiles out;
  Status done;
  if (const Json* map = Find(volume, "configMap")) {
    done = AddObject(context, "configmaps", GetString(*map, {"name"}), *map, out);
  } else if (const Json* secret = Find(volume, "secret")) {
    done = AddObject(context, "secrets", GetString(*secret, {"secretName"}), *secret, out);
  } else if (const Json* downward = Find(volume, "downwardAPI")) {
    done = AddDownward(context, *downward, out);
  } else {
    for (const Json& source : GetArray(volume, {"projected", "sources"})) {
      if (done) done = AddProjection(context, source, out);
    }
  }
  if (!done) return Fail(done.error());
  return out;
}

VolumeFiles AccountVolume(const Json& pod, const ServiceAccountFiles& account) {
  return {{"token", {account.token, 0644}},
          {"ca.crt", {account.ca_pem, 0644}},
          {"namespace", {GetString(pod, {"metadata", "namespace"}), 0644}}};
}

}  // namespace pgo::local
