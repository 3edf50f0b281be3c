// The first process of a node: everything that runs on the node is its descendant and dies with it.
// Starts pods' sandboxes and containers as the daemon asks over a packet socket, and reports what
// becomes of them. One thread; it forks, so it must stay that way.
//
// Requests ("op"), each answered by the event named:
//   network {address, gateway, pod_gateway}     -> ready {ok, message}
//   sandbox {pod, hostname, address, gateway, share_pid, shm} -> sandbox {pod, ok, message}
//   start   {id, pod, spec} [fds: in, out, err] -> started {id} | start_failed {id, message}
//   exec    {id, container, process} fds: in, out, err -> started | start_failed
//   kill    {id, signal}
//   remove  {pod}                               -> removed {pod}: no process of it is left
//   freeze  {on} [fd]                        -> a byte on the file when all of it is done
//   probe-exec is exec with its output dropped.
// Events without request: exited {id, code, signal}; for a container, when the last of its
// processes is gone. A pod "" is the node itself: its network, no sandbox.
#pragma once

#include <string>

namespace pgo::local {

// Never returns before the daemon is gone. `socket` is the node's end.
int NodeInitMain(const std::string& name, int socket);

// The first process of a pod: holds its namespaces and, if the pod shares its process namespace,
// buries orphans. Waits for a byte on `go`, then sets up the network; answers on it.
[[noreturn]] void PauseMain(int go, const std::string& hostname, const std::string& address,
                            const std::string& gateway);

}  // namespace pgo::local
