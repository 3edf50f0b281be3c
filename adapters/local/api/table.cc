#include "adapters/local/api/table.h"

#include <algorithm>

#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

// "5m", "3h", "2d": how long ago a timestamp was.
std::string Age(const std::string& timestamp) {
  const auto then = ParseWall(timestamp);
  if (!then) return "<unknown>";
  const auto seconds = std::max<std::int64_t>(0, (NowMicros() - *then) / kSecond);
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86'400) + "d";
}

struct Column {
  std::string name, type, path;  // path: a JSONPath of field names and [?(@.type=="X")]
  std::int64_t priority = 0;
};

// The value a simple JSONPath finds: fields, and one filter by equality on lists.
Json At(const Json& object, std::string_view path) {
  Json value = object;
  while (!path.empty() && !value.is_null()) {
    if (path.front() == '.') path.remove_prefix(1);
    if (path.starts_with("[?(@.")) {
      const auto close = path.find(")]");
      const auto equal = path.find("==");
      if (close == std::string_view::npos || equal == std::string_view::npos) return nullptr;
      const std::string key(path.substr(5, equal - 5));
      std::string wanted(path.substr(equal + 2, close - equal - 2));
      std::erase_if(wanted, [](char c) { return c == '"' || c == '\''; });
      Json found;
      if (value.is_array()) {
        for (const Json& item : value) {
          if (GetString(item, {key}) == wanted) found = item;
        }
      }
      value = std::move(found);
      path.remove_prefix(close + 2);
      continue;
    }
    std::string name;
    while (!path.empty() && path.front() != '.' && path.front() != '[') {
      if (path.front() == '\\') path.remove_prefix(1);  // a dot within a name
      if (path.empty()) break;
      name.push_back(path.front());
      path.remove_prefix(1);
    }
    const Json* next = Find(value, name);
    value = next == nullptr ? Json() : Json(*next);
    if (name.empty()) break;
  }
  return value;
}

std::vector<Column> ColumnsOf(const TypeInfo& type, const std::string& version) {
  std::vector<Column> out = {{"Name", "string", ".metadata.name"}};
  const auto custom = type.columns.find(version);
  if (custom != type.columns.end() && !custom->second.empty()) {
    for (const Json& column : custom->second) {
      out.push_back({GetString(column, {"name"}), GetString(column, {"type"}),
                     GetString(column, {"jsonPath"}), GetInt(column, {"priority"})});
    }
    return out;
  }
  if (!type.custom && type.kind == "Pod") {
    out.insert(out.end(), {{"Ready", "string", "#ready"},
                           {"Status", "string", "#phase"},
                           {"Restarts", "integer", "#restarts"},
                           {"Age", "date", ".metadata.creationTimestamp"},
                           {"IP", "string", ".status.podIP", 1},
                           {"Node", "string", ".spec.nodeName", 1}});
    return out;
  }
  if (!type.custom && (type.kind == "StatefulSet" || type.kind == "Deployment")) {
    out.push_back({"Ready", "string", "#replicas"});
  }
  if (!type.custom && type.kind == "Service") {
    out.insert(out.end(),
               {{"Type", "string", ".spec.type"}, {"Cluster-IP", "string", ".spec.clusterIP"}});
  }
  if (!type.custom && type.kind == "PersistentVolumeClaim") {
    out.insert(out.end(), {{"Status", "string", ".status.phase"},
                           {"Volume", "string", ".spec.volumeName"},
                           {"Capacity", "string", ".status.capacity.storage"}});
  }
  if (!type.custom && type.kind == "Node") out.push_back({"Status", "string", "#node"});
  if (!type.custom && (type.kind == "Namespace" || type.kind == "PersistentVolume")) {
    out.push_back({"Status", "string", ".status.phase"});
  }
  out.push_back({"Age", "date", ".metadata.creationTimestamp"});
  return out;
}

std::string NodeState(const Json& node) {
  std::string out = "Unknown";
  for (const Json& condition : GetArray(node, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) == "Ready") {
      out = GetString(condition, {"status"}) == "True" ? "Ready" : "NotReady";
    }
  }
  return GetBool(node, {"spec", "unschedulable"}) ? out + ",SchedulingDisabled" : out;
}

std::string PodPhase(const Json& pod) {
  if (Deleting(pod)) return "Terminating";
  for (const Json& container : GetArray(pod, {"status", "containerStatuses"})) {
    const std::string reason = GetString(container, {"state", "waiting", "reason"});
    if (!reason.empty()) return reason;
  }
  return GetString(pod, {"status", "phase"});
}

Json Special(const Json& object, const std::string& what) {
  if (what == "#phase") return PodPhase(object);
  if (what == "#node") return NodeState(object);
  if (what == "#replicas") {
    return std::to_string(GetInt(object, {"status", "readyReplicas"})) + "/" +
           std::to_string(GetInt(object, {"spec", "replicas"}));
  }
  std::int64_t ready = 0, restarts = 0;
  for (const Json& container : GetArray(object, {"status", "containerStatuses"})) {
    ready += GetBool(container, {"ready"}) ? 1 : 0;
    restarts += GetInt(container, {"restartCount"});
  }
  if (what == "#restarts") return restarts;
  return std::to_string(ready) + "/" +
         std::to_string(GetArray(object, {"spec", "containers"}).size());
}

}  // namespace

bool WantsTable(const Request& request) {
  return request.accept.find("as=Table") != std::string::npos;
}

Json TableOf(const TypeInfo& type, const std::string& version, const Json& objects,
             std::uint64_t resource_version) {
  const auto columns = ColumnsOf(type, version);
  Json definitions = Json::array();
  for (const Column& column : columns) {
    // Ages come as text, as Kubernetes prints them for its own types.
    const bool age = column.type == "date";
    definitions.push_back({{"name", column.name},
                           {"type", age ? "string" : column.type},
                           {"format", column.name == "Name" ? "name" : ""},
                           {"description", ""},
                           {"priority", column.priority}});
  }
  Json rows = Json::array();
  for (const Json& object : objects) {
    Json cells = Json::array();
    for (const Column& column : columns) {
      Json cell =
          column.path.starts_with('#') ? Special(object, column.path) : At(object, column.path);
      if (column.type == "date" && cell.is_string()) cell = Age(AsString(cell));
      cells.push_back(std::move(cell));
    }
    rows.push_back({{"cells", std::move(cells)},
                    {"object",
                     {{"kind", "PartialObjectMetadata"},
                      {"apiVersion", "meta.k8s.io/v1"},
                      {"metadata", GetObject(object, {"metadata"})}}}});
  }
  Json metadata = Json::object();
  if (resource_version > 0) metadata["resourceVersion"] = std::to_string(resource_version);
  return {{"kind", "Table"},
          {"apiVersion", "meta.k8s.io/v1"},
          {"metadata", std::move(metadata)},
          {"columnDefinitions", std::move(definitions)},
          {"rows", std::move(rows)}};
}

}  // namespace pgo::local
