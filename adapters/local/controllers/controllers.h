// The controllers that pgo-local needs of kube-controller-manager and kube-scheduler, each in its
// simplest honest form: StatefulSets, Deployments, Jobs, volumes, the scheduler, Endpoints of
// Services, garbage collection, node lifecycle, namespaces. They read and write through the Store
// alone, on one thread of their own, level-based: a change marks work, and a slow tick repeats it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "adapters/local/store/memory_store.h"

namespace pgo::local {

struct ControllerOptions {
  std::int64_t node_grace_ms = 40'000;  // a Node's Ready condition or Lease not renewed for so long
  std::int64_t tick_ms = 1'000;
  std::string api_address = "10.200.0.1";  // Endpoints of Service default/kubernetes
  int api_port = 6443;
  std::string ca_pem;  // ConfigMap kube-root-ca.crt of every namespace; "" makes none
};

class Controllers {
 public:
  virtual ~Controllers() = default;  // ends the thread
  // `store` outlives the controllers. At start it deletes Endpoints without a Service, as
  // kube-controller-manager does.
  // While not running they see and write nothing: the API server is away. Afterwards every node has
  // its whole grace again.
  virtual void SetRunning(bool running) = 0;
  static std::unique_ptr<Controllers> Start(MemoryStore& store, ControllerOptions options);
};

}  // namespace pgo::local
