// pool_mode: statement.

#include "tests/protocol/postgresql/conversation_fixture.hpp"

namespace sluice::protocol::postgresql::testing {
namespace {

class StatementMode : public ConversationTest {
 protected:
  Talk begin() {
    SessionDefaults defaults;
    defaults.statement_mode = true;
    return talk({}, defaults);
  }
};
INSTANTIATE_TEST_SUITE_P(Steps, StatementMode, ::testing::Values(0, 1));

TEST_P(StatementMode, RefusesWhatOpensATransaction) {
  for (std::string_view sql : {"BEGIN", "start transaction read only", "/* x */ BEGIN WORK;",
                               "BEGIN; INSERT INTO t VALUES (1)"}) {
    Talk t = begin();
    t.client(query(sql));
    EXPECT_EQ(t.to_backend(), "") << sql;
    const std::string told = t.to_client();
    EXPECT_NE(told.find("0A000"), std::string::npos) << sql;
    EXPECT_NE(told.find("are refused in pool_mode statement"), std::string::npos);
    EXPECT_TRUE(told.ends_with(ready()));
    t.client(query("SELECT 1"));
    EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  }
}

TEST_P(StatementMode, PassesATransactionInOneText) {
  for (std::string_view sql : {"BEGIN; INSERT INTO t VALUES (1); COMMIT", "SELECT 1; SELECT 2",
                               "COMMIT", "SHOW TRANSACTION ISOLATION LEVEL", "SELECT 'BEGIN'"}) {
    Talk t = begin();
    t.client(query(sql));
    EXPECT_EQ(t.to_backend(), query(sql));
    t.backend(complete("X") + ready());
    EXPECT_EQ(t.to_client(), complete("X") + ready());
    EXPECT_FALSE(t.attached());
    EXPECT_EQ(t.last_cleanup, Cleanup::none);
  }
}

TEST_P(StatementMode, ABatchIsOneStatement) {
  Talk t = begin();
  const std::string batch = parse("", "INSERT INTO t VALUES (1)") + bind_message("", "") +
                            execute() + bind_message("", "") + execute() + sync();
  t.client(batch);
  EXPECT_EQ(t.to_backend(), batch);
  t.backend(parsed() + bound() + complete("INSERT 0 1") + bound() + complete("INSERT 0 1"));
  EXPECT_TRUE(t.attached());
  t.backend(ready());
  EXPECT_FALSE(t.attached());
}

TEST_P(StatementMode, RefusesABatchThatBegins) {
  Talk t = begin();
  t.client(parse("", "BEGIN") + bind_message("", "") + execute() + sync());
  EXPECT_EQ(t.to_backend().find("BEGIN"), std::string::npos);
  t.backend(error("26000") + ready());
  const std::string told = t.to_client();
  EXPECT_NE(told.find("are refused in pool_mode statement"), std::string::npos);
  EXPECT_TRUE(told.ends_with(ready()));
  EXPECT_FALSE(t.attached());
}

TEST_P(StatementMode, RollsBackWhatIsOpenAllTheSame) {
  Talk t = begin();
  t.client(query("CALL leaves_it_open()"));
  t.to_backend();
  t.backend(complete("CALL") + ready('T'));
  const std::string told = t.to_client();
  EXPECT_TRUE(told.starts_with(complete("CALL")));
  EXPECT_NE(told.find("is rolled back"), std::string::npos);
  EXPECT_TRUE(told.ends_with(ready('I')));
  EXPECT_EQ(t.to_backend(), query("ROLLBACK"));
  EXPECT_TRUE(t.attached());
  t.client(query("SELECT 1"));
  EXPECT_EQ(t.to_backend(), query("SELECT 1"));
  t.backend(complete("ROLLBACK") + ready() + complete("SELECT 1") + ready());
  EXPECT_EQ(t.to_client(), complete("SELECT 1") + ready());
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

TEST_P(StatementMode, AFailedTransactionOfOneTextIsOver) {
  Talk t = begin();
  t.client(query("BEGIN; SELECT 1/0; COMMIT"));
  t.to_backend();
  const std::string failed = complete("BEGIN") + error("22012");
  t.backend(failed + ready('E'));
  EXPECT_EQ(t.to_client(), failed + ready('I'));
  EXPECT_EQ(t.to_backend(), query("ROLLBACK"));
  t.backend(complete("ROLLBACK") + ready());
  EXPECT_EQ(t.to_client(), "");
  EXPECT_FALSE(t.attached());
  EXPECT_EQ(t.last_cleanup, Cleanup::none);
}

TEST_P(StatementMode, ThrowsOutWhoHasSentMoreBehindIt) {
  Talk t = begin();
  t.auto_release = false;
  t.client(query("CALL leaves_it_open()") + query("SELECT 1"));
  t.backend(complete("CALL") + ready('T'));
  EXPECT_NE(t.to_client().find("FATAL"), std::string::npos);
  EXPECT_TRUE(t.conversation->finished());
  EXPECT_EQ(t.release(), Cleanup::close);
}

}  // namespace
}  // namespace sluice::protocol::postgresql::testing
