// One client's connection and what all of them share. Internal to the API server; the only headers
// of Beast are here.
//
// A rule of these coroutines: no aggregate is made from braces, and no lambda, within a co_await
// expression. g++ 12 destroys such a temporary twice.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/local/api/handlers.h"
#include "adapters/local/api/server.h"

namespace pgo::local {

using Stream = boost::asio::ssl::stream<boost::beast::tcp_stream>;
using HttpRequest = boost::beast::http::request<boost::beast::http::string_body>;

struct ServerState {
  ServerState(MemoryStore& the_store, const Credentials& the_credentials)
      : store(the_store), credentials(the_credentials), handlers(the_store, the_credentials) {}
  MemoryStore& store;
  const Credentials& credentials;
  Handlers handlers;
  RequestCounts counts;
  std::atomic<Runtime*> runtime{nullptr};
  std::atomic<bool> hung{false};
  std::atomic<bool> closing{false};
  std::function<void(bool hang, int seconds)> stop;  // of the server, for the control endpoint
  boost::asio::thread_pool blocking{4};              // calls into the runtime that may wait
};

// Lines or frames on their way to a client: any thread puts, the connection's coroutine takes.
class Outbox : public std::enable_shared_from_this<Outbox> {
 public:
  explicit Outbox(boost::asio::any_io_executor strand)
      : timer_(strand), strand_(std::move(strand)) {}
  void Put(std::string bytes);  // any thread
  void End();                   // any thread: nothing more will come
  // On the strand: waits until something is there, `until` has come, or the end. All that is there.
  boost::asio::awaitable<std::deque<std::string>> Take(std::chrono::steady_clock::time_point until);
  [[nodiscard]] bool Ended() const;  // and nothing left to take

 private:
  void Wake();
  mutable std::mutex mu_;
  std::deque<std::string> items_;
  bool ended_ = false;
  boost::asio::steady_timer timer_;
  boost::asio::any_io_executor strand_;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& tls,
             ServerState& state)
      : stream_(std::move(socket), tls), state_(state) {}
  boost::asio::awaitable<void> Serve();  // on the connection's strand
  void Cut();                            // any thread
  boost::asio::any_io_executor executor() { return stream_.get_executor(); }

 private:
  boost::asio::awaitable<bool> ServeOne(HttpRequest request);
  // What is answered at once; nothing for a stream, a log or a fault.
  std::optional<Reply> Immediate(const HttpRequest& http, Request& request);
  boost::asio::awaitable<bool> Send(const HttpRequest& request, const Reply& reply);
  boost::asio::awaitable<bool> Watch(const HttpRequest& http, const Request& request,
                                     const Target& target);
  boost::asio::awaitable<bool> Follow(std::shared_ptr<Outbox> outbox,
                                      std::function<std::string()> beat,
                                      std::chrono::steady_clock::time_point end);
  boost::asio::awaitable<void> NoticeClose(std::shared_ptr<Outbox> outbox);
  boost::asio::awaitable<Reply> Control(const Request& request);
  Reply ControlServer(const Request& request);
  boost::asio::awaitable<void> WaitWhileHung();
  // pod_log.cc
  boost::asio::awaitable<bool> Log(const HttpRequest& http, const Request& request,
                                   const Target& target);
  boost::asio::awaitable<bool> StreamLog(const HttpRequest& http, LogReader& reader, bool follow);
  // exec.cc
  boost::asio::awaitable<void> Exec(const HttpRequest& http, const Request& request,
                                    const Target& target);

  Stream stream_;
  ServerState& state_;
  boost::beast::flat_buffer buffer_;
};

}  // namespace pgo::local
