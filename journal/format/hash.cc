#include "journal/format/hash.h"

#include <openssl/evp.h>

#include <algorithm>

#include "engine/base/check.h"
#include "journal/format/sha256.h"

namespace pgo::journal {
namespace {

// Fetched once: looking an algorithm up by name costs more than hashing a record.
const EVP_MD* Algorithm() {
  static EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  PGO_CHECK(md != nullptr, "OpenSSL has no SHA-256");
  return md;
}

Sha256& Shared() {
  thread_local Sha256 hasher;
  return hasher;
}

template <std::size_t kSize>
std::optional<std::array<std::uint8_t, kSize>> ParseHex(std::string_view hex) {
  if (hex.size() != kSize * 2) return std::nullopt;
  std::array<std::uint8_t, kSize> out{};
  for (std::size_t i = 0; i < hex.size(); ++i) {
    const std::size_t digit = std::string_view("0123456789abcdef").find(hex[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    out[i / 2] = static_cast<std::uint8_t>(out[i / 2] * 16U + digit);
  }
  return out;
}

}  // namespace

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  PGO_CHECK(state_->context != nullptr, "out of memory");
  PGO_CHECK(EVP_DigestInit_ex(state_->context, Algorithm(), nullptr) == 1, "SHA-256 refused");
}
Sha256::~Sha256() { EVP_MD_CTX_free(state_->context); }

void Sha256::Update(std::string_view bytes) {
  PGO_CHECK(EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()) == 1, "SHA-256 refused");
}

Hash Sha256::Finish() {
  Hash hash{};
  PGO_CHECK(EVP_DigestFinal_ex(state_->context, hash.data(), nullptr) == 1, "SHA-256 refused");
  PGO_CHECK(EVP_DigestInit_ex(state_->context, nullptr, nullptr) == 1, "SHA-256 refused");
  return hash;
}

Hash Sha256Of(std::string_view bytes) {
  Shared().Update(bytes);
  return Shared().Finish();
}

Hash HashFrom(std::string_view bytes) {
  Hash hash{};
  PGO_CHECK(bytes.size() == hash.size(), "a hash has 32 bytes");
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

Hash LeafOf(std::string_view record) {
  Shared().Update(std::string_view("\x00", 1));
  Shared().Update(record);
  return Shared().Finish();
}

Hash RootOf(std::span<const Hash> leaves) {
  Shared().Update("\x01");
  for (const Hash& leaf : leaves) Shared().Update(BytesOf(leaf));
  return Shared().Finish();
}

Hash ChainOf(const Hash& before, std::string_view header, const Hash& root) {
  Shared().Update("\x02");
  Shared().Update(BytesOf(before));
  Shared().Update(header);
  Shared().Update(BytesOf(root));
  return Shared().Finish();
}

Hash GenesisOf(const JournalId& id) {
  Shared().Update("\x03pgo journal");
  Shared().Update({reinterpret_cast<const char*>(id.data()), id.size()});
  return Shared().Finish();
}

std::string HexOf(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

std::optional<Hash> ParseHash(std::string_view hex) { return ParseHex<32>(hex); }
std::optional<JournalId> ParseJournalId(std::string_view hex) { return ParseHex<16>(hex); }

}  // namespace pgo::journal
