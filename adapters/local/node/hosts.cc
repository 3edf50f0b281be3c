#include "adapters/local/node/hosts.h"

#include <map>
#include <set>

namespace pgo::local {
namespace {

constexpr std::size_t kHostnameMax = 63;

using Lines = std::set<std::string>;

void AddName(Lines& lines, const std::string& address, const std::string& name,
             const std::string& ns, bool same_namespace) {
  if (address.empty() || name.empty()) return;
  const std::string full = name + "." + ns + ".svc.cluster.local";
  std::string line =
      address + "\t" + full + " " + full + ". " + name + "." + ns + ".svc " + name + "." + ns;
  if (same_namespace) line += " " + name;
  lines.insert(std::move(line));
}

}  // namespace

std::string ClusterHosts(const NamedObjects& objects, const std::string& ns) {
  Lines lines;
  std::map<std::pair<std::string, std::string>, const Json*> endpoints;
  for (const Json& item : objects.endpoints) {
    endpoints[{GetString(item, {"metadata", "namespace"}), GetString(item, {"metadata", "name"})}] =
        &item;
  }
  for (const Json& service : objects.services) {
    const std::string name = GetString(service, {"metadata", "name"});
    const std::string own = GetString(service, {"metadata", "namespace"});
    const std::string address = GetString(service, {"spec", "clusterIP"});
    const bool same = own == ns;
    if (!address.empty() && address != "None") AddName(lines, address, name, own, same);
    const auto found = endpoints.find({own, name});
    if (found == endpoints.end()) continue;
    for (const Json& subset : GetArray(*found->second, {"subsets"})) {
      for (const Json& target : GetArray(subset, {"addresses"})) {
        const std::string ip = GetString(target, {"ip"}),
                          hostname = GetString(target, {"hostname"});
        if (address == "None") AddName(lines, ip, name, own, same);
        if (!hostname.empty()) AddName(lines, ip, hostname + "." + name, own, same);
      }
    }
  }
  std::string out;
  for (const std::string& line : lines) out += line + "\n";
  return out;
}

std::string HostnameOf(const Json& pod) {
  const std::string name = GetString(pod, {"metadata", "name"});
  std::string out = GetString(pod, {"spec", "hostname"}, name);
  if (out.empty()) out = name;
  return out.substr(0, kHostnameMax);
}

std::string PodHosts(const Json& pod, const std::string& address) {
  std::string out = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  const std::string hostname = HostnameOf(pod), subdomain = GetString(pod, {"spec", "subdomain"});
  if (!address.empty()) {
    out += address + "\t";
    if (!subdomain.empty()) {
      out += hostname + "." + subdomain + "." + GetString(pod, {"metadata", "namespace"}) +
             ".svc.cluster.local ";
    }
    out += hostname + "\n";
  }
  for (const Json& alias : GetArray(pod, {"spec", "hostAliases"})) {
    std::string names;
    for (const Json& name : GetArray(alias, {"hostnames"})) names += " " + AsString(name);
    if (!names.empty()) out += GetString(alias, {"ip"}) + "\t" + names.substr(1) + "\n";
  }
  return out;
}

}  // namespace pgo::local
