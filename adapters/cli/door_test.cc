// From a kubeconfig to the operator's answer: Lease, port-forward, TLS inside of it.
#include "adapters/cli/door.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <thread>

#include "adapters/cli/operator_client.h"
#include "adapters/http/server.h"
#include "adapters/kube/credentials.h"
#include "adapters/secrets/certificate.h"
#include "engine/base/ids.h"

namespace pgo::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using ::testing::AllOf;
using ::testing::HasSubstr;

// An API server that knows one Lease and forwards one port, a connection after the other.
class FakeApiServer {
 public:
  FakeApiServer(const secrets::KeyPair& certificate, std::uint16_t behind)
      : behind_(behind), acceptor_(io_, {asio::ip::make_address("127.0.0.1"), 0}) {
    tls_.use_certificate_chain(asio::buffer(certificate.certificate));
    tls_.use_private_key(asio::buffer(certificate.key), asio::ssl::context::pem);
    tls_.set_verify_mode(asio::ssl::verify_peer);
    tls_.set_verify_callback([](bool, asio::ssl::verify_context&) { return true; });
    static constexpr unsigned char kSessions[] = "test";
    SSL_CTX_set_session_id_context(tls_.native_handle(), kSessions, sizeof kSessions - 1);
    thread_ = std::thread([this] { Run(); });
  }
  ~FakeApiServer() {
    stopping_ = true;
    boost::system::error_code ignored;
    tcp::socket wake(io_);
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  std::uint16_t Port() const { return acceptor_.local_endpoint().port(); }

  Json lease = Json::object();
  int forward_status = 101;
  std::string seen_authorization, seen_target;  // of the port-forward
  bool seen_certificate = false;

 private:
  using Tls = beast::ssl_stream<tcp::socket>;
  void Run() {
    while (!stopping_) {
      tcp::socket socket(io_);
      acceptor_.accept(socket);
      if (stopping_) return;
      try {
        Tls stream(std::move(socket), tls_);
        stream.handshake(asio::ssl::stream_base::server);
        Serve(stream);
      } catch (const std::exception&) {
        // the client has what it wants
      }
    }
  }
  void Serve(Tls& stream) {
    beast::flat_buffer buffer;
    for (;;) {
      beast::http::request<beast::http::string_body> request;
      beast::http::read(stream, buffer, request);
      const std::string target = std::string(request.target());
      if (target.find("/portforward") != std::string::npos && forward_status == 101) {
        seen_target = target;
        seen_certificate = SSL_get0_peer_certificate(stream.native_handle()) != nullptr;
        seen_authorization = std::string(request[beast::http::field::authorization]);
        return Forward(stream, request);
      }
      const bool known = target.find("/leases/") != std::string::npos && !lease.empty();
      const unsigned status = known ? 200
                              : target.find("/portforward") != std::string::npos
                                  ? static_cast<unsigned>(forward_status)
                                  : 404;
      beast::http::response<beast::http::string_body> out(static_cast<beast::http::status>(status),
                                                          11);
      out.body() = DumpJson(known ? lease : Json{{"kind", "Status"}, {"message", "it is not so"}});
      out.set(beast::http::field::content_type, "application/json");
      out.prepare_payload();
      beast::http::write(stream, out);
    }
  }
  // As a kubelet: each channel begins with the port.
  void Forward(Tls& stream, const beast::http::request<beast::http::string_body>& request) {
    beast::websocket::stream<Tls&> socket(stream);
    socket.set_option(beast::websocket::stream_base::decorator([](auto& response) {
      response.set(beast::http::field::sec_websocket_protocol, "v4.channel.k8s.io");
    }));
    socket.accept(request);
    socket.binary(true);
    for (const char channel : {'\0', '\1'}) {
      socket.write(asio::buffer(std::string{channel, '\xfb', '\x20'}));
    }
    tcp::socket pod(io_);
    boost::system::error_code failed;
    pod.connect({asio::ip::make_address("127.0.0.1"), behind_}, failed);
    if (failed) {
      socket.write(asio::buffer(std::string("\1connection refused in the pod")));
      return;
    }
    std::thread up([&] {
      boost::system::error_code error;
      while (!error) {
        beast::flat_buffer message;
        socket.read(message, error);
        const auto text = beast::buffers_to_string(message.data());
        if (!error) asio::write(pod, asio::buffer(text.data() + 1, text.size() - 1), error);
      }
      pod.shutdown(tcp::socket::shutdown_both, error);
    });
    boost::system::error_code error;
    while (!error) {
      std::array<char, 10'000> piece{};
      const std::size_t size =
          pod.read_some(asio::buffer(piece.data() + 1, piece.size() - 1), error);
      if (!error) socket.write(asio::buffer(piece.data(), size + 1), error);
    }
    beast::get_lowest_layer(socket).shutdown(tcp::socket::shutdown_both, error);
    up.join();
  }

  asio::io_context io_;
  asio::ssl::context tls_{asio::ssl::context::tls_server};
  const std::uint16_t behind_;
  tcp::acceptor acceptor_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

class DoorTest : public ::testing::Test {
 protected:
  DoorTest() {
    for (const char* name : {"PGO_APISERVER_URL", "PGO_CONFIG", "PGO_TOKEN_FILE", "KUBECONFIG",
                             "PGO_OPERATOR_NAMESPACE", "PGO_CONTROLLER_LEASE_NAME"}) {
      unsetenv(name);
    }
    std::string directory = "/tmp/pgo-door-XXXXXX";
    directory_ = mkdtemp(directory.data());
    setenv("HOME", directory_.c_str(), 1);
    http::ServerOptions how;
    how.certificate = leaf_.certificate;
    how.private_key = leaf_.key;
    how.ask_certificate = true;
    operator_ = *http::Server::Start(how, [this](const http::Request& request) {
      asked_.push_back(request);
      return http::Response{status_, "application/json", answer_};
    });
    api_ = std::make_unique<FakeApiServer>(leaf_, operator_->Port());
    Say(authority_.certificate);
  }
  ~DoorTest() override { std::filesystem::remove_all(directory_); }

  // The Lease as the operator writes it.
  void Say(const std::string& ca, const std::string& pod = "pgo-0") {
    const Json notice = {{"pod", pod}, {"port", 8443}, {"ca", ca}};
    api_->lease = {
        {"metadata",
         {{"name", "cpk-leader-election-lease"},
          {"namespace", "postgres-operator"},
          {"annotations", {{"postgres-operator.crunchydata.com/api", DumpJson(notice)}}}}}};
  }
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  Common As(Json user) {
    const Json config = {
        {"apiVersion", "v1"},
        {"kind", "Config"},
        {"current-context", "c"},
        {"clusters",
         Json::array({{{"name", "k"},
                       {"cluster",
                        {{"server", "https://127.0.0.1:" + std::to_string(api_->Port())},
                         {"certificate-authority", Write("ca", authority_.certificate)}}}}})},
        {"users", Json::array({{{"name", "u"}, {"user", std::move(user)}}})},
        {"contexts",
         Json::array({{{"name", "c"}, {"context", {{"cluster", "k"}, {"user", "u"}}}}})}};
    Common common;
    common.kubeconfig = Write("config", DumpJson(config));
    return common;
  }
  Result<Json> Ask(const Common& common) {
    auto address = FindOperator(common);
    if (!address) return Fail(address.error());
    return OperatorClient(*std::move(address)).Get("/version");
  }

  const std::int64_t now_ = static_cast<std::int64_t>(std::time(nullptr)) * kSecond;
  const secrets::KeyPair authority_ = *secrets::MakeAuthority("ca", now_);
  const secrets::KeyPair leaf_ = *secrets::MakeLeaf({"it", {"127.0.0.1"}}, authority_, now_);
  std::string directory_, answer_ = "{\"version\":\"9\"}";
  unsigned status_ = 200;
  std::vector<http::Request> asked_;
  std::unique_ptr<http::Server> operator_;
  std::unique_ptr<FakeApiServer> api_;
};

TEST_F(DoorTest, AsksTheLeaderInItsPodAsWhoeverTheKubeconfigSays) {
  const auto answer = Ask(As({{"token", "of-ana"}}));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(GetString(*answer, {"version"}), "9");
  EXPECT_EQ(api_->seen_target,
            "/api/v1/namespaces/postgres-operator/pods/pgo-0/portforward?ports=8443");
  EXPECT_EQ(api_->seen_authorization, "Bearer of-ana");
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].authorization, "Bearer of-ana");
  EXPECT_EQ(asked_[0].certificate, "");
}

TEST_F(DoorTest, ShowsTheCertificateOfWhoHasNoToken) {
  const auto ana = *secrets::MakeLeaf({"ana", {}}, authority_, now_);
  const auto answer = Ask(As({{"client-certificate", Write("crt", ana.certificate)},
                              {"client-key", Write("key", ana.key)}}));
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  ASSERT_EQ(asked_.size(), 1U);
  EXPECT_EQ(asked_[0].authorization, "");
  EXPECT_TRUE(asked_[0].certificate.starts_with(ana.certificate)) << asked_[0].certificate;
  EXPECT_TRUE(api_->seen_certificate) << "the API server has to know who forwards a port, too";
}

TEST_F(DoorTest, ForwardsThroughNobodyButTheApiServer) {
  const auto open = [&](const std::string& ca) {
    kube::Config config;
    config.server = "https://127.0.0.1:" + std::to_string(api_->Port());
    config.ca_pem = ca;
    config.token = "of-ana";
    kube::Credentials credentials(config);
    return kube::Tunnel::Open(credentials, "test", {"n", "p", 1, 5000});
  };
  EXPECT_FALSE(open(secrets::MakeAuthority("ca", now_)->certificate).has_value());
  EXPECT_EQ(api_->seen_authorization, "");
  EXPECT_TRUE(open(authority_.certificate).has_value());
  EXPECT_EQ(api_->seen_authorization, "Bearer of-ana");
}

TEST_F(DoorTest, ATokenMadeForThisGoesToTheOperatorAlone) {
  setenv("PGO_TOKEN_FILE", Write("auditor", "of-the-auditor\n").c_str(), 1);
  ASSERT_TRUE(Ask(As({{"token", "of-ana"}})).has_value());
  EXPECT_EQ(api_->seen_authorization, "Bearer of-ana");
  EXPECT_EQ(asked_[0].authorization, "Bearer of-the-auditor");
}

TEST_F(DoorTest, LooksWhereItIsTold) {
  Common common = As({{"token", "of-ana"}});
  api_->lease = Json::object();
  setenv("PGO_OPERATOR_NAMESPACE", "of-the-environment", 1);
  EXPECT_THAT(Ask(common).error().message, HasSubstr("in of-the-environment:"));
  common.operator_ns = "of-the-flag";
  EXPECT_THAT(Ask(common).error().message, HasSubstr("in of-the-flag:"));
}

TEST_F(DoorTest, BringsALongAnswerWhole) {
  answer_.clear();
  for (int i = 0; answer_.size() < 3'000'000; ++i) answer_ += std::to_string(i) + ",";
  auto address = FindOperator(As({{"token", "of-ana"}}));
  ASSERT_TRUE(address.has_value());
  const std::string file = directory_ + "/got";
  const auto got = OperatorClient(*std::move(address)).Download({{}, 0, 0, "team-a"}, file);
  ASSERT_TRUE(got.has_value()) << got.error().message;
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), answer_);
  EXPECT_EQ(asked_[0].query.at("namespace"), "team-a");
}

TEST_F(DoorTest, TellsNothingToAnOperatorThatTheLeaseDoesNotVouchFor) {
  Say(secrets::MakeAuthority("ca", now_)->certificate);
  EXPECT_THAT(Ask(As({{"token", "of-ana"}})).error().message, HasSubstr("certificate"));
  EXPECT_TRUE(asked_.empty());
  Say("");
  EXPECT_THAT(Ask(As({{"token", "of-ana"}})).error().message,
              HasSubstr("must name pod, port and ca"));
}

TEST_F(DoorTest, SaysWhatIsMissing) {
  api_->forward_status = 403;
  const auto denied = Ask(As({{"token", "of-ana"}}));
  EXPECT_EQ(denied.error().code, Code::kDenied);
  EXPECT_THAT(denied.error().message,
              AllOf(HasSubstr("it is not so"), HasSubstr("get and create pods/portforward")));
  api_->forward_status = 101;
  operator_.reset();
  EXPECT_THAT(Ask(As({{"token", "of-ana"}})).error().message,
              AllOf(HasSubstr("postgres-operator/pgo-0: connection refused in the pod"),
                    HasSubstr("another one leads within a minute")));
  api_->lease = {{"metadata", {{"name", "l"}, {"namespace", "n"}}}};
  EXPECT_THAT(Ask(As({{"token", "of-ana"}})).error().message,
              HasSubstr("Lease n/l names no pod of an operator"));
  api_->lease = Json::object();
  EXPECT_THAT(Ask(As({{"token", "of-ana"}})).error().message,
              AllOf(HasSubstr("where the operator's API is, is not known"),
                    HasSubstr("in postgres-operator, default"), HasSubstr("--bundle=FILE")));
}

TEST_F(DoorTest, AnswersOfTheOperatorAreTheUsersOwnWords) {
  status_ = 403;
  answer_ = R"({"error":"ana may not; mend: kubectl …"})";
  const auto denied = Ask(As({{"token", "of-ana"}}));
  EXPECT_EQ(denied.error().code, Code::kDenied);
  EXPECT_EQ(denied.error().message, "operator: GET /version: 403 ana may not; mend: kubectl …");
}

TEST(TunnelMessagesTest, EachChannelBeginsWithThePort) {
  kube::TunnelMessages messages;
  EXPECT_EQ(messages.Take(std::string_view("\0\xfb\x20", 3)), "");
  EXPECT_EQ(messages.Take(std::string_view("\1\xfb\x20", 3)), "");
  EXPECT_EQ(messages.Take(std::string_view("\0abc", 4)), "abc");
  EXPECT_EQ(messages.Take(std::string_view("\2x", 2)), "");
  EXPECT_EQ(messages.Take(""), "");
  EXPECT_EQ(messages.problem(), "");
  messages.Take("\1no");
  EXPECT_EQ(messages.problem(), "no");
}

}  // namespace
}  // namespace pgo::cli
