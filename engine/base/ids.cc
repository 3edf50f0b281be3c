#include "engine/base/ids.h"

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace pgo {
namespace {

template <typename T>
bool ReadNumber(std::string_view text, int base, T& out) {
  const char* end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, out, base);
  return !text.empty() && result.ec == std::errc() && result.ptr == end;
}

struct Civil {
  int year;
  unsigned month, day;
  std::int64_t second_of_day;
};

Civil CivilOf(std::int64_t wall_us) {
  using std::chrono::days;
  const auto seconds = std::chrono::floor<std::chrono::seconds>(
      std::chrono::sys_time<std::chrono::microseconds>(std::chrono::microseconds(wall_us)));
  const auto day = std::chrono::floor<days>(seconds);
  const std::chrono::year_month_day date(day);
  return {static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
          static_cast<unsigned>(date.day()), (seconds - day).count()};
}

std::string FormatWall(std::int64_t wall_us, bool millis) {
  const Civil c = CivilOf(wall_us);
  std::array<char, 48> buffer{};
  const auto s = static_cast<int>(c.second_of_day);
  int n = std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d", c.year,
                        c.month, c.day, s / 3600, s / 60 % 60, s % 60);
  if (millis) {
    const auto ms = static_cast<int>(((wall_us % kSecond) + kSecond) % kSecond / 1000);
    n += std::snprintf(buffer.data() + n, buffer.size() - static_cast<std::size_t>(n), ".%03d", ms);
  }
  return std::string(buffer.data(), static_cast<std::size_t>(n)) + "Z";
}

}  // namespace

std::string LsnText(Lsn lsn) {
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%X/%X", static_cast<unsigned>(lsn.value() >> 32),
                static_cast<unsigned>(lsn.value() & 0xffffffffU));
  return buffer.data();
}

std::optional<Lsn> ParseLsn(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  std::uint32_t high = 0;
  std::uint32_t low = 0;
  if (!ReadNumber(text.substr(0, slash), 16, high)) return std::nullopt;
  if (!ReadNumber(text.substr(slash + 1), 16, low)) return std::nullopt;
  return Lsn((static_cast<std::uint64_t>(high) << 32) | low);
}

std::string WallText(std::int64_t wall_us) { return FormatWall(wall_us, true); }
std::string WallSeconds(std::int64_t wall_us) { return FormatWall(wall_us, false); }

std::optional<std::int64_t> ParseWall(std::string_view t) {
  // YYYY-MM-DDTHH:MM:SS[.fraction](Z|+00:00)
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || t[13] != ':' || t[16] != ':') return {};
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!ReadNumber(t.substr(0, 4), 10, year) || !ReadNumber(t.substr(5, 2), 10, month) ||
      !ReadNumber(t.substr(8, 2), 10, day) || !ReadNumber(t.substr(11, 2), 10, hour) ||
      !ReadNumber(t.substr(14, 2), 10, minute) || !ReadNumber(t.substr(17, 2), 10, second)) {
    return {};
  }
  std::string_view rest = t.substr(19);
  std::int64_t micros = 0;
  if (!rest.empty() && rest[0] == '.') {
    std::int64_t unit = 100'000;
    std::size_t i = 1;
    for (; i < rest.size() && rest[i] >= '0' && rest[i] <= '9'; ++i, unit /= 10) {
      micros += (rest[i] - '0') * unit;
    }
    rest = rest.substr(i);
  }
  if (rest != "Z" && rest != "+00:00") return {};
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return {};
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds =
      static_cast<std::int64_t>(days) * 86400 + hour * 3600 + minute * 60 + second;
  return seconds * kSecond + micros;
}

}  // namespace pgo
