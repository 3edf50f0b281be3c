#include "engine/base/cron.h"

#include <gtest/gtest.h>

#include "engine/base/calendar.h"
#include "engine/base/ids.h"

namespace pgo {
namespace {

// The next times, as text.
std::string Next(const std::string& cron, const std::string& after) {
  const auto parsed = Cron::Parse(cron);
  if (!parsed) return parsed.error().message;
  const auto next = parsed->After(*ParseWall(after));
  return next ? WallSeconds(*next) : "never";
}

TEST(Calendar, GoesThereAndBackForFourHundredYears) {
  for (std::int64_t days = -146097; days < 146097; ++days) {
    const Date date = DateOf(days);
    ASSERT_EQ(DaysOf(date), days);
    ASSERT_LE(date.day, DaysInMonth(date.year, date.month));
  }
  EXPECT_EQ(DaysOf({2000, 3, 1}) - DaysOf({2000, 2, 28}), 2);
  EXPECT_EQ(DaysOf({1900, 3, 1}) - DaysOf({1900, 2, 28}), 1);
  EXPECT_EQ(WeekdayOf(DaysOf({2026, 11, 21})), 6) << "a Saturday";
}

TEST(Cron, FindsTheNextTime) {
  EXPECT_EQ(Next("0 1 * * 0", "2026-11-21T21:00:00Z"), "2026-11-22T01:00:00Z");
  EXPECT_EQ(Next("0 1 * * 1-6", "2026-11-21T21:00:00Z"), "2026-11-23T01:00:00Z");
  EXPECT_EQ(Next("*/15 * * * *", "2026-11-21T21:00:00Z"), "2026-11-21T21:15:00Z");
  EXPECT_EQ(Next("*/15 * * * *", "2026-12-31T23:59:59Z"), "2027-01-01T00:00:00Z");
  EXPECT_EQ(Next("30 6 1,15 * *", "2026-11-15T06:30:00Z"), "2026-12-01T06:30:00Z");
  EXPECT_EQ(Next("0 0 29 2 *", "2026-01-01T00:00:00Z"), "2028-02-29T00:00:00Z");
  EXPECT_EQ(Next("0 0 30 2 *", "2026-01-01T00:00:00Z"), "never");
  EXPECT_EQ(Next("@weekly", "2026-11-21T21:00:00Z"), "2026-11-22T00:00:00Z");
  EXPECT_EQ(Next("0 4 * JAN Mon", "2026-11-21T21:00:00Z"), "2027-01-04T04:00:00Z");
  EXPECT_EQ(Next("0 4 * * 7", "2026-11-21T21:00:00Z"), "2026-11-22T04:00:00Z");
  EXPECT_EQ(Next("5/20 * * * *", "2026-11-21T21:26:00Z"), "2026-11-21T21:45:00Z");
}

TEST(Cron, SixFieldsBeginWithSeconds) {
  EXPECT_EQ(Next("30 0 1 * * *", "2026-11-21T21:00:00Z"), "2026-11-22T01:00:30Z");
  EXPECT_EQ(Next("*/20 * * * * *", "2026-11-21T21:00:20Z"), "2026-11-21T21:00:40Z");
}

// crontab(5): "either" when both are restricted, "both" as soon as one begins with a star.
TEST(Cron, TwoRestrictedDaysAreAnEither) {
  EXPECT_EQ(Next("0 0 13 * 5", "2026-11-07T00:00:00Z"), "2026-11-13T00:00:00Z");
  EXPECT_EQ(Next("0 0 13 * 5", "2026-11-13T00:00:00Z"), "2026-11-20T00:00:00Z");
  EXPECT_EQ(Next("0 0 */2 * 5", "2026-11-07T00:00:00Z"), "2026-11-13T00:00:00Z");
  EXPECT_EQ(Next("0 0 */2 * 5", "2026-11-13T00:00:00Z"), "2026-11-27T00:00:00Z");
}

TEST(Cron, NamesTheFieldThatIsWrong) {
  EXPECT_NE(Next("0 25 * * *", "2026-01-01T00:00:00Z").find("hour \"25\""), std::string::npos);
  EXPECT_NE(Next("x * * * *", "2026-01-01T00:00:00Z").find("minute \"x\""), std::string::npos);
  EXPECT_NE(Next("* * *", "2026-01-01T00:00:00Z").find("five fields"), std::string::npos);
  for (const char* bad : {"", "@often", "1-0 * * * *", "*/0 * * * *", "1,,2 * * * *", "60 * * * *",
                          "* * 0 * *", "* * * 13 *", "* * * * 8", "* * * * * * *", "-1 * * * *"}) {
    EXPECT_FALSE(Cron::Parse(bad)) << bad;
  }
}

}  // namespace
}  // namespace pgo
