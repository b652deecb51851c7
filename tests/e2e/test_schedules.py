"""Schedules: what they do to pools by the clock, as clients, the servers and operators see it."""

import re
import signal
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timedelta, timezone

import psycopg
import pytest
from admin_http import USERS, Api
from clients import backend_id, connection, my_connection, rows, value
from conftest import Endpoint, listener, pool, port_of
from harness import schema
from harness.process import wait_until
from harness.sluice import write_config

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]

# Has come at some time of the last 366 days, and comes to nobody while the tests run.
LONG_AGO = "17 3 1 1 *"


def schedule(cron, action, pool, **more) -> dict:
    return {"cron": cron, "action": action, "pool": pool, **more}


def reload(sluice, result="ok", **changes) -> None:
    sluice.config.update(changes)
    write_config(sluice.folder, sluice.config)
    before = sluice.metric("sluice_config_reloads_total", result=result)
    sluice.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sluice.metric("sluice_config_reloads_total", result=result) > before, 30, f"reload is {result}")


class House:
    """Both families behind one sluice: the pools main and second (PostgreSQL) and my (MariaDB)."""

    def __init__(self, server, start, schedules, **options):
        pg, my = server("pg15"), server("mariadb")
        config = {
            "workers": 2,
            "listeners": [{**listener(pg), "name": "pg"}, {**listener(my), "name": "my"}],
            "pools": {"main": pool(pg, **options), "second": pool(pg), "my": pool(my)},
            "users": [{"name": schema.APP, "password": schema.PASSWORD},
                      {"name": schema.OTHER, "password": schema.PASSWORD}, *USERS],
            "routes": [{"name": "second", "pool": "second", "match": {"user": schema.OTHER}},
                       {"name": "main", "pool": "main"}, {"name": "my", "pool": "my"}],
            "schedules": schedules,
            "reload": {"watch": False},
        }
        self.pg = start(pg, config=config)
        self.sluice = self.pg.sluice
        self.my = Endpoint(my, port_of(config, 1), sluice=self.sluice)
        self.second = Endpoint(pg, port_of(config), sluice=self.sluice, user=schema.OTHER)
        self.api = Api(self.sluice)

    def pool(self, name="main") -> dict:
        (found,) = [one for one in self.api.get("pools").data if one["name"] == name]
        return found

    def sizes(self, name="main") -> tuple:
        found = self.pool(name)
        return found["pool_size"], found["max_overflow"], found["min_idle"]

    def schedules(self) -> list[dict]:
        return self.api.get("schedules").data

    def console(self, command: str) -> list[dict]:
        answer = self.api.post("console", {"command": command}).json
        return [dict(zip(answer["columns"], row)) for row in answer["rows"]]

    def runs(self, action: str, pool="main", result="ok") -> float:
        return self.sluice.metric("sluice_schedule_runs_total", action=action, pool=pool, result=result)


@pytest.fixture
def house(server, start):
    return lambda schedules, **options: House(server, start, schedules, **options)


def test_the_sizes_of_the_schedule_that_came_last_are_in_force_at_the_start_and_after_a_reload(house):
    resize = schedule(LONG_AGO, "resize", "main", timezone="Asia/Seoul", pool_size=2, max_overflow=1)
    at = house([resize, schedule(LONG_AGO, "pause", "my"), schedule(LONG_AGO, "disable", "second")])
    assert at.sizes() == (2, 1, 0) and at.sizes("my") == (4, 0, 0)
    assert not at.pool("my")["paused"] and not at.pool("second")["disabled"], "these are not caught up"
    assert at.sluice.metric("sluice_pool_connections_max", pool="main") == 2
    assert {(one["key"], one["value"]) for one in at.console("SHOW CONFIG") if one["key"].startswith("pools.main.")} >= \
        {("pools.main.pool_size", "2"), ("pools.main.max_overflow", "1")}
    (first, *others) = at.schedules()
    assert first["in_force"] and first["last_run"] is None and first["timezone"] == "Asia/Seoul"
    assert first["next_run"].endswith("-12-31T18:17:00.000Z"), "1 January, 03:17 in Seoul"
    assert not any(one["in_force"] for one in others)
    assert " schedule_in_force pool=main " in at.sluice.log_text()
    with ExitStack() as stack:  # as the server counts them
        clients = [stack.enter_context(connection(at.pg)) for _ in range(3)]
        for one in clients:
            rows(one, "BEGIN")
        assert len({backend_id(one) for one in clients}) == 3
        assert (at.pool()["used"], at.pool()["waiting"]) == (3, 0)
        with connection(at.pg) as other:
            thread = threading.Thread(target=lambda: value(other, "SELECT 1"))
            thread.start()
            wait_until(lambda: at.pool()["waiting"] == 1, 10, "a fourth one waits")
            reload(at.sluice, schedules=[{**resize, "pool_size": 3}])
            thread.join(20)
            assert not thread.is_alive(), "the file says more: it is served"
    assert at.sizes() == (3, 1, 0)
    reload(at.sluice, schedules=[])
    assert at.sizes() == (4, 0, 0) and at.schedules() == []
    assert "sluice_schedule" not in at.sluice.get("/metrics")[1]


def test_a_reload_that_is_refused_leaves_schedules_as_they_are(house):
    good = schedule(LONG_AGO, "resize", "main", pool_size=7, min_idle=1)
    at = house([good])
    wait_until(lambda: at.pool()["idle"] == 1, 20, "min_idle is opened")
    for bad, text in (({"cron": "0 25 * * *"}, "field 2 (hour)"), ({"timezone": "Nowhere"}, "must be a time zone"),
                      ({"pool": "mine"}, 'there is no pool \\"mine\\"'), ({"min_idle": 8}, "is more than pool_size")):
        reload(at.sluice, "failed", schedules=[{**good, **bad}])
        wait_until(lambda text=text: re.search(rf"config_problem .*schedules\[0\].*{re.escape(text)}",
                                               at.sluice.log_text()), 10, text)
        assert at.sizes() == (7, 0, 1) and len(at.schedules()) == 1


def test_what_comes_at_its_minute(house):
    """The only test that waits for one: everything that can come does so at the same."""
    comes = (datetime.now(timezone.utc) + timedelta(seconds=70)).replace(second=0, microsecond=0)
    before = comes - timedelta(minutes=2)

    def at_time(when, zone=timezone.utc) -> str:
        when = when.astimezone(zone)
        return f"{when.minute} {when.hour} * * *"

    seoul = timezone(timedelta(hours=9))
    at = house([
        schedule(at_time(before), "resize", "main", pool_size=2),
        schedule(at_time(comes, seoul), "resize", "main", timezone="Asia/Seoul", pool_size=3, max_overflow=1, min_idle=2),
        schedule(at_time(comes), "pause", "my"),
        schedule("* * * * *", "reconnect", "second"),
        schedule(at_time(comes), "disable", "second"),
    ], pool_timeout="120s")
    sizes, paused = at.sizes(), at.sluice.metric("sluice_schedule_next_run_timestamp_seconds", action="pause")
    with ExitStack() as stack:
        clients = [stack.enter_context(connection(at.pg)) for _ in range(4)]
        for one in clients[:2]:
            rows(one, "BEGIN")
            value(one, "SELECT 1")
        answers = []

        def ask(client):
            rows(client, "BEGIN")
            answers.append((value(client, "SELECT 1"), datetime.now(timezone.utc)))

        waiters = [threading.Thread(target=ask, args=(one,)) for one in clients[2:]]
        for one in waiters:
            one.start()
        wait_until(lambda: at.pool()["waiting"] == 2, 20, "two wait")
        mine, second = stack.enter_context(my_connection(at.my)), stack.enter_context(connection(at.second))
        assert value(mine, "SELECT 1") == 1
        backend = backend_id(second)
        if datetime.now(timezone.utc) >= comes:
            pytest.skip("the machine was too slow to come so far before the minute")
        assert sizes == (2, 0, 0) and paused == comes.timestamp()
        wait_until(lambda: at.runs("resize") == 1, 75, "it has come")
        for one in waiters:
            one.join(10)
        assert [one for one, _ in answers] == [1, 1] and all(when >= comes for _, when in answers)
        assert at.sizes() == (3, 1, 2)
        wait_until(lambda: at.runs("disable", "second") == at.runs("pause", "my") == 1, 5, "the others as well")
        assert at.pool("my")["paused"] and at.pool("second")["disabled"]
        assert at.runs("reconnect", "second") >= 1
        assert backend_id(second) != backend, "it is closed when it is free"
        with pytest.raises(psycopg.Error, match="disabled"):
            with connection(at.second) as refused:
                value(refused, "SELECT 1")
        wait_until(lambda: at.pool("my")["idle"] == 0, 10, "a paused pool has no connection")
        told(at, comes)
        # Unchanged ones keep what has come of them; what the operator does by hand holds.
        at.api.post("resume", {"pool": "my"})
        assert value(mine, "SELECT 1") == 1
        kept = at.sluice.config["schedules"]
        reload(at.sluice, schedules=[schedule(LONG_AGO, "enable", "second"), *kept])
        assert at.sizes() == (3, 1, 2) and not at.pool("my")["paused"]
        assert [one["last_ok"] for one in at.schedules()] == [None, None, True, True, True, True]
        time.sleep(2)
        assert at.runs("resize") == at.runs("pause", "my") == 1, "once"


def told(at, comes) -> None:
    """What operators are told of it."""
    stamp = comes.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    _, resize, pause, _, _ = at.schedules()
    assert (resize["last_run"], resize["last_ok"], resize["in_force"]) == (stamp, True, True)
    assert resize["next_run"] == (comes + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%S.000Z")
    assert (pause["last_run"], pause["last_ok"]) == (stamp, True)
    shown = at.console("SHOW SCHEDULES")[1]
    assert (shown["timezone"], shown["last_result"], str(shown["pool_size"])) == ("Asia/Seoul", "ok", "3")
    assert shown["last_run"] == comes.strftime("%Y-%m-%d %H:%M:%S UTC")
    events = {(one["kind"], one["pool"], one["by"]) for one in at.api.get("events").data}
    assert events >= {("resize", "main", "schedule"), ("pause", "my", "schedule"), ("reconnect", "second", "schedule"),
                      ("disable", "second", "schedule")}
    local = comes.astimezone(timezone(timedelta(hours=9)))
    wait_until(lambda: re.search(
        rf'info schedule_ran pool=main schedule="[\d ]+\* \* \*" timezone=Asia/Seoul action=resize '
        rf'due="{local:%Y-%m-%d %H:%M} Asia/Seoul" next_run="{local + timedelta(days=1):%Y-%m-%d %H:%M} Asia/Seoul"',
        at.sluice.log_text()), 10, "the log")
