// Schedules as cron writes them, in UTC.
//
//   minute hour day-of-month month day-of-week          "0 1 * * 0"
//   second minute hour day-of-month month day-of-week   PGO 4's sixth field, in front
//   @hourly @daily @midnight @weekly @monthly @yearly @annually
//
// A field is a list of *, ?, number, range a-b, each with /step; months and weekdays also by their
// first three letters; 0 and 7 are Sunday. When both days are restricted (neither begins with * or
// ?), either of them is enough. https://man7.org/linux/man-pages/man5/crontab.5.html
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "engine/base/result.h"

namespace pgo {

class Cron {
 public:
  // The error says which field, what it is and what it must be.
  static Result<Cron> Parse(std::string_view text);

  // The first moment after `wall_us`, in microseconds; nothing if there is none within eight years
  // (the 30th of February).
  [[nodiscard]] std::optional<std::int64_t> After(std::int64_t wall_us) const;

 private:
  [[nodiscard]] bool DayFits(std::int64_t days) const;
  [[nodiscard]] std::optional<std::int64_t> TimeFrom(std::int64_t second_of_day) const;

  // Bit n: n is in the field.
  std::uint64_t second_ = 1, minute_ = 0, hour_ = 0, day_ = 0, month_ = 0, weekday_ = 0;
  bool any_day_ = false, any_weekday_ = false;
};

}  // namespace pgo
