#include "engine/pgbackrest/target.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "engine/base/calendar.h"
#include "engine/pgbackrest/config.h"

namespace pgo::pgbackrest {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes exactly `count` digits off the front.
std::optional<int> Digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return std::nullopt;
  int out = 0;
  for (const char c : text.substr(0, count)) {
    if (!IsDigit(c)) return std::nullopt;
    out = out * 10 + (c - '0');
  }
  text.remove_prefix(count);
  return out;
}

bool Take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

// ".123456" in microseconds; 0 without.
std::optional<std::int64_t> Fraction(std::string_view& text) {
  if (!Take(text, '.')) return 0;
  std::int64_t out = 0, weight = 100'000;
  if (text.empty() || !IsDigit(text.front())) return std::nullopt;
  for (; !text.empty() && IsDigit(text.front()); text.remove_prefix(1)) {
    out += (text.front() - '0') * weight;
    weight /= 10;
  }
  return out;
}

// "+02", "-0330", "+05:30" in seconds.
std::optional<std::int64_t> Zone(std::string_view& text) {
  const bool west = !text.empty() && text.front() == '-';
  if (!Take(text, '+') && !Take(text, '-')) return std::nullopt;
  const auto hours = Digits(text, 2);
  std::optional<int> minutes = 0;
  if (Take(text, ':') || !text.empty()) minutes = Digits(text, 2);
  if (!hours || !minutes || *hours > 15 || *minutes > 59) return std::nullopt;
  const std::int64_t out = *hours * 3600 + *minutes * 60;
  return west ? -out : out;
}

std::optional<std::int64_t> ReadTime(std::string_view text) {
  const auto year = Digits(text, 4);
  if (!year || !Take(text, '-')) return std::nullopt;
  const auto month = Digits(text, 2);
  if (!month || !Take(text, '-')) return std::nullopt;
  const auto day = Digits(text, 2);
  if (!day || !Take(text, ' ')) return std::nullopt;
  const auto hour = Digits(text, 2);
  if (!hour || !Take(text, ':')) return std::nullopt;
  const auto minute = Digits(text, 2);
  if (!minute || !Take(text, ':')) return std::nullopt;
  const auto second = Digits(text, 2);
  if (!second || *month < 1 || *month > 12 || *day < 1 || *day > DaysInMonth(*year, *month) ||
      *hour > 23 || *minute > 59 || *second > 59) {
    return std::nullopt;
  }
  const auto fraction = Fraction(text);
  const auto zone = fraction ? Zone(text) : std::nullopt;
  if (!zone || !text.empty()) return std::nullopt;
  const std::int64_t seconds =
      DaysOf({*year, *month, *day}) * 86400 + *hour * 3600 + *minute * 60 + *second - *zone;
  return seconds * kSecond + *fraction;
}

Status Bad(const std::string& option, const std::string& value, const std::string& rule) {
  return Fail(Code::kInvalid, option + ": \"" + value.substr(0, 60) + "\": " + rule);
}

Status CheckTime(Target& target) {
  const auto moment = ReadTime(target.text);
  if (moment) target.time_us = *moment;
  if (moment) return {};
  return Bad("--target", target.text,
             "must be a moment with its time zone; write it like 2026-11-21 22:36:36+00");
}

Status CheckValue(Target& target) {
  if (target.type == "time") return CheckTime(target);
  if (target.type == "lsn") {
    const auto lsn = ParseLsn(target.text);
    if (lsn) target.lsn = *lsn;
    if (lsn) return {};
    return Bad("--target", target.text, "must be a WAL position; write it like 0/2D0188E0");
  }
  const bool digits = !target.text.empty() && std::ranges::all_of(target.text, IsDigit);
  if (target.type == "xid" && (!digits || target.text.size() > 20)) {
    return Bad("--target", target.text, "must be the number of a transaction; write it like 742");
  }
  if (target.text.empty()) {
    return Bad("--target", "", "must name the restore point; write --target=NAME");
  }
  return {};
}

// The value of an option that this is, if it is.
std::optional<std::string> ValueOf(const std::string& word, std::string_view name) {
  const std::string start = "--" + std::string(name) + "=";
  return word.starts_with(start) ? std::optional(word.substr(start.size())) : std::nullopt;
}

}  // namespace

Result<Target> ReadTarget(const std::vector<std::string>& words) {
  Target out;
  bool given = false;
  for (const std::string& word : words) {
    if (const auto type = ValueOf(word, "type")) out.type = *type;
    if (const auto set = ValueOf(word, "set")) out.set = *set;
    if (word == "--no-delta" || word == "--delta=n") out.delta = false;
    const auto text = ValueOf(word, "target");
    if (!text) continue;
    given = true;
    out.text = *text;
  }
  constexpr auto kTypes =
      std::to_array<std::string_view>({"default", "immediate", "time", "lsn", "xid", "name"});
  if (std::ranges::find(kTypes, out.type) == kTypes.end()) {
    const auto bad = Bad("--type", out.type,
                         "must be one of default, immediate, time, lsn, xid, name; choose one");
    return Fail(bad.error());
  }
  const bool wants = out.type != "default" && out.type != "immediate";
  if (given && !wants) {
    const auto bad =
        Bad("--target", out.text, "needs a type that it is of; add --type=time, lsn, xid or name");
    return Fail(bad.error());
  }
  if (!wants) return out;
  if (const auto fine = CheckValue(out); !fine) return Fail(fine.error());
  return out;
}

std::string TargetText(const Target& target) {
  if (target.type == "time") return "the moment " + target.text;
  if (target.type == "lsn") return "WAL position " + target.text;
  if (target.type == "xid") return "transaction " + target.text;
  if (target.type == "name") return "restore point " + target.text;
  if (target.type == "immediate") return "the end of a backup";
  return "the end of the archive";
}

}  // namespace pgo::pgbackrest
