#include "adapters/secrets/provision.h"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include "adapters/secrets/certificate.h"
#include "adapters/secrets/encoding.h"
#include "adapters/secrets/scram.h"

namespace pgo::secrets {
namespace {

constexpr std::int64_t kNow = 1'790'000'000 * kSecond;
constexpr std::int64_t kDay = 86'400 * kSecond;

Part P(const std::string& key, const std::string& from, const std::string& text = "") {
  Part part;
  part.key = key;
  part.from = from;
  part.text = text;
  return part;
}
Part Password(std::int64_t length = 24, const std::string& alphabet = "ASCII") {
  Part part = P("password", "generate");
  part.length = length;
  part.alphabet = alphabet;
  return part;
}
Part Root() {
  Part part = P("root.crt", "ca");
  part.key_of = "root.key";
  part.cn = "postgres-operator-ca";
  return part;
}
Part Leaf(std::vector<std::string> sans = {"hippo-primary", "127.0.0.1", "::1", "*.pods.ns"}) {
  Part part = P("tls.crt", "leaf");
  part.key_of = "tls.key";
  part.cn = "hippo-primary";
  part.sans = std::move(sans);
  part.issuer = "ns/root";
  return part;
}
Values Fill(const std::vector<Part>& parts, const Values& existing = {},
            const std::map<std::string, Values>& issuers = {}, std::int64_t now = kNow) {
  auto filled = FillParts(parts, existing, issuers, now);
  EXPECT_TRUE(filled) << (filled ? "" : filled.error().message);
  return filled.value_or(Values{});
}

// Whether OpenSSL trusts the leaf for a server of that name (or address) by the root.
bool Trusted(const std::string& root, const std::string& leaf, const char* host,
             bool address = false) {
  const auto read = [](const std::string& pem) {
    BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
    X509* out = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
    BIO_free(bio);
    return out;
  };
  X509* ca = read(root);
  X509* certificate = read(leaf);
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, ca);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate, nullptr);
  X509_VERIFY_PARAM* rules = X509_STORE_CTX_get0_param(context);
  X509_VERIFY_PARAM_set_time(rules, kNow / kSecond);
  X509_VERIFY_PARAM_set_flags(rules, X509_V_FLAG_X509_STRICT);
  X509_VERIFY_PARAM_set_purpose(rules, X509_PURPOSE_SSL_SERVER);
  address ? X509_VERIFY_PARAM_set1_ip_asc(rules, host)
          : X509_VERIFY_PARAM_set1_host(rules, host, 0);
  const bool good = X509_verify_cert(context) == 1;
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(ca);
  X509_free(certificate);
  return good;
}

TEST(Scram, IsWhatRfc7677Says) {
  // RFC 7677: user, pencil. The keys follow from its salt by RFC 5802's definitions.
  const auto salt = DecodeBase64("W22ZaJ0SNY7soEsUEjb6gQ==");
  const std::string verifier = ScramVerifier("pencil", *salt);
  EXPECT_EQ(
      verifier,
      "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
      "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=");
  EXPECT_TRUE(Verifies(verifier, "pencil"));
  EXPECT_FALSE(Verifies(verifier, "pencil2"));
  for (const char* text :
       {"", "md5abc", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:$:", "SCRAM-SHA-256$-1:AAAA$A:B",
        "SCRAM-SHA-256$99999999999:AAAA$A:B", "SCRAM-SHA-256$x:!!$A:B"}) {
    EXPECT_FALSE(Verifies(text, "pencil")) << text;
  }
}

TEST(Provision, MakesAUsersSecretAndKeepsItAfterwards) {
  const std::vector<Part> parts{
      P("host", "literal", "h"), P("user", "literal", "a/b"), Password(),
      P("verifier", "scram", "password"),
      P("uri", "template", "postgresql://{user:url}:{password:url}@{host}/x")};
  const Values made = Fill(parts);
  const std::string& password = made.at("password");
  EXPECT_EQ(password.size(), 24U);
  EXPECT_TRUE(Verifies(made.at("verifier"), password));
  EXPECT_EQ(made.at("uri"), "postgresql://a%2Fb:" + PercentEncode(password) + "@h/x");
  EXPECT_EQ(Fill(parts, made), made);
  EXPECT_NE(Fill(parts).at("password"), password);
}

TEST(Provision, AdoptsAGivenPasswordAndRefreshesItsVerifier) {
  const std::vector<Part> parts{Password(), P("verifier", "scram", "password")};
  Values existing = Fill(parts);
  existing["password"] = "chosen";
  const Values made = Fill(parts, existing);
  EXPECT_EQ(made.at("password"), "chosen");
  EXPECT_TRUE(Verifies(made.at("verifier"), "chosen"));
  existing["password"] = "";
  EXPECT_EQ(Fill(parts, existing).at("password").size(), 24U);
}

TEST(Provision, AlphabetsHoldWhatTheySay) {
  const std::string text = Fill({Password(4000, "AlphaNumeric")}).at("password");
  EXPECT_EQ(
      text.find_first_not_of("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"),
      text.npos);
  const std::string ascii = Fill({Password(4000)}).at("password");
  EXPECT_EQ(ascii.find_first_of("'\"`\\ $%&"), ascii.npos);
  EXPECT_NE(ascii.find('~'), ascii.npos);
}

struct Certificates : testing::Test {
  Values root = Fill({Root()});
  std::map<std::string, Values> issuers{{"ns/root", root}};
};

TEST_F(Certificates, OpenSslTrustsTheChainForEachName) {
  Part both = P("combined", "concat");
  both.sans = {"tls.crt", "tls.key"};
  Part ca = P("ca.crt", "issuer");
  ca.issuer = "ns/root";
  const Values made = Fill({Leaf(), ca, both}, {}, issuers);
  EXPECT_EQ(made.at("ca.crt"), root.at("root.crt"));
  EXPECT_EQ(made.at("combined"), made.at("tls.crt") + made.at("tls.key"));
  EXPECT_FALSE(made.contains("root.key"));
  for (const char* name : {"hippo-primary", "a.pods.ns"})
    EXPECT_TRUE(Trusted(root.at("root.crt"), made.at("tls.crt"), name)) << name;
  for (const char* ip : {"127.0.0.1", "::1"})
    EXPECT_TRUE(Trusted(root.at("root.crt"), made.at("tls.crt"), ip, true)) << ip;
  EXPECT_FALSE(Trusted(root.at("root.crt"), made.at("tls.crt"), "other"));
  EXPECT_FALSE(Trusted(Fill({Root()}).at("root.crt"), made.at("tls.crt"), "hippo-primary"));
  EXPECT_EQ(EarliestEnd({Leaf()}, made), kNow + 365 * kDay);
}

TEST_F(Certificates, KeptWhileTheyFit) {
  const Values made = Fill({Leaf()}, {}, issuers);
  EXPECT_EQ(Fill({Leaf()}, made, issuers, kNow + 200 * kDay), made);
  EXPECT_NE(Fill({Leaf()}, made, issuers, kNow + 243 * kDay), made)
      << "the engine asks from 122 days on";
  EXPECT_NE(Fill({Leaf({"other"})}, made, issuers), made);
  EXPECT_NE(Fill({Leaf()}, made, {{"ns/root", Fill({Root()})}}), made);
  Values broken = made;
  broken["tls.key"] = root.at("root.key");
  EXPECT_NE(Fill({Leaf()}, broken, issuers).at("tls.crt"), made.at("tls.crt"));
  EXPECT_EQ(Fill({Root()}, root, {}, kNow + 3000 * kDay), root);
  EXPECT_NE(Fill({Root()}, root, {}, kNow + 3529 * kDay), root);
}

TEST_F(Certificates, LongNamesStillMakeACertificateThatIsKept) {
  Part leaf = Leaf({std::string(80, 'a') + ".svc", "short"});
  leaf.cn = leaf.sans.front();
  const Values made = Fill({leaf}, {}, issuers);
  EXPECT_TRUE(Trusted(root.at("root.crt"), made.at("tls.crt"), "short"));
  EXPECT_EQ(Fill({leaf}, made, issuers), made);
}

TEST_F(Certificates, AnIssuerInTheSameSecret) {
  Part leaf = Leaf();
  leaf.issuer = "";
  const Values made = Fill({Root(), leaf});
  EXPECT_TRUE(Trusted(made.at("root.crt"), made.at("tls.crt"), "hippo-primary"));
}

TEST(Provision, WrongRecipesAreRefusedByName) {
  const auto problem = [](const std::vector<Part>& parts) {
    auto filled = FillParts(parts, {}, {}, kNow);
    return filled ? "" : filled.error().message;
  };
  EXPECT_NE(problem({P("x", "wish")}).find("part x: unknown kind"), std::string::npos);
  EXPECT_NE(problem({P("x", "scram", "y")}).find("\"y\" is not made"), std::string::npos);
  EXPECT_NE(problem({P("x", "template", "{y")}).find("brace"), std::string::npos);
  EXPECT_NE(problem({Password(0)}).find("length"), std::string::npos);
  EXPECT_NE(problem({Leaf()}).find("issuer ns/root is not there yet"), std::string::npos);
}

TEST(MakeSecret, WritesDataAndAnnotations) {
  std::map<std::string, Json> stored;
  const ReadSecret read = [&](const kube::ObjectRef& ref) -> Result<Json> {
    const auto it = stored.find(ref.ns + "/" + ref.name);
    if (it == stored.end()) return Fail(Code::kNotFound, "none");
    return it->second;
  };
  Provision leaf{{"Secret", "ns", "cert"},
                 JsonLiteral(R"({"metadata":{"labels":{"a":"b"}}})"),
                 {Leaf()},
                 "r1"};
  EXPECT_EQ(MakeSecret(leaf, read, kNow).error().code, Code::kUnavailable);
  auto root = MakeSecret({{"Secret", "ns", "root"}, Json(), {Root()}, "r0"}, read, kNow);
  ASSERT_TRUE(root);
  stored["ns/root"] = *root;
  auto made = MakeSecret(leaf, read, kNow);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(
      GetString(*made, {"metadata", "annotations", "postgres-operator.crunchydata.com/recipe"}),
      "r1");
  EXPECT_EQ(
      GetString(*made, {"metadata", "annotations", "postgres-operator.crunchydata.com/not-after"}),
      WallSeconds(kNow + 365 * kDay));
  EXPECT_EQ(GetString(*made, {"metadata", "labels", "a"}), "b");
  stored["ns/cert"] = *made;
  EXPECT_EQ(MakeSecret(leaf, read, kNow + kDay).value_or(Json()), *made);
}

}  // namespace
}  // namespace pgo::secrets
