"""Routes: which one a login takes by each member of `match`, and what its sessions start with."""

import threading
import time

import psycopg
import pymysql
import pytest
from clients import connection, my_connection, pg_connection, psql, rows, value
from conftest import config_for, listener
from harness import schema
from harness.process import wait_until
from harness.sluice import check

pytestmark = pytest.mark.proxy_only


def named(server, name: str, **options) -> dict:
    """A route whose sessions know its name."""
    sql = f"SET app.route = '{name}'" if server.family == "postgresql" else f"SET @route = '{name}'"
    return {"name": name, "pool": "main", "init_sql": sql, **options}


def routed(server, *matches, **options) -> dict:
    """One route for each match, `r0`, `r1` and so on, and `rest` behind them."""
    config = config_for(server, **options)
    config["routes"] = [named(server, f"r{i}", match=match) for i, match in enumerate(matches)]
    config["routes"].append(named(server, "rest"))
    return config


def route_of(client) -> str:
    postgresql = isinstance(client, psycopg.Connection)
    return value(client, "SELECT current_setting('app.route')" if postgresql else "SELECT @route")


def code_of(failure: Exception) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


def test_by_user_and_database(any_server, start):
    config = routed(any_server, {"user": "rep*", "database": "nowhere"}, {"user": "rep*"},
                    users=[{"name": name, "password": schema.PASSWORD} for name in (schema.APP, "reports")])
    at = start(any_server, config)
    with connection(at) as app, connection(at.with_(user="reports")) as reports:
        assert (route_of(app), route_of(reports)) == ("rest", "r1")
    assert at.sluice.metric("sluice_route_sessions_total", route="r1") == 1
    assert at.sluice.metric("sluice_route_sessions_total", route="r0") == 0


def test_by_listener(any_server, start):
    config = routed(any_server, {"listener": "sec*"})
    config["listeners"].append({**listener(any_server), "name": "second"})
    at = start(any_server, config)
    second = int(config["listeners"][1]["bind"].rsplit(":", 1)[1])
    with connection(at) as first, connection(at.with_(port=second)) as other:
        assert (route_of(first), route_of(other)) == ("rest", "r0")


def test_by_address(any_server, start):
    at = start(any_server, routed(any_server, {"address": ["10.0.0.0/8", "::1"]},
                                  {"address": ["192.0.2.1", "127.0.0.0/8"]}))
    with connection(at) as client:
        assert route_of(client) == "r1"


def test_by_application_name_and_startup_parameters(server, start):
    at = start(server("pg15"), routed(server("pg15"), {"application_name": "batch-*"},
                                      {"attributes": {"sluice.env": "prod"}},
                                      {"attributes": {"work_mem": "8*"}}))
    for options, wanted in (({"application_name": "batch-7"}, "r0"), ({"application_name": "web"}, "rest"),
                            ({"options": "-c sluice.env=prod"}, "r1"), ({"options": "-c work_mem=8MB"}, "r2")):
        with pg_connection(at, **options) as client:
            assert route_of(client) == wanted, options
    assert value_of_setting(at, "sluice.env", options="-c sluice.env=prod") is None, "it goes no further"


def value_of_setting(at, name: str, **options):
    with pg_connection(at, **options) as client:
        return value(client, "SELECT current_setting(%s, true)", (name,))


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_by_connection_attributes(server, start, name):
    at = start(server(name), routed(server(name), {"application_name": "batch-*"},
                                    {"attributes": {"sluice.env": "prod"}}))
    for attributes, wanted in (({"program_name": "batch-7"}, "r0"), ({"program_name": "web"}, "rest"),
                               ({"sluice.env": "prod"}, "r1"), ({"other": "prod"}, "rest")):
        assert route_with_attributes(at, attributes) == wanted, attributes


def route_with_attributes(at, attributes: dict) -> str:
    connector = pytest.importorskip("mysql.connector")
    with connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, conn_attrs=attributes, ssl_disabled=True,
                           use_pure=True) as client:
        cursor = client.cursor()
        cursor.execute("SELECT @route")
        return cursor.fetchone()[0]


def test_settings_of_the_route_go_with_the_session(any_server, start):
    at = start(any_server, routed(any_server, {"user": "reports"}, pool_size=1,
                                  users=[{"name": name, "password": schema.PASSWORD}
                                         for name in (schema.APP, "reports")]))
    with connection(at) as app, connection(at.with_(user="reports")) as reports:
        for _ in range(3):  # one backend: it serves both in turn
            assert (route_of(app), route_of(reports)) == ("rest", "r0")


def test_a_route_that_is_read_only(any_server, start):
    config = config_for(any_server, route={"read_only": True})
    at = start(any_server, config)
    with connection(at) as client:
        with pytest.raises((psycopg.Error, pymysql.Error)) as refused:
            rows(client, "CREATE TABLE route_read_only (id int)")
        assert code_of(refused.value) == ("25006" if at.postgresql else "1792")


def test_a_route_without_autocommit(server, start):
    at = start(server("mariadb"), config_for(server("mariadb"), route={"autocommit": False}))
    with my_connection(at, autocommit=None) as client:
        assert value(client, "SELECT @@autocommit") == 0
        rows(client, "SET autocommit = 1")
        assert value(client, "SELECT @@autocommit") == 1, "what the client sets wins"


@pytest.mark.parametrize("where", ["pool", "route"])
def test_autocommit_as_the_isolation_level(any_server, start, where):
    level = {"isolation_level": "AUTOCOMMIT"}
    at = start(any_server, config_for(any_server, **({"route": level} if where == "route" else level)))
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1


def test_limits_of_a_route(any_server, start):
    config = routed(any_server, {"user": "reports"},
                    users=[{"name": name, "password": schema.PASSWORD} for name in (schema.APP, "reports")],
                    extra={"limits": {"query_timeout": "10s"}})
    config["routes"][0]["timeouts"] = {"query_timeout": "300ms", "idle_transaction_timeout": "500ms"}
    at = start(any_server, config)
    sleep = "SELECT pg_sleep(1)" if at.postgresql else "SELECT COUNT(*) FROM information_schema.columns a, " \
        "information_schema.columns b, information_schema.columns c"
    with connection(at.with_(user="reports")) as reports, connection(at) as app:
        began = time.monotonic()
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(reports, sleep)
        assert time.monotonic() - began < 5
        assert value(reports, "SELECT 1") == 1
        rows(app, "BEGIN")
        rows(reports, "BEGIN")
        time.sleep(1.5)
        assert value(app, "SELECT 1") == 1
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(reports, "SELECT 1")
    assert at.sluice.metric("sluice_sessions_ended_total", reason="idle_transaction_timeout") == 1


def test_read_uncommitted_is_accepted_and_told_of_once(any_server, start):
    config = routed(any_server, {"user": "reports"},
                    users=[{"name": name, "password": schema.PASSWORD} for name in (schema.APP, "reports")])
    config["routes"][0]["isolation_level"] = "READ UNCOMMITTED"
    at = start(any_server, config)
    for _ in range(3):
        with connection(at.with_(user="reports")) as client:
            assert value(client, "SELECT 1") == 1
    with connection(at) as client:
        rows(client, "SET default_transaction_isolation = 'read uncommitted'" if at.postgresql
             else "SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        assert value(client, "SELECT 1") == 1
        assert value(client, "SELECT 1") == 1
    log = at.sluice.log_text()
    told = [line for line in log.splitlines() if " read_uncommitted " in line]
    assert [sum(f" route={route} " in line for line in told) for route in ("r0", "rest")] == [1, 1], log
    count = "sluice_read_uncommitted_sessions_total"
    assert at.sluice.metric(count, route="r0") == 3
    assert at.sluice.metric(count, route="rest") == 1


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_read_uncommitted_for_one_transaction_is_told_of(server, start, name):
    at = start(server(name), config_for(server(name)))
    with my_connection(at) as client:
        rows(client, "SET TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        rows(client, "START TRANSACTION")
        rows(client, "SELECT 1")
        rows(client, "COMMIT")
        assert at.sluice.metric("sluice_read_uncommitted_sessions_total", route="all") == 1
    with my_connection(at) as client:
        rows(client, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        rows(client, "SELECT 1")
    assert at.sluice.metric("sluice_read_uncommitted_sessions_total", route="all") == 1


def limited(server, **route) -> dict:
    return config_for(server, route={"middleware": [{"connection_limit": {"per_user": 1}}], **route})


def attempt(at) -> Exception:
    with pytest.raises((psycopg.Error, pymysql.Error)) as refused:
        with connection(at):
            pass
    return refused.value


def test_a_route_words_its_refusals(any_server, start):
    words = {"message": "come back later", "sqlstate": "53333", "errno": 4711}
    at = start(any_server, limited(any_server, on_refuse=words))
    with connection(at):
        refused = attempt(at)
        assert "come back later" in str(refused)
        if at.postgresql:
            assert "53333" in psql(at, "SELECT 1", env={"PGOPTIONS": ""}).stderr or refused.sqlstate in (None, "53333")
        else:
            assert refused.args[0] == 4711
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1, "the place is free when its session has ended"
    where = {"route": "all", "middleware": "connection_limit"}
    assert at.sluice.metric("sluice_middleware_refusals_total", reason="connections", **where) >= 1
    assert at.sluice.metric("sluice_middleware_verdicts_total", verdict="refused", **where) >= 1


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_another_user_on_the_same_connection_begins_anew(server, start, name):
    """COM_CHANGE_USER: the chain of the old user is closed before that of the new one begins."""
    connector = pytest.importorskip("mysql.connector")
    config = limited(server(name))
    config["users"].append({"name": schema.OTHER, "password": schema.PASSWORD})
    at = start(server(name), config)
    with connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, ssl_disabled=True, use_pure=True) as client:
        for user in (schema.APP, schema.OTHER, schema.APP):
            client.cmd_change_user(user, at.password, at.database)
            cursor = client.cursor()
            cursor.execute("SELECT 1")
            assert cursor.fetchone() == (1,)
        assert attempt(at).args[0] == 1226
        with connection(at.with_(user=schema.OTHER)):
            pass


def test_what_cannot_be_made_is_told_by_check_and_at_the_start(any_server, tmp_path):
    secret = tmp_path / "jwks.json"
    secret.write_text("{}")
    secret.chmod(0o644)
    tmp_path.chmod(0o755)
    config = config_for(any_server, extra={"middleware": [{"require_token": {"jwks_file": str(secret)}}]})
    found = check({"version": 1, **config})
    assert found.returncode == 1
    assert "middleware require_token (line " in found.stderr and str(secret) in found.stderr
    assert check({"version": 1, **config}, "--offline").returncode == 0


def with_rules(server, *rules, **options) -> dict:
    """A route with rules, and a second pool as another user of the database."""
    config = config_for(server, route={"middleware": [{"statement_rules": list(rules)}]}, **options)
    config["pools"]["elsewhere"] = {**config["pools"]["main"], "url": server.url(user=schema.OTHER)}
    return config


def whoami(client, name="here", **options) -> str:
    asked = f"SELECT current_user AS {name}"
    if isinstance(client, psycopg.Connection):
        return client.execute(asked, **options).fetchone()[0]
    return value(client, asked.replace("current_user", "SUBSTRING_INDEX(CURRENT_USER(), '@', 1)"))


def test_a_rule_sends_statements_to_another_pool(any_server, start):
    at = start(any_server, with_rules(any_server, {"match": " elsewhere", "pool": "elsewhere"}))
    with connection(at) as client:
        for _ in range(3):
            assert whoami(client) == schema.APP
            assert whoami(client, "elsewhere") == schema.OTHER
        rows(client, "BEGIN")
        assert whoami(client) == schema.APP
        assert whoami(client, "elsewhere") == schema.APP, "a transaction stays where it is"
        rows(client, "COMMIT")
        assert whoami(client, "elsewhere") == schema.OTHER
    assert at.sluice.metric("sluice_queries_total", pool="elsewhere", result="ok") == 4


def test_a_rule_sends_prepared_statements_to_another_pool(server, start):
    at = start(server("pg15"), with_rules(server("pg15"), {"match": " elsewhere", "pool": "elsewhere"}))
    with pg_connection(at) as client:
        for _ in range(4):
            assert whoami(client, prepare=True) == schema.APP
            assert whoami(client, "elsewhere", prepare=True) == schema.OTHER


def test_a_rule_bounds_the_time_of_a_statement(any_server, start):
    at = start(any_server, with_rules(any_server, {"match": " slow", "timeout": "300ms"}, workers=1))
    tables = ", ".join(f"information_schema.columns {a}" for a in "abc")
    sleep = {True: "SELECT pg_sleep({}) AS {}", False: f"SELECT COUNT(*) AS {{1}}, {{0}} FROM {tables}"}[at.postgresql]
    with connection(at) as client:
        began = time.monotonic()
        with pytest.raises((psycopg.Error, pymysql.Error)) as cancelled:
            rows(client, sleep.format(8, "slow"))
        assert time.monotonic() - began < 4
        assert code_of(cancelled.value) in ("57014", "1317")
        if at.postgresql:
            assert rows(client, sleep.format(1, "quick"))
        assert value(client, "SELECT 1") == 1
    assert at.sluice.metric("sluice_query_timeouts_total", pool="main") == 1


def test_a_limit_of_prepared_statements_holds_no_backend(server, start):
    """One backend, and sessions whose requests wait: others are served meanwhile."""
    limit = {"requests_per_second": 0.016, "burst": 1, "max_delay": "10m", "per": "session"}
    config = config_for(server("pg15"), pool_size=1, workers=1, users=[
        {"name": name, "password": schema.PASSWORD} for name in (schema.APP, "slow")])
    config["routes"] = [{"name": "slow", "match": {"user": "slow"}, "pool": "main",
                         "middleware": [{"rate_limit": limit}]}, {"name": "rest", "pool": "main"}]
    at = start(server("pg15"), config)
    with pg_connection(at) as free, pg_connection(at.with_(user="slow")) as slow:
        for prepare in (False, True):
            slow.execute("SELECT 1", prepare=True) if not prepare else None
            sender = threading.Thread(target=lambda: pytest.raises(psycopg.Error, slow.execute, "SELECT 1", prepare=prepare))
            sender.start()
            wait_until(lambda: at.sluice.metric("sluice_client_connections", state="waiting") == 1, 10, "it waits")
            assert value(free, "SELECT 1") == 1
            slow.cancel()
            sender.join(10)
            assert not sender.is_alive()
