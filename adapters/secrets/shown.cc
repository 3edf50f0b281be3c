#include "adapters/secrets/shown.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <memory>

#include "engine/base/ids.h"

namespace pgo::secrets {
namespace {

void FreeAll(STACK_OF(X509) * list) { sk_X509_pop_free(list, X509_free); }

template <auto kFree>
struct Deleter {
  template <typename T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Certificates = std::unique_ptr<STACK_OF(X509), Deleter<FreeAll>>;
using Bio = std::unique_ptr<BIO, Deleter<BIO_free_all>>;
using Store = std::unique_ptr<X509_STORE, Deleter<X509_STORE_free>>;
using Verification = std::unique_ptr<X509_STORE_CTX, Deleter<X509_STORE_CTX_free>>;

// Every certificate of the text; what follows the last readable one is passed over.
Certificates ReadAll(const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificates out(sk_X509_new_null());
  while (X509* one = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    sk_X509_push(out.get(), one);
  }
  ERR_clear_error();
  return out;
}

std::vector<std::string> Entries(X509* certificate, int nid) {
  std::vector<std::string> out;
  const X509_NAME* name = X509_get_subject_name(certificate);
  for (int at = -1; (at = X509_NAME_get_index_by_NID(name, nid, at)) >= 0;) {
    unsigned char* text = nullptr;
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
    const int size = ASN1_STRING_to_UTF8(&text, value);
    if (size >= 0) out.emplace_back(reinterpret_cast<char*>(text), static_cast<std::size_t>(size));
    if (size >= 0) OPENSSL_free(text);
  }
  return out;
}

}  // namespace

Result<Shown> JudgeShown(const std::string& shown, const std::string& authorities,
                         std::int64_t now_wall_us) {
  const Certificates chain = ReadAll(shown), trusted = ReadAll(authorities);
  if (sk_X509_num(trusted.get()) == 0) {
    return Fail(Code::kInvalid, "the authorities of client certificates are unreadable");
  }
  if (sk_X509_num(chain.get()) == 0) return Fail(Code::kDenied, "it is unreadable");
  X509* own = sk_X509_value(chain.get(), 0);
  const Store store(X509_STORE_new());
  for (int i = 0; i < sk_X509_num(trusted.get()); ++i) {
    X509_STORE_add_cert(store.get(), sk_X509_value(trusted.get(), i));
  }
  const Verification check(X509_STORE_CTX_new());
  if (X509_STORE_CTX_init(check.get(), store.get(), own, chain.get()) != 1) {
    return Fail(Code::kInvalid, "the check of a certificate could not begin");
  }
  X509_STORE_CTX_set_purpose(check.get(), X509_PURPOSE_SSL_CLIENT);
  X509_STORE_CTX_set_time(check.get(), 0, static_cast<time_t>(now_wall_us / kSecond));
  const bool good = X509_verify_cert(check.get()) == 1;
  const int why = X509_STORE_CTX_get_error(check.get());
  ERR_clear_error();
  if (!good) return Fail(Code::kDenied, X509_verify_cert_error_string(why));
  std::vector<std::string> names = Entries(own, NID_commonName);
  if (names.empty() || names.front().empty()) return Fail(Code::kDenied, "it names nobody");
  return Shown{names.front(), Entries(own, NID_organizationName)};
}

}  // namespace pgo::secrets
