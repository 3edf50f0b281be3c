// The daemon's control socket: what the command line asks of a running cluster. One packet each way
// (wire.h), on DIR/control.sock; it works while the API server is stopped.
//
//   {"op": "status"}                              -> {"ok", "nodes": [...], "kubeconfig", "image"}
//   {"op": "node", "verb": VERB, "node": NAME}    -> {"ok", "message"}
//   {"op": "link", "verb": "cut" | "heal", "node", "other"}     -> {"ok", "message"}
//   {"op": "api", "verb": "stop" | "start"}                     -> {"ok", "message"}
//   {"op": "api", "verb": "cut" | "heal", "node"}               -> {"ok", "message"}
//   {"op": "pod", "verb": "kill-container", "namespace", "pod", "container", "signal"} -> {"ok", …}
//   {"op": "disk", "verb": "fill" | "free", "namespace", "claim", "leave"} -> {"ok", "message"}
//   {"op": "down"}                                -> {"ok"}
//   {"op": "run", "argv", "env", "node"} + fds 0, 1, 2
//        -> {"code"} when it ended, {"ok": false, "message"} if it could not start
//        meanwhile {"signal": N} may be sent; closing the connection kills the command
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/local/node/local_nodes.h"
#include "adapters/local/node/wire.h"

namespace pgo::local {

struct ControlOptions {
  UniqueFd listener;  // a listening SOCK_SEQPACKET socket
  LocalNodes* nodes = nullptr;
  std::function<void(bool running)> set_api;
  std::function<void()> down;
  std::string kubeconfig, image;
};

// Serves on threads of its own until destroyed.
class ControlServer {
 public:
  static std::unique_ptr<ControlServer> Start(ControlOptions options);
  virtual ~ControlServer() = default;
};

// The socket of a directory; its path may be longer than socket addresses allow.
Result<UniqueFd> ListenForControl(const std::string& directory);
Result<UniqueFd> ConnectToControl(const std::string& directory);
// One request and its answer.
Result<Json> AskDaemon(const std::string& directory, const Json& request);
// `pgo-local run`: this process's standard streams, signals passed on; the command's exit status.
Result<int> RunThroughDaemon(const std::string& directory, const Json& request);

}  // namespace pgo::local
