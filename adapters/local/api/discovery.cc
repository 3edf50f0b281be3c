#include "adapters/local/api/discovery.h"

#include <algorithm>
#include <map>

#include "engine/base/json.h"

namespace pgo::local {
namespace {

constexpr const char* kAllVerbs[] = {"create", "delete", "deletecollection", "get",
                                     "list",   "patch",  "update",           "watch"};

// Groups in a stable order, each with its versions, preferred first.
std::map<std::string, std::vector<std::string>> Groups(const TypeTable& types) {
  std::map<std::string, std::vector<std::string>> out;
  for (const auto& [resource, type] : types) {
    auto& versions = out[resource.group];
    for (const std::string& version : type->versions) {
      if (std::find(versions.begin(), versions.end(), version) == versions.end()) {
        versions.push_back(version);
      }
    }
  }
  out["authorization.k8s.io"] = {"v1"};
  out["authentication.k8s.io"] = {"v1"};
  return out;
}

Json GroupObject(const std::string& group, const std::vector<std::string>& versions) {
  Json list = Json::array();
  for (const std::string& version : versions) {
    list.push_back({{"groupVersion", group + "/" + version}, {"version", version}});
  }
  return {{"name", group}, {"versions", list}, {"preferredVersion", list.front()}};
}

void AddSubresource(Json& list, const TypeInfo& type, const char* name, const char* kind,
                    Json verbs) {
  Json entry = {{"name", type.resource.plural + "/" + name},
                {"singularName", ""},
                {"namespaced", type.namespaced},
                {"kind", kind},
                {"verbs", std::move(verbs)}};
  if (kind == std::string("Scale")) entry.update({{"group", "autoscaling"}, {"version", "v1"}});
  list.push_back(std::move(entry));
}

void AddType(Json& list, const TypeInfo& type) {
  Json entry = {{"name", type.resource.plural},
                {"singularName", type.singular},
                {"namespaced", type.namespaced},
                {"kind", type.kind},
                {"verbs", kAllVerbs}};
  if (!type.short_names.empty()) entry["shortNames"] = type.short_names;
  if (!type.categories.empty()) entry["categories"] = type.categories;
  list.push_back(std::move(entry));
  const Json change = {"get", "patch", "update"};
  if (type.has_status) AddSubresource(list, type, "status", type.kind.c_str(), change);
  if (type.has_scale) AddSubresource(list, type, "scale", "Scale", change);
  if (type.kind == "Pod" && !type.custom) {
    AddSubresource(list, type, "exec", "PodExecOptions", {"create", "get"});
    AddSubresource(list, type, "log", "Pod", {"get"});
    AddSubresource(list, type, "eviction", "Eviction", {"create"});
  }
}

Json ResourceList(const std::string& group, const std::string& version, const TypeTable& types) {
  Json list = Json::array();
  for (const auto& [resource, type] : types) {
    if (resource.group == group && type->Serves(version)) AddType(list, *type);
  }
  const auto review = [&](const char* plural, const char* kind) {
    list.push_back({{"name", plural},
                    {"singularName", ""},
                    {"namespaced", false},
                    {"kind", kind},
                    {"verbs", {"create"}}});
  };
  if (group == "authorization.k8s.io") {
    review("selfsubjectaccessreviews", "SelfSubjectAccessReview");
    review("selfsubjectrulesreviews", "SelfSubjectRulesReview");
    review("subjectaccessreviews", "SubjectAccessReview");
  }
  if (group == "authentication.k8s.io") {
    review("selfsubjectreviews", "SelfSubjectReview");
    review("tokenreviews", "TokenReview");
  }
  return {{"kind", "APIResourceList"},
          {"apiVersion", "v1"},
          {"groupVersion", group.empty() ? version : group + "/" + version},
          {"resources", list}};
}

Json Version() {
  return {{"major", "1"},    {"minor", "34"},           {"gitVersion", "v1.34.0+pgo-local"},
          {"gitCommit", ""}, {"gitTreeState", "clean"}, {"buildDate", "1970-01-01T00:00:00Z"},
          {"goVersion", ""}, {"compiler", ""},          {"platform", "linux/amd64"}};
}

std::optional<Reply> DiscoverGroups(const std::string& path, const TypeTable& types) {
  const auto groups = Groups(types);
  if (path == "/apis") {
    Json list = Json::array();
    for (const auto& [group, versions] : groups) {
      if (!group.empty()) list.push_back(GroupObject(group, versions));
    }
    return JsonReply(200, {{"kind", "APIGroupList"}, {"apiVersion", "v1"}, {"groups", list}});
  }
  if (!path.starts_with("/apis/")) return std::nullopt;
  const std::string rest = path.substr(6);
  const auto slash = rest.find('/');
  const auto it = groups.find(rest.substr(0, slash));
  if (it == groups.end() || it->first.empty()) return std::nullopt;
  if (slash == std::string::npos) {
    Json group = GroupObject(it->first, it->second);
    group.update({{"kind", "APIGroup"}, {"apiVersion", "v1"}});
    return JsonReply(200, group);
  }
  const std::string version = rest.substr(slash + 1);
  if (std::find(it->second.begin(), it->second.end(), version) == it->second.end())
    return std::nullopt;
  return JsonReply(200, ResourceList(it->first, version, types));
}

}  // namespace

std::optional<Reply> Discover(const std::string& asked, const TypeTable& types) {
  const std::string path =
      asked.size() > 1 && asked.back() == '/' ? asked.substr(0, asked.size() - 1) : asked;
  if (path == "/healthz" || path == "/livez" || path == "/readyz")
    return Reply{200, "ok", "text/plain"};
  if (path == "/version") return JsonReply(200, Version());
  if (path == "/api") {
    return JsonReply(200, {{"kind", "APIVersions"},
                           {"apiVersion", "v1"},
                           {"versions", {"v1"}},
                           {"serverAddressByClientCIDRs", Json::array()}});
  }
  if (path == "/api/v1") return JsonReply(200, ResourceList("", "v1", types));
  return DiscoverGroups(path, types);
}

}  // namespace pgo::local
