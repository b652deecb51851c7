"""sysbench oltp_point_select with and without prepared statements."""

from bench import host
from bench.loads.rig import Load, number, run, sysbench, wanted


class MyBench(Load):
    name = "mysql"
    title = "sysbench oltp_point_select"
    family = "mysql"
    columns = {"tps": "tps", "latency_ms": "avg ms", "p99_ms": "p99 ms", "cpu_s_per_100k": "CPU s/100k"}

    def cases(self):
        threads = wanted(self.options, [16, 64])
        return [(mode, many) for mode in ("text", "prepared") for many in threads]

    def measure(self, target, mode, clients):
        prepared = "auto" if mode == "prepared" else "disable"
        with host.CpuWatch(target) as watch:
            out = run([*sysbench(target.port), f"--threads={clients}", f"--time={self.seconds}",
                       f"--db-ps-mode={prepared}", "--percentile=99", "run"])
        transactions = number(r"transactions:\s+(\d+)", out)
        return {"tps": number(r"transactions:\s+\d+\s+\(([\d.]+) per sec", out),
                "latency_ms": number(r"avg:\s+([\d.]+)", out),
                "p99_ms": number(r"99th percentile:\s+([\d.]+)", out),
                "cpu_s_per_100k": watch.last(self.seconds) / transactions * 1e5}
