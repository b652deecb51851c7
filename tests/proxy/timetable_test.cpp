// Which schedules come when, by a clock that the test sets.

#include "proxy/operator/timetable.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "config/load.hpp"
#include "tests/config/schedule/moments.hpp"

namespace sluice::proxy::op {
namespace {

using config::schedule::Sizes;
using config::test::moment;
using testing::ElementsAre;
using testing::IsEmpty;

config::Config file(const std::string& schedules, const std::string& pool = "pool_size: 15") {
  const auto loaded = config::load_text(
      "listeners: [{name: l, protocol: postgresql, bind: \":6432\"}]\n"
      "pools:\n  pets: {url: \"postgresql://app@db/pets\", " +
          pool +
          "}\n  other: {url: \"postgresql://app@db/pets\"}\n"
          "users: [{name: app, password: test-only}]\n"
          "routes: [{name: r, pool: pets}]\nschedules:\n" +
          schedules,
      "f", {});
  EXPECT_NE(loaded.config, nullptr) << config::to_string(loaded.problems.at(0));
  return loaded.config == nullptr ? config::Config() : *loaded.config;
}

const std::string kOffice =
    "- {cron: 50 8 * * 1-5, action: resize, pool: pets, pool_size: 40}\n"
    "- {cron: 0 20 * * *, action: resize, pool: pets, pool_size: 10, min_idle: 1}\n";

struct TimetableTest : testing::Test {
  void begin(const std::string& now, const std::string& schedules) {
    table = Timetable(file(schedules), moment(now), {});
  }
  void reload(const std::string& now, const std::string& schedules) {
    table = Timetable(file(schedules), moment(now), table);
  }
  // "0 for 08:50"
  std::vector<std::string> due(const std::string& now) { return due(moment(now)); }
  std::vector<std::string> due(Moment now) {
    std::vector<std::string> all;
    for (const Timetable::Due& one : table.due(now)) {
      table.ran(one, true);
      all.push_back(std::to_string(one.index) + " for " +
                    print_local(config::schedule::Zone(), one.at).substr(11, 5));
    }
    return all;
  }
  // How often each came while time went by as it does, looked at when it wants to be.
  std::vector<int> live(const std::string& from, const std::string& until) {
    std::vector<int> times(table.entries().size());
    for (Moment now = moment(from); now <= moment(until); now = table.next_look(now)) {
      for (const Timetable::Due& one : table.due(now)) {
        ++times[one.index];
      }
    }
    return times;
  }
  Sizes sizes(const std::string& now, const std::string& pool = "pets") {
    const auto all = table.in_force(moment(now));
    const auto found = all.find(pool);
    return found == all.end() ? Sizes{} : found->second.sizes;
  }

  Timetable table;
};

TEST_F(TimetableTest, each_comes_once_at_its_time) {
  begin("2026-03-02 08:00", kOffice);
  EXPECT_EQ(table.next_look(moment("2026-03-02 08:00")), moment("2026-03-02 08:01"));
  EXPECT_EQ(table.next_look(moment("2026-03-02 08:49")), moment("2026-03-02 08:50"));
  EXPECT_THAT(due("2026-03-02 08:49"), IsEmpty());
  EXPECT_THAT(due("2026-03-02 08:50"), ElementsAre("0 for 08:50"));
  EXPECT_THAT(due("2026-03-02 08:50"), IsEmpty());
  EXPECT_THAT(due(moment("2026-03-02 08:50") + std::chrono::seconds(59)), IsEmpty());
  EXPECT_EQ(table.entries()[0].last_run, moment("2026-03-02 08:50"));
  EXPECT_EQ(table.entries()[0].next, moment("2026-03-03 08:50"));
  EXPECT_EQ(table.entries()[1].last_run, std::nullopt);
  EXPECT_EQ(live("2026-03-02 08:51", "2026-03-09 08:49"), (std::vector<int>{4, 7}));
}

TEST_F(TimetableTest, what_was_before_the_start_is_not_done) {
  begin("2026-03-02 08:50", "- {cron: 50 8 * * *, action: pause, pool: pets}\n");
  EXPECT_THAT(due("2026-03-02 08:50"), IsEmpty());
  EXPECT_THAT(due("2026-03-02 08:51"), IsEmpty());
  EXPECT_TRUE(table.in_force(moment("2026-03-02 08:51")).empty());
}

TEST_F(TimetableTest, the_sizes_that_came_last_are_in_force_from_the_start) {
  begin("2026-03-02 08:49", kOffice);
  EXPECT_EQ(sizes("2026-03-02 08:49"), (Sizes{10, 0, 1}));
  EXPECT_EQ(sizes("2026-03-02 08:50"), (Sizes{40, 0, 0}));
  EXPECT_EQ(sizes("2026-03-02 20:00"), (Sizes{10, 0, 1}));
  EXPECT_EQ(sizes("2026-03-07 12:00"), (Sizes{10, 0, 1}));  // a Saturday
  EXPECT_EQ(sizes("2026-03-07 12:00", "other"), Sizes{});
  begin("2026-03-02 08:49", "- {cron: 0 0 29 2 *, action: resize, pool: pets, pool_size: 40}\n");
  EXPECT_EQ(sizes("2026-03-02 08:49"), Sizes{});  // two years ago
}

TEST_F(TimetableTest, of_two_that_come_together_the_later_one_in_the_file_wins) {
  begin("2026-03-02 08:00",
        "- {cron: 0 9 * * 1, action: resize, pool: pets, pool_size: 40}\n"
        "- {cron: 0 9 * * *, action: resize, pool: pets, pool_size: 30}\n"
        "- {cron: 0 9 * * *, action: reconnect, pool: pets}\n"
        "- {cron: 0 9 * * *, action: resize, pool: other, pool_size: 3}\n");
  EXPECT_THAT(due("2026-03-02 09:00"), ElementsAre("1 for 09:00", "2 for 09:00", "3 for 09:00"));
  EXPECT_EQ(sizes("2026-03-02 09:00"), (Sizes{30, 0, 0}));
}

TEST_F(TimetableTest, of_what_was_missed_the_last_is_done) {
  begin("2026-03-02 08:00",
        "- {cron: '* * * * *', action: reconnect, pool: pets}\n"
        "- {cron: 0 2 * * *, action: pause, pool: pets}\n"
        "- {cron: 0 3 * * *, action: resume, pool: pets}\n"
        "- {cron: 30 9 * * 1, action: reconnect, pool: other}\n" +
            kOffice);
  // Suspended for a week, from a Monday to the next: in the order in which they would have come.
  EXPECT_THAT(due("2026-03-09 09:10"), ElementsAre("3 for 09:30", "1 for 02:00", "2 for 03:00",
                                                   "4 for 08:50", "0 for 09:10"));
  EXPECT_THAT(due("2026-03-09 09:10"), IsEmpty());
  EXPECT_THAT(due("2026-03-09 09:11"), ElementsAre("0 for 09:11"));
}

TEST_F(TimetableTest, a_clock_that_is_set_back_brings_nothing_twice) {
  begin("2026-03-02 08:00", "- {cron: '0,30 * * * *', action: reconnect, pool: pets}\n");
  EXPECT_EQ(live("2026-03-02 08:00", "2026-03-02 10:05"), (std::vector<int>{4}));
  EXPECT_THAT(due("2026-03-02 08:10"), IsEmpty());
  EXPECT_EQ(table.entries()[0].next, moment("2026-03-02 10:30"));
  EXPECT_EQ(live("2026-03-02 08:10", "2026-03-02 10:29"), (std::vector<int>{0}));
  EXPECT_THAT(due("2026-03-02 10:30"), ElementsAre("0 for 10:30"));
}

TEST_F(TimetableTest, a_clock_that_is_set_back_before_the_start_brings_what_has_not_been) {
  begin("2026-03-02 08:00", "- {cron: 0 * * * *, action: reconnect, pool: pets}\n");
  EXPECT_EQ(live("2026-03-02 08:00", "2026-03-02 09:30"), (std::vector<int>{1}));
  EXPECT_THAT(due("2026-03-02 06:30"), IsEmpty());  // 06:00 was not missed
  EXPECT_EQ(table.entries()[0].next, moment("2026-03-02 07:00"));
  EXPECT_EQ(live("2026-03-02 06:30", "2026-03-02 09:59"), (std::vector<int>{1}));
  EXPECT_THAT(due("2026-03-02 10:00"), ElementsAre("0 for 10:00"));
}

TEST_F(TimetableTest, a_clock_that_was_far_ahead_for_a_while_stops_nothing) {
  begin("2026-03-02 08:00", "- {cron: 0 * * * *, action: reconnect, pool: pets}\n");
  EXPECT_THAT(due("2099-01-01 00:30"), ElementsAre("0 for 00:00"));
  EXPECT_THAT(due("2026-03-02 08:01"), IsEmpty());
  EXPECT_EQ(live("2026-03-02 08:01", "2026-03-02 12:00"), (std::vector<int>{4}));
}

TEST_F(TimetableTest, what_was_jumped_over_by_mistake_still_comes_but_for_what_was_done) {
  begin("2026-03-02 08:00", "- {cron: 0 * * * *, action: reconnect, pool: pets}\n");
  EXPECT_THAT(due("2026-03-02 12:30"), ElementsAre("0 for 12:00"));
  EXPECT_THAT(due("2026-03-02 08:02"), IsEmpty());
  EXPECT_EQ(live("2026-03-02 08:02", "2026-03-02 12:59"), (std::vector<int>{3}));  // 9, 10, 11
  EXPECT_THAT(due("2026-03-02 13:00"), ElementsAre("0 for 13:00"));
}

TEST_F(TimetableTest, sizes_stay_when_the_clock_is_set_back_and_with_a_reload_then) {
  begin("2026-03-02 08:00", kOffice);
  EXPECT_EQ(live("2026-03-02 08:00", "2026-03-02 20:05"), (std::vector<int>{1, 1}));
  EXPECT_THAT(due("2026-03-02 19:00"), IsEmpty());
  EXPECT_EQ(sizes("2026-03-02 19:00"), (Sizes{10, 0, 1}));
  reload("2026-03-02 19:10", kOffice);
  EXPECT_EQ(sizes("2026-03-02 19:10"), (Sizes{10, 0, 1}));
  EXPECT_EQ(live("2026-03-02 19:10", "2026-03-02 20:30"), (std::vector<int>{0, 0}));
}

TEST_F(TimetableTest, a_reload_keeps_what_has_come_of_those_that_are_unchanged) {
  begin("2026-03-02 08:00", kOffice);
  due("2026-03-02 08:50");
  const std::string more = "- {cron: 0 12 * * *, action: pause, pool: pets}\n";
  reload("2026-03-02 12:00", more + kOffice);
  EXPECT_EQ(table.entries()[0].last_run, std::nullopt);
  EXPECT_EQ(table.entries()[1].last_run, moment("2026-03-02 08:50"));
  EXPECT_THAT(due("2026-03-02 12:01"), IsEmpty());  // it was new at 12:00
  EXPECT_THAT(due("2026-03-03 12:00"), ElementsAre("1 for 08:50", "0 for 12:00"));
  reload("2026-03-03 12:01", "[]\n");
  EXPECT_TRUE(table.empty());
  EXPECT_EQ(table.next_look(moment("2026-03-03 12:01")), moment("2026-03-03 12:02"));
}

TEST_F(TimetableTest, a_reload_at_the_very_time_loses_nothing) {
  begin("2026-03-02 08:00", kOffice);
  due("2026-03-02 08:49");
  reload("2026-03-02 08:50", kOffice);
  EXPECT_EQ(sizes("2026-03-02 08:50"), (Sizes{40, 0, 0}));
  EXPECT_THAT(due("2026-03-02 08:50"), ElementsAre("0 for 08:50"));
}

TEST_F(TimetableTest, of_equal_ones_each_keeps_its_own) {
  const std::string one = "- {cron: '@hourly', action: reconnect, pool: pets}\n";
  begin("2026-03-02 08:00", one + one);
  EXPECT_THAT(due("2026-03-02 09:00"), ElementsAre("0 for 09:00", "1 for 09:00"));
  reload("2026-03-02 09:30", one + one + one);
  EXPECT_NE(table.entries()[1].last_run, std::nullopt);
  EXPECT_EQ(table.entries()[2].last_run, std::nullopt);
}

TEST_F(TimetableTest, sizes_follow_the_pool_of_the_new_file) {
  table =
      Timetable(file(kOffice, "pool_size: 15, max_overflow: 5"), moment("2026-03-02 09:00"), {});
  EXPECT_EQ(sizes("2026-03-02 09:00"), (Sizes{40, 5, 0}));
  reload("2026-03-02 09:00", kOffice);
  EXPECT_EQ(sizes("2026-03-02 09:00"), (Sizes{40, 0, 0}));
}

// Berlin, 2026: clocks jump at 01:00 UTC on 29 March and on 25 October.
TEST_F(TimetableTest, daylight_saving_brings_each_once) {
  const std::string night =
      "- {cron: 30 2 * * *, timezone: Europe/Berlin, action: reconnect, pool: pets}\n"
      "- {cron: '*/10 2 * * *', timezone: Europe/Berlin, action: reconnect, pool: pets}\n"
      "- {cron: '0 * * * *', timezone: Europe/Berlin, action: reconnect, pool: pets}\n";
  begin("2026-03-28 12:00", night);
  EXPECT_EQ(live("2026-03-28 12:00", "2026-03-29 12:00"), (std::vector<int>{1, 1, 24}));
  EXPECT_EQ(live("2026-03-29 12:00", "2026-03-30 12:00"), (std::vector<int>{1, 6, 24}));
  begin("2026-10-24 12:00", night);
  EXPECT_EQ(live("2026-10-24 12:00", "2026-10-25 12:00"), (std::vector<int>{1, 6, 23}));
}

}  // namespace
}  // namespace sluice::proxy::op
