// A WebSocket to the API server: TCP, TLS and who we are. For exec.cc and tunnel.cc alone, since
// Beast is in it.
#pragma once

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <string>

#include "adapters/kube/credentials.h"

namespace pgo::kube::dial {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using boost::system::error_code;

inline constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
using Socket = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

// kInvalid: it cannot be reached this way (a proxy, no https).
Status CheckServer(const Config& config);
// What the certificates and names of the connection must be.
Status SetUpTls(ssl::context& tls, const Config& config, const Credential& credential);
// Up to the TLS handshake.
asio::awaitable<error_code> Dial(Socket& socket, const Config& config);
// What the upgrade's request says of us and of the subprotocol.
void SayWho(Socket& socket, const Credential& credential, const std::string& user_agent,
            const std::string& subprotocol);
// Of the server, for the upgrade's request: "host:port".
std::string HostOf(const std::string& server);

}  // namespace pgo::kube::dial
