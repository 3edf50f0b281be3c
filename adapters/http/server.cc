#include "adapters/http/server.h"

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <condition_variable>
#include <list>
#include <mutex>
#include <thread>

namespace pgo::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using ErrorCode = boost::system::error_code;

constexpr auto kRequestTime = std::chrono::seconds(10);
constexpr auto kResponseTime = std::chrono::seconds(120);

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

std::string Decode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && HexDigit(text[i + 1]) >= 0 &&
        HexDigit(text[i + 2]) >= 0) {
      out += static_cast<char>(HexDigit(text[i + 1]) * 16 + HexDigit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

Request ReadTarget(std::string_view method, std::string_view target) {
  Request request;
  request.method = std::string(method);
  const auto question = target.find('?');
  request.path = Decode(target.substr(0, question));
  if (question == std::string_view::npos) return request;
  std::string_view rest = target.substr(question + 1);
  while (!rest.empty()) {
    const auto end = std::min(rest.find('&'), rest.size());
    const auto pair = rest.substr(0, end);
    const auto equals = std::min(pair.find('='), pair.size());
    request.query[Decode(pair.substr(0, equals))] =
        equals < pair.size() ? Decode(pair.substr(equals + 1)) : "";
    rest = rest.substr(std::min(end + 1, rest.size()));
  }
  return request;
}

// All that the client has shown, its own first.
std::string CertificatesOf(SSL* tls) {
  const std::unique_ptr<X509, decltype(&X509_free)> own(SSL_get1_peer_certificate(tls), X509_free);
  if (!own) return "";
  const std::unique_ptr<BIO, decltype(&BIO_free_all)> out(BIO_new(BIO_s_mem()), BIO_free_all);
  PEM_write_bio_X509(out.get(), own.get());
  const STACK_OF(X509)* others = SSL_get_peer_cert_chain(tls);
  for (int i = 0; i < sk_X509_num(others); ++i) {
    PEM_write_bio_X509(out.get(), sk_X509_value(others, i));
  }
  char* data = nullptr;
  const long size = BIO_get_mem_data(out.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

using SteadyClock = std::chrono::steady_clock;

// How long a connection may stay as it is; past it, it is cut.
struct Life {
  std::atomic<bool> ended = false;
  std::atomic<SteadyClock::rep> until = 0;
  void Allow(std::chrono::seconds time) {
    until = (SteadyClock::now() + time).time_since_epoch().count();
  }
};

class ServerImpl final : public Server {
 public:
  ServerImpl(ServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        tls_(asio::ssl::context::tls_server),
        acceptor_(io_) {}

  ~ServerImpl() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
      stop_.notify_all();
    }
    ErrorCode ignored;
    // A blocking accept is woken by a connection of our own.
    tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint(ignored), ignored);
    if (accepting_.joinable()) accepting_.join();
    if (watching_.joinable()) watching_.join();
    {
      const std::lock_guard lock(mutex_);
      for (auto& connection : connections_)
        connection.socket->shutdown(tcp::socket::shutdown_both, ignored);
    }
    for (auto& connection : connections_) connection.thread.join();
  }

  Status Open() {
    ErrorCode error;
    if (!options_.certificate.empty()) {
      tls_.set_options(asio::ssl::context::no_tlsv1 | asio::ssl::context::no_tlsv1_1, error);
      tls_.use_certificate_chain(asio::buffer(options_.certificate), error);
      if (error) return Fail(Code::kInvalid, "server certificate: " + error.message());
      tls_.use_private_key(asio::buffer(options_.private_key), asio::ssl::context::pem, error);
      if (error) return Fail(Code::kInvalid, "server private key: " + error.message());
      if (Status asked = AskForCertificates(); !asked) return asked;
    }
    const auto address = asio::ip::make_address(options_.address, error);
    if (error) return Fail(Code::kInvalid, "listen address " + options_.address + " is no address");
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return Fail(Code::kUnavailable, "listen on " + options_.address + ":" +
                                          std::to_string(options_.port) + ": " + error.message());
    }
    accepting_ = std::thread([this] { Accept(); });
    watching_ = std::thread([this] { Watch(); });
    return {};
  }

  std::uint16_t Port() const override {
    ErrorCode ignored;
    return acceptor_.local_endpoint(ignored).port();
  }

 private:
  Status AskForCertificates() {
    if (options_.client_authority.empty() && !options_.ask_certificate) return {};
    // Without a name for them, clients that come back with a session would be refused.
    static constexpr unsigned char kSessions[] = "pgo";
    SSL_CTX_set_session_id_context(tls_.native_handle(), kSessions, sizeof kSessions - 1);
    if (options_.client_authority.empty()) {
      SSL_CTX_set_verify(tls_.native_handle(), SSL_VERIFY_PEER,
                         [](int, X509_STORE_CTX*) { return 1; });
      return {};
    }
    ErrorCode error;
    tls_.add_certificate_authority(asio::buffer(options_.client_authority), error);
    if (!error) {
      tls_.set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, error);
    }
    return error ? Fail(Code::kInvalid, "authority of clients: " + error.message()) : Status();
  }

  struct Connection {
    std::shared_ptr<tcp::socket> socket;
    std::thread thread;
    std::shared_ptr<Life> life;
  };

  void Accept() {
    while (!stopping_) {
      auto socket = std::make_shared<tcp::socket>(io_);
      ErrorCode error;
      acceptor_.accept(*socket, error);
      if (stopping_) return;
      if (error) continue;
      const std::lock_guard lock(mutex_);
      connections_.remove_if([](Connection& connection) {
        if (connection.life->ended) connection.thread.join();
        return !connection.thread.joinable();
      });
      if (connections_.size() >= options_.connections_max) continue;  // closes the socket
      auto life = std::make_shared<Life>();
      life->Allow(kRequestTime);
      connections_.push_back(
          {socket, std::thread([this, socket, life] { Run(socket, *life); }), life});
    }
  }

  void Run(const std::shared_ptr<tcp::socket>& socket, Life& life) {
    try {
      Serve(socket, life);
    } catch (const std::exception&) {
      // A connection's failure is its own.
    }
    ErrorCode ignored;
    socket->shutdown(tcp::socket::shutdown_both, ignored);
    life.ended = true;
  }

  void Watch() {
    std::unique_lock lock(mutex_);
    while (!stop_.wait_for(lock, std::chrono::seconds(1), [this] { return stopping_.load(); })) {
      const auto now = SteadyClock::now().time_since_epoch().count();
      for (auto& connection : connections_) {
        ErrorCode ignored;
        if (!connection.life->ended && now > connection.life->until) {
          connection.socket->shutdown(tcp::socket::shutdown_both, ignored);
        }
      }
    }
  }

  void Serve(const std::shared_ptr<tcp::socket>& socket, Life& life) {
    if (options_.certificate.empty()) return Talk(*socket, life, "");
    beast::ssl_stream<tcp::socket&> stream(*socket, tls_);
    ErrorCode error;
    stream.handshake(asio::ssl::stream_base::server, error);
    if (error) return;
    Talk(stream, life, options_.ask_certificate ? CertificatesOf(stream.native_handle()) : "");
  }

  template <typename Stream>
  void Talk(Stream& stream, Life& life, const std::string& certificate) {
    beast::flat_buffer buffer;
    ErrorCode error;
    while (!error && !stopping_) {
      beast::http::request_parser<beast::http::empty_body> parser;
      beast::http::read_header(stream, buffer, parser, error);
      if (error) return;
      const auto& incoming = parser.get();
      // Who is asked about the request may take its time.
      life.Allow(kResponseTime);
      Response answer = Answer(incoming, certificate);
      beast::http::response<beast::http::string_body> out(
          static_cast<beast::http::status>(answer.status), incoming.version());
      out.set(beast::http::field::content_type, answer.content_type);
      if (answer.status == 401) out.set(beast::http::field::www_authenticate, "Bearer");
      out.body() = std::move(answer.body);
      out.keep_alive(incoming.keep_alive());
      out.prepare_payload();
      life.Allow(kResponseTime);
      beast::http::write(stream, out, error);
      life.Allow(kRequestTime);
      if (!incoming.keep_alive()) return;
    }
  }

  template <typename Incoming>
  Response Answer(const Incoming& incoming, const std::string& certificate) {
    const std::string_view method = incoming.method_string();
    if (method != "GET") return {405, "application/json", R"({"error":"only GET is answered"})"};
    const std::string_view target = incoming.target();
    Request request = ReadTarget(method, target);
    request.authorization = std::string_view(incoming[beast::http::field::authorization]);
    request.certificate = certificate;
    return handler_(request);
  }

  const ServerOptions options_;
  const Handler handler_;
  asio::io_context io_;
  asio::ssl::context tls_;
  tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::thread accepting_;
  std::thread watching_;
  std::mutex mutex_;
  std::condition_variable stop_;
  std::list<Connection> connections_;
};

}  // namespace

Result<std::unique_ptr<Server>> Server::Start(ServerOptions options, Handler handler) {
  auto server = std::make_unique<ServerImpl>(std::move(options), std::move(handler));
  if (auto status = server->Open(); !status) return Fail(status.error());
  return server;
}

}  // namespace pgo::http
