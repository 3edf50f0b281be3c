#include "journal/format/hash.h"

// The block function itself, without the provider's way to it: a record has some 150 bytes, of
// which that way would cost more than the hashing. It is the same assembly underneath.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include <algorithm>

#include "engine/base/check.h"
#include "journal/format/sha256.h"

namespace pgo::journal {
namespace {

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
  SHA256_CTX context{};
  void Begin() { PGO_CHECK(SHA256_Init(&context) == 1, "SHA-256 refused"); }
  void Update(std::string_view bytes) {
    PGO_CHECK(SHA256_Update(&context, bytes.data(), bytes.size()) == 1, "SHA-256 refused");
  }
  Hash Finish() {
    Hash hash{};
    PGO_CHECK(SHA256_Final(hash.data(), &context) == 1, "SHA-256 refused");
    return hash;
  }
  // The hash of all parts in a row.
  static Hash Of(std::initializer_list<std::string_view> parts) {
    State state;
    state.Begin();
    for (const std::string_view part : parts) state.Update(part);
    return state.Finish();
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) { state_->Begin(); }
Sha256::~Sha256() = default;

void Sha256::Update(std::string_view bytes) { state_->Update(bytes); }

Hash Sha256::Finish() {
  const Hash hash = state_->Finish();
  state_->Begin();
  return hash;
}

Hash Sha256::Of(std::initializer_list<std::string_view> parts) { return State::Of(parts); }

Hash Sha256Of(std::string_view bytes) { return Sha256::Of({bytes}); }

Hash HashFrom(std::string_view bytes) {
  Hash hash{};
  PGO_CHECK(bytes.size() == hash.size(), "a hash has 32 bytes");
  std::copy(bytes.begin(), bytes.end(), hash.begin());
  return hash;
}

Hash LeafOf(std::string_view record) { return Sha256::Of({std::string_view("\x00", 1), record}); }

Hash RootOf(std::span<const Hash> leaves) {
  static_assert(sizeof(Hash) == 32, "leaves lie one behind the other");
  return Sha256::Of(
      {"\x01", {reinterpret_cast<const char*>(leaves.data()), leaves.size() * sizeof(Hash)}});
}

Hash ChainOf(const Hash& before, std::string_view header, const Hash& root) {
  return Sha256::Of({"\x02", BytesOf(before), header, BytesOf(root)});
}

Hash GenesisOf(const JournalId& id) {
  return Sha256::Of({"\x03pgo journal", {reinterpret_cast<const char*>(id.data()), id.size()}});
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
