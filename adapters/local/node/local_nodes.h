// All nodes of a cluster: their power, their links, their kubelets; what the API server asks of
// them; the names and Services between them. Lives in the cluster's network namespace.
//
// Methods from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "adapters/local/node/node_host.h"
#include "adapters/local/runtime.h"

namespace pgo::local {

struct NodesOptions {
  int nodes = 3;
  std::string directory;  // nodes' disks are below
  std::string image;      // root file system of all containers
  std::string image_id;
  Store* store = nullptr;  // outlives the nodes
  std::function<std::string(const std::string& ns, const std::string& account)> token;
  std::string ca_pem;
  int node_grace_s = 40;  // a node silent for so long is given up: how long its Lease is good
};

struct NodeState {
  std::string name;
  bool powered = false, linked = true, frozen = false, api = true;
  std::vector<std::string> cut_from;  // other nodes
};

// A command run from the command line: standard files (the caller's), what to run.
struct ClientCommand {
  std::string node;  // "" is outside of all nodes
  std::vector<std::string> argv;
  std::vector<std::string> env;
  int in = -1, out = -1, err = -1;
  std::function<void(int status, const std::string& message)> done;  // status -1: not started
};

class LocalNodes : public Runtime {
 public:
  // Makes the network and powers all nodes on: "node1", "node2", …
  static Result<std::unique_ptr<LocalNodes>> Start(NodesOptions options);
  // The API server's reach: kubelets without it work on, and write nothing.
  virtual void SetApiReachable(bool reachable) = 0;
  virtual std::vector<NodeState> States() const = 0;
  // Whether two nodes hear each other. "client" is where `pgo-local run` runs. Cuts of any kind
  // outlast a node's power.
  virtual Status SetLinkBetween(const std::string& a, const std::string& b, bool up) = 0;
  // Whether the API server, the node's kubelet and its pods hear each other; all else goes on.
  virtual Status SetApiLink(const std::string& node, bool up) = 0;
  // Takes what is free of a claim's volume but `leave_bytes`, and gives it back. kConflict for
  // volumes without a size of their own (storage class "limited").
  virtual Status FillDisk(const std::string& ns, const std::string& claim,
                          std::int64_t leave_bytes) = 0;
  virtual Status FreeDisk(const std::string& ns, const std::string& claim) = 0;
  // Ends a container's first process by a signal, and with it the container.
  virtual Status KillContainer(const std::string& ns, const std::string& pod,
                               const std::string& container, int signal) = 0;
  // Returns what sends the command a signal.
  virtual Result<std::function<void(int signal)>> Run(ClientCommand command) = 0;
  // The nodes' cloud says that a node is off, as node-health controllers do: sets or takes away the
  // taint node.kubernetes.io/out-of-service=nodeshutdown:NoExecute.
  virtual Status Report(const std::string& node, bool off) = 0;
};

}  // namespace pgo::local
