// Endpoints of Services that have a selector.
#include <map>

#include "adapters/local/controllers/world.h"
#include "adapters/local/store/meta.h"
#include "adapters/local/store/selector.h"

namespace pgo::local {
namespace {

// The number a target port has in a pod; nothing if the pod has no port of that name.
std::optional<std::int64_t> Resolve(const Json& target, const Json& pod,
                                    const std::string& protocol) {
  if (target.is_number_integer()) return AsInt(target);
  const std::string name = AsString(target);
  for (const Json& container : GetArray(pod, {"spec", "containers"})) {
    for (const Json& port : GetArray(container, {"ports"})) {
      if (GetString(port, {"name"}) == name && GetString(port, {"protocol"}, "TCP") == protocol) {
        return GetInt(port, {"containerPort"});
      }
    }
  }
  return std::nullopt;
}

Json PortsFor(const Json& service, const Json& pod) {
  Json ports = Json::array();
  for (const Json& port : GetArray(service, {"spec", "ports"})) {
    const std::string protocol = GetString(port, {"protocol"}, "TCP"),
                      name = GetString(port, {"name"});
    const Json* target = Find(port, "targetPort");
    const auto number =
        target == nullptr ? GetInt(port, {"port"}) : Resolve(*target, pod, protocol);
    if (!number) continue;
    Json entry = {{"port", *number}, {"protocol", protocol}};
    if (!name.empty()) entry["name"] = name;
    ports.push_back(std::move(entry));
  }
  return ports;
}

Json AddressOf(const Json& service, const Json& pod) {
  Json address = {{"ip", GetString(pod, {"status", "podIP"})},
                  {"nodeName", GetString(pod, {"spec", "nodeName"})},
                  {"targetRef",
                   {{"kind", "Pod"},
                    {"namespace", GetString(pod, {"metadata", "namespace"})},
                    {"name", NameOf(pod)},
                    {"uid", UidOf(pod)}}}};
  const std::string hostname = GetString(pod, {"spec", "hostname"});
  if (!hostname.empty() && GetString(pod, {"spec", "subdomain"}) == NameOf(service))
    address["hostname"] = hostname;
  return address;
}

Json SubsetsOf(const World& world, const Json& service, const std::string& ns) {
  const Selector selector = Selector::OfLabels(GetObject(service, {"spec", "selector"}));
  const bool unready_too = GetBool(service, {"spec", "publishNotReadyAddresses"});
  std::map<std::string, Json> by_ports;
  for (const auto& [name, pod] : world.All(kPods)) {
    if (name.first != ns || !selector.Matches(*pod) || GetString(*pod, {"status", "podIP"}).empty())
      continue;
    if (PodOver(*pod) || (Deleting(*pod) && !unready_too)) continue;
    const Json ports = PortsFor(service, *pod);
    if (ports.empty() && !GetArray(service, {"spec", "ports"}).empty()) continue;
    Json& subset = by_ports[DumpJson(ports)];
    if (!ports.empty()) subset["ports"] = ports;
    subset[unready_too || PodReady(*pod) ? "addresses" : "notReadyAddresses"].push_back(
        AddressOf(service, *pod));
  }
  Json subsets = Json::array();
  for (auto& [ports, subset] : by_ports) subsets.push_back(std::move(subset));
  return subsets;
}

Json LabelsOf(const Json& service) {
  Json labels = GetObject(service, {"metadata", "labels"});
  labels["endpoints.kubernetes.io/managed-by"] = "endpoint-controller";
  if (GetString(service, {"spec", "clusterIP"}) == "None")
    labels["service.kubernetes.io/headless"] = "";
  return labels;
}

void Reconcile(const World& world, Store& store, const Json& service, const NamespacedName& name) {
  if (GetObject(service, {"spec", "selector"}).empty() || Deleting(service)) return;
  if (GetString(service, {"spec", "type"}) == "ExternalName") return;
  const Json subsets = SubsetsOf(world, service, name.first);
  const Json labels = LabelsOf(service);
  const ObjectPtr there = world.Get(kEndpoints, name.first, name.second);
  if (there == nullptr) {
    CreateOnce(store, kEndpoints, name.first,
               {{"metadata", {{"name", name.second}, {"labels", labels}}}, {"subsets", subsets}});
    return;
  }
  if (GetArray(*there, {"subsets"}) == subsets &&
      GetObject(*there, {"metadata", "labels"}) == labels)
    return;
  static_cast<void>(store.Mutate({kEndpoints, name.first, name.second}, "", [&](Json& object) {
    object["subsets"] = subsets;
    object["metadata"]["labels"] = labels;
    return true;
  }));
}

}  // namespace

void ReconcileEndpoints(const World& world, Store& store) {
  for (const auto& [name, service] : world.All(kServices)) Reconcile(world, store, *service, name);
}

}  // namespace pgo::local
