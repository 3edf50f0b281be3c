// Commands that run on a node on behalf of somebody outside of it: `kubectl exec` in a container,
// `pgo-local run` beside them. A part of the kubelet.
//
// Threads: Exec and Run from any, everything else on the kubelet's.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "adapters/local/node/container_spec.h"
#include "adapters/local/node/exec_session.h"
#include "adapters/local/node/inbox.h"
#include "adapters/local/node/node_host.h"
#include "adapters/local/runtime.h"

namespace pgo::local {

struct ClientProcess {
  std::vector<std::string> argv, env;
  int in = -1, out = -1, err = -1;  // the caller's; copied
  // The exit status, or -1 and a message if it could not be started.
  std::function<void(int status, const std::string& message)> done;
};

class NodeCommands {
 public:
  NodeCommands(NodeHost& host, std::shared_ptr<Inbox> inbox)
      : host_(host), inbox_(std::move(inbox)) {}
  // After the inbox was closed. Whoever still waits is told that the outcome is unknown.
  ~NodeCommands();
  NodeCommands(const NodeCommands&) = delete;
  NodeCommands& operator=(const NodeCommands&) = delete;

  Result<std::unique_ptr<ExecSession>> Exec(const std::string& container_id, ProcessSpec process,
                                            const ExecRequest& request);
  std::string Run(ClientProcess client);  // its id, for a signal

  void Handle(const std::string& id, const Json& event);  // from the node's first process
  void NamesChanged();
  // Whether the API server and this node hear each other. While not, what a command prints, how it
  // ends and that its client left stay where they are.
  void SetConnected(bool connected);

 private:
  struct Command {
    std::shared_ptr<CommandStreams> streams;  // of an exec
    std::function<void(int, const std::string&)> done;
    bool abandoned = false;  // its client left
  };
  void Abandon(const std::string& id);
  [[nodiscard]] std::string ClientDirectory(const std::string& id) const;
  void WriteClientHosts(const std::string& id) const;

  NodeHost& host_;
  std::shared_ptr<Inbox> inbox_;
  std::map<std::string, Command> commands_;
  std::atomic<int> count_ = 0;
  bool connected_ = true;
};

}  // namespace pgo::local
