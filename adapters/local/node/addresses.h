// The addresses of a cluster. Every cluster has network namespaces of its own, so all use the same.
#pragma once

#include <string>

namespace pgo::local {

inline constexpr const char* kControlAddress = "10.200.0.1";  // API server, proxies of Services
inline constexpr int kApiPort = 6443;
inline constexpr const char* kApiServiceAddress = "10.202.0.1";
inline constexpr const char* kServiceRange = "10.202.0.0/16";

// Node 0 is the clients' ("pgo-local run"); nodes with a kubelet count from 1.
inline std::string NodeAddress(int node) { return "10.200.0." + std::to_string(10 + node); }
inline std::string PodRange(int node) { return "10.201." + std::to_string(node) + ".0/24"; }
inline std::string PodGateway(int node) { return "10.201." + std::to_string(node) + ".1"; }
inline std::string PodAddress(int node, int pod) {
  return "10.201." + std::to_string(node) + "." + std::to_string(pod);
}

}  // namespace pgo::local
