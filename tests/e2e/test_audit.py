"""The audit file: who did what and how it ended, without a secret, and without delaying anybody."""

import json
import os
import pathlib
import signal
import time

import psycopg
import pymysql
import pytest
from clients import connection, mysql, psql, rows, value
from conftest import config_for
from harness import schema
from harness.process import remove, scratch, wait_until
from harness.sluice import Sluice, check

pytestmark = pytest.mark.proxy_only

CANARY = "canary-7f3a-literal"


@pytest.fixture
def folder():
    made = scratch("audit")
    yield made
    remove(made)


def audited(server, start, folder: pathlib.Path, *, chain=(), route=None, **options):
    """A sluice whose sessions are audited, and the file."""
    file = options.pop("file", str(folder / "audit.jsonl"))
    at = start(server, pool_size=2, route=route,
               extra={"middleware": [{"audit": {"file": file, **options}}, *chain]})
    return at, pathlib.Path(file)


def lines(file: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def until_closed(file: pathlib.Path, sessions: int = 1) -> list[dict]:
    """All lines, as soon as so many sessions have ended."""
    def all_there():
        found = lines(file)
        return found if sum(one["event"] == "close" for one in found) >= sessions else None
    return wait_until(all_there, 10, f"{sessions} sessions have ended in {file}")


def statements(found: list[dict]) -> list[dict]:
    return [one for one in found if one["event"] == "statement"]


def of_kind(found: list[dict], kind: str) -> list[dict]:
    return [one for one in statements(found) if one["kind"] == kind]


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
@pytest.mark.sanitized
def test_a_session_from_its_login_to_its_end(server, start, folder, name):
    at, file = audited(server(name), start, folder)
    with connection(at) as client:
        assert len(rows(client, "SELECT id FROM users WHERE name <> %s AND id < 4", (CANARY,))) == 3
        rows(client, "BEGIN")
        rows(client, f"INSERT INTO scratch (id, note) VALUES (9001, '{CANARY}'), (9002, 'x')")
        rows(client, "ROLLBACK")
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(client, "SELECT nothing FROM nowhere")
    found = until_closed(file)
    login, close = found[0], found[-1]
    assert (login["event"], login["verdict"], login["tls"]) == ("login", "allowed", False)
    for one in found:
        assert one["user"] == schema.APP and one["database"] == schema.DATABASE
        assert one["route"] == "all" and one["client"] == "127.0.0.1"
        assert one["protocol"] == at.server.family and one["session"] == login["session"]
    select = of_kind(found, "select")[0]
    assert (select["rows"], select["verdict"], select["in_transaction"]) == (3, "allowed", False)
    assert len(select["fingerprint"]) == 16 and select["ms"] > 0
    begin, insert, rollback = (of_kind(found, kind)[-1] for kind in ("begin", "insert", "rollback"))
    assert (insert["rows"], insert["in_transaction"]) == (2, True)
    assert begin["transaction"] == insert["transaction"] == rollback["transaction"] > select["transaction"]
    wrong = of_kind(found, "select")[-1]
    assert wrong["verdict"] == "failed"
    assert (wrong["sqlstate"] == "42P01") if at.postgresql else (wrong["errno"] == 1146)
    assert close["requests"] == len(statements(found)) and close["seconds"] >= 0
    assert CANARY not in file.read_text()
    assert CANARY not in at.sluice.log_text()


@pytest.mark.parametrize("name", ["pg15", "mariadb", "mysql"])
def test_the_servers_own_clients(server, start, folder, name):
    at, file = audited(server(name), start, folder)
    done = psql(at, "SELECT 1; SELECT 2 AS two;") if at.postgresql else mysql(at, "SELECT 1; SELECT 2 AS two;")
    assert done.returncode == 0, done.stderr
    found = of_kind(until_closed(file), "select")
    assert len(found) >= 2
    assert found[-1]["fingerprint"] != found[-2]["fingerprint"]
    if at.postgresql:
        assert found[0]["application_name"] == "psql"


def test_prepared_statements_are_told_when_they_run(any_server, start, folder):
    at, file = audited(any_server, start, folder)
    if at.postgresql:
        with connection(at) as client:
            for id_ in (1, 2, 3):
                client.execute("SELECT name FROM users WHERE id = %s", (id_,), prepare=True)
            with client.pipeline():
                for id_ in (1, 2):
                    client.execute("SELECT name FROM users WHERE id = %s", (id_,))
    else:
        import mysql.connector
        with mysql.connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                     database=at.database, ssl_disabled=True) as client:
            with client.cursor(prepared=True) as cursor:
                for id_ in (1, 2, 3, 1, 2):
                    cursor.execute("SELECT name FROM users WHERE id = ?", (id_,))
                    cursor.fetchall()
    runs = [one for one in of_kind(until_closed(file), "select") if one["request"] == "execute"]
    assert len(runs) == 5
    assert {one["rows"] for one in runs} == {1}
    assert len({one["fingerprint"] for one in runs}) == 1


def test_text_is_as_it_was_sent_unless_it_may_hold_a_secret(any_server, start, folder):
    at, file = audited(any_server, start, folder, statements="text")
    alter = ("ALTER ROLE nobody_of_this_name PASSWORD 'hunter-2-canary'" if at.postgresql else
             "ALTER USER nobody_of_this_name IDENTIFIED BY 'hunter-2-canary'")
    with connection(at) as client:
        rows(client, f"SELECT '{CANARY}'")
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(client, alter)
    texts = [one["text"] for one in statements(until_closed(file))]
    assert f"SELECT '{CANARY}'" in texts
    assert any("nobody_of_this_name" in text for text in texts)
    assert "hunter-2-canary" not in file.read_text()
    assert schema.PASSWORD not in file.read_text()


def with_token(at, token: str):
    """A client that logs in with a token."""
    if at.postgresql:
        return connection(at, options=f"-c sluice.token={token}")
    import mysql.connector
    return mysql.connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                   database=at.database, ssl_disabled=True, autocommit=True,
                                   conn_attrs={"sluice.token": token})


def test_no_secret_and_no_literal_in_any_file(any_server, start, folder):
    token, wrong = "token-canary-5b1d-5b1d", "token-canary-9e9e-9e9e"
    at, file = audited(any_server, start, folder, chain=[{"require_token": {"tokens": f"shop {token}"}}])
    with with_token(at, token) as client:
        for text in (f"SELECT '{CANARY}'", f"SELECT 1 /* {CANARY} */", f"SELECT '{CANARY}", CANARY,
                     f"SELECT 1 FROM nowhere WHERE a = '{CANARY}'", f"SET application_name = '{CANARY}'"):
            try:
                rows(client, text)
            except Exception as failure:
                assert "54000" not in str(failure)
                if at.postgresql:
                    client.rollback()
    with pytest.raises(Exception, match="token"):
        with with_token(at, wrong):
            pass
    found = until_closed(file)
    wait_until(lambda: any(one.get("verdict") == "refused" for one in lines(file)), 10,
               "the login without the right token is told")
    refused = next(one for one in lines(file) if one.get("verdict") == "refused")
    assert (refused["failure"], refused["reason"]) == ("token_invalid", "token_unknown")
    assert len(statements(found)) >= 6
    for text in (file.read_text(), at.sluice.log_text(), at.sluice.get("/metrics")[1]):
        for secret in (CANARY, token, wrong, schema.PASSWORD):
            assert secret not in text


def test_a_refused_statement(any_server, start, folder):
    at, file = audited(any_server, start, folder,
                       chain=[{"statement_rules": [{"kinds": ["delete"], "refuse": True}]}])
    with connection(at) as client:
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(client, "DELETE FROM scratch")
    refused = of_kind(until_closed(file), "delete")[0]
    assert (refused["verdict"], refused["failure"], refused["reason"]) == ("refused", "statement_refused", "rule")


def test_a_refused_login(any_server, start, folder):
    at, file = audited(any_server, start, folder, chain=[{"address_rules": {"deny": ["127.0.0.0/8"]}}])
    with pytest.raises((psycopg.Error, pymysql.Error)):
        with connection(at):
            pass
    refused = wait_until(lambda: lines(file), 10, "a line of the login")[0]
    assert (refused["event"], refused["verdict"], refused["failure"]) == ("login", "refused", "address_refused")
    assert refused["route"] == ""
    assert [one["event"] for one in lines(file)] == ["login"]


def test_a_result_that_is_cut(any_server, start, folder):
    at, file = audited(any_server, start, folder, chain=[{"row_limit": {"rows": 2}}])
    with connection(at) as client:
        with pytest.raises((psycopg.Error, pymysql.Error)):
            rows(client, "SELECT id FROM users")
    cut = of_kind(until_closed(file), "select")[-1]
    assert (cut["verdict"], cut["rows"]) == ("limited", 2)


def test_copy_tells_its_rows(server, start, folder):
    at, file = audited(server("pg15"), start, folder)
    with connection(at) as client, client.cursor() as cursor:
        with cursor.copy("COPY users (name) TO STDOUT") as copy:
            assert sum(1 for _ in copy) == 3
        with client.transaction(force_rollback=True):
            with cursor.copy("COPY scratch (id) FROM STDIN") as copy:
                for number in range(9100, 9105):
                    copy.write_row((number,))
    assert [one["rows"] for one in of_kind(until_closed(file), "copy")] == [3, 5]


def test_who_changes_the_user_ends_a_session_and_begins_one(server, start, folder):
    import mysql.connector
    its = server("mysql")
    file = folder / "audit.jsonl"
    config = config_for(its, url=its.url(), pool_size=2, extra={"middleware": [{"audit": {"file": str(file)}}]})
    config["users"].append({"name": schema.OTHER, "password": schema.PASSWORD})
    at = start(its, config)
    with mysql.connector.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                 database=at.database, ssl_disabled=True, autocommit=True) as client:
        assert value(client, "SELECT 1") == 1
        client.cmd_change_user(schema.OTHER, schema.PASSWORD, at.database)
        assert value(client, "SELECT 2") == 2
    found = [one for one in until_closed(file, 2) if one["event"] != "statement" or one["kind"] == "select"]
    told = [(one["event"], one["user"]) for one in found]
    assert told[0] == ("login", schema.APP) and told[-1] == ("close", schema.OTHER)
    change = told.index(("close", schema.APP))
    assert told[change + 1] == ("login", schema.OTHER)
    assert {user for _, user in told[:change]} == {schema.APP} and {user for _, user in told[change + 1:]} == {schema.OTHER}


def test_some_kinds_alone(any_server, start, folder):
    at, file = audited(any_server, start, folder, kinds=["insert", "delete"])
    with connection(at) as client:
        rows(client, "SELECT 1")
        rows(client, "DELETE FROM scratch WHERE id = -1")
    assert [one["kind"] for one in statements(until_closed(file))] == ["delete"]


def test_statements_of_a_session_that_is_lost(any_server, start, folder):
    at, file = audited(any_server, start, folder)
    with connection(at) as client:
        rows(client, "SELECT 1")
        slow = "SELECT pg_sleep(30)" if at.postgresql else "SELECT SLEEP(30)"
        if at.postgresql:
            client.pgconn.send_query(slow.encode())
            client.pgconn.flush()
        else:
            client._execute_command(3, slow)
        wait_until(lambda: at.sluice.metric("sluice_client_connections", state="active") == 1, 10, "it runs")
        time.sleep(0.3)  # a client that goes at once is taken for one that has no more to ask
        (client.pgconn.finish() if at.postgresql else client._force_close())
        found = until_closed(file)
    assert statements(found)[-1]["verdict"] in ("lost", "failed")


def test_rotation_by_size(any_server, start, folder):
    at, file = audited(any_server, start, folder, max_size="4KiB", keep=2)
    with connection(at) as client:
        for number in range(60):
            rows(client, f"SELECT {number}")
    wait_until(lambda: any(one["event"] == "close" for one in lines(file)), 10, "the session has ended")
    names = sorted(one.name for one in folder.iterdir())
    assert names == ["audit.jsonl", "audit.jsonl.1", "audit.jsonl.2"]
    for one in folder.iterdir():
        assert one.stat().st_size <= 4096
        assert one.stat().st_mode & 0o137 == 0
        assert lines(one)  # whole lines


def test_sigusr1_opens_the_file_anew(any_server, start, folder):
    at, file = audited(any_server, start, folder)
    with connection(at) as client:
        rows(client, "SELECT 1")
        wait_until(lambda: len(statements(lines(file))) >= 1, 10, "a line")
        moved = folder / "moved.jsonl"
        wait_until(lambda: of_kind(lines(file), "select"), 10, "the line of the select")
        file.rename(moved)
        os.kill(at.sluice.daemon.pid, signal.SIGUSR1)
        wait_until(lambda: "files_reopened" in at.sluice.log_text(), 10, "the signal is seen")
        rows(client, "SELECT 2")
    until_closed(file)
    assert of_kind(lines(moved), "select") and of_kind(lines(file), "select")
    assert at.sluice.daemon.running()


def test_sigusr1_does_not_cut_a_drain_short(any_server, start, folder):
    at, file = audited(any_server, start, folder)
    with connection(at) as client:
        rows(client, "BEGIN")
        rows(client, "SELECT 1")
        os.kill(at.sluice.daemon.pid, signal.SIGTERM)
        wait_until(lambda: " draining " in at.sluice.log_text(), 10, "it drains")
        os.kill(at.sluice.daemon.pid, signal.SIGUSR1)
        wait_until(lambda: "files_reopened" in at.sluice.log_text(), 10, "the signal is seen")
        rows(client, "SELECT 2")
        rows(client, "COMMIT")
    # It ends by itself: another SIGTERM, while it still does, would cut the drain short.
    wait_until(lambda: not at.sluice.daemon.running(), 20, "the drain ends")
    assert "drain_cut_short" not in at.sluice.log_text()
    assert of_kind(lines(file), "commit") and lines(file)[-1]["event"] == "close"


@pytest.mark.sanitized
def test_a_full_disk_is_told_of_once_and_queries_go_on(any_server, start, folder):
    at, _ = audited(any_server, start, folder, file="/dev/full")
    with connection(at) as client:
        for number in range(50):
            assert value(client, f"SELECT {number}") == number
        wait_until(lambda: at.sluice.metric("sluice_middleware_lost_total", middleware="audit") >= 50, 10,
                   "lost lines are counted")
        time.sleep(0.2)
        rows(client, "SELECT 1")
    log = at.sluice.log_text()
    assert log.count("audit_file_failed") == 1
    assert "No space left on device" in log


def test_a_pipe_that_nobody_reads_delays_nobody(any_server, start, folder):
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    at, _ = audited(any_server, start, folder, file=str(pipe), queue=100)
    with connection(at) as client:
        began = time.monotonic()
        for number in range(1500):
            rows(client, f"SELECT {number}")
        assert time.monotonic() - began < 30
        assert at.sluice.metric("sluice_middleware_dropped_total", middleware="audit") > 0
    os.close(reader)


def test_a_file_that_cannot_be_written_is_an_error_at_start(any_server, folder):
    config = config_for(any_server, extra={"middleware": [{"audit": {"file": str(folder / "none/audit")}}]})
    with pytest.raises(RuntimeError, match="cannot write to .*none/audit.*No such file"):
        Sluice(config)
    done = check({"version": 1, **config})
    assert done.returncode == 1 and "none/audit" in done.stderr
    assert check({"version": 1, **config}, "--offline").returncode == 0
    config["middleware"][0]["audit"]["file"] = str(folder / "audit")
    assert check({"version": 1, **config}).returncode == 0
    assert not (folder / "audit").exists()  # root may look without leaving a file behind
