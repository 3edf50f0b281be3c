// Keys of the column families. Permanent: docs/journal-format.md.
//   default  "identity" -> JSON
//            "seal/NNNN" -> JSON, of a segment that was dropped
//   latest   "head"     -> u64 epoch | u64 seq | chain[32]     (little endian)
//            "fence"    -> where the manifest ended       (store/fence.h)
//   NNNN.rec be64(first_seq)            -> frame
//   NNNN.idx subject | 00 | be64(seq)   -> nothing
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "journal/query/reader.h"

namespace pgo::journal {

inline constexpr const char* kIdentityKey = "identity";
inline constexpr const char* kLatestFamily = "latest";
inline constexpr const char* kHeadKey = "head";
inline constexpr const char* kSealPrefix = "seal/";  // then NNNN of the segment
inline constexpr const char* kFenceKey = "fence";
inline constexpr const char* kRecordsSuffix = ".rec";
inline constexpr const char* kIndexSuffix = ".idx";

std::string SeqKey(std::uint64_t seq);  // big endian, so that keys sort by seq
std::optional<std::uint64_t> ParseSeqKey(std::string_view key);
std::string SubjectPrefix(std::string_view subject);  // with the 00
std::string SubjectKey(std::string_view subject, std::uint64_t seq);

std::string FamilyName(std::uint32_t segment, const char* suffix);
// Number of the segment if the name is one of a family with that suffix.
std::optional<std::uint32_t> ParseFamilyName(std::string_view name, std::string_view suffix);

std::string EncodeHead(const JournalHead& head);
// Without the journal_id, which the identity holds.
std::optional<JournalHead> ParseHead(std::string_view bytes);

std::string IdentityJson(const JournalId& id);
std::optional<JournalId> ParseIdentity(std::string_view json);

}  // namespace pgo::journal
