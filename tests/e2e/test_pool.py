"""The pool's promises, checked by asking the server."""

import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from clients import backend_id, connection, my_connection, pg_connection, rows, value
from conftest import config_for, port_of
from harness import schema
from harness.process import wait_until

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def sleep(seconds: float, postgresql: bool) -> str:
    return f"SELECT pg_sleep({seconds})" if postgresql else f"SELECT SLEEP({seconds})"


def in_threads(count, work):
    problems = []

    def guarded(number):
        try:
            work(number)
        except Exception as problem:  # reported by the test's own thread
            problems.append(problem)

    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems, problems[:3]


@pytest.mark.parametrize("size,overflow", [(3, 0), (2, 2)])
def test_never_more_backends_than_pool_size_and_overflow(any_server, start, size, overflow):
    at = start(any_server, pool_size=size, max_overflow=overflow, workers=2, pool_timeout="60s",
               url=any_server.url(user=schema.OTHER))
    most = [0]
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            most[0] = max(most[0], any_server.backends(schema.OTHER))
            time.sleep(0.02)

    watcher = threading.Thread(target=watch)
    watcher.start()

    def work(_):
        with connection(at) as client:
            for _ in range(5):
                rows(client, sleep(0.01, at.postgresql))

    try:
        in_threads(50, work)
    finally:
        stop.set()
        watcher.join()
    assert 0 < most[0] <= size + overflow
    if overflow:
        wait_until(lambda: any_server.backends(schema.OTHER) <= size, 5, "the overflow is closed")


def test_waiting_clients_are_served_in_their_order(any_server, start):
    at = start(any_server, pool_size=1, workers=1, pool_timeout="60s")
    served = []
    with ExitStack() as stack:
        holder = stack.enter_context(connection(at))
        clients = [stack.enter_context(connection(at)) for _ in range(8)]
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")

        # The server's clock tells the order; that of the threads is Python's affair.
        clock = "SELECT clock_timestamp()" if any_server.family == "postgresql" else "SELECT SYSDATE(6)"

        def ask(number):
            served.append((value(clients[number], clock), number))

        threads = []
        for number in range(8):
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            wait_until(lambda: at.sluice.metric("sluice_pool_pending_requests") == number + 1, 5,
                       f"client {number} waits")
        rows(holder, "ROLLBACK")
        for thread in threads:
            thread.join()
    order = [number for _, number in sorted(served)]
    assert order == sorted(order)


def test_a_timeout_names_the_pool_and_keeps_the_client(any_server, start):
    at = start(any_server, pool_size=1, pool_timeout="400ms", workers=1)
    with connection(at) as holder, connection(at) as client:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        began = time.monotonic()
        with pytest.raises((psycopg.errors.TooManyConnections, pymysql.err.Error)) as failure:
            value(client, "SELECT 1")
        assert 0.3 < time.monotonic() - began < 3
        text = str(failure.value)
        assert "main" in text and "1" in text, text
        rows(holder, "ROLLBACK")
        assert value(client, "SELECT 2") == 2
        timeouts = at.sluice.metric("sluice_pool_acquire_timeouts_total")
        assert timeouts == 1


def test_a_dead_backend_is_replaced_before_anyone_sees_it(any_server, start):
    at = start(any_server, pool_size=3, pool_pre_ping=True, pool_pre_ping_idle="0s")
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(at)) for _ in range(6)]
        for client in clients:
            value(client, "SELECT 1")
        any_server.kill_backends()
        for client in clients:
            assert value(client, "SELECT 2") == 2


def test_a_restart_of_the_server_is_survived_by_idle_clients(server, start):
    its = server("pg15")
    at = start(its, pool_size=2, pool_pre_ping=True)
    with connection(at) as client:
        value(client, "SELECT 1")
        its.stop()
        its.start()
        assert value(client, "SELECT 2") == 2


def test_recycle(any_server, start):
    at = start(any_server, pool_size=1, pool_recycle="1s")
    with connection(at) as client:
        first = backend_id(client)
        assert backend_id(client) == first
        time.sleep(1.2)
        assert backend_id(client) != first


def test_lifo_keeps_to_one_backend(any_server, start):
    at = start(any_server, pool_size=4, pool_use_lifo=True, workers=1)
    with connection(at) as client:
        assert len({backend_id(client) for _ in range(20)}) == 1


def leave_in_a_transaction(at) -> None:
    """A client that is gone without a word: its socket is closed, nothing is sent."""
    opens = pg_connection if at.postgresql else my_connection
    with opens(at) as client:
        rows(client, "BEGIN")
        rows(client, "INSERT INTO scratch VALUES (-77, 'left behind')")
        if at.postgresql:
            import socket
            gone = socket.socket(fileno=client.fileno())
            gone.shutdown(socket.SHUT_RDWR)
            gone.detach()
        else:
            client._force_close()


def test_a_client_that_leaves_is_rolled_back(any_server, start):
    at = start(any_server, pool_size=1)
    try:
        leave_in_a_transaction(at)
    except psycopg.Error:
        pass
    with connection(at) as client:
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = -77") == 0
        rows(client, "INSERT INTO scratch VALUES (-77, 'lock is free')")
        rows(client, "DELETE FROM scratch WHERE id = -77")


def test_a_client_that_leaves_in_mid_result(any_server, start):
    at = start(any_server, pool_size=1)
    sql = ("SELECT repeat('x', 1000) FROM generate_series(1, 200000)" if at.postgresql
           else "SELECT REPEAT('x', 1000) FROM information_schema.columns a, pets b, pets c, pets d")
    if at.postgresql:
        import socket
        try:
            with pg_connection(at) as client:
                client.pgconn.send_query(sql.encode())
                time.sleep(0.2)
                gone = socket.socket(fileno=client.fileno())
                gone.shutdown(socket.SHUT_RDWR)
                gone.detach()
        except psycopg.Error:
            pass
    else:
        with my_connection(at, cursorclass=pymysql.cursors.SSCursor) as client:
            client.cursor().execute(sql)
            client._force_close()
    with connection(at) as client:
        assert value(client, "SELECT 5") == 5


def test_session_mode_gives_each_client_its_own_backend(any_server, start):
    at = start(any_server, pool_size=2, pool_mode="session", pool_timeout="500ms")
    with connection(at) as one, connection(at) as two:
        ids = {backend_id(one), backend_id(two)}
        assert len(ids) == 2
        for _ in range(5):
            assert backend_id(one) in ids
        with pytest.raises((psycopg.Error, pymysql.err.Error)):
            with connection(at) as three:
                value(three, "SELECT 1")
    with connection(at) as again:
        assert value(again, "SELECT 1") == 1


def test_one_bound_over_two_families(server, start):
    """Two pools in one sluice: each has its own bound, and the errors name the right one."""
    pg, my = server("pg15"), server("mariadb")
    config = config_for(pg, pool_size=1, pool_timeout="300ms")
    other = config_for(my, pool_size=1, pool_timeout="300ms")
    config["listeners"] += other["listeners"]
    config["pools"] = {"cats": config["pools"]["main"], "dogs": other["pools"]["main"]}
    config["routes"] = [{"name": "p", "match": {"protocol": "postgresql"}, "pool": "cats"},
                        {"name": "m", "match": {"protocol": "mysql"}, "pool": "dogs"}]
    at = start(pg, config)
    my_at = at.with_(server=my, port=port_of(config, 1))
    with pg_connection(at) as one, pg_connection(at) as two, my_connection(my_at) as third:
        rows(one, "BEGIN")
        with pytest.raises(psycopg.errors.TooManyConnections, match="cats"):
            value(two, "SELECT 1")
        assert value(third, "SELECT 3") == 3
