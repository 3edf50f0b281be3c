// Services of type ClusterIP: a TCP proxy in the cluster's network namespace, one thread.
//
// An address and port listen only while they have a ready endpoint: without one a client is
// refused, as kube-proxy does. Endpoints take turns. A connection lives on when its endpoint is
// removed, and is cut when that pod is gone. One difference to packet rewriting: the proxy
// acknowledges what a client sends, so a client of a dead node does not notice by itself; its
// connection is cut once what it sent was not acknowledged for kUnansweredMs.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "adapters/local/store.h"

namespace pgo::local {

inline constexpr int kUnansweredMs = 3000;

class ServiceProxy {
 public:
  // In a thread of that network namespace. `except`: an address that others serve.
  static std::unique_ptr<ServiceProxy> Start(Store& store, std::string except);
  // Nodes that do not hear each other (Partition::links): connections between them stay open and
  // silent until they do.
  virtual void SetSevered(std::set<std::pair<int, int>> links) = 0;
  virtual ~ServiceProxy() = default;  // cuts everything, ends the thread
};

}  // namespace pgo::local
