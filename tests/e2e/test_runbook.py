"""docs/operations.md: every command of it is run, in the situation that it is for, and shows what the text says to look for.

A situation has a sluice of its own with both families behind. A command that is added to the page needs a line in LOOKS,
or in NOT_RUN with the reason.
"""

import os
import re
import shutil
import signal
import subprocess
import threading
from contextlib import closing, contextmanager
from dataclasses import dataclass

import psycopg
import pytest
from admin_http import curl
from balancer import CLIENT4, Balancer
from balancer import line as proxy_line
from clients import connection, pg_connection, psql_value, rows, value
from conftest import Endpoint, listener, pool, port_of
from harness import schema, tools
from harness.process import LOOPBACK, free_port, remove, scratch, wait_until
from harness.sluice import binary, write_config
from harness.tls import make_certificates
from test_upgrade import Started

pytestmark = pytest.mark.proxy_only

PAGE = tools.ROOT / "docs/operations.md"
FIRST = "Operations"  # what stands before the first section
PROGRAMS = "sluice|psql|mysql|curl|openssl|kill|install|systemctl|kubectl|helm"

CTL, CURL = "sluice ctl -c sluice.yaml", "curl -s http://127.0.0.1:9127/metrics"
PSQL = "psql -h 127.0.0.1 -p 6432 -U ops sluice -c"

NOT_RUN = {
    "sluice ctl": "names the command; what it is given stands in the blocks",
    "systemctl reload": "no systemd here; it sends SIGHUP, see test_reload.py",
    "systemctl stop": "no systemd here; it sends SIGTERM, see test_drain.py",
}


@dataclass(frozen=True)
class Look:
    command: str
    text: str = ""       # a pattern of the output's lines
    rows: tuple = ()     # of the table that is printed: columns and their values
    code: int = 0
    before: str = ""     # what of House is done first


LOOKS = {
    FIRST: [
        Look(f"{CTL} SHOW POOLS", rows=({"database": "pets"}, {"database": "pets_my"})),
        Look(f"{PSQL} 'SHOW POOLS'", r"^ *pets_my +\|"),
        Look(CURL, r"^sluice_build_info\{"),
        Look("sluice ctl --admin unix:/run/sluice/admin.sock SHOW EVENTS", r"^ *number +at +kind"),
    ],
    "Clients wait": [
        Look(f"{CTL} SHOW POOLS", rows=({"database": "pets", "cl_waiting": "1"},)),
        Look(f"{CTL} SHOW SESSIONS", rows=({"pool": "pets", "state": "waiting"},
                                           {"pool": "pets", "state": "active", "in_transaction": "true"})),
        Look(f"{CURL} | grep -E '^sluice_pool_(pending_requests|oldest_wait_seconds)'",
             r'^sluice_pool_pending_requests\{pool="pets"\} 1$'),
        Look(f"{CTL} RESUME pets", r"^RESUME$", before="pause"),
    ],
    "Pool saturated": [
        Look(f"{CURL} | grep -E '^sluice_pool_(acquire_timeouts|acquires)_total'",
             r'^sluice_pool_acquire_timeouts_total\{pool="pets"\} 1$'),
        Look(f"{CTL} SHOW PINS", r"^ *pool +pin +sessions"),
        Look(f"{CTL} SHOW BACKENDS", rows=({"pool": "pets", "state": "used"},)),
    ],
    "Sessions are pinned": [
        Look(f"{CTL} SHOW PINS", rows=({"pool": "pets", "pin": "temporary", "sessions": "1"},)),
        Look(f"{CTL} SHOW SESSIONS", rows=({"pool": "pets", "state": "pinned", "pins": "temporary"},)),
        Look(f"{CTL} KILL_CLIENT 4"),
    ],
    "The backend is down": [
        Look(f"{CTL} SHOW EVENTS", rows=({"kind": "backend_down", "pool": "pets"},)),
        Look(f"{CURL} | grep -E '^sluice_(backend_up|backend_errors_total|pool_connect_failures)'",
             r'^sluice_backend_up\{pool="pets"\} 0$'),
        Look(f"{PSQL} 'PAUSE pets'", r"^PAUSE$"),
        Look(f"{PSQL} 'RESUME pets'", r"^RESUME$"),
    ],
    "A reload has failed": [
        Look("sluice check -c sluice.yaml", r"sluice\.yaml:\d+:\d+: error: pools\.pets\.pool_size", code=1),
        Look("sluice reload -c sluice.yaml", r"^ *pools\.pets\.pool_size", before="mend"),
    ],
    "A certificate expires": [
        Look(f"{CURL} | grep '^sluice_tls_certificate_not_after'", r'\{file="[^"]*/tls\.crt"\} [1-9]'),
        Look("openssl s_client -starttls postgres -connect 127.0.0.1:6432 </dev/null 2>/dev/null | "
             "openssl x509 -noout -enddate", r"^notAfter="),
        Look("sluice reload -c sluice.yaml", r"/tls\.crt \(file\)$", before="renew"),
    ],
    "Behind a load balancer": [
        Look("exec 3<>/dev/tcp/127.0.0.1/6432 && printf 'PROXY UNKNOWN\\r\\n\\0\\0\\0\\10\\4\\322\\26\\57' >&3 && "
             "head -c1 <&3", r"^S$"),
        Look(f"{CTL} SHOW CLIENTS", rows=({"user": schema.APP, "addr": CLIENT4, "port": "51122"},)),
        Look(f"{CURL} | grep '^sluice_auth_failures_total.*proxy_header'", r'\{listener="pg",reason="proxy_header"\} 1$'),
    ],
    "Working hours": [
        Look("sluice check -c sluice.yaml", r"^sluice\.yaml: OK$"),
        Look(f"{CTL} SHOW SCHEDULES", rows=({"pool": "pets", "action": "resize", "pool_size": "3", "in_force": "true"},
                                           {"pool": "pets", "action": "pause", "last_run": ""})),
        Look(f"{CURL} | grep '^sluice_schedule_'",
             r'^sluice_schedule_runs_total\{pool="pets",action="resize",result="ok"\} 0$'),
    ],
    "Drain": [
        Look("sluice drain -c sluice.yaml --wait", r"(?s)^draining$.*^1 clients are left$.*^ended$"),
    ],
    "Upgrade": [
        Look("install -m 755 sluice /usr/bin/sluice.new && mv /usr/bin/sluice.new /usr/bin/sluice"),
        Look("sluice check -c sluice.yaml", r"^sluice\.yaml: OK$"),
        Look("kill -USR2 PID"),
    ],
}


def documented() -> dict[str, list[str]]:
    """The commands of the page by section: the lines of its blocks, and those within its sentences."""
    found, section = {}, FIRST
    for line in PAGE.read_text().splitlines():
        if line.startswith("## "):
            section = line.removeprefix("## ")
        inside = [line.strip()] if line.startswith("    ") else re.findall(rf"`((?:{PROGRAMS}) [^`]+)`", line)
        for command in inside:
            found.setdefault(section, []).append(re.split(r" +# ", command)[0])
    return found


def test_every_command_of_the_page_is_known():
    page = {section: [one for one in commands if one not in NOT_RUN] for section, commands in documented().items()}
    assert {section: commands for section, commands in page.items() if commands} == \
        {section: [look.command for look in looks] for section, looks in LOOKS.items()}
    written = [one for commands in documented().values() for one in commands]
    assert [one for one in NOT_RUN if one not in written] == []


# ---- a sluice for each situation

class House:
    def __init__(self, pg, my, *, drain=None, schedules=(), listener_options=None, **pool_options):
        self.bin = scratch("runbook")
        shutil.copy(binary(), self.bin / "sluice")
        self.renew()
        tls = {"mode": "prefer", "cert_file": str(self.bin / "tls.crt"), "key_file": str(self.bin / "tls.key")}
        self.config = {
            "workers": 2,
            "listeners": [{**listener(pg), "name": "pg", "tls": tls, **(listener_options or {})}, {**listener(my), "name": "my"}],
            "pools": {"pets": pool(pg, **pool_options), "pets_my": pool(my)},
            "users": [{"name": schema.APP, "password": schema.PASSWORD},
                      {"name": "ops", "password": schema.PASSWORD, "admin": True}],
            "routes": [{"name": "pets", "pool": "pets"}, {"name": "pets_my", "pool": "pets_my"}],
            "admin": {"socket": str(self.bin / "admin.sock")},
            "schedules": list(schedules),
            "reload": {"watch": False},
            "drain": drain or {"delay": "0s", "timeout": "5s"},
        }
        self.at, self.my = Endpoint(pg, port_of(self.config)), Endpoint(my, port_of(self.config, 1))
        self.sluice = Started(self.config, program=self.bin / "sluice")
        self.pid = self.sluice.process.pid

    def close(self) -> None:
        try:
            self.sluice.close()
        finally:
            remove(self.bin)

    def places(self) -> dict:
        """What the page's own words are here. The folder that commands run in has the sluice.yaml."""
        return {"6432": self.at.port, "9127": self.sluice.admin_port, "PID": self.pid, "/usr/bin/": f"{self.bin}/",
                "/run/sluice/admin.sock": self.bin / "admin.sock", "KILL_CLIENT 4": self.kill_client}

    def run(self, command: str) -> subprocess.CompletedProcess:
        for word, here in self.places().items():
            if word in command:
                command = command.replace(word, str(here() if callable(here) else here))
        path = f"{self.bin}:{tools.pg_client('psql').parent}:{os.environ['PATH']}"
        return subprocess.run(
            ["bash", "-c", command], cwd=self.sluice.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=60, env={**os.environ, "PATH": path, "PGPASSWORD": schema.PASSWORD})

    def shown(self, topic: str) -> list[dict]:
        return table(self.run(f"{CTL} SHOW {topic}").stdout)

    def kill_client(self) -> str:
        (pinned,) = [one["id"] for one in self.shown("SESSIONS") if one["pins"]]
        return f"KILL_CLIENT {pinned}"

    def metric(self, sample: str) -> str:
        text = curl(f"http://{LOOPBACK}:{self.sluice.admin_port}/metrics").body
        found = re.search(rf"(?m)^{re.escape(sample)} (\S+)$", text)
        return found.group(1) if found else ""

    # what LOOKS calls `before`

    def pause(self) -> None:
        assert self.run(f"timeout 1 {CTL} PAUSE pets").returncode == 124, "it waits: a connection is in use"
        assert [one["paused"] for one in self.shown("DATABASES") if one["name"] == "pets"] == ["1"]

    def mend(self) -> None:
        self.write(pool_size=6)

    def renew(self) -> None:
        """A certificate and its key, each put in place by a rename."""
        made = make_certificates(scratch("certificate"))
        for source, name in ((made.key, "tls.key"), (made.cert, "tls.crt")):
            shutil.copy(source, self.bin / f"{name}.new")
            (self.bin / f"{name}.new").rename(self.bin / name)
        remove(made.key.parent)

    def write(self, **pool_options) -> None:
        config = {**self.sluice.config, "pools": {**self.config["pools"]}}
        config["pools"]["pets"] = {**config["pools"]["pets"], **pool_options}
        write_config(self.sluice.folder, config)


def table(text: str) -> list[dict]:
    """The rows that `sluice ctl` prints: each column is as wide as its rule below the heading."""
    heading, rule, *lines = text.splitlines()
    columns = [one.span() for one in re.finditer("-+", rule)]
    return [{heading[a:b].strip(): line[a:b].strip() for a, b in columns} for line in lines]


# ---- the situations

@contextmanager
def both_families(house):
    with connection(house.at) as one, connection(house.my) as other:
        assert value(one, "SELECT 1") == value(other, "SELECT 1") == 1
        yield


@contextmanager
def somebody_waits(house):
    with pg_connection(house.at) as holder, pg_connection(house.at) as waiter:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        answers = []
        thread = threading.Thread(target=lambda: answers.append(value(waiter, "SELECT 1")))
        thread.start()
        try:
            wait_until(lambda: house.metric('sluice_pool_pending_requests{pool="pets"}') == "1", 20, "a client waits")
            yield
        finally:
            rows(holder, "COMMIT")
            thread.join(30)
        assert answers == [1]


@contextmanager
def saturated(house):
    with pg_connection(house.at) as holder, pg_connection(house.at) as other:
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        with pytest.raises(psycopg.Error, match=r"pool pets \(.*\) timed out") as refused:
            value(other, "SELECT 1")
        assert refused.value.sqlstate == "53300"
        wait_until(lambda: " request_refused " in house.sluice.text(), 10, "the log is written")
        yield


@contextmanager
def pinned(house):
    with pg_connection(house.at) as client:
        rows(client, "CREATE TEMPORARY TABLE kept (n int)")
        wait_until(lambda: any(one["pins"] for one in house.shown("SESSIONS")), 10, "it is pinned")
        yield
        with pytest.raises(psycopg.Error):
            value(client, "SELECT 1")


@contextmanager
def down(house):
    with pytest.raises(psycopg.Error, match="cannot connect to the backend of pool pets"):
        pg_connection(house.at).__enter__()
    for line in (r" client_login_(failed|refused) .*08001", " backend_connect_failed ", " backend_down "):
        wait_until(lambda line=line: re.search(line, house.sluice.text()), 10, f"the log has{line}")
    yield


@contextmanager
def reload_failed(house):
    house.write(pool_size="many")
    os.kill(house.pid, signal.SIGHUP)
    wait_until(lambda: house.metric("sluice_config_last_reload_successful") == "0", 20, "the reload fails")
    assert psql_value(house.at, "SELECT 1") == "1"
    yield
    assert house.metric("sluice_config_last_reload_successful") == "1"


@contextmanager
def nothing(_house):
    yield


@contextmanager
def balanced(house):
    """A client by way of a load balancer, and one that should have come that way."""
    with pytest.raises(psycopg.Error):
        pg_connection(house.at).__enter__()
    wait_until(lambda: re.search(r" client_login_failed .*reason=proxy_header", house.sluice.text()), 10, "it is told")
    with Balancer(house.at.port, proxy_line()) as balancer, pg_connection(house.at.with_(port=balancer.port)):
        yield


@contextmanager
def in_transaction(house):
    """A client that ends its transaction once the load balancer can see that nobody new is wanted."""
    with pg_connection(house.at) as client:
        rows(client, "BEGIN")
        value(client, "SELECT 1")

        def finish():
            wait_until(lambda: curl(f"http://{LOOPBACK}:{house.sluice.admin_port}/readyz").status == 503, 30, "503")
            rows(client, "COMMIT")
            committed.append(True)

        committed: list = []
        thread = threading.Thread(target=finish)
        thread.start()
        yield
        thread.join(40)
        assert committed
    wait_until(lambda: not house.sluice.pids(), 10, "it has ended")


@contextmanager
def new_program(house):
    shutil.copy(binary(), house.sluice.folder / "sluice")
    before = (house.bin / "sluice").stat().st_ino
    yield
    assert (house.bin / "sluice").stat().st_ino != before
    house.sluice.wait_for("handed_over")
    wait_until(lambda: house.pid not in house.sluice.pids(), 20, "the old one has ended")
    assert len(house.sluice.pids()) == 1 and psql_value(house.at, "SELECT 7") == "7"


SITUATIONS = {
    FIRST: (both_families, {}),
    "Clients wait": (somebody_waits, {"pool_size": 1, "pool_timeout": "60s"}),
    "Pool saturated": (saturated, {"pool_size": 1, "pool_timeout": "500ms"}),
    "Sessions are pinned": (pinned, {}),
    "The backend is down": (down, {"connect_args": {"connect_timeout": "1s"}}),
    "A reload has failed": (reload_failed, {}),
    "A certificate expires": (nothing, {}),
    "Behind a load balancer": (balanced, {"listener_options": {"proxy_protocol": {"trusted": ["127.0.0.0/8"]}}}),
    "Working hours": (nothing, {"schedules": [
        {"cron": "17 3 1 1 *", "timezone": "Asia/Seoul", "action": "resize", "pool": "pets", "pool_size": 3},
        {"cron": "18 3 1 1 *", "action": "pause", "pool": "pets"}]}),
    "Drain": (in_transaction, {"drain": {"delay": "1s", "timeout": "20s"}}),
    "Upgrade": (new_program, {}),
}


@pytest.mark.parametrize("section", LOOKS)
def test_the_commands_of_a_section(server, section):
    situation, options = SITUATIONS[section]
    if situation is down:
        dead = f"postgresql://{schema.APP}:{schema.PASSWORD}@{LOOPBACK}:{free_port()}/{schema.DATABASE}"
        options = {**options, "url": dead}
    with closing(House(server("pg15"), server("mariadb"), **options)) as house:
        house.sluice.wait_for("started")
        with situation(house):
            for look in LOOKS[section]:
                if look.before:
                    getattr(house, look.before)()
                done = house.run(look.command)
                said = f"{look.command}: {done.returncode}\n{done.stdout}{done.stderr}"
                assert done.returncode == look.code, said
                assert re.search(look.text, done.stdout + done.stderr, re.MULTILINE), said
                printed = table(done.stdout) if look.rows else []
                for row in look.rows:
                    assert any(row.items() <= one.items() for one in printed), said
