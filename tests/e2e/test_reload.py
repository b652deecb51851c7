"""A new configuration in the place of the old one: at SIGHUP, and when a file changes; what it leaves alone, and whom
it sends away."""

import os
import re
import signal
import subprocess
import threading

import psycopg
import pymysql
import pytest
from clients import connection, mysql, psql, psql_value, rows, value
from conftest import config_for, listener, pool, port_of
from harness import schema, tools
from harness.process import free_port, wait_until
from harness.sluice import write_config
from harness.tls import make_certificates
from test_gone_clients import ask_only, read_all
from test_limits import closes_quietly, open_client
from test_routes import whoami, with_rules

pytestmark = pytest.mark.proxy_only

ASKED = {"reload": {"watch": False}}  # only the test says when


def reload(at, change=None, result="ok") -> None:
    """Writes what `change` makes of the configuration, sends SIGHUP, and waits for what becomes of it."""
    sluice = at.sluice
    if change:
        change(sluice.config)
        write_config(sluice.folder, sluice.config)
    before = sluice.metric("sluice_config_reloads_total", result=result)
    sluice.daemon.process.send_signal(signal.SIGHUP)
    wait_until(lambda: sluice.metric("sluice_config_reloads_total", result=result) > before, 30, f"reload is {result}")


def setting(**options):
    return lambda config: config["pools"]["main"].update(options)


def replace(path, text: str) -> None:
    """As editors and secret stores do it: another file by the name."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.write_text(text)
    fresh.chmod(0o644)
    fresh.rename(path)


def asks(at) -> bool:
    """Whether a new client of its own program is served."""
    done = (psql if at.postgresql else mysql)(at, "SELECT 1")
    return done.returncode == 0


def ends(client) -> str:
    """The session is ended by sluice; what the client is told when it asks next."""
    def gone():
        try:
            value(client, "SELECT 1")
        except (psycopg.Error, pymysql.err.Error) as failure:
            told.append(failure)
        return bool(told)

    told: list = []
    wait_until(gone, 15, "the session is ended")
    return f"{getattr(told[0], 'sqlstate', '')} {told[0]}"


# ---- what changes under sessions that go on

@pytest.mark.sanitized
def test_twenty_reloads_under_load_lose_nothing(server, start, tmp_path):
    at = start(server("pg15"), extra=ASKED)
    script = tmp_path / "load.sql"
    script.write_text("BEGIN;\nSELECT count(*) FROM pets;\nSELECT 1;\nCOMMIT;\n")
    load = subprocess.Popen(
        [str(tools.pg_client("pgbench")), "-n", "-h", at.host, "-p", str(at.port), "-U", at.user, "-f", str(script),
         "-c", "8", "-j", "1", "-T", "60", at.database], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PGPASSWORD": at.password, "PGSSLMODE": "disable"})
    try:
        wait_until(lambda: at.sluice.metric("sluice_transactions_total", pool="main") > 50, 30, "load")
        for turn in range(20):
            options = {"pool_size": 2 + turn % 4, "connect_args": {"application_name": f"turn{turn // 4}"}}
            reload(at, setting(**options))
            assert load.poll() is None, load.communicate()[0]
        # Those that were open before the last change of a connection's own options are gone.
        wait_until(lambda: at.sluice.metric("sluice_pool_connections_closed_total", pool="main", reason="reload") >= 4,
                   15, "connections are renewed")
    finally:
        load.terminate()
        out = load.communicate(timeout=30)[0]
    assert at.sluice.metric("sluice_queries_total", result="error") == 0
    assert "ERROR" not in out and "aborted" not in out, out
    assert value_of_size(at) == 2 + 19 % 4


def value_of_size(at) -> float:
    return at.sluice.metric("sluice_pool_connections_max", pool="main")


@pytest.mark.sanitized
def test_who_waits_is_served_when_the_pool_grows(any_server, start):
    at = start(any_server, pool_size=1, pool_timeout="30s", extra=ASKED)
    answers = []
    with connection(at) as holder, connection(at) as waiter:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        thread = threading.Thread(target=lambda: answers.append(value(waiter, "SELECT 2")))
        thread.start()
        wait_until(lambda: at.sluice.metric("sluice_pool_pending_requests", pool="main") == 1, 10, "a client waits")
        reload(at, setting(pool_size=2))
        thread.join(10)
        assert answers == [2]
        rows(holder, "COMMIT")


def test_a_smaller_pool_closes_what_is_too_much(any_server, start):
    at = start(any_server, pool_size=4, extra=ASKED)
    with connection(at) as a, connection(at) as b, connection(at) as c:
        for client in (a, b, c):
            rows(client, "BEGIN")
            value(client, "SELECT 1")
        reload(at, setting(pool_size=1))
        for client in (a, b, c):
            value(client, "SELECT 2")
            rows(client, "COMMIT")
        used = {"pool": "main", "state": "idle"}
        wait_until(lambda: at.sluice.metric("sluice_pool_connections", **used) == 1, 10, "one is left")
        for client in (a, b, c):
            assert value(client, "SELECT 3") == 3


def test_middleware_and_routes_are_for_those_who_come(any_server, start):
    at = start(any_server, extra=ASKED)
    with connection(at) as before:
        reload(at, lambda config: config["routes"][0].update(middleware=[{"read_only": {}}]))
        rows(before, "DELETE FROM scratch WHERE id = -1")
        with connection(at) as after, pytest.raises((psycopg.Error, pymysql.err.Error)):
            rows(after, "DELETE FROM scratch WHERE id = -1")


def test_a_listener_comes_and_goes_without_its_sessions(any_server, start):
    at = start(any_server, extra=ASKED)
    port = free_port()

    def add(config):
        config["listeners"].append({**listener(any_server), "name": "second", "bind": f"127.0.0.1:{port}"})

    reload(at, add)
    second = at.with_(port=port)
    with connection(second) as stays:
        reload(at, lambda config: config["listeners"].pop())
        wait_until(lambda: not asks(second), 10, "nothing is accepted any more")
        assert value(stays, "SELECT 1") == 1
    assert asks(at)


# ---- whom it sends away

@pytest.mark.sanitized
def test_sessions_of_a_removed_pool_leave_at_their_transactions_end(any_server, start):
    config = {**config_for(any_server), **ASKED}
    config["pools"]["spare"] = pool(any_server)
    config["users"].append({"name": schema.OTHER, "password": schema.PASSWORD})
    config["routes"].insert(0, {"name": "spare", "pool": "spare", "match": {"user": schema.OTHER}})
    at = start(any_server, config=config)
    leaves = open_client(at.with_(user=schema.OTHER))
    with connection(at) as stays:
        rows(leaves, "BEGIN")
        value(leaves, "SELECT 1")

        def remove(config):
            del config["pools"]["spare"]
            del config["routes"][0]

        reload(at, remove)
        assert value(leaves, "SELECT 2") == 2, "its transaction goes on"
        raw = ask_only(leaves, "COMMIT")
        assert (b"C57P01" if at.postgresql else b"\xff\x1d\x04#08S01") in read_all(raw)
        raw.close()
        closes_quietly(leaves)
        assert value(stays, "SELECT 1") == 1
    wait_until(lambda: not any('pool="spare"' in name for name in at.sluice.metrics()), 15, "no sample names it")


@pytest.mark.sanitized
def test_a_pool_that_a_rule_led_to_goes_without_its_sessions(any_server, start):
    at = start(any_server, config={**with_rules(any_server, {"match": " elsewhere", "pool": "elsewhere"}), **ASKED})
    with connection(at) as client:
        assert whoami(client, "elsewhere") == schema.OTHER

        def remove(config):
            del config["pools"]["elsewhere"]
            del config["routes"][0]["middleware"]

        reload(at, remove)
        assert whoami(client, "elsewhere") == schema.APP, "the session still has the rule, and its own pool"


@pytest.mark.sanitized
def test_users_come_and_go(any_server, start):
    other = {"name": schema.OTHER, "password": schema.PASSWORD}
    at = start(any_server, extra=ASKED)
    guest = at.with_(user=schema.OTHER)
    assert not asks(guest)
    reload(at, lambda config: config["users"].append(other))
    with connection(at) as stays, connection(guest) as leaves:
        value(leaves, "SELECT 1")
        reload(at, lambda config: config["users"].remove(other))
        ends(leaves)
        assert value(stays, "SELECT 1") == 1
    assert not asks(guest)


# ---- what is refused

@pytest.mark.sanitized
def test_a_bad_file_changes_nothing_and_says_all(any_server, start):
    at = start(any_server, extra=ASKED)
    path = at.sluice.folder / "sluice.yaml"
    good = path.read_text()
    with connection(at) as client:
        reload(at, setting(pool_size="many", pool_sise=3), result="failed")
        assert at.sluice.metric("sluice_config_last_reload_successful") == 0
        for told in (r"sluice.yaml:\d+:\d+: error: pools.main.pool_size", "did you mean", "still in use"):
            wait_until(lambda told=told: re.search(told, at.sluice.log_text()), 10, f"the log says {told}")
        path.unlink()
        reload(at, result="failed")
        path.write_text("listeners: [")
        reload(at, result="failed")
        assert value(client, "SELECT 1") == 1 and asks(at)
        path.write_text(good)
        reload(at)
        assert at.sluice.metric("sluice_config_last_reload_successful") == 1
        assert value(client, "SELECT 2") == 2


def test_an_address_that_is_taken_changes_nothing(any_server, start):
    at = start(any_server, extra=ASKED)

    def taken(config):
        config["listeners"].append({**listener(any_server), "name": "taken", "bind": f"127.0.0.1:{any_server.port}"})
        config["pools"]["main"]["pool_size"] = 9

    reload(at, taken, result="failed")
    assert value_of_size(at) == 4 and asks(at)


def test_what_needs_a_restart_is_named(server, start):
    at = start(server("pg15"), extra=ASKED)
    reload(at, lambda config: config.update(workers=3))
    assert re.search(r"config_reloaded .*needs_restart=\"?workers", at.sluice.log_text())


# ---- files

@pytest.mark.sanitized
def test_the_file_is_watched(any_server, start):
    at = start(any_server)
    setting(pool_size=7)(at.sluice.config)
    replace(at.sluice.folder / "sluice.yaml", write_config(at.sluice.folder, at.sluice.config).read_text())
    wait_until(lambda: value_of_size(at) == 7, 15, "the change is seen")
    assert asks(at)


@pytest.mark.sanitized
def test_another_certificate_is_for_those_who_come(server, start, tmp_path):
    folders = [tmp_path / "old", tmp_path / "new"]
    for folder in folders:
        folder.mkdir()
    old, new = map(make_certificates, folders)
    cert, key = tmp_path / "tls.crt", tmp_path / "tls.key"

    def put(made):
        replace(key, made.key.read_text())
        replace(cert, made.cert.read_text())

    put(old)
    at = start(server("pg15"), listener_options={"tls": {"mode": "require", "cert_file": str(cert),
                                                         "key_file": str(key)}})

    def trusts(made) -> bool:
        return psql(at, "SELECT 1", sslmode="verify-full", sslrootcert=made.ca).returncode == 0

    assert trusts(old) and not trusts(new)
    assert at.sluice.metric("sluice_tls_certificate_not_after_timestamp_seconds", file=str(cert)) > 1.7e9
    with psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password, dbname=at.database,
                         sslmode="verify-full", sslrootcert=str(old.ca), autocommit=True) as stays:
        put(new)
        wait_until(lambda: trusts(new), 15, "the new certificate is shown")
        assert not trusts(old)
        assert value(stays, "SELECT 1") == 1


@pytest.mark.sanitized
def test_kubernetes_swaps_a_secret(any_server, start, tmp_path):
    """A volume of a Secret: each key is a link through ..data, which is renamed over to point elsewhere."""
    def publish(version: str, password: str) -> None:
        (tmp_path / version).mkdir()
        (tmp_path / version / "app").write_text(password)
        link = tmp_path / "..data_tmp"
        link.symlink_to(version)
        link.rename(tmp_path / "..data")

    publish("..v1", "first")
    (tmp_path / "app").symlink_to("..data/app")
    at = start(any_server, users=[{"name": schema.APP, "password_file": str(tmp_path / "app")}])
    first, second = at.with_(password="first"), at.with_(password="second")
    with connection(first) as stays:
        publish("..v2", "second")
        wait_until(lambda: asks(second), 15, "the new password is taken")
        assert not asks(first)
        assert value(stays, "SELECT 1") == 1


@pytest.mark.sanitized
def test_the_databases_password_changes(any_server, start, tmp_path):
    secret = tmp_path / "rotated"
    replace(secret, "one")
    if any_server.family == "postgresql":
        any_server.admin("DROP ROLE IF EXISTS rotated; CREATE ROLE rotated LOGIN PASSWORD 'one'")
        change = "ALTER ROLE rotated PASSWORD 'two'"
        url = f"postgresql://rotated@127.0.0.1:{any_server.port}/{schema.DATABASE}"
    else:
        any_server.admin("DROP USER IF EXISTS 'rotated'@'127.0.0.1'")
        any_server.admin("CREATE USER 'rotated'@'127.0.0.1' IDENTIFIED BY 'one'")
        any_server.admin(f"GRANT ALL ON {schema.DATABASE}.* TO 'rotated'@'127.0.0.1'")
        change = "ALTER USER 'rotated'@'127.0.0.1' IDENTIFIED BY 'two'"
        url = f"mysql://rotated@127.0.0.1:{any_server.port}/{schema.DATABASE}"
    at = start(any_server, url=url, password_file=str(secret))
    with connection(at) as stays:
        assert value(stays, "SELECT 1") == 1
        any_server.admin(change)
        replace(secret, "two")
        closed = {"pool": "main", "reason": "reload"}
        wait_until(lambda: at.sluice.metric("sluice_pool_connections_closed_total", **closed) >= 1, 15, "the old ones end")
        assert value(stays, "SELECT 2") == 2, "on a connection with the new password"
        assert asks(at)


def test_a_changed_secret_of_a_client_leaves_its_session(server, start, tmp_path):
    secret = tmp_path / "app"
    replace(secret, "old")
    at = start(server("pg15"), users=[{"name": schema.APP, "password_file": str(secret)}])
    with connection(at.with_(password="old")) as stays:
        replace(secret, "new")
        wait_until(lambda: asks(at.with_(password="new")), 15, "the new password is taken")
        assert value(stays, "SELECT 1") == 1
    assert psql_value(at.with_(password="new"), "SELECT 1") == "1"


def test_the_log_changes_its_level_and_form(server, start):
    at = start(server("pg15"), extra={**ASKED, "log": {"level": "error", "format": "text"}})
    assert "client_login" not in at.sluice.log_text()
    reload(at, lambda config: config.update(log={"level": "debug", "format": "json"}))
    assert asks(at)
    wait_until(lambda: '"event":"client_login"' in at.sluice.log_text().replace(": ", ":"), 10, "lines of JSON")
    assert port_of(at.sluice.config) == at.port
