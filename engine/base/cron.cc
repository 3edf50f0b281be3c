#include "engine/base/cron.h"

#include <array>
#include <vector>

#include "engine/base/calendar.h"
#include "engine/base/ids.h"

namespace pgo {
namespace {

constexpr std::int64_t kDay = 86400;
constexpr std::int64_t kLookAhead = 8 * 366;  // days: leap days lie up to eight years apart

struct FieldRange {
  std::string_view name;
  int low, high;
  std::string_view words;  // three letters each, the first is `low`; "" for none
};
constexpr FieldRange kSecondField{"second", 0, 59, ""};
constexpr FieldRange kMinuteField{"minute", 0, 59, ""};
constexpr FieldRange kHourField{"hour", 0, 23, ""};
constexpr FieldRange kDayField{"day of the month", 1, 31, ""};
constexpr FieldRange kMonthField{"month", 1, 12, "janfebmaraprmayjunjulaugsepoctnovdec"};
constexpr FieldRange kWeekdayField{"day of the week", 0, 7, "sunmontuewedthufrisat"};

std::vector<std::string> Split(std::string_view text, char separator, bool empty_too) {
  std::vector<std::string> out;
  std::string word;
  for (const char c : text) {
    if (c == separator || (separator == ' ' && c == '\t')) {
      if (empty_too || !word.empty()) out.push_back(word);
      word.clear();
    } else {
      word.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
    }
  }
  if (empty_too || !word.empty()) out.push_back(word);
  return out;
}

// -1 if it is none.
int Number(const std::string& text, const FieldRange& field) {
  if (text.size() == 3 && !field.words.empty()) {
    for (std::size_t at = 0; at < field.words.size(); at += 3) {
      if (field.words.substr(at, 3) == text) return field.low + static_cast<int>(at / 3);
    }
  }
  if (text.empty() || text.size() > 3) return -1;
  int value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

tl::unexpected<Error> Bad(const FieldRange& field, const std::string& text) {
  return Fail(Code::kInvalid, std::string(field.name) + " \"" + text + "\": must be from " +
                                  std::to_string(field.low) + " to " + std::to_string(field.high) +
                                  (field.words.empty() ? "" : " or the first three letters") +
                                  "; write *, a number, a range 1-5, a list 1,15 or a step */10");
}

// One element of a list: "*", "5", "1-5", each with "/step". Bits, or 0 if it is none.
std::uint64_t Element(const std::string& text, const FieldRange& field) {
  const auto slash = text.find('/');
  const std::string span = text.substr(0, slash);
  int low = field.low, high = field.high, step = 1;
  if (slash != std::string::npos) {
    step = Number(text.substr(slash + 1), {"step", 1, 99, ""});
    if (step < 1) return 0;
  }
  if (span != "*" && span != "?") {
    const auto dash = span.find('-');
    low = Number(span.substr(0, dash), field);
    if (dash != std::string::npos) {
      high = Number(span.substr(dash + 1), field);
    } else if (slash == std::string::npos) {
      high = low;
    }
  }
  if (low < field.low || high > field.high || low > high) return 0;
  std::uint64_t bits = 0;
  for (int n = low; n <= high; n += step) bits |= std::uint64_t{1} << n;
  return bits;
}

Status Read(const std::string& text, const FieldRange& field, std::uint64_t& bits) {
  bits = 0;
  for (const std::string& element : Split(text, ',', true)) {
    const std::uint64_t more = Element(element, field);
    if (more == 0) return Bad(field, text);
    bits |= more;
  }
  return {};
}

std::string_view Macro(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kMacros{
      {{"@hourly", "0 * * * *"},
       {"@daily", "0 0 * * *"},
       {"@midnight", "0 0 * * *"},
       {"@weekly", "0 0 * * 0"},
       {"@monthly", "0 0 1 * *"},
       {"@yearly", "0 0 1 1 *"},
       {"@annually", "0 0 1 1 *"}}};
  for (const auto& [name, meaning] : kMacros) {
    if (name == word) return meaning;
  }
  return word;
}

bool Has(std::uint64_t bits, std::int64_t n) { return ((bits >> n) & 1) != 0; }
bool IsAny(const std::string& field) { return field.starts_with('*') || field.starts_with('?'); }

}  // namespace

Result<Cron> Cron::Parse(std::string_view text) {
  auto fields = Split(text, ' ', false);
  if (fields.size() == 1) fields = Split(Macro(fields.front()), ' ', false);
  if (fields.size() == 5) fields.insert(fields.begin(), "0");
  if (fields.size() != 6) {
    return Fail(Code::kInvalid, "\"" + std::string(text.substr(0, 80)) +
                                    "\": must have five fields (minute, hour, day of the month, "
                                    "month, day of the week), in UTC; \"0 1 * * 0\" is Sundays at "
                                    "one o'clock");
  }
  Cron out;
  const std::array<std::pair<const FieldRange*, std::uint64_t*>, 6> parts{
      {{&kSecondField, &out.second_},
       {&kMinuteField, &out.minute_},
       {&kHourField, &out.hour_},
       {&kDayField, &out.day_},
       {&kMonthField, &out.month_},
       {&kWeekdayField, &out.weekday_}}};
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (auto read = Read(fields[i], *parts[i].first, *parts[i].second); !read) {
      return tl::unexpected(read.error());
    }
  }
  if (Has(out.weekday_, 7)) out.weekday_ |= 1;
  out.any_day_ = IsAny(fields[3]);
  out.any_weekday_ = IsAny(fields[5]);
  return out;
}

bool Cron::DayFits(std::int64_t days) const {
  const Date date = DateOf(days);
  if (!Has(month_, date.month)) return false;
  const bool day = Has(day_, date.day), weekday = Has(weekday_, WeekdayOf(days));
  return any_day_ || any_weekday_ ? day && weekday : day || weekday;
}

// The first fitting second of a day, from that one on.
std::optional<std::int64_t> Cron::TimeFrom(std::int64_t from) const {
  for (std::int64_t hour = from / 3600; hour < 24; ++hour) {
    if (!Has(hour_, hour)) continue;
    for (std::int64_t minute = 0; minute < 60; ++minute) {
      if (!Has(minute_, minute)) continue;
      for (std::int64_t second = 0; second < 60; ++second) {
        const std::int64_t at = hour * 3600 + minute * 60 + second;
        if (at >= from && Has(second_, second)) return at;
      }
    }
  }
  return std::nullopt;
}

std::optional<std::int64_t> Cron::After(std::int64_t wall_us) const {
  std::int64_t second = wall_us / kSecond - (wall_us % kSecond < 0 ? 1 : 0) + 1;
  std::int64_t days = second / kDay - (second % kDay < 0 ? 1 : 0);
  std::int64_t from = second - days * kDay;
  for (std::int64_t i = 0; i < kLookAhead; ++i, ++days, from = 0) {
    if (!DayFits(days)) continue;
    const auto at = TimeFrom(from);
    if (at) return (days * kDay + *at) * kSecond;
  }
  return std::nullopt;
}

}  // namespace pgo
