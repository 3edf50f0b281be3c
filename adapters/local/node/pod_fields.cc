#include "adapters/local/node/pod_fields.h"

namespace pgo::local {
namespace {

const Json* ItemNamed(const Json& items, const std::string& name) {
  for (const Json& item : items) {
    if (GetString(item, {"name"}) == name) return &item;
  }
  return nullptr;
}

std::string Lines(const Json& map) {
  std::string out;
  for (const auto& [key, value] : map.items())
    out += key + "=" + Json(AsString(value)).dump() + "\n";
  if (!out.empty()) out.pop_back();
  return out;
}

// One value of a Secret or ConfigMap.
std::optional<std::string> KeyOfObject(const std::string& plural, const Json& object,
                                       const std::string& key) {
  if (const Json* text = Find(object, {"data", key})) {
    return plural == "secrets" ? DecodeBase64(AsString(*text)) : AsString(*text);
  }
  if (const Json* bytes = Find(object, {"binaryData", key})) return DecodeBase64(AsString(*bytes));
  return std::nullopt;
}

struct KeyReference {
  std::string plural;
  const Json& reference;
};

Result<std::optional<std::string>> ReadKey(const KeyReference& from, const ObjectLookup& lookup) {
  const std::string name = GetString(from.reference, {"name"}),
                    key = GetString(from.reference, {"key"});
  const bool optional = GetBool(from.reference, {"optional"});
  const char* kind = from.plural == "secrets" ? "secret" : "configmap";
  const auto object = lookup(from.plural, name);
  if (!object) {
    if (optional) return std::nullopt;
    return Fail(Code::kUnavailable, std::string(kind) + " \"" + name + "\" not found");
  }
  auto value = KeyOfObject(from.plural, *object, key);
  if (!value && !optional) {
    return Fail(Code::kUnavailable, "couldn't find key " + key + " in " + kind + " " + name);
  }
  return value;
}

Result<std::optional<std::string>> ValueFrom(const Json& pod, const Json& container,
                                             const Json& from, const ObjectLookup& lookup,
                                             const NodeCapacity& node) {
  if (const Json* ref = Find(from, "secretKeyRef")) return ReadKey({"secrets", *ref}, lookup);
  if (const Json* ref = Find(from, "configMapKeyRef")) return ReadKey({"configmaps", *ref}, lookup);
  if (const Json* ref = Find(from, "fieldRef")) {
    auto value = FieldValue(pod, GetString(*ref, {"fieldPath"}));
    if (!value) return Fail(value.error());
    return std::optional(*std::move(value));
  }
  if (const Json* ref = Find(from, "resourceFieldRef")) {
    const std::string other = GetString(*ref, {"containerName"});
    const Json* named =
        other.empty() ? nullptr : ItemNamed(GetArray(pod, {"spec", "containers"}), other);
    auto value = ResourceValue(named == nullptr ? container : *named, *ref, node);
    if (!value) return Fail(value.error());
    return std::optional(*std::move(value));
  }
  return std::nullopt;
}

Status AddSources(const Json& container, const ObjectLookup& lookup,
                  std::map<std::string, std::string>& out) {
  for (const Json& source : GetArray(container, {"envFrom"})) {
    const std::string prefix = GetString(source, {"prefix"});
    for (const auto& [field, plural] :
         {std::pair{"configMapRef", "configmaps"}, {"secretRef", "secrets"}}) {
      const Json* ref = Find(source, field);
      if (ref == nullptr) continue;
      const std::string name = GetString(*ref, {"name"});
      const auto object = lookup(plural, name);
      if (!object && GetBool(*ref, {"optional"})) continue;
      if (!object)
        return Fail(Code::kUnavailable, std::string(plural) + " \"" + name + "\" not found");
      for (const auto& [key, ignored] : GetObject(*object, {"data"}).items()) {
        out[prefix + key] = KeyOfObject(plural, *object, key).value_or("");
      }
    }
  }
  return {};
}

}  // namespace

Result<std::string> FieldValue(const Json& pod, const std::string& path) {
  for (const char* map : {"labels", "annotations"}) {
    const std::string whole = std::string("metadata.") + map;
    if (path == whole) return Lines(GetObject(pod, {"metadata", map}));
    if (path.starts_with(whole + "['") && path.ends_with("']")) {
      const std::string key = path.substr(whole.size() + 2, path.size() - whole.size() - 4);
      return GetString(pod, {"metadata", map, key});
    }
  }
  static const std::map<std::string, std::pair<const char*, const char*>> fields = {
      {"metadata.name", {"metadata", "name"}},
      {"metadata.namespace", {"metadata", "namespace"}},
      {"metadata.uid", {"metadata", "uid"}},
      {"spec.nodeName", {"spec", "nodeName"}},
      {"spec.serviceAccountName", {"spec", "serviceAccountName"}},
      {"status.hostIP", {"status", "hostIP"}},
      {"status.podIP", {"status", "podIP"}}};
  if (path == "status.podIPs") return GetString(pod, {"status", "podIP"});
  const auto field = fields.find(path);
  if (field == fields.end()) return Fail(Code::kInvalid, "unsupported fieldPath: " + path);
  return GetString(pod, {field->second.first, field->second.second});
}

Result<std::string> ResourceValue(const Json& container, const Json& reference,
                                  const NodeCapacity& node) {
  const std::string resource = GetString(reference, {"resource"});
  const std::size_t dot = resource.find('.');
  if (dot == std::string::npos)
    return Fail(Code::kInvalid, "unsupported container resource: " + resource);
  const std::string list = resource.substr(0, dot), name = resource.substr(dot + 1);
  auto value = MilliQuantity(GetString(container, {"resources", list, name}));
  if (!value && list == "requests")
    value = MilliQuantity(GetString(container, {"resources", "limits", name}));
  if (!value && list == "limits" && name == "cpu") value = node.cpu_milli;
  if (!value && list == "limits" && name == "memory") value = node.memory_bytes * 1000;
  auto divisor = MilliQuantity(GetString(reference, {"divisor"}, "1"));
  if (!divisor || *divisor <= 0) divisor = 1000;
  const std::int64_t amount = value.value_or(0);
  return std::to_string(amount / *divisor + (amount % *divisor != 0 ? 1 : 0));
}

std::string QosClass(const Json& pod) {
  bool any = false, all = true;
  for (const char* list : {"initContainers", "containers"}) {
    for (const Json& container : GetArray(pod, {"spec", list})) {
      const Json& limits = GetObject(container, {"resources", "limits"});
      const Json& requests = GetObject(container, {"resources", "requests"});
      any = any || !limits.empty() || !requests.empty();
      for (const char* name : {"cpu", "memory"}) {
        const auto limit = MilliQuantity(GetString(limits, {name}));
        const auto request = MilliQuantity(GetString(requests, {name}));
        all = all && limit && *limit > 0 && (!request || *request == *limit);
      }
    }
  }
  if (!any) return "BestEffort";
  return all ? "Guaranteed" : "Burstable";
}

std::string ExpandVariables(std::string_view text,
                            const std::map<std::string, std::string>& variables) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '$' || at + 1 == text.size()) {
      out += text[at];
      continue;
    }
    if (text[at + 1] == '$') {
      out += '$';
      ++at;
      continue;
    }
    const std::size_t end = text[at + 1] == '(' ? text.find(')', at) : std::string_view::npos;
    if (end == std::string_view::npos) {
      out += '$';
      continue;
    }
    const auto known = variables.find(std::string(text.substr(at + 2, end - at - 2)));
    out += known == variables.end() ? std::string(text.substr(at, end - at + 1)) : known->second;
    at = end;
  }
  return out;
}

Result<std::map<std::string, std::string>> BuildEnvironment(const Json& pod, const Json& container,
                                                            std::map<std::string, std::string> base,
                                                            const ObjectLookup& lookup,
                                                            const NodeCapacity& node) {
  std::map<std::string, std::string> out = std::move(base);
  if (auto added = AddSources(container, lookup, out); !added) return Fail(added.error());
  for (const Json& variable : GetArray(container, {"env"})) {
    const std::string name = GetString(variable, {"name"});
    const Json* from = Find(variable, "valueFrom");
    if (from == nullptr) {
      out[name] = ExpandVariables(GetString(variable, {"value"}), out);
      continue;
    }
    auto value = ValueFrom(pod, container, *from, lookup, node);
    if (!value) return Fail(value.error());
    if (*value) out[name] = **value;
  }
  return out;
}

std::string DecodeBase64(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int digit = -1;
    if (c >= 'A' && c <= 'Z') digit = c - 'A';
    if (c >= 'a' && c <= 'z') digit = c - 'a' + 26;
    if (c >= '0' && c <= '9') digit = c - '0' + 52;
    if (c == '+') digit = 62;
    if (c == '/') digit = 63;
    if (digit < 0) break;
    bits = bits << 6 | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>(bits >> count & 0xff);
  }
  return out;
}

}  // namespace pgo::local
