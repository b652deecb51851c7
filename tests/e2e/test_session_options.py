"""What sessions of a pool start with: init_sql, read_only, autocommit; and pool_mode: statement."""

import time

import psycopg
import pymysql
import pytest
from clients import connection, my_connection, pg_connection, rows, run, value
from harness import schema, tools
from harness.process import LOOPBACK

pytestmark = pytest.mark.proxy_only

ALL = ["pg15", "pg18", "mariadb", "mysql"]
MYSQL = ["mariadb", "mysql"]

INIT = {
    True: ("SET statement_timeout = '47s'; SET my.tenant = 'a;b'",
           "SELECT current_setting('statement_timeout') || ' ' || current_setting('my.tenant')",
           "47s a;b"),
    False: ("SET group_concat_max_len = 4747; SET time_zone = '+04:07'",
            "SELECT CONCAT(@@group_concat_max_len, ' ', @@time_zone)", "4747 +04:07"),
}
OVERRIDE = {True: "SET statement_timeout = '5s'", False: "SET group_concat_max_len = 555"}


# ---- init_sql

@pytest.mark.parametrize("name", ALL)
def test_init_sql_is_where_every_session_starts(server, start, name):
    at = start(server(name), init_sql=INIT[not name.startswith("m")][0], pool_size=1)
    _, asks, wanted = INIT[at.postgresql]
    with connection(at) as a, connection(at) as b:
        assert value(a, asks) == wanted
        rows(a, OVERRIDE[at.postgresql])
        assert value(a, asks) != wanted
        assert value(b, asks) == wanted
        assert value(a, asks) != wanted


@pytest.mark.parametrize("name", ALL)
def test_init_sql_runs_again_after_a_reset(server, start, name):
    at = start(server(name), init_sql=INIT[not name.startswith("m")][0], pool_size=1,
               pool_reset_on_return="full")
    _, asks, wanted = INIT[at.postgresql]
    for _ in range(3):
        with connection(at) as client:
            assert value(client, asks) == wanted


@pytest.mark.parametrize("name", MYSQL)
def test_autocommit_is_the_clients_after_every_reset(server, start, name):
    at = start(server(name), init_sql="SET autocommit=0", pool_size=1, pool_reset_on_return="full")
    for _ in range(4):
        with connection(at) as client:
            client.autocommit(True)
            rows(client, "SET @pins = 1")
        with my_raw(at, autocommit=None) as raw:
            assert value(raw, "SELECT @@autocommit") == 1


@pytest.mark.parametrize("sql", ["RESET ALL", "RESET statement_timeout", "DISCARD ALL"])
def test_init_sql_outlives_a_sessions_own_reset(server, start, sql):
    at = start(server("pg15"), init_sql=INIT[True][0], pool_size=1)
    with pg_connection(at) as a, pg_connection(at) as b:
        rows(a, OVERRIDE[True])
        rows(a, sql)
        assert value(a, INIT[True][1]) == INIT[True][2]
        assert value(b, INIT[True][1]) == INIT[True][2]


@pytest.mark.parametrize("name", ["pg15", "mysql"])
def test_a_failing_init_sql_is_told_to_the_client(server, start, name):
    at = start(server(name), init_sql="SELECT no_such_thing", pool_size=1)
    with pytest.raises((psycopg.Error, pymysql.Error)) as refused:
        with connection(at) as client:
            rows(client, "SELECT 1")
    assert "init_sql failed" in str(refused.value)
    assert "no_such_thing" in str(refused.value)


# ---- read_only

@pytest.mark.parametrize("name", ALL)
def test_read_only_refuses_writes_until_the_client_says_otherwise(server, start, name):
    at = start(server(name), read_only=True, pool_size=2)  # an error holds a MySQL backend
    with connection(at) as client, connection(at) as other:
        for _ in range(2):
            with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, pymysql.Error)) as refused:
                rows(client, "INSERT INTO users (name) VALUES ('nobody')")
            if not at.postgresql:
                assert refused.value.args[0] == 1792
        rows(client, "SET default_transaction_read_only = off" if at.postgresql
             else "SET SESSION TRANSACTION READ WRITE")
        rows(client, "INSERT INTO users (name) VALUES ('somebody')")
        with pytest.raises((psycopg.errors.ReadOnlySqlTransaction, pymysql.Error)):
            rows(other, "INSERT INTO users (name) VALUES ('nobody')")
        rows(client, "DELETE FROM users WHERE name = 'somebody'")


# ---- autocommit

def my_raw(at, **options):
    return pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, connect_timeout=10, **options)


@pytest.mark.parametrize("name", MYSQL)
@pytest.mark.parametrize("wanted", [False, True])
def test_sessions_start_with_the_pools_autocommit(server, start, name, wanted):
    at = start(server(name), autocommit=wanted, pool_size=2)
    client = my_raw(at, autocommit=None)
    other = my_raw(at, autocommit=None)
    try:
        rows(client, "DO 0")  # PyMySQL reads the status of statements alone, not of the login
        assert client.get_autocommit() == wanted
        assert value(client, "SELECT @@autocommit") == int(wanted)
        rows(client, "INSERT INTO users (name) VALUES ('pending')")
        seen = value(other, "SELECT COUNT(*) FROM users WHERE name = 'pending'")
        assert seen == int(wanted)
        client.rollback()
        other.rollback()
        assert value(other, "SELECT COUNT(*) FROM users WHERE name = 'pending'") == int(wanted)
        rows(client, "DELETE FROM users WHERE name = 'pending'")
        client.commit()
    finally:
        client.close()
        other.close()


# ---- pool_mode: statement

@pytest.mark.parametrize("name", ALL)
def test_statement_mode_refuses_transactions_and_goes_on(server, start, name):
    at = start(server(name), pool_mode="statement", pool_size=1)
    with connection(at) as a, connection(at) as b:
        for sql in ["BEGIN", "START TRANSACTION"] + ([] if at.postgresql else
                                                     ["SET autocommit = 0", "XA START 'x'"]):
            with pytest.raises((psycopg.errors.FeatureNotSupported, pymysql.Error)) as refused:
                rows(a, sql)
            assert "refused in pool_mode statement" in str(refused.value)
            assert value(a, "SELECT 1") == 1
            assert value(b, "SELECT 2") == 2  # one backend: nobody holds it
        rows(a, "INSERT INTO users (name) VALUES ('statement')")
        assert value(b, "SELECT COUNT(*) FROM users WHERE name = 'statement'") == 1
        rows(b, "DELETE FROM users WHERE name = 'statement'")


@pytest.mark.parametrize("name", ["pg15", "pg18"])
def test_statement_mode_takes_a_transaction_in_one_text(server, start, name):
    at = start(server(name), pool_mode="statement", pool_size=1)
    with pg_connection(at) as client:
        client.pgconn.exec_(b"BEGIN; INSERT INTO users (name) VALUES ('one text'); COMMIT")
        assert value(client, "SELECT count(*) FROM users WHERE name = 'one text'") == 1
        failed = client.pgconn.exec_(b"BEGIN; DELETE FROM users WHERE name = 'one text'; SELECT 1/0; COMMIT")
        assert b"division by zero" in failed.error_message
        assert value(client, "SELECT count(*) FROM users WHERE name = 'one text'") == 1
        rows(client, "DELETE FROM users WHERE name = 'one text'")


@pytest.mark.parametrize("name", MYSQL)
def test_statement_mode_rolls_back_what_is_open_all_the_same(server, start, name):
    at = start(server(name), pool_mode="statement", pool_size=2)
    with my_connection(at) as a, my_connection(at) as b:
        rows(a, "DROP PROCEDURE IF EXISTS leaves_it_open")
        rows(a, "CREATE PROCEDURE leaves_it_open() BEGIN START TRANSACTION; "
                "INSERT INTO users (name) VALUES ('half'); END")
        with pytest.raises(pymysql.Error) as refused:
            rows(a, "CALL leaves_it_open()")
        assert "rolled back" in str(refused.value)
        assert value(a, "SELECT COUNT(*) FROM users WHERE name = 'half'") == 0
        rows(a, "DROP PROCEDURE leaves_it_open")
        assert value(b, "SELECT 2") == 2


@pytest.mark.parametrize("protocol", ["simple", "extended", "prepared"])
def test_pgbench_in_statement_mode(server, start, protocol):
    its = server("pg15")
    made = run([its.bin / "pgbench", "-i", "-q", "-h", LOOPBACK, "-p", its.port, "-U", schema.APP,
                schema.DATABASE], env={"PGPASSWORD": schema.PASSWORD})
    assert made.returncode == 0, made.stderr
    at = start(its, pool_mode="statement", pool_size=4)
    done = run([tools.pg_client("pgbench"), "-n", "-S", "-M", protocol, "-c", "8", "-t", "50",
                "-h", at.host, "-p", at.port, "-U", at.user, at.database],
               env={"PGPASSWORD": at.password, "PGSSLMODE": "disable"})
    assert done.returncode == 0 and "ERROR" not in done.stderr, done.stderr
    assert "400/400" in done.stdout


# ---- a server that says goodbye

@pytest.mark.parametrize("name", ["pg15", "pg18"])
def test_a_backend_that_is_told_to_go_is_counted_and_not_seen(server, start, name):
    its = server(name)
    at = start(its, pool_size=1)
    with pg_connection(at) as client, \
            psycopg.connect(host=LOOPBACK, port=its.port, user=schema.APP, dbname=schema.DATABASE,
                            password=schema.PASSWORD, autocommit=True) as direct:
        rows(client, "SET application_name = 'to_be_terminated'")
        assert value(client, "SELECT 1") == 1
        assert value(direct, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                             "WHERE application_name = 'to_be_terminated'") == 1
        deadline = time.monotonic() + 10
        while at.sluice.metric("sluice_backend_errors_total", reason="backend_shutdown") == 0:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(3):
            assert value(client, "SELECT 2") == 2
    assert at.sluice.metric("sluice_backend_errors_total", reason="backend_shutdown") == 1
