#include "proxy/console/run.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/scripted_operator.hpp"

namespace sluice::proxy::console {
namespace {

using op::Right;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const op::Actor kOps{"ops", "console"};

class Run : public testing::Test {
 protected:
  Run() {
    for (const auto& [name, database] :
         {std::pair("pets_pg", "pets"), {"pets_my", "zoo"}, {"zoo_ro", "zoo"}}) {
      config::Pool pool;
      pool.name = name;
      pool.database = database;
      pool.addresses.push_back({"db", 5432, ""});
      house.config_->pools.push_back(pool);
    }
  }

  protocol::Result<Answer> answer(std::string_view command, Right right = Right::act) {
    return run(house, kOps, right, command);
  }
  std::string tag(std::string_view command) {
    auto got = answer(command);
    return got ? got->table.tag : got.failure().text;
  }

  test::ScriptedOperator house;
};

TEST_F(Run, every_verb_is_carried_out_and_named) {
  EXPECT_EQ(tag("PAUSE pets_pg"), "PAUSE");
  EXPECT_EQ(tag("RESUME"), "RESUME");
  EXPECT_EQ(tag("RECONNECT pets_pg"), "RECONNECT");
  EXPECT_EQ(tag("RECONNECT CLIENTS"), "RECONNECT");
  EXPECT_EQ(tag("KILL pets_pg"), "KILL");
  EXPECT_EQ(tag("KILL_CLIENT 7"), "KILL_CLIENT");
  EXPECT_EQ(tag("DISABLE pets_pg"), "DISABLE");
  EXPECT_EQ(tag("ENABLE pets_pg"), "ENABLE");
  EXPECT_EQ(tag("RELOAD"), "RELOAD");
  EXPECT_EQ(tag("SHUTDOWN WAIT_FOR_CLIENTS"), "SHUTDOWN");
  EXPECT_EQ(tag("SET log_level = 'debug'"), "SET");
  EXPECT_EQ(tag("WAIT_CLOSE"), "WAIT_CLOSE");
  EXPECT_EQ(tag("WAIT_PAUSE"), "WAIT_PAUSE");
  EXPECT_EQ(tag("SHOW POOLS"), "SHOW");
  EXPECT_THAT(
      house.calls,
      ElementsAre("pause pets_pg by ops", "resume  by ops", "reconnect pets_pg by ops",
                  "reconnect_clients  by ops", "kill pets_pg by ops", "kill_session 7 by ops",
                  "disable pets_pg by ops", "enable pets_pg by ops", "reload  by ops",
                  "shutdown 1 by ops", "set_log_level debug by ops"));
}

TEST_F(Run, who_may_look_may_not_act) {
  EXPECT_TRUE(answer("SHOW POOLS", Right::read_only));
  for (const char* command : {"PAUSE", "RESUME", "RECONNECT", "RECONNECT CLIENTS", "KILL",
                              "KILL_CLIENT 1", "DISABLE pets_pg", "ENABLE pets_pg", "RELOAD",
                              "SHUTDOWN", "SET log_level = 'debug'", "WAIT_CLOSE", "WAIT_PAUSE"}) {
    auto refused = answer(command, Right::read_only);
    ASSERT_FALSE(refused) << command;
    EXPECT_EQ(refused.failure().sqlstate(), "42501") << command;
    EXPECT_EQ(refused.failure().mysql_errno(), 1227) << command;
    EXPECT_THAT(refused.failure().text, HasSubstr("\"ops\" may look"));
  }
  EXPECT_THAT(house.calls, IsEmpty());
}

TEST_F(Run, others_may_nothing) {
  for (const char* command : {"SHOW POOLS", "PAUSE", "nonsense"}) {
    auto refused = answer(command, Right::none);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.failure().sqlstate(), "42501");
    EXPECT_THAT(refused.failure().text, HasSubstr("may not use the console"));
  }
  EXPECT_THAT(house.calls, IsEmpty());
}

TEST_F(Run, a_pool_is_named_by_its_database_where_one_alone_has_it) {
  EXPECT_EQ(tag("PAUSE pets"), "PAUSE");
  EXPECT_THAT(house.calls, ElementsAre("pause pets_pg by ops"));
  auto several = answer("PAUSE zoo");
  ASSERT_FALSE(several);
  EXPECT_THAT(several.failure().text, HasSubstr("pets_my zoo_ro"));
  auto unknown = answer("PAUSE pets_gp");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.failure().sqlstate(), "3D000");
  EXPECT_EQ(unknown.failure().mysql_errno(), 1049);
  EXPECT_THAT(unknown.failure().text, HasSubstr("did you mean \"pets_pg\""));
  EXPECT_EQ(house.calls.size(), 1U);
}

TEST_F(Run, what_takes_time_is_waited_for) {
  house.pause_over = house.reconnect_over = false;
  auto paused = answer("PAUSE pets");
  ASSERT_TRUE(paused);
  ASSERT_TRUE(paused->waiting);
  EXPECT_EQ(paused->waiting->pool, "pets_pg");
  EXPECT_FALSE(*is_over(house, *paused->waiting));
  house.pause_over = true;
  EXPECT_TRUE(*is_over(house, *paused->waiting));
  EXPECT_EQ(answer("WAIT_PAUSE pets")->waiting->pool, "pets_pg");
  EXPECT_THAT(house.calls, ElementsAre("pause pets_pg by ops")) << "to wait begins nothing";
  auto closing = answer("WAIT_CLOSE");
  ASSERT_TRUE(closing && closing->waiting);
  EXPECT_FALSE(*is_over(house, *closing->waiting));
  house.reconnect_over = true;
  EXPECT_TRUE(*is_over(house, *closing->waiting));
  EXPECT_FALSE(answer("RESUME")->waiting);
}

TEST_F(Run, the_operators_failures_are_passed_on) {
  house.fails =
      std::make_unique<protocol::Failure>(protocol::fail(protocol::FailureKind::internal, "no"));
  for (const char* command : {"PAUSE", "RESUME", "RELOAD", "KILL_CLIENT 1", "SHUTDOWN"}) {
    auto failed = answer(command);
    ASSERT_FALSE(failed) << command;
    EXPECT_EQ(failed.failure().text, "no");
  }
}

TEST_F(Run, reload_tells_what_has_changed) {
  EXPECT_THAT(answer("RELOAD")->table.notes, ElementsAre("nothing has changed"));
  house.reloaded = {{"pools.a.pool_size", "io"}, {"io"}, {"a warning"}};
  EXPECT_THAT(answer("RELOAD")->table.notes,
              ElementsAre("changed: pools.a.pool_size, io", "needs a restart: io", "a warning"));
}

TEST_F(Run, to_describe_carries_nothing_out) {
  house.event_views.push_back({1, {}, "pause", "pets_pg", "paused", "ops"});
  auto shown = describe(house, kOps, Right::read_only, "SHOW EVENTS");
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->table.columns.size(), 6U);
  EXPECT_THAT(shown->table.rows, IsEmpty());
  auto verb = describe(house, kOps, Right::act, "KILL");
  ASSERT_TRUE(verb);
  EXPECT_THAT(verb->table.columns, IsEmpty());
  EXPECT_THAT(house.calls, IsEmpty());
  EXPECT_FALSE(describe(house, kOps, Right::read_only, "KILL"));
  EXPECT_FALSE(describe(house, kOps, Right::act, "nonsense"));
}

}  // namespace
}  // namespace sluice::proxy::console
