#include "adapters/secrets/certificate.h"

#include <arpa/inet.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <memory>
#include <set>

#include "engine/base/ids.h"

namespace pgo::secrets {
namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kAuthorityLife = 3650 * kDay, kLeafLife = 365 * kDay, kBackdate = 3600;
constexpr std::int64_t kAuthorityLeast = 130 * kDay;
constexpr std::size_t kLongestCommonName = 64;  // X.520

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Deleter<X509_EXTENSION_free>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Number = std::unique_ptr<BIGNUM, Deleter<BN_free>>;
using Names = std::unique_ptr<GENERAL_NAMES, Deleter<GENERAL_NAMES_free>>;

Error Failed(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code != 0 ? ERR_reason_error_string(code) : nullptr;
  ERR_clear_error();
  return {Code::kInvalid, what + (reason != nullptr ? std::string(": ") + reason : "")};
}

std::string CommonName(const std::string& cn, const std::vector<std::string>& sans) {
  if (cn.size() <= kLongestCommonName) return cn;
  for (const std::string& san : sans) {
    if (san.size() <= kLongestCommonName) return san;
  }
  return cn.substr(0, kLongestCommonName);
}

Bio ReadOnly(const std::string& text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
Certificate ReadCertificate(const std::string& pem) {
  const Bio bio = ReadOnly(pem);
  Certificate out(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  ERR_clear_error();
  return out;
}
// Never asks a terminal for a passphrase.
int NoPassphrase(char*, int, int, void*) { return -1; }
Key ReadKey(const std::string& pem) {
  const Bio bio = ReadOnly(pem);
  Key out(PEM_read_bio_PrivateKey(bio.get(), nullptr, NoPassphrase, nullptr));
  ERR_clear_error();
  return out;
}

std::string Text(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(std::max(size, 0L))};
}

bool AddExtension(X509* certificate, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str()));
  return extension && X509_add_ext(certificate, extension.get(), -1) == 1;
}

// Names are built as values, not as configuration text, so that none can say more than a name.
bool AddNames(X509* certificate, const std::vector<std::string>& sans) {
  const Names names(GENERAL_NAMES_new());
  for (const std::string& san : sans) {
    GENERAL_NAME* name = GENERAL_NAME_new();
    std::array<unsigned char, 16> address{};
    const int family = san.find(':') != std::string::npos ? AF_INET6 : AF_INET;
    if (inet_pton(family, san.c_str(), address.data()) == 1) {
      ASN1_OCTET_STRING* octets = ASN1_OCTET_STRING_new();
      ASN1_OCTET_STRING_set(octets, address.data(), family == AF_INET6 ? 16 : 4);
      GENERAL_NAME_set0_value(name, GEN_IPADD, octets);
    } else {
      ASN1_IA5STRING* text = ASN1_IA5STRING_new();
      ASN1_STRING_set(text, san.data(), static_cast<int>(san.size()));
      GENERAL_NAME_set0_value(name, GEN_DNS, text);
    }
    sk_GENERAL_NAME_push(names.get(), name);
  }
  return X509_add1_ext_i2d(certificate, NID_subject_alt_name, names.get(), 0, X509V3_ADD_APPEND) ==
         1;
}

std::set<std::string> NamesOf(X509* certificate) {
  std::set<std::string> out;
  const Names names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    int type = 0;
    const auto* value = static_cast<ASN1_STRING*>(GENERAL_NAME_get0_value(name, &type));
    if (type != GEN_DNS && type != GEN_IPADD) continue;
    const auto* data = ASN1_STRING_get0_data(value);
    const int size = ASN1_STRING_length(value);
    if (type == GEN_DNS) {
      out.emplace(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
      continue;
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(size == 16 ? AF_INET6 : AF_INET, data, text.data(), text.size());
    out.emplace(text.data());
  }
  return out;
}

// IP addresses in the form NamesOf gives.
std::set<std::string> Normal(const std::vector<std::string>& sans) {
  std::set<std::string> out;
  for (const std::string& san : sans) {
    std::array<unsigned char, 16> address{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool ipv6 = inet_pton(AF_INET6, san.c_str(), address.data()) == 1;
    out.insert(ipv6 ? inet_ntop(AF_INET6, address.data(), text.data(), text.size()) : san);
  }
  return out;
}

std::string CommonNameOf(X509* certificate) {
  std::array<char, 256> text{};
  const int size = X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName,
                                             text.data(), text.size());
  return size < 0 ? "" : std::string(text.data(), static_cast<std::size_t>(size));
}

std::int64_t Seconds(const ASN1_TIME* time) {
  std::tm parts{};
  return ASN1_TIME_to_tm(time, &parts) == 1 ? static_cast<std::int64_t>(timegm(&parts)) : 0;
}

bool SetSerial(X509* certificate) {
  std::array<unsigned char, 16> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) return false;
  bytes[0] = static_cast<unsigned char>((bytes[0] & 0x3f) | 0x40);
  const Number number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
  return number && BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

// A certificate with a new key, all but its extensions and signature.
Certificate Begin(EVP_PKEY* key, const std::string& cn, std::int64_t now_s, std::int64_t life_s) {
  Certificate out(X509_new());
  if (!out || X509_set_version(out.get(), 2) != 1 || !SetSerial(out.get())) return nullptr;
  ASN1_TIME_set(X509_getm_notBefore(out.get()), now_s - kBackdate);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), now_s + life_s);
  const bool named =
      X509_NAME_add_entry_by_NID(X509_get_subject_name(out.get()), NID_commonName, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(cn.data()),
                                 static_cast<int>(cn.size()), -1, 0) == 1;
  return named && X509_set_pubkey(out.get(), key) == 1 ? std::move(out) : nullptr;
}

Result<KeyPair> Written(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_out(BIO_new(BIO_s_mem())), key_out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_out.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_out.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Fail(Failed("write a certificate"));
  }
  return KeyPair{Text(certificate_out), Text(key_out)};
}

bool EnoughLeft(X509* certificate, std::int64_t now_s, std::int64_t least_s) {
  return Seconds(X509_get0_notBefore(certificate)) <= now_s &&
         Seconds(X509_get0_notAfter(certificate)) - now_s > least_s;
}

}  // namespace

Result<KeyPair> MakeAuthority(const std::string& cn, std::int64_t now_wall_us) {
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return Fail(Failed("make a key"));
  const Certificate made =
      Begin(key.get(), CommonName(cn, {}), now_wall_us / kSecond, kAuthorityLife);
  if (!made) return Fail(Failed("make authority " + cn));
  X509* c = made.get();
  const bool whole = X509_set_issuer_name(c, X509_get_subject_name(c)) == 1 &&
                     AddExtension(c, c, NID_basic_constraints, "critical,CA:TRUE") &&
                     AddExtension(c, c, NID_key_usage, "critical,keyCertSign,cRLSign") &&
                     AddExtension(c, c, NID_subject_key_identifier, "hash") &&
                     X509_sign(c, key.get(), EVP_sha384()) != 0;
  return whole ? Written(c, key.get()) : Result<KeyPair>(Fail(Failed("sign authority " + cn)));
}

Result<KeyPair> MakeLeaf(const LeafRequest& request, const KeyPair& issuer,
                         std::int64_t now_wall_us) {
  const Certificate authority = ReadCertificate(issuer.certificate);
  const Key authority_key = ReadKey(issuer.key);
  if (!authority || !authority_key)
    return Fail(Code::kInvalid, "the issuer's certificate or key is unreadable");
  if (X509_check_private_key(authority.get(), authority_key.get()) != 1) {
    return Fail(Failed("the issuer's key does not belong to its certificate"));
  }
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return Fail(Failed("make a key"));
  const std::int64_t now_s = now_wall_us / kSecond;
  const std::int64_t life =
      std::min(kLeafLife, Seconds(X509_get0_notAfter(authority.get())) - now_s);
  const Certificate made = Begin(key.get(), CommonName(request.cn, request.sans), now_s, life);
  if (!made) return Fail(Failed("make certificate " + request.cn));
  X509* c = made.get();
  X509* a = authority.get();
  const bool whole = X509_set_issuer_name(c, X509_get_subject_name(a)) == 1 &&
                     AddExtension(c, a, NID_basic_constraints, "critical,CA:FALSE") &&
                     AddExtension(c, a, NID_key_usage, "critical,digitalSignature") &&
                     AddExtension(c, a, NID_ext_key_usage, "serverAuth,clientAuth") &&
                     AddExtension(c, a, NID_subject_key_identifier, "hash") &&
                     (X509_get0_subject_key_id(a) == nullptr ||
                      AddExtension(c, a, NID_authority_key_identifier, "keyid:always")) &&
                     (request.sans.empty() || AddNames(c, request.sans)) &&
                     X509_sign(c, authority_key.get(), EVP_sha384()) != 0;
  return whole ? Written(c, key.get())
               : Result<KeyPair>(Fail(Failed("sign certificate " + request.cn)));
}

bool AuthorityFits(const KeyPair& pair, const std::string& cn, std::int64_t now_wall_us) {
  const Certificate certificate = ReadCertificate(pair.certificate);
  const Key key = ReadKey(pair.key);
  if (!certificate || !key) return false;
  const bool fits = X509_check_private_key(certificate.get(), key.get()) == 1 &&
                    X509_check_ca(certificate.get()) == 1 &&
                    CommonNameOf(certificate.get()) == CommonName(cn, {}) &&
                    EnoughLeft(certificate.get(), now_wall_us / kSecond, kAuthorityLeast);
  ERR_clear_error();
  return fits;
}

bool LeafFits(const KeyPair& pair, const LeafRequest& request,
              const std::string& issuer_certificate, std::int64_t now_wall_us) {
  const Certificate certificate = ReadCertificate(pair.certificate);
  const Certificate issuer = ReadCertificate(issuer_certificate);
  const Key key = ReadKey(pair.key);
  if (!certificate || !issuer || !key) return false;
  X509* c = certificate.get();
  const std::int64_t life = Seconds(X509_get0_notAfter(c)) - Seconds(X509_get0_notBefore(c));
  const bool fits = X509_check_private_key(c, key.get()) == 1 &&
                    X509_check_issued(issuer.get(), c) == X509_V_OK &&
                    X509_verify(c, X509_get0_pubkey(issuer.get())) == 1 &&
                    CommonNameOf(c) == CommonName(request.cn, request.sans) &&
                    NamesOf(c) == Normal(request.sans) &&
                    EnoughLeft(c, now_wall_us / kSecond, life * 35 / 100);
  ERR_clear_error();
  return fits;
}

std::optional<std::int64_t> NotAfter(const std::string& certificate_pem) {
  const Certificate certificate = ReadCertificate(certificate_pem);
  if (!certificate) return std::nullopt;
  return Seconds(X509_get0_notAfter(certificate.get())) * kSecond;
}

}  // namespace pgo::secrets
