#include "engine/base/digest.h"

#include <openssl/sha.h>

#include <array>

namespace pgo {
namespace {

std::array<unsigned char, SHA256_DIGEST_LENGTH> Sha256(std::string_view bytes) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
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
