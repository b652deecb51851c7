#include "protocol/sql/mysql_locks.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol::sql {
namespace {

using Breach = MysqlLockReader::Breach;

MysqlLocks locks() {
  MysqlLocks made;
  made.fixed = {"@app_user", "time_zone", "@a.b"};
  made.carried = {"@app_user", "@tenant"};
  made.read_only = true;
  return made;
}

// Whole, and cut after each byte.
MysqlLockReader read(const MysqlLocks& locks, std::string_view text, MysqlSyntax syntax = {}) {
  MysqlLockReader whole(locks, syntax);
  whole.feed(as_bytes(text));
  whole.finish();
  MysqlLockReader pieces(locks, syntax);
  for (char c : text) {
    pieces.feed(as_bytes(std::string_view(&c, 1)));
  }
  pieces.finish();
  EXPECT_EQ(pieces.breach(), whole.breach()) << text;
  EXPECT_EQ(pieces.name(), whole.name()) << text;
  EXPECT_EQ(pieces.only_carried(), whole.only_carried()) << text;
  return whole;
}

struct LockCase {
  std::string_view text;
  Breach breach;
  std::string_view name = {};
};

TEST(MysqlLocks, FindWhatWouldBeChanged) {
  const MysqlLocks all = locks();
  for (const auto& [text, expected, name] : {
           LockCase{"SET @app_user = 1", Breach::setting, "@app_user"},
           LockCase{"SET @`App_User` = 1", Breach::setting, "@app_user"},
           LockCase{"SET @'app_user' = 1", Breach::setting, "@app_user"},
           LockCase{"SET @'app\\_user' = 1", Breach::setting},
           LockCase{"SET @a.b = 1", Breach::setting, "@a.b"},
           LockCase{"SET @x = 1, @app_user = 2", Breach::setting, "@app_user"},
           LockCase{"SET @x = f(1, 2), @app_user = 2", Breach::setting, "@app_user"},
           LockCase{"SET @x = @app_user", Breach::none},
           LockCase{"SET @x = (SELECT @app_user)", Breach::none},
           LockCase{"SET @x = @app_user := 3", Breach::setting, "@app_user"},
           LockCase{"SELECT @app_user", Breach::none},
           LockCase{"SELECT @app_user:=1", Breach::setting, "@app_user"},
           LockCase{"SELECT @app_user /* */ := 1", Breach::setting, "@app_user"},
           LockCase{"SELECT 1 INTO @app_user", Breach::setting, "@app_user"},
           LockCase{"SELECT 1, 2 INTO @x , @app_user FROM t", Breach::setting, "@app_user"},
           LockCase{"INSERT INTO t VALUES (@app_user)", Breach::none},
           LockCase{"UPDATE t SET a = @app_user", Breach::none},
           LockCase{"CALL p(@app_user)", Breach::setting, "@app_user"},
           LockCase{"LOAD DATA INFILE 'f' INTO TABLE t (@app_user)", Breach::setting, "@app_user"},
           LockCase{"GET DIAGNOSTICS @app_user = NUMBER", Breach::setting, "@app_user"},
           LockCase{"SET PASSWORD FOR 'app'@'app_user' = 'x'", Breach::none},
           LockCase{"SET time_zone = '+1:00'", Breach::setting, "time_zone"},
           LockCase{"SET sql_mode = '', TIME_ZONE = DEFAULT", Breach::setting, "time_zone"},
           LockCase{"SET `time_zone` = 1", Breach::setting, "time_zone"},
           LockCase{"SET @@time_zone = 1", Breach::setting, "time_zone"},
           LockCase{"SET @@`time_zone` = 1", Breach::setting, "time_zone"},
           LockCase{"SET @@local.time_zone = 1", Breach::setting, "time_zone"},
           LockCase{"SET @@session . `time_zone` = 1", Breach::setting, "time_zone"},
           LockCase{"SET LOCAL time_zone = 1", Breach::setting, "time_zone"},
           LockCase{"SET GLOBAL time_zone = 1", Breach::none},
           LockCase{"SET @@global.time_zone = 1", Breach::none},
           LockCase{"SET GLOBAL time_zone = 1, time_zone = 2", Breach::setting, "time_zone"},
           LockCase{"SET STATEMENT time_zone = 1 FOR SELECT 1", Breach::setting, "time_zone"},
           LockCase{"SET STATEMENT a = 1 FOR SELECT @app_user := 1", Breach::setting, "@app_user"},
           LockCase{"SET NAMES utf8mb4", Breach::none},
           LockCase{"SELECT @@time_zone", Breach::none},
           LockCase{"SELECT 'SET @app_user = 1'", Breach::none},
           LockCase{"SELECT 1 -- SET @app_user = 1", Breach::none},
           LockCase{"SELECT 1; ; SET @app_user = 1", Breach::setting, "@app_user"},
           LockCase{"/*!80000 SET @app_user = 1 */", Breach::setting, "@app_user"},
           LockCase{"SET SESSION TRANSACTION READ WRITE", Breach::read_write},
           LockCase{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE , READ  WRITE",
                    Breach::read_write},
           LockCase{"SET TRANSACTION READ ONLY", Breach::none},
           LockCase{"SET tx_read_only = 0", Breach::read_write},
           LockCase{"SET @@session.transaction_read_only = 0", Breach::read_write},
           LockCase{"START TRANSACTION READ WRITE", Breach::read_write},
           LockCase{"start transaction with consistent snapshot, read write", Breach::read_write},
           LockCase{"START TRANSACTION READ ONLY", Breach::none},
           LockCase{"BEGIN", Breach::none},
           LockCase{"SELECT read write FROM t", Breach::none},
           LockCase{"PREPARE s FROM 'SELECT 1'", Breach::unseen},
           LockCase{"EXECUTE IMMEDIATE 'SELECT 1'", Breach::unseen},
           LockCase{"BEGIN NOT ATOMIC SET @app_user = 1; END", Breach::unseen},
           LockCase{"IF 1 THEN SET @x = 1; END IF", Breach::unseen},
           LockCase{"a: BEGIN NOT ATOMIC END", Breach::unseen},
           LockCase{"DEALLOCATE PREPARE s", Breach::none},
           LockCase{"", Breach::none},
           LockCase{";;@", Breach::none},
       }) {
    const MysqlLockReader reader = read(all, text);
    EXPECT_EQ(reader.breach(), expected) << text;
    if (!name.empty()) {
      EXPECT_EQ(reader.name(), name) << text;
    }
  }
}

TEST(MysqlLocks, CharacterSetsAndIsolationHaveStatementsOfTheirOwn) {
  MysqlLocks made;
  made.fixed = {"character_set_client", "transaction_isolation"};
  EXPECT_EQ(read(made, "SET NAMES latin1").breach(), Breach::setting);
  EXPECT_EQ(read(made, "SET CHARACTER SET latin1").breach(), Breach::setting);
  EXPECT_EQ(read(made, "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").breach(), Breach::setting);
  EXPECT_EQ(read(made, "SET tx_isolation = 'SERIALIZABLE'").breach(), Breach::setting);
  EXPECT_EQ(read(made, "SET SESSION TRANSACTION READ WRITE").breach(), Breach::none);
}

TEST(MysqlLocks, TellCarriedVariablesFromOthers) {
  const MysqlLocks all = locks();
  for (std::string_view text :
       {"SELECT @app_user", "INSERT INTO t SELECT @tenant, @`app_user`", "SELECT 1",
        "SET time_zone = @tenant", "SELECT @app_user, @@sql_mode, 'a'@'b'"}) {
    EXPECT_TRUE(read(all, text).only_carried()) << text;
  }
  for (std::string_view text :
       {"SELECT @other", "SET @tenant = 1", "SELECT @tenant, @x", "SELECT @tenant := 1",
        "SELECT @'ten\\ant'", "SELECT 1 INTO @tenant"}) {
    EXPECT_FALSE(read(all, text).only_carried()) << text;
  }
}

TEST(MysqlLocks, WithoutLocksNothingIsRefused) {
  MysqlLocks made;
  made.carried = {"@app_user"};
  EXPECT_FALSE(made.locks());
  EXPECT_EQ(read(made, "PREPARE s FROM 'x'; SET @app_user = 1").breach(), Breach::none);
}

}  // namespace
}  // namespace sluice::protocol::sql
