// Schedules in a file: what is refused, and where. In `where`, "@" is the line of the schedule.

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "config/describe.hpp"
#include "config/diff.hpp"
#include "tests/config/support.hpp"

namespace sluice::config::test {
namespace {

using Lines = std::vector<std::string>;

constexpr int kLine = 10;  // of the first schedule

std::string file(const std::string& schedules, const std::string& pool = "pool_size: 5") {
  return "listeners: [{name: l, protocol: postgresql, bind: \":6432\"}]\n"
         "pools:\n"
         "  pets:\n"
         "    url: postgresql://app@db/pets\n"
         "    " +
         pool +
         "\n"
         "  open: {url: postgresql://db, max_db_connections: 30, max_user_connections: 40}\n"
         "users: [{name: u, password: test-only}]\n"
         "routes: [{name: r, pool: pets}]\n"
         "schedules:\n" +
         schedules;
}

struct Row {
  std::string schedule;
  std::string where;
  std::string text;
  std::string pool = "pool_size: 5";
};

std::ostream& operator<<(std::ostream& out, const Row& row) {
  return out << row.schedule;
}

class BadSchedule : public testing::TestWithParam<Row> {};

TEST_P(BadSchedule, is_told_at_its_place) {
  const Row& row = GetParam();
  const std::string text = file("- {" + row.schedule + "}\n", row.pool);
  EXPECT_EQ(problems(text), Lines{"f:" + std::to_string(kLine) + ":" + row.where + ": " + row.text})
      << text;
  EXPECT_EQ(load(text).config != nullptr, row.text.starts_with("warning"));
}

const std::string kNow = "cron: '* * * * *', ";

INSTANTIATE_TEST_SUITE_P(
    Schedules, BadSchedule,
    testing::Values(
        Row{"action: pause, pool: pets", "3",
            "error: schedules[0].cron: is missing; it must be given"},
        Row{kNow + "pool: pets", "3", "error: schedules[0].action: is missing; it must be given"},
        Row{kNow + "action: pause", "3", "error: schedules[0].pool: is missing; it must be given"},
        Row{"cron: '0 24 * * *', action: pause, pool: pets", "10",
            "error: schedules[0].cron: field 2 (hour) has a value that is not one of 0 to 23"},
        Row{"cron: 0 0 30 2 *, action: pause, pool: pets", "10",
            "error: schedules[0].cron: never comes: no month of field 4 has a day of field 3"},
        Row{kNow + "timezone: Europe/Berlim, action: pause, pool: pets", "33",
            "error: schedules[0].timezone: must be a time zone by its name, such as UTC or "
            "Europe/Berlin; did you mean \"Europe/Berlin\"?"},
        Row{kNow + "timezone: '', action: pause, pool: pets", "33",
            "error: schedules[0].timezone: must be a time zone by its name, such as UTC or "
            "Europe/Berlin"},
        Row{kNow + "action: stop, pool: pets", "31",
            "error: schedules[0].action: must be resize, pause, resume, reconnect, disable or "
            "enable"},
        Row{kNow + "action: pause, pool: pet", "44",
            "error: schedules[0].pool: there is no pool \"pet\"; did you mean \"pets\"?"},
        Row{kNow + "action: pause, pool: pets, size: 3", "50",
            "error: schedules[0]: unknown key \"size\""},
        Row{kNow + "action: resize, pool: pets", "31",
            "error: schedules[0].action: resize needs pool_size, max_overflow or min_idle"},
        Row{kNow + "action: resize, pool: pets, pool_size: null", "31",
            "error: schedules[0].action: resize needs pool_size, max_overflow or min_idle"},
        Row{kNow + "action: pause, pool: pets, pool_size: 3", "61",
            "error: schedules[0].pool_size: is for resize, and the action is pause"},
        Row{kNow + "action: reconnect, pool: pets, min_idle: 0", "64",
            "error: schedules[0].min_idle: is for resize, and the action is reconnect"},
        Row{kNow + "action: resize, pool: pets, pool_size: 0", "62",
            "error: schedules[0].pool_size: must be a whole number from 1 to 100000"},
        Row{kNow + "action: resize, pool: pets, max_overflow: -2", "65",
            "error: schedules[0].max_overflow: must be a whole number from -1 to 100000"},
        Row{kNow + "action: resize, pool: pets, min_idle: 6", "61",
            "error: schedules[0].min_idle: is more than pool_size of the pool (6 > 5)"},
        Row{kNow + "action: resize, pool: pets, pool_size: 3, min_idle: 4", "75",
            "error: schedules[0].min_idle: is more than pool_size (4 > 3)"},
        Row{kNow + "action: resize, pool: pets, pool_size: 3", "62",
            "error: schedules[0].pool_size: is less than min_idle of the pool (3 < 4)",
            "min_idle: 4"},
        Row{kNow + "action: resize, pool: open, pool_size: 31", "62",
            "warning: schedules[0].pool_size: is more than max_db_connections of the pool, so that "
            "it can never be reached (31 > 30)"}));

TEST(Schedules, keep_to_both_caps_of_the_pool) {
  const auto told =
      problems(file("- {" + kNow + "action: resize, pool: open, pool_size: 50, min_idle: 31}\n"));
  ASSERT_EQ(told.size(), 3U);
  EXPECT_EQ(told[1],
            "f:10:62: warning: schedules[0].pool_size: is more than max_user_connections of the "
            "pool, so that it can never be reached (50 > 40)");
  EXPECT_EQ(told[2],
            "f:10:76: error: schedules[0].min_idle: is more than max_db_connections of the pool "
            "(31 > 30)");
}

TEST(Schedules, are_fine_within_the_bounds_of_the_pool) {
  for (const char* good :
       {"cron: '* * * * *', action: pause, pool: pets",
        "cron: '@daily', action: resume, pool: open",
        "cron: 0 8 * * mon-fri, timezone: Asia/Seoul, action: reconnect, pool: pets",
        "cron: '@hourly', action: disable, pool: pets",
        "cron: '@hourly', action: enable, pool: pets",
        "cron: '@hourly', action: resize, pool: pets, max_overflow: -1",
        "cron: '@hourly', action: resize, pool: pets, max_overflow: 0",
        "cron: '@hourly', action: resize, pool: pets, pool_size: 5, min_idle: 5",
        "cron: '@hourly', timezone: UTC, action: resize, pool: pets, pool_size: 1, min_idle: "
        "null"}) {
    EXPECT_EQ(problems(file("- {" + std::string(good) + "}\n")), Lines{}) << good;
  }
  // For a while there is nothing to delay: that is no contradiction.
  EXPECT_EQ(problems(file("- {cron: '@hourly', action: resize, pool: pets, max_overflow: 0}\n",
                          "max_overflow: 3\n    overflow_delay: 1s")),
            Lines{});
}

TEST(Schedules, of_two_that_come_together_one_has_no_effect) {
  const std::string text = file(
      "- {cron: 0 0 * * 7, action: resize, pool: pets, pool_size: 3}\n"
      "- {cron: '@weekly', action: resize, pool: pets, pool_size: 4}\n"
      "- {cron: '@weekly', timezone: Asia/Seoul, action: resize, pool: pets, pool_size: 5}\n"
      "- {cron: '@weekly', action: resize, pool: open, pool_size: 6}\n"
      "- {cron: '@weekly', action: pause, pool: pets}\n");
  EXPECT_EQ(problems(text), Lines{"f:11:10: warning: schedules[1].cron: comes whenever "
                                  "schedules[0] in line 10 comes, for the same pool and action: "
                                  "it alone has an effect"});
}

TEST(Schedules, say_no_more_of_a_pool_that_is_wrong_already) {
  EXPECT_EQ(problems(file("- {cron: '@daily', action: resize, pool: pets, pool_size: 3}\n",
                          "min_idle: many")),
            Lines{"f:5:15: error: pools.pets.min_idle: must be a whole number from 0 to 100000"});
}

const std::string kTwo =
    "- {cron: 50 8 * * 1-5, timezone: Asia/Seoul, action: resize, pool: pets, pool_size: 40, "
    "max_overflow: -1}\n"
    "- {cron: '@daily', action: pause, pool: pets}\n";

TEST(Schedules, are_loaded_and_printed) {
  const auto loaded = load(file(kTwo));
  ASSERT_NE(loaded.config, nullptr);
  const auto& schedules = loaded.config->schedules;
  ASSERT_EQ(schedules.size(), 2U);
  EXPECT_EQ(schedules[0].cron.text, "50 8 * * 1-5");
  EXPECT_EQ(schedules[0].timezone.name(), "Asia/Seoul");
  EXPECT_EQ(schedules[0].action, ScheduleAction::resize);
  EXPECT_EQ(schedules[0].pool, "pets");
  EXPECT_EQ(schedules[0].pool_size, 40U);
  EXPECT_EQ(schedules[0].max_overflow, -1);
  EXPECT_EQ(schedules[0].min_idle, std::nullopt);
  EXPECT_EQ(schedules[1].timezone.name(), "UTC");
  const std::string printed = describe(*loaded.config);
  const std::string shown = printed.substr(printed.find("schedules:"));
  EXPECT_EQ(shown.substr(0, shown.find("admin:")),
            "schedules:\n"
            "  - cron: \"50 8 * * 1-5\"\n"
            "    timezone: Asia/Seoul\n"
            "    action: resize\n"
            "    pool: pets\n"
            "    pool_size: 40\n"
            "    max_overflow: -1\n"
            "  - cron: \"@daily\"\n"
            "    timezone: UTC\n"
            "    action: pause\n"
            "    pool: pets\n");
  const auto again = load(printed);
  ASSERT_NE(again.config, nullptr);
  EXPECT_EQ(again.config->schedules, schedules);
}

TEST(Schedules, are_compared_by_their_place) {
  const auto changes = [](const std::string& after) {
    std::vector<std::string> out;
    for (const Change& change : diff(*load(file(kTwo)).config, *load(file(after)).config)) {
      out.push_back(to_string(change));
    }
    return out;
  };
  EXPECT_EQ(changes(kTwo), Lines{});
  std::string other = kTwo;
  other.replace(other.find("40"), 2, "41");
  EXPECT_EQ(changes(other), Lines{"schedules[0].pool_size"});
  EXPECT_EQ(changes(kTwo + "- {cron: '@daily', action: resume, pool: pets}\n"),
            Lines{"schedules[2] (added)"});
  EXPECT_EQ(changes(kTwo.substr(0, kTwo.find("- {cron: '@daily'"))),
            Lines{"schedules[1] (removed)"});
}

}  // namespace
}  // namespace sluice::config::test
