#include "adapters/secrets/shown.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "adapters/secrets/certificate.h"
#include "engine/base/ids.h"

namespace pgo::secrets {
namespace {

constexpr std::int64_t kNow = 1'800'000'000 * kSecond, kYear = 366LL * 86'400 * kSecond;

// A user's certificate, as an authority of Kubernetes makes it.
std::string UserCertificate(const KeyPair& authority, const std::vector<std::string>& groups,
                            const std::string& usage = "clientAuth") {
  const auto bio = [](const std::string& text) { return BIO_new_mem_buf(text.data(), -1); };
  BIO *ca_in = bio(authority.certificate), *key_in = bio(authority.key),
      *out = BIO_new(BIO_s_mem());
  X509* ca = PEM_read_bio_X509(ca_in, nullptr, nullptr, nullptr);
  EVP_PKEY* ca_key = PEM_read_bio_PrivateKey(key_in, nullptr, nullptr, nullptr);
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* made = X509_new();
  X509_set_version(made, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(made), 7);
  ASN1_TIME_set(X509_getm_notBefore(made), kNow / kSecond - 60);
  ASN1_TIME_set(X509_getm_notAfter(made), kNow / kSecond + 86'400);
  const auto add = [&](int nid, const std::string& text) {
    X509_NAME_add_entry_by_NID(X509_get_subject_name(made), nid, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(text.data()), -1, -1, 0);
  };
  for (const std::string& group : groups) add(NID_organizationName, group);
  add(NID_commonName, "ana");
  X509_set_issuer_name(made, X509_get_subject_name(ca));
  X509_set_pubkey(made, key);
  X509_EXTENSION* use = X509V3_EXT_conf_nid(nullptr, nullptr, NID_ext_key_usage, usage.c_str());
  X509_add_ext(made, use, -1);
  X509_sign(made, ca_key, EVP_sha256());
  PEM_write_bio_X509(out, made);
  char* data = nullptr;
  const long size = BIO_get_mem_data(out, &data);
  std::string text(data, static_cast<std::size_t>(size));
  X509_EXTENSION_free(use);
  X509_free(made);
  X509_free(ca);
  EVP_PKEY_free(key);
  EVP_PKEY_free(ca_key);
  for (BIO* one : {ca_in, key_in, out}) BIO_free_all(one);
  return text;
}

class ShownTest : public ::testing::Test {
 protected:
  const KeyPair authority_ = *MakeAuthority("kubernetes", kNow);
};

TEST_F(ShownTest, NamesTheUserAndTheGroupsOfAnAuthoritysCertificate) {
  const auto shown = JudgeShown(UserCertificate(authority_, {"team-a", "system:masters"}),
                                authority_.certificate, kNow);
  ASSERT_TRUE(shown.has_value()) << shown.error().message;
  EXPECT_EQ(shown->name, "ana");
  EXPECT_EQ(shown->groups, (std::vector<std::string>{"team-a", "system:masters"}));
}

TEST_F(ShownTest, RefusesWhatNoAuthorityStandsForNow) {
  const std::string good = UserCertificate(authority_, {});
  // Of the same name, by another key.
  const KeyPair other = *MakeAuthority("kubernetes", kNow);
  EXPECT_EQ(JudgeShown(UserCertificate(other, {}), authority_.certificate, kNow).error().code,
            Code::kDenied);
  EXPECT_EQ(JudgeShown(good, authority_.certificate, kNow + kYear).error().message,
            "certificate has expired");
  EXPECT_FALSE(
      JudgeShown(UserCertificate(authority_, {}, "serverAuth"), authority_.certificate, kNow)
          .has_value());
  EXPECT_FALSE(JudgeShown("", authority_.certificate, kNow).has_value());
  EXPECT_EQ(JudgeShown(good, "", kNow).error().code, Code::kInvalid);
  // A certificate that was sent along does not make itself an authority.
  EXPECT_FALSE(
      JudgeShown(UserCertificate(other, {}) + other.certificate, authority_.certificate, kNow)
          .has_value());
}

}  // namespace
}  // namespace pgo::secrets
