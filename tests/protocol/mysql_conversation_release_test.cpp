#include "tests/protocol/mysql_conversation_fixture.hpp"

namespace sluice::protocol::mysql {
namespace {

class MysqlRelease : public MysqlConversationTest {};
INSTANTIATE_TEST_SUITE_P(Chunks, MysqlRelease, ::testing::Bool(), chunk_name);

constexpr TrackEntry kChanged{TrackType::state_change, {}, "1"};

TEST_P(MysqlRelease, WaitsForTheEndOfTheTransaction) {
  start();
  run("BEGIN", pkt(1, ok(kInTrx)));
  EXPECT_TRUE(held());
  EXPECT_TRUE(conversation->in_transaction());
  run("SELECT 1", result("1", kInTrx));
  EXPECT_TRUE(held());
  run("COMMIT", pkt(1, ok()));
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);
  EXPECT_EQ(facts.transactions, 1U);
}

TEST_P(MysqlRelease, AClientThatLeavesInATransactionIsRolledBack) {
  start();
  run("BEGIN", pkt(1, ok(kInTrx)));
  EXPECT_EQ(conversation->detach(), Cleanup::rollback);
}

TEST_P(MysqlRelease, AutocommitOffIsCarried) {
  start();
  run("SET autocommit=0", pkt(1, ok(0, 0, 0, {variable("autocommit", "OFF"), kChanged})));
  EXPECT_FALSE(held());
  next = 1;
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.autocommit='OFF'"), std::string::npos);
  settle();
  backend(result("1", status_flag::kInTransaction));
  EXPECT_TRUE(held());
}

TEST_P(MysqlRelease, SettingsFollowTheSessionAndLeaveOthersAlone) {
  start();
  run("SET sql_mode='ANSI', sort_buffer_size=1",
      pkt(1, ok(kAuto, 0, 0,
                {variable("sql_mode", "ANSI"), variable("sort_buffer_size", "1"), kChanged})));
  EXPECT_FALSE(held());
  next = 1;
  client(query("SELECT 1"));
  const std::string setup = sent();
  EXPECT_NE(setup.find("@@SESSION.sort_buffer_size=1, @@SESSION.sql_mode='ANSI'"),
            std::string::npos)
      << setup;
  settle();
  backend(result("1"));
  // Another session on the first backend: back to the server's values.
  next = 0;
  start();
  client(query("SELECT 1"));
  const std::string undo = sent();
  EXPECT_NE(undo.find("@@SESSION.sort_buffer_size=DEFAULT"), std::string::npos);
  EXPECT_NE(undo.find("@@SESSION.sql_mode=DEFAULT"), std::string::npos);
}

TEST_P(MysqlRelease, ASettingThatFailsIsTheAnswer) {
  start(kModern, "gone");
  client(query("SELECT 1"));
  backend(pkt(1, ok()) + pkt(1, ok()));
  EXPECT_TRUE(held());
  backend(pkt(1, err(1049, "Unknown database")));
  EXPECT_EQ(told(), pkt(1, err(1049, "Unknown database")));
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::close);
}

TEST_P(MysqlRelease, TheIsolationLevelOfThePoolIsSetUnderTheServersName) {
  defaults->isolation_level = "READ COMMITTED";
  start();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.transaction_isolation='READ-COMMITTED'"), std::string::npos);
  make_links(kModern, true);
  attached = nullptr;
  start();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.tx_isolation='READ-COMMITTED'"), std::string::npos);
  settle();
  backend(result("1"));
  run("SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
      pkt(1, ok(kAuto, 0, 0, {variable("tx_isolation", "SERIALIZABLE"), kChanged})));
  EXPECT_EQ(setting(conversation->settings(), kIsolation), "SERIALIZABLE");
}

TEST_P(MysqlRelease, ReadOnlyIsADefaultThatTheClientMayLeave) {
  defaults->read_only = true;
  start();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.transaction_read_only='ON'"), std::string::npos);
  settle();
  backend(result("1"));
  run("SET SESSION TRANSACTION READ WRITE",
      pkt(1, ok(kAuto, 0, 0, {variable("transaction_read_only", "OFF"), kChanged})));
  EXPECT_EQ(setting(conversation->settings(), kReadOnly), "OFF");
  make_links(kModern, true);
  start();
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("@@SESSION.tx_read_only='ON'"), std::string::npos);
}

TEST_P(MysqlRelease, SessionsStartWithTheAutocommitOfThePool) {
  for (bool on : {false, true}) {
    defaults->autocommit = on;
    attached = nullptr;
    pending.clear();
    make_links(kModern);
    start();
    conversation->welcome({}, {}, exchange.to_client);
    drain();
    EXPECT_EQ(told(), pkt(2, ok(on ? kAuto : 0)));
    client(query("SELECT 1"));
    EXPECT_NE(sent().find(on ? "@@SESSION.autocommit='ON'" : "@@SESSION.autocommit='OFF'"),
              std::string::npos);
  }
  defaults->autocommit = false;
  attached = nullptr;
  pending.clear();
  make_links(kModern);
  start();
  client(query("SELECT n FROM t"));
  settle();
  backend(result("1", status_flag::kInTransaction));
  EXPECT_TRUE(held());
  EXPECT_TRUE(conversation->in_transaction());
  client(query("COMMIT"));
  backend(pkt(1, ok(0)));
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);
  client(pkt(0, com(Command::reset_connection)));
  EXPECT_EQ(setting(conversation->settings(), kAutocommit), "OFF");
}

TEST_P(MysqlRelease, AOneShotIsolationLevelWaitsForItsTransaction) {
  start();
  run("SET TRANSACTION READ ONLY",
      pkt(1, ok(kAuto, 0, 0, {{TrackType::transaction_characteristics, {}, "SET TRANSACTION"}})));
  EXPECT_TRUE(held());
  run("SELECT 1", pkt(1, ok(kAuto, 0, 0, {{TrackType::transaction_characteristics, {}, ""}})));
  EXPECT_FALSE(held());
}

TEST_P(MysqlRelease, ServersWithoutTrackersArePinnedBySettings) {
  make_links(kModern & ~capability::kSessionTrack);
  start();
  run("SET time_zone='+01:00'", pkt(1, ok()));
  EXPECT_TRUE(conversation->pins().has(Pin::settings));
  EXPECT_EQ(conversation->detach(), Cleanup::reset);
}

struct PinCase {
  const char* sql;
  Pin pin;
};

TEST_P(MysqlRelease, StateThatIsNotCarriedPins) {
  for (const PinCase& row : {
           PinCase{"SELECT @a := 1", Pin::user_variable},
           PinCase{"CREATE TEMPORARY TABLE t (i int)", Pin::temporary},
           PinCase{"LOCK TABLES t WRITE", Pin::lock},
           PinCase{"FLUSH TABLES WITH READ LOCK", Pin::lock},
           PinCase{"DO /*! get_lock('a', 1) */", Pin::lock},
           PinCase{"PREPARE s FROM 'SELECT 1'", Pin::prepared},
           PinCase{"HANDLER t OPEN", Pin::cursor},
           PinCase{"SELECT SQL_CALC_FOUND_ROWS 1", Pin::found_rows},
           PinCase{"SET ROLE r", Pin::role},
           PinCase{"SELECT CONNECTION_ID()", Pin::backend_identity},
           PinCase{"XA START 'x'", Pin::session},
           PinCase{"SET RESOURCE GROUP g", Pin::settings},
       }) {
    attached = nullptr;
    make_links(kModern);
    start();
    run(row.sql, pkt(1, ok()));
    EXPECT_TRUE(held()) << row.sql;
    EXPECT_TRUE(conversation->pins().has(row.pin)) << row.sql;
    EXPECT_EQ(conversation->detach(), Cleanup::reset) << row.sql;
  }
}

TEST_P(MysqlRelease, LocksEndWithTheirUnlock) {
  start();
  run("LOCK TABLES t READ", pkt(1, ok()));
  run("SELECT GET_LOCK('a', 1)", result("1"));
  run("UNLOCK TABLES", pkt(1, ok()));
  EXPECT_TRUE(held());
  run("SELECT RELEASE_ALL_LOCKS()", result("1"));
  EXPECT_FALSE(held());
}

TEST_P(MysqlRelease, UnexplainedChangesOfStatePin) {
  start();
  run("CALL p()", pkt(1, ok(kAuto, 0, 0, {kChanged})));
  EXPECT_TRUE(conversation->pins().has(Pin::session));
  EXPECT_TRUE(held());
}

TEST_P(MysqlRelease, RefusesInsteadOfPinningWhenToldTo) {
  defaults->refuse_unsupported = true;
  start();
  client(query("SET @a = 1"));
  settle();
  EXPECT_EQ(told().substr(4, 3), "\xff\xd3\x04");  // 1235
  EXPECT_FALSE(held());
}

TEST_P(MysqlRelease, WarningsAndErrorsStayForOneStatement) {
  start();
  run("INSERT INTO t VALUES ('x')", pkt(1, ok(kAuto, 0, 2)));
  EXPECT_TRUE(conversation->pins().has(Pin::diagnostics));
  run("SHOW WARNINGS", result("w"));
  EXPECT_TRUE(held());
  run("SELECT 1", result("1"));
  EXPECT_FALSE(held());
  run("SELECT nosuch", pkt(1, err(1054)));
  EXPECT_TRUE(held());
  run("SELECT 1", result("1"));
  EXPECT_FALSE(held());
  EXPECT_EQ(facts.errors, 1U);
}

TEST_P(MysqlRelease, TheLastInsertIdGoesAlong) {
  start();
  run("INSERT INTO t VALUES (NULL)", pkt(1, ok(kAuto, 7)));
  EXPECT_EQ(told(), pkt(1, ok(kAuto, 7))) << "the client does not wait";
  EXPECT_EQ(sent(), query("SELECT LAST_INSERT_ID()"));
  EXPECT_TRUE(held());
  backend(result("7"));
  EXPECT_EQ(told(), "");
  EXPECT_FALSE(held());
  run("SELECT 1", result("1"));
  next = 1;
  client(query("SELECT LAST_INSERT_ID()"));
  std::string before;
  for (int i = 0; i < 4 && before.find("last_insert_id=7") == std::string::npos; ++i) {
    backend(pkt(1, ok()));
    before += sent();
  }
  EXPECT_NE(before.find("SET @@SESSION.last_insert_id=7"), std::string::npos);
  backend(pkt(1, ok()));
  EXPECT_EQ(sent(), query("SELECT LAST_INSERT_ID()"));
}

TEST_P(MysqlRelease, RowCountNeedsTheSameBackend) {
  start();
  run("UPDATE t SET i = 1", pkt(1, ok()));
  client(query("SELECT ROW_COUNT()"));
  settle();
  EXPECT_EQ(told().substr(11 + 4, 3), "\xff\xd3\x04");  // 1235, behind the OK of the UPDATE
  run("BEGIN", pkt(1, ok(kInTrx)));
  run("UPDATE t SET i = 1", pkt(1, ok(kInTrx)));
  told();
  run("SELECT ROW_COUNT()", result("1", kInTrx));
  EXPECT_EQ(told(), result("1", kInTrx));
}

TEST_P(MysqlRelease, ADeadlockIsFollowedByAPingForTheStatus) {
  start();
  run("BEGIN", pkt(1, ok(kInTrx)));
  run("UPDATE t SET i = 1", pkt(1, err(1213)));
  EXPECT_EQ(sent(), pkt(0, com(Command::ping)));
  backend(pkt(1, ok(kAuto, 0, 1)));
  EXPECT_FALSE(conversation->in_transaction());
  run("SELECT 1", result("1"));
  EXPECT_FALSE(held());
}

TEST_P(MysqlRelease, SessionModeKeepsItsBackend) {
  defaults->session_mode = true;
  start();
  run("INSERT INTO t VALUES (NULL)", pkt(1, ok(kAuto, 7)));
  EXPECT_TRUE(held());
  EXPECT_EQ(sent(), "") << "nothing is carried";
  run("SELECT ROW_COUNT()", result("1"));
  EXPECT_TRUE(held());
}

TEST_P(MysqlRelease, ResetConnectionForgetsTheSession) {
  start(kModern, "pets");
  run("SET @a = 1", pkt(1, ok()));
  EXPECT_TRUE(held());
  client(pkt(0, com(Command::reset_connection)));
  backend(pkt(1, ok()));
  EXPECT_FALSE(held());
  EXPECT_EQ(cleanup, Cleanup::none);
  EXPECT_EQ(setting(conversation->settings(), kSchema), "pets");
  client(query("SELECT 1"));
  EXPECT_NE(sent().find("session_track_system_variables='*'"), std::string::npos)
      << "the reset has switched the trackers off";
}

TEST_P(MysqlRelease, TheSchemaIsPartOfTheSession) {
  start();
  const std::uint64_t without = conversation->link_class();
  client(pkt(0, com(Command::init_db, "pets")));
  settle();
  backend(pkt(1, ok(kAuto, 0, 0, {{TrackType::schema, {}, "pets"}, kChanged})));
  EXPECT_EQ(told(), pkt(1, ok()));
  EXPECT_EQ(cleanup, Cleanup::close) << "sessions without a schema must not get this backend";
  EXPECT_NE(conversation->link_class(), without);
  next = 1;
  client(query("SELECT 1"));
  EXPECT_NE(sent().find(pkt(0, com(Command::init_db, "pets"))), std::string::npos);
}

TEST_P(MysqlRelease, AClientThatSwitchesTrackersSeesThem) {
  start();
  const std::string reply =
      pkt(1, ok(kAuto, 0, 0, {variable("session_track_schema", "OFF"), kChanged}));
  run("SET session_track_schema=OFF", reply);
  EXPECT_TRUE(conversation->pins().has(Pin::settings));
  told();
  const std::string shown = pkt(1, ok(kAuto, 0, 0, {variable("time_zone", "SYSTEM")}));
  run("SET time_zone=DEFAULT", shown);
  EXPECT_EQ(told(), shown);
}

}  // namespace
}  // namespace sluice::protocol::mysql
