"""Requests that middleware lets wait: what ends the wait, and what becomes of the session."""

import threading
import time

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from conftest import config_for
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only

SOON = 10  # seconds; the waits would be a minute


def delaying(server) -> dict:
    """Two requests at once, the next a minute later."""
    limit = {"requests_per_second": 0.016, "burst": 2, "on_excess": "delay", "max_delay": "90s",
             "per": "session"}
    return config_for(server, workers=1, route={"middleware": [{"rate_limit": limit}]})


def delayed(at, client, sql="SELECT 2"):
    """Runs a request that waits; returns its thread and where its end will be told."""
    outcome = {}

    def run():
        began = time.monotonic()
        try:
            outcome["value"] = value(client, sql)
        except (psycopg.Error, pymysql.Error) as failure:
            outcome["code"] = failure.sqlstate if isinstance(failure, psycopg.Error) else failure.args[0]
        outcome["seconds"] = time.monotonic() - began

    thread = threading.Thread(target=run)
    thread.start()
    wait_until(lambda: at.sluice.metric("sluice_client_connections", state="waiting") == 1, 10, "it waits")
    return thread, outcome


def use_up(client):
    """... what is free; PyMySQL has asked for its character set already."""
    for _ in range(2 if isinstance(client, psycopg.Connection) else 1):
        assert value(client, "SELECT 1") == 1


def open_client(at):
    if at.postgresql:
        return psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                               dbname=at.database, sslmode="disable", autocommit=True)
    return pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, autocommit=True, read_timeout=120)


def test_a_cancel_ends_the_wait_and_nothing_else(any_server, start):
    at = start(any_server, delaying(any_server))
    client = open_client(at)
    use_up(client)
    thread, outcome = delayed(at, client)
    if at.postgresql:
        client.cancel()
    else:
        other = open_client(at)
        other.cursor().execute(f"KILL QUERY {client.thread_id()}")
        other.close()
    thread.join(SOON)
    assert not thread.is_alive()
    assert outcome["code"] == ("57014" if at.postgresql else 1317)
    client.close()


def test_a_client_that_leaves_does_not_wait(any_server, start):
    at = start(any_server, delaying(any_server))
    client = open_client(at)
    use_up(client)
    thread, _ = delayed(at, client)
    time.sleep(0.3)  # a FIN that comes with its request is of a client that still reads
    raw = client._sock if not at.postgresql else None
    if raw is not None:
        raw.shutdown(2)
    else:
        import socket
        with socket.socket(fileno=client.fileno()) as its:
            its.shutdown(2)
            its.detach()
    wait_until(lambda: at.sluice.metric("sluice_client_connections") == 0, SOON, "the session is gone")
    thread.join(SOON)
    assert at.sluice.metric("sluice_pool_connections", state="used") == 0


def test_a_stop_does_not_wait(any_server, start):
    at = start(any_server, delaying(any_server))
    client = open_client(at)
    use_up(client)
    thread, outcome = delayed(at, client)
    began = time.monotonic()
    at.sluice.stop()
    assert time.monotonic() - began < SOON
    thread.join(SOON)
    assert outcome["code"] in ("57P01", 1053)


def test_a_delayed_request_is_answered_in_its_turn(any_server, start):
    limit = {"requests_per_second": 20, "burst": 1, "on_excess": "delay", "per": "session"}
    at = start(any_server, config_for(any_server, workers=1, route={"middleware": [{"rate_limit": limit}]}))
    began = time.monotonic()
    with connection(at) as client:
        for number in range(10):
            assert value(client, f"SELECT {number}") == number
        rows(client, "BEGIN")
        assert value(client, "SELECT 7") == 7
        rows(client, "COMMIT")
    assert 0.5 <= time.monotonic() - began < SOON
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="rate_limit", verdict="delayed") >= 10
    assert at.sluice.metric("sluice_middleware_delay_seconds_count", middleware="rate_limit") >= 10
