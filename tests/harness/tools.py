"""Where the programs of real servers and clients are, and which of them this machine has."""

import os
import pathlib
import shutil

PEERS = pathlib.Path(os.environ.get("SLUICE_PEERS_DIR", "/nonexistent"))
PG15 = pathlib.Path("/usr/lib/postgresql/15/bin")
PG18 = PEERS / "usr/lib/postgresql/18/bin"
MARIADBD = pathlib.Path("/usr/sbin/mariadbd")
MARIADB = pathlib.Path("/usr/bin/mariadb")
MYSQLD = PEERS / "usr/sbin/mysqld"
MYSQL = PEERS / "usr/bin/mysql"
PGBOUNCER = PEERS / "usr/sbin/pgbouncer"
MYSQL_ROUTER = PEERS / "usr/bin/mysqlrouter"
ODYSSEY = PEERS / "usr/bin/odyssey"
HAPROXY = PEERS / "usr/sbin/haproxy"
PROMTOOL = pathlib.Path(os.environ.get("SLUICE_TOOLS_DIR", "/nonexistent")) / "promtool"
ROOT = pathlib.Path(__file__).resolve().parents[2]


def have(program: pathlib.Path | str) -> bool:
    return shutil.which(str(program)) is not None


def pg_client(name: str) -> pathlib.Path:
    """psql or pgbench, the newest that is there."""
    return PG18 / name if have(PG18 / name) else PG15 / name


def mysql_client() -> pathlib.Path:
    return MYSQL if have(MYSQL) else MARIADB
