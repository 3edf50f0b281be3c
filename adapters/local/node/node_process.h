// One powered-on node: its first process in namespaces of its own (process, network, mount, IPC,
// host name) and its link to the cluster's bridge.
//
// Threads: Start and the destructor in one thread of the daemon's network namespace; one caller at
// a time.
#pragma once

#include <memory>
#include <set>
#include <string>

#include "adapters/local/node/sys.h"

namespace pgo::local {

// Bridge, forwarding and the Services' range, in the calling thread's (fresh) network namespace.
Status SetUpClusterNetwork(int nodes);

class NodeProcess {
 public:
  // `number` gives the addresses. Done when the node's network is up.
  static Result<std::unique_ptr<NodeProcess>> Start(const std::string& name, int number);
  ~NodeProcess();  // Kill, and the link is removed
  NodeProcess(const NodeProcess&) = delete;
  NodeProcess& operator=(const NodeProcess&) = delete;

  [[nodiscard]] int socket() const { return socket_.get(); }    // packets, node_init.h
  [[nodiscard]] int network() const { return network_.get(); }  // its network namespace, for setns
  Status SetLink(bool up) const;
  // SIGSTOP or SIGCONT to everything on the node; done when all of it stands, or goes on.
  Status SetFrozen(bool frozen) const;
  // What the node's network drops without a word, from now on (Partition::BlockedAt).
  Status SetBlocked(const std::set<std::string>& selectors);
  // A power loss: the link goes down first, so that nobody hears its connections close, then every
  // process dies at once. Returns when none is left; socket() and network() stay open.
  void Kill();

 private:
  NodeProcess() = default;
  std::string link_;
  std::set<std::string> blocked_;
  pid_t pid_ = 0;
  UniqueFd socket_, network_;
};

}  // namespace pgo::local
