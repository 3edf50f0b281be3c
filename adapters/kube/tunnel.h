// One connection to a port of a pod, as to its own loopback: pods/portforward over a WebSocket,
// subprotocol v4.channel.k8s.io, which every kubelet speaks. It asks for the right to `get` and
// (since Kubernetes 1.35) `create` pods/portforward. What goes through it the API server and the
// kubelet can read, so it has to be TLS of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo::kube {

class Credentials;

struct TunnelTo {
  std::string ns, pod;
  std::uint16_t port = 0;
  std::int64_t timeout_ms = 10'000;  // until it is open
};

class Tunnel {
 public:
  // kDenied, kNotFound, kInvalid as the server says; kUnavailable: there is no connection.
  static Result<std::unique_ptr<Tunnel>> Open(Credentials& credentials,
                                              const std::string& user_agent, const TunnelTo& to);
  // Cuts it.
  ~Tunnel();
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;

  // The near end: a socket of this name, in a directory that nobody else may enter. The first that
  // connects gets the connection; the name is gone then.
  [[nodiscard]] const std::string& path() const;
  // What the other side said went wrong; "" while nothing did.
  [[nodiscard]] std::string Problem() const;

 private:
  struct State;
  explicit Tunnel(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// ---- the protocol, without I/O ----

std::string TunnelPath(const TunnelTo& to);

// Takes messages and tells what of them is data. Each channel begins with two bytes, the port.
class TunnelMessages {
 public:
  // The data of the message, a part of it; "" if it has none.
  std::string_view Take(std::string_view message);
  [[nodiscard]] const std::string& problem() const { return problem_; }

 private:
  bool begun_[2] = {false, false};
  std::string problem_;
};

}  // namespace pgo::kube
