#include "adapters/kube/managers.h"

#include <algorithm>
#include <array>

#include "adapters/kube/redact.h"

namespace pgo::kube {
namespace {

constexpr std::size_t kKeyBytesMax = 512;

// Members that Kubernetes' own lists, and PGO's, are keyed by.
bool KeepsKey(std::string_view name) {
  constexpr std::array kKeys{"name", "key",  "containerPort", "port",        "protocol",
                             "ip",   "type", "mountPath",     "topologyKey", "whenUnsatisfiable",
                             "uid"};
  return std::ranges::find(kKeys, name) != kKeys.end();
}

// "f:NAME", "v:VALUE", "k:{…}", "i:3" and "."; what else there may be is not known, so not kept.
std::string KeyOf(const std::string& key) {
  if (key == ".") return key;
  if (key.size() < 2 || key.size() > kKeyBytesMax || key[1] != ':') return "";
  const std::string rest = key.substr(2);
  const char kind = key[0];
  if (kind == 'f' || kind == 'i') return LooksLikeCredential(rest) ? "f:***" : key;
  if (kind != 'v' && kind != 'k') return "";
  auto value = ParseJson(rest);
  if (!value) return "";
  MaskCredentials(*value);
  if (value->is_object()) {
    for (auto it = value->begin(); it != value->end(); ++it) {
      if (!KeepsKey(it.key())) *it = "***";
    }
  }
  return key.substr(0, 2) + DumpJson(*value);
}

// A part of a set; `left` is how many more fields may be kept. False if it is too large.
bool Cut(const Json& from, Json& out, std::size_t& left, int depth) {
  out = Json::object();
  if (depth > kManagedDepthMax) return false;
  if (!from.is_object()) return true;
  for (const auto& [name, below] : from.items()) {
    const std::string key = KeyOf(name);
    if (key.empty()) continue;
    if (left == 0) return false;
    --left;
    if (!Cut(below, out[key], left, depth + 1)) return false;
  }
  return true;
}

// What the journal keeps the values of.
Json Wanted(std::string_view kind, const Json& fields) {
  Json out = Json::object();
  if (const Json* spec = Find(fields, "f:spec")) out["f:spec"] = *spec;
  const Json& metadata = GetObject(fields, {"f:metadata"});
  for (const char* name : {"f:labels", "f:finalizers"}) {
    if (const Json* found = Find(metadata, name)) out["f:metadata"][name] = *found;
  }
  for (const auto& [name, below] : GetObject(metadata, {"f:annotations"}).items()) {
    if (name.starts_with("f:") && KeepsAnnotation(kind, std::string_view(name).substr(2))) {
      out["f:metadata"]["f:annotations"][name] = below;
    }
  }
  return out;
}

}  // namespace

Json ManagersOf(std::string_view kind, const Json& metadata) {
  Json out = Json::array();
  std::size_t left = kManagedFieldsMax;
  for (const Json& entry : GetArray(metadata, {"managedFields"})) {
    if (out.size() == kManagersMax) break;
    Json kept = Json::object();
    for (const char* name : {"manager", "operation", "subresource", "time"}) {
      if (const Json* member = Find(entry, name)) kept[name] = *member;
    }
    const Json* fields = Find(entry, "fieldsV1");
    if (kind == "PostgresCluster" && fields != nullptr) {
      Json cut;
      const bool whole = Cut(Wanted(kind, *fields), cut, left, 0);
      whole ? kept["fields"] = std::move(cut) : kept["fieldsCut"] = true;
    }
    out.push_back(std::move(kept));
  }
  return out;
}

}  // namespace pgo::kube
