"""Memory of authenticated clients that do nothing.

Each measurement has a process of its own. A wave of WARM_UP clients connects, asks something and
leaves, so that what a process allocates once is not counted; what they leave behind may be used
again by as many of the next, so the growth is divided by the others: no client is counted for
nothing. "User-space bytes" are anonymous resident memory; sockets' kernel memory is not in it.
"""

import ssl
import time
from dataclasses import dataclass

import psycopg2
import pymysql

from harness import schema
from harness.process import LOOPBACK

from bench import host
from bench.loads.rig import Load, wanted

WARM_UP = 50
SETTLE_SECONDS = 2.0


def pg_client(port: int, tls: bool, database: str = schema.DATABASE):
    connection = psycopg2.connect(host=LOOPBACK, port=port, user=schema.APP, password=schema.PASSWORD,
                                  dbname=database, sslmode="require" if tls else "disable",
                                  gssencmode="disable", connect_timeout=30)
    connection.autocommit = True
    return connection


def _unchecked() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


_TLS = _unchecked()  # one for all: the clients are not what is measured


def my_client(port: int, tls: bool):
    return pymysql.connect(host=LOOPBACK, port=port, user=schema.APP, password=schema.PASSWORD,
                           database=schema.DATABASE, ssl=_TLS if tls else None, ssl_disabled=not tls, autocommit=True,
                           connect_timeout=30)


def ask(connection) -> None:
    cursor = connection.cursor()
    cursor.execute("SELECT 1")
    cursor.fetchall()
    cursor.close()


@dataclass(frozen=True)
class Fresh:
    """A target that is started anew for every measurement."""
    name: str
    start: object


class _Idle(Load):
    columns = {"bytes_each": "bytes each", "rss_each": "RSS each", "pss_each": "PSS each",
               "login_ms": "login ms"}
    connect = None

    def cases(self):
        counts = wanted(self.options, [200] if self.options.quick else [1000, 5000])
        return [(mode, many) for mode in ("plain", "tls") for many in counts]

    def targets(self, _mode, _clients):
        # What opens a connection to the server for each client needs a server that bears it.
        return [Fresh(name, start) for name, start in self.rig.factories(self.family).items()
                if name not in ("direct", "haproxy", "router") and self.rig.has(self.family, name)]

    def measure(self, target, mode, clients):
        running = target.start(self.rig.setup(self.family))
        try:
            return self._grow(running, mode == "tls", clients)
        finally:
            running.close()

    def _grow(self, running, tls: bool, clients: int) -> dict[str, float]:
        held: list = []
        self._wave(running.port, tls, WARM_UP, held)
        while held:
            held.pop().close()
        before = self._settled(running)
        started = time.monotonic()
        try:
            self._wave(running.port, tls, clients, held)
            took = time.monotonic() - started
            after = self._settled(running)
        finally:
            for connection in held:
                connection.close()
        counted = clients - WARM_UP
        return {"bytes_each": (after.anonymous - before.anonymous) / counted,
                "rss_each": (after.rss - before.rss) / counted,
                "pss_each": (after.pss - before.pss) / counted,
                "login_ms": took / clients * 1e3}

    def _wave(self, port: int, tls: bool, clients: int, held: list) -> None:
        """Connects one after the other; each asks something, so that it is really in."""
        for _ in range(clients):
            held.append(type(self).connect(port, tls))
            ask(held[-1])

    @staticmethod
    def _settled(running) -> host.Memory:
        time.sleep(SETTLE_SECONDS)
        return host.memory(running.daemon.pid)

    def notes(self):
        return [f"bytes each: growth of anonymous memory after {WARM_UP} clients came and went, divided "
                f"by the clients beyond {WARM_UP}; every measurement has a process of its own"]


class PgIdle(_Idle):
    name = "idle-pg"
    title = "idle authenticated PostgreSQL clients"
    connect = staticmethod(pg_client)


class MyIdle(_Idle):
    name = "idle-mysql"
    title = "idle authenticated MySQL clients"
    family = "mysql"
    connect = staticmethod(my_client)
