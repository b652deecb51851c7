"""What is measured: the server itself, other proxies, and sluice; each with the same backends.

Every proxy has one thread (unless a load asks for more workers), pools of POOL_SIZE connections in
transaction mode where it pools at all, plain connections to the server, and takes clients with and
without TLS, where it can.
"""

import functools
import pathlib
import subprocess
from dataclasses import dataclass, field

from harness import schema, tools
from harness.process import LOOPBACK, Daemon, free_port, own, remove, scratch
from harness.sluice import Sluice, binary, check

from bench import host

POOL_SIZE = 20
MAX_CLIENTS = 6000


@dataclass
class Target:
    name: str
    port: int
    daemon: object = None  # whose CPU seconds are counted; none for the server itself
    folder: pathlib.Path | None = None
    server: object = field(default=None, repr=False)
    admin_port: int = 0  # sluice

    def cpu_seconds(self) -> float:
        return host.cpu_seconds(self.daemon.pid) if self.daemon else 0.0

    def close(self) -> None:
        if self.daemon:
            self.daemon.stop()
        if self.folder:
            remove(self.folder)


@dataclass(frozen=True)
class Setup:
    server: object
    verifier: str = ""  # PostgreSQL: what the proxies know of the user; empty: the password
    workers: int = 1
    pool_size: int = POOL_SIZE  # of sluice
    prefix: tuple = ()  # before the program, as in valgrind's command line
    client_secret: tuple = ()  # sluice: another key and value than `password`
    middleware: tuple = ()  # sluice: its global chain
    databases: tuple = ()  # sluice: clients that log in to one of these have a pool of that name
    max_clients: int = MAX_CLIENTS  # of sluice
    unix: bool = False  # PostgreSQL: backends over the server's unix-domain socket


def _listens(name: str, argv, folder, port: int) -> Target:
    daemon = Daemon(argv, folder / "log")
    daemon.wait_for_port(port)
    return Target(name, port, daemon, folder)


@functools.cache
def version_of(*argv) -> str:
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL)
    return (done.stdout + done.stderr).strip().splitlines()[0]


# ---- sluice

def _backend_url(setup: Setup) -> str:
    if not setup.unix:
        return setup.server.url()
    return (f"postgresql://{schema.APP}:{schema.PASSWORD}@/{schema.DATABASE}"
            f"?host={setup.server.folder}&port={setup.server.port}")


def _sluice_config(setup: Setup, io: str, port: int) -> dict:
    server = setup.server
    secret = dict([setup.client_secret]) if setup.client_secret else {"password": schema.PASSWORD}
    if setup.verifier and not setup.client_secret:
        secret = {"scram_verifier": setup.verifier}
    listener = {"name": "in", "protocol": server.family, "bind": f"{LOOPBACK}:{port}"}
    if server.certificates:
        listener["tls"] = {"mode": "prefer", "cert_file": str(server.certificates.cert),
                           "key_file": str(server.certificates.key)}
    pool = {"url": _backend_url(setup), "pool_size": setup.pool_size, "pool_timeout": "60s",
            "max_prepared_statements": 200, "tls": {"mode": "disable"}}
    return {
        "workers": setup.workers,
        "io": io,
        "listeners": [listener],
        "pools": {"main": pool, **{name: {**pool, "pool_size": 2} for name in setup.databases}},
        "users": [{"name": schema.APP, **secret}],
        "middleware": list(setup.middleware),
        "routes": [*({"name": name, "match": {"database": name}, "pool": name} for name in setup.databases),
                   {"name": "all", "pool": "main"}],
        "limits": {"max_client_connections": setup.max_clients},
        "log": {"level": "warning", "format": "text"},
    }


def sluice(setup: Setup, io: str = "epoll") -> Target:
    port = free_port()
    running = Sluice(_sluice_config(setup, io, port), prefix=setup.prefix)
    return Target(f"sluice {io}", port, running.daemon, running.folder, admin_port=running.admin_port)


def sluice_io(setup: Setup) -> tuple[list[str], str]:
    """The values of `io` that this binary and this kernel take, and why another is left out."""
    tried = check({"version": 1, **_sluice_config(setup, "io_uring", free_port())})
    if tried.returncode == 0:
        return ["epoll", "io_uring"], ""
    said = (tried.stdout + tried.stderr).strip().splitlines()[:1]
    why = said[0].rsplit(": ", 1)[-1] if said else f"status {tried.returncode}"
    return ["epoll"], f"sluice with io: io_uring is left out; sluice check says: {why}"


# ---- both families

def direct(setup: Setup) -> Target:
    return Target("direct", setup.server.port)


def haproxy(setup: Setup) -> Target | None:
    if not tools.have(tools.HAPROXY):
        return None
    folder, port = scratch("haproxy"), free_port()
    (folder / "cfg").write_text(f"""
global
  nbthread {setup.workers}
  maxconn {MAX_CLIENTS}
defaults
  mode tcp
  timeout connect 10s
  timeout client 1h
  timeout server 1h
listen main
  bind {LOOPBACK}:{port}
  server database {LOOPBACK}:{setup.server.port}
""")
    return _listens("haproxy", [tools.HAPROXY, "-f", folder / "cfg", "-db"], folder, port)


# ---- PostgreSQL

def pgbouncer(setup: Setup) -> Target | None:
    if not tools.have(tools.PGBOUNCER):
        return None
    server, folder, port = setup.server, scratch("pgbouncer"), free_port()
    (folder / "users").write_text(f'"{schema.APP}" "{setup.verifier or schema.PASSWORD}"\n')
    tls = f"""client_tls_sslmode = prefer
client_tls_cert_file = {server.certificates.cert}
client_tls_key_file = {server.certificates.key}""" if server.certificates else ""
    (folder / "ini").write_text(f"""
[databases]
{schema.DATABASE} = host={server.folder if setup.unix else LOOPBACK} port={server.port} dbname={schema.DATABASE} \
user={schema.APP} password={schema.PASSWORD}
[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_prepared_statements = 200
max_client_conn = {MAX_CLIENTS}
server_tls_sslmode = disable
{tls}
log_connections = 0
log_disconnections = 0
log_stats = 0
""")
    return _listens("pgbouncer", [tools.PGBOUNCER, folder / "ini"], folder, port)


def odyssey(setup: Setup) -> Target | None:
    if not tools.have(tools.ODYSSEY):
        return None
    server, folder, port = setup.server, scratch("odyssey"), free_port()
    tls = f"""tls "allow"
  tls_cert_file "{server.certificates.cert}"
  tls_key_file "{server.certificates.key}\"""" if server.certificates else ""
    (folder / "conf").write_text(f"""
daemonize no
workers {setup.workers}
resolvers 1
log_to_stdout yes
log_format "%p %t %l [%i %s] (%c) %m\\n"
log_session no
log_query no
log_stats no
client_max {MAX_CLIENTS}
nodelay yes
listen {{
  host "{LOOPBACK}"
  port {port}
  backlog 1024
  {tls}
}}
storage "main" {{
  type "remote"
  host "{LOOPBACK}"
  port {server.port}
}}
database "{schema.DATABASE}" {{
  user "{schema.APP}" {{
    authentication "scram-sha-256"
    password "{setup.verifier or schema.PASSWORD}"
    storage "main"
    storage_db "{schema.DATABASE}"
    storage_user "{schema.APP}"
    storage_password "{schema.PASSWORD}"
    pool "transaction"
    pool_size {POOL_SIZE}
    pool_timeout 60000
    pool_discard no
    pool_reserve_prepared_statement yes
    client_max {MAX_CLIENTS}
  }}
}}
""")
    return _listens("odyssey", [tools.ODYSSEY, folder / "conf"], folder, port)


# ---- MySQL

def _router(setup: Setup, name: str, lines: str) -> Target | None:
    if not tools.have(tools.MYSQL_ROUTER) or setup.server.name != "mysql":
        return None
    folder, port = scratch("router"), free_port()
    (folder / "conf").write_text(f"""
[DEFAULT]
plugin_folder = {tools.PEERS}/usr/lib/mysqlrouter/plugin
logging_folder = {folder}
runtime_folder = {folder}
data_folder = {folder}
max_total_connections = {MAX_CLIENTS}
[logger]
level = WARNING
[io]
threads = {setup.workers}
{"[connection_pool]" if "sharing" in lines else ""}
{f"max_idle_server_connections = {POOL_SIZE}" if "sharing" in lines else ""}
[routing:main]
bind_address = {LOOPBACK}
bind_port = {port}
destinations = {LOOPBACK}:{setup.server.port}
routing_strategy = first-available
protocol = classic
max_connections = {MAX_CLIENTS}
max_connect_errors = 1000000
{lines}
""")
    return _listens(name, [tools.MYSQL_ROUTER, "-c", folder / "conf"], folder, port)


def router_passthrough(setup: Setup) -> Target | None:
    return _router(setup, "router", "client_ssl_mode = PASSTHROUGH\nserver_ssl_mode = AS_CLIENT")


def router_sharing(setup: Setup) -> Target | None:
    """It reads the client's password by RSA or TLS, and asks the key of its certificate for both."""
    key, certificate = setup.server.folder / "router.key", setup.server.folder / "router.crt"
    if not key.exists():
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "3", "-subj",
                        "/CN=localhost", "-keyout", str(key), "-out", str(certificate)],
                       check=True, capture_output=True)
        own(key)
    return _router(setup, "router sharing", f"""connection_sharing = 1
connection_sharing_delay = 0
client_ssl_mode = PREFERRED
client_ssl_cert = {certificate}
client_ssl_key = {key}
server_ssl_mode = DISABLED""")


PEERS = {"postgresql": {"direct": direct, "haproxy": haproxy, "pgbouncer": pgbouncer, "odyssey": odyssey},
         "mysql": {"direct": direct, "haproxy": haproxy, "router": router_passthrough,
                   "router sharing": router_sharing}}


def versions() -> list[str]:
    found = [version_of(binary(), "--version")]
    for program, flag in ((tools.HAPROXY, "-v"), (tools.PGBOUNCER, "--version"),
                          (tools.ODYSSEY, "--version"), (tools.MYSQL_ROUTER, "--version")):
        if tools.have(program):
            found.append(version_of(program, flag))
    return found
