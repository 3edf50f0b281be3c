// The HTTPS API server of pgo-local, over a MemoryStore. Runs on threads of its own.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/local/api/credentials.h"
#include "adapters/local/runtime.h"
#include "adapters/local/store/memory_store.h"
#include "engine/base/result.h"

namespace pgo::local {

struct ServerOptions {
  // TCP sockets that are bound and listening already, in any network namespace; the server owns
  // them from here on. Bound to a port by its number (see ListenOn), or Stop loses the port.
  std::vector<int> listen_fds;
  Runtime* runtime = nullptr;  // exec, logs, faults; may be given later with SetRuntime
  int threads = 2;
};

class ApiServer {
 public:
  virtual ~ApiServer() = default;  // cuts all connections, ends the threads

  // `store` and `credentials` outlive the server.
  static Result<std::unique_ptr<ApiServer>> Start(ServerOptions options, MemoryStore& store,
                                                  const Credentials& credentials);

  virtual void SetRuntime(Runtime* runtime) = 0;  // outlives the server
  virtual void AddListener(int fd) = 0;
  // The API goes away: new connections are refused; those there are cut, or with `hang` left open
  // and silent until Resume. The controllers and the store go on.
  virtual void Stop(bool hang) = 0;
  virtual void Resume() = 0;
};

// A listening TCP socket on an address of the calling thread's network namespace, port 0 for any.
Result<int> ListenOn(const std::string& address, int port);
// The port a listening socket has.
int PortOf(int fd);

}  // namespace pgo::local
