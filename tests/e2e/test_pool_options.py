"""What each option of a pool promises, checked by asking the server."""

import re
import threading
import time
from contextlib import ExitStack, contextmanager

import psycopg
import pymysql
import pytest
from clients import backend_id, connection, rows, value
from fake_server import FakeServer
from harness import schema
from harness.process import LOOPBACK, free_port, wait_until

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]

ERRORS = (psycopg.Error, pymysql.err.Error)


def url(server, *ports: int, user=schema.OTHER, database=schema.DATABASE) -> str:
    """The server as `other`, whom no other sluice uses meanwhile; on these ports instead of its own."""
    hosts = ",".join(f"{LOOPBACK}:{port}" for port in ports or (server.port,))
    secret = f"{user}:{schema.PASSWORD}@" if user else ""
    return f"{server.scheme}://{secret}{hosts}/{database}"


@pytest.fixture
def own(any_server, start):
    """own(**options): a sluice whose backends are those of `other`; there are none when it starts."""
    def begin(**options):
        wait_until(lambda: any_server.backends(schema.OTHER) == 0, 10, "those before are gone")
        return start(any_server, **{"url": url(any_server), **options})
    return begin


def backends(at) -> int:
    return at.server.backends(schema.OTHER)


@contextmanager
def transactions(at, count: int):
    """So many clients, each of which holds a backend."""
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(at)) for _ in range(count)]
        for client in clients:
            rows(client, "BEGIN")
            value(client, "SELECT 1")
        yield clients
        for client in clients:
            rows(client, "ROLLBACK")


def pending(at) -> float:
    return at.sluice.metric("sluice_pool_pending_requests")


class Asking:
    """SELECT 1 in a thread, with how long it took and how it ended."""

    def __init__(self, client):
        self.error = None
        self.seconds = None
        self._client = client
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()

    def _ask(self):
        began = time.monotonic()
        try:
            assert value(self._client, "SELECT 1") == 1
        except ERRORS as error:
            self.error = error
        self.seconds = time.monotonic() - began

    def done(self) -> "Asking":
        self._thread.join()
        return self


# ---- overflow_delay

def test_overflow_opens_after_its_delay(own):
    at = own(pool_size=1, max_overflow=1, overflow_delay="700ms")
    with connection(at) as late, transactions(at, 1):
        asking = Asking(late).done()
        assert asking.error is None
        assert 0.6 < asking.seconds < 5
        assert backends(at) == 2
    wait_until(lambda: backends(at) == 1, 5, "the overflow is closed")


def test_overflow_stays_closed_when_a_backend_comes_back_in_time(own):
    at = own(pool_size=1, max_overflow=1, overflow_delay="5s")
    with connection(at) as late:
        with transactions(at, 1):
            asking = Asking(late)
            wait_until(lambda: pending(at) == 1, 5, "the client waits")
            time.sleep(0.3)
        assert asking.done().error is None
        assert asking.seconds < 3
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 1


# ---- min_idle, idle_timeout, keepalive_time

def test_min_idle_is_ready_before_anybody_comes(own):
    at = own(pool_size=4, min_idle=2)
    wait_until(lambda: backends(at) == 2, 10, "two are ready")


def test_min_idle_is_filled_up_within_pool_size(own):
    at = own(pool_size=4, min_idle=2)
    for used, total in ((1, 3), (3, 4), (4, 4)):
        with transactions(at, used):
            wait_until(lambda total=total: backends(at) == total, 10, f"{total} while {used} are used")
            time.sleep(0.3)
            assert backends(at) == total


def test_min_idle_comes_back_after_the_server_ended_all(own):
    at = own(pool_size=4, min_idle=2)
    wait_until(lambda: backends(at) == 2, 10, "two are ready")
    opened = at.sluice.metric("sluice_pool_connections_opened_total")
    at.server.kill_backends()
    wait_until(lambda: at.sluice.metric("sluice_pool_connections_opened_total") >= opened + 2, 20,
               "two more were opened")
    wait_until(lambda: backends(at) == 2, 10, "two are ready again")


def test_idle_connections_are_closed(own):
    at = own(pool_size=3, idle_timeout="1s")
    with transactions(at, 3):
        assert backends(at) == 3
    wait_until(lambda: backends(at) == 0, 10, "all were idle for too long")
    with connection(at) as client:
        assert value(client, "SELECT 2") == 2


def test_idle_timeout_leaves_min_idle(own):
    at = own(pool_size=3, idle_timeout="1s", min_idle=1)
    with transactions(at, 3):
        assert backends(at) == 3
    wait_until(lambda: backends(at) == 1, 10, "those beyond min_idle are closed")
    time.sleep(2)
    assert backends(at) == 1


def test_a_connection_in_use_is_never_idle(own):
    at = own(pool_size=2, idle_timeout="500ms")
    with connection(at) as client:
        rows(client, "BEGIN")
        first = backend_id(client)
        time.sleep(1.5)
        assert backend_id(client) == first
        rows(client, "ROLLBACK")


def seconds_of_silence(server) -> float:
    """How long the only backend of `other` has not been asked anything, by the server's clock."""
    if server.family == "postgresql":
        return float(server.admin("SELECT extract(epoch FROM clock_timestamp() - state_change) FROM "
                                  f"pg_stat_activity WHERE usename = '{schema.OTHER}'"))
    return float(server.admin("SELECT time FROM information_schema.processlist WHERE user = "
                              f"'{schema.OTHER}'"))


@pytest.mark.parametrize("keepalive", [True, False])
def test_idle_connections_are_kept_alive(own, any_server, keepalive):
    at = own(pool_size=1, keepalive_time="1s" if keepalive else "0s")
    with connection(at) as client:
        value(client, "SELECT 1")
    for _ in range(5):
        time.sleep(1)
        silence = seconds_of_silence(any_server)
        if keepalive:
            assert silence < 3
    assert keepalive or silence > 3.5
    assert backends(at) == 1
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 1


# ---- max_waiting, pool_use_lifo

def test_one_more_than_max_waiting_is_refused_at_once(own):
    at = own(pool_size=1, max_waiting=2, pool_timeout="60s")
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(at)) for _ in range(3)]
        with transactions(at, 1):
            waiting = []
            for client in clients[:2]:
                waiting.append(Asking(client))
                wait_until(lambda: pending(at) == len(waiting), 5, "the client waits")
            refused = Asking(clients[2]).done()
            assert refused.seconds < 2
            assert refused.error is not None
            assert "main" in str(refused.error) and "max_waiting" in str(refused.error)
            assert pending(at) == 2
        assert [one.done().error for one in waiting] == [None, None]
        assert value(clients[2], "SELECT 3") == 3, "it keeps its session"


def test_without_lifo_all_connections_take_turns(own):
    at = own(pool_size=3, pool_use_lifo=False, workers=1)
    with transactions(at, 3):
        pass
    with connection(at) as client:
        # A driver that prepares what it repeats would be led back to where that is prepared.
        if at.postgresql:
            client.prepare_threshold = None
        turns = [backend_id(client) for _ in range(9)]
    assert len(set(turns[:3])) == 3
    assert turns[3:6] == turns[:3] and turns[6:] == turns[:3]


# ---- several hosts

def use_four_backends(at) -> float:
    """The seconds that it takes to have four backends at once."""
    began = time.monotonic()
    with transactions(at, 4):
        assert backends(at) == 4
    return time.monotonic() - began


def test_a_host_where_nothing_listens_is_passed_over(any_server, own):
    at = own(url=url(any_server, free_port(), any_server.port))
    assert use_four_backends(at) < 5


def test_a_host_that_never_answers_slows_nobody_but_the_first(any_server, own):
    def silent(client):
        while client.recv(4096):
            pass

    mute = FakeServer(silent)
    try:
        at = own(url=url(any_server, mute.port, any_server.port),
                 connect_args={"connect_timeout": "1s"})
        with connection(at) as first:
            assert Asking(first).done().error is None
        assert use_four_backends(at) < 2.5
    finally:
        mute.close()


def test_the_first_host_is_preferred(any_server, own):
    spare = FakeServer(lambda client: client.recv(4096))
    try:
        at = own(url=url(any_server, any_server.port, spare.port))
        use_four_backends(at)
        assert spare.accepted == 0
    finally:
        spare.close()


def test_libpq_and_sqlalchemy_forms_reach_the_same_server(server, start):
    its = server("pg15")
    login = f"postgresql://{schema.OTHER}:{schema.PASSWORD}@/{schema.DATABASE}"
    dead = free_port()
    for query in (f"host={LOOPBACK},{LOOPBACK}&port={dead},{its.port}",
                  f"host={LOOPBACK}:{dead}&host={LOOPBACK}:{its.port}",
                  f"host=/nonexistent,{LOOPBACK}&port={its.port}"):
        at = start(its, url=f"{login}?{query}")
        with connection(at) as client:
            assert value(client, "SELECT current_user") == schema.OTHER


def test_all_hosts_dead_is_a_clear_error_in_time(any_server, own):
    ports = (free_port(), free_port())
    at = own(url=url(any_server, *ports), pool_timeout="2s")
    began = time.monotonic()
    with pytest.raises(ERRORS) as failure:
        with connection(at) as client:
            value(client, "SELECT 1")
    assert time.monotonic() - began < 6
    text = str(failure.value)
    assert "main" in text and any(str(port) in text for port in ports), text
    assert schema.PASSWORD not in text


# ---- init_sql

SETTING = {
    "postgresql": ("SET work_mem = '4321kB'", "SELECT current_setting('work_mem')", "4321kB"),
    "mysql": ("SET SESSION net_write_timeout = 4321", "SELECT @@net_write_timeout", 4321),
}
NOTE = {
    "postgresql": "INSERT INTO scratch SELECT -8e8::bigint - (random() * 1e8)::bigint, 'init'",
    "mysql": "INSERT INTO scratch SELECT -800000000 - FLOOR(RAND() * 100000000), 'init'",
}


def test_init_sql_runs_once_on_each_connection(any_server, own):
    family = any_server.family
    sql, ask, expected = SETTING[family]
    try:
        at = own(pool_size=3, init_sql=f"{NOTE[family]}; {sql}")
        with transactions(at, 3) as clients:
            assert [value(client, ask) for client in clients] == [expected] * 3
        with connection(at) as client:
            for _ in range(5):
                assert value(client, ask) == expected
            assert value(client, "SELECT count(*) FROM scratch WHERE note = 'init'") == 3
    finally:
        any_server.admin("DELETE FROM scratch WHERE note = 'init'", schema.DATABASE)


def test_a_connection_whose_init_sql_fails_is_not_used(any_server, own):
    at = own(init_sql="SELECT no_such_column", pool_timeout="2s")
    with connection_or_error(at) as (client, failure):
        if failure is None:
            with pytest.raises(ERRORS) as raised:
                value(client, "SELECT 1")
            failure = raised.value
        assert "main" in str(failure) and "init_sql" in str(failure), failure
        assert re.search("no_such_column", str(failure)), "the server's own words"
    wait_until(lambda: backends(at) == 0, 10, "no connection is kept")


@contextmanager
def connection_or_error(at):
    """A pool that cannot connect may show it to a client at its login or at its first query."""
    with ExitStack() as stack:
        try:
            client, failure = stack.enter_context(connection(at)), None
        except ERRORS as error:
            client, failure = None, error
        yield client, failure
