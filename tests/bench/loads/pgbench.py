"""pgbench: point selects in three protocols without and with TLS, logins, and beside a heavy COPY."""

import dataclasses
import functools
import math
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

from harness import tools

from bench import host
from bench.loads.rig import Load, number, pg_environment, pg_to, run, wanted

RATES = {"tps": "tps", "latency_ms": "avg ms", "p50_ms": "p50 ms", "p99_ms": "p99 ms",
         "cpu_s_per_100k": "CPU s/100k"}
SAMPLING = 0.25  # of the transactions go into pgbench's log when there are many


def _latencies(folder: str) -> list[int]:
    """Microseconds, sorted, from the files of pgbench -l: the third field of every line."""
    found = []
    for path in pathlib.Path(folder).iterdir():
        found += [int(line.split(" ", 3)[2]) for line in path.read_text().splitlines()]
    return sorted(found)


def percentile(ordered: list[int], part: float) -> float:
    return ordered[int(part * (len(ordered) - 1))] if ordered else 0.0


def _duration(clients: int, seconds: int) -> int:
    """pgbench's clock runs while it logs in, some milliseconds a client."""
    return seconds + (math.ceil(clients * 0.01) if clients > 100 else 0)


def pgbench(target, clients: int, seconds: int, *options, tls=False) -> dict[str, float]:
    """A run of pgbench -S and the CPU that the target spent while it ran, logins left out."""
    folder = tempfile.mkdtemp(prefix="sluice-pgbench-", dir="/dev/shm")
    duration = _duration(clients, seconds)
    sampling = 1 if clients == 1 else SAMPLING
    try:
        with host.CpuWatch(target) as watch:
            out = run([tools.pg_client("pgbench"), "-n", "-S", "-c", clients, "-j", min(clients, 2),
                       "-T", duration, *options, "-l", f"--log-prefix={folder}/log",
                       f"--sampling-rate={sampling}", *pg_to(target.port)], **pg_environment(tls))
        ordered = _latencies(folder)
    finally:
        shutil.rmtree(folder)
    transactions = number(r"transactions actually processed: (\d+)", out)
    if not transactions:
        raise RuntimeError(f"no transaction in {duration} s:\n{out}")
    working = duration - number(r"initial connection time = ([\d.]+)", out) / 1000
    p50, p99 = percentile(ordered, 0.5) / 1000, percentile(ordered, 0.99) / 1000
    return {"tps": number(r"tps = ([\d.]+)", out), "transactions": transactions,
            "latency_ms": number(r"latency average = ([\d.]+)", out),
            "p50_ms": p50, "p99_ms": p99, "p99_over_p50": p99 / p50 if p50 else 0.0,
            "cpu_s_per_100k": watch.last(working) / transactions * 1e5}


class PgBench(Load):
    name = "pg"
    title = "pgbench -S"
    columns = RATES
    tls = False

    def cases(self):
        clients = wanted(self.options, [1, 16, 64, 500])
        return [(mode, many) for mode in ("simple", "extended", "prepared") for many in clients]

    def measure(self, target, mode, clients):
        return pgbench(target, clients, self.seconds, "-M", mode, tls=self.tls)

    def notes(self):
        return [f"latencies are from pgbench -l, one transaction in {1 / SAMPLING:.0f} (all at 1 client); "
                "CPU s are those of the proxy during the run, the logins before it left out"]


class PgTls(PgBench):
    name = "pg-tls"
    title = "pgbench -S, clients on TLS, the server's side plain (direct: the server's own TLS)"
    tls = True

    def cases(self):
        clients = wanted(self.options, [16, 64])
        return [(mode, many) for mode in ("simple", "extended", "prepared") for many in clients]

    def targets(self, mode, clients):
        # HAProxy cannot take TLS that starts inside the protocol; it would only pass it on.
        return [one for one in super().targets(mode, clients) if one.name != "haproxy"]


class PgUnix(PgBench):
    """What a socket without TCP to a database on the same host saves."""
    name = "pg-unix"
    title = "pgbench -S, clients on TCP, backends over a unix-domain socket"

    def cases(self):
        clients = wanted(self.options, [16, 64])
        return [(mode, many) for mode in ("simple", "extended", "prepared") for many in clients]

    @functools.cached_property
    def _running(self) -> list:
        setup = dataclasses.replace(self.rig.setup(self.family), unix=True)
        starts = {name: start for name, start in self.rig.factories(self.family).items()
                  if name == "pgbouncer" or name.startswith("sluice")}
        return [one for one in (start(setup) for start in starts.values()) if one]

    def targets(self, mode, clients):
        return self._running

    def close(self):
        if "_running" in self.__dict__:
            for one in self._running:
                one.close()


class Login(Load):
    """A connection per transaction; the proxies that verify know the SCRAM verifier alone."""
    name = "login"
    title = "pgbench -C: a SCRAM login and one select each time"
    columns = {"cpu_ms_per_login": "CPU ms/login", "logins_per_s": "logins/s"}
    CLIENTS = 8

    def cases(self):
        return [("scram", self.CLIENTS)]

    def measure(self, target, mode, clients):
        before = target.cpu_seconds()
        out = run([tools.pg_client("pgbench"), "-n", "-S", "-C", "-c", clients, "-j", 2, "-T",
                   self.seconds, *pg_to(target.port)], **pg_environment())
        spent = target.cpu_seconds() - before
        transactions = number(r"transactions actually processed: (\d+)", out)
        return {"cpu_ms_per_login": spent / transactions * 1e3,
                "logins_per_s": number(r"tps = ([\d.]+)", out)}


class Mixed(Load):
    """Point selects while another client copies a large result again and again."""
    name = "mixed"
    title = "pgbench -S beside a COPY in a loop"
    columns = {"p99_ms": "p99 ms", "p50_ms": "p50 ms", "tps": "tps"}
    CLIENTS = 8
    COPY = "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT"

    def cases(self):
        return [("simple", self.CLIENTS)]

    def measure(self, target, mode, clients):
        done, copied, failed = threading.Event(), [], []

        def copy() -> None:
            try:
                while not done.is_set():
                    self._copy(target.port)
                    copied.append(1)
            except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
                failed.append(problem)

        beside = threading.Thread(target=copy)
        beside.start()
        try:
            got = pgbench(target, clients, self.seconds, "-M", mode)
        finally:
            done.set()
            beside.join()
        if failed:
            raise RuntimeError(f"the COPY beside it failed: {failed[0]}")
        return {**got, "copies": len(copied)}

    def _copy(self, port: int) -> None:
        subprocess.run([str(a) for a in (tools.pg_client("psql"), "-X", "-q", "-c", self.COPY, *pg_to(port))],
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True,
                       env={**os.environ, **pg_environment()})

