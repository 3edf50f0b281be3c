#include "adapters/kube/dial.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>

namespace pgo::kube::dial {
namespace {

using asio::ip::tcp;

struct Address {
  std::string host, port;
};
Address AddressOf(const std::string& server) {
  std::string rest = server.substr(server.find("://") + 3);
  rest = rest.substr(0, rest.find('/'));
  const auto colon = rest.rfind(':');
  const bool port = colon != std::string::npos && rest.find(']', colon) == std::string::npos;
  std::string host = port ? rest.substr(0, colon) : rest;
  if (host.starts_with("[")) host = host.substr(1, host.size() - 2);
  return {host, port ? rest.substr(colon + 1) : "443"};
}

asio::const_buffer Buffer(const std::string& text) { return asio::buffer(text); }

}  // namespace

Status CheckServer(const Config& config) {
  if (config.server.starts_with("https://") && config.proxy_url.empty()) return {};
  return Fail(Code::kInvalid, "it needs an https:// server without a proxy");
}

Status SetUpTls(ssl::context& tls, const Config& config, const Credential& credential) {
  error_code error;
  if (config.insecure) {
    tls.set_verify_mode(ssl::verify_none, error);
  } else {
    tls.set_verify_mode(ssl::verify_peer, error);
    credential.ca_pem.empty() ? tls.set_default_verify_paths(error)
                              : tls.add_certificate_authority(Buffer(credential.ca_pem), error);
  }
  if (!error && !credential.certificate_pem.empty()) {
    tls.use_certificate_chain(Buffer(credential.certificate_pem), error);
    if (!error) tls.use_private_key(Buffer(credential.key_pem), ssl::context::pem, error);
  }
  if (error) return Fail(Code::kUnavailable, "TLS: " + error.message());
  return {};
}

asio::awaitable<error_code> Dial(Socket& socket, const Config& config) {
  const Address address = AddressOf(config.server);
  tcp::resolver resolver(socket.get_executor());
  const auto [resolved, found] =
      co_await resolver.async_resolve(address.host, address.port, kAsTuple);
  if (resolved) co_return resolved;
  const auto [connected, end] =
      co_await beast::get_lowest_layer(socket).async_connect(found, kAsTuple);
  if (connected) co_return connected;
  auto& tls = socket.next_layer();
  const std::string name = config.tls_server_name.empty() ? address.host : config.tls_server_name;
  error_code not_address;
  asio::ip::make_address(name, not_address);
  if (not_address) SSL_set_tlsext_host_name(tls.native_handle(), name.c_str());
  if (!config.insecure) tls.set_verify_callback(ssl::host_name_verification(name));
  const auto [shaken] = co_await tls.async_handshake(ssl::stream_base::client, kAsTuple);
  co_return shaken;
}

void SayWho(Socket& socket, const Credential& credential, const std::string& user_agent,
            const std::string& subprotocol) {
  socket.set_option(websocket::stream_base::decorator([=](websocket::request_type& request) {
    request.set(http::field::sec_websocket_protocol, subprotocol);
    request.set(http::field::user_agent, user_agent);
    if (!credential.token.empty())
      request.set(http::field::authorization, "Bearer " + credential.token);
  }));
}

std::string HostOf(const std::string& server) {
  const Address address = AddressOf(server);
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + address.port;
}

}  // namespace pgo::kube::dial
