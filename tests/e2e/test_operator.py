"""What operators have done to pools and sessions by the HTTP API, as clients and the servers themselves see it."""

import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from admin_http import USERS, Api
from clients import backend_id, connection, rows, value
from conftest import config_for
from harness import schema
from harness.process import wait_until
from test_routes import with_rules

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error, OSError)


@pytest.fixture
def begin(any_server, start):
    """A sluice in front of a role of its own, so that the server's list shows its connections alone."""
    def get(**options):
        config = config_for(any_server, url=any_server.url(user=schema.OTHER),
                            users=[{"name": schema.APP, "password": schema.PASSWORD}, *USERS], **options)
        return start(any_server, config=config)
    return get


def connections(at) -> int:
    return at.server.backends(schema.OTHER)


def server_ids(at) -> set[int]:
    sql = (f"SELECT pid FROM pg_stat_activity WHERE usename = '{schema.OTHER}'" if at.postgresql else
           f"SELECT id FROM information_schema.processlist WHERE user = '{schema.OTHER}'")
    return {int(one) for one in at.server.admin(sql).split()}


def pool_of(api) -> dict:
    return api.get("pools").data[0]


def code_of(failure) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


class Load(threading.Thread):
    """A client that never stops asking, in transactions and outside of them."""

    def __init__(self, at, stop):
        super().__init__()
        self.at, self.stop, self.answers, self.errors = at, stop, 0, []

    def run(self):
        try:
            with connection(self.at) as client:
                while not self.stop.is_set():
                    rows(client, "BEGIN")
                    assert value(client, "SELECT COUNT(*) FROM pets") == 3
                    rows(client, "COMMIT")
                    self.answers += value(client, "SELECT 1")
        except Exception as failure:  # whatever it is, the test says it
            self.errors.append(f"{type(failure).__name__}: {failure}")


def test_a_pause_and_a_reconnect_under_load_cost_no_client_an_error(begin):
    at = begin(pool_timeout="1s")
    api, stop = Api(at.sluice), threading.Event()
    clients = [Load(at, stop) for _ in range(8)]
    for one in clients:
        one.start()
    wait_until(lambda: all(one.answers > 0 for one in clients), 30, "everybody has been answered")
    assert api.post("pause", {"pool": "main"}).status in (200, 202)
    wait_until(lambda: connections(at) == 0, 20, "the server has no connection of the pool")
    wait_until(lambda: pool_of(api)["clients_waiting"] == 8, 20, "everybody waits")
    before = [one.answers for one in clients]
    time.sleep(1.5)  # longer than pool_timeout, which does not run
    assert pool_of(api)["paused"] and pool_of(api)["used"] == 0 and connections(at) == 0
    assert [one.answers for one in clients] == before
    api.post("resume", {"pool": "main"})
    wait_until(lambda: all(one.answers > b for one, b in zip(clients, before)), 20, "all go on")
    old = server_ids(at)
    api.post("reconnect", {"pool": "main"})
    wait_until(lambda: not old & server_ids(at), 20, "every connection is a new one")
    stop.set()
    for one in clients:
        one.join(30)
    assert [error for one in clients for error in one.errors] == []
    kinds = [event["kind"] for event in api.get("events").data]
    assert [kind for kind in kinds if kind in ("pause", "resume", "reconnect")] == ["pause", "resume", "reconnect"]
    assert {event["by"] for event in api.get("events").data if event["kind"] == "pause"} == {"ops"}


def test_the_views_agree_with_the_server(begin):
    at = begin()
    api = Api(at.sluice)
    with connection(at) as idle, connection(at) as within, connection(at) as other:
        for one in (idle, within, other):
            rows(one, "BEGIN")
            value(one, "SELECT 1")
        for one in (idle, other):
            rows(one, "COMMIT")
        backends = api.get("backends").data
        assert {one["server_id"] for one in backends} == server_ids(at)
        assert len(backends) == connections(at) == 3
        sessions = {one["id"]: one for one in api.get("sessions").data}
        assert len(sessions) == 3
        holders = [one["session"] for one in backends if one["state"] == "used"]
        assert len(holders) == 1 and sessions[holders[0]]["in_transaction"]
        assert sessions[holders[0]]["state"] == "active"
        pool = pool_of(api)
        assert (pool["idle"], pool["used"], pool["clients_idle"], pool["clients_active"]) == (2, 1, 2, 1)
        rows(within, "ROLLBACK")


def test_kill_ends_sessions_and_connections_and_new_ones_wait(begin):
    at = begin()
    api = Api(at.sluice)
    with ExitStack() as stack:
        idle, within = stack.enter_context(closing(at)), stack.enter_context(closing(at))
        value(idle, "SELECT 1")
        rows(within, "BEGIN")
        value(within, "SELECT 1")
        api.post("kill", {"pool": "main"})
        for one in (idle, within):
            with pytest.raises(ERRORS) as failure:
                value(one, "SELECT 2")
            assert not at.postgresql or code_of(failure.value) in ("57P01", None)
        wait_until(lambda: connections(at) == 0, 20, "the server has no connection of the pool")
        answered = []
        waits = threading.Thread(target=lambda: answered.append(ask_once(at)))
        waits.start()
        wait_until(lambda: pool_of(api)["waiting"] == 1, 20, "a new client waits")
        api.post("resume", {"pool": "main"})
        waits.join(20)
        assert answered == [1]
    assert at.sluice.metric("sluice_sessions_ended_total", reason="ended_by_operator") == 2


def test_kill_ends_those_that_a_rule_has_brought_to_the_pool(any_server, start):
    users = [{"name": schema.APP, "password": schema.PASSWORD}, *USERS]
    at = start(any_server, config=with_rules(any_server, {"match": " elsewhere", "pool": "elsewhere"}, users=users))
    lock = "pg_advisory_lock(4711)" if at.postgresql else "GET_LOCK('kill', 1)"
    with closing(at) as there, connection(at) as here:
        rows(there, f"SELECT {lock} AS elsewhere")
        assert value(here, "SELECT 1") == 1
        wait_until(lambda: connections(at) == 1, 20, "the lock keeps its connection")
        Api(at.sluice).post("kill", {"pool": "elsewhere"})
        with pytest.raises(ERRORS):
            value(there, "SELECT 2")
        wait_until(lambda: connections(at) == 0, 20, "the server has no connection of the pool")
        assert value(here, "SELECT 3") == 3


def closing(at):
    """A connection whose server may be gone when it is closed."""
    class Quiet:
        def __enter__(self):
            self.context = connection(at)
            return self.context.__enter__()

        def __exit__(self, *_):
            try:
                self.context.__exit__(None, None, None)
            except ERRORS:
                pass
    return Quiet()


def ask_once(at):
    with connection(at) as client:
        return value(client, "SELECT 1")


def test_kill_of_one_session_spares_the_others(begin):
    at = begin()
    api = Api(at.sluice)
    with closing(at) as victim, connection(at) as other:
        rows(victim, "BEGIN")
        value(victim, "SELECT 1")
        value(other, "SELECT 1")
        (held,) = [one["session"] for one in api.get("backends").data if one["state"] == "used"]
        assert api.post("kill", {"session": held}).status in (200, 202)
        assert api.post("kill", {"session": 1 << 30}).status >= 400
        with pytest.raises(ERRORS):
            value(victim, "SELECT 2")
        assert value(other, "SELECT 3") == 3
        wait_until(lambda: len(api.get("sessions").data) == 1, 20, "the other one is left")


def test_a_disabled_pool_refuses_new_sessions_alone(begin):
    at = begin()
    api = Api(at.sluice)
    with connection(at) as within:
        value(within, "SELECT 1")
        api.post("disable", {"pool": "main"})
        with pytest.raises(ERRORS) as failure:
            ask_once(at)
        assert "pool main is disabled" in str(failure.value)
        assert at.postgresql or code_of(failure.value) == "3032"
        assert value(within, "SELECT 2") == 2
        assert pool_of(api)["disabled"]
        api.post("enable", {"pool": "main"})
        assert ask_once(at) == 1


def test_clients_are_asked_to_connect_again_between_transactions(begin):
    at = begin()
    api = Api(at.sluice)
    with closing(at) as idle, closing(at) as within:
        value(idle, "SELECT 1")
        rows(within, "BEGIN")
        before = backend_id(within)
        api.post("reconnect", {"pool": "main", "clients": True})
        with pytest.raises(ERRORS):
            value(idle, "SELECT 2")
        assert backend_id(within) == before
        rows(within, "COMMIT")
        with pytest.raises(ERRORS):
            value(within, "SELECT 2")
    assert ask_once(at) == 1


def test_an_unknown_pool_is_named_and_nothing_changes(begin):
    at = begin()
    api = Api(at.sluice)
    for verb in ("pause", "resume", "kill", "disable", "enable", "reconnect"):
        answer = api.post(verb, {"pool": "none"})
        assert 400 <= answer.status < 500 and "none" in answer.json["error"]["message"]
    assert ask_once(at) == 1
    assert api.get("events").data == []
