"""Transactions that are left open: readers of an old snapshot, and those who idle in one."""

import asyncio
import time

import asyncpg
import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from conftest import DIRECT
from harness.process import wait_until
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

NEW = 7001  # an id that a test creates


def watched(server, start, *, route=None, pool_size=3, **entry):
    """A sluice with one middleware in its global chain, named by the keyword."""
    (name, options), = entry.items()
    return start(server, pool_size=pool_size, route=route, extra={"middleware": [{name: options}]})


def reports(at, name: str) -> float:
    return at.sluice.metric("sluice_middleware_reports_total", middleware=name)


def lines_of(at, event: str) -> list[str]:
    return [line for line in at.sluice.log_text().splitlines() if f" warning {event} " in line]


def forget(at):
    with connection(at) as client:
        rows(client, f"DELETE FROM scratch WHERE id = {NEW}")


def begin_reader(client, postgresql: bool):
    """Opens a transaction that keeps its snapshot, and reads: the ways that services get there by
    accident are a REPEATABLE READ engine, and a MySQL driver that switches autocommit off."""
    if postgresql:
        rows(client, "BEGIN ISOLATION LEVEL REPEATABLE READ")
    else:
        rows(client, "SET autocommit = 0")
    return seen(client)


def seen(client) -> int:
    return value(client, f"SELECT COUNT(*) FROM scratch WHERE id = {NEW}")


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
def test_my_read_does_not_see_the_row_that_was_just_created(server, start, name):
    at = watched(server(name), start, snapshot_age={"limit": "500ms"})
    forget(at)
    with connection(at) as reader, connection(at) as writer:
        assert begin_reader(reader, at.postgresql) == 0
        rows(writer, f"INSERT INTO scratch (id) VALUES ({NEW})")
        assert seen(writer) == 1
        assert seen(reader) == 0  # the classic
        if not DIRECT:
            wait_until(lambda: reports(at, "snapshot_age") == 1, 10, "the old snapshot is reported")
            line, = lines_of(at, "snapshot_age")
            assert "route=all" in line and "user=app" in line
            assert 'isolation="REPEATABLE READ"' in line and "end the transaction" in line
            time.sleep(0.7)
            assert seen(reader) == 0
            assert reports(at, "snapshot_age") == 1  # once per transaction
        rows(reader, "COMMIT")
        assert seen(reader) == 1
    forget(at)


def test_a_route_at_repeatable_read(any_server, start):
    at = watched(any_server, start, route={"isolation_level": "REPEATABLE READ"}, snapshot_age={"limit": "400ms"})
    with connection(at) as reader:
        rows(reader, "BEGIN")
        seen(reader)
        if not DIRECT:
            wait_until(lambda: reports(at, "snapshot_age") == 1, 10, "reported")
        rows(reader, "COMMIT")


@pytest.mark.parametrize("name, driver", [("pg15", "postgresql+psycopg"), ("pg15", "postgresql+psycopg2"),
                                          ("mariadb", "mysql+pymysql"), ("mysql", "mysql+pymysql")])
def test_an_engine_at_repeatable_read_whose_session_is_left_open(server, start, name, driver):
    at = watched(server(name), start, snapshot_age={"limit": "400ms"})
    forget(at)
    engine = create_engine(at.url(driver), isolation_level="REPEATABLE READ")
    try:
        with Session(engine) as left_open, Session(engine) as service:
            assert left_open.scalar(text(f"SELECT COUNT(*) FROM scratch WHERE id = {NEW}")) == 0
            service.execute(text(f"INSERT INTO scratch (id) VALUES ({NEW})"))
            service.commit()
            assert left_open.scalar(text(f"SELECT COUNT(*) FROM scratch WHERE id = {NEW}")) == 0
            if not DIRECT:
                wait_until(lambda: reports(at, "snapshot_age") == 1, 10, "reported")
            left_open.rollback()
            assert left_open.scalar(text(f"SELECT COUNT(*) FROM scratch WHERE id = {NEW}")) == 1
    finally:
        engine.dispose()
        forget(at)


@pytest.mark.proxy_only
def test_asyncpg_at_repeatable_read(server, start):
    at = watched(server("pg15"), start, snapshot_age={"limit": "400ms"})

    async def work():
        client = await asyncpg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                       database=at.database, ssl=False)
        async with client.transaction(isolation="repeatable_read"):
            await client.fetch("SELECT id FROM users WHERE id > $1", 0)
            await asyncio.to_thread(wait_until, lambda: reports(at, "snapshot_age") == 1, 10, "reported")
        await client.close()

    asyncio.run(work())


@pytest.mark.proxy_only
def test_who_is_not_reported(any_server, start):
    at = watched(any_server, start, route={"isolation_level": "READ COMMITTED"}, snapshot_age={"limit": "300ms"})
    with connection(at) as committed, connection(at) as writer, connection(at) as quick:
        rows(committed, "BEGIN")
        seen(committed)
        if at.postgresql:
            rows(writer, "BEGIN ISOLATION LEVEL SERIALIZABLE")
        else:
            rows(writer, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
            rows(writer, "BEGIN")
        seen(writer)
        rows(writer, f"DELETE FROM scratch WHERE id = {NEW}")
        deadline = time.monotonic() + 1.5
        while time.monotonic() < deadline:
            rows(quick, "BEGIN")
            seen(quick)
            rows(quick, "COMMIT")
        assert reports(at, "snapshot_age") == 0
        rows(committed, "COMMIT")
        rows(writer, "ROLLBACK")


@pytest.mark.proxy_only
def test_a_mysql_session_that_sets_its_level_is_seen(server, start):
    at = watched(server("mariadb"), start, route={"isolation_level": "READ COMMITTED"},
                 snapshot_age={"limit": "300ms"})
    with connection(at) as reader:
        rows(reader, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        rows(reader, "BEGIN")
        seen(reader)
        wait_until(lambda: reports(at, "snapshot_age") == 1, 10, "reported")


@pytest.mark.proxy_only
@pytest.mark.sanitized
def test_a_reader_that_keeps_its_snapshot_can_be_ended(any_server, start):
    at = watched(any_server, start, pool_size=1, snapshot_age={"limit": "400ms", "action": "end"})
    with connection(at) as reader:
        begin_reader(reader, at.postgresql)
        wait_until(lambda: at.sluice.metric("sluice_middleware_ended_total", middleware="snapshot_age") == 1,
                   10, "the session is ended")
        with pytest.raises((psycopg.Error, pymysql.Error)) as failure:
            seen(reader)
        if at.postgresql:
            assert failure.value.sqlstate in ("25P04", None)
    assert at.sluice.metric("sluice_sessions_ended_total", reason="snapshot_too_old") == 1
    with connection(at) as other:  # the only backend is back, and clean
        assert value(other, "SELECT 1") == 1


@pytest.mark.proxy_only
@pytest.mark.sanitized
def test_idle_in_transaction_is_ended_and_rolled_back(any_server, start):
    at = watched(any_server, start, pool_size=1, idle_in_transaction={"limit": "500ms"})
    forget(at)
    with connection(at) as idle:
        rows(idle, "BEGIN")
        rows(idle, f"INSERT INTO scratch (id) VALUES ({NEW})")
        wait_until(lambda: at.sluice.metric("sluice_middleware_ended_total",
                                            middleware="idle_in_transaction") == 1, 10, "it is ended")
        with pytest.raises((psycopg.Error, pymysql.Error)) as failure:
            rows(idle, "COMMIT")
        if at.postgresql:
            assert failure.value.sqlstate in ("25P03", None)
    with connection(at) as other:
        assert seen(other) == 0
    assert len(lines_of(at, "idle_in_transaction")) == 1


@pytest.mark.proxy_only
def test_idle_in_transaction_only_reports_where_it_is_asked_to(any_server, start):
    at = watched(any_server, start, idle_in_transaction={"limit": "400ms", "action": "report"})
    forget(at)
    with connection(at) as idle, connection(at) as outside:
        rows(outside, "SELECT 1")
        rows(idle, "BEGIN")
        rows(idle, f"INSERT INTO scratch (id) VALUES ({NEW})")
        wait_until(lambda: reports(at, "idle_in_transaction") == 1, 10, "it is reported")
        time.sleep(0.8)
        assert reports(at, "idle_in_transaction") == 1  # once each time
        assert seen(idle) == 1
        wait_until(lambda: reports(at, "idle_in_transaction") == 2, 10, "idle again")
        rows(idle, "COMMIT")
        time.sleep(0.8)
        assert reports(at, "idle_in_transaction") == 2
        assert seen(outside) == 1
    forget(at)


@pytest.mark.proxy_only
def test_a_statement_that_runs_long_is_not_idle(any_server, start):
    at = watched(any_server, start, idle_in_transaction={"limit": "400ms"})
    with connection(at) as client:
        rows(client, "BEGIN")
        rows(client, "SELECT pg_sleep(1.5)" if at.postgresql else "SELECT SLEEP(1.5)")
        rows(client, "COMMIT")
    assert at.sluice.metric("sluice_middleware_ended_total", middleware="idle_in_transaction") == 0
