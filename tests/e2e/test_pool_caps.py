"""max_db_connections and max_user_connections: one bound over several pools of an entry."""

import threading
import time

import pytest
from clients import connection, rows
from conftest import config_for
from harness import schema
from harness.process import LOOPBACK, wait_until
from test_pool import in_threads, sleep
from test_pool_options import Asking, transactions, url

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]

CAP = 4
USERS = ("cap_ada", "cap_alan")
DATABASES = ("cap_one", "cap_two")


@pytest.fixture
def capped(any_server):
    """Two users and two databases that only this test uses."""
    postgresql = any_server.family == "postgresql"
    at_host = "" if postgresql else f"@'{LOOPBACK}'"
    for database in DATABASES:
        any_server.admin(f"CREATE DATABASE {database}")
    for user in USERS:
        any_server.admin(f"CREATE ROLE {user} LOGIN PASSWORD '{schema.PASSWORD}'" if postgresql else
                         f"CREATE USER {user}{at_host} IDENTIFIED BY '{schema.PASSWORD}'")
        for database in () if postgresql else DATABASES:
            any_server.admin(f"GRANT ALL ON {database}.* TO {user}{at_host}")
    yield any_server
    wait_until(lambda: capped_backends(any_server) == 0, 20, "all have left")
    for database in DATABASES:
        any_server.admin(f"DROP DATABASE {database}")
    for user in USERS:
        any_server.admin(f"DROP {'ROLE' if postgresql else 'USER'} {user}{at_host}")


def capped_backends(server) -> int:
    """Those of both users, counted at one moment: one may be closed to let the other be opened."""
    names = ", ".join(f"'{user}'" for user in USERS)
    if server.family == "postgresql":
        return int(server.admin(f"SELECT count(*) FROM pg_stat_activity WHERE usename IN ({names})"))
    return int(server.admin("SELECT count(*) FROM information_schema.processlist WHERE user IN "
                            f"({names})"))


def capped_config(server, **options) -> dict:
    users = [{"name": user, "password": schema.PASSWORD} for user in USERS]
    return config_for(server, users=users, pool_size=CAP, pool_timeout="60s", **options)


def cap_pools(at, which: str) -> list:
    """Two endpoints that share one cap: two users of one database, or one user of two."""
    if which == "max_db_connections":
        return [at.with_(user=user, database=DATABASES[0]) for user in USERS]
    return [at.with_(user=USERS[0], database=database) for database in DATABASES]


def cap_url(server, which: str) -> str:
    if which == "max_db_connections":
        return url(server, user="", database=DATABASES[0])
    return url(server, user=USERS[0], database="")


@pytest.fixture(params=["max_db_connections", "max_user_connections"])
def sharing(request, capped, start):
    """The two endpoints of a sluice with that cap."""
    which = request.param
    at = start(capped, capped_config(capped, url=cap_url(capped, which), **{which: CAP}))
    yield cap_pools(at, which)
    at.sluice.stop()


def test_a_cap_holds_over_all_that_share_it(sharing):
    server = sharing[0].server
    most = [0]
    stop = threading.Event()

    def watch():
        while not stop.is_set():
            most[0] = max(most[0], capped_backends(server))
            time.sleep(0.02)

    def work(number):
        at = sharing[number % 2]
        with connection(at) as client:
            for _ in range(5):
                rows(client, sleep(0.01, at.postgresql))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        in_threads(24, work)
    finally:
        stop.set()
        watcher.join()
    assert 0 < most[0] <= CAP


def test_idle_connections_of_one_make_room_for_the_other(sharing):
    one, other = sharing
    with transactions(one, CAP):
        pass
    with connection(other) as client:
        asking = Asking(client).done()
        assert asking.error is None
        assert asking.seconds < 5
    assert capped_backends(one.server) <= CAP
