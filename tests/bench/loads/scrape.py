"""What a scrape of /metrics takes, and what it costs the queries beside it, with many pools and many idle clients.

Each measurement has a sluice of its own with POOLS pools, all of which have been used. The clients log in, as many to
each pool, ask something and stay. Then SCRAPES scrapes are timed, one after the other; pgbench runs on a pool of its
own, and runs again while somebody scrapes every EVERY seconds.
"""

import dataclasses
import resource
import threading
import time
import urllib.request
from contextlib import contextmanager

from harness.process import LOOPBACK

from bench.loads.idle import Fresh, ask, pg_client
from bench.loads.pgbench import percentile, pgbench
from bench.loads.rig import Load, wanted

POOLS = 200
SCRAPES = 20
EVERY = 0.2
BUSY = 16  # clients of pgbench
SPARE_DESCRIPTORS = 1000


def scrape(port: int) -> tuple[float, int]:
    """Seconds until the last byte has come, and how many came."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/metrics", timeout=60) as answer:
        size = len(answer.read())
    return time.perf_counter() - began, size


@contextmanager
def scraped(port: int, every: float):
    """Somebody scrapes meanwhile; how long each took. One that is late is followed by the next at once."""
    took, failed, done = [], [], threading.Event()

    def work() -> None:
        due = time.monotonic()
        try:
            while not done.wait(max(0.0, due - time.monotonic())):
                took.append(scrape(port)[0])
                due += every
        except OSError as problem:
            failed.append(problem)

    beside = threading.Thread(target=work)
    beside.start()
    try:
        yield took
    finally:
        done.set()
        beside.join()
    if failed or not took:
        raise RuntimeError(f"the scrapes beside it failed: {failed}")


class Scrape(Load):
    name = "scrape"
    title = f"a scrape of {POOLS} pools, and pgbench -S beside it, with idle clients"
    columns = {"scrape_ms": "scrape ms", "scrape_p99_ms": "p99 ms", "mb": "MB", "alone_p99_ms": "pgbench p99 ms",
               "p99_ms": "with scrapes", "alone_tps": "pgbench tps", "tps": "with scrapes",
               "beside_ms": "scrape beside it ms"}

    def cases(self):
        return [(f"{POOLS} pools", many) for many in wanted(self.options, [200 if self.options.quick else 10000])]

    def targets(self, _mode, _clients):
        return [Fresh(name, start) for name, start in self.rig.factories(self.family).items()
                if name.startswith("sluice")]

    def measure(self, target, mode, clients):
        limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        if limit < clients + SPARE_DESCRIPTORS:
            raise RuntimeError(f"ulimit -n is {limit}, and {clients} clients need {clients + SPARE_DESCRIPTORS}")
        databases = tuple(f"pool{number}" for number in range(1, POOLS))  # and main, which is pgbench's
        setup = dataclasses.replace(self.rig.setup(self.family), databases=databases,
                                    max_clients=clients + SPARE_DESCRIPTORS)
        running = target.start(setup)
        held: list = []
        try:
            for number in range(max(clients, len(databases))):
                held.append(pg_client(running.port, tls=False, database=databases[number % len(databases)]))
                ask(held[-1])
            pgbench(running, BUSY, 1, "-M", "simple")
            return self._figures(running)
        finally:
            for connection in held:
                connection.close()
            running.close()

    def _figures(self, running) -> dict[str, float]:
        found = [scrape(running.admin_port) for _ in range(SCRAPES)]
        times = sorted(seconds for seconds, _ in found)
        alone = pgbench(running, BUSY, self.seconds, "-M", "simple")
        with scraped(running.admin_port, EVERY) as beside:
            busy = pgbench(running, BUSY, self.seconds, "-M", "simple")
        return {"scrape_ms": percentile(times, 0.5) * 1e3, "scrape_p99_ms": times[-1] * 1e3,
                "mb": found[-1][1] / 1e6, "alone_p99_ms": alone["p99_ms"], "p99_ms": busy["p99_ms"],
                "alone_tps": alone["tps"], "tps": busy["tps"],
                "beside_ms": percentile(sorted(beside), 0.5) * 1e3}

    def notes(self):
        return [f"scrape: the median of {SCRAPES} while nothing else happens, its p99 is the slowest of them; with "
                f"scrapes: one each {EVERY * 1000:.0f} ms, by a client on the same machine that reads all of it"]
