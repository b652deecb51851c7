"""Cancelling: it hits the query that was meant, and never another client's."""

import signal
import subprocess
import threading
import time

import psycopg
import pymysql
import pytest
from clients import my_connection, pg_connection, rows, value
from conftest import MYSQL, POSTGRESQL
from harness import tools
from harness.process import wait_until

pytestmark = pytest.mark.sanitized


def running(server, mark: str) -> bool:
    if server.family == "postgresql":
        return server.admin("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                            f"query LIKE '%{mark}%' AND pid <> pg_backend_pid()") != "0"
    return server.admin("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                        f"'%{mark}%' AND id <> CONNECTION_ID()") != "0"


@pytest.mark.parametrize("name", POSTGRESQL)
def test_cancel_of_a_running_query(house, name):
    at = house(name)
    with pg_connection(at) as client:
        def later():
            wait_until(lambda: running(at.server, "cancel_me"), 10, "the query runs")
            client.cancel_safe(timeout=5)
        thread = threading.Thread(target=later)
        thread.start()
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            rows(client, "SELECT pg_sleep(30) AS cancel_me")
        thread.join()
        assert time.monotonic() - began < 10
        assert value(client, "SELECT 1") == 1


@pytest.mark.parametrize("name", POSTGRESQL)
def test_ctrl_c_in_psql(house, name):
    at = house(name)
    conninfo = f"host={at.host} port={at.port} user={at.user} dbname={at.database} sslmode=disable"
    client = subprocess.Popen(
        [str(tools.pg_client("psql")), "-X", "-At", conninfo, "-c", "SELECT pg_sleep(30) AS by_ctrl_c"],
        env={"PGPASSWORD": at.password}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: running(at.server, "by_ctrl_c"), 10, "the query runs")
    client.send_signal(signal.SIGINT)
    _, err = client.communicate(timeout=10)
    assert "canceling statement due to user request" in err


def test_cancel_of_an_idle_client_does_nothing(pg):
    with pg_connection(pg) as idle, pg_connection(pg) as other:
        for _ in range(20):
            idle.cancel_safe(timeout=5)
            assert value(other, "SELECT 1") == 1
        assert value(idle, "SELECT 1") == 1


@pytest.mark.proxy_only
def test_cancel_of_a_waiting_client(server, start):
    at = start(server("pg15"), pool_size=1, pool_timeout="30s")
    with pg_connection(at) as holder, pg_connection(at) as waiting:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        outcome = []

        def ask():
            try:
                outcome.append(value(waiting, "SELECT 1"))
            except psycopg.Error as failure:
                outcome.append(failure.sqlstate)

        thread = threading.Thread(target=ask)
        thread.start()
        wait_until(lambda: at.sluice.metric("sluice_pool_pending_requests") == 1, 5, "it waits")
        waiting.cancel_safe(timeout=5)
        thread.join(5)
        assert outcome == ["57014"]
        rows(holder, "ROLLBACK")
        assert value(waiting, "SELECT 2") == 2


def test_a_forged_key_cancels_nothing(pg):
    import socket
    import struct

    with pg_connection(pg) as victim:
        failures = []

        def forge():
            for key in range(200):
                try:
                    with socket.create_connection((pg.host, pg.port), timeout=5) as one:
                        one.sendall(struct.pack("!iiII", 16, 80877102,
                                                victim.pgconn.backend_pid & 0xFFFFFFFF, key))
                        one.recv(1)
                except OSError:
                    pass

        thread = threading.Thread(target=forge)
        thread.start()
        try:
            rows(victim, "SELECT pg_sleep(1)")
        except psycopg.Error as failure:
            failures.append(failure)
        thread.join()
        assert not failures


@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_storm_of_cancels_never_hits_another_client(server, start, name):
    """Half the clients cancel around the end of their queries; the other half must not notice."""
    at = start(server(name), pool_size=3)
    stop = time.monotonic() + 4
    hit, cancelled, done = [], [0], [0]

    def canceller():
        with pg_connection(at) as mine:
            turn = 0
            while time.monotonic() < stop:
                turn += 1
                timer = threading.Timer((turn % 7) * 0.001, lambda: mine.cancel_safe(timeout=5))
                timer.start()
                try:
                    rows(mine, "SELECT pg_sleep(0.003)")
                except psycopg.errors.QueryCanceled:
                    cancelled[0] += 1
                timer.join()

    def bystander():
        with pg_connection(at) as mine:
            while time.monotonic() < stop:
                try:
                    rows(mine, "SELECT pg_sleep(0.002)")
                    done[0] += 1
                except psycopg.Error as failure:
                    hit.append(failure)

    threads = [threading.Thread(target=canceller) for _ in range(4)]
    threads += [threading.Thread(target=bystander) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not hit, hit[:3]
    assert done[0] > 50 and cancelled[0] > 5


@pytest.mark.parametrize("name", MYSQL)
def test_kill_query_of_mysql(house, name):
    """The client's own id is the one from the greeting; KILL QUERY of it ends its query."""
    at = house(name)
    with my_connection(at) as victim, my_connection(at) as killer:
        outcome = []

        def sleep():
            try:
                outcome.append(value(victim, "SELECT SLEEP(20) AS kill_me"))
            except pymysql.err.Error as failure:
                outcome.append(failure.args[0])

        thread = threading.Thread(target=sleep)
        thread.start()
        wait_until(lambda: running(at.server, "kill_me"), 10, "the query runs")
        rows(killer, f"KILL QUERY {victim.thread_id()}")
        thread.join(10)
        assert outcome in ([1], [1317])
        assert value(victim, "SELECT 3") == 3
