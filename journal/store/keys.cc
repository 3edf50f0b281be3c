#include "journal/store/keys.h"

#include <algorithm>
#include <charconv>

#include "engine/base/json.h"
#include "journal/format/sha256.h"
#include "journal/format/wire.h"

namespace pgo::journal {

std::string SeqKey(std::uint64_t seq) {
  std::string key;
  PutFixed(key, seq);
  std::reverse(key.begin(), key.end());
  return key;
}

std::optional<std::uint64_t> ParseSeqKey(std::string_view key) {
  if (key.size() != 8) return std::nullopt;
  std::string reversed(key.rbegin(), key.rend());
  return GetFixed<std::uint64_t>(reversed, 0);
}

std::string SubjectPrefix(std::string_view subject) {
  std::string prefix(subject);
  prefix += '\0';
  return prefix;
}

std::string SubjectKey(std::string_view subject, std::uint64_t seq) {
  return SubjectPrefix(subject) + SeqKey(seq);
}

std::string FamilyName(std::uint32_t segment, const char* suffix) {
  std::string name = std::to_string(segment);
  if (name.size() < 4) name.insert(0, 4 - name.size(), '0');
  return name + suffix;
}

std::optional<std::uint32_t> ParseFamilyName(std::string_view name, std::string_view suffix) {
  if (name.size() <= suffix.size() || !name.ends_with(suffix)) return std::nullopt;
  name.remove_suffix(suffix.size());
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size() || number == 0) return std::nullopt;
  return number;
}

std::string EncodeHead(const JournalHead& head) {
  std::string out;
  PutFixed(out, head.epoch);
  PutFixed(out, head.seq);
  out += BytesOf(head.chain);
  return out;
}

std::optional<JournalHead> ParseHead(std::string_view bytes) {
  if (bytes.size() != 16 + kChainBytes) return std::nullopt;
  JournalHead head;
  head.epoch = GetFixed<std::uint64_t>(bytes, 0);
  head.seq = GetFixed<std::uint64_t>(bytes, 8);
  head.chain = HashFrom(bytes.substr(16));
  return head;
}

std::string IdentityJson(const JournalId& id) {
  Json json = Json::object();
  json["format"] = 1;
  json["journal_id"] = HexOf(id);
  return DumpJson(json);
}

std::optional<JournalId> ParseIdentity(std::string_view text) {
  const std::optional<Json> json = ParseJson(text);
  if (!json || GetInt(*json, {"format"}) != 1) return std::nullopt;
  return ParseJournalId(GetString(*json, {"journal_id"}));
}

}  // namespace pgo::journal
