#include "engine/base/digest.h"

#include <openssl/evp.h>

#include <array>

#include "engine/base/check.h"

namespace pgo {
namespace {

using Digest = std::array<unsigned char, 32>;

Digest Sha256(std::string_view bytes) {
  // Looking the algorithm up costs as much as hashing a kilobyte.
  static const EVP_MD* const kSha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Digest digest{};
  const int done = EVP_Digest(bytes.data(), bytes.size(), digest.data(), nullptr, kSha256, nullptr);
  PGO_CHECK(done == 1, "SHA-256 is not to be had from OpenSSL");
  return digest;
}

}  // namespace

std::string Sha256Hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : Sha256(bytes)) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string ShortName(std::string_view bytes, int length) {
  constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  const auto digest = Sha256(bytes);
  std::string name;
  for (int i = 0; i < length && i < 12; ++i) {
    const std::size_t at = static_cast<std::size_t>(i) * 2;
    name += kLetters[(digest[at] * 256U + digest[at + 1]) % kLetters.size()];
  }
  return name;
}

}  // namespace pgo
