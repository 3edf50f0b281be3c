#include "adapters/cli/when.h"

#include <charconv>
#include <optional>

#include "engine/base/ids.h"

namespace pgo::cli {
namespace {

constexpr std::int64_t kDay = 24 * 3600 * kSecond;

// "10 minutes ago" and "10m ago" as "10m"; anything else as it is.
std::string ShortAge(const std::string& text) {
  constexpr std::string_view kAgo = " ago";
  if (!text.ends_with(kAgo)) return text;
  const std::string age = text.substr(0, text.size() - kAgo.size());
  const auto space = age.find(' ');
  if (space == std::string::npos) return age;
  std::string unit = age.substr(space + 1);
  if (unit.ends_with('s')) unit.pop_back();
  for (const std::string_view known : {"second", "minute", "hour", "day"}) {
    if (unit == known) return age.substr(0, space) + unit.front();
  }
  return text;
}

std::optional<std::int64_t> Age(const std::string& written) {
  const std::string text = ShortAge(written);
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, number);
  if (read.ec != std::errc() || read.ptr + 1 != end || number < 0 || number > 1'000'000) {
    return std::nullopt;
  }
  switch (*read.ptr) {
    case 's':
      return number * kSecond;
    case 'm':
      return number * 60 * kSecond;
    case 'h':
      return number * 3600 * kSecond;
    case 'd':
      return number * kDay;
    default:
      return std::nullopt;
  }
}

// "03:12" and "03:12:05.5" as a full time of the given day.
std::optional<std::int64_t> OnDay(const std::string& date, std::string clock) {
  if (clock.size() == 5) clock += ":00";
  return ParseWall(date + "T" + clock + "Z");
}

}  // namespace

Result<std::int64_t> ParseWhen(const std::string& option, const std::string& text,
                               std::int64_t now_us) {
  if (text == "now") return now_us;
  if (const auto age = Age(text)) return now_us - *age;
  std::string rest = text;
  if (rest.ends_with('Z')) rest.pop_back();
  std::optional<std::int64_t> at;
  if (rest.size() >= 5 && rest[2] == ':') {
    at = OnDay(WallText(now_us).substr(0, 10), rest);
    if (at && *at > now_us) at = *at - kDay;
  } else if (rest.size() == 10) {
    at = OnDay(rest, "00:00");
  } else if (rest.size() > 11 && (rest[10] == ' ' || rest[10] == 'T')) {
    at = OnDay(rest.substr(0, 10), rest.substr(11));
  }
  if (at) return *at;
  return Fail(Code::kInvalid, option + ": \"" + text +
                                  "\": must be a time in UTC or an age; write it as "
                                  "'2026-05-04 03:12:05', 03:12 or 2h");
}

Result<Moment> ParseMoment(const std::string& option, const std::string& text,
                           std::int64_t now_us) {
  if (text.empty() || text == "now") return Moment{0, now_us};
  const bool hash = text.starts_with('#');
  if (hash || text.find_first_not_of("0123456789") == std::string::npos) {
    Moment moment;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data() + (hash ? 1 : 0), end, moment.seq);
    if (read.ec == std::errc() && read.ptr == end && moment.seq > 0) return moment;
    return Fail(
        Code::kInvalid,
        option + ": \"" + text + "\": must be the number of a record, from 1; write it as #4127");
  }
  auto when = ParseWhen(option, text, now_us);
  if (!when) return Fail(when.error());
  return Moment{0, *when + (text.find('.') == std::string::npos ? kSecond - 1 : 0)};
}

}  // namespace pgo::cli
