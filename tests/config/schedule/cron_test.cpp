// Expressions of cron on a local calendar: which minutes they mean, and what is wrong with others.

#include "config/schedule/cron.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

namespace sluice::config::schedule {
namespace {

using std::chrono::minutes;

// "2026-03-01 08:50"
LocalMinute at(const std::string& text) {
  const std::chrono::year_month_day day(std::chrono::year(std::stoi(text.substr(0, 4))),
                                        std::chrono::month(std::stoul(text.substr(5, 2))),
                                        std::chrono::day(std::stoul(text.substr(8, 2))));
  return std::chrono::local_days(day) +
         minutes(std::stoi(text.substr(11, 2)) * 60 + std::stoi(text.substr(14, 2)));
}

std::string print(std::optional<LocalMinute> time) {
  if (!time) {
    return "never";
  }
  const auto days = std::chrono::floor<std::chrono::days>(*time);
  const std::chrono::year_month_day day(days);
  const int minute = static_cast<int>((*time - days).count());
  char text[40];
  std::snprintf(text, sizeof text, "%04d-%02u-%02u %02d:%02d", static_cast<int>(day.year()),
                static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()), minute / 60,
                minute % 60);
  return text;
}

Cron cron(const std::string& text) {
  Cron cron;
  EXPECT_EQ(parse_cron(text, cron), "") << text;
  return cron;
}

struct Next {
  std::string cron;
  std::string from;
  std::string first;
  std::string last;  // not after `from`
};

std::ostream& operator<<(std::ostream& out, const Next& row) {
  return out << row.cron << " from " << row.from;
}

class CronNext : public testing::TestWithParam<Next> {};

TEST_P(CronNext, is_the_nearest_minute_that_fits) {
  const Next& row = GetParam();
  EXPECT_EQ(print(cron(row.cron).first_from(at(row.from))), row.first);
  EXPECT_EQ(print(cron(row.cron).last_until(at(row.from))), row.last);
}

// 2026-03-01 is a Sunday.
INSTANTIATE_TEST_SUITE_P(
    Cron, CronNext,
    testing::Values(
        Next{"* * * * *", "2026-03-01 00:00", "2026-03-01 00:00", "2026-03-01 00:00"},
        Next{"50 8 * * 1-5", "2026-03-01 09:00", "2026-03-02 08:50", "2026-02-27 08:50"},
        Next{"50 8 * * mon-FRI", "2026-03-06 08:51", "2026-03-09 08:50", "2026-03-06 08:50"},
        Next{"0 20 * * *", "2026-12-31 20:01", "2027-01-01 20:00", "2026-12-31 20:00"},
        Next{"*/15 * * * *", "2026-03-01 10:46", "2026-03-01 11:00", "2026-03-01 10:45"},
        Next{"10-30/10,55 2,4 * * *", "2026-03-01 02:31", "2026-03-01 02:55", "2026-03-01 02:30"},
        Next{"10-30/10,55 2,4 * * *", "2026-03-01 02:56", "2026-03-01 04:10", "2026-03-01 02:55"},
        Next{"5-59/20 * * * *", "2026-03-01 10:46", "2026-03-01 11:05", "2026-03-01 10:45"},
        // Both 0 and 7 are Sunday, and a range may end there.
        Next{"0 0 * * 0", "2026-03-02 00:00", "2026-03-08 00:00", "2026-03-01 00:00"},
        Next{"0 0 * * 7", "2026-03-02 00:00", "2026-03-08 00:00", "2026-03-01 00:00"},
        Next{"0 0 * * sun", "2026-03-02 00:00", "2026-03-08 00:00", "2026-03-01 00:00"},
        Next{"0 0 * * sat-sun", "2026-03-02 00:00", "2026-03-07 00:00", "2026-03-01 00:00"},
        Next{"0 0 * * 6-7", "2026-03-08 00:01", "2026-03-14 00:00", "2026-03-08 00:00"},
        Next{"0 0 * * 5-0", "2026-03-02 00:00", "2026-03-06 00:00", "2026-03-01 00:00"},
        Next{"0 0 * * sun-tue", "2026-03-03 00:01", "2026-03-08 00:00", "2026-03-03 00:00"},
        // Days of the month and of the week that are both restricted: either is enough.
        Next{"0 0 13 * 5", "2026-03-01 00:00", "2026-03-06 00:00", "2026-02-27 00:00"},
        Next{"0 0 10 * mon", "2026-03-09 00:01", "2026-03-10 00:00", "2026-03-09 00:00"},
        Next{"0 0 30 2 1", "2026-03-01 00:00", "2027-02-01 00:00", "2026-02-23 00:00"},
        // ... but not where one begins with a star, as in cron(8).
        Next{"0 0 */2 * 1", "2026-03-01 00:00", "2026-03-09 00:00", "2026-02-23 00:00"},
        Next{"0 0 1-7 * */1", "2026-03-08 00:00", "2026-04-01 00:00", "2026-03-07 00:00"},
        Next{"0 0 *,1 * fri", "2026-03-01 00:00", "2026-03-06 00:00", "2026-02-27 00:00"},
        // Months of different lengths, and leap years.
        Next{"0 0 31 * *", "2026-04-01 00:00", "2026-05-31 00:00", "2026-03-31 00:00"},
        Next{"0 0 29 2 *", "2026-03-01 00:00", "2028-02-29 00:00", "2024-02-29 00:00"},
        Next{"0 0 29 2 *", "2096-03-01 00:00", "2104-02-29 00:00", "2096-02-29 00:00"},
        Next{"59 23 28-31 feb *", "2028-02-28 23:59", "2028-02-28 23:59", "2028-02-28 23:59"},
        Next{"59 23 28-31 feb *", "2028-02-29 00:00", "2028-02-29 23:59", "2028-02-28 23:59"},
        Next{"0 12 * jan,Jul-sep/2 *", "2026-08-01 00:00", "2026-09-01 12:00", "2026-07-31 12:00"},
        // A leap day that is a Sunday as well.
        Next{"0 0 29 2 */7", "2026-03-01 00:00", "2032-02-29 00:00", "2004-02-29 00:00"},
        Next{"@hourly", "2026-03-01 10:01", "2026-03-01 11:00", "2026-03-01 10:00"},
        Next{"@daily", "2026-03-01 10:01", "2026-03-02 00:00", "2026-03-01 00:00"},
        Next{"@Midnight", "2026-03-01 10:01", "2026-03-02 00:00", "2026-03-01 00:00"},
        Next{"@weekly", "2026-03-01 10:01", "2026-03-08 00:00", "2026-03-01 00:00"},
        Next{"@monthly", "2026-03-01 10:01", "2026-04-01 00:00", "2026-03-01 00:00"},
        Next{"@yearly", "2026-03-01 10:01", "2027-01-01 00:00", "2026-01-01 00:00"},
        Next{"@annually", "2026-01-01 00:00", "2026-01-01 00:00", "2026-01-01 00:00"},
        Next{"  0\t0  1 1 *  ", "2026-03-01 10:01", "2027-01-01 00:00", "2026-01-01 00:00"}));

TEST(Cron, says_which_field_is_wrong_and_why) {
  const std::string five =
      "must be five fields (minute, hour, day of month, month, day of week), not ";
  const std::string week = "0 to 7, sun to sat";
  const std::vector<std::pair<std::string, std::string>> rows{
      {"", five + "0"},
      {"* * * *", five + "4"},
      {"0 * * * * *", five + "6"},
      {"x", five + "1"},
      {"@reboot", "must be five fields, or one of @hourly, @daily, @weekly, @monthly and @yearly"},
      {"60 * * * *", "field 1 (minute) has a value that is not one of 0 to 59"},
      {"-1 * * * *", "field 1 (minute) has a value that is not one of 0 to 59"},
      {"* 24 * * *", "field 2 (hour) has a value that is not one of 0 to 23"},
      {"* 8-25 * * *", "field 2 (hour) has a value that is not one of 0 to 23"},
      {"* +1 * * *", "field 2 (hour) has a value that is not one of 0 to 23"},
      {"* 008 * * *", "field 2 (hour) has a value that is not one of 0 to 23"},
      {"* * 0 * *", "field 3 (day of month) has a value that is not one of 1 to 31"},
      {"* * L * *", "field 3 (day of month) has a value that is not one of 1 to 31"},
      {"* * * 13 *", "field 4 (month) has a value that is not one of 1 to 12, jan to dec"},
      {"* * * june *", "field 4 (month) has a value that is not one of 1 to 12, jan to dec"},
      {"* * * * 8", "field 5 (day of week) has a value that is not one of " + week},
      {"* * * * monday", "field 5 (day of week) has a value that is not one of " + week},
      {"* * * * ?", "field 5 (day of week) has a value that is not one of " + week},
      {"1, * * * *", "field 1 (minute) has a comma with nothing beside it"},
      {"1,,2 * * * *", "field 1 (minute) has a comma with nothing beside it"},
      {"30-10 * * * *", "field 1 (minute) has a range that ends before it begins"},
      {"* * * * fri-mon", "field 5 (day of week) has a range that ends before it begins"},
      {"*/0 * * * *", "field 1 (minute) has a step that is not one of 1 to 59"},
      {"*/60 * * * *", "field 1 (minute) has a step that is not one of 1 to 59"},
      {"*/x * * * *", "field 1 (minute) has a step that is not one of 1 to 59"},
      {"*/ * * * *", "field 1 (minute) has a step that is not one of 1 to 59"},
      {"5/15 * * * *",
       "field 1 (minute) has a step behind a single value; it belongs behind a range or \"*\""},
      {"*/5/5 * * * *", "field 1 (minute) has a part with more than one \"/\" or \"-\""},
      {"1-2-3 * * * *", "field 1 (minute) has a part with more than one \"/\" or \"-\""},
      {"*-5 * * * *", "field 1 (minute) has a value that is not one of 0 to 59"},
      {"0 0 30 2 *", "never comes: no month of field 4 has a day of field 3"},
      {"0 0 31 feb,apr,jun,sep,nov *", "never comes: no month of field 4 has a day of field 3"},
      {"0 0 30 2 */2", "never comes: no month of field 4 has a day of field 3"}};
  for (const auto& [text, wrong] : rows) {
    Cron untouched;
    EXPECT_EQ(parse_cron(text, untouched), wrong) << text;
    EXPECT_EQ(untouched, Cron{}) << text;
  }
}

}  // namespace
}  // namespace sluice::config::schedule
