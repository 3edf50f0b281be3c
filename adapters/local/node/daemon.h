// A whole cluster in one process: store, API server, controllers, nodes. Entered by `pgo-local up`.
#pragma once

#include <functional>
#include <string>

#include "adapters/local/node/sys.h"

namespace pgo::local {

struct DaemonOptions {
  std::string directory;  // absolute; made
  std::string image;      // absolute
  int nodes = 3;
  int port = 0;           // of the API server on the host's loopback; 0: any
  int node_grace_s = 40;  // a node silent for so long is not ready
  int eviction_s = 300;   // pods tolerate that for so long, unless they say otherwise
};

// The process that owns the directory's cluster; 0 if none runs.
pid_t RunningDaemon(const std::string& directory);

// Runs the cluster until SIGTERM or SIGINT; returns the exit status. `progress` gets lines for
// people, the last of which is "OK KUBECONFIG" or "FAILED MESSAGE". The caller has one thread.
int RunDaemon(const DaemonOptions& options,
              const std::function<void(const std::string&)>& progress);

}  // namespace pgo::local
