#include "replay-tests/benchmarks/api_server.h"

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <list>
#include <thread>

#include "adapters/secrets/certificate.h"
#include "engine/base/ids.h"

namespace pgo::bench {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

class Server final : public FakeApiServer {
 public:
  Server() : tls_(asio::ssl::context::tls_server), acceptor_(io_) {}
  ~Server() override {
    stopping_ = true;
    ErrorCode ignored;
    tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint(ignored), ignored);
    if (accepting_.joinable()) accepting_.join();
    for (auto& one : connections_) one.socket->shutdown(tcp::socket::shutdown_both, ignored);
    for (auto& one : connections_) one.thread.join();
  }
  Status Open() {
    const std::int64_t now_us = static_cast<std::int64_t>(std::time(nullptr)) * kSecond;
    const auto authority = secrets::MakeAuthority("bench", now_us);
    if (!authority) return Fail(authority.error());
    const auto leaf = secrets::MakeLeaf({"127.0.0.1", {"127.0.0.1"}}, *authority, now_us);
    if (!leaf) return Fail(leaf.error());
    authority_ = authority->certificate;
    ErrorCode error;
    tls_.use_certificate_chain(asio::buffer(leaf->certificate), error);
    if (!error) tls_.use_private_key(asio::buffer(leaf->key), asio::ssl::context::pem, error);
    const tcp::endpoint endpoint(asio::ip::make_address_v4("127.0.0.1"), 0);
    if (!error) acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(16, error);
    if (error) return Fail(Code::kUnavailable, "listen on 127.0.0.1: " + error.message());
    accepting_ = std::thread([this] { Accept(); });
    return {};
  }
  std::string Url() const override {
    ErrorCode ignored;
    return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint(ignored).port());
  }
  std::string Authority() const override { return authority_; }
  void Answer(std::string body) override {
    const std::lock_guard lock(mu_);
    answer_ = std::move(body);
  }

 private:
  struct Connection {
    std::shared_ptr<tcp::socket> socket;
    std::thread thread;
  };
  void Accept() {
    while (!stopping_) {
      auto socket = std::make_shared<tcp::socket>(io_);
      ErrorCode error;
      acceptor_.accept(*socket, error);
      if (stopping_ || error) continue;
      socket->set_option(tcp::no_delay(true), error);
      connections_.push_back({socket, std::thread([this, socket] { Serve(*socket); })});
    }
  }
  void Serve(tcp::socket& socket) {
    boost::beast::ssl_stream<tcp::socket&> stream(socket, tls_);
    ErrorCode error;
    stream.handshake(asio::ssl::stream_base::server, error);
    boost::beast::flat_buffer buffer;
    while (!error && !stopping_) {
      http::request<http::string_body> request;
      http::read(stream, buffer, request, error);
      if (error) return;
      http::response<http::string_body> response(http::status::ok, request.version());
      response.set(http::field::content_type, "application/json");
      {
        const std::lock_guard lock(mu_);
        response.body() = answer_;
      }
      response.prepare_payload();
      http::write(stream, response, error);
    }
  }

  asio::io_context io_;
  asio::ssl::context tls_;
  tcp::acceptor acceptor_;
  std::string authority_, answer_ = "{}";
  std::mutex mu_;
  std::atomic<bool> stopping_ = false;
  std::thread accepting_;
  std::list<Connection> connections_;
};

}  // namespace

Result<std::unique_ptr<FakeApiServer>> FakeApiServer::Start() {
  auto server = std::make_unique<Server>();
  if (auto status = server->Open(); !status) return Fail(status.error());
  return server;
}

}  // namespace pgo::bench
