"""What the measurements are held against, and the verdict on each."""

import os
from dataclasses import dataclass, field

from bench.loads.workers import CORES_TO_TRUST_TPS, Workers
from bench.results import Results, shown

IOS = ("epoll", "io_uring")
PG_MODES = ("simple", "extended", "prepared")
KIB = 1024


@dataclass(frozen=True)
class Check:
    """A figure of ours, or its ratio to a peer's, and its bound."""
    key: tuple  # (load, mode, clients, target)
    metric: str
    limit: float
    peer: str = ""  # a target of the same case; empty: the figure itself is bound
    at_most: bool = True

    def measured(self, results: Results) -> float | None:
        if self.peer:
            return results.ratio(self.key, (*self.key[:3], self.peer), self.metric)
        return results.median(self.key, self.metric)

    def met(self, value: float) -> bool:
        return value <= self.limit if self.at_most else value >= self.limit

    def says(self, value: float | None) -> str:
        load, mode, clients, ours = self.key
        bound = f"{'at most' if self.at_most else 'at least'} {shown(self.limit)}"
        against = f" x {self.peer}" if self.peer else ""
        verdict = "not measured" if value is None else "met" if self.met(value) else "NOT MET"
        return (f"    {load} {mode} {clients}, {ours}: {self.metric} "
                f"{shown(value)}{against}; {bound}: {verdict}")


@dataclass
class Goal:
    title: str
    checks: list[Check] = field(default_factory=list)

    def verdict(self, results: Results) -> str:
        values = [(check, check.measured(results)) for check in self.checks]
        known = [(check, value) for check, value in values if value is not None]
        missed = sum(not check.met(value) for check, value in known)
        missing = len(values) - len(known)
        word = "not measured" if not known else "NOT MET" if missed else "met"
        word += " as far as measured" if word == "met" and missing else ""
        counts = f"{len(known) - missed} of {len(values)} figures met"
        return word + f" ({counts}" + (f", {missing} not measured)" if missing and known else ")")


def _pg_cpu(io: str, at16: float, at64: float) -> list[Check]:
    return [Check(("pg", mode, clients, f"sluice {io}"), "cpu_s_per_100k", limit, "pgbouncer")
            for mode in PG_MODES for clients, limit in ((16, at16), (64, at64))]


def _pg_rates() -> list[Check]:
    found = []
    for io, times in (("epoll", 1.0), ("io_uring", 1.1)):
        for mode in PG_MODES:
            for clients in (16, 64):
                key = ("pg", mode, clients, f"sluice {io}")
                found += [Check(key, "tps", times, "pgbouncer", at_most=False),
                          Check(key, "p99_ms", 1.0, "pgbouncer")]
    return found


def _pg_many() -> list[Check]:
    return [check for io in IOS for mode in PG_MODES for check in (
        Check(("pg", mode, 500, f"sluice {io}"), "tps", 1.0, "pgbouncer", at_most=False),
        Check(("pg", mode, 500, f"sluice {io}"), "p99_over_p50", 3.0))]


def _mysql() -> list[Check]:
    return [check for io in IOS for mode in ("text", "prepared") for threads in (16, 64) for check in (
        Check(("mysql", mode, threads, f"sluice {io}"), "cpu_s_per_100k", 0.4, "router sharing"),
        Check(("mysql", mode, threads, f"sluice {io}"), "cpu_s_per_100k", 1.0, "haproxy"))]


def _idle() -> list[Check]:
    return [Check((load, mode, 5000, f"sluice {io}"), "bytes_each", limit)
            for io in IOS for load in ("idle-pg", "idle-mysql")
            for mode, limit in (("plain", 2 * KIB), ("tls", 16 * KIB))]


def goals() -> list[Goal]:
    workers = "tps" if (os.cpu_count() or 1) >= CORES_TO_TRUST_TPS else "capacity"
    return [
        Goal("PostgreSQL, CPU s per 100k, epoll: 0.95 x PgBouncer at 16 clients, 0.85 x at 64",
             _pg_cpu("epoll", 0.95, 0.85)),
        Goal("PostgreSQL, CPU s per 100k, io_uring: 0.80 x PgBouncer at 16 clients, 0.65 x at 64",
             _pg_cpu("io_uring", 0.80, 0.65)),
        Goal("PostgreSQL, tps at least PgBouncer's (io_uring: 1.1 x), p99 at most PgBouncer's", _pg_rates()),
        Goal("500 clients on 20 backends: at least PgBouncer's tps, p99/p50 below 3", _pg_many()),
        Goal("MySQL, CPU s per 100k: 0.4 x Router with connection sharing, at most HAProxy's", _mysql()),
        Goal("idle client, 5,000 of them: 2 KiB, with TLS 16 KiB", _idle()),
        Goal("clients on TLS, CPU s per 100k: 0.9 x PgBouncer",
             [Check(("pg-tls", mode, clients, f"sluice {io}"), "cpu_s_per_100k", 0.9, "pgbouncer")
              for io in IOS for mode in PG_MODES for clients in (16, 64)]),
        Goal("COPY out and a 500 MB result, CPU s per GB: 0.8",
             [Check((load, mode, 1, f"sluice {io}"), "cpu_s_per_gb", 0.8)
              for io in IOS for load in ("copy", "result") for mode in ("1000 B rows", "100 B rows")]),
        Goal("a login (SCRAM from a verifier), CPU ms: at most PgBouncer's",
             [Check(("login", "scram", 8, f"sluice {io}"), "cpu_ms_per_login", 1.0, "pgbouncer")
              for io in IOS]),
        Goal("three cheap entries in the chain, CPU s per 100k: at most 1.03 x without",
             [Check(("chain", mode, clients, f"sluice {io} +3"), "cpu_s_per_100k", 1.03, f"sluice {io}")
              for io in IOS for mode in ("simple", "prepared") for clients in (16, 64)]),
        Goal(f"2 workers over 1 (measured as {workers}): 1.8 x",
             [Check(("workers", mode, Workers.CONNECTIONS, f"sluice {io} x2"), workers, 1.8,
                    f"sluice {io} x1", at_most=False)
              for io in IOS for mode in ("1 query a send", "8 queries a send")]),
    ]


def lines(results: Results, chosen: set[str]) -> list[str]:
    """Each goal that a chosen load can say something about, and under it its figures."""
    found = []
    for goal in goals():
        if not any(check.key[0] in chosen for check in goal.checks):
            continue
        found.append(f"{goal.title}: {goal.verdict(results)}")
        for check in goal.checks:
            value = check.measured(results)
            if value is not None:
                found.append(check.says(value))
    return found
