#include "adapters/local/api/server.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <future>
#include <thread>

#include "adapters/local/api/connection.h"

namespace pgo::local {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr int kBacklog = 256;

class Server final : public ApiServer {
 public:
  Server(MemoryStore& store, const Credentials& credentials)
      : state_(store, credentials), control_(asio::make_strand(io_)), resume_timer_(control_) {
    state_.stop = [this](bool hang, int seconds) { StopFor(hang, seconds); };
  }
  ~Server() override;
  Status Begin(const ServerOptions& options);
  void SetRuntime(Runtime* runtime) override { state_.runtime = runtime; }
  void AddListener(int fd) override {
    asio::post(control_, [this, fd] {
      listeners_.push_back({fd, nullptr});
      if (!stopped_) Open(listeners_.back());
    });
  }
  void Stop(bool hang) override {
    asio::post(control_, [this, hang] { StopNow(hang); });
  }
  void Resume() override {
    asio::post(control_, [this] { ResumeNow(); });
  }

 private:
  struct Listener {
    int fd;
    std::shared_ptr<tcp::acceptor> acceptor;  // null while stopped
  };
  // All below run on control_.
  void Open(Listener& listener);
  void StopNow(bool hang);
  void ResumeNow();
  void StopFor(bool hang, int seconds);
  asio::awaitable<void> Accept(std::shared_ptr<tcp::acceptor> acceptor);

  ServerState state_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  asio::strand<asio::io_context::executor_type> control_;
  asio::steady_timer resume_timer_;
  std::vector<Listener> listeners_;
  std::vector<std::weak_ptr<Connection>> connections_;
  bool stopped_ = false;
  std::vector<std::thread> threads_;
};

Status Server::Begin(const ServerOptions& options) {
  boost::system::error_code failed;
  const std::string& certificate = state_.credentials.certificate_pem();
  const std::string& key = state_.credentials.key_pem();
  tls_.use_certificate_chain(asio::buffer(certificate), failed);
  if (!failed) tls_.use_private_key(asio::buffer(key), asio::ssl::context::pem, failed);
  if (failed)
    return Fail(Code::kInternal, "the server certificate is not usable: " + failed.message());
  state_.runtime = options.runtime;
  for (const int fd : options.listen_fds) AddListener(fd);
  for (int i = 0; i < std::max(options.threads, 1); ++i)
    threads_.emplace_back([this] { io_.run(); });
  return {};
}

Server::~Server() {
  state_.closing = true;
  Stop(false);
  // Cut connections end by themselves; what does not within a moment is dropped with io_.
  for (int i = 0; i < 200 && !threads_.empty(); ++i) {
    std::promise<bool> idle;
    asio::post(control_, [&] {
      idle.set_value(std::all_of(connections_.begin(), connections_.end(),
                                 [](const auto& weak) { return weak.expired(); }));
    });
    if (idle.get_future().get()) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  io_.stop();
  for (std::thread& thread : threads_) thread.join();
  state_.blocking.join();
  for (Listener& listener : listeners_) {
    if (listener.acceptor == nullptr) ::close(listener.fd);
  }
}

void Server::Open(Listener& listener) {
  ::listen(listener.fd, kBacklog);  // again, after a stop
  listener.acceptor = std::make_shared<tcp::acceptor>(control_);
  boost::system::error_code failed;
  listener.acceptor->assign(tcp::v4(), listener.fd, failed);
  if (failed) return;
  asio::co_spawn(control_, Accept(listener.acceptor), asio::detached);
}

asio::awaitable<void> Server::Accept(std::shared_ptr<tcp::acceptor> acceptor) {
  while (true) {
    auto [error, socket] =
        co_await acceptor->async_accept(asio::any_io_executor(asio::make_strand(io_)), kAsTuple);
    if (!acceptor->is_open() || error == asio::error::operation_aborted) co_return;
    if (error) continue;
    const auto connection = std::make_shared<Connection>(std::move(socket), tls_, state_);
    std::erase_if(connections_, [](const auto& old) { return old.expired(); });
    connections_.push_back(connection);
    // The function object keeps the connection alive as long as its coroutine.
    asio::co_spawn(
        connection->executor(),
        [connection]() -> asio::awaitable<void> { co_await connection->Serve(); }, asio::detached);
  }
}

void Server::StopNow(bool hang) {
  stopped_ = true;
  state_.hung = hang;
  for (Listener& listener : listeners_) {
    if (listener.acceptor == nullptr) continue;
    boost::system::error_code ignored;
    listener.fd = ::dup(listener.acceptor->native_handle());
    listener.acceptor->close(ignored);
    listener.acceptor = nullptr;
    // A bound socket can leave the listening state and return to it: connections are refused
    // meanwhile, and the port stays ours, in whatever network namespace it is.
    ::shutdown(listener.fd, SHUT_RDWR);
  }
  if (hang) return;
  for (const auto& weak : connections_) {
    if (const auto connection = weak.lock()) connection->Cut();
  }
}

void Server::ResumeNow() {
  if (!stopped_) return;
  stopped_ = false;
  state_.hung = false;
  for (Listener& listener : listeners_) Open(listener);
}

void Server::StopFor(bool hang, int seconds) {
  asio::post(control_, [this, hang, seconds] {
    // The answer to the one who asked goes out first.
    resume_timer_.expires_after(std::chrono::milliseconds(100));
    resume_timer_.async_wait([this, hang, seconds](boost::system::error_code cancelled) {
      if (cancelled) return;
      StopNow(hang);
      resume_timer_.expires_after(std::chrono::seconds(seconds));
      resume_timer_.async_wait([this](boost::system::error_code over) {
        if (!over) ResumeNow();
      });
    });
  });
}

}  // namespace

Result<std::unique_ptr<ApiServer>> ApiServer::Start(ServerOptions options, MemoryStore& store,
                                                    const Credentials& credentials) {
  auto server = std::make_unique<Server>(store, credentials);
  if (auto begun = server->Begin(options); !begun) return tl::unexpected(begun.error());
  return server;
}

Result<int> ListenOn(const std::string& address, int port) {
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  if (::inet_pton(AF_INET, address.c_str(), &where.sin_addr) != 1) {
    return Fail(Code::kInvalid, address + " is not an IPv4 address");
  }
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return Fail(Code::kUnavailable, std::string("socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0) {
    const int failed = errno;
    ::close(fd);
    return Fail(Code::kUnavailable,
                "bind " + address + ":" + std::to_string(port) + ": " + std::strerror(failed));
  }
  if (port == 0) {
    // Bound anew by its number: a port that the kernel chose is lost when listening stops.
    const int chosen = PortOf(fd);
    ::close(fd);
    if (chosen == 0) return Fail(Code::kUnavailable, "no free port");
    return ListenOn(address, chosen);
  }
  if (::listen(fd, kBacklog) != 0) {
    ::close(fd);
    return Fail(Code::kUnavailable, "listen on " + address + ":" + std::to_string(port));
  }
  return fd;
}

int PortOf(int fd) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0) return 0;
  return ntohs(where.sin_port);
}

}  // namespace pgo::local
