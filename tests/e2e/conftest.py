"""Real servers for the whole run, sluice in front of each, and real clients.

SLUICE_BINARY            the sluice to test (default build/dev/sluice)
SLUICE_E2E_DIRECT=1      no sluice: clients go to the servers, which tells what the right answers are
                         and whether a test is right; tests of sluice itself are skipped
SLUICE_KEEP_LOGS=FOLDER  keep every sluice's log there
"""

import os
import pathlib
import sys
from contextlib import contextmanager
from dataclasses import dataclass, replace

import machine
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import shops  # noqa: E402
from harness import schema, tools  # noqa: E402
from harness.mysql import MariaDb, MySql  # noqa: E402
from harness.postgres import postgres15, postgres18  # noqa: E402
from harness.process import LOOPBACK, free_port  # noqa: E402
from harness.sluice import Sluice, binary  # noqa: E402

DIRECT = os.environ.get("SLUICE_E2E_DIRECT") == "1"

POSTGRESQL = ["pg15", "pg18"]
MYSQL = ["mariadb", "mysql"]
FAMILIES = ["pg15", "mariadb"]
ALL = POSTGRESQL + MYSQL

_SERVERS = {
    "pg15": (tools.PG15 / "postgres", postgres15),
    "pg18": (tools.PG18 / "postgres", postgres18),
    "mariadb": (tools.MARIADBD, MariaDb),
    "mysql": (tools.MYSQLD, MySql),
}


@dataclass(frozen=True)
class Endpoint:
    """Where a client connects, and as whom."""
    server: object
    port: int
    host: str = LOOPBACK
    user: str = schema.APP
    password: str = schema.PASSWORD
    database: str = schema.DATABASE
    sluice: object = None

    def with_(self, **changes) -> "Endpoint":
        return replace(self, **changes)

    @property
    def name(self) -> str:
        return self.server.name

    @property
    def postgresql(self) -> bool:
        return self.server.family == "postgresql"

    def url(self, driver: str) -> str:
        return (f"{driver}://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}")


def pytest_configure(config):
    config.addinivalue_line("markers", "alone: looks at times, memory or descriptors; runs while no other test does")
    config.addinivalue_line("markers", "proxy_only: asks something of sluice itself")
    config.addinivalue_line("markers", "full: the sizes of an acceptance run; minutes")
    config.addinivalue_line("markers", "sanitized: part of the run under the thread sanitizer")
    config.addinivalue_line("markers", "plain_build: looks at memory or takes the descriptors, which a sanitizer needs")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item):
    with machine.turn(item):
        return (yield)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    return machine.ByFile(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config, items):
    machine.put_alone_last(items)
    if DIRECT:
        for item in items:
            if item.get_closest_marker("proxy_only"):
                item.add_marker(pytest.mark.skip(reason="asks something of sluice itself"))
    if os.environ.get("SLUICE_PRESET") in ("asan", "tsan"):
        for item in items:
            if item.get_closest_marker("plain_build"):
                item.add_marker(pytest.mark.skip(reason="not under a sanitizer: memory, descriptors"))
    if not config.getoption("-m"):
        for item in items:
            if item.get_closest_marker("full"):
                item.add_marker(pytest.mark.skip(reason="acceptance size: pytest -m full"))


@pytest.fixture(scope="session")
def server():
    """server(name): the throw-away server of that name, started at its first use."""
    started = {}

    def get(name: str):
        if name not in started:
            program, make = _SERVERS[name]
            if not tools.have(program):
                pytest.skip(f"{name} is not on this machine")
            started[name] = make()
        return started[name]

    yield get
    for one in started.values():
        one.close()


def listener(server, **extra) -> dict:
    """A listener without TLS for the server's protocol on a free port."""
    return {"name": server.name, "protocol": server.family, "bind": f"{LOOPBACK}:{free_port()}",
            **extra}


def pool(server, **options) -> dict:
    """A pool on the server as user `app`, small and with a short wait."""
    return {"url": server.url(), "pool_size": 4, "pool_timeout": "10s", "pool_pre_ping": True,
            **options}


def config_for(server, *, listener_options=None, route=None, users=None, workers=2, extra=None,
               **pool_options) -> dict:
    """One listener, one pool, one route: every user of this configuration goes to that pool."""
    return {
        "workers": workers,
        "listeners": [listener(server, **(listener_options or {}))],
        "pools": {"main": pool(server, **pool_options)},
        "users": users or [{"name": schema.APP, "password": schema.PASSWORD}],
        "routes": [{"name": "all", "pool": "main", **(route or {})}],
        **(extra or {}),
    }


def port_of(config: dict, index: int = 0) -> int:
    return int(config["listeners"][index]["bind"].rsplit(":", 1)[1])


@contextmanager
def sluices():
    """begin(config): a running sluice; all of them are stopped at the end, and each must end well."""
    if not DIRECT and not binary().exists():
        pytest.skip(f"{binary()} has not been built")
    running, failures = [], []

    def begin(config, prefix=()) -> Sluice:
        running.append(Sluice(config, prefix=prefix))
        return running[-1]

    yield begin
    for one in running:
        try:
            one.close()
        except AssertionError as failure:
            failures.append(str(failure))
    assert not failures, "\n".join(failures)


def alive(at: Endpoint) -> Endpoint:
    """For those who share a sluice: says whose log to read when a test before this one has ended it."""
    assert DIRECT or at.sluice.daemon.running(), f"sluice died:\n{at.sluice.log_text()[-6000:]}"
    return at


@pytest.fixture
def start():
    """start(server, **options): a sluice of one's own; returns the Endpoint of its only listener."""
    with sluices() as begin:
        def get(server, config=None, prefix=(), **options) -> Endpoint:
            if DIRECT:
                return Endpoint(server, server.port)
            config = config or config_for(server, **options)
            return Endpoint(server, port_of(config), sluice=begin(config, prefix))

        yield get


@pytest.fixture(scope="session")
def house(server):
    """house(name): the Endpoint of the sluice that the tests of queries share; 4 backends."""
    running = {}
    with sluices() as begin:
        def get(name: str) -> Endpoint:
            its = server(name)
            if DIRECT:
                return Endpoint(its, its.port)
            if name not in running:
                config = config_for(its)
                config["users"].append({"name": schema.OTHER, "password": schema.PASSWORD})
                running[name] = Endpoint(its, port_of(config), sluice=begin(config))
            return alive(running[name])

        yield get


@pytest.fixture(scope="session")
def shop(server):
    """shop(name, database): an Endpoint on a database of one's own, empty at first: frameworks/shop.py."""
    running, made = {}, set()
    with sluices() as begin:
        def get(name: str, database: str) -> Endpoint:
            its = server(name)
            if (name, database) not in made:
                shops.make_database(its, database)
                made.add((name, database))
            if DIRECT:
                return Endpoint(its, its.port, database=database)
            if name not in running:
                config = shops.config(config_for(its, url=shops.url_without_database(its)))
                running[name] = Endpoint(its, port_of(config), sluice=begin(config))
            return alive(running[name]).with_(database=database)

        yield get


@pytest.fixture(params=POSTGRESQL)
def pg(request, house) -> Endpoint:
    return house(request.param)


@pytest.fixture(params=MYSQL)
def my(request, house) -> Endpoint:
    return house(request.param)


@pytest.fixture(params=FAMILIES)
def any_db(request, house) -> Endpoint:
    return house(request.param)


@pytest.fixture(params=FAMILIES)
def any_server(request, server):
    """For tests that start a sluice of their own."""
    return server(request.param)
