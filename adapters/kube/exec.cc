// The connection of an exec: TCP, TLS, WebSocket. The only file of the adapter with Beast in it.
#include "adapters/kube/exec.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <optional>

#include "adapters/kube/credentials.h"
#include "adapters/kube/requests.h"

namespace pgo::kube {
namespace {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace websocket = boost::beast::websocket;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
using Socket = websocket::stream<beast::ssl_stream<beast::tcp_stream>>;

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

// What the certificates and names of the connection must be.
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
  if (error) return Fail(Code::kUnavailable, "exec: TLS: " + error.message());
  return {};
}

// One exec. `sent_` is what decides between "never started" and "unknown".
class Session {
 public:
  Session(asio::io_context& io, ssl::context& tls, const Config& config,
          const Credential& credential, std::string user_agent, const ExecCall& call)
      : io_(io),
        config_(config),
        credential_(credential),
        user_agent_(std::move(user_agent)),
        call_(call),
        socket_(std::make_unique<Socket>(io, tls)) {}

  asio::awaitable<void> Run(bool v5) {
    v5_ = v5;
    if (!co_await Connect() || !co_await Upgrade()) co_return;
    co_await Talk();
    error_code ignored;
    beast::get_lowest_layer(*socket_).socket().close(ignored);
  }
  bool wants_v4() const { return wants_v4_; }
  void Expire() {
    error_ = "no answer in time";
    error_code ignored;
    beast::get_lowest_layer(*socket_).socket().close(ignored);
  }
  Result<ExecResult> Finish() {
    if (refusal_) return Fail(*refusal_);
    if (!upgraded_) {
      return Fail(sent_ ? Code::kUnknown : Code::kUnavailable, "exec: " + error_);
    }
    return std::move(outcome_).Finish(error_);
  }

 private:
  bool Failed(const error_code& error) {
    if (error && error_.empty()) error_ = error.message();
    return static_cast<bool>(error);
  }

  asio::awaitable<bool> Connect() {
    const Address address = AddressOf(config_.server);
    tcp::resolver resolver(io_);
    const auto [resolved, found] =
        co_await resolver.async_resolve(address.host, address.port, kAsTuple);
    if (Failed(resolved)) co_return false;
    const auto [connected, end] =
        co_await beast::get_lowest_layer(*socket_).async_connect(found, kAsTuple);
    if (Failed(connected)) co_return false;
    auto& tls = socket_->next_layer();
    const std::string name =
        config_.tls_server_name.empty() ? address.host : config_.tls_server_name;
    error_code not_address;
    asio::ip::make_address(name, not_address);
    if (not_address) SSL_set_tlsext_host_name(tls.native_handle(), name.c_str());
    if (!config_.insecure) tls.set_verify_callback(ssl::host_name_verification(name));
    const auto [shaken] = co_await tls.async_handshake(ssl::stream_base::client, kAsTuple);
    co_return !Failed(shaken);
  }

  asio::awaitable<bool> Upgrade() {
    const Address address = AddressOf(config_.server);
    const bool prefixed = !v5_ && !call_.input.empty();
    const auto argv = prefixed ? LengthPrefixed(call_.argv, call_.input.size()) : call_.argv;
    socket_->set_option(websocket::stream_base::decorator([this](websocket::request_type& request) {
      request.set(http::field::sec_websocket_protocol,
                  v5_ ? "v5.channel.k8s.io" : "v4.channel.k8s.io");
      request.set(http::field::user_agent, user_agent_);
      if (!credential_.token.empty())
        request.set(http::field::authorization, "Bearer " + credential_.token);
    }));
    socket_->read_message_max(4UL << 20);
    websocket::response_type response;
    const bool ipv6 = address.host.find(':') != std::string::npos;
    const std::string host = ipv6 ? "[" + address.host + "]" : address.host;
    sent_ = true;
    const auto [error] = co_await socket_->async_handshake(response, host + ":" + address.port,
                                                           ExecPath(call_, argv), kAsTuple);
    if (error == websocket::error::upgrade_declined || error == websocket::error::no_sec_key) {
      Declined(response);
      co_return false;
    }
    if (Failed(error)) co_return false;
    // A server that ignores the subprotocol would speak another.
    const auto chosen = response[http::field::sec_websocket_protocol];
    if (chosen != (v5_ ? "v5.channel.k8s.io" : "v4.channel.k8s.io")) {
      wants_v4_ = v5_;
      refusal_ = Error{Code::kUnavailable, "exec: the server speaks no subprotocol of ours"};
      co_return false;
    }
    socket_->binary(true);
    co_return upgraded_ = true;
  }

  // An HTTP answer in place of the upgrade: the command was not started.
  void Declined(const websocket::response_type& response) {
    RawReply raw;
    raw.http = static_cast<int>(response.result_int());
    raw.text = response.body();
    Request request;
    request.path = ExecPath(call_, {});
    request.verbatim = true;  // as all that comes of a command: who journals it takes plain words
    // A server before 1.29 refuses what it does not know with 400 or 403.
    wants_v4_ = v5_ && (raw.http == 400 || raw.http == 403);
    refusal_ = Interpret(request, std::move(raw)).error;
  }

  // Beside the reading: a command may well answer before it has read all, or never read at all.
  asio::awaitable<void> WriteInput() {
    auto frames = InputFrames(call_.input, v5_);
    for (std::string& frame : frames) {
      const auto [error, size] = co_await socket_->async_write(asio::buffer(frame), kAsTuple);
      OPENSSL_cleanse(frame.data(), frame.size());
      if (error) co_return;  // the status, if there is one, says more
    }
  }

  asio::awaitable<void> Talk() {
    asio::co_spawn(io_, WriteInput(), asio::detached);
    beast::flat_buffer buffer;
    while (!outcome_.ended()) {
      const auto [error, size] = co_await socket_->async_read(buffer, kAsTuple);
      if (Failed(error)) co_return;
      outcome_.Take(beast::buffers_to_string(buffer.data()));
      buffer.consume(buffer.size());
    }
  }

  asio::io_context& io_;
  const Config& config_;
  const Credential& credential_;
  const std::string user_agent_;
  const ExecCall& call_;
  std::unique_ptr<Socket> socket_;
  bool v5_ = true, sent_ = false, upgraded_ = false, wants_v4_ = false;
  std::string error_;
  std::optional<Error> refusal_;
  ExecOutcome outcome_;
};

struct Attempt {
  Result<ExecResult> result;
  bool wants_v4 = false;
};

Attempt Try(const Config& config, const Credential& credential, const std::string& user_agent,
            const ExecCall& call, bool v5) {
  asio::io_context io(1);
  ssl::context tls(ssl::context::tls_client);
  if (const Status set = SetUpTls(tls, config, credential); !set) return {Fail(set.error())};
  Session session(io, tls, config, credential, user_agent, call);
  asio::co_spawn(io, session.Run(v5), asio::detached);
  io.run_for(std::chrono::milliseconds(call.timeout_ms));
  if (!io.stopped()) {
    session.Expire();
    io.run_for(std::chrono::seconds(1));
  }
  return {session.Finish(), session.wants_v4()};
}

}  // namespace

Result<ExecResult> RunExec(Credentials& credentials, const std::string& user_agent,
                           const ExecCall& call) {
  const Config& config = credentials.config();
  if (!config.server.starts_with("https://") || !config.proxy_url.empty()) {
    return Fail(Code::kInvalid, "exec needs an https:// server without a proxy");
  }
  auto credential = credentials.Get();
  if (!credential) return Fail(Code::kUnavailable, credential.error().message);
  try {
    Attempt attempt = Try(config, *credential, user_agent, call, true);
    if (attempt.wants_v4) attempt = Try(config, *credential, user_agent, call, false);
    if (!attempt.result && attempt.result.error().code == Code::kDenied) credentials.Refused();
    return std::move(attempt.result);
  } catch (const std::exception& e) {
    return Fail(Code::kUnknown, std::string("exec: ") + e.what());
  }
}

}  // namespace pgo::kube
