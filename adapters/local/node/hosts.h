// The cluster's DNS as hosts files: one per pod, since short names depend on the namespace. Pure.
#pragma once

#include <string>
#include <vector>

#include "engine/base/json.h"

namespace pgo::local {

// Everything that has a name. Recomputed as a whole: clusters on a laptop are small.
struct NamedObjects {
  std::vector<Json> services;
  std::vector<Json> endpoints;
};

// One line per address and name, as of a namespace ("" for none): Services with an address, the
// ready addresses of headless ones, HOSTNAME.SERVICE for their endpoints with a hostname; each as
// NAME.NS.svc, NAME.NS.svc.cluster.local (with and without final dot), NAME.NS, and NAME in its own
// namespace. Sorted; equal objects give equal text.
std::string ClusterHosts(const NamedObjects& objects, const std::string& ns);

// What comes before: localhost, the pod's own name, its hostAliases.
std::string PodHosts(const Json& pod, const std::string& address);
// The name its containers see: spec.hostname or the pod's name.
std::string HostnameOf(const Json& pod);

}  // namespace pgo::local
