#include "adapters/secrets/scram.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <array>
#include <charconv>

#include "adapters/secrets/encoding.h"

namespace pgo::secrets {
namespace {

using Bytes = std::array<unsigned char, 32>;
constexpr std::string_view kName = "SCRAM-SHA-256$";

const unsigned char* Raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

Bytes HmacOf(const Bytes& key, std::string_view text) {
  Bytes out{};
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), Raw(text), text.size(), out.data(),
       &size);
  return out;
}

std::string Base64Of(const Bytes& bytes) {
  return EncodeBase64({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace

std::string ScramVerifier(std::string_view password, std::string_view salt, int iterations) {
  Bytes salted{}, stored{};
  PKCS5_PBKDF2_HMAC(password.data(), static_cast<int>(password.size()), Raw(salt),
                    static_cast<int>(salt.size()), iterations, EVP_sha256(),
                    static_cast<int>(salted.size()), salted.data());
  const Bytes client = HmacOf(salted, "Client Key");
  unsigned int size = 0;
  EVP_Digest(client.data(), client.size(), stored.data(), &size, EVP_sha256(), nullptr);
  const Bytes server = HmacOf(salted, "Server Key");
  OPENSSL_cleanse(salted.data(), salted.size());
  return std::string(kName) + std::to_string(iterations) + ":" + EncodeBase64(salt) + "$" +
         Base64Of(stored) + ":" + Base64Of(server);
}

Result<std::string> NewScramVerifier(std::string_view password) {
  std::array<unsigned char, 16> salt{};
  if (RAND_bytes(salt.data(), static_cast<int>(salt.size())) != 1) {
    return Fail(Code::kUnavailable, "no random bytes");
  }
  return ScramVerifier(password, {reinterpret_cast<const char*>(salt.data()), salt.size()});
}

bool Verifies(std::string_view verifier, std::string_view password) {
  if (!verifier.starts_with(kName)) return false;
  const std::string_view rest = verifier.substr(kName.size());
  const auto colon = rest.find(':');
  const auto dollar = rest.find('$');
  if (colon == rest.npos || dollar == rest.npos || dollar < colon) return false;
  int iterations = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + colon, iterations);
  // A forged count must not keep us busy.
  if (error != std::errc() || end != rest.data() + colon || iterations < 1 ||
      iterations > 1'000'000)
    return false;
  const auto salt = DecodeBase64(rest.substr(colon + 1, dollar - colon - 1));
  if (!salt || salt->empty()) return false;
  const std::string made = ScramVerifier(password, *salt, iterations);
  return made.size() == verifier.size() &&
         CRYPTO_memcmp(made.data(), verifier.data(), made.size()) == 0;
}

}  // namespace pgo::secrets
