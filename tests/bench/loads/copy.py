"""One large result: COPY out of PostgreSQL, a select of MySQL."""

import os
import subprocess
import time

from harness import schema, tools
from harness.process import LOOPBACK

from bench.loads.rig import SYSBENCH_ROWS, Load, pg_environment, pg_to

_ROW = {"1000 B rows": 1000, "100 B rows": 100}
_COLUMNS = {"cpu_s_per_gb": "CPU s/GB", "mb_per_s": "MB/s"}


def _timed(target, argv, size: int, environment: dict) -> dict[str, float]:
    before, started = target.cpu_seconds(), time.monotonic()
    done = subprocess.run([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env={**os.environ, **environment})
    if done.returncode != 0:
        raise RuntimeError(done.stderr.decode(errors="replace"))
    elapsed = time.monotonic() - started
    return {"cpu_s_per_gb": (target.cpu_seconds() - before) / size * 1e9,
            "mb_per_s": size / elapsed / 1e6}


class _Copy(Load):
    columns = _COLUMNS

    def cases(self):
        return [(mode, 1) for mode in _ROW]

    @property
    def size(self) -> int:
        """Bytes of one result, its framing not counted."""
        return 50_000_000 if self.options.quick else 500_000_000


class PgCopy(_Copy):
    name = "copy"
    title = "COPY out of 500 MB"

    def measure(self, target, mode, clients):
        width = _ROW[mode]
        sql = (f"COPY (SELECT repeat('x', {width - 1}) FROM generate_series(1, {self.size // width})) "
               "TO STDOUT")
        return _timed(target, [tools.pg_client("psql"), "-X", "-q", "-c", sql, *pg_to(target.port)],
                      self.size, pg_environment())


class MyCopy(_Copy):
    name = "result"
    title = "a MySQL result of 500 MB"
    family = "mysql"

    def measure(self, target, mode, clients):
        width = _ROW[mode]
        sql = (f"SELECT REPEAT('x', {width}) FROM sbtest1 a, "
               f"(SELECT id FROM sbtest1 LIMIT {self.size // width // SYSBENCH_ROWS}) b")
        plain = (["--ssl-mode=DISABLED", "--get-server-public-key"] if tools.have(tools.MYSQL)
                 else ["--skip-ssl"])
        return _timed(target, [tools.mysql_client(), "--no-defaults", "-h", LOOPBACK, "-P", target.port,
                               "-u", schema.APP, "--quick", "-N", "-B", *plain, "-e", sql,
                               schema.DATABASE], self.size, {"MYSQL_PWD": schema.PASSWORD})
