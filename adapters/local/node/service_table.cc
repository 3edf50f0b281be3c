#include "adapters/local/node/service_table.h"

namespace pgo::local {
namespace {

std::vector<SocketAddress> BackendsOf(const Json& endpoints, const Json& port, bool only_port) {
  std::vector<SocketAddress> out;
  const std::string name = GetString(port, {"name"});
  for (const Json& subset : GetArray(endpoints, {"subsets"})) {
    const Json& ports = GetArray(subset, {"ports"});
    for (const Json& candidate : ports) {
      // An unnamed port on either side means that there is only one.
      const std::string other = GetString(candidate, {"name"});
      const bool single = only_port && ports.size() == 1 && (name.empty() || other.empty());
      if (other != name && !single) continue;
      for (const Json& address : GetArray(subset, {"addresses"})) {
        out.emplace_back(GetString(address, {"ip"}), static_cast<int>(GetInt(candidate, {"port"})));
      }
    }
  }
  return out;
}

}  // namespace

ServiceTable BuildServiceTable(const std::vector<Json>& services,
                               const std::vector<Json>& endpoints) {
  std::map<std::pair<std::string, std::string>, const Json*> by_name;
  for (const Json& item : endpoints) {
    by_name[{GetString(item, {"metadata", "namespace"}), GetString(item, {"metadata", "name"})}] =
        &item;
  }
  ServiceTable out;
  for (const Json& service : services) {
    const std::string address = GetString(service, {"spec", "clusterIP"});
    if (address.empty() || address == "None") continue;
    const auto found = by_name.find(
        {GetString(service, {"metadata", "namespace"}), GetString(service, {"metadata", "name"})});
    const Json& ports = GetArray(service, {"spec", "ports"});
    for (const Json& port : ports) {
      if (GetString(port, {"protocol"}, "TCP") != "TCP") continue;
      auto& backends = out[{address, static_cast<int>(GetInt(port, {"port"}))}];
      if (found != by_name.end()) backends = BackendsOf(*found->second, port, ports.size() == 1);
    }
  }
  return out;
}

}  // namespace pgo::local
