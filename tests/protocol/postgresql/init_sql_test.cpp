// init_sql on a PostgreSQL connection: the chore itself, and its settings as the baseline.

#include "protocol/postgresql/init_sql.hpp"

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

std::string setting_row(std::string_view name, std::string_view value) {
  const auto field = [](std::string_view bytes) {
    return be32(static_cast<std::uint32_t>(bytes.size())) + std::string(bytes);
  };
  return row(std::string("\0\2", 2) + field(name) + field(value));
}

SessionDefaults with_init(std::string_view sql) {
  SessionDefaults defaults;
  defaults.init_sql = sql;
  return defaults;
}

ChoreState run_init(BackendLink& link, std::string_view answer, std::string* sent = nullptr) {
  Outbox out;
  link.start_chore(Chore::init, out);
  if (sent != nullptr) {
    *sent = bytes_of(out);
  }
  return link.chore_bytes(as_bytes(answer));
}

constexpr std::string_view kInit = "SET statement_timeout = '60s'";

std::string answer_of_init(std::string_view name = "statement_timeout",
                           std::string_view value = "60000") {
  return complete("SET") + ready() + columns() + setting_row(name, value) + complete("SELECT 1") +
         ready();
}

class InitSql : public ConversationTest {
 protected:
  // A client of a backend whose init_sql has run.
  Talk initialised(std::string_view sql = kInit, std::string answer = answer_of_init()) {
    Talk t = talk({}, with_init(sql));
    EXPECT_EQ(run_init(*t.link, answer), ChoreState::done);
    return t;
  }
  static void run(Talk& t, std::string_view sql, std::string_view tag) {
    t.client(query(sql));
    t.backend(complete(tag) + ready());
    t.to_backend();
  }
};
INSTANTIATE_TEST_SUITE_P(Steps, InitSql, ::testing::Values(0, 1));

TEST(InitSqlChore, RunsOnceAndAsksWhatItHasSet) {
  BackendLink link({}, 10, "SET TimeZone = 'UTC'; SELECT f()");
  EXPECT_TRUE(link.needs_init());
  std::string sent;
  const std::string answer = complete("SET") + columns() + row("any") + complete("SELECT 1") +
                             reports("TimeZone", "UTC") + ready() + columns() +
                             setting_row("TimeZone", "UTC") + complete("SELECT 1") + ready();
  EXPECT_EQ(run_init(link, answer, &sent), ChoreState::done);
  EXPECT_EQ(sent, query("SET TimeZone = 'UTC'; SELECT f()") + query(kAskBaseline));
  EXPECT_FALSE(link.needs_init());
  EXPECT_EQ(link.settings(), nullptr);
  ASSERT_NE(link.baseline->values.find("timezone"), nullptr);
  EXPECT_EQ(*link.baseline->values.find("timezone"), "UTC");
  EXPECT_TRUE(link.baseline->more);
  EXPECT_FALSE(BackendLink({}, 10).needs_init());
}

TEST(InitSqlChore, FailsWithTheServersWords) {
  BackendLink link({}, 10, "SELECT nothing()");
  EXPECT_EQ(run_init(link, error("42883", "no such function")), ChoreState::failed);
  ASSERT_NE(link.chore_failure(), nullptr);
  EXPECT_EQ(link.chore_failure()->kind, FailureKind::backend_login_failed);
  EXPECT_EQ(link.chore_failure()->sqlstate(), "42883");
  EXPECT_EQ(link.chore_failure()->text, "init_sql failed: no such function");
  EXPECT_TRUE(link.needs_init());
}

TEST(InitSqlChore, RefusesCopyAndOpenTransactions) {
  struct Row {
    std::string answer, words;
  };
  for (const Row& row : {Row{message('G', std::string(3, '\0')), "COPY"},
                         Row{message('H', std::string(3, '\0')), "COPY"},
                         Row{complete("BEGIN") + ready('T'), "transaction"},
                         Row{complete("BEGIN") + ready('E'), "transaction"}}) {
    BackendLink link({}, 10, "x");
    EXPECT_EQ(run_init(link, row.answer), ChoreState::failed);
    ASSERT_NE(link.chore_failure(), nullptr);
    EXPECT_NE(link.chore_failure()->text.find(row.words), std::string::npos);
  }
}

TEST(InitSqlChore, ReadsTheUsersOwnSettingsFromTheText) {
  auto baseline = make_baseline("SET app.tenant = 'a;b'; SET search_path TO one, \"Two\";");
  EXPECT_EQ(baseline->values.entries().size(), 2U);
  EXPECT_EQ(*baseline->values.find("app.tenant"), "a;b");
  EXPECT_EQ(*baseline->values.find("search_path"), "one, \"Two\"");
  EXPECT_FALSE(baseline->more);
  EXPECT_EQ(*make_baseline("SELECT set_config('a.b', 'c', false)")->values.find("a.b"), "c");
  EXPECT_TRUE(make_baseline("SELECT set_config('a.b', f(), false)")->more);
}

TEST(InitSqlChore, RunsAgainAfterAReset) {
  BackendLink link({}, 10, kInit);
  ASSERT_EQ(run_init(link, answer_of_init()), ChoreState::done);
  link.baseline->forget();
  Outbox out;
  link.start_chore(Chore::reset, out);
  EXPECT_EQ(bytes_of(out), query("DISCARD ALL") + query(kInit));
  const std::string answer = complete("DISCARD ALL") + ready() + complete("SET") + ready();
  EXPECT_EQ(link.chore_bytes(as_bytes(answer)), ChoreState::done);
  EXPECT_FALSE(link.baseline->lost);
  EXPECT_NE(link.baseline->values.find("statement_timeout"), nullptr);
}

TEST_P(InitSql, LeavesNothingToBring) {
  Talk t = initialised();
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  t.backend(complete("SELECT 1") + ready());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

TEST_P(InitSql, IsWhatTheNextSessionGoesBackTo) {
  Talk t = initialised();
  run(t, "SET statement_timeout = '5s'", "SET");
  t.new_client();
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(),
            query("BEGIN;SELECT pg_catalog.set_config('statement_timeout','60000',false);COMMIT") +
                query("SELECT 1"));
}

TEST_P(InitSql, IsSetAgainAfterTheSessionsOwnReset) {
  for (std::string_view sql : {"RESET ALL", "RESET statement_timeout", "DISCARD ALL"}) {
    Talk t = initialised();
    run(t, sql, sql == "DISCARD ALL" ? "DISCARD ALL" : "RESET");
    EXPECT_EQ(t.last_cleanup, Cleanup::none);
    t.client(query("SELECT 1"));
    EXPECT_EQ(
        t.to_backend(),
        query("BEGIN;SELECT pg_catalog.set_config('statement_timeout','60000',false);COMMIT") +
            query("SELECT 1"))
        << sql;
    t.backend(complete("BEGIN") + columns() + row() + complete("SELECT 1") + complete("COMMIT") +
              ready() + complete("SELECT 1") + ready());
    t.client(query("SELECT 2"));
    EXPECT_EQ(t.to_backend(), query("SELECT 2"));
  }
}

TEST_P(InitSql, WhatElseItDoesNeedsTheWholeReset) {
  Talk t = initialised("SELECT f()",
                       complete("SELECT 1") + ready() + columns() + complete("SELECT 0") + ready());
  run(t, "RESET ALL", "RESET");
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
  run(t, "DISCARD ALL", "DISCARD ALL");
  EXPECT_EQ(t.last_cleanup, Cleanup::reset);
}

TEST_P(InitSql, ComesBackInsideATransactionToo) {
  Talk t = initialised();
  t.client(query("BEGIN"));
  t.backend(complete("BEGIN") + ready('T'));
  t.client(query("RESET statement_timeout"));
  t.backend(complete("RESET") + ready('T'));
  t.to_backend();
  t.client(query("SELECT 1"));
  EXPECT_EQ(
      t.to_backend(),
      query("SELECT pg_catalog.set_config('statement_timeout','60000',false)") + query("SELECT 1"));
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
