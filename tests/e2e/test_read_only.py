"""read_only: what sluice refuses, held against what the servers refuse in a read only transaction."""

from contextlib import contextmanager

import psycopg
import pymysql
import pytest
from clients import connection, my_connection, pg_connection, rows, value
from conftest import MYSQL, POSTGRESQL, config_for
from harness import schema
from harness.process import LOOPBACK

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error)
READ_ONLY = {"25006", "1792", "1290"}

# What must pass: reads, and what ends or steers transactions.
READS = """
SELECT * FROM ro_t
(SELECT 1) UNION (SELECT id FROM ro_t)
WITH a AS (SELECT 1 AS x) SELECT * FROM a
SELECT 'DELETE FROM ro_t'
SELECT 1 -- DELETE FROM ro_t
SAVEPOINT a
START TRANSACTION READ ONLY
"""
# What must be refused, whatever the server says.
WRITES = """
INSERT INTO ro_t VALUES (1, 'a')
UPDATE ro_t SET note = 'a'
DELETE FROM ro_t
delete /* x */ from ro_t
TRUNCATE TABLE ro_t
CREATE TABLE ro_new (a int)
CREATE INDEX ro_i ON ro_t (note)
CREATE VIEW ro_v2 AS SELECT 1
ALTER TABLE ro_t ADD COLUMN b int
DROP TABLE ro_t
GRANT SELECT ON ro_t TO other
REVOKE SELECT ON ro_t FROM other
START TRANSACTION READ WRITE
"""
PG_READS = """
VALUES (1)
TABLE ro_t
SHOW work_mem
EXPLAIN DELETE FROM ro_t
EXPLAIN (COSTS off) UPDATE ro_t SET note = 'a'
EXPLAIN ANALYZE SELECT * FROM ro_t
EXPLAIN CREATE TABLE ro_new AS SELECT 1
COPY ro_t TO STDOUT
COPY (SELECT 1) TO STDOUT
DECLARE c CURSOR FOR SELECT * FROM ro_t
PREPARE p AS SELECT 1
LOCK TABLE ro_t IN ACCESS SHARE MODE
LISTEN ro
NOTIFY ro
SET LOCAL work_mem = '1MB'
SET TRANSACTION READ ONLY
SET default_transaction_read_only = on
SELECT set_config('work_mem', '1MB', true)
SELECT currval('ro_s') WHERE false
SELECT set_config FROM (SELECT 1 AS set_config) x
DISCARD PLANS
"""
PG_WRITES = """
WITH a AS (DELETE FROM ro_t RETURNING *) SELECT * FROM a
WITH a AS MATERIALIZED (INSERT INTO ro_t VALUES (1) RETURNING *) TABLE a
WITH a AS (WITH b AS (SELECT 1) UPDATE ro_t SET note = 'a' RETURNING 1) SELECT 1
WITH a AS (SELECT 1) DELETE FROM ro_t
WITH values AS (SELECT 1) DELETE FROM ro_t
MERGE INTO ro_t USING (SELECT 1 AS id) s ON ro_t.id = s.id WHEN MATCHED THEN DELETE
SELECT * INTO ro_new FROM ro_t
CREATE TABLE ro_new AS SELECT 1
CREATE TEMP TABLE ro_new (a int)
SELECT * FROM ro_t FOR UPDATE
SELECT * FROM ro_t FOR NO KEY UPDATE
SELECT * FROM ro_t FOR SHARE
SELECT * FROM ro_t FOR KEY SHARE
DECLARE c CURSOR FOR SELECT * FROM ro_t FOR UPDATE
SELECT nextval('ro_s')
SELECT setval('ro_s', 1)
SELECT "nextval"('ro_s')
SELECT pg_catalog.setval('ro_s', 1)
SELECT lo_create(0)
SELECT lo_open(1, 131072)
SELECT lo_from_bytea(0, 'a')
EXPLAIN ANALYZE DELETE FROM ro_t
EXPLAIN (ANALYZE) INSERT INTO ro_t VALUES (1)
EXPLAIN (VERBOSE, ANALYZE) WITH a AS (DELETE FROM ro_t RETURNING 1) SELECT 1
EXPLAIN ANALYZE CREATE TABLE ro_new AS SELECT 1
COPY ro_t FROM STDIN
COPY (DELETE FROM ro_t RETURNING *) TO STDOUT
PREPARE p AS DELETE FROM ro_t
PREPARE as AS INSERT INTO ro_t VALUES (1)
DO $$ BEGIN DELETE FROM ro_t; END $$
COMMENT ON TABLE ro_t IS 'a'
SECURITY LABEL ON TABLE ro_t IS 'a'
CREATE SEQUENCE ro_s2
CREATE SCHEMA ro_x
CREATE FUNCTION ro_f() RETURNS int LANGUAGE sql AS 'SELECT 1'
CREATE ROLE ro_r
ALTER ROLE other SET work_mem = '1MB'
DROP ROLE IF EXISTS ro_r
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO other
REASSIGN OWNED BY other TO postgres
REFRESH MATERIALIZED VIEW ro_mv
LOCK TABLE ro_t
LOCK TABLE ro_t IN ROW EXCLUSIVE MODE
ANALYZE ro_t
REINDEX TABLE ro_t
CLUSTER ro_t
SET TRANSACTION READ WRITE
SET LOCAL transaction_read_only = off
SET default_transaction_read_only = off
SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE
RESET default_transaction_read_only
BEGIN READ WRITE
SELECT set_config('transaction_read_only', 'off', true)
SELECT set_config('transaction_' || 'read_only', 'off', true)
"""
MY_READS = """
SHOW TABLES
DESCRIBE ro_t
EXPLAIN SELECT * FROM ro_t
SELECT * FROM ro_t LOCK IN SHARE MODE
SELECT 1 INTO @a
SELECT replace('a', 'b', 'c'), insert('abc', 1, 1, 'x')
SELECT /*!40001 SQL_NO_CACHE */ 1
DO sleep(0)
HANDLER ro_t OPEN
SET @a = 1
SET SESSION sort_buffer_size = 65536
SET SESSION transaction_read_only = 1
SET NAMES utf8mb4
LOCK TABLES ro_t READ
PREPARE p FROM 'SELECT 1'
USE pets
KILL QUERY 4000000000
"""
MY_WRITES = """
REPLACE INTO ro_t VALUES (1, 'a')
SELECT * FROM ro_t FOR UPDATE
INSERT INTO ro_t VALUES (1, 'a') ON DUPLICATE KEY UPDATE note = 'b'
WITH a AS (SELECT 1 AS x) DELETE FROM ro_t WHERE id IN (SELECT x FROM a)
WITH a AS (SELECT 1 AS x) UPDATE ro_t SET note = 'a' WHERE id IN (SELECT x FROM a)
EXPLAIN DELETE FROM ro_t
EXPLAIN INSERT INTO ro_t VALUES (1, 'a')
EXPLAIN UPDATE ro_t SET note = 'a'
/*!40000 DELETE */ FROM ro_t
DELETE /*!99999 x */ FROM ro_t
/*!99999 EXPLAIN */ DELETE FROM ro_t
SELECT 1 INTO OUTFILE '/nonexistent/x'
LOAD DATA INFILE '/nonexistent/x' INTO TABLE ro_t
RENAME TABLE ro_t TO ro_u
CREATE TABLE ro_new AS SELECT 1
CREATE TEMPORARY TABLE ro_tmp (a int)
CREATE DATABASE ro_db
CREATE USER ro_user
DROP USER IF EXISTS ro_user
SET PASSWORD = 'x'
LOCK TABLES ro_t WRITE
CALL ro_p()
PREPARE p FROM 'DELETE FROM ro_t'
EXECUTE p
ANALYZE TABLE ro_t
OPTIMIZE TABLE ro_t
REPAIR TABLE ro_t
CHECK TABLE ro_t
FLUSH TABLES ro_t
SET SESSION transaction_read_only = 0
SET TRANSACTION READ WRITE
SET SESSION TRANSACTION READ WRITE
"""
MARIADB_WRITES = """
CREATE OR REPLACE TABLE ro_new (a int)
CREATE SEQUENCE ro_s2
SELECT NEXT VALUE FOR ro_s
SELECT nextval(ro_s)
SELECT setval(ro_s, 5)
ANALYZE DELETE FROM ro_t
ANALYZE FORMAT=JSON UPDATE ro_t SET note = 'a'
EXECUTE IMMEDIATE 'DELETE FROM ro_t'
SET STATEMENT max_statement_time = 1 FOR DELETE FROM ro_t
BEGIN NOT ATOMIC DELETE FROM ro_t; END
IF 1 THEN DELETE FROM ro_t; END IF
DELETE FROM ro_t RETURNING id
/*M! DELETE */ FROM ro_t
"""
MARIADB_READS = """
ANALYZE SELECT * FROM ro_t
SET STATEMENT max_statement_time = 1 FOR SELECT 1
SELECT lastval(ro_s)
"""
MYSQL_READS = """
TABLE ro_t
SELECT * FROM ro_t FOR SHARE
VALUES ROW(1, 2)
EXPLAIN ANALYZE SELECT * FROM ro_t
"""

PG_OBJECTS = """
CREATE TABLE ro_t (id int PRIMARY KEY, note text);
INSERT INTO ro_t VALUES (10, 'kept');
CREATE SEQUENCE ro_s;
CREATE MATERIALIZED VIEW ro_mv AS SELECT 1 AS a;
CREATE FUNCTION ro_hidden() RETURNS int LANGUAGE sql AS 'DELETE FROM ro_t RETURNING 1';
GRANT ALL ON ro_t, ro_mv TO PUBLIC;
GRANT ALL ON SEQUENCE ro_s TO PUBLIC;
"""
MY_OBJECTS = ["CREATE TABLE ro_t (id int PRIMARY KEY, note varchar(20))",
              "INSERT INTO ro_t VALUES (10, 'kept')",
              "CREATE PROCEDURE ro_p() DELETE FROM ro_t",
              "CREATE FUNCTION ro_hidden() RETURNS int DETERMINISTIC "
              "BEGIN DELETE FROM ro_t; RETURN 1; END"]


# Would last: of accounts.
NOT_AT_SERVER = ("SET PASSWORD", "CREATE USER", "DROP USER")


def lines(*texts: str) -> list[str]:
    return [line for text in texts for line in text.strip().splitlines()]


def statements(name: str) -> tuple[list[str], list[str]]:
    """What must pass, and what must be refused."""
    if name in POSTGRESQL:
        return lines(READS, PG_READS), lines(WRITES, PG_WRITES)
    own_reads, own_writes = (MARIADB_READS, MARIADB_WRITES) if name == "mariadb" else (MYSQL_READS, "")
    return lines(READS, MY_READS, own_reads), lines(WRITES, MY_WRITES, own_writes)


@contextmanager
def objects(server):
    if server.family == "postgresql":
        server.admin(PG_OBJECTS)
    else:
        for sql in MY_OBJECTS:
            server.admin(sql, schema.DATABASE)
        if server.name == "mariadb":
            server.admin("CREATE SEQUENCE ro_s", schema.DATABASE)
    try:
        yield
    finally:
        if server.family == "postgresql":
            server.admin("DROP TABLE IF EXISTS ro_t, ro_new CASCADE; DROP SEQUENCE IF EXISTS ro_s; "
                         "DROP MATERIALIZED VIEW IF EXISTS ro_mv; DROP FUNCTION ro_hidden")
        else:
            for sql in ("DROP TABLE IF EXISTS ro_t, ro_u, ro_new", "DROP VIEW IF EXISTS ro_v2", "DROP PROCEDURE ro_p", "DROP FUNCTION ro_hidden"):
                server.admin(sql, schema.DATABASE)
            if server.name == "mariadb":
                server.admin("DROP SEQUENCE IF EXISTS ro_s, ro_s2", schema.DATABASE)


def at_server(server):
    """Past sluice; on PostgreSQL, where all of it is rolled back, as one who may do everything."""
    if server.family == "postgresql":
        return psycopg.connect(host=str(server.folder), port=server.port, user="postgres",
                               dbname=schema.DATABASE, autocommit=True)
    return pymysql.connect(host=LOOPBACK, port=server.port, user=schema.APP, password=schema.PASSWORD,
                           database=schema.DATABASE, autocommit=True)


def code_of(failure: Exception) -> str:
    return str(failure.sqlstate) if isinstance(failure, psycopg.Error) else str(failure.args[0])


def run(client, sql: str):
    """Runs a statement whatever it answers; COPY too."""
    if isinstance(client, psycopg.Connection) and sql.upper().startswith("COPY"):
        with client.cursor() as cursor, cursor.copy(sql) as copy:
            if "STDIN" not in sql:
                list(copy)
        return
    with client.cursor() as cursor:
        cursor.execute(sql)


def server_refuses(server, sql: str) -> bool:
    """In a read only transaction of its own, which is rolled back."""
    if sql.startswith(NOT_AT_SERVER):
        return False
    client = at_server(server)
    try:
        if server.family == "mysql":  # some of it is not rolled back
            rows(client, MY_OBJECTS[0].replace("TABLE", "TABLE IF NOT EXISTS"))
        rows(client, "START TRANSACTION READ ONLY" if server.family == "mysql" else "BEGIN READ ONLY")
        run(client, sql)
    except ERRORS as failure:
        return code_of(failure) in READ_ONLY
    finally:
        client.close()
    return False


def sluice_refuses(at, sql: str) -> bool:
    with connection(at) as client:
        try:
            run(client, sql)
        except ERRORS as failure:
            return "is read only" in str(failure)
    return False


def behind_read_only(server, start, **options):
    return start(server, route={"middleware": ["read_only"]}, **options)


@pytest.mark.parametrize("name", [*POSTGRESQL, *MYSQL])
def test_sluice_refuses_whatever_the_server_would(server, start, name):
    reads, writes = statements(name)
    at = behind_read_only(server(name), start)
    with objects(server(name)):
        passed = [sql for sql in writes if not sluice_refuses(at, sql)]
        assert not passed, "passes, but writes:\n" + "\n".join(passed)
        client = at_server(server(name))
        assert rows(client, "SELECT * FROM ro_t") == [(10, "kept")]
        client.close()
        wrong = [f"passes, but the server refuses it: {sql}" for sql in reads if server_refuses(server(name), sql)]
        wrong += [f"is refused, but only reads: {sql}" for sql in reads if sluice_refuses(at, sql)]
        assert not wrong, "\n" + "\n".join(wrong)
        known = [sql for sql in writes if server_refuses(server(name), sql)]
        assert len(known) > len(writes) / 3, "the servers' own refusals are recognised"
    assert at.sluice.metric("sluice_middleware_refusals_total", middleware="read_only") >= len(writes)


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
def test_what_hides_in_a_function_is_refused_by_the_server(server, start, name):
    at = behind_read_only(server(name), start)
    with objects(server(name)), connection(at) as client:
        for _ in range(2):
            with pytest.raises(ERRORS) as refused:
                rows(client, "SELECT ro_hidden()")
            assert code_of(refused.value) in READ_ONLY and "sluice" not in str(refused.value)
        assert value(client, "SELECT COUNT(*) FROM ro_t") == 1


def test_codes_and_words(any_server, start):
    at = behind_read_only(any_server, start)
    with connection(at) as client:
        with pytest.raises(ERRORS) as refused:
            rows(client, "UPDATE scratch SET note = 'not for logs'")
        assert code_of(refused.value) == ("25006" if at.postgresql else "1792")
        assert 'the route "all" is read only: a statement that may write (update) was refused' in str(refused.value)
        assert value(client, "SELECT 1") == 1
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 1, "a refusal takes no backend"
    assert "not for logs" not in at.sluice.log_text()


def test_prepared_statements(server, start):
    at = behind_read_only(server("pg15"), start)
    with pg_connection(at) as client:
        for prepare in (False, True):
            with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
                client.execute("INSERT INTO scratch (id) VALUES (%s)", (1,), prepare=prepare)
            assert client.execute("SELECT %s::int", (7,), prepare=prepare).fetchone() == (7,)
    connector = pytest.importorskip("mysql.connector")
    at = behind_read_only(server("mysql"), start)
    with connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, ssl_disabled=True, use_pure=True) as client:
        cursor = client.cursor(prepared=True)
        with pytest.raises(connector.Error) as refused:
            cursor.execute("INSERT INTO scratch (id) VALUES (%s)", (1,))
        assert refused.value.errno == 1792
        cursor = client.cursor(prepared=True)
        cursor.execute("SELECT %s + 1", (7,))
        assert [int(one) for one in cursor.fetchone()] == [8]


def test_texts_of_several_statements(server, start):
    at = behind_read_only(server("pg15"), start)
    with pg_connection(at) as client:
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            rows(client, "SELECT 1; INSERT INTO scratch (id) VALUES (-900)")
        assert value(client, "SELECT count(*) FROM scratch WHERE id = -900") == 0
    at = behind_read_only(server("mysql"), start)
    with my_connection(at, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS) as client:
        with pytest.raises(pymysql.err.Error):
            rows(client, "SELECT 1; INSERT INTO scratch (id) VALUES (-900)")
        with pytest.raises(pymysql.err.Error):
            rows(client, "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; DELETE FROM scratch -- '")
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = -900") == 0


def test_a_refusal_within_a_transaction(any_server, start):
    """PostgreSQL's client takes the transaction for failed, as after each error; MySQL's goes on."""
    at = behind_read_only(any_server, start)
    with connection(at) as client:
        rows(client, "BEGIN")
        assert value(client, "SELECT 1") == 1
        with pytest.raises(ERRORS):
            rows(client, "DELETE FROM scratch")
        if at.postgresql:
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                rows(client, "SELECT 1")
        else:
            assert value(client, "SELECT 1") == 1
        rows(client, "ROLLBACK")
        assert value(client, "SELECT 1") == 1


def test_a_statement_too_long_to_be_seen(any_server, start):
    at = behind_read_only(any_server, start, extra={"limits": {"max_pinned_buffer": "64KiB"}})
    with connection(at) as client:
        assert value(client, f"SELECT '{'x' * 20_000}'") == "x" * 20_000
        with pytest.raises(ERRORS) as refused:
            rows(client, f"SELECT '{'x' * 200_000}'")
        assert code_of(refused.value) == ("54000" if at.postgresql else "1153")
        assert value(client, "SELECT 1") == 1


def test_writes_go_on_where_the_route_allows_them(any_server, start):
    config = config_for(any_server)
    config["users"].append({"name": "reports", "password": schema.PASSWORD})
    config["routes"] = [{"name": "reports", "match": {"user": "reports"}, "pool": "main",
                         "middleware": ["read_only"]}, {"name": "rest", "pool": "main"}]
    at = start(any_server, config)
    with connection(at.with_(user="reports")) as reports, connection(at) as app:
        for number in range(3):  # the same backends serve both
            with pytest.raises(ERRORS):
                rows(reports, f"INSERT INTO scratch (id) VALUES ({-910 - number})")
            rows(app, f"INSERT INTO scratch (id) VALUES ({-910 - number})")
            assert value(reports, f"SELECT COUNT(*) FROM scratch WHERE id = {-910 - number}") == 1
            rows(app, f"DELETE FROM scratch WHERE id = {-910 - number}")
