// A small HTTP/1.1 server for the operator's own answers: its API over TLS, health and metrics
// without. One thread a connection, at most `connections_max` at once; a request is read within ten
// seconds or the connection is closed. Handlers run on those threads.
//
// Library: Boost.Beast, behind the .cc.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "engine/base/result.h"

namespace pgo::http {

struct Request {
  std::string method;                        // "GET"
  std::string path;                          // "/frames"
  std::map<std::string, std::string> query;  // decoded
  std::string authorization;                 // that header, as it came; a credential
  // PEM of the certificate that the client has shown, which it has the key of, and of those it sent
  // along. Nothing is known of who issued it. Only with `ask_certificate`.
  std::string certificate;
};

struct Response {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
};

using Handler = std::function<Response(const Request&)>;

struct ServerOptions {
  std::string address = "127.0.0.1";
  std::uint16_t port = 0;   // 0: any free one
  std::string certificate;  // PEM chain; empty: no TLS
  std::string private_key;  // PEM
  // PEM; clients must show a certificate of this authority, or the handshake fails. Empty: they
  // need none.
  std::string client_authority;
  // Clients may show a certificate, of any authority: the handler judges it.
  bool ask_certificate = false;
  std::size_t connections_max = 64;
};

class Server {
 public:
  // kUnavailable if the address cannot be bound (it names it), kInvalid for a bad certificate.
  static Result<std::unique_ptr<Server>> Start(ServerOptions options, Handler handler);
  // Stops listening, cuts connections, waits for their threads.
  virtual ~Server() = default;
  [[nodiscard]] virtual std::uint16_t Port() const = 0;
};

}  // namespace pgo::http
