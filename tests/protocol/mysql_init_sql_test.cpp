// init_sql on a MySQL connection: the chore itself, and its settings as the baseline.

#include "protocol/mysql/init_sql.hpp"
#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

class MysqlInitSql : public MysqlConversationTest {
 protected:
  void make(std::string sql) {
    defaults->init_sql = std::move(sql);
    make_links(kModern);
  }
  ChoreState chore(Chore chore, std::string_view answer) {
    Outbox out;
    links[0]->start_chore(chore, out);
    asked.clear();
    take(out, asked);
    ChoreState state = ChoreState::pending;
    const std::size_t step = GetParam() ? 1 : answer.size();
    for (std::size_t at = 0; at < answer.size(); at += step) {
      EXPECT_EQ(state, ChoreState::pending);
      state = links[0]->chore_bytes(as_bytes(answer.substr(at, step)));
    }
    return state;
  }
  static std::string sets(std::string_view name, std::string_view value) {
    return pkt(1, ok(kAuto, 0, 0, {variable(name, value)}));
  }
  std::string asked;
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlInitSql, ::testing::Bool(), chunk_name);

TEST_P(MysqlInitSql, RunsStatementByStatement) {
  make("SET time_zone = '+02:00'; SELECT ';' ;; ");
  EXPECT_TRUE(links[0]->needs_init());
  EXPECT_EQ(chore(Chore::init, pkt(1, ok()) + sets("time_zone", "+02:00") + result("x")),
            ChoreState::done);
  EXPECT_TRUE(asked.ends_with(query("SET time_zone = '+02:00'") + query(" SELECT ';' ")));
  EXPECT_FALSE(links[0]->needs_init());
  EXPECT_EQ(*links[0]->baseline->values.find("time_zone"), "+02:00");
  EXPECT_EQ(setting(links[0]->settings(), "time_zone"), "");
}

TEST_P(MysqlInitSql, FailsWithTheServersWords) {
  make("SELECT nothing(); SELECT 1");
  EXPECT_EQ(chore(Chore::init, pkt(1, ok()) + pkt(1, err(1305, "no such function"))),
            ChoreState::failed);
  ASSERT_NE(links[0]->chore_failure(), nullptr);
  EXPECT_EQ(links[0]->chore_failure()->kind, FailureKind::backend_login_failed);
  EXPECT_EQ(links[0]->chore_failure()->mysql_errno(), 1305);
  EXPECT_EQ(links[0]->chore_failure()->text, "init_sql failed: no such function");
}

TEST_P(MysqlInitSql, RefusesFilesAndOpenTransactions) {
  make("LOAD DATA LOCAL INFILE 'x' INTO TABLE t");
  EXPECT_EQ(chore(Chore::init, pkt(1, ok()) + pkt(1, ok())), ChoreState::failed);
  EXPECT_EQ(asked.find("LOAD"), std::string::npos);
  EXPECT_NE(links[0]->chore_failure()->text.find("LOCAL"), std::string::npos);
  make("START TRANSACTION");
  EXPECT_EQ(chore(Chore::init, pkt(1, ok()) + pkt(1, ok(kInTrx))), ChoreState::failed);
  EXPECT_NE(links[0]->chore_failure()->text.find("transaction"), std::string::npos);
}

TEST_P(MysqlInitSql, RunsAgainAfterAReset) {
  make("SET time_zone = '+02:00'");
  ASSERT_EQ(chore(Chore::init, pkt(1, ok()) + sets("time_zone", "+02:00")), ChoreState::done);
  EXPECT_EQ(chore(Chore::reset, pkt(1, ok()) + pkt(1, ok())), ChoreState::done);
  EXPECT_EQ(asked, pkt(0, com(Command::reset_connection)) + query("SET time_zone = '+02:00'"));
  EXPECT_FALSE(links[0]->baseline->lost);
}

TEST_P(MysqlInitSql, IsWhatTheNextSessionGoesBackTo) {
  make("SET time_zone = '+02:00'");
  ASSERT_EQ(chore(Chore::init, pkt(1, ok()) + sets("time_zone", "+02:00")), ChoreState::done);
  start();
  run("SET time_zone='+01:00'", sets("time_zone", "+01:00"));
  start();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.time_zone='+02:00'"), std::string::npos);
}

TEST_P(MysqlInitSql, IsSetAgainAfterTheSessionsOwnReset) {
  make("SET time_zone = '+02:00'");
  ASSERT_EQ(chore(Chore::init, pkt(1, ok()) + sets("time_zone", "+02:00")), ChoreState::done);
  start();
  client(query("BEGIN"));
  settle();
  backend(pkt(1, ok(kInTrx)));
  client(pkt(0, com(Command::reset_connection)));
  backend(pkt(1, ok()));
  EXPECT_EQ(cleanup, Cleanup::none);
  sent();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.time_zone='+02:00'"), std::string::npos);
}

TEST_P(MysqlInitSql, WhatElseItDoesNeedsTheWholeReset) {
  make("SET @tenant = 1");
  ASSERT_EQ(chore(Chore::init, pkt(1, ok()) + pkt(1, ok())), ChoreState::done);
  start();
  client(query("BEGIN"));
  settle();
  backend(pkt(1, ok(kInTrx)));
  client(pkt(0, com(Command::reset_connection)));
  backend(pkt(1, ok()));
  EXPECT_EQ(cleanup, Cleanup::reset);
}

TEST_P(MysqlInitSql, LeavesAutocommitAndTheCharacterSetToTheClient) {
  make("SET autocommit = 0, character_set_results = NULL");
  ASSERT_EQ(chore(Chore::init, pkt(1, ok()) + pkt(1, ok(0, 0, 0,
                                                        {variable("autocommit", "OFF"),
                                                         variable("character_set_results", "")}))),
            ChoreState::done);
  start();
  client(query("SELECT 1"));
  EXPECT_NE(to_backend.find("@@SESSION.autocommit=DEFAULT"), std::string::npos);
  EXPECT_NE(to_backend.find("@@SESSION.character_set_results=DEFAULT"), std::string::npos);
}

}  // namespace
}  // namespace sluice::protocol::mysql
