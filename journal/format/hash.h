// The hashes that make a journal tamper-evident. Domains are kept apart by the first byte:
//   leaf    = SHA256(00 | record bytes)
//   root    = SHA256(01 | leaf...)
//   chain'  = SHA256(02 | chain | header | root)
//   genesis = SHA256(03 | "pgo journal" | journal id)
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace pgo::journal {

using Hash = std::array<std::uint8_t, 32>;
using JournalId = std::array<std::uint8_t, 16>;  // random, made once with the journal

Hash LeafOf(std::string_view record);
Hash RootOf(std::span<const Hash> leaves);
Hash ChainOf(const Hash& before, std::string_view header, const Hash& root);
Hash GenesisOf(const JournalId& id);

// Lower-case hexadecimal and back; nothing if the text is not exactly that.
std::string HexOf(std::span<const std::uint8_t> bytes);
std::optional<Hash> ParseHash(std::string_view hex);
std::optional<JournalId> ParseJournalId(std::string_view hex);

}  // namespace pgo::journal
