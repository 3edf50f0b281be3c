#include "adapters/operator/replication.h"

#include <gtest/gtest.h>

#include <ctime>

#include "adapters/http/client.h"
#include "adapters/operator/election.h"
#include "adapters/operator/leadership.h"
#include "adapters/secrets/certificate.h"

namespace pgo {
namespace {

std::string AddressOf(const std::string& listen, const std::string& address) {
  Options options;
  options.replica_listen = listen;
  options.replica_address = address;
  const auto out = ReplicaAddress(options, 8444);
  return out ? *out : out.error().message;
}

TEST(Replication, TheAddressIsWhereOthersReachIt) {
  EXPECT_EQ(AddressOf("127.0.0.1:0", ""), "127.0.0.1:8444");
  EXPECT_EQ(AddressOf("[::1]:0", ""), "[::1]:8444");
  EXPECT_EQ(AddressOf("0.0.0.0:8444", "10.0.0.7"), "10.0.0.7:8444");
  EXPECT_EQ(AddressOf("[::]:8444", "fd00::7"), "[fd00::7]:8444");
  EXPECT_EQ(AddressOf("0.0.0.0:8444", "pgo-0.pgo:9000"), "pgo-0.pgo:9000");
  EXPECT_EQ(AddressOf("0.0.0.0:8444", "[fd00::7]:9000"), "[fd00::7]:9000");
  EXPECT_NE(AddressOf("0.0.0.0:8444", "").find("--replica-address must say"), std::string::npos);
}

// What a journal says of elapsed time on another machine is moved onto this one's clock.
TEST(Replication, AnotherMachinesClockIsRecognised) {
  const auto at = [](std::int64_t wall_s, std::int64_t elapsed_s) {
    return Now{wall_s * kSecond, elapsed_s * kSecond};
  };
  EXPECT_EQ(ClockShift({}, at(5000, 300)), 0) << "a first start";
  EXPECT_EQ(ClockShift(at(5000, 300), at(5030, 330)), 0);
  EXPECT_EQ(ClockShift(at(5000, 300), at(5010, 330)), 0) << "the wall clock was stepped a little";
  EXPECT_EQ(ClockShift(at(5000, 300), at(5030, 90'330)), 90'000 * kSecond);
  EXPECT_EQ(ClockShift(at(5000, 90'000), at(5030, 12)), -90'018 * kSecond) << "a reboot";
}

TEST(Replication, ARelayDropsWhatNobodyLeadsFor) {
  struct Sink final : EventSink {
    void Post(std::vector<Payload> events) override { count += events.size(); }
    std::size_t count = 0;
  } sink;
  int leading = 0;
  Relay relay([&](const Leading&) { ++leading; });
  relay.Post({Contact{true, ""}, Leading{true, 1, ""}});
  relay.Attach(&sink);
  relay.Post({Contact{false, ""}, Leading{false, 1, ""}});
  relay.Attach(nullptr);
  relay.Post({Contact{true, ""}});
  EXPECT_EQ(leading, 2);
  EXPECT_EQ(sink.count, 1U);
}

// Two sides with certificates of one authority, and a stranger with one of another.
class PeersTest : public ::testing::Test {
 protected:
  struct Side {
    secrets::KeyPair authority, leaf;
  };
  static Result<http::Answer> Ask(const Side& trusted, const secrets::KeyPair& shown,
                                  std::uint16_t port) {
    http::Client client(
        {trusted.authority.certificate, shown.certificate, shown.key, "pgo-replica"});
    auto first = client.Get("127.0.0.1:" + std::to_string(port), "/x", 5000);
    return first ? client.Get("127.0.0.1:" + std::to_string(port), "/x", 5000) : first;
  }
};

TEST_F(PeersTest, OnlyWhoHasACertificateOfTheAuthorityIsAnsweredOrBelieved) {
  const auto now = static_cast<std::int64_t>(std::time(nullptr)) * kSecond;
  const auto authority = *secrets::MakeAuthority("ca", now);
  const auto make = [&](const secrets::KeyPair& issuer, const std::string& name) {
    return *secrets::MakeLeaf({name, {name}}, issuer, now);
  };
  const Side ours{authority, make(authority, "pgo-replica")};
  const auto other = *secrets::MakeAuthority("ca", now);
  const Side stranger{other, make(other, "pgo-replica")};
  int answered = 0;
  http::ServerOptions how;
  how.certificate = ours.leaf.certificate;
  how.private_key = ours.leaf.key;
  how.client_authority = authority.certificate;
  const auto server = http::Server::Start(how, [&](const http::Request&) {
    ++answered;
    return http::Response{200, "text/plain", "frames"};
  });
  ASSERT_TRUE(server.has_value());
  const std::uint16_t port = (*server)->Port();
  const auto answer = Ask(ours, ours.leaf, port);
  ASSERT_TRUE(answer.has_value()) << answer.error().message;
  EXPECT_EQ(answer->body, "frames");
  EXPECT_EQ(answered, 2);
  EXPECT_FALSE(Ask(ours, stranger.leaf, port).has_value());
  EXPECT_FALSE(Ask(ours, {"", ""}, port).has_value());
  EXPECT_FALSE(Ask(stranger, ours.leaf, port).has_value()) << "the server proves itself too";
  EXPECT_EQ(answered, 2);
}

TEST_F(PeersTest, AGetIsEndedFromElsewhere) {
  http::Client client({"", "", "", "pgo-replica"});
  client.Cancel(true);
  EXPECT_FALSE(client.Get("127.0.0.1:1", "/x", 60'000).has_value());
}

}  // namespace
}  // namespace pgo
