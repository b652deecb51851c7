"""`sluice explain-route`: what it tells is what then happens; bad input is told."""

import json
import subprocess

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from conftest import config_for
from harness import schema
from harness.process import remove, scratch
from harness.sluice import binary, write_config

pytestmark = pytest.mark.proxy_only


@pytest.fixture
def explain():
    """explain(config, *arguments): the finished process."""
    folders = []

    def run(config, *arguments, stdin=""):
        folders.append(scratch("explain"))
        path = write_config(folders[-1], {"version": 1, **config})
        return subprocess.run([binary(), "explain-route", "-c", path, *arguments], input=stdin,
                              capture_output=True, text=True, timeout=30)

    yield run
    for folder in folders:
        remove(folder)


def told(done) -> dict:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def gated(server) -> dict:
    """Reports may read and nobody else gets in by the first route."""
    config = config_for(server, users=[{"name": name, "password": schema.PASSWORD}
                                       for name in (schema.APP, "reports")])
    config["middleware"] = [{"connection_limit": {"per_user": 5}}]
    config["routes"] = [
        {"name": "reports", "match": {"user": "rep*"}, "pool": "main", "isolation_level": "SERIALIZABLE",
         "middleware": ["read_only", {"tag": {"values": {"service": "pets"}}}],
         "on_refuse": {"message": "reports only read", "sqlstate": "28ABC", "errno": 3333}},
        {"name": "rest", "match": {"database": schema.DATABASE}, "pool": "main"}]
    if server.family == "postgresql":
        del config["routes"][0]["on_refuse"]["errno"]
    return config


def test_it_says_what_happens(any_server, start, explain):
    config = gated(any_server)
    who = ["-u", "reports", "-d", schema.DATABASE, "--address", "127.0.0.1", "--json"]
    read = told(explain(config, *who, "--statement", "SELECT 1"))
    assert (read["route"], read["pool"]["name"], read["refused"]) == ("reports", "main", None)
    assert read["statement"]["refused"] is None and read["statement"]["rewritten"]
    assert [entry["name"] for entry in read["chain"]] == ["connection_limit", "read_only", "tag"]
    write = told(explain(config, *who, "--statement", "-", stdin="DELETE FROM pets"))
    refused = write["statement"]["refused"]
    assert refused["message"] == "reports only read" and refused["sqlstate"] == "28ABC"

    at = start(any_server, config)
    with connection(at.with_(user="reports")) as client:
        assert value(client, "SELECT 1") == 1
        with pytest.raises((psycopg.Error, pymysql.err.Error)) as failure:
            rows(client, "DELETE FROM pets")
    if at.postgresql:
        assert failure.value.sqlstate == "28ABC" and "reports only read" in str(failure.value)
    else:
        assert failure.value.args == (3333, "reports only read")
    other = told(explain(config, "-u", schema.APP, "-d", schema.DATABASE, "--json"))
    assert other["route"] == "rest"
    assert other["routes"][0]["why"] == f'user "{schema.APP}" does not match "rep*"'


def test_text_for_people(any_server, explain):
    done = explain(gated(any_server), "-u", "reports", "-d", schema.DATABASE, "--statement", "DROP TABLE pets")
    assert done.returncode == 0, done.stderr
    for part in ("reports           taken", "read only", "isolation level SERIALIZABLE", "drop, writes",
                 "reports only read"):
        assert part in done.stdout, done.stdout
    assert schema.PASSWORD not in done.stdout + done.stderr


@pytest.mark.parametrize("arguments, status, says", [
    ((), 2, "--user"),
    (("-u", ""), 1, "--user must not be empty"),
    (("-u", "x", "--protocol", "oracle"), 2, "postgresql"),
    (("-u", "x", "--listener", "nope"), 1, "there is no listener"),
    (("-u", "x", "--address", "localhost"), 1, "--address"),
    (("-u", "x", "--claim", "scope"), 1, "NAME=VALUE"),
    (("-u", "x", "--token-file", "/nonexistent/token"), 1, "No such file"),
    (("-u", "x", "--statement", " ; "), 1, "has no statement"),
    (("-u", "x", "--what"), 2, "--what"),
])
def test_bad_questions(server, explain, arguments, status, says):
    done = explain(config_for(server("pg15")), *arguments)
    assert done.returncode == status, done.stderr
    assert says in done.stderr and done.stdout == ""


def test_a_bad_configuration_is_told_with_its_place(server, explain):
    config = config_for(server("pg15"), extra={"middleware": [{"row_limit": {"rows": 0}}]})
    done = explain(config, "-u", "x")
    assert done.returncode == 1 and "middleware[0].row_limit.rows" in done.stderr


def test_nobody_is_asked_for_a_token_or_written_about(server, explain, tmp_path):
    lines = tmp_path / "audit.jsonl"
    config = config_for(server("pg15"), extra={"middleware": [
        {"audit": {"file": str(lines)}},
        {"require_token": {"tokens": "reports a-token-for-tests", "expose": {"sub": "app.user"}}}]})
    assumed = told(explain(config, "-u", schema.APP, "--claim", "sub=u1", "--json"))
    assert assumed["starts"]["settings"] == {"app.user": "u1"} and assumed["starts"]["fixed"] == ["app.user"]
    token = tmp_path / "token"
    token.write_text("a-token-for-tests\n")
    checked = told(explain(config, "-u", schema.APP, "--token-file", str(token), "--json"))
    assert checked["starts"]["settings"] == {"app.user": "reports"}
    token.write_text("another-token")
    refused = explain(config, "-u", schema.APP, "--token-file", str(token), "--json")
    assert told(refused)["refused"]["label"] == "token_invalid"
    assert "another-token" not in refused.stdout + refused.stderr
    assert not lines.exists()
