#include "adapters/cli/when.h"

#include <charconv>
#include <optional>

#include "engine/base/ids.h"

namespace pgo::cli {
namespace {

constexpr std::int64_t kDay = 24 * 3600 * kSecond;

std::optional<std::int64_t> Age(const std::string& text) {
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

}  // namespace pgo::cli
