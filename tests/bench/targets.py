"""What is measured: the server itself, other poolers, and sluice; each with the same backends."""

from dataclasses import dataclass

from harness import schema, tools
from harness.process import LOOPBACK, Daemon, free_port, scratch
from harness.sluice import Sluice

POOL_SIZE = 20


@dataclass
class Target:
    name: str
    port: int
    daemon: object = None  # whose CPU seconds are counted; none for the server itself

    def cpu_seconds(self) -> float:
        return self.daemon.cpu_seconds() if self.daemon else 0.0


def sluice(server) -> tuple[Target, Sluice]:
    port = free_port()
    running = Sluice({
        "workers": 1,
        "listeners": [{"name": "in", "protocol": server.family, "bind": f"{LOOPBACK}:{port}"}],
        "pools": {"main": {"url": server.url(), "pool_size": POOL_SIZE, "pool_timeout": "60s",
                           "max_prepared_statements": 200, "tls": {"mode": "disable"}}},
        "users": [{"name": schema.APP, "password": schema.PASSWORD}],
        "routes": [{"name": "all", "pool": "main"}],
        "log": {"level": "warning", "format": "text"},
    })
    return Target("sluice", port, running.daemon), running


def pgbouncer(server) -> Target | None:
    if not tools.have(tools.PGBOUNCER):
        return None
    folder, port = scratch("pgbouncer"), free_port()
    (folder / "users").write_text(f'"{schema.APP}" "{schema.PASSWORD}"\n')
    (folder / "ini").write_text(f"""
[databases]
{schema.DATABASE} = host={LOOPBACK} port={server.port} dbname={schema.DATABASE}
[pgbouncer]
listen_addr = {LOOPBACK}
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_prepared_statements = 200
max_client_conn = 1000
server_tls_sslmode = disable
log_connections = 0
log_disconnections = 0
log_stats = 0
""")
    daemon = Daemon([tools.PGBOUNCER, folder / "ini"], folder / "log")
    daemon.wait_for_port(port)
    return Target("pgbouncer", port, daemon)


def mysql_router(server) -> Target | None:
    if not tools.have(tools.MYSQL_ROUTER) or server.name != "mysql":
        return None
    folder, port = scratch("router"), free_port()
    (folder / "conf").write_text(f"""
[DEFAULT]
plugin_folder = {tools.PEERS}/usr/lib/mysqlrouter/plugin
logging_folder = {folder}
runtime_folder = {folder}
data_folder = {folder}
[logger]
level = WARNING
[io]
threads = 1
[routing:main]
bind_address = {LOOPBACK}
bind_port = {port}
destinations = {LOOPBACK}:{server.port}
routing_strategy = first-available
protocol = classic
client_ssl_mode = PASSTHROUGH
server_ssl_mode = AS_CLIENT
""")
    daemon = Daemon([tools.MYSQL_ROUTER, "-c", folder / "conf"], folder / "log")
    daemon.wait_for_port(port)
    return Target("router", port, daemon)
