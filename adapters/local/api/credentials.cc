#include "adapters/local/api/credentials.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <fstream>
#include <iterator>

#include "adapters/local/store/meta.h"

namespace pgo::local {
namespace {

template <typename T, void (*free)(T*)>
struct Free {
  void operator()(T* pointer) const { free(pointer); }
};
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;
using CertPtr = std::unique_ptr<X509, Free<X509, X509_free>>;
void FreeBio(BIO* bio) { BIO_free(bio); }
using BioPtr = std::unique_ptr<BIO, Free<BIO, FreeBio>>;

constexpr long kValiditySeconds = 10L * 365 * 24 * 3600;

std::string Hex(const unsigned char* bytes, std::size_t size) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    out.push_back(kHex[bytes[i] >> 4]);
    out.push_back(kHex[bytes[i] & 15]);
  }
  return out;
}

std::string RandomHex() {
  unsigned char bytes[24];
  RAND_bytes(bytes, sizeof bytes);
  return Hex(bytes, sizeof bytes);
}

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Status WriteFile(const std::string& path, const std::string& bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return Fail(Code::kUnavailable, "cannot write " + path);
  const bool whole = ::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size());
  ::close(fd);
  return whole ? Status{} : Fail(Code::kUnavailable, "cannot write " + path);
}

// A secret that is made once and kept.
Result<std::string> Kept(const std::string& path) {
  std::string text = ReadFile(path);
  if (!text.empty()) return text;
  text = RandomHex();
  if (auto written = WriteFile(path, text); !written) return tl::unexpected(written.error());
  return text;
}

std::string Pem(X509* certificate) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_X509(bio.get(), certificate);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string Pem(EVP_PKEY* key) {
  const BioPtr bio(BIO_new(BIO_s_mem()));
  PEM_write_bio_PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

void AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  if (extension == nullptr) return;
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

// A certificate of `key`, without extensions and signature.
CertPtr Draft(EVP_PKEY* key, const char* name) {
  CertPtr certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  unsigned char serial[8];
  RAND_bytes(serial, sizeof serial);
  serial[0] &= 0x7f;
  BIGNUM* number = BN_bin2bn(serial, sizeof serial, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate.get()));
  BN_free(number);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), kValiditySeconds);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate.get()), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  return certificate;
}

struct Authority {
  KeyPtr key;
  CertPtr certificate;
};

std::optional<Authority> ReadAuthority(const std::string& directory) {
  const std::string key_text = ReadFile(directory + "/ca.key"),
                    text = ReadFile(directory + "/ca.crt");
  const BioPtr key_bio(BIO_new_mem_buf(key_text.data(), static_cast<int>(key_text.size())));
  const BioPtr bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  Authority authority;
  authority.key.reset(PEM_read_bio_PrivateKey(key_bio.get(), nullptr, nullptr, nullptr));
  authority.certificate.reset(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (authority.key == nullptr || authority.certificate == nullptr) return std::nullopt;
  return authority;
}

Result<Authority> OpenAuthority(const std::string& directory) {
  if (auto kept = ReadAuthority(directory)) return *std::move(kept);
  Authority made;
  made.key.reset(EVP_EC_gen("P-256"));
  if (made.key == nullptr) return Fail(Code::kInternal, "cannot make a key");
  made.certificate = Draft(made.key.get(), "pgo-local-ca");
  X509* certificate = made.certificate.get();
  X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
  AddExtension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, certificate, NID_key_usage,
               "critical,keyCertSign,cRLSign,digitalSignature");
  AddExtension(certificate, certificate, NID_subject_key_identifier, "hash");
  X509_sign(certificate, made.key.get(), EVP_sha256());
  if (auto written = WriteFile(directory + "/ca.key", Pem(made.key.get())); !written) {
    return tl::unexpected(written.error());
  }
  if (auto written = WriteFile(directory + "/ca.crt", Pem(certificate)); !written) {
    return tl::unexpected(written.error());
  }
  return made;
}

std::string AlternativeNames(const std::vector<std::string>& more) {
  std::vector<std::string> names = {"localhost",
                                    "kubernetes",
                                    "kubernetes.default",
                                    "kubernetes.default.svc",
                                    "kubernetes.default.svc.cluster.local",
                                    "127.0.0.1",
                                    "10.202.0.1",
                                    "10.200.0.1"};
  names.insert(names.end(), more.begin(), more.end());
  std::string out;
  for (const std::string& name : names) {
    const bool address = name.find_first_not_of("0123456789.") == std::string::npos ||
                         name.find(':') != std::string::npos;
    out += (out.empty() ? "" : ",") + std::string(address ? "IP:" : "DNS:") + name;
  }
  return out;
}

}  // namespace

Result<std::unique_ptr<Credentials>> Credentials::Open(const std::string& directory,
                                                       const std::vector<std::string>& names) {
  ::mkdir(directory.c_str(), 0700);
  auto authority = OpenAuthority(directory);
  if (!authority) return tl::unexpected(authority.error().In("open the certificate authority"));
  auto admin = Kept(directory + "/admin.token");
  auto secret = Kept(directory + "/token.key");
  if (!admin) return tl::unexpected(admin.error());
  if (!secret) return tl::unexpected(secret.error());

  const KeyPtr key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Fail(Code::kInternal, "cannot make a key");
  const CertPtr certificate = Draft(key.get(), "pgo-local");
  X509* ca = authority->certificate.get();
  X509_set_issuer_name(certificate.get(), X509_get_subject_name(ca));
  AddExtension(certificate.get(), ca, NID_basic_constraints, "critical,CA:FALSE");
  AddExtension(certificate.get(), ca, NID_key_usage, "critical,digitalSignature");
  AddExtension(certificate.get(), ca, NID_ext_key_usage, "serverAuth");
  AddExtension(certificate.get(), ca, NID_subject_key_identifier, "hash");
  AddExtension(certificate.get(), ca, NID_authority_key_identifier, "keyid:always");
  AddExtension(certificate.get(), ca, NID_subject_alt_name, AlternativeNames(names));
  X509_sign(certificate.get(), authority->key.get(), EVP_sha256());

  auto out = std::make_unique<Credentials>();
  out->ca_pem_ = Pem(ca);
  out->certificate_pem_ = Pem(certificate.get());
  out->key_pem_ = Pem(key.get());
  out->admin_token_ = *std::move(admin);
  out->secret_ = *std::move(secret);
  return out;
}

std::string Credentials::TokenFor(std::string_view ns, std::string_view account) const {
  const std::string who = "sa." + std::string(ns) + "." + std::string(account);
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()),
       reinterpret_cast<const unsigned char*>(who.data()), who.size(), mac, &size);
  return who + "." + Hex(mac, size);
}

std::optional<Identity> Credentials::Check(std::string_view token) const {
  if (token == admin_token_) return Identity{"admin", {"system:masters", "system:authenticated"}};
  // sa.NAMESPACE.ACCOUNT.MAC: a namespace holds no dot, an account may.
  if (!token.starts_with("sa.")) return std::nullopt;
  const auto ns_end = token.find('.', 3), mac = token.rfind('.');
  if (ns_end == std::string_view::npos || mac <= ns_end) return std::nullopt;
  const std::string ns(token.substr(3, ns_end - 3));
  const std::string account(token.substr(ns_end + 1, mac - ns_end - 1));
  const std::string expected = TokenFor(ns, account);
  if (expected.size() != token.size() ||
      CRYPTO_memcmp(expected.data(), token.data(), token.size()) != 0) {
    return std::nullopt;
  }
  return Identity{
      "system:serviceaccount:" + ns + ":" + account,
      {"system:serviceaccounts", "system:serviceaccounts:" + ns, "system:authenticated"}};
}

std::string Credentials::Kubeconfig(const std::string& server_url) const {
  return "apiVersion: v1\nkind: Config\ncurrent-context: pgo-local\n"
         "clusters:\n- name: pgo-local\n  cluster:\n    server: " +
         server_url + "\n    certificate-authority-data: " + Base64(ca_pem_) +
         "\ncontexts:\n- name: pgo-local\n  context:\n    cluster: pgo-local\n    user: admin\n"
         "users:\n- name: admin\n  user:\n    token: " +
         admin_token_ + "\n";
}

}  // namespace pgo::local
