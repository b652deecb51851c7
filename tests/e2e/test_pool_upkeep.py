"""What the pool does when nobody asks it to, and what its knobs mean, as seen by the server."""

import os
import signal
import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from clients import backend_id, connection, pg_connection, rows, value
from harness import schema
from harness.process import wait_until
from test_pool import leave_in_a_transaction

pytestmark = [pytest.mark.proxy_only]

REFUSED = (psycopg.errors.TooManyConnections, pymysql.err.Error)


def occupy(at, count):
    """So many clients in a transaction at the same time, and then none."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(at)) for _ in range(count)]
        for sql in ("BEGIN", "SELECT 1", "COMMIT"):
            for client in clients:
                rows(client, sql)


def test_min_idle_is_there_before_the_first_client(any_server, start):
    at = start(any_server, url=any_server.url(user=schema.OTHER), pool_size=5, min_idle=3, workers=2)
    wait_until(lambda: any_server.backends(schema.OTHER) == 3, 5, "three are warm")
    assert at.sluice.metric("sluice_pool_warmed_total", result="ok") == 3
    assert at.sluice.metric("sluice_pool_connections", state="idle") == 3
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1


def test_idle_connections_end_down_to_min_idle(any_server, start):
    at = start(any_server, url=any_server.url(user=schema.OTHER), pool_size=5, min_idle=1,
               idle_timeout="400ms")
    occupy(at, 5)
    wait_until(lambda: any_server.backends(schema.OTHER) == 1, 8, "the others are closed")
    assert at.sluice.metric("sluice_pool_connections_closed_total", reason="idle") >= 4
    time.sleep(1)
    assert any_server.backends(schema.OTHER) == 1


def test_keepalive_pings_what_is_idle(any_server, start):
    at = start(any_server, pool_size=2, keepalive_time="200ms", idle_timeout="0s")
    occupy(at, 2)
    wait_until(lambda: at.sluice.metric("sluice_pool_keepalives_total", result="ok") >= 6, 8,
               "both are pinged again and again")
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1


def test_overflow_opens_after_its_delay(any_server, start):
    at = start(any_server, pool_size=1, max_overflow=1, overflow_delay="600ms", workers=2)
    with connection(at) as holder, connection(at) as client:
        for _ in range(3):
            rows(holder, "BEGIN")
            value(holder, "SELECT 1")
            began = time.monotonic()
            assert value(client, "SELECT 2") == 2
            took = time.monotonic() - began
            print(f"overflow after {took * 1000:.0f} ms")
            assert 0.59 < took < 1.5
            rows(holder, "ROLLBACK")


def test_one_more_than_max_waiting_is_refused_at_once(any_server, start):
    at = start(any_server, pool_size=1, max_waiting=1, pool_timeout="20s")
    with connection(at) as holder, connection(at) as waiter, connection(at) as third:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        got = []
        thread = threading.Thread(target=lambda: got.append(value(waiter, "SELECT 7")))
        thread.start()
        wait_until(lambda: at.sluice.metric("sluice_pool_pending_requests") == 1, 5, "one waits")
        began = time.monotonic()
        with pytest.raises(REFUSED, match="max_waiting"):
            value(third, "SELECT 1")
        assert time.monotonic() - began < 2
        rows(holder, "ROLLBACK")
        thread.join()
        assert got == [7]
        assert value(third, "SELECT 3") == 3


def test_without_lifo_connections_take_turns(any_server, start):
    at = start(any_server, pool_size=3, pool_use_lifo=False, workers=1)
    occupy(at, 3)
    with connection(at) as client:
        order = [backend_id(client) for _ in range(9)]
    assert len(set(order)) == 3
    assert order[0:3] == order[3:6] == order[6:9]


@pytest.mark.parametrize("policy,kept", [("commit", 1), ("rollback", 0), ("full", 0), ("none", 0)])
def test_reset_on_return(any_server, start, policy, kept):
    at = start(any_server, pool_size=1, pool_reset_on_return=policy)
    any_server.admin("DELETE FROM scratch WHERE id = -77", schema.DATABASE)
    with connection(at) as client:
        before = backend_id(client)
    try:
        leave_in_a_transaction(at)
    except psycopg.Error:
        pass
    with connection(at) as client:
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = -77") == kept
        assert (backend_id(client) == before) == (policy != "none")
    any_server.admin("DELETE FROM scratch WHERE id = -77", schema.DATABASE)
    resets = at.sluice.metric("sluice_pool_resets_total", result="ok")
    assert resets > 2 if policy == "full" else resets == (0 if policy == "none" else 1)


def test_a_frozen_connection_is_replaced_by_the_ping(server, start):
    """Its process is stopped: it neither answers nor ends. The client waits, but gets no error."""
    its = server("pg15")
    at = start(its, url=its.url(user=schema.OTHER), pool_size=1, pool_pre_ping=True,
               pool_pre_ping_idle="0s")
    with connection(at) as client:
        value(client, "SELECT 1")
        pid = int(its.admin(f"SELECT pid FROM pg_stat_activity WHERE usename = '{schema.OTHER}'"))
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            assert value(client, "SELECT 2") == 2
            assert 1.5 < time.monotonic() - began < 8
        finally:
            os.kill(pid, signal.SIGCONT)
        assert at.sluice.metric("sluice_pool_pings_total", result="failed") == 1
        assert at.sluice.metric("sluice_pool_connections_closed_total", reason="validation") == 1


def test_a_cancel_ends_the_wait_for_a_connection_that_does_not_come(server, start):
    its = server("pg15")
    at = start(its, pool_size=1, pool_recycle="600ms", connect_args={"connect_timeout": "15s"})
    with pg_connection(at) as client:
        value(client, "SELECT 1")
        time.sleep(1)
        os.kill(its.daemon.pid, signal.SIGSTOP)  # it accepts, and says nothing
        try:
            threading.Timer(0.5, client.cancel).start()
            began = time.monotonic()
            with pytest.raises(psycopg.errors.QueryCanceled):
                value(client, "SELECT 2")
            assert time.monotonic() - began < 5
        finally:
            os.kill(its.daemon.pid, signal.SIGCONT)
        assert value(client, "SELECT 3") == 3
        assert at.sluice.metric("sluice_pool_connections", state="connecting") == 0


def test_an_init_sql_that_fails_is_told_and_nothing_stays_open(any_server, start):
    at = start(any_server, url=any_server.url(user=schema.OTHER), pool_size=2,
               init_sql="SELECT * FROM no_such_table")
    for _ in range(3):
        with pytest.raises((psycopg.Error, pymysql.err.Error), match="no_such_table"):
            with connection(at) as client:
                value(client, "SELECT 1")
    wait_until(lambda: any_server.backends(schema.OTHER) == 0, 5, "nothing stays open")


@pytest.mark.parametrize("cap", ["max_db_connections", "max_user_connections"])
def test_a_cap_over_the_pools_of_an_entry(any_server, start, cap):
    """The url names no user (or no database): its pools share a cap, and idle ones make room."""
    if cap == "max_user_connections" and any_server.family == "mysql":
        pytest.skip("the schema is not part of a MySQL pool's key")
    parts = any_server.url().split("@")[1]
    if cap == "max_db_connections":
        url = f"{any_server.scheme}://{parts}"
        seats = [{}, {"user": schema.OTHER}]
    else:
        url = any_server.url().rsplit("/", 1)[0]
        seats = [{}, {"database": "postgres"}]
    at = start(any_server, url=url, pool_size=3, pool_timeout="20s", workers=2,
               users=[{"name": schema.APP, "password": schema.PASSWORD},
                      {"name": schema.OTHER, "password": schema.PASSWORD}], **{cap: 3})
    most, ending = [0], threading.Event()

    def watch():
        while not ending.is_set():
            most[0] = max(most[0], any_server.backends())
            time.sleep(0.01)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        problems = []

        def work(seat):
            try:
                with connection(at.with_(**seat)) as client:
                    for _ in range(15):
                        value(client, "SELECT 1")
            except Exception as problem:
                problems.append(problem)

        threads = [threading.Thread(target=work, args=(seats[n % 2],)) for n in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not problems, problems[:3]
    finally:
        ending.set()
        watcher.join()
    assert 0 < most[0] <= 3
