// The kubelet of one powered-on node: runs the pods the store gives the node, on one thread, driven
// by the store's changes and the node's first process. Destroying it forgets everything but the
// disk.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/local/node/node_commands.h"
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
  int lease_s = 40;                    // how long its Lease is good; renewed four times as often
  bool reachable = true;               // see SetReachable
  int* last_address = nullptr;  // of its pods: outlives it, so that a reboot reuses none soon
};

// Where a container's output is, and whether it still runs.
struct ContainerLog {
  std::string path;
  bool running = false;
};

// All methods from any thread.
class Kubelet {
 public:
  static std::unique_ptr<Kubelet> Start(KubeletOptions options);
  virtual ~Kubelet() = default;  // ends the thread; the node's processes are the caller's matter

  // Without the API server nothing is read or written there, and commands for clients hang;
  // afterwards all is read anew.
  virtual void SetReachable(bool reachable) = 0;
  // Does nothing at all while paused (a frozen node).
  virtual void SetPaused(bool paused) = 0;
  // Names of the cluster changed.
  virtual void NamesChanged() = 0;
  // runtime.h.
  virtual Result<std::unique_ptr<ExecSession>> Exec(ExecRequest request) = 0;
  virtual Result<ContainerLog> Log(const std::string& ns, const std::string& pod,
                                   const std::string& container, bool previous) = 0;
  // Runs a command with the image as root, in the node's network. Returns its id for Signal.
  virtual std::string Run(ClientProcess client) = 0;
  virtual void Signal(const std::string& id, int number) = 0;
  // Sends a container's first process a signal: a fault, not an order of the pod's. kUnavailable if
  // it does not run.
  virtual Status KillContainer(const std::string& ns, const std::string& pod,
                               const std::string& container, int signal) = 0;
};

// What a kubelet tells about its node: the Node object and its Lease. `first`: just powered on.
void ReportNode(Store& store, const NodeHost& host, bool first);
bool NodeIsReady(const Store& store, const std::string& node);
void RenewNodeLease(Store& store, const std::string& node, int seconds);
NodeCapacity MeasureCapacity();
void RemoveVolume(const NodeHost& host, const std::string& volume);
// Clears a node's disk of pods and volumes that went while it was off, and of what containers wrote
// to their roots.
void RemoveOrphans(Store& store, const NodeHost& host);

}  // namespace pgo::local
