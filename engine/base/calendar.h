// Dates of the proleptic Gregorian calendar in UTC, as integers.
#pragma once

#include <cstdint>

namespace pgo {

struct Date {
  std::int64_t year = 1970;
  int month = 1;  // 1 to 12
  int day = 1;    // 1 to 31
};

Date DateOf(std::int64_t days_since_epoch);
std::int64_t DaysOf(const Date& date);  // since 1970-01-01
int DaysInMonth(std::int64_t year, int month);
int WeekdayOf(std::int64_t days_since_epoch);  // 0 is Sunday

}  // namespace pgo
