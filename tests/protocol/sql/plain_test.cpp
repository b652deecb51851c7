#include "protocol/sql/plain.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "protocol/sql/classifier.hpp"
#include "protocol/sql/mysql_classifier.hpp"

namespace sluice::protocol::sql {
namespace {

TEST(Plain, StatementsOfServicesArePlain) {
  for (const char* text : {
           "SELECT abalance FROM pgbench_accounts WHERE aid = 4711;",
           "select \"u\".\"id\", 'it''s' from \"u\" where x::int <> -1 and y = $1 limit 10 ; \n",
           "/* app:web */ DELETE FROM t WHERE a / b = 1.5e3 /* done */",
           "WITH x AS (SELECT 1) SELECT count(*) FROM x",
       }) {
    EXPECT_EQ(plain_postgresql(text), Plain::nothing) << text;
  }
  for (const char* text : {
           "SELECT c FROM sbtest1 WHERE id=5021",
           "INSERT INTO `shop`.`orders` (`id`, `text`) VALUES (?, \"two words\"), (-3, 'x')",
           "UPDATE t SET a = a + 1 WHERE b IN (1, 2)",
           "/*+ hint */ REPLACE INTO t VALUES (0x1F, N'x');",
           "COMMIT",
       }) {
    EXPECT_EQ(plain_mysql(text), Plain::nothing) << text;
  }
}

TEST(Plain, WritesAreTold) {
  EXPECT_EQ(plain_postgresql("INSERT INTO t VALUES (1)"), Plain::writes);
  EXPECT_EQ(plain_postgresql("SELECT * FROM t FOR UPDATE"), Plain::writes);
  EXPECT_EQ(plain_postgresql("insert into t values (1) on conflict do nothing"), Plain::writes);
}

TEST(Plain, WhatMattersIsLeftToTheClassifier) {
  for (const char* text :
       {"", " ", ";", "SET a = 1", "SELECT 1; SELECT 2", "SELECT nextval('s')", "SELECT $$x$$",
        "select \"set_config\"('a', 'b', false)", "SELECT 'a\\'; SET x = 1 --'", "SELECT 1 -- x",
        "SELECT /* /* */ 1", "COMMIT", "SELECT 'open", "1 select", "'x' select",
        "SELECT 1 INTO TEMP t", "DO $$ begin end $$", "SELECT PG_ADVISORY_LOCK(1)"}) {
    EXPECT_EQ(plain_postgresql(text), Plain::unknown) << text;
  }
  for (const char* text :
       {"SET a = 1", "SELECT @a", "SELECT @@version", "SELECT 1; SELECT 2",
        "SELECT GET_LOCK('a', 1)", "SELECT `last_insert_id`()", "SELECT \"found_rows\"()",
        "SELECT /*! 1 */ 2", "SELECT /*M! 1 */ 2", "SELECT 'a\\'b'", "SELECT 1 -- x",
        "SELECT 1 # x", "select: BEGIN", "SELECT SQL_CALC_FOUND_ROWS 1", "BEGIN NOT ATOMIC",
        "CALL p()", "use x", "(SELECT 1)"}) {
    EXPECT_EQ(plain_mysql(text), Plain::unknown) << text;
  }
}

// Texts put together at random from what the classifiers know and what separates it.
class Texts {
 public:
  std::string next() {
    static const std::vector<std::string> kParts{"select",
                                                 "SELECT",
                                                 "insert",
                                                 "update",
                                                 "delete",
                                                 "with",
                                                 "values",
                                                 "begin",
                                                 "start",
                                                 "replace",
                                                 "commit",
                                                 "rollback",
                                                 "set",
                                                 "reset",
                                                 "temp",
                                                 "temporary",
                                                 "into",
                                                 "create",
                                                 "pg_temp",
                                                 "copy",
                                                 "call",
                                                 "execute",
                                                 "do",
                                                 "set_config",
                                                 "pg_advisory_lock",
                                                 "setseed",
                                                 "pg_advisory_unlock_all",
                                                 "pg_backend_pid",
                                                 "nextval",
                                                 "currval",
                                                 "lastval",
                                                 "get_lock",
                                                 "found_rows",
                                                 "row_count",
                                                 "last_insert_id",
                                                 "connection_id",
                                                 "sql_calc_found_rows",
                                                 "release_all_locks",
                                                 "merge",
                                                 "hold",
                                                 "declare",
                                                 "local",
                                                 "true",
                                                 "a",
                                                 "x1",
                                                 "_9",
                                                 "1_",
                                                 "1e5",
                                                 ".5",
                                                 "7",
                                                 "$1",
                                                 "$",
                                                 "$a$",
                                                 "'",
                                                 "'",
                                                 "\"",
                                                 "\"",
                                                 "`",
                                                 "`",
                                                 "\\",
                                                 "E'",
                                                 "N'",
                                                 "(",
                                                 "(",
                                                 ")",
                                                 ",",
                                                 ";",
                                                 "; ",
                                                 "--",
                                                 "-",
                                                 "/",
                                                 "*",
                                                 "/*",
                                                 "*/",
                                                 "/*!",
                                                 "/*M!",
                                                 "#",
                                                 "@",
                                                 "@@",
                                                 ":",
                                                 "::",
                                                 "=",
                                                 "<",
                                                 "?",
                                                 "\n",
                                                 "\t",
                                                 " ",
                                                 " ",
                                                 " ",
                                                 " ",
                                                 "\xC3\xA9",
                                                 "\x01"};
    std::string text = pick_(random_) % 4 == 0   ? ""
                       : pick_(random_) % 2 == 0 ? "select "
                                                 : "INSERT ";
    for (int count = pick_(random_) % 14; count > 0; --count) {
      text += kParts[static_cast<std::size_t>(pick_(random_)) % kParts.size()];
      if (pick_(random_) % 3 == 0) {
        text += ' ';
      }
    }
    return text;
  }

 private:
  std::mt19937 random_{20240229};
  std::uniform_int_distribution<int> pick_{0, 1 << 20};
};

TEST(Plain, NeverContradictsTheClassifier) {
  Texts texts;
  int plain_ones = 0;
  for (int i = 0; i < 300000; ++i) {
    const std::string text = texts.next();
    if (Plain plain = plain_postgresql(text); plain != Plain::unknown) {
      ++plain_ones;
      for (bool escapes : {false, true}) {
        Effects effects = classify(text, {false, escapes, false});
        EXPECT_EQ(effects.writes, plain == Plain::writes) << text;
        effects.writes = false;
        ASSERT_FALSE(effects.any() || effects.opens_transaction) << text;
      }
    }
    if (plain_mysql(text) == Plain::nothing) {
      ++plain_ones;
      for (int mode = 0; mode < 4; ++mode) {
        MysqlClassifier classifier({(mode & 1) != 0, (mode & 2) != 0});
        classifier.feed(as_bytes(text));
        classifier.finish();
        const MysqlStatement& statement = classifier.statement();
        ASSERT_EQ(statement.traits, 0U) << text;
        ASSERT_FALSE(statement.opens_transaction) << text;
        ASSERT_FALSE(statement.kill || statement.kill_query) << text;
        ASSERT_TRUE(statement.collation.empty()) << text;
      }
    }
  }
  EXPECT_GT(plain_ones, 20000);
}

}  // namespace
}  // namespace sluice::protocol::sql
