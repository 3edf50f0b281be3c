// The talk of an exec over its WebSocket.
#include "adapters/kube/exec.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <optional>

#include "adapters/kube/credentials.h"
#include "adapters/kube/dial.h"
#include "adapters/kube/requests.h"

namespace pgo::kube {
namespace {

using namespace dial;  // NOLINT(google-build-using-namespace): the names of the libraries

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

  asio::awaitable<bool> Connect() { co_return !Failed(co_await Dial(*socket_, config_)); }

  asio::awaitable<bool> Upgrade() {
    const bool prefixed = !v5_ && !call_.input.empty();
    const auto argv = prefixed ? LengthPrefixed(call_.argv, call_.input.size()) : call_.argv;
    SayWho(*socket_, credential_, user_agent_, v5_ ? "v5.channel.k8s.io" : "v4.channel.k8s.io");
    socket_->read_message_max(4UL << 20);
    websocket::response_type response;
    sent_ = true;
    const auto [error] = co_await socket_->async_handshake(response, HostOf(config_.server),
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
  if (const Status set = SetUpTls(tls, config, credential); !set)
    return {Fail(set.error().In("exec"))};
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
  if (const Status may = CheckServer(config); !may) return Fail(may.error().In("exec"));
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
