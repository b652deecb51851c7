"""State that one client leaves on a session is never seen by another, and never lost to its owner.

A does something and stays; B, on the same pool, must not notice. A must still have it afterwards,
however many others used the pool in between. Each row: what A does, what is asked, what A and B get.
"""

import pytest
from clients import my_connection, pg_connection, rows, value
from conftest import MYSQL, POSTGRESQL

PG_STATE = {
    "set": ("SET work_mem = '7MB'", "SHOW work_mem", "7MB", "4MB"),
    "set_config": ("SELECT set_config('work_mem', '7MB', false)", "SHOW work_mem", "7MB", "4MB"),
    "search_path": ("SET search_path = pg_catalog", "SHOW search_path", "pg_catalog",
                    '"$user", public'),
    "time_zone": ("SET TIME ZONE 'Asia/Seoul'", "SELECT current_setting('TimeZone') = 'Asia/Seoul'",
                  True, False),
    "custom": ("SET my.variable = 'mine'", "SELECT coalesce(current_setting('my.variable', true), '')",
               "mine", ""),
    "characteristics": ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                        "SHOW default_transaction_read_only", "on", "off"),
    "temp_table": ("CREATE TEMP TABLE mine AS SELECT 1 AS n",
                   "SELECT count(*) FROM pg_class WHERE relname = 'mine' AND pg_table_is_visible(oid)",
                   1, 0),
    "sql_prepare": ("PREPARE mine AS SELECT 1", "SELECT count(*) FROM pg_prepared_statements "
                    "WHERE name = 'mine'", 1, 0),
    "cursor_with_hold": ("DECLARE mine CURSOR WITH HOLD FOR SELECT 1",
                         "SELECT count(*) FROM pg_cursors WHERE name = 'mine'", 1, 0),
    "listen": ("LISTEN mine", "SELECT count(*) FROM pg_listening_channels()", 1, 0),
    "advisory_lock": ("SELECT pg_advisory_lock(4711)",
                      "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 "
                      "AND pid = pg_backend_pid()", 1, 0),
    # Refused rather than answered with another client's value: the one state that is neither carried
    # nor pinned, since a pin would hold a backend for every session that takes keys from a sequence.
    "sequence": ("SELECT nextval('users_id_seq')", "SELECT lastval() > 0", None, None),
}

MY_STATE = {
    "user_variable": ("SET @mine = 5", "SELECT @mine", 5, None),
    "user_variable_in_select": ("SELECT @mine := 6", "SELECT @mine", 6, None),
    "set_session": ("SET SESSION sort_buffer_size = 65536", "SELECT @@sort_buffer_size = 65536", 1, 0),
    "sql_mode": ("SET sql_mode = 'ANSI'", "SELECT @@sql_mode LIKE '%ANSI_QUOTES%'", 1, 0),
    "time_zone": ("SET time_zone = '+09:00'", "SELECT @@time_zone", "+09:00", "SYSTEM"),
    "set_names": ("SET NAMES latin1", "SELECT @@character_set_results", "latin1", "utf8mb4"),
    "temporary_table": ("CREATE TEMPORARY TABLE mine SELECT 1 AS n",
                        "SELECT COUNT(*) FROM mine", 1, 1146),
    "get_lock": ("SELECT GET_LOCK('leak', 1)",
                 "SELECT COALESCE(IS_USED_LOCK('leak') = CONNECTION_ID(), 0)", 1, 0),
    "lock_tables": ("LOCK TABLES pets READ", "SELECT COUNT(*) > 0 FROM scratch", 1100, None),
    "sql_prepare": ("PREPARE mine FROM 'SELECT 9'", "EXECUTE mine", 9, 1243),
    "use": ("USE information_schema", "SELECT DATABASE()", "information_schema", "pets"),
    "autocommit": ("SET autocommit = 0", "SELECT @@autocommit", 0, 1),
    "last_insert_id": ("INSERT INTO users (name) VALUES ('kept for its id')",
                       "SELECT LAST_INSERT_ID() > 0", 1, 0),
    "variable_in_procedure": ("SET @mine = 1, @@session.group_concat_max_len = 77",
                              "SELECT @@group_concat_max_len = 77", 1, 0),
}


def ask(client, sql):
    """The value, or the number (MySQL) of the error, or None for an error of PostgreSQL."""
    try:
        return value(client, sql)
    except Exception as failure:
        number = failure.args[0] if failure.args else None
        return number if isinstance(number, int) else None


def same(got, wanted) -> bool:
    return wanted is None and not got or got == wanted or str(got) == str(wanted)


@pytest.mark.parametrize("name", POSTGRESQL)
@pytest.mark.parametrize("state", PG_STATE)
def test_postgresql(server, start, name, state):
    does, asks, mine, others = PG_STATE[state]
    at = start(server(name), pool_size=2)
    with pg_connection(at) as a, pg_connection(at) as b:
        rows(a, does)
        for _ in range(4):
            assert same(ask(b, asks), others)
            assert same(ask(a, asks), mine)
    with pg_connection(at) as c, pg_connection(at) as d:  # A left: nobody inherits it
        for client in (c, d):
            rows(client, "BEGIN")
            assert same(ask(client, asks), others)


@pytest.mark.parametrize("name", MYSQL)
@pytest.mark.parametrize("state", MY_STATE)
def test_mysql(server, start, name, state):
    does, asks, mine, others = MY_STATE[state]
    at = start(server(name), pool_size=2)
    with my_connection(at) as a, my_connection(at) as b:
        rows(a, does)
        for _ in range(4):
            assert same(ask(b, asks), others)
            assert same(ask(a, asks), mine)
    with my_connection(at) as c, my_connection(at) as d:
        for client in (c, d):
            rows(client, "BEGIN")
            assert same(ask(client, asks), others)


@pytest.mark.parametrize("name", POSTGRESQL)
def test_set_local_ends_with_its_transaction(server, start, name):
    at = start(server(name), pool_size=1, pool_timeout="5s")
    with pg_connection(at) as a, pg_connection(at) as b:
        rows(a, "BEGIN")
        rows(a, "SET LOCAL work_mem = '8MB'")
        assert value(a, "SHOW work_mem") == "8MB"
        rows(a, "COMMIT")
        assert value(b, "SHOW work_mem") == "4MB"
        assert value(a, "SHOW work_mem") == "4MB"


@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_setting_that_was_rolled_back(server, start, name):
    at = start(server(name), pool_size=2)
    with pg_connection(at) as a, pg_connection(at) as b:
        rows(a, "BEGIN")
        rows(a, "SET work_mem = '9MB'")
        rows(a, "ROLLBACK")
        assert value(b, "SHOW work_mem") == "4MB"
        assert value(a, "SHOW work_mem") == "4MB"


@pytest.mark.parametrize("name", POSTGRESQL)
def test_state_made_clean_again_frees_the_backend(server, start, name):
    at = start(server(name), pool_size=1, pool_timeout="5s")
    with pg_connection(at) as a, pg_connection(at) as b:
        rows(a, "SET work_mem = '7MB'")
        rows(a, "DISCARD ALL")
        assert value(b, "SHOW work_mem") == "4MB"
        assert value(a, "SHOW work_mem") == "4MB"


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_pin_is_counted_by_reason(server, start, name):
    at = start(server(name), pool_size=2)
    with pg_connection(at) as a:
        rows(a, "CREATE TEMP TABLE mine (n int)")
        value(a, "SELECT 1")
        pins = {k: v for k, v in at.sluice.metrics().items() if k.startswith("sluice_pins_total{")}
        assert sum(pins.values()) >= 1, pins
