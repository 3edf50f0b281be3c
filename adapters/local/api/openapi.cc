#include "adapters/local/api/openapi.h"

namespace pgo::local {
namespace {

std::string PathOf(const std::string& group, const std::string& version) {
  return group.empty() ? "api/" + version : "apis/" + group + "/" + version;
}

Json Gvk(const TypeInfo& type, const std::string& version) {
  return {{"group", type.resource.group}, {"version", version}, {"kind", type.kind}};
}

// io.example.v1.Kind of example.io
std::string ComponentOf(const TypeInfo& type, const std::string& version) {
  std::string group = type.resource.group.empty() ? "core" : type.resource.group;
  std::string reversed;
  while (!group.empty()) {
    const auto dot = group.rfind('.');
    reversed += group.substr(dot == std::string::npos ? 0 : dot + 1) + ".";
    group = dot == std::string::npos ? "" : group.substr(0, dot);
  }
  return reversed + version + "." + type.kind;
}

Json Operation(const TypeInfo& type, const std::string& version, const char* action) {
  Json parameters = Json::array();
  for (const char* name : {"dryRun", "fieldManager", "fieldValidation", "force", "pretty"}) {
    parameters.push_back({{"name", name}, {"in", "query"}, {"schema", {{"type", "string"}}}});
  }
  return {{"parameters", std::move(parameters)},
          {"responses", {{"200", {{"description", "OK"}}}}},
          {"x-kubernetes-action", action},
          {"x-kubernetes-group-version-kind", Gvk(type, version)}};
}

Json ComponentSchema(const TypeInfo& type, const std::string& version) {
  Json schema = {{"type", "object"}};
  const auto it = type.schemas.find(version);
  if (it != type.schemas.end() && it->second.is_object()) schema = it->second;
  schema["x-kubernetes-group-version-kind"] = {Gvk(type, version)};
  return schema;
}

Json Document(const std::string& group, const std::string& version, const TypeTable& types) {
  Json paths = Json::object(), schemas = Json::object();
  for (const auto& [resource, type] : types) {
    if (resource.group != group || !type->Serves(version)) continue;
    const std::string base = "/" + PathOf(group, version) + "/" +
                             (type->namespaced ? "namespaces/{namespace}/" : "") + resource.plural;
    paths[base] = {{"get", Operation(*type, version, "list")},
                   {"post", Operation(*type, version, "post")}};
    paths[base + "/{name}"] = {{"get", Operation(*type, version, "get")},
                               {"put", Operation(*type, version, "put")},
                               {"patch", Operation(*type, version, "patch")},
                               {"delete", Operation(*type, version, "delete")}};
    schemas[ComponentOf(*type, version)] = ComponentSchema(*type, version);
  }
  return {{"openapi", "3.0.0"},
          {"info", {{"title", "pgo-local"}, {"version", "v1.34.0"}}},
          {"paths", std::move(paths)},
          {"components", {{"schemas", std::move(schemas)}}}};
}

// In protobuf the empty document is no bytes at all.
Reply Version2(const Request& request) {
  constexpr const char* kProtobuf = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf";
  if (request.accept.find("openapi.spec.v2") != std::string::npos) return {200, "", kProtobuf};
  return JsonReply(200, {{"swagger", "2.0"},
                         {"info", {{"title", "pgo-local"}, {"version", "v1.34.0"}}},
                         {"paths", Json::object()},
                         {"definitions", Json::object()}});
}

}  // namespace

std::optional<Reply> OpenApi(const Request& request, const TypeTable& types) {
  const std::string& path = request.path;
  if (path == "/openapi/v2") return Version2(request);
  constexpr std::string_view kRoot = "/openapi/v3";
  if (!path.starts_with(kRoot)) return std::nullopt;
  Json list = Json::object();
  for (const auto& [resource, type] : types) {
    for (const std::string& version : type->versions) {
      const std::string at = PathOf(resource.group, version);
      if (path == std::string(kRoot) + "/" + at) {
        return JsonReply(200, Document(resource.group, version, types));
      }
      list[at] = {{"serverRelativeURL", std::string(kRoot) + "/" + at}};
    }
  }
  if (path != kRoot) return std::nullopt;
  return JsonReply(200, {{"paths", std::move(list)}});
}

}  // namespace pgo::local
