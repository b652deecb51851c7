"""address_rules, connection_limit, rate_limit, statement_timeout and settings, with real clients."""

import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from clients import connection, mysql, pg_connection, psql, rows, value
from conftest import config_for
from harness import schema
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error)


def behind(server, start, *chain, users=(), **options):
    names = [schema.APP, *users]
    return start(server, route={"middleware": list(chain)},
                 users=[{"name": name, "password": schema.PASSWORD} for name in names], **options)


def code_of(failure: Exception) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


def refusals(at, middleware: str) -> float:
    return at.sluice.metric("sluice_middleware_refusals_total", middleware=middleware)


def assert_refused(at, said: str, errno: int):
    """psycopg has no code of a failed login; psql shows it."""
    if at.postgresql:
        done = psql(at, "SELECT 1")
        assert done.returncode == 2 and said in done.stderr, done.stderr
        return
    with pytest.raises(pymysql.err.Error) as refused:
        with connection(at):
            pass
    assert refused.value.args[0] == errno and said in refused.value.args[1]


# ---- address_rules

@pytest.mark.parametrize("rules, comes_in", [
    ({"allow": ["127.0.0.0/8"]}, True),
    ({"allow": ["10.0.0.0/8", "::/0"]}, False),
    ({"deny": ["127.0.0.1"]}, False),
    ({"deny": ["10.0.0.0/8"]}, True),
    ({"allow": ["127.0.0.0/8"], "deny": ["127.0.0.1/32"]}, False),
])
def test_address_rules(any_server, start, rules, comes_in):
    at = behind(any_server, start, {"address_rules": rules})
    if comes_in:
        with connection(at) as one:
            assert value(one, "SELECT 1") == 1
        return
    assert_refused(at, "connections from 127.0.0.1 are not allowed here", 1130)
    assert refusals(at, "address_rules") >= 1
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 0


def test_command_line_clients_hear_of_it(server, start):
    at = behind(server("mysql"), start, {"address_rules": {"deny": ["127.0.0.0/8"]}})
    done = mysql(at, "SELECT 1")
    assert done.returncode == 1 and "ERROR 1130 (HY000): connections from 127.0.0.1" in done.stderr


# ---- connection_limit

def test_connections_of_a_user(any_server, start):
    at = behind(any_server, start, {"connection_limit": {"per_user": 2}}, users=[schema.OTHER])
    with connection(at) as first, connection(at.with_(user=schema.OTHER)):
        with connection(at) as second:
            assert value(second, "SELECT 2") == 2
            assert_refused(at, "connection_limit.per_user is 2", 1226)
            assert value(first, "SELECT 1") == 1
        with connection(at) as again:
            assert value(again, "SELECT 3") == 3
    assert at.sluice.metric("sluice_middleware_refusals_total", middleware="connection_limit",
                            reason="connections") >= 1


def test_connections_are_given_back_however_they_end(any_server, start):
    at = behind(any_server, start, {"connection_limit": {"total": 2}})

    def comes_in():
        try:
            with connection(at) as one:
                return value(one, "SELECT 1") == 1
        except ERRORS:
            return False

    for _ in range(3):
        with pytest.raises(ERRORS):  # a login that fails is not counted
            with connection(at.with_(password="wrong")):
                pass
    for broken in range(3):  # clients that are gone without a word, one in a transaction
        with ExitStack() as stack:
            clients = [stack.enter_context(connection(at)) for _ in range(2)]
            rows(clients[0], "BEGIN")
            rows(clients[0], f"INSERT INTO scratch VALUES ({-700 - broken}, 'lost')")
            assert not comes_in()
            for one in clients:
                one.pgconn.finish() if at.postgresql else one._force_close()
        wait_until(comes_in, 5, "the sessions that were lost are given back")
    with connection(at) as one:
        assert value(one, "SELECT COUNT(*) FROM scratch WHERE id BETWEEN -710 AND -700") == 0


def test_connections_are_counted_exactly_over_workers(any_server, start):
    at = behind(any_server, start, {"connection_limit": {"per_address": 7}}, workers=2)
    inside, refused, lock = [], [], threading.Lock()
    stack = ExitStack()

    def come():
        try:
            one = stack.enter_context(connection(at))
            with lock:
                inside.append(one)
        except ERRORS as failure:
            with lock:
                refused.append(failure)

    threads = [threading.Thread(target=come) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with stack:
        assert len(inside) == 7 and len(refused) == 13
        assert [value(one, "SELECT 1") for one in inside] == [1] * 7


def test_a_change_of_the_user_counts_for_the_new_one(server, start):
    from mysql.connector import connect as connect_mysql
    at = behind(server("mariadb"), start, {"connection_limit": {"per_user": 1}}, users=[schema.OTHER])
    one = connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password,
                        database=at.database, use_pure=True)
    one.cmd_change_user(at.user, at.password, at.database)  # its own place is free by then
    one.cmd_change_user(schema.OTHER, schema.PASSWORD, at.database)
    with connection(at) as other:
        assert value(other, "SELECT 1") == 1
    assert_refused(at.with_(user=schema.OTHER), "connection_limit.per_user is 1", 1226)
    one.close()


# ---- rate_limit

def rate(**options) -> dict:
    return {"rate_limit": options}


def outcomes(client, count: int) -> list[str]:
    """'' for each SELECT that was answered, its code for each that was not."""
    found = []
    for number in range(count):
        try:
            assert value(client, f"SELECT {number}") == number
            found.append("")
        except ERRORS as failure:
            found.append(code_of(failure))
    return found


def test_requests_above_the_rate_are_refused(any_server, start):
    at = behind(any_server, start, rate(requests_per_second=2, burst=6, on_excess="refuse"))
    code = "53400" if at.postgresql else "1226"
    with connection(at) as one:
        assert outcomes(one, 5) == [""] * 5
        assert code in outcomes(one, 2)
        time.sleep(1.1)
        assert outcomes(one, 2) == ["", ""]
    assert at.sluice.metric("sluice_middleware_refusals_total", middleware="rate_limit", reason="rate") >= 1


def test_a_refused_request_leaves_the_transaction_as_the_client_believes(any_server, start):
    burst = 3 if any_server.family == "postgresql" else 4  # PyMySQL has asked for autocommit
    at = behind(any_server, start, rate(requests_per_second=2, burst=burst, on_excess="refuse"), pool_size=1)
    with connection(at) as one:
        rows(one, "BEGIN")
        rows(one, "INSERT INTO scratch VALUES (-801, 'x')")
        value(one, "SELECT 1")
        with pytest.raises(ERRORS):
            value(one, "SELECT 2")
        time.sleep(1.2)
        if at.postgresql:  # an error fails the transaction
            with pytest.raises(psycopg.errors.InFailedSqlTransaction):
                value(one, "SELECT 3")
            time.sleep(0.6)
            rows(one, "COMMIT")
        else:  # an error leaves it open
            assert value(one, "SELECT COUNT(*) FROM scratch WHERE id = -801") == 1
            rows(one, "ROLLBACK")
        time.sleep(0.6)
        assert value(one, "SELECT COUNT(*) FROM scratch WHERE id = -801") == 0


def test_requests_above_the_rate_wait_for_their_turn(any_server, start):
    at = behind(any_server, start, rate(requests_per_second=20, burst=4, on_excess="delay"))
    with connection(at) as one:
        began = time.monotonic()
        assert outcomes(one, 24) == [""] * 24
        assert 0.9 < time.monotonic() - began < 3
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="rate_limit", verdict="delayed") >= 15
    assert at.sluice.metric("sluice_middleware_delay_seconds_count", middleware="rate_limit") >= 15


def test_pipelined_requests_wait_in_their_order(server, start):
    at = behind(server("pg15"), start, rate(requests_per_second=50, burst=2, on_excess="delay"))
    with pg_connection(at) as one, one.pipeline() as pipeline:
        began = time.monotonic()
        cursors = []
        for number in range(22):
            cursors.append(one.execute("SELECT %s::int", (number,)))
            if number % 5 == 4:
                pipeline.sync()
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(22))
        assert 0.3 < time.monotonic() - began < 3


def test_prepared_statements_pay_when_they_run(server, start):
    at = behind(server("pg15"), start, rate(requests_per_second=1, burst=6, on_excess="refuse"))
    with pg_connection(at, prepare_threshold=0) as one:
        for _ in range(6):
            assert one.execute("SELECT %s::int", (1,)).fetchone()[0] == 1
        with pytest.raises(psycopg.Error) as refused:
            for _ in range(2):
                one.execute("SELECT %s::int", (1,))
        assert refused.value.sqlstate == "53400"


@pytest.mark.parametrize("per, shared", [("route", True), ("user", False), ("session", False)])
def test_who_shares_the_rate(any_server, start, per, shared):
    at = behind(any_server, start, rate(requests_per_second=0.1, burst=5, on_excess="refuse", per=per),
                users=[schema.OTHER])
    with connection(at) as one, connection(at.with_(user=schema.OTHER)) as other:
        spent = outcomes(one, 7)
        assert spent.count("") in (3, 4, 5) and spent[-1] != ""  # PyMySQL asks for autocommit
        assert (outcomes(other, 1)[0] != "") == shared


def test_who_would_wait_too_long_is_refused(any_server, start):
    at = behind(any_server, start, rate(requests_per_second=0.5, burst=3, on_excess="delay", max_delay="100ms"))
    with connection(at) as one:
        spent = outcomes(one, 5)
        assert spent[-1] == ("53400" if at.postgresql else "1226"), spent
        assert spent[0] == ""


def test_a_client_that_is_gone_while_it_waits(any_server, start):
    at = behind(any_server, start, rate(requests_per_second=0.2, burst=3, on_excess="delay", max_delay="60s"),
                pool_size=1)
    with ExitStack() as stack:
        one = stack.enter_context(connection(at))
        held = threading.Thread(target=lambda: outcomes(one, 6), daemon=True)
        held.start()
        wait_until(lambda: at.sluice.metric("sluice_middleware_verdicts_total", verdict="delayed") >= 1, 5,
                   "a request waits")
        if at.postgresql:
            one.cancel()  # ends the waiting with an error; the next one waits again
            wait_until(lambda: at.sluice.metric("sluice_cancels_total") >= 1, 5, "the cancel came")
        at.sluice.stop(seconds=20)  # drains: nobody is left waiting for his turn
        held.join(10)
        assert not held.is_alive()


# ---- statement_timeout

def slow(at) -> str:
    if at.postgresql:
        return "SELECT pg_sleep(20)"
    return ("SELECT COUNT(*) FROM information_schema.columns a, information_schema.columns b, "
            "information_schema.columns c")


def test_statement_timeout(any_server, start):
    at = behind(any_server, start, {"statement_timeout": {"limit": "30s"}}, {"statement_timeout": {"limit": "500ms"}},
                pool_size=1)
    with connection(at) as one:
        began = time.monotonic()
        with pytest.raises(ERRORS) as cancelled:
            rows(one, slow(at))
        assert 0.4 < time.monotonic() - began < 3
        assert code_of(cancelled.value) in ("57014", "1317", "3024")
        assert value(one, "SELECT 1") == 1


# ---- settings

def test_settings_are_a_beginning_that_the_client_may_change(any_server, start):
    at = behind(any_server, start, {"settings": {
        "app.tenant": "it's me", **({"work_mem": "123kB"} if any_server.family == "postgresql" else
                                    {"@only_here": "1", "time_zone": "+03:00"})}}, pool_size=1)
    tenant = "SELECT current_setting('app.tenant')" if at.postgresql else "SELECT @app_tenant"
    other = "SHOW work_mem" if at.postgresql else "SELECT @@time_zone"
    expected = "123kB" if at.postgresql else "+03:00"
    with connection(at) as one, connection(at) as two:
        assert value(one, tenant) == value(two, tenant) == "it's me"
        assert value(one, other) == expected
        rows(one, "SET app.tenant = 'changed'" if at.postgresql else "SET @app_tenant = 'changed'")
        assert value(one, tenant) == "changed"
        if at.postgresql:
            assert value(two, tenant) == "it's me"
            rows(one, "RESET ALL")
            assert value(one, tenant) == "it's me"
            assert value(one, other) == expected


def test_many_of_them_in_one_chain(any_server, start):
    config = config_for(any_server, workers=2)
    config["middleware"] = [{"address_rules": {"allow": ["127.0.0.0/8"]}},
                            {"connection_limit": {"total": 50, "per_user": 50}},
                            rate(requests_per_second=100000, burst=1000, per="session")]
    config["routes"][0]["middleware"] = [{"statement_timeout": {"limit": "20s"}}, {"settings": {"app.tenant": "x"}}]
    at = start(any_server, config=config)
    failures = []

    def work():
        try:
            for _ in range(5):
                with connection(at) as one:
                    assert outcomes(one, 20) == [""] * 20
        except Exception as failure:
            failures.append(failure)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert refusals(at, "connection_limit") == 0 and refusals(at, "rate_limit") == 0
