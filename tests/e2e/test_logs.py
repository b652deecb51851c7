"""Lines of the log: valid whatever names clients have, with the fields of docs/logs.md."""

import contextlib
import json
import re

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from harness import tools
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AS_JSON = {"log": {"level": "debug", "format": "json"}}
HOSTILE = 'x" y="z\n{"event":"forged"}\r\x1b[31m\u202e\\'


def lines(at, event: str | None = None) -> list[dict]:
    read = [json.loads(line) for line in at.sluice.log_text().splitlines()]
    return [line for line in read if event in (None, line["event"])]


def line(at, event: str) -> dict:
    wait_until(lambda: lines(at, event), 5, event)
    return lines(at, event)[-1]


def documented() -> set[str]:
    page = (tools.ROOT / "docs/logs.md").read_text()
    return set(re.findall(r"\n\| `(\w+)` \|", page[page.index("## Events"):]))


def test_hostile_names_stay_values(any_server, start):
    at = start(any_server, extra=AS_JSON)
    with pytest.raises((psycopg.Error, pymysql.Error)):
        with connection(at.with_(user=HOSTILE, database="no\nsuch")) as client:
            value(client, "SELECT 1")
    failed = line(at, "client_login_failed")
    assert failed["level"] == "info" and failed["reason"] == "authentication_failed"
    assert failed["session"] > 0 and re.fullmatch(r"127\.0\.0\.1:\d+", failed["client"])
    assert failed["listener"] == any_server.name
    assert (failed["sqlstate"], failed["errno"]) == ("28P01" if at.postgresql else "28000", 1045)
    assert "forged" not in {each["event"] for each in lines(at)}
    for raw in at.sluice.log_text().splitlines():
        assert raw.isprintable()


def test_a_line_says_whose_it_is(any_server, start):
    at = start(any_server, route={"middleware": ["read_only"]}, extra=AS_JSON)
    with connection(at) as client:
        value(client, "SELECT 1")
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(client, f"DELETE FROM pets WHERE name = 'canary' /*traceparent='{TRACE}'*/")
    refused = line(at, "request_refused")
    assert refused["user"] == at.user and refused["database"] == at.database
    assert (refused["route"], refused["pool"]) == ("all", "main")
    assert (refused["middleware"], refused["why"], refused["reason"]) == ("read_only", "write", "read_only_route")
    assert refused["traceparent"] == TRACE
    assert refused["session"] == line(at, "client_login")["session"]
    assert "canary" not in at.sluice.log_text()
    assert {each["event"] for each in lines(at)} <= documented()
    for each in lines(at):
        assert list(each)[:3] == ["time", "level", "event"]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", each["time"])


def test_a_lost_backend_is_named(any_server, start):
    at = start(any_server, extra=AS_JSON)
    # Its end is the client's, too.
    with contextlib.suppress(psycopg.Error, pymysql.Error), connection(at) as client:
        rows(client, "BEGIN")
        if at.postgresql:
            backend = value(client, "SELECT pg_backend_pid()")
            any_server.admin(f"SELECT pg_terminate_backend({backend})")
        else:
            backend = value(client, "SELECT CONNECTION_ID() + 0")
            any_server.admin(f"KILL {backend}")
        line(at, "backend_lost")
    lost = line(at, "backend_lost")
    assert lost["backend"] == f"127.0.0.1:{any_server.port}"
    assert (lost["pool"], lost["user"], lost["route"]) == ("main", at.user, "all")
    assert lost["level"] in ("info", "warning") and lost["reason"].startswith("backend_")
    assert len(lost["sqlstate"]) == 5 and lost["errno"] > 0


def test_a_backend_that_cannot_be_had_is_told_of(any_server, start):
    wrong = any_server.url().replace(f":{any_server.port}", ":1")
    at = start(any_server, url=wrong, extra=AS_JSON, pool_timeout="1s")
    with pytest.raises((psycopg.Error, pymysql.Error)):
        with connection(at) as client:
            value(client, "SELECT 1")
    failed = line(at, "backend_connect_failed")
    assert (failed["pool"], failed["reason"]) == ("main", "backend_unreachable")
    assert failed["user"] == at.user and failed["database"] == at.database
    assert "127.0.0.1:1" in failed["text"] + failed.get("detail", "")
    refused = line(at, "client_login_refused")
    assert refused["session"] > 0 and refused["route"] == "all"
    assert at.password not in at.sluice.log_text()
