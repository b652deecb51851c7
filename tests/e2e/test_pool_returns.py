"""Returns, pings and waits: what becomes of connections that are dirty, frozen or not there yet."""

import os
import signal
import threading
import time

import psycopg
import pytest
from clients import backend_id, connection, pg_connection, rows, value
from harness import schema
from test_pool import leave_in_a_transaction

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


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
            assert 0.59 < took < 0.9
            rows(holder, "ROLLBACK")


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
