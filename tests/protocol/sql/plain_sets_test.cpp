#include "protocol/sql/plain_sets.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol::sql {
namespace {

std::string read(std::string_view text, bool mysql) {
  const auto sets = plain_sets(text, {mysql, mysql, false});
  if (!sets) {
    return "refused";
  }
  std::string out;
  for (const auto& [name, value] : *sets) {
    out += (out.empty() ? "" : "|") + name + "=" + value;
  }
  return out;
}

TEST(PlainSets, of_postgresql) {
  EXPECT_EQ(read("SET statement_timeout = '60s'", false), "statement_timeout=60s");
  EXPECT_EQ(read("SET a.b TO 5; set Search_Path = x ;", false), "a.b=5|search_path=x");
  EXPECT_EQ(read("", false), "");
  for (const char* text :
       {"SET LOCAL a = 1", "SET TRANSACTION READ ONLY", "SELECT set_config('a', 'b', true)",
        "SET a = 1; SELECT 1", "SET ROLE x", "SET a TO DEFAULT", "RESET a", "BEGIN"}) {
    EXPECT_EQ(read(text, false), "refused") << text;
  }
}

TEST(PlainSets, of_mysql) {
  EXPECT_EQ(read("SET sql_mode = 'ANSI'", true), "sql_mode=ANSI");
  EXPECT_EQ(read("set session Wait_Timeout=5, @@session.max_execution_time := 10", true),
            "wait_timeout=5|max_execution_time=10");
  EXPECT_EQ(read("SET @@sql_safe_updates = ON; SET @app_user = 'it''s'", true),
            "sql_safe_updates=ON|@app_user=it's");
  EXPECT_EQ(read("SET @App.User = \"x\", LOCAL lock_wait_timeout = -1", true),
            "@app.user=x|lock_wait_timeout=-1");
  const std::string longest(300, 'x');
  EXPECT_EQ(read("SET sql_mode = '" + longest + "'", true), "sql_mode=" + longest);
}

TEST(PlainSets, of_mysql_that_are_not_plain) {
  for (const char* text : {"SET NAMES utf8mb4",
                           "SET CHARACTER SET utf8mb4",
                           "SET GLOBAL a = 1",
                           "SET @@global.a = 1",
                           "SET PERSIST a = 1",
                           "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
                           "SET SESSION TRANSACTION READ ONLY",
                           "SET PASSWORD = 'x'",
                           "SET a = DEFAULT",
                           "SET a = NULL",
                           "SET a = 1 + 1",
                           "SET a = (SELECT 1)",
                           "SET a = 'b\\'c'",
                           "SET a = b()",
                           "SET a",
                           "SET",
                           "SET a =",
                           "SET a = 1,",
                           "SET a = 1e5",
                           "SET @ a = 1",
                           "SET @@session . a",
                           "SET @`a` = 1",
                           "SET a = -'1'",
                           "SELECT 1",
                           "SET STATEMENT a = 1 FOR SELECT 1"}) {
    EXPECT_EQ(read(text, true), "refused") << text;
  }
}

}  // namespace
}  // namespace sluice::protocol::sql
