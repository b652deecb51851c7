"""Another process takes the listening sockets over: systemd's socket activation, and upgrades."""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import urllib.request

import psycopg
import pytest
from clients import pg_connection, psql_value
from conftest import Endpoint, config_for, port_of
from harness import tools
from harness.process import LOOPBACK, accepts, free_port, remove, scratch, wait_until
from harness.sluice import binary, write_config

pytestmark = pytest.mark.proxy_only


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (ProcessLookupError, FileNotFoundError):
        return False


class Started:
    """A sluice started by hand, and those that take its place: all of them end with the test."""

    def __init__(self, config: dict, *, sockets=(), names="", environment=None, program=None):
        self.folder = scratch("upgrade")
        self.admin_port = free_port()
        config = {"version": 1, **config}
        config["admin"] = {"http": f"{LOOPBACK}:{self.admin_port}", "readiness": {"backends": "none"},
                           **config.get("admin", {})}
        config.setdefault("log", {"level": "info", "format": "text"})
        config.setdefault("drain", {"delay": "0s", "timeout": "10s"})
        config.setdefault("io", os.environ.get("SLUICE_IO", "auto"))
        self.config = config
        self.path = write_config(self.folder, config)
        self.program = program or binary()
        self.log = self.folder / "log"
        moved = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(sockets))
        first = f"exec {moved}; LISTEN_PID=$$ LISTEN_FDS={len(sockets)} LISTEN_FDNAMES={names}" if sockets else ""
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen(
                ["bash", "-c", f"{first} exec {self.program} run -c {self.path}"], stdin=subprocess.DEVNULL,
                stdout=out, stderr=out, pass_fds=sockets, env={**os.environ, **(environment or {})})

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_for(self, line: str, times: int = 1) -> None:
        wait_until(lambda: len(re.findall(line, self.text())) >= times, 30, f"{line} in\n{self.text()[-2000:]}")

    def pids(self) -> list[int]:
        """Those that run: the first one, and each that was started to take another's place."""
        began = [self.process.pid, *map(int, re.findall(r'upgrade_started text="process (\d+)"', self.text()))]
        return [pid for pid in began if alive(pid)]

    def upgrade(self) -> None:
        """Returns when the process that was there has gone."""
        old = self.pids()
        assert len(old) == 1, old
        os.kill(old[0], signal.SIGUSR2)
        wait_until(lambda: len(self.pids()) == 1 and self.pids() != old, 30, "one process has taken the other's place")

    def end(self) -> None:
        for pid in self.pids():
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not self.pids(), 20, "all have ended")

    def close(self) -> None:
        try:
            self.end()
        finally:
            for pid in self.pids():
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
            remove(self.folder)


@pytest.fixture
def begin():
    started = []

    def get(*arguments, **options) -> Started:
        started.append(Started(*arguments, **options))
        started[-1].wait_for("started")
        return started[-1]

    yield get
    for one in started:
        one.close()


def endpoint(server, config: dict) -> Endpoint:
    return Endpoint(server, port_of(config))


def pgbench(at, *options) -> subprocess.Popen:
    argv = [tools.pg_client("pgbench"), "-n", "-h", at.host, "-p", at.port, "-U", at.user, *options, at.database]
    return subprocess.Popen([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            env={**os.environ, "PGPASSWORD": at.password, "PGSSLMODE": "disable"})


def script(one: Started, sql: str) -> pathlib.Path:
    path = one.folder / "script.sql"
    path.write_text(sql)
    return path


def test_new_connections_are_not_lost_while_upgraded(server, begin):
    its = server("pg15")
    config = config_for(its, pool_size=8)
    one = begin(config)
    at = endpoint(its, config)
    load = pgbench(at, "-C", "-f", script(one, "SELECT 1;\n"), "-c", 8, "-j", 2, "-T", 6)
    for _ in range(2):
        one.upgrade()
    out, _ = load.communicate(timeout=60)
    assert load.returncode == 0, f"{out[-1000:]}\n{one.text()[-3000:]}"
    assert "failed transactions: 0" in out and "aborted" not in out, out
    assert int(re.search(r"actually processed: (\d+)", out).group(1)) > 50
    assert psql_value(at, "SELECT 7") == "7"


def test_those_who_are_connected_stay_until_they_leave(server, begin):
    its = server("pg15")
    config = config_for(its)
    one = begin(config)
    at = endpoint(its, config)
    old = one.pids()
    with pg_connection(at, autocommit=False) as connection:
        backend = connection.execute("SELECT pg_backend_pid()").fetchone()[0]
        os.kill(old[0], signal.SIGUSR2)
        one.wait_for("started", 2)
        wait_until(lambda: "handed_over" in one.text(), 10, "the first one hands over")
        assert connection.execute("SELECT pg_backend_pid()").fetchone()[0] == backend
        assert int(psql_value(at, "SELECT pg_backend_pid()")) != backend
        connection.commit()
        assert connection.execute("SELECT 1").fetchone()[0] == 1
        assert old[0] in one.pids()
        connection.rollback()
    wait_until(lambda: old[0] not in one.pids(), 10, "the first one ends with its last client")
    assert len(one.pids()) == 1


def test_those_who_stay_too_long_are_asked_to_leave(server, begin):
    its = server("pg15")
    config = config_for(its, extra={"drain": {"delay": "0s", "timeout": "1s"}})
    one = begin(config)
    with pg_connection(endpoint(its, config)) as connection:
        one.upgrade()
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.execute("SELECT 1")


def test_metrics_come_from_the_new_one(server, begin):
    config = config_for(server("pg15"), extra={"admin": {"socket": ""}})
    folder = scratch("socket")
    config["admin"]["socket"] = str(folder / "admin.sock")
    try:
        one = begin(config)

        def start_time() -> str:
            with urllib.request.urlopen(f"http://{LOOPBACK}:{one.admin_port}/metrics", timeout=5) as answer:
                return re.search(r"(?m)^process_start_time_seconds (\S+)", answer.read().decode()).group(1)

        before = start_time()
        one.upgrade()
        assert start_time() != before
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(config["admin"]["socket"])
    finally:
        remove(folder)


def test_an_upgrade_that_fails_changes_nothing(server, begin, program):
    its = server("pg15")
    config = config_for(its)
    one = begin(config, program=program)
    at = endpoint(its, config)
    old = one.pids()
    with pg_connection(at) as connection:
        good = one.path.read_text()
        one.path.write_text("version: 1\nlisteners: nonsense\n")
        os.kill(old[0], signal.SIGUSR2)
        one.wait_for("upgrade_failed")
        one.path.write_text(good)
        program.unlink()
        os.kill(old[0], signal.SIGUSR2)
        one.wait_for("upgrade_failed", 2)
        assert one.pids() == old
        assert connection.execute("SELECT 1").fetchone()[0] == 1
        assert psql_value(at, "SELECT 7") == "7"
        shutil.copy(binary(), program)
        os.kill(old[0], signal.SIGUSR2)
        wait_until(lambda: "handed_over" in one.text(), 20, "the third try comes through")
        assert psql_value(at, "SELECT 7") == "7"


def replace(program: pathlib.Path, script: str) -> None:
    """As a package does it: another file at the path."""
    new = program.with_suffix(".new")
    new.write_text(f"#!/bin/sh\n{script}\n")
    new.chmod(0o755)
    new.rename(program)


@pytest.fixture
def program():
    path = scratch("program") / "sluice"
    shutil.copy(binary(), path)
    yield path
    remove(path.parent)


def events(at_socket: pathlib.Path) -> list[str]:
    said = subprocess.run([binary(), "ctl", "--admin", f"unix:{at_socket}", "--json", "SHOW EVENTS"],
                          capture_output=True, text=True, timeout=20)
    assert said.returncode == 0, said.stderr
    return [row["kind"] for row in json.loads(said.stdout)]


def test_an_upgrade_that_fails_is_an_event(server, begin, program):
    config = config_for(server("pg15"), extra={"admin": {"socket": str(program.parent / "admin.sock")}})
    one = begin(config, program=program)
    replace(program, "kill -SEGV $$")
    os.kill(one.pids()[0], signal.SIGUSR2)
    one.wait_for("upgrade_failed")
    assert events(program.parent / "admin.sock")[-2:] == ["upgrade_started", "upgrade_failed"]
    assert psql_value(endpoint(server("pg15"), config), "SELECT 7") == "7"


def test_an_end_waits_for_the_upgrade(server, begin, program):
    its = server("pg15")
    config = config_for(its)
    one = begin(config, program=program)
    at = endpoint(its, config)
    old = one.pids()[0]
    replace(program, f"sleep 1\nexec {binary()} \"$@\"")
    os.kill(old, signal.SIGUSR2)
    one.wait_for("upgrade_started")
    os.kill(old, signal.SIGTERM)
    assert psql_value(at, "SELECT 7") == "7"
    wait_until(lambda: len(one.pids()) == 1 and one.pids()[0] != old, 20, "the new one alone is left")
    assert "handed_over" in one.text()
    assert psql_value(at, "SELECT 7") == "7"


HANGS = "exec tail -f /dev/null"


@pytest.mark.parametrize("script, signals", [("sleep 1; exit 1", [signal.SIGTERM]), (HANGS, [signal.SIGQUIT]),
                                             (HANGS, [signal.SIGTERM, signal.SIGINT])],
                         ids=["the new one fails", "at once", "asked twice"])
def test_an_end_in_an_upgrade_leaves_nobody_behind(server, begin, program, script, signals):
    one = begin(config_for(server("pg15")), program=program)
    old = one.pids()[0]
    replace(program, script)
    os.kill(old, signal.SIGUSR2)
    one.wait_for("upgrade_started")
    for number in signals:
        os.kill(old, number)
    wait_until(lambda: not one.pids(), 20, "both have ended")
    assert "upgrade_failed" in one.text()


def test_a_listener_on_a_path_is_handed_over(server, begin):
    its = server("pg15")
    folder = scratch("path")
    path = folder / ".s.PGSQL.6432"
    config = config_for(its, listener_options={"bind": f"unix:{path}"})
    try:
        one = begin(config)
        at = Endpoint(its, 6432, host=str(folder))
        one.upgrade()
        assert psql_value(at, "SELECT 7") == "7"
        one.end()
        assert not path.exists()
    finally:
        remove(folder)


def test_systemd_listens_and_is_told(server, begin):
    its = server("pg15")
    config = config_for(its)
    at = endpoint(its, config)
    name = config["listeners"][0]["name"]
    manager = scratch("manager") / "notify"
    # Another address than the listener's own: the name alone tells whose it is, in each process.
    with socket.create_server((LOOPBACK, 0)) as listening, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        at = at.with_(port=listening.getsockname()[1])
        told.bind(str(manager))
        told.settimeout(20)
        one = begin(config, sockets=[listening.fileno()], names=name, environment={"NOTIFY_SOCKET": str(manager)})
        assert told.recv(500).decode().startswith("READY=1\n")
        assert psql_value(at, "SELECT 7") == "7"
        old = one.pids()[0]
        one.upgrade()
        words = [told.recv(500).decode() for _ in range(2)]
        assert {word.split("=")[0] for word in words} == {"READY", "MAINPID"}
        assert f"MAINPID={one.pids()[0]}\n" in words and one.pids()[0] != old
        assert psql_value(at, "SELECT 7") == "7"
        os.kill(one.pids()[0], signal.SIGTERM)
        assert told.recv(500).decode().startswith("STOPPING=1\n")
        wait_until(lambda: not one.pids(), 20, "it ends")
        assert accepts(at.port)  # the socket is the manager's: who comes now waits
    remove(manager.parent)


@pytest.mark.parametrize("name", ["SIGQUIT", "second SIGTERM"])
def test_ends_at_once(server, begin, name):
    its = server("pg15")
    config = config_for(its, extra={"drain": {"delay": "0s", "timeout": "60s"}})
    one = begin(config)
    with pg_connection(endpoint(its, config), autocommit=False) as connection:
        connection.execute("SELECT 1")
        pid = one.pids()[0]
        os.kill(pid, signal.SIGQUIT if name == "SIGQUIT" else signal.SIGTERM)
        if name != "SIGQUIT":
            one.wait_for("draining")
            os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not one.pids(), 10, "it ends, whatever runs")
        with pytest.raises(psycopg.errors.AdminShutdown):
            connection.commit()


def test_an_interrupt_does_not_wait_for_the_delay(server, begin):
    one = begin(config_for(server("pg15"), extra={"drain": {"delay": "60s", "timeout": "60s"}}))
    os.kill(one.pids()[0], signal.SIGINT)
    wait_until(lambda: not one.pids(), 10, "it ends")
