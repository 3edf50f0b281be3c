// pods/exec over WebSocket: the subprotocols v5.channel.k8s.io and v4.channel.k8s.io. The first
// byte of a frame is its channel: 0 stdin, 1 stdout, 2 stderr, 3 the final status, 4 the size of
// the terminal, 255 (v5) closes the channel its second byte names.
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include <algorithm>

#include "adapters/local/api/connection.h"
#include "adapters/local/api/containers.h"
#include "adapters/local/store/meta.h"

namespace pgo::local {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr char kStdin = 0, kStdout = 1, kStderr = 2, kError = 3, kResize = 4;
constexpr char kClose = static_cast<char>(255);
using WebSocket = websocket::stream<Stream&>;

std::string Frame(char channel, std::string_view bytes) {
  std::string out(1, channel);
  out += bytes;
  return out;
}

std::string Protocol(const HttpRequest& http) {
  const auto it = http.find("Sec-WebSocket-Protocol");
  const std::string asked = it == http.end() ? std::string() : std::string(it->value());
  for (const char* ours : {"v5.channel.k8s.io", "v4.channel.k8s.io"}) {
    if (asked.find(ours) != std::string::npos) return ours;
  }
  return {};
}

std::string FailureFrame(const std::string& why) {
  return Frame(kError, DumpJson({{"metadata", Json::object()},
                                 {"status", "Failure"},
                                 {"message", why},
                                 {"reason", "InternalError"},
                                 {"code", 500}}));
}

std::string ExitFrame(int code) {
  if (code < 0)
    return FailureFrame("error reading from the node: how the command ended is unknown");
  if (code == 0) return Frame(kError, R"({"metadata":{},"status":"Success"})");
  const std::string text = std::to_string(code);
  const Json status = {
      {"metadata", Json::object()},
      {"status", "Failure"},
      {"message", "command terminated with non-zero exit code: exit status " + text},
      {"reason", "NonZeroExitCode"},
      {"details", {{"causes", {{{"reason", "ExitCode"}, {"message", text}}}}}},
      {"code", 500}};
  return Frame(kError, DumpJson(status));
}

// Why the command cannot be started, if so.
std::optional<Reply> Refusal(const HttpRequest& http, const Request& request, const Target& target,
                             const ServerState& state) {
  const auto pod = state.store.Get(target.key());
  if (!pod) return ErrorReply(pod.error());
  if (auto named = ContainerOf(*pod, request.Query("container")); !named)
    return ErrorReply(named.error());
  if (state.runtime == nullptr) {
    return ErrorReply({503, "ServiceUnavailable", "no node is running", nullptr});
  }
  if (request.query.count("command") == 0) {
    return ErrorReply(BadRequest("you must specify at least 1 command for the container"));
  }
  if (websocket::is_upgrade(http) && !Protocol(http).empty()) return std::nullopt;
  return ErrorReply(BadRequest(
      "Upgrade request required: a WebSocket with v5.channel.k8s.io or v4.channel.k8s.io"));
}

ExecRequest RequestOf(const Request& request, const Target& target,
                      const std::shared_ptr<Outbox>& outbox) {
  ExecRequest exec{.ns = target.ns, .pod = target.name, .container = request.Query("container")};
  for (auto [it, end] = request.query.equal_range("command"); it != end; ++it)
    exec.argv.push_back(it->second);
  exec.has_stdin = request.QueryTrue("stdin");
  exec.terminal = request.QueryTrue("tty");
  exec.on_stdout = [outbox](std::string_view bytes) { outbox->Put(Frame(kStdout, bytes)); };
  exec.on_stderr = [outbox](std::string_view bytes) { outbox->Put(Frame(kStderr, bytes)); };
  exec.on_exit = [outbox](int code) {
    outbox->Put(ExitFrame(code));
    outbox->End();
  };
  return exec;
}

// {"Width": 80, "Height": 24}
void Resize(ExecSession& session, const std::string& text) {
  const auto size = ParseJson(text);
  if (!size) return;
  session.Resize(static_cast<int>(std::clamp<std::int64_t>(GetInt(*size, {"Width"}), 0, 65'535)),
                 static_cast<int>(std::clamp<std::int64_t>(GetInt(*size, {"Height"}), 0, 65'535)));
}

// Frames from the client, until it goes away.
asio::awaitable<void> ReadInput(std::shared_ptr<Connection> alive,
                                std::shared_ptr<WebSocket> socket,
                                std::shared_ptr<ExecSession> session,
                                std::shared_ptr<Outbox> outbox) {
  beast::flat_buffer buffer;
  while (true) {
    const auto [error, size] = co_await socket->async_read(buffer, kAsTuple);
    if (error) break;
    const std::string frame = beast::buffers_to_string(buffer.data());
    buffer.consume(buffer.size());
    if (frame.size() > 1 && frame[0] == kStdin)
      session->WriteStdin(std::string_view(frame).substr(1));
    if (frame.size() > 1 && frame[0] == kResize) Resize(*session, frame.substr(1));
    if (frame.size() == 2 && frame[0] == kClose && frame[1] == kStdin) session->CloseStdin();
  }
  static_cast<void>(alive);
  outbox->End();
}

asio::awaitable<void> WriteOutput(std::shared_ptr<WebSocket> socket,
                                  std::shared_ptr<Outbox> outbox) {
  while (!outbox->Ended()) {
    const auto later = std::chrono::steady_clock::now() + std::chrono::hours(1);
    const std::deque<std::string> frames = co_await outbox->Take(later);
    for (const std::string& frame : frames) {
      const auto [error, size] = co_await socket->async_write(asio::buffer(frame), kAsTuple);
      if (error) co_return;
    }
  }
}

}  // namespace

asio::awaitable<void> Connection::Exec(const HttpRequest& http, const Request& request,
                                       const Target& target) {
  Runtime* runtime = state_.runtime;
  if (const auto reply = Refusal(http, request, target, state_)) {
    co_await Send(http, *reply);
    co_return;
  }
  const std::string protocol = Protocol(http);
  const auto socket = std::make_shared<WebSocket>(stream_);
  const auto decorate = [protocol](websocket::response_type& response) {
    response.set(beast::http::field::sec_websocket_protocol, protocol);
  };
  socket->set_option(websocket::stream_base::decorator(decorate));
  const auto [error] = co_await socket->async_accept(http, kAsTuple);
  if (error) co_return;
  socket->binary(true);
  socket->read_message_max(4 * 1024 * 1024);

  const auto outbox = std::make_shared<Outbox>(stream_.get_executor());
  const auto job = [&]() -> asio::awaitable<Result<std::unique_ptr<ExecSession>>> {
    co_return runtime->Exec(RequestOf(request, target, outbox));
  };
  auto started = co_await asio::co_spawn(state_.blocking, job, asio::use_awaitable);
  if (!started) {
    outbox->Put(FailureFrame(started.error().message));
    outbox->End();
    co_await WriteOutput(socket, outbox);
  } else {
    const std::shared_ptr<ExecSession> session = *std::move(started);
    asio::co_spawn(stream_.get_executor(), ReadInput(shared_from_this(), socket, session, outbox),
                   asio::detached);
    co_await WriteOutput(socket, outbox);
  }
  co_await socket->async_close(websocket::close_code::normal, kAsTuple);
}

}  // namespace pgo::local
