"""Two workers over one when the databases are not the limit: a fake server and a fake load.

On two cores the load and the fake server need a part of the same cores as the proxy, so that the
throughput cannot double whatever the proxy does. What is the proxy's own is the CPU that its
workers spend: workers that disturb each other (locks, hand-offs, wake-ups, shared cache lines)
spend more of it for a transaction, and when sessions are badly spread one worker spends most of it.
Hence "capacity": all transactions per CPU second of the busiest worker thread, which is what the
proxy would do if that worker had a core of its own. Two workers that share nothing have twice the
capacity of one. With five cores (two workers, load, server, one to spare) throughput is the measure.
"""

import hashlib
import os

from harness import schema, tools
from harness.process import Daemon, free_port, remove, scratch

from bench import host, targets
from bench.loads.rig import Load, number, run

CORES_TO_TRUST_TPS = 5
_MD5_HASH = "md5" + hashlib.md5((schema.PASSWORD + schema.APP).encode()).hexdigest()


def program(name: str):
    return tools.ROOT / "build/release" / name


class FakePostgres:
    """What targets.py asks of a server; no TLS, no accounts."""
    family, name, certificates = "postgresql", "fake", None

    def __init__(self):
        self.port = free_port()
        self.folder = scratch("fake")
        self.daemon = Daemon([program("fake_postgres"), self.port], self.folder / "log",
                             privileged=True)
        self.daemon.wait_for_port(self.port)

    def url(self) -> str:
        return f"postgresql://{schema.APP}:{schema.PASSWORD}@127.0.0.1:{self.port}/{schema.DATABASE}"

    def close(self) -> None:
        self.daemon.stop()
        remove(self.folder)


class Workers(Load):
    name = "workers"
    title = "sluice with 1 and 2 workers, fake load and fake server"
    columns = {"capacity": "capacity", "tps": "tps", "cpu_s_per_100k": "CPU s/100k",
               "balance": "busiest", "cores": "cores used"}
    CONNECTIONS = 128  # as many backends: the databases are not the limit
    DEPTHS = {"1 query a send": 1, "8 queries a send": 8}

    def __init__(self, rig, options):
        super().__init__(rig, options)
        self.server = FakePostgres()
        self.running = []
        for workers in (1, 2):
            setup = targets.Setup(self.server, workers=workers, pool_size=self.CONNECTIONS,
                                  client_secret=("md5_hash", _MD5_HASH))
            ios, why = targets.sluice_io(setup)
            if why and why not in rig.notes:
                rig.notes.append(why)
            for io in ios:
                one = targets.sluice(setup, io)
                one.name = f"sluice {io} x{workers}"
                self.running.append(one)

    def cases(self):
        return [(mode, self.CONNECTIONS) for mode in self.DEPTHS]

    def targets(self, _mode, _clients):
        return [targets.Target("direct", self.server.port), *self.running]

    def measure(self, target, mode, clients):
        before = host.thread_cpu_seconds(target.daemon.pid) if target.daemon else {}
        out = run([program("fake_load"), target.port, schema.APP, schema.PASSWORD, schema.DATABASE,
                   clients, self.DEPTHS[mode], self.seconds])
        found = {"tps": number(r"tps=(\d+)", out)}
        if target.daemon:
            after = host.thread_cpu_seconds(target.daemon.pid)
            spent = [cpu - before.get(thread, 0.0) for thread, cpu in after.items()]
            transactions = number(r"transactions=(\d+)", out)
            found |= {"capacity": transactions / max(spent), "balance": max(spent) / sum(spent),
                      "cpu_s_per_100k": sum(spent) / transactions * 1e5,
                      "cores": sum(spent) / self.seconds}
        return found

    def notes(self):
        enough = (os.cpu_count() or 1) >= CORES_TO_TRUST_TPS
        return [f"{os.cpu_count()} cores: " + (
            "enough for two workers, load and server: compare tps" if enough else
            "load and fake server share them with the workers, so tps cannot double here; how the workers "
            "scale is said by the capacity, all transactions per CPU second of the busiest worker: it "
            "loses what locks and hand-offs cost and what an uneven spread of the sessions leaves idle")]

    def close(self):
        for one in self.running:
            one.close()
        self.server.close()
