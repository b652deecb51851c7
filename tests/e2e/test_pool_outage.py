"""A backend that goes away and comes back: who notices, what they are told, who waits."""

import signal
import threading
import time

import psycopg
import pymysql
import pytest
from clients import connection, pg_connection, rows, value
from conftest import config_for
from fake_server import FakeServer, my_error, my_packet, pg_error, pg_read_startup
from harness import schema
from harness.process import free_port, wait_until

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]

LOST = (psycopg.Error, pymysql.err.Error, OSError)
STOPS = [("pg15", signal.SIGINT), ("pg15", signal.SIGQUIT), ("mariadb", signal.SIGTERM),
         ("mariadb", signal.SIGKILL)]


class Client(threading.Thread):
    """A session that says how it fared: errors that it saw, in its own connection or a new one."""

    def __init__(self, at, stop, down, up):
        super().__init__()
        self.at, self.stop, self.down, self.up = at, stop, down, up
        self.errors, self.answers, self.ready = [], 0, threading.Event()

    def run(self):
        again = True
        while again:
            again = False
            try:
                with connection(self.at) as client:
                    self.serve(client)
            except LOST as failure:
                self.errors.append(f"{type(failure).__name__}: {failure}")
                again = not self.stop.is_set()
                self.ready.set()

    def ask(self, client):
        assert value(client, "SELECT COUNT(*) FROM pets") == 3
        self.answers += 1


class Idle(Client):
    """Asks before the restart, and again right after it has begun, or when it is over."""
    when = "up"

    def serve(self, client):
        self.ask(client)
        self.ready.set()
        getattr(self, self.when).wait()
        for _ in range(5):
            self.ask(client)


class Asking(Idle):
    when = "down"


class Busy(Client):
    def serve(self, client):
        while not self.stop.is_set():
            self.ask(client)
            self.ready.set()
            time.sleep(0.02)


class InTransaction(Client):
    def serve(self, client):
        if self.errors:
            self.ask(client)
            return
        rows(client, "BEGIN")
        self.ask(client)
        self.ready.set()
        self.up.wait()
        self.ask(client)
        rows(client, "COMMIT")


@pytest.mark.alone
@pytest.mark.parametrize("name,how", STOPS, ids=[f"{n}-{h.name}" for n, h in STOPS])
def test_a_restart_under_load(server, start, name, how):
    its = server(name)
    at = start(its, workers=2, pool_size=20, pool_pre_ping=True, pool_timeout="30s",
               connect_args={"connect_timeout": "20s"})
    stop, down, up = threading.Event(), threading.Event(), threading.Event()
    kinds = [Idle] * 20 + [Asking] * 14 + [Busy] * 20 + [InTransaction] * 10
    clients = [kind(at, stop, down, up) for kind in kinds]
    for client in clients:
        client.start()
    for client in clients:
        assert client.ready.wait(30)
    time.sleep(0.3)
    its.daemon.stop(how)
    down.set()
    time.sleep(1)
    its.start()
    up.set()
    time.sleep(2)
    stop.set()
    for client in clients:
        client.join(40)
        assert not client.is_alive(), f"{type(client).__name__} was never answered"
    seen = {kind.__name__: [c.errors for c in clients if type(c) is kind and c.errors]
            for kind in (Idle, Asking, Busy, InTransaction)}
    print({kind: len(errors) for kind, errors in seen.items()})
    assert seen["Idle"] == [] and seen["Asking"] == [], seen
    assert all(len(errors) == 1 for errors in seen["Busy"]), seen["Busy"]
    assert len(seen["InTransaction"]) == 10 and all(len(e) == 1 for e in seen["InTransaction"]), seen
    assert all(c.answers >= 6 for c in clients if type(c) in (Idle, Asking))
    assert all(c.answers > 20 for c in clients if type(c) is Busy)


def failure_of(at) -> str:
    try:
        with connection(at) as client:
            value(client, "SELECT 1")
    except LOST as failure:
        return str(failure)
    raise AssertionError("the query was answered")


def point_at(server, port: int, **options) -> dict:
    url = server.url().replace(f":{server.port}/", f":{port}/")
    return config_for(server, url=url, **options)


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_a_backend_that_is_down_is_told_at_once_and_with_the_last_error(server, start, name):
    its = server(name)
    port = free_port()
    at = start(its, point_at(its, port, connect_args={"connect_timeout": "3s"}, pool_timeout="3s"))
    for _ in range(4):  # each failure makes the wait until the next attempt longer
        failure_of(at)
        time.sleep(0.2)
    took, texts = [], []
    for _ in range(5):
        began = time.monotonic()
        texts.append(failure_of(at))
        took.append(time.monotonic() - began)
    assert max(took) < 2
    for text in texts:
        assert "main" in text and "refused" in text.lower(), text
    assert any("next attempt is due in" in text for text in texts), texts
    assert at.sluice.metric("sluice_pool_connect_failures") >= 2


def test_a_backend_that_comes_up_later_is_found_without_being_asked_for(server, start):
    its = server("pg15")
    port = free_port()
    at = start(its, point_at(its, port, connect_args={"connect_timeout": "2s"}, pool_timeout="5s"))
    failure_of(at)
    import socket
    with socket.create_server(("127.0.0.1", port)) as door:
        door.settimeout(10)

        def relay():
            while True:
                try:
                    one, _ = door.accept()
                except OSError:
                    return
                other = socket.create_connection(("127.0.0.1", its.port))
                for source, target in ((one, other), (other, one)):
                    threading.Thread(target=pump, args=(source, target), daemon=True).start()

        def pump(source, target):
            try:
                while block := source.recv(65536):
                    target.sendall(block)
            except OSError:
                pass
            for end in (source, target):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

        threading.Thread(target=relay, daemon=True).start()

        def answered():
            try:
                with pg_connection(at) as client:
                    return value(client, "SELECT 1") == 1
            except psycopg.Error:
                return False

        wait_until(answered, 10, "the backend is found again")
        assert at.sluice.metric("sluice_pool_connect_failures") == 0


REFUSALS = {
    "pg starting up": ("pg15", pg_error(b"SFATAL\0C57P03\0Mthe database system is starting up\0\0"),
                       "starting up", True),
    "pg password": ("pg15", pg_error(b"SFATAL\0C28P01\0Mpassword authentication failed\0\0"),
                    "password authentication failed", False),
    "my full": ("mariadb", my_error(1040, "Too many connections"), "Too many connections", True),
    "my host": ("mariadb", my_error(1130, "Host is not allowed"), "not allowed", False),
}


@pytest.mark.parametrize("case", REFUSALS)
def test_what_the_server_says_reaches_the_client(server, start, case):
    name, refusal, text, _ = REFUSALS[case]

    def behave(one):
        if name == "pg15":
            pg_read_startup(one)
            one.sendall(refusal)
        else:
            one.sendall(my_packet(0, refusal))

    fake = FakeServer(behave)
    try:
        at = start(server(name), point_at(server(name), fake.port, pool_timeout="2s",
                                          connect_args={"connect_timeout": "2s"}))
        for _ in range(3):
            assert text in failure_of(at)
        assert schema.PASSWORD not in at.sluice.log_text()
    finally:
        fake.close()
