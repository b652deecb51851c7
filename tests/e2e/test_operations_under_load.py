"""What operators do while clients are busy, all of it in a row: reloads, a pause, new connections, an upgrade, a drain.

No client sees an error but the one that docs/operations.md promises: whoever an upgrade or a drain sends away is told so
between its transactions (57P01, MySQL 1053). What a client was told is committed is there once.
"""

import os
import re
import signal
import subprocess
import threading
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
import pymysql
import pytest
from admin_http import USERS, Api, curl
from clients import psql_value, rows, value
from conftest import Endpoint, config_for, port_of
from harness import schema
from harness.process import LOOPBACK, wait_until
from harness.sluice import write_config
from test_limits import closes_quietly
from test_load import sums, tables  # noqa: F401  (a fixture)
from test_upgrade import Started, pgbench, script

pytestmark = [pytest.mark.proxy_only, pytest.mark.alone]

ERRORS = (psycopg.Error, pymysql.err.Error, OSError)
RELOADS = 20
POOL_SIZE, POOL_SIZES = 7, (9, 5, 10, 6, 8)
TOLD = b"\xff\x1d\x04"  # MySQL's error 1053


@dataclass(frozen=True)
class Size:
    clients: int
    between: float  # seconds from one reload to the next
    paused: float   # more than pool_timeout, in the larger one
    upgrades: int


SIZES = [pytest.param(Size(16, 0.05, 1, 1), id="short"),
         pytest.param(Size(64, 2, 12, 2), id="full", marks=[pytest.mark.full, pytest.mark.timeout(900)])]


def configuration(its) -> dict:
    return config_for(its, pool_size=POOL_SIZE, users=[{"name": schema.APP, "password": schema.PASSWORD}, *USERS],
                      extra={"reload": {"watch": False}, "drain": {"delay": "0s", "timeout": "4s"},
                             "log": {"level": "info", "format": "text"},
                             "middleware": [{"connection_limit": {"per_user": 1000}}]})


# ---- what is done

def change(config: dict, turn: int) -> str:
    """Changes something real, each time something else; how the answer of the reload names it."""
    kind, step = turn % 4, turn // 4
    if kind == 0:
        config["pools"]["main"]["pool_size"] = POOL_SIZES[step]
        return "pools.main.pool_size"
    if kind == 1:
        name = f"batch-{step}"
        config["routes"][:-1] = [{"name": name, "pool": "main", "match": {"application_name": name}}]
        return f"routes.{name} (added)"
    if kind == 2:
        config["log"]["level"] = "info" if step % 2 else "debug"
        return "log.level"
    config["middleware"] = [{"connection_limit": {"per_user": 1001 + step}}]
    return "middleware[0].connection_limit.per_user"


def metric(sluice, sample: str) -> float:
    """The value of the sample of this whole name; 0 when there is none."""
    text = curl(f"http://{LOOPBACK}:{sluice.admin_port}/metrics").body
    found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", text)
    return float(found.group(1)) if found else 0


def goes_on(progress) -> None:
    before = progress()
    wait_until(lambda: progress() > before, 30, "the load goes on")


def reload_again_and_again(sluice, api, size, progress) -> None:
    for turn in range(RELOADS):
        named = change(sluice.config, turn)
        write_config(sluice.folder, sluice.config)
        changed = api.post("reload").data["changed"]
        assert changed == [named] or (named in changed and turn % 4 == 1), changed  # a route replaces the one before it
        goes_on(progress)
        time.sleep(size.between)
    assert metric(sluice, 'sluice_config_reloads_total{result="ok"}') == RELOADS
    assert metric(sluice, 'sluice_config_reloads_total{result="failed"}') == 0
    assert metric(sluice, 'sluice_pool_connections_max{pool="main"}') == POOL_SIZES[-1]


def pause_and_resume(api, size, clients, progress) -> None:
    def pool():
        return api.get("pools").data[0]

    assert api.post("pause", {"pool": "main"}).status in (200, 202)
    wait_until(lambda: pool()["used"] == 0 and pool()["clients_waiting"] == clients, 30, "everybody waits")
    before = progress()
    time.sleep(size.paused)
    assert pool()["paused"] and pool()["used"] == 0 and progress() == before
    assert api.post("resume", {"pool": "main"}).status in (200, 202)
    goes_on(progress)


def reconnect(api, progress) -> None:
    def connections() -> set[int]:
        return {one["server_id"] for one in api.get("backends").data}

    old = connections()
    assert old
    assert api.post("reconnect", {"pool": "main"}).status in (200, 202)
    wait_until(lambda: not old & connections(), 30, "every connection is a new one")
    goes_on(progress)


def operate(sluice, size, clients: int, progress) -> None:
    api = Api(sluice)
    reload_again_and_again(sluice, api, size, progress)
    pause_and_resume(api, size, clients, progress)
    reconnect(api, progress)


# ---- pgbench

def finished(load: subprocess.Popen) -> int:
    """How many transactions it has made; none has failed. SIGALRM is pgbench's own clock: what runs is finished."""
    load.send_signal(signal.SIGALRM)
    out, _ = load.communicate(timeout=60)
    assert load.returncode == 0 and "ERROR" not in out and "aborted" not in out, out[-3000:]
    failed = re.search(r"number of failed transactions: (\d+)", out)
    assert not failed or failed.group(1) == "0", out
    return int(re.search(r"actually processed: (\d+)", out).group(1))


@contextmanager
def running(*loads: subprocess.Popen):
    try:
        yield loads
    finally:
        for one in loads:
            if one.poll() is None:
                one.kill()
                one.communicate()


@pytest.mark.parametrize("size", SIZES)
def test_pgbench_notices_nothing(tables, start, size):  # noqa: F811
    its = tables("pg15")
    at = start(its, config=configuration(its))
    before = int(psql_value(at, "SELECT count(*) FROM pgbench_history"))

    def transactions() -> float:
        return metric(at.sluice, 'sluice_transactions_total{pool="main"}')

    many = ["-c", size.clients, "-j", 2, "-T", 1200]
    with running(pgbench(at, "-S", *many), pgbench(at, "-b", "tpcb-like", *many)) as (reads, writes):
        wait_until(lambda: at.sluice.metric("sluice_client_connections") == 2 * size.clients, 60, "all are connected")
        goes_on(transactions)
        operate(at.sluice, size, 2 * size.clients, transactions)
        assert finished(reads) > RELOADS
        committed = finished(writes)
    assert int(psql_value(at, "SELECT count(*) FROM pgbench_history")) - before == committed > RELOADS
    assert len(sums(at)) == 1, sums(at)
    assert at.sluice.metric("sluice_queries_total", result="error") == 0
    assert at.sluice.metric("sluice_sessions_ended_total") == 0


# ---- clients that connect again when they are told to

class MySqlClient(pymysql.connections.Connection):
    """Keeps what PyMySQL does not read: the error that comes between two requests, which it calls a lost connection."""
    unread = b""

    def _force_close(self):
        if self._rfile is not None and not self._closed:
            try:
                self.unread = self._rfile.read1(256)
            except OSError:
                pass
        super()._force_close()


class Client(threading.Thread):
    """first() may be refused by who sends the client away; nothing else may fail."""

    def __init__(self, at, number: int):
        super().__init__()
        self.at, self.number = at, number
        self.done, self.told, self.failures, self.notices = 0, 0, [], []
        self.stopping, self.ending = threading.Event(), threading.Event()

    def run(self) -> None:
        while not self.stopping.is_set() and not self.failures:
            try:
                client = self._connect()
            except ERRORS as failure:
                if not self.ending.is_set():  # a drain is the only time when nobody is let in
                    self.failures.append(f"connect: {failure!r}")
                return
            try:
                self._serve(client)
            finally:
                closes_quietly(client)

    def _connect(self):
        at = self.at
        self.notices.clear()
        if not at.postgresql:
            return MySqlClient(host=at.host, port=at.port, user=at.user, password=at.password, database=at.database,
                               autocommit=True, connect_timeout=20, read_timeout=60)
        client = psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password, dbname=at.database,
                                 sslmode="disable", autocommit=True, connect_timeout=20)
        # What comes in one piece with an answer, behind it, is a notice to libpq.
        client.add_notice_handler(lambda told: self.notices.append(told.sqlstate))
        return client

    def _serve(self, client) -> None:
        while not self.stopping.is_set():
            try:
                self.first(client)
            except ERRORS as failure:
                if self._sent_away(client, failure):
                    self.told += 1
                else:
                    self.failures.append(f"between transactions, after {self.done}: {failure!r}")
                return
            try:
                self.rest(client)
            except ERRORS as failure:
                self.failures.append(f"in transaction {self.done}: {failure!r}")
                return
            self.done += 1

    def _sent_away(self, client, failure) -> bool:
        if self.at.postgresql:
            return "57P01" in (getattr(failure, "sqlstate", None), *self.notices)
        return failure.args[:1] == (1053,) or TOLD in client.unread


class Reader(Client):
    def first(self, client) -> None:
        assert value(client, "SELECT id FROM pets WHERE id = 1") == 1

    def rest(self, client) -> None:
        pass


class Writer(Client):
    def first(self, client) -> None:
        rows(client, "BEGIN")

    def rest(self, client) -> None:
        mine = (self.number, self.done)
        rows(client, "INSERT INTO operations VALUES (%s, %s)", mine)
        assert value(client, "SELECT count(*) FROM operations WHERE writer = %s AND turn = %s", mine) == 1
        rows(client, "COMMIT")


@contextmanager
def busy(at, many: int):
    clients = [(Reader if number % 4 == 0 else Writer)(at, number) for number in range(many)]
    for one in clients:
        one.start()
    try:
        wait_until(lambda: answers(clients) and all(one.done for one in clients), 60, "everybody is served")
        yield clients
    finally:
        for one in clients:
            one.stopping.set()
        for one in clients:
            one.join(70)


def failures(clients) -> list[str]:
    return [f"{type(one).__name__} {one.number}: {text}" for one in clients for text in one.failures]


def answers(clients) -> int:
    """What all of them have had done until now; nobody has met an error."""
    assert failures(clients) == []
    return sum(one.done for one in clients)


def administer(its, sql: list[str]) -> str:
    return its.admin((";" if its.family == "postgresql" else "//").join(sql), schema.DATABASE)


def make_table(its) -> None:
    grant = ["GRANT ALL ON operations TO PUBLIC"] if its.family == "postgresql" else []
    administer(its, ["DROP TABLE IF EXISTS operations", "CREATE TABLE operations (writer int, turn int)",
                     "CREATE INDEX operations_by_writer ON operations (writer, turn)", *grant])


def found(its) -> dict[int, tuple[int, int]]:
    """By writer: how many rows, and how many different ones."""
    text = administer(its, ["SELECT writer, count(*), count(DISTINCT turn) FROM operations GROUP BY writer"])
    numbers = [[int(one) for one in re.split(r"[|\t]", line)] for line in text.splitlines()]
    return {writer: (count, different) for writer, count, different in numbers}


@contextmanager
def newcomers(one, at, number: int):
    """pgbench with a new connection for each transaction; all that it was told is committed is there."""
    if not at.postgresql:
        yield
        return
    path = script(one, f"INSERT INTO operations SELECT {number}, nextval('arrivals');\n")
    administer(at.server, ["DROP SEQUENCE IF EXISTS arrivals", "CREATE SEQUENCE arrivals",
                           "GRANT ALL ON arrivals TO PUBLIC"])
    with running(pgbench(at, "-C", "-f", path, "-c", 8, "-j", 2, "-T", 1200)) as (load,):
        wait_until(lambda: number in found(at.server), 30, "the first ones have come")
        yield
        arrived = finished(load)
    assert found(at.server)[number] == (arrived, arrived)


def upgrade(one, at, clients, turn: int) -> None:
    with newcomers(one, at, -1 - turn):
        one.upgrade()
    wait_until(lambda: answers(clients) and all(client.told == turn + 1 for client in clients), 60,
               "everybody was sent to the new process")
    before = [client.done for client in clients]
    wait_until(lambda: answers(clients) and all(client.done > done for client, done in zip(clients, before)), 60,
               "everybody is served there")


def drain(one, clients) -> None:
    (last,) = one.pids()
    for client in clients:
        client.ending.set()
    os.kill(last, signal.SIGTERM)
    wait_until(lambda: not one.pids(), 30, f"it ends\n{one.text()[-2000:]}")
    for client in clients:
        client.join(60)
        assert not client.is_alive()


@pytest.mark.parametrize("size", SIZES)
def test_who_connects_again_loses_nothing(any_server, size):
    make_table(any_server)
    config = configuration(any_server)
    with closing(Started(config)) as one:
        one.wait_for("started")
        at = Endpoint(any_server, port_of(config))
        with busy(at, size.clients) as clients:
            operate(one, size, len(clients), lambda: answers(clients))
            assert [client.told for client in clients] == [0] * len(clients)
            for turn in range(size.upgrades):
                upgrade(one, at, clients, turn)
            drain(one, clients)
        assert failures(clients) == []
        assert all(client.told > size.upgrades for client in clients)
        text = one.text()
        assert "drain_cut_short" not in text and "Sanitizer" not in text, text[-3000:]
    kept = {writer: count for writer, count in found(any_server).items() if writer >= 0}
    assert kept == {one.number: (one.done, one.done) for one in clients if isinstance(one, Writer)}
    administer(any_server, ["DROP TABLE operations"])
