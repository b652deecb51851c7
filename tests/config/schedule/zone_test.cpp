// When an expression comes in a time zone, also where clocks jump. Moments are in UTC.

#include "config/schedule/zone.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

#include "tests/config/schedule/moments.hpp"

namespace sluice::config::schedule {
namespace {

using test::moment;

std::string print(std::optional<Moment> at) {
  const std::string text = at ? print_local(Zone(), *at) : "never UTC";
  return text.substr(0, text.size() - 4);
}

Cron cron(const std::string& text) {
  Cron cron;
  EXPECT_EQ(parse_cron(text, cron), "") << text;
  return cron;
}

struct Row {
  std::string cron;
  std::string zone;
  std::string now;
  std::string next;  // after now
  std::string last;  // not after now
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.cron << " " << row.zone << " at " << row.now;
}

class Moments : public testing::TestWithParam<Row> {};

TEST_P(Moments, are_those_of_the_zone) {
  const Row& row = GetParam();
  const auto zone = Zone::find(row.zone);
  ASSERT_TRUE(zone);
  EXPECT_EQ(print(next_after(cron(row.cron), *zone, moment(row.now))), row.next);
  EXPECT_EQ(print(last_until(cron(row.cron), *zone, moment(row.now))), row.last);
}

INSTANTIATE_TEST_SUITE_P(
    Plain, Moments,
    testing::Values(
        Row{"50 8 * * 1-5", "UTC", "2026-03-02 08:49", "2026-03-02 08:50", "2026-02-27 08:50"},
        Row{"50 8 * * 1-5", "UTC", "2026-03-02 08:50", "2026-03-03 08:50", "2026-03-02 08:50"},
        // Monday begins in Seoul when it is Sunday afternoon in UTC.
        Row{"50 8 * * 1-5", "Asia/Seoul", "2026-03-01 12:00", "2026-03-01 23:50",
            "2026-02-26 23:50"},
        Row{"0 20 * * *", "Asia/Seoul", "2026-03-01 11:00", "2026-03-02 11:00", "2026-03-01 11:00"},
        Row{"30 4 * * *", "Asia/Kathmandu", "2026-03-01 00:00", "2026-03-01 22:45",
            "2026-02-28 22:45"},
        Row{"0 0 1 * *", "America/New_York", "2026-03-01 04:59", "2026-03-01 05:00",
            "2026-02-01 05:00"}));

// Clocks jump from 02:00 to 03:00 on 2026-03-29, at 01:00 UTC.
INSTANTIATE_TEST_SUITE_P(
    Spring, Moments,
    testing::Values(
        Row{"30 2 * * *", "Europe/Berlin", "2026-03-28 12:00", "2026-03-29 01:00",
            "2026-03-28 01:30"},
        Row{"30 2 * * *", "Europe/Berlin", "2026-03-29 01:00", "2026-03-30 00:30",
            "2026-03-29 01:00"},
        Row{"*/10 2 * * *", "Europe/Berlin", "2026-03-29 00:59", "2026-03-29 01:00",
            "2026-03-28 01:50"},
        Row{"*/10 2 * * *", "Europe/Berlin", "2026-03-29 01:00", "2026-03-30 00:00",
            "2026-03-29 01:00"},
        Row{"0 * * * *", "Europe/Berlin", "2026-03-29 00:00", "2026-03-29 01:00",
            "2026-03-29 00:00"},
        Row{"0 * * * *", "Europe/Berlin", "2026-03-29 01:00", "2026-03-29 02:00",
            "2026-03-29 01:00"},
        // 2026-03-08, 02:00 to 03:00, at 07:00 UTC.
        Row{"15 2 8 3 *", "America/New_York", "2026-03-08 06:00", "2026-03-08 07:00",
            "2025-03-08 07:15"},
        // By half an hour, from 02:00 to 02:30, on 2026-10-04 at 15:30 UTC of the day before.
        Row{"10 2 * * *", "Australia/Lord_Howe", "2026-10-03 12:00", "2026-10-03 15:30",
            "2026-10-02 15:40"},
        // A day that was left out: Samoa had no 30 December 2011.
        Row{"0 12 30 12 *", "Pacific/Apia", "2011-12-29 23:00", "2011-12-30 10:00",
            "2010-12-30 22:00"}));

// Clocks jump back from 03:00 to 02:00 on 2026-10-25, at 01:00 UTC: 02:30 is at 00:30 and 01:30.
INSTANTIATE_TEST_SUITE_P(
    Autumn, Moments,
    testing::Values(
        Row{"30 2 * * *", "Europe/Berlin", "2026-10-25 00:00", "2026-10-25 00:30",
            "2026-10-24 00:30"},
        Row{"30 2 * * *", "Europe/Berlin", "2026-10-25 00:30", "2026-10-26 01:30",
            "2026-10-25 00:30"},
        Row{"30 2 * * *", "Europe/Berlin", "2026-10-25 01:30", "2026-10-26 01:30",
            "2026-10-25 00:30"},
        // At 02:05 for the second time, 02:55 has been.
        Row{"5,55 2 * * *", "Europe/Berlin", "2026-10-25 01:05", "2026-10-26 01:05",
            "2026-10-25 00:55"},
        Row{"* * * * *", "Europe/Berlin", "2026-10-25 00:59", "2026-10-25 02:00",
            "2026-10-25 00:59"},
        Row{"* * * * *", "Europe/Berlin", "2026-10-25 01:20", "2026-10-25 02:00",
            "2026-10-25 00:59"},
        Row{"0 3 * * *", "Europe/Berlin", "2026-10-25 01:00", "2026-10-25 02:00",
            "2026-10-24 01:00"},
        // 2026-11-01, 02:00 to 01:00, at 06:00 UTC.
        Row{"30 1 * * sun", "America/New_York", "2026-11-01 05:00", "2026-11-01 05:30",
            "2026-10-25 05:30"},
        Row{"30 1 * * sun", "America/New_York", "2026-11-01 06:15", "2026-11-08 06:30",
            "2026-11-01 05:30"},
        // By half an hour, from 02:00 to 01:30, on 2026-04-05 at 15:00 UTC of the day before.
        Row{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04 14:00", "2026-04-04 14:45",
            "2026-04-03 14:45"},
        Row{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04 15:20", "2026-04-05 15:15",
            "2026-04-04 14:45"}));

TEST(Zone, is_found_by_its_name_alone) {
  EXPECT_EQ(Zone::find("UTC")->name(), "UTC");
  EXPECT_EQ(Zone::find("Europe/Berlin")->name(), "Europe/Berlin");
  for (const char* name : {"", "Mars/Base", "europe/berlin", "../zoneinfo/UTC", "/etc/passwd",
                           "zone.tab", "tzdata.zi", "leapseconds", "Europe", "+02:00"}) {
    EXPECT_FALSE(Zone::find(name)) << name;
  }
  EXPECT_EQ(*Zone::find("Europe/Berlin"), *Zone::find("Europe/Berlin"));
  EXPECT_FALSE(*Zone::find("Europe/Berlin") == Zone());
  EXPECT_GT(Zone::names().size(), 100U);
}

TEST(Zone, seconds_belong_to_the_minute_that_they_are_in) {
  const Moment now = moment("2026-03-02 08:50") + std::chrono::seconds(30);
  EXPECT_EQ(print(next_after(cron("* * * * *"), Zone(), now)), "2026-03-02 08:51");
  EXPECT_EQ(print(last_until(cron("* * * * *"), Zone(), now)), "2026-03-02 08:50");
}

TEST(Zone, prints_what_clocks_show) {
  EXPECT_EQ(print_local(*Zone::find("Asia/Seoul"), moment("2026-03-01 23:50")),
            "2026-03-02 08:50 Asia/Seoul");
}

}  // namespace
}  // namespace sluice::config::schedule
