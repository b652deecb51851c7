// What schedules have done, and where that shows. The clock is the test's, the loop does not run.

#include "proxy/operator/schedules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <mutex>
#include <string>

#include "config/load.hpp"
#include "proxy/server.hpp"
#include "tests/config/schedule/moments.hpp"
#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::op {
namespace {

using config::test::moment;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

const std::string kOffice =
    "- {cron: 50 8 * * 1-5, action: resize, pool: pets, pool_size: 40}\n"
    "- {cron: 0 20 * * *, timezone: Asia/Seoul, action: resize, pool: pets, min_idle: 1}\n";

std::shared_ptr<config::Config> file(const std::string& schedules, int pool_size = 15) {
  const auto loaded = config::load_text(
      "workers: 1\nlisteners: [{name: l, protocol: postgresql, bind: \":6432\"}]\n"
      "pools:\n  pets: {url: \"postgresql://app@db/pets\", pool_size: " +
          std::to_string(pool_size) +
          "}\nusers: [{name: app, password: test-only}]\n"
          "routes: [{name: r, pool: pets}]\nschedules:\n" +
          schedules,
      "f", {});
  EXPECT_NE(loaded.config, nullptr) << config::to_string(loaded.problems.at(0));
  return std::make_shared<config::Config>(*loaded.config);
}

struct SchedulesTest : testing::Test {
  void begin(const std::string& at, const std::string& text) {
    now = moment(at);
    server.emplace(file(text), registry, Poller::epoll);
    schedules.emplace(*server, house, one_change, registry, [this] { return now; });
    schedules->begin();
    schedules->start();
  }
  std::vector<std::string> done(const std::string& at) {
    now = moment(at);
    house.calls.clear();
    schedules->look();
    return house.calls;
  }
  std::size_t pool_size() { return server->config()->pools.at(0).pool_size; }

  metrics::Registry registry{"test"};
  test::ScriptedOperator house;
  std::mutex one_change;
  WallTime now;
  std::optional<Server> server;
  std::optional<Schedules> schedules;
};

TEST_F(SchedulesTest, the_server_starts_with_the_sizes_in_force) {
  begin("2026-03-02 10:00", kOffice);
  EXPECT_EQ(pool_size(), 40U);
  EXPECT_THAT(house.calls, IsEmpty());
  begin("2026-03-02 12:00", kOffice);  // 20:00 in Seoul was at 11:00
  EXPECT_EQ(pool_size(), 15U);
  EXPECT_EQ(server->config()->pools.at(0).min_idle, 1U);
}

TEST_F(SchedulesTest, each_action_is_the_operators) {
  begin("2026-03-02 10:00",
        "- {cron: 1 10 * * *, action: resize, pool: pets, max_overflow: -1}\n"
        "- {cron: 2 10 * * *, action: pause, pool: pets}\n"
        "- {cron: 3 10 * * *, action: resume, pool: pets}\n"
        "- {cron: 4 10 * * *, action: reconnect, pool: pets}\n"
        "- {cron: 5 10 * * *, action: disable, pool: pets}\n"
        "- {cron: 6 10 * * *, action: enable, pool: pets}\n");
  EXPECT_THAT(done("2026-03-02 10:01"), ElementsAre("resize pets 15+-1/0 by "));
  EXPECT_THAT(done("2026-03-02 10:02"), ElementsAre("pause pets by "));
  EXPECT_THAT(done("2026-03-02 10:03"), ElementsAre("resume pets by "));
  EXPECT_THAT(done("2026-03-02 10:04"), ElementsAre("reconnect pets by "));
  EXPECT_THAT(done("2026-03-02 10:05"), ElementsAre("disable pets by "));
  EXPECT_THAT(done("2026-03-02 10:06"), ElementsAre("enable pets by "));
  EXPECT_THAT(done("2026-03-02 10:07"), IsEmpty());
}

TEST_F(SchedulesTest, views_tell_what_has_come_and_what_comes) {
  begin("2026-03-02 10:00", kOffice + "- {cron: 30 10 * * *, action: pause, pool: pets}\n");
  auto views = schedules->views();
  ASSERT_EQ(views.size(), 3U);
  EXPECT_EQ(views[0].cron, "50 8 * * 1-5");
  EXPECT_EQ(views[0].timezone, "UTC");
  EXPECT_EQ(views[0].action, "resize");
  EXPECT_EQ(views[0].pool_size, 40U);
  EXPECT_EQ(views[0].min_idle, std::nullopt);
  EXPECT_TRUE(views[0].in_force);
  EXPECT_EQ(views[0].last_run, WallTime{});
  EXPECT_EQ(views[0].last_ok, std::nullopt);
  EXPECT_EQ(views[0].next_run, moment("2026-03-03 08:50"));
  EXPECT_EQ(views[1].next_run, moment("2026-03-02 11:00"));
  EXPECT_FALSE(views[1].in_force);
  done("2026-03-02 11:00");
  house.fails =
      std::make_unique<protocol::Failure>(protocol::fail(protocol::FailureKind::internal, "no"));
  done("2026-03-03 10:30");
  views = schedules->views();
  EXPECT_EQ(views[1].last_run, moment("2026-03-02 11:00"));
  EXPECT_EQ(views[1].last_ok, true);
  EXPECT_EQ(views[2].last_run, moment("2026-03-03 10:30"));
  EXPECT_EQ(views[2].last_ok, false);
}

TEST_F(SchedulesTest, metrics_count_runs_and_tell_the_next) {
  begin("2026-03-02 10:00", kOffice + "- {cron: 30 10 * * *, action: pause, pool: pets}\n");
  const std::string next = "sluice_schedule_next_run_timestamp_seconds{pool=\"pets\",action=\"";
  EXPECT_THAT(registry.render(), HasSubstr(next + "resize\"} 1772449200\n"));
  EXPECT_THAT(registry.render(), HasSubstr(next + "pause\"} 1772447400\n"));
  const std::string runs = "sluice_schedule_runs_total{pool=\"pets\",action=\"";
  EXPECT_THAT(registry.render(), HasSubstr(runs + "pause\",result=\"ok\"} 0\n"));
  done("2026-03-02 10:30");
  house.fails =
      std::make_unique<protocol::Failure>(protocol::fail(protocol::FailureKind::internal, "no"));
  done("2026-03-02 11:00");
  const std::string text = registry.render();
  EXPECT_THAT(text, HasSubstr(runs + "pause\",result=\"ok\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(runs + "resize\",result=\"failed\"} 1\n"));
  EXPECT_THAT(text, HasSubstr(next + "resize\"} 1772527800\n"));
}

TEST_F(SchedulesTest, a_reload_takes_the_schedules_of_its_file) {
  begin("2026-03-02 10:00", kOffice);
  now = moment("2026-03-02 10:30");
  auto next = file("- {cron: 0 10 * * *, action: resize, pool: pets, min_idle: 2}\n", 20);
  auto taken = schedules->adapt(*next);
  EXPECT_EQ(next->pools.at(0).pool_size, 20U);
  EXPECT_EQ(next->pools.at(0).min_idle, 2U);
  EXPECT_EQ(schedules->views().size(), 2U);  // it is not in force yet
  taken();
  ASSERT_EQ(schedules->views().size(), 1U);
  EXPECT_THAT(done("2026-03-03 10:00"), ElementsAre("resize pets 20+0/2 by "));
  auto none = file("[]\n");
  schedules->adapt (*none)();
  EXPECT_THAT(schedules->views(), IsEmpty());
  EXPECT_THAT(registry.render(), Not(HasSubstr("\nsluice_schedule_runs_total")));
  EXPECT_THAT(done("2026-03-04 10:00"), IsEmpty());
}

TEST_F(SchedulesTest, a_reload_that_is_refused_changes_nothing) {
  begin("2026-03-02 10:00", kOffice);
  { auto never_taken = schedules->adapt(*file("[]\n")); }
  EXPECT_EQ(schedules->views().size(), 2U);
  EXPECT_THAT(done("2026-03-03 08:50"), ElementsAre("resize pets 40+0/0 by "));
}

TEST_F(SchedulesTest, nothing_is_done_by_a_process_that_ends) {
  begin("2026-03-02 10:00", kOffice);
  schedules->stop();
  EXPECT_THAT(done("2026-03-02 11:00"), IsEmpty());
  begin("2026-03-02 10:00", kOffice);
  server->stop_accepting();
  EXPECT_THAT(done("2026-03-02 11:00"), IsEmpty());
}

TEST_F(SchedulesTest, without_schedules_nothing_is_known) {
  begin("2026-03-02 10:00", "[]\n");
  EXPECT_EQ(pool_size(), 15U);
  EXPECT_THAT(schedules->views(), IsEmpty());
  EXPECT_THAT(done("2026-03-02 11:00"), IsEmpty());
}

}  // namespace
}  // namespace sluice::proxy::op
