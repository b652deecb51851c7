"""More than sluice, its pool or its host can take: what runs goes on, memory stays bounded."""

import os
import pathlib
import resource
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from fake_server import pg_startup
from harness import schema
from harness.process import wait_until
from test_gone_clients import ask_only, wait_for_waiter
from test_limits import closes_quietly, open_client, slow

pytestmark = [pytest.mark.proxy_only, pytest.mark.alone]

MIB = 1 << 20
DESCRIPTORS = 64


def resident(at) -> int:
    """Bytes in RAM of the sluice."""
    fields = pathlib.Path(f"/proc/{at.sluice.daemon.pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


def open_files(at) -> int:
    return len(os.listdir(f"/proc/{at.sluice.daemon.pid}/fd"))


class Steady:
    """A client that asks all the time; the slowest answer in seconds, and what failed."""

    def __init__(self, at):
        self.at, self.slowest, self.asked, self.problems = at, 0.0, 0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            with connection(self.at) as client:
                while not self._stop.wait(0.002):
                    began = time.monotonic()
                    value(client, "SELECT 1")
                    self.slowest = max(self.slowest, time.monotonic() - began)
                    self.asked += 1
        except Exception as problem:  # reported by the test's own thread
            self.problems.append(problem)

    def __enter__(self):
        self._thread.start()
        wait_until(lambda: self.asked > 5 or self.problems, 10, "it asks")
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def check(self, slowest: float):
        assert not self.problems, self.problems
        assert self.asked >= 10
        assert self.slowest < slowest


@pytest.mark.plain_build
def test_accept_pauses_without_descriptors_and_recovers(any_server, start):
    # From the start on: a ring accepts with the limit that was there when it was asked to.
    at = start(any_server, pool_size=2, workers=1, prefix=("prlimit", f"--nofile={DESCRIPTORS}:{DESCRIPTORS}"))
    with ExitStack() as stack:
        old = [stack.enter_context(connection(at)) for _ in range(2)]
        for client in old:
            rows(client, "BEGIN")
            value(client, "SELECT 1")
        for client in old:
            rows(client, "COMMIT")
        crowd = [socket.create_connection((at.host, at.port), timeout=5) for _ in range(DESCRIPTORS + 20)]
        wait_until(lambda: "accept_paused" in at.sluice.log_text(), 5, "accept pauses")
        assert open_files(at) >= DESCRIPTORS - 2
        cpu = at.sluice.daemon.cpu_seconds()
        for turn in range(20):
            assert value(old[turn % 2], f"SELECT {turn}") == turn
            time.sleep(0.05)
        assert at.sluice.daemon.cpu_seconds() - cpu < 0.5, "it does not spin"
        for one in crowd:
            one.close()
        # As few descriptors as before, but free: no restart, no signal.
        more = [stack.enter_context(connection(at)) for _ in range(10)]
        assert [value(one, "SELECT 9") for one in more] == [9] * 10


@pytest.mark.plain_build
def test_a_client_that_never_reads_a_large_result(any_server, start):
    at = start(any_server, pool_size=3, workers=1)
    sql = ("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)" if at.postgresql
           else "SELECT REPEAT('x', 1000) FROM information_schema.columns a, "
                "information_schema.columns b LIMIT 1000000")
    with connection(at) as other:
        value(other, "SELECT 1")
        before, most = resident(at), 0
        client = open_client(at)
        raw = ask_only(client, sql)
        for _ in range(30):
            time.sleep(0.1)
            most = max(most, resident(at))
            value(other, "SELECT 1")
        assert most - before < 8 * MIB
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
        closes_quietly(client)
        assert value(other, "SELECT 2") == 2
    wait_until(lambda: at.sluice.metric("sluice_pool_connections", state="used") == 0, 10,
               "its backend is free")


def send_for(raw: socket.socket, head: bytes, size: int, seconds: float) -> int:
    """Sends what is taken of `size` bytes in this time; the count."""
    raw.settimeout(0.3)
    raw.sendall(head)
    block, sent, end = b"x" * MIB, 0, time.monotonic() + seconds
    while sent < size and time.monotonic() < end:
        try:
            sent += raw.send(block[:min(MIB, size - sent)])
        except TimeoutError:
            pass
    return sent


@pytest.mark.plain_build
def test_a_client_that_sends_without_end(server, start):
    """1 GiB of INSERT to a backend that is stopped: what it does not take is not taken."""
    its = server("pg15")
    at = start(its, pool_size=2, workers=1, url=its.url(user=schema.OTHER))
    client = open_client(at)
    rows(client, "BEGIN")
    value(client, "SELECT 1")
    pid = int(its.admin(f"SELECT pid FROM pg_stat_activity WHERE usename = '{schema.OTHER}'"))
    os.kill(pid, signal.SIGSTOP)
    try:
        before = resident(at)
        raw = socket.socket(fileno=os.dup(client.fileno()))
        text = b"INSERT INTO scratch VALUES (-95, '"
        size = (1 << 30) - 100
        head = b"Q" + (4 + len(text) + size + 3).to_bytes(4, "big") + text
        sent = send_for(raw, head, size, 3)
        assert resident(at) - before < 8 * MIB
        assert sent < 64 * MIB, "the kernel's buffers hold that much, sluice nothing"
        with connection(at) as other:
            assert value(other, "SELECT 3") == 3
        raw.shutdown(socket.SHUT_RDWR)
        raw.close()
    finally:
        os.kill(pid, signal.SIGCONT)
    closes_quietly(client)
    wait_until(lambda: its.backends(schema.OTHER) <= 2, 10, "the server has done with it")
    assert its.admin("SELECT count(*) FROM scratch WHERE id = -95") == "0"


@pytest.mark.plain_build
def test_a_client_that_sends_without_end_to_mysql(server, start):
    its = server("mariadb")
    at = start(its, pool_size=2, workers=1)
    client = open_client(at)
    value(client, "SELECT 1")
    before, most = resident(at), 0
    raw = socket.socket(fileno=os.dup(client._sock.fileno()))
    raw.settimeout(2)
    packet = b"\xff\xff\xff"
    try:
        for number in range(20):  # 320 MiB of one statement; the server refuses it at 128 MiB
            raw.sendall(packet + bytes([number]) + (b"\x03SELECT '" if number == 0 else b"x" * 9) +
                        b"x" * ((1 << 24) - 1 - 9))
            most = max(most, resident(at))
    except OSError:
        pass
    assert most - before < 24 * MIB
    raw.close()
    closes_quietly(client)
    with connection(at) as other:
        assert value(other, "SELECT 4") == 4


def test_the_first_to_come_is_the_first_to_be_refused(any_server, start):
    at = start(any_server, pool_size=1, workers=1, pool_timeout="1s")
    refused = []
    with ExitStack() as stack:
        holder = stack.enter_context(connection(at))
        clients = [stack.enter_context(connection(at)) for _ in range(5)]
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")

        def ask(number):
            began = time.monotonic()
            try:
                value(clients[number], "SELECT 1")
            except (psycopg.Error, pymysql.err.Error) as failure:
                refused.append((number, time.monotonic() - began, str(failure)))

        threads = []
        for number in range(5):
            threads.append(threading.Thread(target=ask, args=(number,)))
            threads[-1].start()
            wait_for_waiter(at, number + 1)
            time.sleep(0.08)
        for thread in threads:
            thread.join()
        assert [number for number, _, _ in refused] == list(range(5))
        assert all(0.9 < took < 2.5 and "pool_timeout" in text for _, took, text in refused), refused
        rows(holder, "ROLLBACK")
        assert [value(one, "SELECT 5") for one in clients] == [5] * 5


def test_a_refused_crowd_leaves_others_alone(any_server, start):
    at = start(any_server, extra={"limits": {"max_client_connections": 4}})
    with Steady(at) as steady, connection(at), connection(at), connection(at):
        for _ in range(200):
            with socket.create_connection((at.host, at.port), timeout=5) as one:
                one.settimeout(5)
                try:
                    if at.postgresql:
                        one.sendall(pg_startup())
                    answer = one.recv(200)
                    assert answer[:1] == b"E" and b"53300" in answer or answer[4:7] == b"\xff\x10\x04"
                except ConnectionResetError:
                    pass  # it had closed before it read what we sent
    steady.check(1.0)
    assert at.sluice.metric("sluice_client_rejected_total", reason="too_many_clients") >= 200


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_half_open_logins_do_not_stall_queries(any_server, start, tls):
    certificates = any_server.certificates
    options = {"tls": {"mode": "prefer", "cert_file": str(certificates.cert),
                       "key_file": str(certificates.key)}} if tls else {}
    at = start(any_server, listener_options=options,
               extra={"limits": {"client_login_timeout": "2s"}})
    with Steady(at) as steady:
        crowd = [socket.create_connection((at.host, at.port), timeout=5) for _ in range(400)]
        for one in crowd:
            if at.postgresql:
                one.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f" if tls else pg_startup()[:7])
        time.sleep(1)
        with connection(at) as good:
            assert value(good, "SELECT 6") == 6
        gauge = "sluice_client_connections"
        wait_until(lambda: at.sluice.metric(gauge, state="login") == 0, 10, "they are ended")
        for one in crowd:
            one.close()
    steady.check(1.0)


def test_a_thousand_logins_at_once_do_not_stall_queries(any_server, start):
    at = start(any_server, pool_size=10, pool_timeout="60s",
               extra={"limits": {"client_login_timeout": "60s"}})
    with ExitStack() as stack:
        steady = [stack.enter_context(Steady(at)) for _ in range(2)]
        stack.enter_context(open_crowd(at, 1000))
    for one in steady:
        one.check(1.0)


CROWD = """
import socket, sys, threading, resource
sys.path.insert(0, sys.argv[1])
import psycopg, pymysql
host, port, user, password, database, family, count = sys.argv[2:9]
resource.setrlimit(resource.RLIMIT_NOFILE, (4096, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
threading.stack_size(256 * 1024)
good, bad, gate = [], [], threading.Event()
def one():
    gate.wait()
    try:
        if family == "postgresql":
            c = psycopg.connect(host=host, port=port, user=user, password=password, dbname=database,
                                sslmode="disable", connect_timeout=60)
        else:
            c = pymysql.connect(host=host, port=int(port), user=user, password=password,
                                database=database, connect_timeout=60, ssl_disabled=True)
        good.append(c)
    except Exception as problem:
        bad.append(repr(problem))
threads = [threading.Thread(target=one) for _ in range(int(count))]
for t in threads: t.start()
gate.set()
for t in threads: t.join()
print(len(good), bad[:3], flush=True)
for c in good: c.close()
"""


class open_crowd:
    """Logs so many clients in at once, from a process of its own; at the end all must be in."""

    def __init__(self, at, count):
        self.at, self.count = at, count

    def __enter__(self):
        import sys
        at = self.at
        done = subprocess.run([sys.executable, "-c", CROWD, os.path.dirname(__file__), at.host,
                               str(at.port), at.user, at.password, at.database, at.server.family,
                               str(self.count)], capture_output=True, text=True, timeout=120)
        assert done.stdout.split()[:1] == [str(self.count)], done.stdout + done.stderr[-2000:]

    def __exit__(self, *_):
        pass


@pytest.mark.parametrize("stage", ["nothing", "tls", "login"])
def test_draining_does_not_wait_for_a_login(any_server, start, stage):
    certificates = any_server.certificates
    at = start(any_server, listener_options={
        "tls": {"mode": "prefer", "cert_file": str(certificates.cert),
                "key_file": str(certificates.key)}},
        extra={"drain": {"delay": "0s", "timeout": "30s"}, "limits": {"client_login_timeout": "60s"}})
    with socket.create_connection((at.host, at.port), timeout=5) as one:
        one.settimeout(5)
        if at.postgresql and stage == "tls":
            one.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
            assert one.recv(1) == b"S"
            one.sendall(b"\x16\x03\x01\x02\x00\x01")  # the head of a ClientHello
        elif at.postgresql and stage == "login":
            one.sendall(pg_startup())
            assert one.recv(200)[:1] == b"R"
        elif not at.postgresql:
            greeting = one.recv(200)
            assert greeting[4:5] == b"\x0a"
            if stage == "tls":
                one.sendall(b"\x20\x00\x00\x01\x8d\xae\xff\x00\x00\x00\x00\x01\x2d" + b"\0" * 23 +
                            b"\x16\x03\x01\x02\x00\x01")
        time.sleep(0.2)
        began = time.monotonic()
        assert at.sluice.daemon.stop(signal.SIGTERM, 20) == 0
        assert time.monotonic() - began < 4


def test_draining_does_not_wait_for_a_login_in_the_queue(server, start):
    """Its settings are to be tried on a backend, and none is free."""
    at = start(server("pg15"), pool_size=1, pool_timeout="60s",
               extra={"drain": {"delay": "0s", "timeout": "30s"}})
    with connection(at) as holder:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        outcome = []

        def log_in():
            try:
                with connection(at, options="-c geqo_threshold=17"):
                    outcome.append("in")
            except psycopg.Error as failure:
                outcome.append(str(failure))

        thread = threading.Thread(target=log_in)
        thread.start()
        wait_for_waiter(at)
        at.sluice.daemon.process.send_signal(signal.SIGTERM)
        thread.join(5)
        assert outcome and "shutting down" in outcome[0]
        rows(holder, "ROLLBACK")
    assert at.sluice.daemon.stop(signal.SIGTERM, 15) == 0
