"""`limits:` of a session: who is ended, when, with which code, and what becomes of the backend."""

import socket
import struct
import threading
import time

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from harness import schema

pytestmark = pytest.mark.proxy_only


def begin(server, start, *, pool_size=2, **limits):
    return start(server, pool_size=pool_size, url=server.url(user=schema.OTHER), workers=1,
                 extra={"limits": limits})


def socket_of(client) -> socket.socket:
    """The client's own socket, for reading what came unasked."""
    return client._sock if isinstance(client, pymysql.Connection) else socket.socket(fileno=client.fileno())


def last_words(client, seconds=10) -> tuple[str, float]:
    """The code of the error that comes unasked, and after how long the connection was closed."""
    raw = socket_of(client)
    raw.settimeout(seconds)
    began, data = time.monotonic(), b""
    try:
        while block := raw.recv(4096):
            data += block
    finally:
        if not isinstance(client, pymysql.Connection):
            raw.detach()
    took = time.monotonic() - began
    if isinstance(client, pymysql.Connection):
        assert data[4:5] == b"\xff", data
        return str(struct.unpack("<H", data[5:7])[0]), took
    assert data[:1] == b"E", data
    fields = {part[:1]: part[1:] for part in data[5:].split(b"\0") if part}
    assert fields[b"S"] == b"FATAL", data
    return fields[b"C"].decode(), took


def code_of(failure: Exception) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


def slow(at, seconds: float, mark="slow") -> str:
    """A query that the server can interrupt and that says so."""
    if at.postgresql:
        return f"SELECT pg_sleep({seconds}) AS {mark}"
    return f"SELECT SLEEP({seconds}) AS {mark}" if seconds < 10 else (
        f"SELECT COUNT(*) AS {mark} FROM information_schema.columns a, information_schema.columns b, "
        "information_schema.columns c")


def ended(at, limit: str) -> float:
    return at.sluice.metric("sluice_sessions_ended_total", reason=limit)


def closes_quietly(opened):
    """A client whose server is gone may say so when it is closed."""
    try:
        opened.close()
    except Exception:
        pass


def open_client(at):
    if at.postgresql:
        return psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                               dbname=at.database, sslmode="disable", autocommit=True)
    return pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, autocommit=True, read_timeout=60)


def test_client_idle_timeout(any_server, start):
    at = begin(any_server, start, client_idle_timeout="800ms")
    idle, busy = open_client(at), open_client(at)
    value(idle, "SELECT 1")
    stop = threading.Event()

    def work():
        while not stop.wait(0.2):
            value(busy, "SELECT 1")

    worker = threading.Thread(target=work)
    worker.start()
    code, took = last_words(idle)
    assert code == ("57P05" if at.postgresql else "4031")
    assert 0.6 < took < 1.6
    stop.set()
    worker.join()
    rows(busy, slow(at, 1.5))  # longer than the limit, but not idle
    assert value(busy, "SELECT 2") == 2
    assert ended(at, "client_idle_timeout") == 1
    assert "client_idle_timeout" in at.sluice.log_text()
    for one in (idle, busy):
        closes_quietly(one)


def test_a_query_longer_than_the_idle_limit_starts_it_anew(any_server, start):
    at = begin(any_server, start, client_idle_timeout="700ms")
    client = open_client(at)
    rows(client, slow(at, 1.5))
    time.sleep(0.3)
    assert value(client, "SELECT 3") == 3
    closes_quietly(client)
    assert ended(at, "client_idle_timeout") == 0


def test_an_open_transaction_is_not_idle(any_server, start):
    at = begin(any_server, start, client_idle_timeout="500ms")
    with connection(at) as client:
        rows(client, "BEGIN")
        value(client, "SELECT 1")
        time.sleep(1.2)
        assert value(client, "SELECT 2") == 2
        rows(client, "ROLLBACK")


def test_idle_transaction_timeout(any_server, start):
    at = begin(any_server, start, pool_size=1, idle_transaction_timeout="800ms")
    client = open_client(at)
    rows(client, "BEGIN")
    rows(client, "INSERT INTO scratch VALUES (-91, 'left open')")
    rows(client, slow(at, 1.2))  # running is not idle
    code, took = last_words(client)
    assert code == ("25P03" if at.postgresql else "4031")
    assert 0.6 < took < 1.6
    with connection(at) as other:  # the only backend is free again, and clean
        assert value(other, "SELECT COUNT(*) FROM scratch WHERE id = -91") == 0
        time.sleep(1.2)  # outside a transaction the limit is nothing to it
        assert value(other, "SELECT 4") == 4
    assert ended(at, "idle_transaction_timeout") == 1
    closes_quietly(client)


@pytest.mark.alone
@pytest.mark.parametrize("running", [False, True], ids=["idle", "running"])
def test_transaction_timeout(any_server, start, running):
    at = begin(any_server, start, pool_size=1, transaction_timeout="1s")
    client = open_client(at)
    began = time.monotonic()
    rows(client, "BEGIN")
    rows(client, "INSERT INTO scratch VALUES (-92, 'too long')")
    expected = "25P04" if at.postgresql else "1927"
    if running:
        with pytest.raises((psycopg.Error, pymysql.err.Error)) as failure:
            rows(client, slow(at, 30, "too_long"))
        assert code_of(failure.value) == expected
    else:
        for _ in range(4):  # asking does not help
            time.sleep(0.2)
            value(client, "SELECT 1")
        assert last_words(client)[0] == expected
    assert 0.8 < time.monotonic() - began < 2.5
    with connection(at) as other:
        assert value(other, "SELECT COUNT(*) FROM scratch WHERE id = -92") == 0
        for _ in range(8):  # short transactions one after another are not one long one
            rows(other, "BEGIN")
            rows(other, slow(at, 0.2))
            rows(other, "COMMIT")
    assert ended(at, "transaction_timeout") == 1
    closes_quietly(client)


def running_now(server, mark: str) -> int:
    if server.family == "postgresql":
        return int(server.admin("SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND "
                                f"query LIKE '%{mark}%' AND pid <> pg_backend_pid()"))
    return int(server.admin("SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE "
                            f"'%{mark}%' AND id <> CONNECTION_ID()"))


@pytest.mark.alone
def test_query_timeout(any_server, start):
    at = begin(any_server, start, pool_size=1, query_timeout="1s")
    with connection(at) as client, connection(at) as other:
        for _ in range(8):  # many short ones are not one long one
            rows(client, slow(at, 0.2))
        rows(client, "BEGIN")
        rows(client, "INSERT INTO scratch VALUES (-93, 'kept by MySQL alone')")
        began = time.monotonic()
        with pytest.raises((psycopg.Error, pymysql.err.Error)) as failure:
            rows(client, slow(at, 30, "by_limit"))
        assert code_of(failure.value) == ("57014" if at.postgresql else "1317")
        assert 0.8 < time.monotonic() - began < 3
        assert running_now(any_server, "by_limit") == 0
        rows(client, "ROLLBACK")  # the session goes on
        assert value(other, "SELECT 5") == 5
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = -93") == 0
    assert at.sluice.metric("sluice_query_timeouts_total") == 1
    assert ended(at, "query_timeout") == 0


def test_a_pipeline_of_short_queries_is_no_long_query(server, start):
    at = begin(server("pg15"), start, query_timeout="1s")
    with connection(at) as client:
        with client.pipeline() as pipeline:
            for _ in range(8):
                client.execute("SELECT pg_sleep(0.3)")
                pipeline.sync()
        assert value(client, "SELECT 1") == 1
    assert at.sluice.metric("sluice_query_timeouts_total") == 0


def test_a_query_that_the_server_does_not_end(server, start):
    """The backend's process is stopped: nobody answers the cancel, and the session is ended."""
    its = server("pg15")
    at = begin(its, start, pool_size=1, query_timeout="500ms")
    import os
    import signal
    client = open_client(at)
    value(client, "SELECT 1")
    pid = int(its.admin(f"SELECT pid FROM pg_stat_activity WHERE usename = '{schema.OTHER}'"))
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(psycopg.Error) as failure:
            value(client, "SELECT 1")
        assert code_of(failure.value) == "57014" and "query_timeout" in str(failure.value)
        assert 5 < time.monotonic() - began < 9
        with connection(at) as other:  # with a backend of its own
            assert value(other, "SELECT 6") == 6
    finally:
        os.kill(pid, signal.SIGCONT)
    assert ended(at, "query_timeout") == 1
    closes_quietly(client)


@pytest.mark.alone
def test_client_max_lifetime(any_server, start):
    at = begin(any_server, start, pool_size=6, client_max_lifetime="2s")
    began = time.monotonic()
    clients = [open_client(at) for _ in range(3)]
    within = open_client(at)
    rows(within, "BEGIN")
    value(within, "SELECT 1")
    for one in clients:
        assert last_words(one)[0] == ("57P01" if at.postgresql else "1053")
        assert 1.6 < time.monotonic() - began < 3
    time.sleep(max(0.0, 2.5 - (time.monotonic() - began)))
    assert value(within, "SELECT 2") == 2  # not within a transaction
    rows(within, "COMMIT")
    with pytest.raises((psycopg.Error, pymysql.err.Error)):
        rows(within, "SELECT 3")
    assert ended(at, "client_max_lifetime") == 4
    for one in [*clients, within]:
        closes_quietly(one)


@pytest.mark.alone
def test_a_busy_client_leaves_at_its_age_too(any_server, start):
    at = begin(any_server, start, client_max_lifetime="1s")
    client = open_client(at)
    began, failures = time.monotonic(), []
    while time.monotonic() - began < 5 and not failures:
        try:
            value(client, "SELECT 1")
        except (psycopg.Error, pymysql.err.Error) as failure:
            failures.append(failure)
    assert failures and 0.8 < time.monotonic() - began < 2.5
    assert ended(at, "client_max_lifetime") == 1
    closes_quietly(client)


def test_without_limits_nothing_happens(any_server, start):
    at = begin(any_server, start)
    with connection(at) as idle, connection(at) as within:
        value(idle, "SELECT 1")
        rows(within, "BEGIN")
        rows(within, slow(at, 2))
        time.sleep(1)
        assert value(idle, "SELECT 2") == 2
        assert value(within, "SELECT 3") == 3
        rows(within, "COMMIT")
    assert at.sluice.metric("sluice_sessions_ended_total") == 0
