// Settings that the session starts with, and those that its client may not change.

#include "protocol/mysql/session_state.hpp"
#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

using namespace std::string_literals;

class MysqlLockedSettings : public MysqlConversationTest {
 protected:
  MysqlLockedSettings() {
    defaults->settings = {{"time_zone", "+01:00"}, {"@App_User", "alice"}};
    defaults->fixed = {"@app_user", "time_zone"};
  }
  // The client is told this; the server nothing.
  void expect_refused(std::string_view sql, FailureKind kind) {
    client(query(sql));
    const std::string answer = told();
    ASSERT_GE(answer.size(), 7U) << sql;
    const std::uint16_t number = failure_row(kind).mysql_errno;
    const std::string head{'\xff', static_cast<char>(number), static_cast<char>(number >> 8U)};
    EXPECT_EQ(answer.substr(4, 3), head) << sql;
    EXPECT_EQ(sent(), "") << sql;
    EXPECT_EQ(need, Need::input);
  }
  void set_up() {
    client(query("SELECT 1"));
    settle();
    sent();
    backend(result("1"));
    told();
  }
};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlLockedSettings, ::testing::Bool(), chunk_name);

TEST_P(MysqlLockedSettings, AreGivenToEachBackend) {
  start();
  client(query("SELECT @app_user"));
  EXPECT_NE(sent().find("@@SESSION.time_zone='+01:00', @app_user='alice'"), std::string::npos);
  settle();
  EXPECT_TRUE(sent().ends_with(query("SELECT @app_user")));
  backend(result("alice"));
  EXPECT_FALSE(held()) << "a variable that is carried pins nothing";
  next = 1;
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@app_user='alice'"), std::string::npos);
}

TEST_P(MysqlLockedSettings, AreTakenAwayFromSessionsWithoutThem) {
  start();
  set_up();
  auto plain = std::make_shared<SessionDefaults>();
  conversation = std::make_unique<MysqlConversation>(ClientLogin{}, plain);
  client(query("SELECT 1"));
  const std::string settings = sent();
  EXPECT_NE(settings.find("@app_user=NULL"), std::string::npos);
  EXPECT_NE(settings.find("@@SESSION.time_zone=DEFAULT"), std::string::npos);
}

TEST_P(MysqlLockedSettings, OtherVariablesPinAsEver) {
  start();
  set_up();
  run("SELECT @other", result(""));
  EXPECT_TRUE(conversation->pins().has(Pin::user_variable));
}

TEST_P(MysqlLockedSettings, OfPreparedStatementsPinNothing) {
  start();
  set_up();
  client(pkt(0, com(Command::stmt_prepare, "SELECT @app_user")));
  backend(pkt(1, "\0"s + le32(40) + "\1\0\0\0\0\0\0"s) + pkt(2, "column"));
  client(pkt(0, com(Command::stmt_execute, le32(1) + "\0\1\0\0\0"s)));
  backend(result("alice"));
  EXPECT_FALSE(held());
}

TEST_P(MysqlLockedSettings, AreNotTheClientsToChange) {
  start();
  for (std::string_view sql :
       {"SET @app_user = 'eve'", "set @APP_USER := 'eve'", "SELECT @app_user := 'eve'",
        "SELECT 'eve' INTO @app_user", "SELECT 1, 2 INTO @a, @`app_user`",
        "SET time_zone = '+02:00'", "SET SESSION time_zone = '+02:00'",
        "SET @@session . time_zone = '+02:00'", "SELECT 1; SET @app_user = 'eve'",
        "SET @a = 1, @@time_zone = '+02:00'", "PREPARE s FROM 'SET @app_user = 1'",
        "EXECUTE IMMEDIATE 'SET @app_user = 1'", "/*!50000 SET @app_user = 'eve' */"}) {
    expect_refused(sql, FailureKind::statement_refused);
  }
  EXPECT_EQ(attachments, 0) << "no backend is touched";
  client(pkt(0, com(Command::stmt_prepare, "SELECT @app_user := ?")));
  EXPECT_EQ(told().substr(4, 3), "\xff\x76\x04");
}

TEST_P(MysqlLockedSettings, LeaveOtherStatementsAlone) {
  start();
  set_up();
  for (std::string_view sql : {"SET NAMES utf8mb4", "SET sql_mode = ''", "BEGIN", "COMMIT",
                               "SET GLOBAL time_zone = '+02:00'", "SELECT time_zone FROM t"}) {
    client(query(sql));
    settle();
    EXPECT_TRUE(sent().ends_with(query(sql))) << sql;
    backend(pkt(1, ok()));
    told();
  }
}

TEST_P(MysqlLockedSettings, AreFoundInTheRestOfALongText) {
  start();
  set_up();
  const std::string sql = "SELECT '" + std::string(300000, 'x') + "'; SET @app_user = 'eve'";
  client(query(sql));
  settle();
  EXPECT_EQ(need, Need::close);
  EXPECT_EQ(sent().find("SET @app_user = 'eve'"), std::string::npos);
  EXPECT_EQ(told().substr(4, 3), "\xff\x76\x04");
  EXPECT_TRUE(conversation->finished());
}

TEST_P(MysqlLockedSettings, AreFoundAtTheEndOfALongText) {
  defaults->read_only_fixed = true;
  start();
  set_up();
  const std::string sql = "SELECT '" + std::string(300000, 'x') + "'; START TRANSACTION READ WRITE";
  client(query(sql));
  settle();
  EXPECT_EQ(need, Need::close);
  EXPECT_FALSE(sent().ends_with("READ WRITE")) << "the server never gets all of it";
}

TEST_P(MysqlLockedSettings, ComeBackAfterAReset) {
  start();
  set_up();
  run("BEGIN", pkt(1, ok(kInTrx)));
  client(pkt(0, com(Command::reset_connection)));
  settle();
  sent();
  backend(pkt(1, ok()));
  EXPECT_EQ(setting(conversation->settings(), "time_zone"), "+01:00");
  client(query("SELECT 1"));
  settle();
  client("");
  EXPECT_EQ(setting(links[0]->settings(), "@:app_user"), "alice");
}

// By a procedure, say.
TEST_P(MysqlLockedSettings, ComeBackWhenTheyWereChangedUnseen) {
  start();
  set_up();
  run("CALL p()", pkt(1, ok(kInTrx, 0, 0, {variable("time_zone", "+02:00")})));
  EXPECT_EQ(setting(conversation->settings(), "time_zone"), "+01:00");
  client(query("SELECT 1"));
  EXPECT_EQ(sent(), query("SET @@SESSION.time_zone='+01:00'"));
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(sent(), query("SELECT 1"));
}

TEST_P(MysqlLockedSettings, VariablesComeBackWhenSomethingWasChangedUnseen) {
  start();
  set_up();
  run("CALL p()", pkt(1, ok(kInTrx, 0, 0, {{TrackType::state_change, {}, "1"}})));
  client(query("SELECT 1"));
  EXPECT_EQ(sent(), query("SET @app_user='alice'"));
  backend(pkt(1, ok(kInTrx)));
  EXPECT_EQ(sent(), query("SELECT 1"));
}

TEST_P(MysqlLockedSettings, TransactionsStayReadOnly) {
  defaults->settings.clear();
  defaults->fixed.clear();
  defaults->read_only = true;
  defaults->read_only_fixed = true;
  start();
  for (std::string_view sql :
       {"SET TRANSACTION READ WRITE", "SET SESSION TRANSACTION READ WRITE",
        "SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE",
        "START TRANSACTION READ WRITE", "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ WRITE",
        "SET transaction_read_only = 0", "SET SESSION tx_read_only = OFF",
        "SET @@session.transaction_read_only = 0"}) {
    expect_refused(sql, FailureKind::read_only_route);
  }
  EXPECT_EQ(attachments, 0);
  set_up();
  for (std::string_view sql : {"START TRANSACTION READ ONLY", "SET SESSION TRANSACTION READ ONLY",
                               "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"}) {
    client(query(sql));
    settle();
    EXPECT_TRUE(sent().ends_with(query(sql))) << sql;
    backend(pkt(1, ok()));
    told();
  }
}

TEST(MysqlSettingsOfSessions, NamesAndValuesAreWrittenSafely) {
  auto want = std::make_shared<Settings>();
  want->set("@:a.b", "42");
  want->set("@:it`s", "it's");
  EXPECT_EQ(settings_statement(nullptr, want, {false, "9.7.0", true}),
            "SET @`a.b`='42', @`it``s`=_utf8mb4 x'69742773'");
  auto odd = std::make_shared<Settings>();
  odd->set("a=1, b", "2");
  EXPECT_EQ(settings_statement(nullptr, odd, {false, "9.7.0", true}), "SET @@SESSION.`a=1, b`=2");
}

TEST(MysqlSettingsOfSessions, TheClientsLoginAndTheRoutesIsolationGoFirst) {
  ClientLogin login;
  login.collation = kUtf8mb4GeneralCi;
  SessionDefaults defaults;
  defaults.isolation_level = "READ COMMITTED";
  defaults.settings = {{"tx_isolation", "SERIALIZABLE"}, {"character_set_client", "latin1"}};
  const SettingsPtr made = initial_settings(login, defaults);
  EXPECT_EQ(setting(made, "transaction_isolation"), "READ-COMMITTED");
  EXPECT_EQ(setting(made, "character_set_client"), "utf8mb4");
}

}  // namespace
}  // namespace sluice::protocol::mysql
