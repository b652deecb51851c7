// pool_mode: statement.

#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

class MysqlStatementMode : public MysqlConversationTest {
 protected:
  MysqlStatementMode() {
    defaults->statement_mode = true;
    start();
    run("SELECT 1", result("1"));
    told();
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlStatementMode, ::testing::Bool(), chunk_name);

TEST_P(MysqlStatementMode, RefusesWhatOpensATransaction) {
  for (std::string_view sql :
       {"BEGIN", "start transaction read only", "/*!40101 BEGIN */", "XA START 'x'", "SAVEPOINT a",
        "SET autocommit = 0", "SET NAMES utf8mb4, autocommit=OFF", "SET SESSION autocommit := 0",
        "BEGIN; INSERT INTO t VALUES (1)", "COMMIT; BEGIN"}) {
    client(query(sql));
    EXPECT_EQ(sent(), "") << sql;
    const std::string answer = told();
    EXPECT_NE(answer.find("are refused in pool_mode statement"), std::string::npos) << sql;
    EXPECT_FALSE(held());
    EXPECT_EQ(need, Need::input);
  }
}

TEST_P(MysqlStatementMode, PassesWhatEndsIdle) {
  for (std::string_view sql : {"BEGIN; INSERT INTO t VALUES (1); COMMIT", "SET autocommit = 1",
                               "SET autocommit=ON", "ROLLBACK", "START REPLICA", "SELECT begin"}) {
    client(query(sql));
    EXPECT_EQ(sent(), query(sql)) << sql;
    backend(pkt(1, ok()));
    EXPECT_EQ(told(), pkt(1, ok()));
    EXPECT_FALSE(held());
    EXPECT_EQ(cleanup, Cleanup::none);
  }
}

TEST_P(MysqlStatementMode, RollsBackWhatIsOpenAllTheSame) {
  client(query("CALL leaves_it_open()"));
  settle();
  sent();
  backend(pkt(1, ok(kInTrx)));
  const std::string answer = told();
  EXPECT_EQ(static_cast<unsigned char>(answer[4]), 0xFF);
  EXPECT_NE(answer.find("is rolled back"), std::string::npos);
  EXPECT_EQ(sent(), query("ROLLBACK"));
  EXPECT_TRUE(held());
  backend(pkt(1, ok()));
  EXPECT_EQ(told(), "");
  EXPECT_FALSE(conversation->in_transaction());
}

TEST_P(MysqlStatementMode, AResultThatLeavesItOpenEndsWithTheError) {
  client(query("SELECT opens()"));
  sent();
  backend(result("1", kInTrx));
  const std::string answer = told();
  EXPECT_TRUE(answer.starts_with(pkt(1, "\x01")));
  EXPECT_NE(answer.find("is rolled back"), std::string::npos);
  EXPECT_EQ(sent(), query("ROLLBACK"));
}

TEST_P(MysqlStatementMode, AFailedTransactionOfOneTextIsRolledBack) {
  client(query("BEGIN; SELECT nothing(); COMMIT"));
  sent();
  backend(pkt(1, ok(kInTrx | status_flag::kMoreResults)) + pkt(2, err(1305)));
  EXPECT_EQ(told(), pkt(1, ok(kInTrx | status_flag::kMoreResults)) + pkt(2, err(1305)));
  EXPECT_EQ(sent(), pkt(0, com(Command::ping)));
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(sent(), query("ROLLBACK"));
  backend(pkt(1, ok()));
  EXPECT_FALSE(conversation->in_transaction());
  EXPECT_EQ(told(), "");
}

}  // namespace
}  // namespace sluice::protocol::mysql
