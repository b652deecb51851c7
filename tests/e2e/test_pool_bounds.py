"""The bound, as the server counts it: under evictions, overflow, recycling and kills, on 8 workers."""

import multiprocessing
import random
import threading
import time
from contextlib import contextmanager

import psycopg
import pymysql
import pytest
from clients import my_connection, pg_connection, rows
from harness import schema

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized, pytest.mark.alone]

SIZE, OVERFLOW, CLIENTS, SECONDS = 4, 3, 120, 6
LEAST, PATIENCE = 3, 60  # what every client gets done, and how many seconds more it may take for it
LOST = (psycopg.Error, pymysql.err.Error, OSError)


@contextmanager
def root(server):
    """A session of the server's own administrator, past any proxy."""
    if server.family == "postgresql":
        with psycopg.connect(host=str(server.folder), port=server.port, user="postgres",
                             dbname="postgres", autocommit=True) as one:
            yield one
    else:
        one = pymysql.connect(unix_socket=str(server.socket), user="root", autocommit=True)
        try:
            yield one
        finally:
            one.close()


def mine(server) -> str:
    if server.family == "postgresql":
        return f"SELECT pid FROM pg_stat_activity WHERE usename = '{schema.OTHER}'"
    return ("SELECT id FROM information_schema.processlist WHERE command <> 'Killed' AND "
            f"user = '{schema.OTHER}'")


def watch_it(server, kill_every, ending, result):
    """In a process of its own, which Python's lock does not slow down."""
    most = looks = kills = 0
    with root(server) as one:
        next_kill = time.monotonic() + kill_every
        while not ending.is_set():
            ids = rows(one, mine(server))
            most = max(most, len(ids))
            looks += 1
            if kill_every and ids and time.monotonic() > next_kill:
                next_kill = time.monotonic() + kill_every
                kills += kill(server, one, random.choice(ids)[0])
    result.put((most, looks, kills))


def kill(server, one, victim) -> bool:
    try:
        rows(one, f"SELECT pg_terminate_backend({victim})" if server.family == "postgresql"
             else f"KILL {victim}")
        return True
    except pymysql.err.Error:
        return False  # gone already


class Watch:
    """Counts the server's connections as fast as it answers, and kills one now and then."""

    def __init__(self, server, kill_every: float = 0):
        fork = multiprocessing.get_context("fork")
        self.ending, self.result = fork.Event(), fork.Queue()
        self.process = fork.Process(target=watch_it,
                                    args=(server, kill_every, self.ending, self.result))

    def __enter__(self):
        self.process.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.most, self.looks, self.kills = self.result.get(timeout=30)
        self.process.join()


def connect(at, number):
    """Every third MySQL client has a capability that the others' connections cannot serve."""
    if at.postgresql:
        return pg_connection(at)
    flag = pymysql.constants.CLIENT.FOUND_ROWS if number % 3 == 0 else 0
    return my_connection(at, client_flag=flag)


def some_work(client, at, number, dice):
    what = dice.random()
    if what < 0.2:
        rows(client, f"SET application_name = 'client {number % 7}'" if at.postgresql
             else f"SET SESSION sort_buffer_size = {262144 + 1024 * (number % 7)}")
    elif what < 0.4:
        rows(client, "BEGIN")
        rows(client, "SELECT COUNT(*) FROM pets")
        rows(client, "COMMIT")
    elif what < 0.5:
        rows(client, "SELECT pg_sleep(0.003)" if at.postgresql else "SELECT SLEEP(0.003)")
    else:
        rows(client, "SELECT COUNT(*) FROM users")


def churn(at, number, until, errors, done):
    """Works until then, and however slow the machine is until it has been answered LEAST times."""
    dice = random.Random(number)

    def goes_on():
        now = time.monotonic()
        return now < until or (done[number] < LEAST and now < until + PATIENCE)

    while goes_on():
        try:
            with connect(at, number) as client:
                for _ in range(dice.randint(1, 12)):
                    some_work(client, at, number, dice)
                    done[number] += 1
                    if not goes_on():
                        break
        except LOST as failure:
            errors.append(str(failure))


@pytest.mark.parametrize("kill_every", [0, 0.05], ids=["calm", "kills"])
def test_the_server_never_sees_more_than_the_bound(any_server, start, kill_every):
    at = start(any_server, workers=8, pool_size=SIZE, max_overflow=OVERFLOW, pool_recycle="40ms",
               idle_timeout="100ms", min_idle=1, pool_timeout="30s",
               url=any_server.url(user=schema.OTHER))
    errors, done = [], [0] * CLIENTS
    until = time.monotonic() + SECONDS
    with Watch(any_server, kill_every) as watch:
        threads = [threading.Thread(target=churn, args=(at, n, until, errors, done))
                   for n in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + PATIENCE + 40)
        assert not any(thread.is_alive() for thread in threads), "a client was never answered"
    report = (f"most {watch.most}, looks {watch.looks}, kills {watch.kills}, queries {sum(done)}, "
              f"errors {len(errors)}")
    print(report)
    assert watch.looks > 50
    assert watch.most <= SIZE + OVERFLOW
    assert watch.most >= SIZE or kill_every
    assert min(done) >= LEAST, done
    # Who loses a connection in a query is told so; nobody else notices anything.
    assert len(errors) <= watch.kills, errors[:5]
    closed = at.sluice.metrics()
    reasons = {name.split('reason="')[1].split('"')[0]: count for name, count in closed.items()
               if name.startswith("sluice_pool_connections_closed_total") and count}
    assert reasons.get("lifetime", 0) > 10, reasons
    assert at.postgresql or reasons.get("evicted", 0) > 0, reasons
