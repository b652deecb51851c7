"""A throw-away PostgreSQL."""

import os
import pathlib
import signal
import subprocess

from harness import datadirs, schema, tools
from harness.process import (LOOPBACK, Daemon, free_port, own, remove, run_as_server, scratch,
                             wait_until)
from harness.tls import make_certificates

_HBA = f"""
local   all  all                              trust
hostssl all  {schema.TLS_ONLY}  127.0.0.1/32  scram-sha-256
host    all  {schema.TLS_ONLY}  127.0.0.1/32  reject
host    all  {schema.TRUST}     127.0.0.1/32  trust
host    all  {schema.LEGACY}    127.0.0.1/32  md5
host    all  {schema.CLEAR}     127.0.0.1/32  password
host    all  all                127.0.0.1/32  scram-sha-256
"""


class Postgres:
    family = "postgresql"
    scheme = "postgresql"

    def __init__(self, name: str, bin_dir: pathlib.Path, **settings):
        """`settings` go beyond, or in place of, those of start()."""
        self.name = name
        self.settings = settings
        self.bin = bin_dir
        self.folder = scratch(name)
        self.port = free_port()
        self.daemon = None
        self.certificates = make_certificates(self.folder)
        own(self.certificates.cert)
        datadirs.provide(name, bin_dir / "postgres", self.folder / "data", self._make)
        self.start()

    def _make(self) -> None:
        data = self.folder / "data"
        run_as_server([self.bin / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
                       "-E", "UTF8", "--no-locale"], cwd="/")
        (data / "pg_hba.conf").write_text(_HBA)
        self.start()
        self._make_accounts()
        self.stop()

    def start(self) -> None:
        settings = {
            "listen_addresses": LOOPBACK, "max_connections": 200, "fsync": "off",
            "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "128MB",
            "max_wal_size": "2GB", "ssl": "on", "ssl_cert_file": self.certificates.cert,
            "ssl_key_file": self.certificates.key, "max_prepared_transactions": 10,
            **self.settings,
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        self.daemon = Daemon([self.bin / "postgres", "-D", self.folder / "data", "-p", self.port,
                              "-k", self.folder, *options], self.folder / "log")
        self.daemon.wait_for_port(self.port)
        ready = [self.bin / "pg_isready", "-q", "-h", self.folder, "-p", str(self.port)]
        wait_until(lambda: subprocess.run(ready).returncode == 0, 30, "PostgreSQL is ready")

    def stop(self) -> None:
        self.daemon.stop(signal.SIGINT)

    def close(self) -> None:
        """For good: at once, but so that the server takes its shared memory with it."""
        self.daemon.stop(signal.SIGQUIT)
        remove(self.folder)

    def url(self, user=schema.APP, password=schema.PASSWORD, database=schema.DATABASE) -> str:
        return f"postgresql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def admin(self, sql: str, database=schema.DATABASE) -> str:
        """Runs SQL as the superuser, past any proxy; unaligned rows without headings."""
        done = subprocess.run(
            [self.bin / "psql", "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p",
             str(self.port), "-U", "postgres", "-d", database],
            input=sql, capture_output=True, text=True, env={**os.environ, "PGOPTIONS": ""})
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def backends(self, user: str | None = None) -> int:
        """Client connections that the server has now, without this question's own."""
        mine = f" AND usename = '{user}'" if user else ""
        return int(self.admin("SELECT count(*) FROM pg_stat_activity WHERE backend_type = "
                              f"'client backend' AND pid <> pg_backend_pid(){mine}"))

    def kill_backends(self) -> None:
        self.admin("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE "
                   "backend_type = 'client backend' AND pid <> pg_backend_pid()")

    def _make_accounts(self) -> None:
        self.admin(f"CREATE DATABASE {schema.DATABASE}", "postgres")
        for user in (schema.APP, schema.TRUST, schema.CLEAR, schema.TLS_ONLY, schema.OTHER):
            self.admin(f"CREATE ROLE {user} LOGIN PASSWORD '{schema.PASSWORD}'")
        self.admin("SET password_encryption = md5;"
                   f"CREATE ROLE {schema.LEGACY} LOGIN PASSWORD '{schema.PASSWORD}'")
        self.admin(schema.PETS_PG)
        self.admin("GRANT ALL ON SCHEMA public TO PUBLIC;"
                   "GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC;"
                   "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")


def postgres15(**settings) -> Postgres:
    return Postgres("pg15", tools.PG15, **settings)


def postgres18(**settings) -> Postgres:
    return Postgres("pg18", tools.PG18, **settings)
