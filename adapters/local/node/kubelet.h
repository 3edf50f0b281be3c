// The kubelet of one powered-on node: runs the pods the store gives the node, on one thread, driven
// by the store's changes and the node's first process. Destroying it forgets everything but the
// disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/local/node/node_host.h"
#include "adapters/local/runtime.h"

namespace pgo::local {

struct KubeletOptions {
  std::string name;
  int number = 1;                      // of the node, for its addresses
  std::string directory;               // the node's disk
  int socket = -1;                     // of the node's first process; stays the caller's
  int network = -1;                    // its network namespace; stays the caller's
  ClusterServices* cluster = nullptr;  // outlives the kubelet
  int* last_address = nullptr;  // of its pods: outlives it, so that a reboot reuses none soon
};

// All methods from any thread.
class Kubelet {
 public:
  static std::unique_ptr<Kubelet> Start(KubeletOptions options);
  virtual ~Kubelet() = default;  // ends the thread; the node's processes are the caller's matter

  // Without the API server nothing is read or written there; afterwards all is read anew.
  virtual void SetReachable(bool reachable) = 0;
  // Does nothing at all while paused (a frozen node).
  virtual void SetPaused(bool paused) = 0;
  // Names of the cluster changed.
  virtual void NamesChanged() = 0;
  // runtime.h.
  virtual Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) = 0;
  virtual Result<std::string> LogPath(const std::string& ns, const std::string& pod,
                                      const std::string& container, bool previous) = 0;
  // Runs a command with the image as root, in the node's network, on these files. `done` gets the
  // exit status, or -1 and a message if it could not be started. Returns its id for Signal.
  virtual std::string Run(std::vector<std::string> argv, std::vector<std::string> env, int in,
                          int out, int err,
                          std::function<void(int status, const std::string& message)> done) = 0;
  virtual void Signal(const std::string& id, int number) = 0;
};

// What a kubelet tells about its node: the Node object and its Lease. `first`: just powered on.
void ReportNode(Store& store, const NodeHost& host, bool first);
void RenewNodeLease(Store& store, const std::string& node);
NodeCapacity MeasureCapacity();
// Clears a node's disk of pods and volumes that went while it was off, and of what containers wrote
// to their roots.
void RemoveOrphans(Store& store, const NodeHost& host);

}  // namespace pgo::local
