"""What sessions of a pool start with: init_sql, read_only, autocommit; and pool_mode: statement."""

import psycopg
import pymysql
import pytest
from clients import connection, my_connection, pg_connection, rows, value

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
