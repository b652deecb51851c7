"""Throw-away MariaDB and MySQL servers."""

import signal
import socket
import subprocess

from harness import datadirs, schema, tools
from harness.process import (LOOPBACK, Daemon, free_port, own, remove, run_as_server, scratch,
                             wait_until)
from harness.tls import make_certificates

_USERS = (schema.APP, schema.TLS_ONLY, schema.OTHER)


class _MySqlFamily:
    family = "mysql"
    scheme = "mysql"

    def __init__(self, name: str):
        self.name = name
        self.folder = scratch(name)
        self.port = free_port()
        self.socket = self.folder / "sock"
        self.daemon = None
        self.certificates = make_certificates(self.folder)
        own(self.certificates.cert)
        datadirs.provide(name, self._program()[0], self.folder / "data", self._make)
        self.start()

    def _make(self) -> None:
        self._initialise()
        self.start()
        self._make_accounts()
        self.stop()

    def start(self) -> None:
        self.daemon = Daemon([
            *self._program(), f"--datadir={self.folder}/data", f"--socket={self.socket}",
            f"--port={self.port}", f"--bind-address={LOOPBACK}", "--skip-name-resolve",
            "--local-infile=ON", "--max-connections=300", "--max-allowed-packet=128M",
            "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=128M",
            "--character-set-server=utf8mb4", f"--ssl-ca={self.certificates.ca}",
            f"--ssl-cert={self.certificates.cert}", f"--ssl-key={self.certificates.key}",
            f"--pid-file={self.folder}/pid", *self._extra()], self.folder / "log")
        self.daemon.wait_for_port(self.port, 60)
        wait_until(self._socket_accepts, 10, "the server's own socket accepts")  # it is made after the port

    def stop(self) -> None:
        self.daemon.stop()

    def close(self) -> None:
        """For good: the data goes too, so it need not be put in order."""
        self.daemon.stop(signal.SIGKILL)
        remove(self.folder)

    def _socket_accepts(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            return probe.connect_ex(str(self.socket)) == 0

    def url(self, user=schema.APP, password=schema.PASSWORD, database=schema.DATABASE) -> str:
        return f"mysql://{user}:{password}@{LOOPBACK}:{self.port}/{database}"

    def admin(self, sql: str, database="") -> str:
        """Runs SQL as root, past any proxy; tab separated rows without headings."""
        argv = [tools.mysql_client() if self.name == "mysql" else tools.MARIADB, "--no-defaults",
                "-uroot", "-S", self.socket, "-N", "-B", "--delimiter=//", database]
        done = subprocess.run([str(a) for a in argv if a], input=sql, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(done.stderr)
        return done.stdout.strip()

    def backends(self, user: str | None = None) -> int:
        mine = f" AND user = '{user}'" if user else ""
        return int(self.admin("SELECT count(*) FROM information_schema.processlist WHERE id <> "
                              "connection_id() AND user NOT IN ('root', 'event_scheduler', "
                              f"'system user'){mine}"))

    def kill_backends(self) -> None:
        ids = self.admin("SELECT id FROM information_schema.processlist WHERE id <> connection_id() "
                         "AND user NOT IN ('root', 'event_scheduler', 'system user')").split()
        for one in ids:
            self.admin(f"KILL {one}")

    def _make_accounts(self) -> None:
        self.admin(f"CREATE DATABASE {schema.DATABASE} CHARACTER SET utf8mb4")
        host = LOOPBACK
        for user in _USERS:
            tls = " REQUIRE SSL" if user == schema.TLS_ONLY else ""
            self.admin(f"CREATE USER {user}@'{host}' IDENTIFIED BY '{schema.PASSWORD}'{tls}")
        self.admin(f"CREATE USER {schema.TRUST}@'{host}' IDENTIFIED BY ''")
        users = [*_USERS, schema.TRUST, *self._more_accounts(host)]
        for user in users:
            self.admin(f"GRANT ALL ON {schema.DATABASE}.* TO {user}@'{host}'")
        for statement in schema.PETS_MYSQL.split(";\n"):
            if statement.strip():
                self.admin(statement, schema.DATABASE)

    def _more_accounts(self, host: str) -> list[str]:
        return []


class MariaDb(_MySqlFamily):
    def __init__(self):
        super().__init__("mariadb")

    def _program(self):
        return [tools.MARIADBD, "--no-defaults"]

    def _extra(self):
        return ["--skip-log-bin"]

    def _initialise(self):
        run_as_server(["mariadb-install-db", "--no-defaults", f"--datadir={self.folder}/data",
                       "--auth-root-authentication-method=normal", "--skip-test-db"], cwd="/")


class MySql(_MySqlFamily):
    def __init__(self):
        super().__init__("mysql")

    def _program(self):
        peers = tools.PEERS
        return [tools.MYSQLD, "--no-defaults", f"--basedir={peers}/usr",
                f"--lc-messages-dir={peers}/usr/share/mysql",
                f"--character-sets-dir={peers}/usr/share/mysql/charsets",
                f"--plugin-dir={peers}/usr/lib/mysql/plugin"]

    def _extra(self):
        return ["--mysqlx=OFF", "--skip-log-bin", "--log-error-verbosity=2",
                "--secure-file-priv=", "--information-schema-stats-expiry=0"]

    def _initialise(self):
        run_as_server([*self._program(), f"--datadir={self.folder}/data", "--initialize-insecure"],
                      cwd="/")
