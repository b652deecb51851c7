"""The console, with the clients that people and exporters use: psql, mysql, psycopg, PyMySQL, asyncpg."""

import asyncio
import os
import re
import subprocess
import threading
import time
import urllib.request

import asyncpg
import psycopg
import pymysql
import pytest
from clients import connection
from conftest import Endpoint, listener, pool
from harness import schema, tools
from harness.process import LOOPBACK, Daemon, free_port, remove, scratch, wait_until

pytestmark = pytest.mark.proxy_only

ADMIN, VIEWER = "ops", "viewer"
PGBOUNCER = ["POOLS", "CLIENTS", "SERVERS", "DATABASES", "USERS", "STATS", "STATS_TOTALS", "STATS_AVERAGES",
             "TOTALS", "LISTS", "CONFIG", "VERSION", "STATE", "MEM", "ACTIVE_SOCKETS", "SOCKETS", "FDS",
             "DNS_HOSTS", "DNS_ZONES", "PEERS", "HELP"]
OURS = ["SESSIONS", "PINS", "ROUTES", "MIDDLEWARE", "SCHEDULES", "FINGERPRINTS", "BACKENDS", "EVENTS", "LOG_LEVEL"]


def console_config(server, **extra) -> dict:
    return {
        "workers": 2,
        "listeners": [listener(server)],
        "pools": {"main": pool(server), "spare": pool(server)},
        "users": [{"name": schema.APP, "password": schema.PASSWORD},
                  {"name": ADMIN, "password": schema.PASSWORD, "admin": True},
                  {"name": VIEWER, "password": schema.PASSWORD, "admin": "read_only"}],
        "routes": [{"name": "all", "pool": "main", "match": {"user": schema.APP}}],
        **extra,
    }


@pytest.fixture
def desk(any_server, start):
    """A sluice of one's own, with an admin and a viewer."""
    return start(any_server, config=console_config(any_server))


@pytest.fixture
def pg_desk(server, start):
    its = server("pg15")
    return start(its, config=console_config(its))


@pytest.fixture
def my_desk(server, start):
    its = server("mariadb")
    return start(its, config=console_config(its))


def open_console(at: Endpoint, user=ADMIN, database="sluice"):
    """One connection on the console, in autocommit."""
    if at.postgresql:
        return psycopg.connect(host=at.host, port=at.port, user=user, password=at.password, dbname=database,
                               sslmode="disable", autocommit=True)
    return pymysql.connect(host=at.host, port=at.port, user=user, password=at.password, database=database,
                           autocommit=True, read_timeout=20)


def open_client(at: Endpoint):
    return open_console(at, schema.APP, schema.DATABASE)


def run(console, command: str) -> list[dict]:
    with console.cursor() as cursor:
        cursor.execute(command)
        if cursor.description is None:
            return []
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor.fetchall()]


def code_of(failure: Exception) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


def refusal(console, command: str) -> tuple[str, str]:
    with pytest.raises((psycopg.Error, pymysql.err.Error)) as caught:
        run(console, command)
    return code_of(caught.value), str(caught.value)


def line(rows: list[dict], **wanted) -> dict:
    found = [row for row in rows if all(row[key] == value for key, value in wanted.items())]
    assert len(found) == 1, rows
    return found[0]


# ---- looking

def test_every_topic_has_an_answer(desk):
    with open_console(desk, VIEWER) as console, connection(desk) as client:
        client.cursor().execute("SELECT 1")
        for topic in PGBOUNCER + OURS:
            run(console, f"SHOW {topic};")
        assert run(console, "SHOW VERSION")[0]["version"].startswith("PgBouncer 1.26")
        main = line(run(console, "SHOW POOLS"), database="main")
        assert (main["user"], main["cl_active"], main["cl_waiting"]) == (schema.APP, 1, 0)
        assert main["sv_active"] + main["sv_idle"] == 1
        assert line(run(console, "SHOW DATABASES"), name="main")["pool_size"] == 4
        its = line(run(console, "SHOW SESSIONS"), user=schema.APP)
        assert its["route"] == "all" and its["pool"] == "main"
        assert line(run(console, "SHOW SESSIONS"), user=VIEWER)["route"] == ""
        assert line(run(console, "SHOW ROUTES"), name="all")["sessions"] == 1
        assert line(run(console, "SHOW STATS"), database="main")["total_query_count"] >= 1
        assert line(run(console, "SHOW CONFIG"), key="pools.main.pool_size")["value"] == "4"
        assert schema.PASSWORD not in str(run(console, "SHOW CONFIG"))


def test_both_names_of_the_console(desk):
    with open_console(desk, database="pgbouncer") as console:
        assert len(run(console, "SHOW LISTS")) == 14
    with pytest.raises((psycopg.Error, pymysql.err.Error)):
        open_console(desk, database="pgbouncers")


def test_pins_and_their_reason(pg_desk):
    with open_console(pg_desk) as console, connection(pg_desk) as client:
        client.cursor().execute("LISTEN bell")
        wait_until(lambda: run(console, "SHOW PINS"), 5, "the pin shows")
        assert line(run(console, "SHOW PINS"), pin="listen")["sessions"] == 1
        assert line(run(console, "SHOW SESSIONS"), user=schema.APP)["state"] == "pinned"


# ---- rights

def test_rights(desk):
    with open_console(desk, VIEWER) as console:
        run(console, "SHOW POOLS")
        for verb in ["PAUSE", "RESUME", "RELOAD", "KILL", "SHUTDOWN", "DISABLE main", "SET log_level = 'info'"]:
            code, text = refusal(console, verb)
            assert code == ("42501" if desk.postgresql else "1227"), verb
            assert "admin: true" in text
        assert line(run(console, "SHOW DATABASES"), name="main")["paused"] == 0
    with pytest.raises((psycopg.Error, pymysql.err.Error), match="may not use the console"):
        open_console(desk, schema.APP)
    with pytest.raises((psycopg.Error, pymysql.err.Error)):
        open_console(desk.with_(password="wrong"))


def test_what_is_not_understood(desk):
    with open_console(desk) as console:
        for command, words in {"SHWO POOLS": "SHOW", "SHOW POLS": "POOLS", "PAUSE mian": "main",
                               "SELECT * FROM t": "SHOW HELP", "SET log_levle = 'x'": "log_level",
                               "KILL_CLIENT x": "SHOW CLIENTS", "DISABLE": "pool"}.items():
            code, text = refusal(console, command)
            assert words in text, text
            assert code in ("42601", "3D000", "1064", "1049")
        assert run(console, "SHOW STATE")


# ---- acting

def in_background(work):
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return thread


def test_pause_holds_queries_until_resume(desk):
    answers = []
    with open_console(desk) as console, connection(desk) as client:
        cursor = client.cursor()
        cursor.execute("SELECT 1")
        run(console, "PAUSE main")
        assert line(run(console, "SHOW DATABASES"), name="main")["paused"] == 1
        thread = in_background(lambda: (cursor.execute("SELECT 2"), answers.append(cursor.fetchall())))
        wait_until(lambda: line(run(console, "SHOW POOLS"), database="main")["cl_waiting"] == 1, 5, "the query waits")
        assert not answers
        run(console, "RESUME main")
        thread.join(10)
        assert [list(map(tuple, rows)) for rows in answers] == [[(2,)]]


def test_pause_waits_for_transactions(desk):
    done = threading.Event()
    with open_console(desk) as console, open_console(desk) as other, connection(desk) as client:
        cursor = client.cursor()
        cursor.execute("BEGIN")
        cursor.execute("SELECT 1")
        thread = in_background(lambda: (run(console, "PAUSE main"), done.set()))
        wait_until(lambda: line(run(other, "SHOW DATABASES"), name="main")["paused"] == 1, 5, "it is paused")
        assert not done.wait(0.3)
        cursor.execute("COMMIT")
        assert done.wait(5)
        thread.join(5)
        run(other, "RESUME main")


def test_a_wait_can_be_cancelled(pg_desk):
    failures = []
    with open_console(pg_desk) as console, open_console(pg_desk) as other, connection(pg_desk) as client:
        client.cursor().execute("BEGIN")
        client.cursor().execute("SELECT 1")

        def pause():
            try:
                run(console, "PAUSE main")
            except psycopg.Error as failure:
                failures.append(failure.sqlstate)

        thread = in_background(pause)
        wait_until(lambda: line(run(other, "SHOW DATABASES"), name="main")["paused"] == 1, 5, "it is paused")
        console.cancel()
        thread.join(5)
        assert failures == ["57014"]
        assert run(console, "SHOW STATE")
        run(other, "RESUME main")


def test_reconnect_and_wait_close(desk):
    with open_console(desk) as console, connection(desk) as client:
        client.cursor().execute("SELECT 1")
        before = {row["id"] for row in run(console, "SHOW BACKENDS")}
        assert before
        run(console, "RECONNECT main")
        run(console, "WAIT_CLOSE main")
        client.cursor().execute("SELECT 1")
        assert not before & {row["id"] for row in run(console, "SHOW BACKENDS")}


def test_reconnect_clients(desk):
    with open_console(desk) as console:
        client = open_client(desk)
        client.cursor().execute("SELECT 1")
        run(console, "RECONNECT CLIENTS main")
        wait_until(lambda: not [row for row in run(console, "SHOW SESSIONS") if row["user"] == schema.APP], 5,
                   "the session has ended")
        assert run(console, "SHOW STATE")  # the console is no client of the pool


def test_kill_client(desk):
    with open_console(desk) as console:
        client = open_client(desk)
        client.cursor().execute("SELECT 1")
        its = line(run(console, "SHOW CLIENTS"), user=schema.APP)
        run(console, f"KILL_CLIENT {its['id']}")
        wait_until(lambda: not [row for row in run(console, "SHOW CLIENTS") if row["user"] == schema.APP], 5,
                   "the session has ended")
        with pytest.raises((psycopg.Error, pymysql.err.Error)):
            client.cursor().execute("SELECT 1")
        refusal(console, f"KILL_CLIENT {its['id']}")


def test_disable_and_kill_a_pool(desk):
    with open_console(desk) as console:
        run(console, "DISABLE main")
        assert line(run(console, "SHOW DATABASES"), name="main")["disabled"] == 1
        with pytest.raises((psycopg.Error, pymysql.err.Error)), connection(desk) as client:
            client.cursor().execute("SELECT 1")
        run(console, "ENABLE main")
        client = open_client(desk)
        client.cursor().execute("SELECT 1")
        run(console, "KILL main")
        assert line(run(console, "SHOW DATABASES"), name="main")["paused"] == 1
        with pytest.raises((psycopg.Error, pymysql.err.Error)):
            client.cursor().execute("SELECT 1")
        run(console, "RESUME main")
        assert [row["kind"] for row in run(console, "SHOW EVENTS")]


def test_log_level(desk):
    with open_console(desk) as console:
        assert run(console, "SHOW log_level") == [{"log_level": "debug"}]
        run(console, "SET log_level = 'warning'")
        assert run(console, "SHOW log_level") == [{"log_level": "warning"}]
        refusal(console, "SET log_level = 'loud'")


def test_shutdown(desk):
    with open_console(desk) as console:
        run(console, "SHUTDOWN WAIT_FOR_SERVERS")
        wait_until(lambda: not desk.sluice.daemon.running(), 15, "sluice has ended")


@pytest.mark.parametrize("again", ["SHUTDOWN", "SHUTDOWN WAIT_FOR_SERVERS"])
def test_a_quicker_shutdown_takes_the_place_of_a_slower_one(any_server, start, again):
    config = console_config(any_server, drain={"delay": "0s", "timeout": "60s"})
    at = start(any_server, config=config)
    with open_console(at) as console, connection(at) as client:
        client.cursor().execute("SELECT 1")
        run(console, "SHUTDOWN WAIT_FOR_CLIENTS")
        wait_until(lambda: line(run(console, "SHOW STATE"), key="ready")["value"] == "no", 5, "the end has begun")
        run(console, "SHUTDOWN WAIT_FOR_CLIENTS")
        time.sleep(0.3)
        assert at.sluice.daemon.running(), "to ask twice is no hurry"
        try:
            run(console, again)
        except (psycopg.Error, pymysql.err.Error):
            pass  # it may end before it has answered
        wait_until(lambda: not at.sluice.daemon.running(), 10, "it does not wait for the client")


# ---- limits

def test_admins_get_in_when_the_house_is_full(any_server, start):
    config = console_config(any_server, limits={"max_client_connections": 1})
    at = start(any_server, config=config)
    with connection(at) as client:
        client.cursor().execute("SELECT 1")
        with pytest.raises((psycopg.Error, pymysql.err.Error), match="too many clients"):
            open_client(at)
        with open_console(at) as console:
            assert line(run(console, "SHOW CONFIG"), key="max_client_conn")["value"] == "1"


def test_drain_ends_consoles_as_well(desk):
    with open_console(desk) as console:
        run(console, "SHOW STATE")
        began = time.monotonic()
        desk.sluice.stop()
        assert time.monotonic() - began < 8


# ---- clients

def psql(at: Endpoint, *arguments, text=None, user=ADMIN):
    environment = {**os.environ, "PGPASSWORD": at.password, "PGSSLMODE": "disable"}
    return subprocess.run([tools.PG15 / "psql", "-X", "-h", at.host, "-p", str(at.port), "-U", user, "-d", "sluice",
                           *arguments], input=text, env=environment, capture_output=True, text=True, timeout=30)


def test_psql(pg_desk):
    shown = psql(pg_desk, "-At", "-c", "SHOW POOLS")
    assert shown.returncode == 0 and shown.stdout.startswith("main|"), shown
    several = psql(pg_desk, "-At", "-c", "SHOW STATE; PAUSE; RESUME")
    assert several.returncode == 0 and "active|yes" in several.stdout, several
    script = psql(pg_desk, "-v", "ON_ERROR_STOP=1", text="SHOW HELP;\nSHWO POOLS;\n")
    assert script.returncode == 3 and 'did you mean "SHOW"' in script.stderr, script
    reload = psql(pg_desk, "-c", "RELOAD")
    assert "RELOAD" in reload.stdout, reload


def test_mysql_client(my_desk):
    command = [tools.MARIADB, "--no-defaults", "--skip-ssl", "-h", my_desk.host, "-P", str(my_desk.port), "-u", ADMIN,
               f"-p{my_desk.password}", "sluice"]
    shown = subprocess.run([*command, "-e", "SHOW POOLS; PAUSE; RESUME; SHOW STATE"], capture_output=True, text=True,
                           timeout=30)
    assert shown.returncode == 0 and "main\t" in shown.stdout and "active\tyes" in shown.stdout, shown
    typed = subprocess.run([*command, "-t"], input="SHOW LISTS;\nUSE pgbouncer;\nstatus\nSHWO POOLS;\n",
                           capture_output=True, text=True, timeout=30)
    assert "used_clients" in typed.stdout, typed
    assert 'did you mean "SHOW"' in typed.stderr, typed


def test_psycopg_in_transactions_and_prepared(pg_desk):
    with psycopg.connect(host=pg_desk.host, port=pg_desk.port, user=ADMIN, password=pg_desk.password,
                         dbname="sluice", sslmode="disable") as console:
        for _ in range(3):
            assert console.execute("SHOW POOLS", prepare=True).fetchone()[0] == "main"
        with console.cursor(binary=True) as cursor:
            assert cursor.execute("SHOW LISTS").fetchone() == ("databases", 2)
        console.commit()


def test_asyncpg(pg_desk):
    async def ask():
        console = await asyncpg.connect(host=pg_desk.host, port=pg_desk.port, user=ADMIN, password=pg_desk.password,
                                        database="sluice", ssl=False)
        pools = await console.fetch("SHOW POOLS")
        stats = await console.fetch("SHOW STATS")
        sessions = await console.fetch("SHOW SESSIONS")
        with pytest.raises(asyncpg.PostgresSyntaxError):
            await console.fetch("SHWO POOLS")
        await console.execute("PAUSE; RESUME")
        await console.close()
        return pools, stats, sessions

    pools, stats, sessions = asyncio.run(ask())
    assert pools[0]["database"] == "main" and pools[0]["cl_waiting"] == 0
    assert stats[0]["total_query_count"] == 0
    assert isinstance(sessions[0]["tls"], bool) and sessions[0]["age_seconds"] >= 0


def test_mysql_prepared_statements_are_refused(my_desk):
    import mysql.connector

    console = mysql.connector.connect(host=my_desk.host, port=my_desk.port, user=ADMIN, password=my_desk.password,
                                      database="sluice", use_pure=True)
    cursor = console.cursor()
    cursor.execute("SHOW POOLS")
    assert cursor.fetchall()[0][0] == "main"
    with pytest.raises(mysql.connector.Error, match="no prepared statements"):
        console.cursor(prepared=True).execute("SHOW POOLS")
    console.close()


def test_the_exporter_of_debian_scrapes_it(pg_desk):
    """prometheus-pgbouncer-exporter as Debian has it, unchanged."""
    folder, port = scratch("exporter"), free_port()
    program = "/usr/bin/prometheus-pgbouncer-exporter"
    assert os.path.exists(program), "apt package prometheus-pgbouncer-exporter"
    environment = {**os.environ, "PGPASSWORD": pg_desk.password, "PGSSLMODE": "disable"}
    daemon = Daemon([program, "--host", LOOPBACK, "--port", str(port), "--pgbouncer-host", LOOPBACK,
                     "--pgbouncer-port", str(pg_desk.port), "--pgbouncer-user", VIEWER], folder / "log",
                    env=environment)

    def scrape() -> str:
        try:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=5) as answer:
                return answer.read().decode()
        except OSError:
            assert daemon.running(), daemon.log_text()[-2000:]
            return ""

    try:
        with connection(pg_desk) as client:
            client.cursor().execute("SELECT 1")
            text = wait_until(scrape, 20, "the exporter answers")
        samples = dict(re.findall(r"^(pgbouncer_\S+) (\S+)$", text, re.M))
        assert float(samples[f'pgbouncer_active_clients{{database="main",user="{schema.APP}"}}']) == 1
        assert float(samples[f'pgbouncer_waiting_clients{{database="main",user="{schema.APP}"}}']) == 0
        # This exporter calls a pool by what it leads to.
        assert float(samples[f'pgbouncer_pool_size{{database="{schema.DATABASE}"}}']) == 4
        assert float(samples['pgbouncer_requests_total{database="main"}']) >= 1
        assert float(samples["pgbouncer_databases"]) == 2
        assert float(samples["pgbouncer_used_clients"]) >= 2
    finally:
        daemon.stop()
        remove(folder)
