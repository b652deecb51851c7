"""A url with several hosts: the first that answers serves, and a dead one slows nobody."""

import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from clients import connection, pg_connection, value
from conftest import config_for
from fake_server import FakeServer, pg_error, pg_read_startup
from harness.process import LOOPBACK, free_port

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def with_hosts(server, *ports, **options) -> dict:
    """A pool whose url names the ports, in this order."""
    hosts = ",".join(f"{LOOPBACK}:{port}" for port in ports)
    url = server.url().replace(f"{LOOPBACK}:{server.port}", hosts)
    return config_for(server, url=url, connect_args={"connect_timeout": "6s"}, **options)


@contextmanager
def black_hole():
    """A port that answers no SYN: its queue of one is full."""
    with ExitStack() as stack:
        door = stack.enter_context(socket.socket())
        door.bind((LOOPBACK, 0))
        door.listen(0)
        for _ in range(3):
            one = stack.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(door.getsockname())
        time.sleep(0.1)
        yield door.getsockname()[1]


def seconds_to_answer(at) -> float:
    began = time.monotonic()
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1
    return time.monotonic() - began


@pytest.mark.alone
def test_a_host_that_does_not_answer_costs_a_moment_once(any_server, start):
    with black_hole() as hole:
        at = start(any_server, with_hosts(any_server, hole, any_server.port, pool_size=6))
        seconds_to_answer(at)
        with ExitStack() as stack:
            began = time.monotonic()
            for _ in range(5):
                client = stack.enter_context(connection(at))
                client.cursor().execute("BEGIN")
                value(client, "SELECT 1")
            took = time.monotonic() - began
        print(f"five more connections in {took * 1000:.0f} ms")
        assert took < 1.2  # not 5 x 250 ms: it is known by now


def test_a_host_that_is_silent_or_starting_up_is_passed_over(server, start):
    its = server("pg15")

    def starting(one):
        pg_read_startup(one)
        one.sendall(pg_error(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"))

    for behave, limit in ((lambda one: time.sleep(20), 5), (starting, 2)):
        fake = FakeServer(behave)
        at = start(its, with_hosts(its, fake.port, its.port))
        assert seconds_to_answer(at) < limit
        fake.close()


def test_a_cancel_goes_to_the_host_that_runs_the_query(server, start):
    its = server("pg15")
    at = start(its, with_hosts(its, free_port(), its.port))
    with pg_connection(at) as client:
        threading.Timer(0.5, client.cancel).start()
        began = time.monotonic()
        with pytest.raises(psycopg.errors.QueryCanceled):
            value(client, "SELECT pg_sleep(20)")
        assert time.monotonic() - began < 5
