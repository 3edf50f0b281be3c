// Wording is that of Kubernetes' pkg/printers/internalversion/printers.go.
#include "adapters/local/api/table_cells.h"

#include <algorithm>
#include <set>

#include "adapters/local/api/human.h"
#include "adapters/local/store/meta.h"
#include "engine/base/ids.h"

namespace pgo::local {
namespace {

std::string Join(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : ",") + part;
  return out;
}
std::string Each(const Json& list, Path path) {
  std::vector<std::string> out;
  for (const Json& item : list) out.push_back(GetString(item, path));
  return Join(out);
}

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

}  // namespace

std::string OrNone(const std::string& text, const char* none) { return text.empty() ? none : text; }
Json AgeCell(const Json& object) {
  return Age(GetString(object, {"metadata", "creationTimestamp"}));
}
Json CreatedAt(const Json& object) { return GetString(object, {"metadata", "creationTimestamp"}); }
Json Phase(const Json& object) {
  return Deleting(object) ? "Terminating" : GetString(object, {"status", "phase"});
}
Json Containers(const Json& object) {
  return Each(GetArray(object, {"spec", "template", "spec", "containers"}), {"name"});
}
Json Images(const Json& object) {
  return Each(GetArray(object, {"spec", "template", "spec", "containers"}), {"image"});
}
Json Selected(const Json& object) { return SelectorText(GetObject(object, {"spec", "selector"})); }
Json Attributes(const Json& object) {
  return OrNone(GetString(object, {"spec", "volumeAttributesClassName"}), "<unset>");
}
Json VolumeMode(const Json& object) {
  return OrNone(GetString(object, {"spec", "volumeMode"}), "<unset>");
}

std::string ExternalIps(const Json& service) {
  const std::string type = GetString(service, {"spec", "type"});
  std::vector<std::string> ips;
  for (const Json& ip : GetArray(service, {"spec", "externalIPs"})) ips.push_back(AsString(ip));
  const std::string given = Join(ips);
  if (type == "ExternalName") return GetString(service, {"spec", "externalName"});
  if (type != "LoadBalancer") return OrNone(given);
  const std::string assigned =
      Each(GetArray(service, {"status", "loadBalancer", "ingress"}), {"ip"});
  return assigned.empty() && given.empty() ? "<pending>" : OrNone(assigned + given);
}

std::string Ports(const Json& service) {
  std::vector<std::string> out;
  for (const Json& port : GetArray(service, {"spec", "ports"})) {
    std::string text = std::to_string(GetInt(port, {"port"}));
    if (const auto node = GetInt(port, {"nodePort"})) text += ":" + std::to_string(node);
    out.push_back(text + "/" + GetString(port, {"protocol"}, "TCP"));
  }
  return OrNone(Join(out));
}

std::string Addresses(const Json& endpoints) {
  constexpr std::size_t kShown = 3;
  std::vector<std::string> out;
  for (const Json& subset : GetArray(endpoints, {"subsets"})) {
    const Json& ports = GetArray(subset, {"ports"});
    for (const Json& address : GetArray(subset, {"addresses"})) {
      const std::string ip = GetString(address, {"ip"});
      if (ports.empty()) out.push_back(ip);
      for (const Json& port : ports)
        out.push_back(ip + ":" + std::to_string(GetInt(port, {"port"})));
    }
  }
  if (out.empty()) return "<none>";
  if (out.size() <= kShown) return Join(out);
  const std::string more = std::to_string(out.size() - kShown);
  out.resize(kShown);
  return Join(out) + " + " + more + " more...";
}

std::string NodeState(const Json& node) {
  std::string out = "Unknown";
  for (const Json& condition : GetArray(node, {"status", "conditions"})) {
    if (GetString(condition, {"type"}) != "Ready") continue;
    out = GetString(condition, {"status"}) == "True" ? "Ready" : "NotReady";
  }
  return GetBool(node, {"spec", "unschedulable"}) ? out + ",SchedulingDisabled" : out;
}

std::string Roles(const Json& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::set<std::string> out;
  for (const auto& [key, value] : GetObject(node, {"metadata", "labels"}).items()) {
    if (key.starts_with(kPrefix) && key.size() > kPrefix.size())
      out.insert(key.substr(kPrefix.size()));
    if (key == "kubernetes.io/role" && !AsString(value).empty()) out.insert(AsString(value));
  }
  return OrNone(Join({out.begin(), out.end()}));
}

std::string NodeAddressOf(const Json& node, const char* type) {
  for (const Json& address : GetArray(node, {"status", "addresses"})) {
    if (GetString(address, {"type"}) == type) return GetString(address, {"address"});
  }
  return "<none>";
}

std::string InfoOf(const Json& node, std::string_view field) {
  return OrNone(GetString(node, {"status", "nodeInfo", field}), "<unknown>");
}

Json JobState(const Json& job) {
  for (const Json& condition : GetArray(job, {"status", "conditions"})) {
    if (GetString(condition, {"status"}) != "True") continue;
    const std::string type = GetString(condition, {"type"});
    if (type == "Complete" || type == "Failed" || type == "Suspended" || type == "FailureTarget" ||
        type == "SuccessCriteriaMet")
      return type;
  }
  return Deleting(job) ? "Terminating" : "Running";
}

Json Completions(const Json& job) {
  return std::to_string(GetInt(job, {"status", "succeeded"})) + "/" +
         std::to_string(GetInt(job, {"spec", "completions"}, 1));
}

Json JobDuration(const Json& job) {
  const auto start = ParseWall(GetString(job, {"status", "startTime"}));
  if (!start) return "";
  const auto end = ParseWall(GetString(job, {"status", "completionTime"}));
  return HumanDuration((end.value_or(NowMicros()) - *start) / kSecond);
}

Json Budget(const Json& budget, Path path) {
  const Json* value = Find(budget, path);
  if (value == nullptr) return "N/A";
  return value->is_string() ? *value : Json(DumpJson(*value));
}

Json RoleRef(const Json& binding) {
  return GetString(binding, {"roleRef", "kind"}) + "/" + GetString(binding, {"roleRef", "name"});
}

std::string Subjects(const Json& binding, const char* kind) {
  std::vector<std::string> out;
  for (const Json& subject : GetArray(binding, {"subjects"})) {
    if (GetString(subject, {"kind"}) != kind) continue;
    const std::string name = GetString(subject, {"name"});
    out.push_back(kind == std::string("ServiceAccount")
                      ? GetString(subject, {"namespace"}) + "/" + name
                      : name);
  }
  return Join(out);
}

std::string LastSeen(const Json& event) {
  const std::string first = GetString(event, {"firstTimestamp"}, GetString(event, {"eventTime"}));
  const std::string last =
      GetString(event, {"series", "lastObservedTime"}, GetString(event, {"lastTimestamp"}, first));
  return Age(last);
}

Json FirstSeen(const Json& event) {
  return Age(GetString(event, {"firstTimestamp"}, GetString(event, {"eventTime"})));
}

Json EventObject(const Json& event) {
  return Lower(GetString(event, {"involvedObject", "kind"})) + "/" +
         GetString(event, {"involvedObject", "name"});
}

Json EventSource(const Json& event) {
  const std::string component =
      GetString(event, {"source", "component"}, GetString(event, {"reportingComponent"}));
  const std::string host =
      GetString(event, {"source", "host"}, GetString(event, {"reportingInstance"}));
  return host.empty() ? component : component + ", " + host;
}

Json EventCount(const Json& event) {
  return GetInt(event, {"series", "count"}, GetInt(event, {"count"}, 1));
}

Json DefaultClass(const Json& storage_class) {
  const bool is_default =
      GetString(storage_class, {"metadata", "annotations",
                                "storageclass.kubernetes.io/is-default-class"}) == "true";
  return NameOf(storage_class) + (is_default ? " (default)" : "");
}

Json ControllerOf(const Json& object) {
  for (const Json& owner : GetArray(object, {"metadata", "ownerReferences"})) {
    if (!GetBool(owner, {"controller"})) continue;
    const std::string version = GetString(owner, {"apiVersion"});
    const auto slash = version.find('/');
    return Lower(GetString(owner, {"kind"})) +
           (slash == std::string::npos ? "" : "." + version.substr(0, slash)) + "/" +
           GetString(owner, {"name"});
  }
  return "<none>";
}

}  // namespace pgo::local
