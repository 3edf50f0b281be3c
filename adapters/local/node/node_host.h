// What pods of one node share: where the node is, and how its kubelet reaches the rest. The kubelet
// owns it; everything runs on the kubelet's thread but where said.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/local/node/pod_fields.h"
#include "adapters/local/store.h"

namespace pgo::local {

// The cluster as every kubelet of a daemon sees it. Outlives the kubelets; any thread.
struct ClusterServices {
  Store* store = nullptr;
  std::function<std::string(const std::string& ns, const std::string& account)> token;
  std::string ca_pem;
  std::function<std::string(const std::string& ns)> hosts;  // hosts.h
  std::string image;                                        // root file system
  std::string image_id;                                     // its digest
};

struct NodeHost {
  std::string name;
  int number = 0;
  std::string directory;  // its disk: survives power loss
  ClusterServices* cluster = nullptr;
  NodeCapacity capacity;
  // A request to the node's first process (node_init.h).
  std::function<void(const Json& request, const std::vector<int>& fds)> send;
  // Runs later on the kubelet's thread; any thread, also after the kubelet's end (then never).
  std::function<void(std::function<void()>)> post;
  int network = -1;  // the node's network namespace
  // The API server can be reached: else nothing is read or written there.
  std::function<bool()> reachable;
  // Events of that id belong to that pod.
  std::function<void(const std::string& id, const std::string& pod_uid)> own;
  std::function<std::string()> new_address;

  [[nodiscard]] ObjectLookup LookupIn(const std::string& ns) const;
  [[nodiscard]] std::string PodDirectory(const std::string& uid) const {
    return directory + "/pods/" + uid;
  }
  [[nodiscard]] std::string VolumeDirectory(const std::string& volume) const {
    return directory + "/volumes/" + volume;
  }
};

}  // namespace pgo::local
