#include "engine/base/json.h"
#include "journal/format/bundle.h"

namespace pgo::journal {
namespace {

constexpr int kManifestVersion = 1;

Json ListJson(const std::vector<std::string>& list) {
  Json out = Json::array();
  for (const std::string& text : list) out.push_back(text);
  return out;
}

std::vector<std::string> ReadList(const Json& value, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& item : GetArray(value, {key})) out.push_back(AsString(item));
  return out;
}

}  // namespace

std::string ManifestJson(const Manifest& manifest) {
  Json json = Json::object();
  json["version"] = kManifestVersion;
  json["journal_id"] = HexOf(manifest.journal_id);
  json["build"] = manifest.build;
  json["first_seq"] = manifest.first_seq;
  json["start_chain"] = HexOf(manifest.start_chain);
  json["created_wall_us"] = manifest.created_wall_us;
  json["subjects"] = ListJson(manifest.subjects);
  json["redactions"] = ListJson(manifest.redactions);
  json["public_keys"] = ListJson(manifest.public_keys);
  return DumpJson(json);
}

Result<Manifest> ParseManifest(std::string_view text) {
  const std::optional<Json> json = ParseJson(text);
  if (!json) return Fail(Code::kCorrupt, "manifest is not JSON");
  if (GetInt(*json, {"version"}) != kManifestVersion) {
    return Fail(Code::kCorrupt, "manifest's version is not known to this program");
  }
  const auto id = ParseJournalId(GetString(*json, {"journal_id"}));
  const auto start = ParseHash(GetString(*json, {"start_chain"}));
  const std::int64_t first = GetInt(*json, {"first_seq"});
  if (!id) return Fail(Code::kCorrupt, "manifest names no journal_id");
  if (!start) return Fail(Code::kCorrupt, "manifest names no start_chain");
  if (first < 1) return Fail(Code::kCorrupt, "manifest names no first_seq");
  Manifest manifest;
  manifest.journal_id = *id;
  manifest.build = GetString(*json, {"build"});
  manifest.first_seq = static_cast<std::uint64_t>(first);
  manifest.start_chain = *start;
  manifest.created_wall_us = GetInt(*json, {"created_wall_us"});
  manifest.subjects = ReadList(*json, "subjects");
  manifest.redactions = ReadList(*json, "redactions");
  manifest.public_keys = ReadList(*json, "public_keys");
  if (first == 1 && manifest.start_chain != GenesisOf(manifest.journal_id)) {
    return Fail(Code::kCorrupt, "manifest's start_chain is not the genesis of its journal_id");
  }
  return manifest;
}

}  // namespace pgo::journal
