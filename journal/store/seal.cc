#include "journal/store/seal.h"

#include <algorithm>

#include "engine/base/json.h"
#include "journal/store/status.h"

namespace pgo::journal {

std::string SealJson(const Seal& seal) {
  Json json = Json::object();
  json["version"] = 1;
  json["journal_id"] = HexOf(seal.journal_id);
  json["segment"] = seal.segment;
  json["first_seq"] = seal.first_seq;
  json["last_seq"] = seal.last_seq;
  json["first_wall_us"] = seal.first_wall_us;
  json["last_wall_us"] = seal.last_wall_us;
  json["before"] = HexOf(seal.before);
  json["after"] = HexOf(seal.after);
  json["dropped_wall_us"] = seal.dropped_wall_us;
  return DumpJson(json);
}

Result<Seal> ParseSeal(std::string_view text) {
  const std::optional<Json> json = ParseJson(text);
  if (!json || GetInt(*json, {"version"}) != 1) {
    return Fail(Code::kCorrupt, "a seal is not of a version known to this program");
  }
  const auto id = ParseJournalId(GetString(*json, {"journal_id"}));
  const auto before = ParseHash(GetString(*json, {"before"}));
  const auto after = ParseHash(GetString(*json, {"after"}));
  const std::int64_t segment = GetInt(*json, {"segment"});
  const std::int64_t first = GetInt(*json, {"first_seq"});
  const std::int64_t last = GetInt(*json, {"last_seq"});
  if (!id || !before || !after || segment < 1 || segment > UINT32_MAX || first < 1 ||
      last < first) {
    return Fail(Code::kCorrupt, "a seal cannot be read");
  }
  Seal seal;
  seal.journal_id = *id;
  seal.segment = static_cast<std::uint32_t>(segment);
  seal.first_seq = static_cast<std::uint64_t>(first);
  seal.last_seq = static_cast<std::uint64_t>(last);
  seal.first_wall_us = GetInt(*json, {"first_wall_us"});
  seal.last_wall_us = GetInt(*json, {"last_wall_us"});
  seal.before = *before;
  seal.after = *after;
  seal.dropped_wall_us = GetInt(*json, {"dropped_wall_us"});
  return seal;
}

Result<Reader::Start> StartAfter(const JournalId& id, const std::vector<Seal>& seals) {
  Reader::Start start{1, GenesisOf(id)};
  std::uint32_t due = 1;
  for (const Seal& seal : seals) {
    if (seal.journal_id != id || seal.segment != due || seal.first_seq != start.first_seq ||
        seal.before != start.chain) {
      return Fail(Code::kCorrupt, "the seal of segment " + std::to_string(seal.segment) +
                                      " does not continue what was before it");
    }
    start = {seal.last_seq + 1, seal.after};
    ++due;
  }
  return start;
}

std::size_t CountExpired(const std::vector<SegmentStatus>& segments, const Retention& retention,
                         std::int64_t now_wall_us) {
  std::uint64_t bytes = 0;
  for (const SegmentStatus& segment : segments) bytes += segment.bytes;
  const std::size_t kept_min = std::max<std::size_t>(retention.segments_min, 1);
  std::size_t count = 0;
  for (std::size_t i = 0; i + kept_min < segments.size(); ++i) {
    const bool large = retention.bytes_max != 0 && bytes > retention.bytes_max;
    const bool old =
        retention.age_max_us != 0 && segments[i].last_wall_us < now_wall_us - retention.age_max_us;
    if ((!large && !old) || segments[i].first_seq == 0) break;
    bytes -= segments[i].bytes;
    if (segments[i + 1].baseline) count = i + 1;
  }
  return count;
}

}  // namespace pgo::journal
