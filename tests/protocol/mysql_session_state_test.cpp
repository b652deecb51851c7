#include "protocol/mysql/session_state.hpp"

#include <gtest/gtest.h>

#include "protocol/mysql/capabilities.hpp"
#include "protocol/sql/mysql_classifier.hpp"

namespace sluice::protocol::mysql {
namespace {

SettingsPtr make(std::initializer_list<Settings::Entry> entries) {
  auto settings = std::make_shared<Settings>();
  for (const auto& [name, value] : entries) {
    settings->set(name, value);
  }
  return settings;
}

TEST(MysqlSettings, StatementIsTheDifferenceWithSqlModeLast) {
  const Target server{false, "9.7.0", true};
  EXPECT_EQ(settings_statement(nullptr, nullptr, server), "");
  EXPECT_EQ(settings_statement(make({{"a", "1"}, {"b", "x"}}),
                               make({{"b", "y"}, {"sql_mode", ""}, {"z", "-2.5"}}), server),
            "SET @@SESSION.a=DEFAULT, @@SESSION.b='y', @@SESSION.z=-2.5, @@SESSION.sql_mode=''");
  EXPECT_EQ(settings_statement(make({{"@schema", "a"}}), nullptr, server), "")
      << "COM_INIT_DB sets the schema";
}

TEST(MysqlSettings, ValuesAreReadTheSameInEverySqlMode) {
  const Target server{false, "9.7.0", true};
  EXPECT_EQ(settings_statement(nullptr, make({{"a", "it's \\"}}), server),
            "SET @@SESSION.a=_utf8mb4 x'69742773205C'");
  EXPECT_EQ(settings_statement(nullptr, make({{"character_set_results", ""}}), server),
            "SET @@SESSION.character_set_results=NULL");
}

TEST(MysqlSettings, CollationAndCharacterSetAreOneSetting) {
  const Target server{false, "9.7.0", true};
  EXPECT_EQ(settings_statement(make({{"character_set_connection", "utf8mb4"}}),
                               make({{"character_set_connection", "latin1"},
                                     {"collation_connection", "latin1_bin"}}),
                               server),
            "SET @@SESSION.collation_connection='latin1_bin'");
  EXPECT_EQ(settings_statement(nullptr, make({{"character_set_connection", "latin1"}}), server),
            "SET @@SESSION.character_set_connection='latin1'");
}

TEST(MysqlSettings, TrackedVariables) {
  Settings settings;
  EXPECT_EQ(apply_variable(settings, "statement_id", "5"), Change::ignored);
  EXPECT_EQ(apply_variable(settings, "last_insert_id", "5"), Change::insert_id);
  EXPECT_EQ(apply_variable(settings, "session_track_schema", "OFF"), Change::tracking);
  EXPECT_EQ(apply_variable(settings, "timestamp", "1"), Change::pinned);
  EXPECT_EQ(apply_variable(settings, "sql_auto_is_null", "OFF"), Change::ignored);
  EXPECT_EQ(apply_variable(settings, "odd name", "1"), Change::pinned);
  EXPECT_TRUE(settings.empty());
  EXPECT_EQ(apply_variable(settings, "tx_isolation", "SERIALIZABLE"), Change::carried);
  EXPECT_NE(settings.find("transaction_isolation"), nullptr);
  settings.set("collation_connection", "latin1_bin");
  EXPECT_EQ(apply_variable(settings, "character_set_connection", "utf8mb4"), Change::carried);
  EXPECT_EQ(settings.find("collation_connection"), nullptr);
}

TEST(MysqlSettings, SchemasThatCannotBeReplayedAreTold) {
  Settings settings;
  EXPECT_TRUE(apply_schema(settings, "pets"));
  EXPECT_FALSE(apply_schema(settings, "\xc3\xa9"));
  settings.set("character_set_client", "utf8mb4");
  EXPECT_TRUE(apply_schema(settings, "\xc3\xa9"));
  EXPECT_TRUE(apply_schema(settings, ""));
  EXPECT_EQ(settings.find(kSchema), nullptr);
}

TEST(MysqlSettings, AResetGoesBackToTheServersCharacterSet) {
  ClientLogin login;
  login.database = "pets";
  login.collation = kUtf8mb4GeneralCi;
  SessionDefaults defaults;
  defaults.isolation_level = "READ COMMITTED";
  const SettingsPtr before = initial_settings(login, defaults);
  EXPECT_EQ(setting(before, "collation_connection"), "utf8mb4_general_ci");
  const SettingsPtr mysql = reset_settings(before, login, defaults, false);
  EXPECT_EQ(setting(mysql, "collation_connection"), "");
  EXPECT_EQ(setting(mysql, kSchema), "pets");
  EXPECT_EQ(setting(mysql, kIsolation), "READ-COMMITTED");
  const SettingsPtr maria = reset_settings(before, login, SessionDefaults{}, true);
  EXPECT_EQ(setting(maria, "collation_connection"), "utf8mb4_general_ci");
}

using enum sql::MysqlTrait;

struct Row {
  const char* text;
  std::uint32_t traits;
};

constexpr std::uint32_t traits(std::initializer_list<sql::MysqlTrait> list) {
  std::uint32_t bits = 0;
  for (sql::MysqlTrait trait : list) {
    bits |= sql::MysqlStatement::bit(trait);
  }
  return bits;
}

TEST(MysqlClassifier, Statements) {
  const Row rows[] = {
      {"SELECT 1", 0},
      {"SELECT '@a', `get_lock`, \"@b\" -- @c\n /* @d */", 0},
      {"SELECT row_count, found_rows FROM t", 0},
      {"GRANT ALL ON *.* TO 'a'@'%', `b`@`c`", 0},
      {"select @a", traits({user_variable})},
      {"SET @@session.sql_mode = ''", traits({set})},
      {"SELECT @@session.last_insert_id, @@identity", traits({last_insert_id})},
      {"SELECT @@warning_count", traits({diagnostics})},
      {"SHOW COUNT(*) WARNINGS", traits({diagnostics})},
      {"show tables", 0},
      {"GET CURRENT DIAGNOSTICS @n = NUMBER", traits({diagnostics, user_variable})},
      {"CREATE TEMPORARY TABLE t (i int)", traits({temporary})},
      {"CREATE OR REPLACE TEMPORARY TABLE t (i int)", traits({temporary})},
      {"CREATE TABLE temporary (i int)", 0},
      {"CREATE DEFINER=`a`@`b` PROCEDURE p() BEGIN SELECT @a; SELECT GET_LOCK('a', 1); END", 0},
      {"/*!50003 SET ROLE x */", traits({set, role})},
      {"SET DEFAULT ROLE x TO y", traits({set})},
      {"LOCK INSTANCE FOR BACKUP", traits({lock_instance})},
      {"UNLOCK TABLES", traits({unlock_tables})},
      {"FLUSH TABLES t FOR EXPORT", traits({lock_tables})},
      {"FLUSH LOGS", 0},
      {"UPDATE t SET i = 1; SELECT ROW_COUNT()", traits({multi})},
      {"SELECT ROW_COUNT ( )", traits({row_count})},
      {"XA BEGIN 'x'", traits({xa_begin})},
      {"XA COMMIT 'x' ONE PHASE", traits({xa_end})},
      {"LOAD DATA LOW_PRIORITY LOCAL INFILE 'x' INTO TABLE t", traits({load_local})},
      {"LOAD DATA INFILE 'x' INTO TABLE local", 0},
      {"BEGIN", 0},
      {"BEGIN NOT ATOMIC SELECT 1; END", traits({opaque, multi})},
      {"SET STATEMENT sort_buffer_size=1 FOR SELECT 1", traits({set, set_statement})},
      {"SET CHARACTER SET utf8", traits({set, set_character})},
      {"SELECT 1;", 0},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(sql::classify_mysql(row.text, {}).traits, row.traits) << row.text;
    sql::MysqlClassifier slow({});
    for (const char* at = row.text; *at != '\0'; ++at) {
      slow.feed(as_bytes(std::string_view(at, 1)));
    }
    slow.finish();
    EXPECT_EQ(slow.statement().traits, row.traits) << row.text;
  }
}

TEST(MysqlClassifier, Values) {
  EXPECT_EQ(sql::classify_mysql("SET NAMES latin1 COLLATE 'latin1_bin'", {}).collation,
            "latin1_bin");
  EXPECT_EQ(sql::classify_mysql("SET NAMES latin1", {}).collation, "");
  EXPECT_EQ(sql::classify_mysql("KILL 12", {}).kill, 12U);
  EXPECT_FALSE(sql::classify_mysql("KILL CONNECTION 12", {}).kill_query);
  EXPECT_TRUE(sql::classify_mysql("kill query 12", {}).kill_query);
  EXPECT_FALSE(sql::classify_mysql("KILL USER 12", {}).kill.has_value());
  EXPECT_EQ(sql::classify_mysql("SELECT \"@a\"", {true, true}).traits, 0U);
}

}  // namespace
}  // namespace sluice::protocol::mysql
