"""SIGTERM and SIGINT: what runs is finished, what does not end is ended, the process leaves with 0."""

import signal
import socket
import threading
import time

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from harness import schema
from harness.process import wait_until
from test_gone_clients import ask_only, read_all
from test_limits import closes_quietly, open_client

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def slow(at, seconds: float) -> str:
    return (f"SELECT 'done' FROM pg_sleep({seconds})" if at.postgresql
            else f"SELECT IF(SLEEP({seconds}), '', 'done')")


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_sluice_stops_at_once(any_server, start, sig):
    at = start(any_server)
    with connection(at) as client:
        value(client, "SELECT 1")
        began = time.monotonic()
        assert at.sluice.daemon.stop(sig, 15) == 0
        assert time.monotonic() - began < 5


def test_a_running_query_is_finished(any_server, start):
    at = start(any_server)
    answers = []
    with connection(at) as client:
        thread = threading.Thread(target=lambda: answers.append(value(client, slow(at, 2))))
        thread.start()
        time.sleep(0.7)
        began = time.monotonic()
        assert at.sluice.daemon.stop(signal.SIGTERM, 15) == 0
        thread.join()
        assert answers == ["done"]
        assert time.monotonic() - began < 8


def test_an_open_transaction_is_finished_before_the_end(any_server, start):
    at = start(any_server)
    with connection(at) as client:
        rows(client, "BEGIN")
        rows(client, "INSERT INTO scratch VALUES (-500, 'drained')")
        at.sluice.daemon.process.send_signal(signal.SIGTERM)
        time.sleep(0.5)
        rows(client, "COMMIT")
        assert at.sluice.daemon.stop(signal.SIGTERM, 15) == 0
    assert any_server.admin("SELECT COUNT(*) FROM scratch WHERE id = -500", "pets") == "1"
    any_server.admin("DELETE FROM scratch WHERE id = -500", "pets")


def test_a_client_is_told_behind_its_last_answer(any_server, start):
    at = start(any_server)
    client = open_client(at)
    rows(client, "BEGIN")
    value(client, "SELECT 1")
    at.sluice.daemon.process.send_signal(signal.SIGTERM)
    wait_until(lambda: " draining " in at.sluice.log_text(), 10, "it drains")
    raw = ask_only(client, "COMMIT")
    told = read_all(raw)
    assert (b"COMMIT" in told and b"C57P01" in told) if at.postgresql else b"\xff\x1d\x04#08S01" in told
    raw.close()
    closes_quietly(client)


def test_what_does_not_end_is_ended(any_server, start):
    at = start(any_server, url=any_server.url(user=schema.OTHER),
               extra={"drain": {"delay": "0s", "timeout": "1s"}})
    with connection(at) as client:
        failures = []

        def ask():
            try:
                rows(client, slow(at, 30))
            except (psycopg.Error, pymysql.err.Error) as failure:
                failures.append(failure)

        thread = threading.Thread(target=ask)
        thread.start()
        time.sleep(0.5)
        began = time.monotonic()
        assert at.sluice.daemon.stop(signal.SIGTERM, 15) == 0
        assert time.monotonic() - began < 6
        thread.join(10)
        assert failures
    wait_until(lambda: any_server.backends(schema.OTHER) == 0, 35, "no backend is left behind")


def test_nobody_new_is_let_in_while_it_drains(any_server, start):
    at = start(any_server)
    with connection(at) as client:
        rows(client, "BEGIN")
        value(client, "SELECT 1")
        at.sluice.daemon.process.send_signal(signal.SIGTERM)

        def refused():
            try:
                with socket.create_connection((at.host, at.port), timeout=2) as one:
                    one.settimeout(2)
                    return one.recv(1) in (b"", b"E") if at.postgresql else b"\xff" in one.recv(64)[4:5]
            except OSError:
                return True

        wait_until(refused, 5, "new clients are refused")
        assert at.sluice.get("/readyz")[0] in (0, 503)
        rows(client, "ROLLBACK")
    assert at.sluice.daemon.stop(signal.SIGTERM, 15) == 0
