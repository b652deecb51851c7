"""./dev bench: the same load on the server itself, through other poolers and through sluice.

All targets are measured in turn within each round, so that what else the machine does hits all
alike; the table gives the median of the rounds and, for the throughput, the least and the most.
"""

import argparse
import csv
import os
import pathlib
import re
import statistics
import subprocess
import sys
from dataclasses import dataclass

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from bench import targets  # noqa: E402
from harness import schema, tools  # noqa: E402
from harness.mysql import MariaDb, MySql  # noqa: E402
from harness.postgres import postgres15, postgres18  # noqa: E402
from harness.process import LOOPBACK, remove  # noqa: E402
from harness.sluice import binary  # noqa: E402


@dataclass
class Measured:
    tps: float
    latency_ms: float
    transactions: int
    cpu: float = 0.0

    def cpu_per_100k(self) -> float:
        return self.cpu / self.transactions * 1e5


def run(argv, **environment) -> str:
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, **environment})
    if done.returncode != 0:
        sys.exit(f"{argv[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    if not found:
        sys.exit(f"no {pattern!r} in:\n{text}")
    return float(found.group(1))


class PgBench:
    """pgbench -S at three numbers of clients in three protocols."""
    name = "pg"
    title = "pgbench -S"
    modes = ("simple", "extended", "prepared")

    def __init__(self):
        self.server = postgres18() if tools.have(tools.PG18 / "postgres") else postgres15()
        self.program = tools.pg_client("pgbench")
        self.environment = {"PGPASSWORD": schema.PASSWORD, "PGSSLMODE": "disable"}
        run([self.program, "-i", "-q", "-s", "10", *self._to(self.server.port)], **self.environment)

    def _to(self, port: int) -> list:
        return ["-h", LOOPBACK, "-p", port, "-U", schema.APP, schema.DATABASE]

    def others(self):
        return [targets.pgbouncer(self.server)]

    def versions(self) -> list[str]:
        found = [run([self.server.bin / "postgres", "--version"]).strip()]
        if tools.have(tools.PGBOUNCER):
            found.append(run([tools.PGBOUNCER, "--version"]).splitlines()[0])
        return found

    def measure(self, port: int, mode: str, clients: int, seconds: int) -> Measured:
        out = run([self.program, "-n", "-S", "-M", mode, "-c", clients, "-j", min(clients, 2), "-T", seconds,
                   *self._to(port)], **self.environment)
        return Measured(number(r"tps = ([\d.]+)", out), number(r"latency average = ([\d.]+)", out),
                        int(number(r"transactions actually processed: (\d+)", out)))


class MyBench:
    """sysbench oltp_point_select with and without prepared statements."""
    name = "mysql"
    title = "sysbench oltp_point_select"
    modes = ("text", "prepared")

    def __init__(self):
        self.server = MySql() if tools.have(tools.MYSQLD) else MariaDb()
        run([*self._argv(self.server.port), "prepare"])

    def _argv(self, port: int) -> list:
        return ["sysbench", "oltp_point_select", f"--mysql-host={LOOPBACK}", f"--mysql-port={port}",
                f"--mysql-user={schema.APP}", f"--mysql-password={schema.PASSWORD}",
                f"--mysql-db={schema.DATABASE}", "--mysql-ssl=off", "--tables=1", "--table-size=10000"]

    def others(self):
        return [targets.mysql_router(self.server)]

    def versions(self) -> list[str]:
        found = [run([self.server._program()[0], "--no-defaults", "--version"]).strip()]
        if tools.have(tools.MYSQL_ROUTER):
            found.append(run([tools.MYSQL_ROUTER, "--version"]).strip())
        return found

    def measure(self, port: int, mode: str, clients: int, seconds: int) -> Measured:
        prepared = "auto" if mode == "prepared" else "disable"
        out = run([*self._argv(port), f"--threads={clients}", f"--time={seconds}",
                   f"--db-ps-mode={prepared}", "run"])
        return Measured(number(r"transactions:\s+\d+\s+\(([\d.]+) per sec", out),
                        number(r"avg:\s+([\d.]+)", out), int(number(r"transactions:\s+(\d+)", out)))


def measure(bench, options) -> list[dict]:
    """One row per mode, number of clients and target."""
    running, extra = targets.sluice(bench.server)
    compared = [targets.Target("direct", bench.server.port), *filter(None, bench.others()), running]
    seen: dict[tuple, list[Measured]] = {}
    try:
        for turn in range(options.rounds):
            for mode in bench.modes:
                for clients in options.clients:
                    for target in compared:
                        before = target.cpu_seconds()
                        got = bench.measure(target.port, mode, clients, options.seconds)
                        got.cpu = target.cpu_seconds() - before
                        seen.setdefault((mode, clients, target.name), []).append(got)
                        print(f"  round {turn + 1} {mode} {clients} {target.name}: {got.tps:.0f} tps",
                              file=sys.stderr)
    finally:
        extra.close()
        for target in compared:
            if target.daemon and target is not running:
                target.daemon.stop()
                remove(target.daemon.log.parent)
        bench.server.close()
    return [summary(bench, *key, found) for key, found in seen.items()]


def summary(bench, mode: str, clients: int, target: str, found: list[Measured]) -> dict:
    tps = [one.tps for one in found]
    cpu = [one.cpu_per_100k() for one in found]
    return {"bench": bench.title, "mode": mode, "clients": clients, "target": target,
            "tps": round(statistics.median(tps)), "tps_min": round(min(tps)), "tps_max": round(max(tps)),
            "latency_ms": round(statistics.median(one.latency_ms for one in found), 3),
            "cpu_s_per_100k": round(statistics.median(cpu), 2) if target != "direct" else ""}


def show(bench, rows: list[dict], options) -> None:
    print(f"\n{bench.title}: medians of {options.rounds} rounds of {options.seconds} s, pool size "
          f"{targets.POOL_SIZE}, one thread per proxy, {os.cpu_count()} cores shared with server and load")
    head = f"{'mode':10} {'clients':>7} {'target':10} {'tps':>8} {'(least - most)':>18} {'ms':>8} {'CPU s/100k':>11}"
    print(head + "\n" + "-" * len(head))
    for row in rows:
        between = f"({row['tps_min']} - {row['tps_max']})"
        print(f"{row['mode']:10} {row['clients']:7} {row['target']:10} {row['tps']:8} {between:>18} "
              f"{row['latency_ms']:8} {row['cpu_s_per_100k']:>11}")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("family", nargs="?", choices=["pg", "mysql"], help="default: both")
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seconds", type=int, default=4, help="of each measurement")
    options.add_argument("--clients", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64])
    options.add_argument("--csv", type=pathlib.Path, default=tools.ROOT / "build/bench.csv")
    options = options.parse_args()
    os.environ.setdefault("SLUICE_BINARY", str(tools.ROOT / "build/release/sluice"))
    everything = []
    for kind in (PgBench, MyBench):
        if options.family not in (None, kind.name):
            continue
        bench = kind()
        print("\n".join([*bench.versions(), run([binary(), "--version"]).strip()]))
        rows = measure(bench, options)
        show(bench, rows, options)
        everything += rows
    options.csv.parent.mkdir(parents=True, exist_ok=True)
    with options.csv.open("w", newline="") as file:
        writer = csv.DictWriter(file, everything[0])
        writer.writeheader()
        writer.writerows(everything)
    print(f"\n{options.csv}")


if __name__ == "__main__":
    main()
