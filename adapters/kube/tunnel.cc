#include "adapters/kube/tunnel.h"

#include <stdlib.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <cerrno>
#include <cstring>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "adapters/kube/dial.h"
#include "adapters/kube/requests.h"

namespace pgo::kube {

using namespace dial;  // NOLINT(google-build-using-namespace): the names of the libraries

namespace {

constexpr const char* kProtocol = "v4.channel.k8s.io";
constexpr char kData = 0, kError = 1;
constexpr std::size_t kPiece = 32 * 1024, kPortBytes = 2, kProblemMost = 1000;
using Local = asio::local::stream_protocol::socket;

}  // namespace

std::string TunnelPath(const TunnelTo& to) {
  return PathOf(*FindKind("Pod"), to.ns, to.pod, "portforward") +
         "?ports=" + std::to_string(to.port);
}

std::string_view TunnelMessages::Take(std::string_view message) {
  if (message.empty() || (message.front() != kData && message.front() != kError)) return {};
  const char channel = message.front();
  message.remove_prefix(1);
  if (!std::exchange(begun_[static_cast<std::size_t>(channel)], true)) {
    message.remove_prefix(std::min(message.size(), kPortBytes));
  }
  if (channel == kData) return message;
  problem_.append(message.substr(0, kProblemMost - std::min(problem_.size(), kProblemMost)));
  return {};
}

struct Tunnel::State {
  State(const Config& of, Credential own, std::string agent, TunnelTo where)
      : config(of),
        credential(std::move(own)),
        user_agent(std::move(agent)),
        to(std::move(where)) {}
  ~State() {
    if (thread.joinable()) {
      asio::post(io, [this] { Cut(); });
      thread.join();
    } else {
      Cut();  // and what waits is told so
      io.restart();
      io.run_for(std::chrono::seconds(1));
    }
    Remove();
  }

  const Config& config;
  const Credential credential;
  const std::string user_agent;
  const TunnelTo to;
  asio::io_context io{1};
  ssl::context tls{ssl::context::tls_client};
  std::optional<Socket> made;  // once `tls` is set up: it takes its settings from there
  Local near{io};
  asio::local::stream_protocol::acceptor acceptor{io};
  std::string directory, path;
  bool open = false;
  std::optional<Error> refusal;
  std::thread thread;
  std::mutex mutex;
  TunnelMessages messages;

  void Cut() {
    error_code ignored;
    near.close(ignored);
    acceptor.close(ignored);
    if (made) beast::get_lowest_layer(*made).socket().close(ignored);
  }

  asio::awaitable<void> Begin() {
    Socket& socket = made.emplace(io, tls);
    if (const error_code error = co_await Dial(socket, config)) {
      refusal = Error{Code::kUnavailable, error.message()};
      co_return;
    }
    SayWho(socket, credential, user_agent, kProtocol);
    socket.read_message_max(4UL << 20);
    websocket::response_type response;
    const auto [error] =
        co_await socket.async_handshake(response, HostOf(config.server), TunnelPath(to), kAsTuple);
    if (error) {
      refusal = Declined(response, error);
    } else if (response[http::field::sec_websocket_protocol] != kProtocol) {
      refusal = Error{Code::kUnavailable, "the server speaks no subprotocol of ours"};
    } else {
      socket.binary(true);
      open = true;
    }
  }

  Error Declined(const websocket::response_type& response, const error_code& error) const {
    if (error != websocket::error::upgrade_declined) return {Code::kUnavailable, error.message()};
    Request request;
    request.path = TunnelPath(to);
    request.verbatim = true;  // for the person who asks, who alone opens tunnels
    RawReply raw;
    raw.http = static_cast<int>(response.result_int());
    raw.text = response.body();
    return *Interpret(request, std::move(raw)).error;
  }

  asio::awaitable<void> Up() {
    std::array<char, 1 + kPiece> piece{};
    piece[0] = kData;
    for (;;) {
      const auto [error, size] =
          co_await near.async_read_some(asio::buffer(piece.data() + 1, kPiece), kAsTuple);
      if (error) break;
      const auto [failed, sent] =
          co_await made->async_write(asio::buffer(piece.data(), 1 + size), kAsTuple);
      if (failed) break;
    }
    Cut();
  }

  asio::awaitable<void> Down() {
    beast::flat_buffer buffer;
    for (;;) {
      const auto [error, size] = co_await made->async_read(buffer, kAsTuple);
      if (error) break;
      const auto bytes = buffer.cdata();
      const std::string_view data = Take({static_cast<const char*>(bytes.data()), bytes.size()});
      const auto [failed, sent] =
          co_await asio::async_write(near, asio::buffer(data.data(), data.size()), kAsTuple);
      buffer.consume(buffer.size());
      if (failed || !Said().empty()) break;
    }
    Cut();
  }

  std::string_view Take(std::string_view message) {
    const std::lock_guard lock(mutex);
    return messages.Take(message);
  }
  std::string Said() {
    const std::lock_guard lock(mutex);
    return messages.problem();
  }

  void Remove() {
    if (directory.empty()) return;
    ::unlink(path.c_str());
    ::rmdir(directory.c_str());
    directory.clear();
  }

  Status Listen() {
    const char* named = std::getenv("TMPDIR");
    // A socket's name has at most 107 bytes.
    const bool fits = named != nullptr && *named != '\0' && std::strlen(named) < 80;
    directory = std::string(fits ? named : "/tmp") + "/pgo-XXXXXX";
    if (::mkdtemp(directory.data()) == nullptr) {
      return Fail(Code::kUnavailable, "no directory for its socket can be made in " +
                                          std::string(fits ? named : "/tmp") + ": " +
                                          std::strerror(errno));
    }
    path = directory + "/s";
    acceptor.open(asio::local::stream_protocol());
    acceptor.bind(path);
    acceptor.listen(1);
    return {};
  }

  asio::awaitable<void> Accept() {
    const auto [error] = co_await acceptor.async_accept(near, kAsTuple);
    acceptor.close();
    Remove();
    if (error) co_return;
    asio::co_spawn(io, Up(), asio::detached);
    asio::co_spawn(io, Down(), asio::detached);
  }

  Status Start() {
    if (Status set = SetUpTls(tls, config, credential); !set) return set;
    asio::co_spawn(io, Begin(), asio::detached);
    io.run_for(std::chrono::milliseconds(to.timeout_ms));
    if (refusal) return Fail(*refusal);
    if (!open) return Fail(Code::kUnavailable, "no answer in time");
    if (Status listening = Listen(); !listening) return listening;
    io.restart();
    asio::co_spawn(io, Accept(), asio::detached);
    thread = std::thread([this] { io.run(); });
    return {};
  }
};

Tunnel::Tunnel(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tunnel::~Tunnel() = default;

Result<std::unique_ptr<Tunnel>> Tunnel::Open(Credentials& credentials,
                                             const std::string& user_agent, const TunnelTo& to) {
  const std::string where = "connection to pod " + to.ns + "/" + to.pod;
  if (const Status may = CheckServer(credentials.config()); !may)
    return Fail(may.error().In(where));
  auto credential = credentials.Get();
  if (!credential) return Fail(Code::kUnavailable, credential.error().message);
  try {
    auto state = std::make_unique<State>(credentials.config(), *credential, user_agent, to);
    Status begun = state->Start();
    if (!begun) return Fail(begun.error().In(where));
    return std::unique_ptr<Tunnel>(new Tunnel(std::move(state)));
  } catch (const std::exception& e) {
    return Fail(Code::kUnavailable, where + ": " + e.what());
  }
}

const std::string& Tunnel::path() const { return state_->path; }
std::string Tunnel::Problem() const { return state_->Said(); }

}  // namespace pgo::kube
