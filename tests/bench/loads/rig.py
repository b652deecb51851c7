"""The servers and the proxies that the loads of one run share, and what a load is."""

import functools
import os
import re
import subprocess
import sys

from harness import schema, tools
from harness.mysql import MariaDb, MySql
from harness.postgres import postgres15, postgres18
from harness.process import LOOPBACK

from bench import targets
from bench.targets import Setup, Target

SYSBENCH_ROWS = 10000


def run(argv, timeout: float = 600, **environment) -> str:
    """The output of a program that must succeed."""
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, env={**os.environ, **environment})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, argv))} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        raise RuntimeError(f"no {pattern!r} in:\n{text[-2000:]}")
    return float(found.group(1))


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def pg_to(port: int) -> list:
    return ["-h", LOOPBACK, "-p", port, "-U", schema.APP, schema.DATABASE]


def pg_environment(tls: bool = False) -> dict:
    return {"PGPASSWORD": schema.PASSWORD, "PGSSLMODE": "require" if tls else "disable",
            "PGGSSENCMODE": "disable"}


def sysbench(port: int) -> list:
    return ["sysbench", "oltp_point_select", f"--mysql-host={LOOPBACK}", f"--mysql-port={port}",
            f"--mysql-user={schema.APP}", f"--mysql-password={schema.PASSWORD}",
            f"--mysql-db={schema.DATABASE}", "--mysql-ssl=off", "--tables=1",
            f"--table-size={SYSBENCH_ROWS}"]


class Rig:
    """Starts a server, or the proxies before it, when the first load asks for them."""

    def __init__(self, quick: bool = False):
        self.quick = quick
        self.notes: list[str] = []
        self._setups: dict[str, Setup] = {}
        self._running: dict[str, list[Target]] = {}

    def setup(self, family: str) -> Setup:
        if family not in self._setups:
            make = self._postgres if family == "postgresql" else self._mysql
            self._setups[family] = make()
        return self._setups[family]

    def factories(self, family: str) -> dict:
        """Functions of a Setup that start a target, by name, in the order of the tables."""
        ios, why = targets.sluice_io(self.setup(family))
        if why and why not in self.notes:
            self.notes.append(why)
        ours = {f"sluice {io}": functools.partial(targets.sluice, io=io) for io in ios}
        return {**targets.PEERS[family], **ours}

    def targets(self, family: str) -> list[Target]:
        """All of them, running; those that this machine lacks are left out."""
        if family not in self._running:
            found = self._running[family] = []
            for name, start in self.factories(family).items():
                one = start(self.setup(family))
                if one:
                    found.append(one)
                else:
                    self.notes.append(f"{name} is left out: it is not there")
        return self._running[family]

    def has(self, family: str, name: str) -> bool:
        return any(one.name == name for one in self.targets(family))

    def _postgres(self) -> Setup:
        make = postgres18 if tools.have(tools.PG18 / "postgres") else postgres15
        say("starting PostgreSQL")
        server = make(max_connections=900)
        if server.name == "pg18":
            # PBKDF2 is the client's part, and 500 clients need long for it. Odyssey wants four digits.
            server.admin("SET scram_iterations = 1024;"
                         f"ALTER ROLE {schema.APP} PASSWORD '{schema.PASSWORD}'")
        verifier = server.admin(f"SELECT rolpassword FROM pg_authid WHERE rolname = '{schema.APP}'")
        run([tools.pg_client("pgbench"), "-i", "-q", "-s", 1 if self.quick else 10,
             *pg_to(server.port)], **pg_environment())
        return Setup(server, verifier)

    def _mysql(self) -> Setup:
        say("starting MySQL")
        server = MySql() if tools.have(tools.MYSQLD) else MariaDb()
        server.admin("SET GLOBAL max_connections = 900")
        run([*sysbench(server.port), "prepare"])
        return Setup(server)

    def versions(self) -> list[str]:
        found = []
        for setup in self._setups.values():
            server = setup.server
            program = [server.bin / "postgres"] if server.family == "postgresql" else server._program()
            found.append(targets.version_of(*program, "--version"))
        return found

    def close(self) -> None:
        for one in [target for found in self._running.values() for target in found]:
            one.close()
        for setup in self._setups.values():
            setup.server.close()


class Load:
    """One row of the benchmark: what is done, through which targets, what is read off."""

    name = ""
    title = ""
    family = "postgresql"
    columns: dict[str, str] = {}  # metric -> heading; of the first the table shows the spread

    def __init__(self, rig: Rig, options):
        self.rig = rig
        self.options = options

    @property
    def seconds(self) -> int:
        return self.options.seconds

    def cases(self) -> list[tuple[str, int]]:
        """(mode, clients), each measured for every target in turn."""
        raise NotImplementedError

    def targets(self, _mode: str, _clients: int) -> list:
        return self.rig.targets(self.family)

    def measure(self, target, mode: str, clients: int) -> dict[str, float]:
        raise NotImplementedError

    def notes(self) -> list[str]:
        return []

    def close(self) -> None:
        pass


def wanted(options, defaults: list[int]) -> list[int]:
    return options.clients or defaults
