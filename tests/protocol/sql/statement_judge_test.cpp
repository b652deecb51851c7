#include "protocol/sql/statement_judge.hpp"

#include <gtest/gtest.h>

#include <string>

namespace sluice::protocol::sql {
namespace {

constexpr ScannerOptions kPostgresql{};
constexpr ScannerOptions kMysql{true, true, false};

// "select" or "select! insert": the kind of the first statement, '!' if something writes, then the
// other kinds that occur.
std::string judge(std::string_view text, ScannerOptions options) {
  const Digest made = digest(text, options);
  std::string out(kind_name(made.kind));
  out += made.writes ? "!" : "";
  for (unsigned i = 0; i < static_cast<unsigned>(StatementKind::count_); ++i) {
    const auto kind = static_cast<StatementKind>(i);
    if (made.has(kind) && kind != made.kind) {
      out += ' ';
      out += kind_name(kind);
    }
  }
  EXPECT_TRUE(made.statements == 0 || made.has(made.kind)) << text;
  return out;
}

struct Row {
  std::string_view text, verdict;
};

class JudgePostgresql : public ::testing::TestWithParam<Row> {};
class JudgeMysql : public ::testing::TestWithParam<Row> {};
class JudgeBoth : public ::testing::TestWithParam<Row> {};

TEST_P(JudgePostgresql, Says) {
  EXPECT_EQ(judge(GetParam().text, kPostgresql), GetParam().verdict) << GetParam().text;
}
TEST_P(JudgeMysql, Says) {
  EXPECT_EQ(judge(GetParam().text, kMysql), GetParam().verdict) << GetParam().text;
}
TEST_P(JudgeBoth, Says) {
  EXPECT_EQ(judge(GetParam().text, kPostgresql), GetParam().verdict) << GetParam().text;
  EXPECT_EQ(judge(GetParam().text, kMysql), GetParam().verdict) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Plain, JudgeBoth,
    ::testing::Values(
        Row{"", "empty"}, Row{" ; -- x\n;", "empty"}, Row{"SELECT 1", "select"},
        Row{"(SELECT 1) UNION (SELECT 2)", "select"}, Row{"((SELECT 1))", "select"},
        Row{"VALUES (1)", "select"}, Row{"TABLE pets", "select"},
        Row{"SELECT 'DELETE FROM t', \"delete\" -- DROP TABLE t", "select"},
        Row{"SELECT t.update, t.into, t.delete FROM t", "select"},
        Row{"SELECT replace(a, 'b', 'c')", "select"}, Row{"insert into t values (1)", "insert!"},
        Row{"UPDATE t SET a = 1", "update!"}, Row{"DELETE FROM t", "delete!"},
        Row{"TRUNCATE t", "truncate!"}, Row{"CREATE TABLE t (a int)", "create!"},
        Row{"ALTER TABLE t ADD b int", "alter!"}, Row{"DROP TABLE t", "drop!"},
        Row{"GRANT SELECT ON t TO u", "grant!"}, Row{"REVOKE SELECT ON t FROM u", "grant!"},
        Row{"CREATE USER u", "grant! create"}, Row{"ALTER ROLE u", "grant! alter"},
        Row{"DROP USER u", "grant! drop"}, Row{"BEGIN", "begin"}, Row{"begin work", "begin"},
        Row{"START TRANSACTION READ ONLY", "begin"}, Row{"START TRANSACTION READ WRITE", "begin!"},
        Row{"START REPLICA", "other!"}, Row{"COMMIT", "commit"}, Row{"ROLLBACK", "rollback"},
        Row{"ROLLBACK TO SAVEPOINT a", "savepoint"}, Row{"ROLLBACK WORK TO a", "savepoint"},
        Row{"SAVEPOINT a", "savepoint"}, Row{"RELEASE SAVEPOINT a", "savepoint"},
        Row{"SHOW x", "show"}, Row{"CALL p()", "call!"}, Row{"FROBNICATE t", "other!"},
        Row{"'x'", "other!"}, Row{"(", "other!"}, Row{"START", "other!"}, Row{"DROP", "drop!"}));

INSTANTIATE_TEST_SUITE_P(
    Several, JudgeBoth,
    ::testing::Values(Row{"SELECT 1; SELECT 2", "select"},
                      Row{"SELECT 1; DELETE FROM t", "select! delete"},
                      Row{"BEGIN; UPDATE t SET a = 1; COMMIT", "begin! update commit"},
                      Row{"SELECT ';'; SELECT 2", "select"},
                      Row{"SELECT 1;/* x */;INSERT INTO t VALUES (1)", "select! insert"}));

INSTANTIATE_TEST_SUITE_P(
    With, JudgeBoth,
    ::testing::Values(
        Row{"WITH a AS (SELECT 1) SELECT * FROM a", "select"},
        Row{"WITH RECURSIVE a (b) AS (SELECT 1 UNION ALL SELECT b FROM a) SELECT * FROM a",
            "select"},
        Row{"WITH a AS (SELECT 1) (SELECT * FROM a)", "select"},
        Row{"WITH a AS (SELECT 1) DELETE FROM t", "delete!"},
        Row{"WITH a AS (SELECT 1) UPDATE t SET b = 1", "update!"},
        Row{"WITH a AS (SELECT 1), b AS (SELECT 2) INSERT INTO t SELECT * FROM a", "insert!"},
        Row{"WITH a AS (DELETE FROM t RETURNING *) SELECT * FROM a", "select! delete"},
        Row{"WITH a AS MATERIALIZED (INSERT INTO t VALUES (1) RETURNING *) TABLE a",
            "select! insert"},
        Row{"WITH a AS (WITH b AS (SELECT 1) DELETE FROM t RETURNING *) SELECT * FROM a",
            "select! delete"},
        Row{"SELECT * FROM (WITH a AS (UPDATE t SET b = 1 RETURNING *) SELECT * FROM a) x",
            "select! update"},
        Row{"WITH values AS (SELECT 1) DELETE FROM t", "select! delete"},
        Row{"WITH a AS (SELECT 1) SELECT replace(x, 'a', 'b') FROM a", "select"}));

INSTANTIATE_TEST_SUITE_P(
    Reading, JudgePostgresql,
    ::testing::Values(
        Row{"SELECT * INTO x FROM t", "select!"}, Row{"SELECT * FROM t FOR UPDATE", "select!"},
        Row{"SELECT * FROM t FOR NO KEY UPDATE", "select!"},
        Row{"SELECT * FROM t FOR SHARE", "select!"},
        Row{"SELECT * FROM t FOR KEY SHARE OF t", "select!"},
        Row{"SELECT substring(a for 3)", "select"}, Row{"SELECT nextval('s')", "select!"},
        Row{"SELECT pg_catalog.setval('s', 1)", "select!"},
        Row{"SELECT \"nextval\"('s')", "select!"}, Row{"SELECT currval('s')", "select"},
        Row{"SELECT lo_unlink(1)", "select!"},
        Row{"SELECT set_config('work_mem', '1', true)", "select"},
        Row{"SELECT set_config('transaction_read_only', 'off', true)", "select!"},
        Row{"SELECT set_config('Default_Transaction_READ_ONLY', 'off', true)", "select!"},
        Row{"SELECT set_config('transaction_' || 'read_only', 'off', true)", "select!"},
        Row{"SELECT set_config($1, $2, true)", "select!"}, Row{"SELECT set_config", "select!"},
        Row{"EXPLAIN SELECT 1", "explain"}, Row{"EXPLAIN DELETE FROM t", "explain"},
        Row{"EXPLAIN (COSTS off) DELETE FROM t", "explain"},
        Row{"EXPLAIN ANALYZE DELETE FROM t", "delete!"},
        Row{"EXPLAIN (VERBOSE, ANALYZE) DELETE FROM t", "delete!"},
        Row{"EXPLAIN ANALYZE VERBOSE WITH a AS (DELETE FROM t RETURNING 1) SELECT 1",
            "select! delete"},
        Row{"EXPLAIN ANALYSE SELECT 1", "select"}, Row{"EXPLAIN (SELECT 1)", "explain"},
        Row{"EXPLAIN VERBOSE CREATE TABLE a AS SELECT 1", "explain"},
        Row{"EXPLAIN SELECT 1; DELETE FROM t", "explain! delete"},
        Row{"EXPLAIN EXECUTE a", "explain"}, Row{"EXPLAIN ANALYZE EXECUTE a", "prepare!"}));

INSTANTIATE_TEST_SUITE_P(
    Others, JudgePostgresql,
    ::testing::Values(
        Row{"COPY t TO STDOUT", "copy"},
        Row{"COPY (SELECT a FROM t) TO STDOUT (FORMAT csv)", "copy"},
        Row{"COPY t FROM STDIN", "copy!"}, Row{"COPY t (a, b) FROM '/tmp/x'", "copy!"},
        Row{"COPY t TO '/tmp/x'", "copy!"}, Row{"COPY t TO PROGRAM 'x'", "copy!"},
        Row{"COPY (DELETE FROM t RETURNING *) TO STDOUT", "copy! delete"},
        Row{"COPY (INSERT INTO t VALUES (1) RETURNING *) TO STDOUT", "copy! insert"},
        Row{"MERGE INTO t USING s ON true WHEN MATCHED THEN DELETE", "merge!"},
        Row{"COMMENT ON TABLE t IS 'x'", "alter!"},
        Row{"SECURITY LABEL ON TABLE t IS 'x'", "alter!"},
        Row{"REASSIGN OWNED BY a TO b", "grant!"},
        Row{"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO u", "grant! alter"},
        Row{"IMPORT FOREIGN SCHEMA x FROM SERVER s INTO y", "create!"},
        Row{"DO $$ BEGIN DELETE FROM t; END $$", "call! delete"},
        Row{"DO LANGUAGE plpgsql 'BEGIN DROP TABLE t; END'", "call! drop"},
        Row{"PREPARE a AS SELECT 1", "prepare select"},
        Row{"PREPARE a (int, text) AS INSERT INTO t VALUES ($1)", "prepare! insert"},
        Row{"PREPARE as AS DELETE FROM t", "prepare! delete"},
        Row{"PREPARE TRANSACTION 'x'", "commit"}, Row{"COMMIT PREPARED 'x'", "commit!"},
        Row{"ROLLBACK PREPARED 'x'", "rollback!"}, Row{"EXECUTE a", "prepare!"},
        Row{"DEALLOCATE a", "prepare"}, Row{"DECLARE c CURSOR FOR SELECT 1", "cursor"},
        Row{"DECLARE c CURSOR FOR SELECT 1 FOR UPDATE", "cursor!"},
        Row{"FETCH 10 FROM c", "cursor"}, Row{"MOVE 1 IN c", "cursor"}, Row{"CLOSE ALL", "cursor"},
        Row{"LOCK TABLE t", "lock!"}, Row{"LOCK TABLE t IN ACCESS SHARE MODE", "lock"},
        Row{"LOCK TABLE t IN ROW SHARE MODE", "lock!"}, Row{"LISTEN a", "listen"},
        Row{"NOTIFY a", "listen"}, Row{"UNLISTEN *", "listen"}, Row{"VACUUM FULL t", "maintain!"},
        Row{"ANALYZE t", "maintain!"}, Row{"REINDEX TABLE t", "maintain!"},
        Row{"REFRESH MATERIALIZED VIEW v", "maintain!"}, Row{"LOAD 'x'", "other!"},
        Row{"ABORT", "rollback"}, Row{"END", "commit"}, Row{"DISCARD ALL", "set"},
        Row{"REPLACE INTO t VALUES (1)", "merge!"}));

INSTANTIATE_TEST_SUITE_P(
    Settings, JudgePostgresql,
    ::testing::Values(
        Row{"SET search_path = a, b", "set"}, Row{"SET LOCAL work_mem TO '1MB'", "set"},
        Row{"SET TRANSACTION READ ONLY", "set"}, Row{"SET TRANSACTION READ WRITE", "set!"},
        Row{"SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ WRITE", "set!"},
        Row{"SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE", "set!"},
        Row{"BEGIN READ WRITE", "begin!"},
        Row{"BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", "begin"},
        Row{"SET transaction_read_only = off", "set!"},
        Row{"SET transaction_read_only = on", "set"},
        Row{"SET LOCAL \"transaction_read_only\" TO 'off'", "set!"},
        Row{"SET default_transaction_read_only TO 'on'", "set"},
        Row{"SET default_transaction_read_only TO DEFAULT", "set!"},
        Row{"SET default_transaction_read_only", "set!"},
        Row{"RESET default_transaction_read_only", "set!"}, Row{"RESET work_mem", "set"},
        Row{"SET ROLE a", "set"}, Row{"SET password_encryption = 'md5'", "set"}));

INSTANTIATE_TEST_SUITE_P(
    Reading, JudgeMysql,
    ::testing::Values(
        Row{"SELECT 1 INTO @a, @b", "select"}, Row{"SELECT 1 INTO OUTFILE '/tmp/x'", "select!"},
        Row{"SELECT 1 INTO DUMPFILE '/tmp/x'", "select!"},
        Row{"SELECT * FROM t FOR UPDATE", "select!"}, Row{"SELECT * FROM t FOR SHARE", "select"},
        Row{"SELECT * FROM t LOCK IN SHARE MODE", "select"},
        Row{"SELECT insert('a', 1, 1, 'b'), (insert('a', 1, 1, 'b'))", "select"},
        Row{"WITH a AS (SELECT 1) SELECT insert('a', 1, 1, 'b') FROM a", "select"},
        Row{"SELECT NEXT VALUE FOR s", "select!"}, Row{"SELECT nextval(s)", "select!"},
        Row{"DESCRIBE t", "show"}, Row{"DESC comment", "show"}, Row{"EXPLAIN t a", "show"},
        Row{"EXPLAIN SELECT 1", "explain"}, Row{"EXPLAIN FORMAT=JSON SELECT 1", "explain"},
        Row{"EXPLAIN ANALYZE SELECT 1", "select"}, Row{"EXPLAIN DELETE FROM t", "explain!"},
        Row{"EXPLAIN EXTENDED UPDATE t SET a = 1", "explain!"},
        Row{"EXPLAIN FOR CONNECTION 5", "show"}, Row{"ANALYZE TABLE t", "maintain!"},
        Row{"ANALYZE LOCAL TABLE t", "maintain!"}, Row{"ANALYZE UPDATE t SET a = 1", "update!"},
        Row{"ANALYZE FORMAT=JSON DELETE FROM t", "delete!"}, Row{"ANALYZE SELECT 1", "select"},
        Row{"DO sleep(1)", "call"}, Row{"HELP 'x'", "show"},
        Row{"GET DIAGNOSTICS @a = NUMBER", "show"}));

INSTANTIATE_TEST_SUITE_P(
    Others, JudgeMysql,
    ::testing::Values(
        Row{"REPLACE INTO t VALUES (1)", "merge!"},
        Row{"LOAD DATA INFILE 'x' INTO TABLE t", "copy!"},
        Row{"LOAD XML LOCAL INFILE 'x' INTO TABLE t", "copy!"},
        Row{"LOAD INDEX INTO CACHE t", "maintain!"}, Row{"RENAME TABLE a TO b", "alter!"},
        Row{"RENAME USER a TO b", "grant! alter"}, Row{"CREATE OR REPLACE USER a", "grant! create"},
        Row{"CREATE TEMPORARY TABLE t (a int)", "create!"}, Row{"HANDLER t OPEN", "cursor"},
        Row{"HANDLER t READ FIRST", "cursor"}, Row{"LOCK TABLES t READ", "lock"},
        Row{"LOCK TABLES a READ, b WRITE", "lock!"}, Row{"LOCK INSTANCE FOR BACKUP", "lock!"},
        Row{"UNLOCK TABLES", "lock"}, Row{"FLUSH TABLES", "maintain!"},
        Row{"OPTIMIZE TABLE t", "maintain!"}, Row{"CHECK TABLE t", "maintain!"},
        Row{"RESET MASTER", "maintain!"}, Row{"KILL QUERY 1", "kill"}, Row{"USE pets", "set"},
        Row{"XA START 'x'", "begin"}, Row{"XA END 'x'", "commit"}, Row{"XA PREPARE 'x'", "commit"},
        Row{"XA COMMIT 'x'", "commit"}, Row{"XA ROLLBACK 'x'", "rollback"},
        Row{"XA RECOVER", "show"}, Row{"XA", "other!"},
        Row{"PREPARE s FROM 'SELECT 1'", "prepare select"},
        Row{"PREPARE s FROM 'DROP TABLE t'", "prepare! drop"},
        Row{"PREPARE s FROM 'SELECT ''x'''", "prepare!"}, Row{"PREPARE s FROM @a", "prepare!"},
        Row{"EXECUTE s USING @a", "prepare!"},
        Row{"EXECUTE IMMEDIATE 'DROP TABLE t'", "prepare! drop"},
        Row{"DEALLOCATE PREPARE s", "prepare"}, Row{"DROP PREPARE s", "prepare"},
        Row{"BEGIN NOT ATOMIC DELETE FROM t; END", "other! commit"},
        Row{"IF 1 THEN DELETE FROM t; END IF", "other! commit"}, Row{"x: LOOP SELECT 1", "other!"},
        Row{"SHUTDOWN", "other!"}, Row{"BINLOG 'x'", "other!"},
        Row{"/*!40000 DELETE */ FROM t", "delete!"},
        Row{"SELECT 1 /*! INTO OUTFILE 'x' */", "select!"}));

INSTANTIATE_TEST_SUITE_P(
    Settings, JudgeMysql,
    ::testing::Values(Row{"SET a = 1", "set"}, Row{"SET @a = @@global.x", "set"},
                      Row{"SET NAMES utf8mb4", "set"}, Row{"SET autocommit=0", "set"},
                      Row{"SET GLOBAL a = 1", "set!"}, Row{"SET @@global.a = 1", "set!"},
                      Row{"SET PERSIST a = 1", "set!"}, Row{"SET a = 1, GLOBAL b = 2", "set!"},
                      Row{"SET PASSWORD = 'x'", "grant!"},
                      Row{"SET PASSWORD FOR u = 'x'", "grant!"},
                      Row{"SET DEFAULT ROLE a TO u", "grant!"}, Row{"SET ROLE a", "set"},
                      Row{"SET TRANSACTION READ WRITE", "set!"},
                      Row{"SET SESSION TRANSACTION READ ONLY", "set"},
                      Row{"SET SESSION transaction_read_only = 0", "set!"},
                      Row{"SET @@session.tx_read_only := 1", "set"},
                      Row{"SET a = 1, `transaction_read_only` = OFF", "set!"},
                      Row{"SET transaction_read_only = 1 - 1", "set!"},
                      Row{"SET transaction_read_only = 1, a = 2", "set"},
                      Row{"SET STATEMENT max_statement_time = 1 FOR DELETE FROM t", "delete! set"},
                      Row{"SET STATEMENT max_statement_time = 1 FOR SELECT 1", "select set"}));

}  // namespace
}  // namespace sluice::protocol::sql
