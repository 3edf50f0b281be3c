// A pod's volumes on its node, and the specification of its containers.
#pragma once

#include <map>
#include <string>

#include "adapters/local/node/container_spec.h"
#include "adapters/local/node/node_host.h"

namespace pgo::local {

// Makes or refreshes every volume of the pod; by name, their directories. kUnavailable while
// something is missing (an unbound claim, a Secret). `address` is the pod's.
Result<std::map<std::string, std::string>> PrepareVolumes(const NodeHost& host, const Json& pod,
                                                          bool starting);
// Rewrites the pod's hosts file in place, if it changed: containers have it mounted.
Status WriteHosts(const NodeHost& host, const Json& pod, const std::string& address);

struct Incarnation {
  std::string address;  // of the pod
  int number = 0;       // restarts so far
  std::map<std::string, std::string> volumes;
};
// kInvalid or kUnavailable, in the kubelet's words ("secret \"x\" not found").
Result<ContainerSpec> BuildContainer(const NodeHost& host, const Json& pod, const Json& container,
                                     const Incarnation& incarnation);
// What a container writes to /dev/termination-log: the message of its termination.
std::string LastWordsFile(const NodeHost& host, const std::string& pod_uid,
                          const std::string& container);
std::string LogFile(const NodeHost& host, const std::string& pod_uid, const std::string& container,
                    int incarnation);

}  // namespace pgo::local
