"""./dev run: sluice in front of a throw-away PostgreSQL and MariaDB, shown with their own clients."""

import argparse
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from harness import schema, tools  # noqa: E402
from harness.mysql import MariaDb  # noqa: E402
from harness.postgres import postgres15  # noqa: E402
from harness.process import LOOPBACK, accepts, free_port  # noqa: E402
from harness.sluice import Sluice  # noqa: E402

POOL_SIZE = 5
CLIENTS = 50
PETS = "SELECT pets.name, type, users.name FROM pets JOIN users ON users.id = owner ORDER BY pets.id"


class Front:
    """One family: its server, the port that sluice listens on, its client program."""

    def __init__(self, server, port: int):
        self.server, self.port = server, port

    def argv(self) -> list[str]:
        if self.server.family == "postgresql":
            return [str(tools.PG15 / "psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1", "-h", LOOPBACK,
                    "-p", str(self.port), "-U", schema.APP, schema.DATABASE]
        return [str(tools.MARIADB), "--no-defaults", "-N", "-B", "-h", LOOPBACK, "-P", str(self.port),
                "-u", schema.APP, schema.DATABASE]

    def environment(self) -> dict:
        return {**os.environ, "PGPASSWORD": schema.PASSWORD, "MYSQL_PWD": schema.PASSWORD}

    def run(self, sql: str) -> str:
        done = subprocess.run(self.argv(), input=sql, capture_output=True, text=True, timeout=60,
                              env=self.environment())
        if done.returncode != 0:
            raise RuntimeError(f"{self.argv()[0]}: {done.stderr.strip()}")
        return done.stdout.strip()

    def by_hand(self) -> str:
        if self.server.family == "postgresql":
            return f"PGPASSWORD={schema.PASSWORD} psql -h {LOOPBACK} -p {self.port} -U {schema.APP} {schema.DATABASE}"
        return f"mysql -h {LOOPBACK} -P {self.port} -u {schema.APP} -p{schema.PASSWORD} {schema.DATABASE}"


def preferred(port: int) -> int:
    return free_port() if accepts(port) else port


def configuration(pg: Front, my: Front) -> dict:
    def pool(front):
        return {"url": front.server.url(), "pool_size": POOL_SIZE, "pool_timeout": "30s", "pool_pre_ping": True}

    return {
        "listeners": [
            {"name": "pg", "protocol": "postgresql", "bind": f"{LOOPBACK}:{pg.port}"},
            {"name": "my", "protocol": "mysql", "bind": f"{LOOPBACK}:{my.port}"}],
        "pools": {"pets_pg": pool(pg), "pets_mysql": pool(my)},
        "users": [{"name": schema.APP, "password": schema.PASSWORD}],
        "routes": [{"name": "pg", "match": {"protocol": "postgresql"}, "pool": "pets_pg"},
                   {"name": "my", "match": {"protocol": "mysql"}, "pool": "pets_mysql"}],
        "log": {"level": "info", "format": "text"},
    }


def show_queries(front: Front) -> None:
    print(f"\n{front.server.name} through sluice on port {front.port}:")
    front.run("INSERT INTO pets (name, type, owner) VALUES ('ivy', 'parrot', 1);"
              "UPDATE pets SET type = 'cockatoo' WHERE name = 'ivy';")
    listed = front.run(PETS + ";")
    print("\n".join(f"  {line}" for line in listed.splitlines()))
    if "cockatoo" not in listed:
        raise RuntimeError("what was written was not read")
    front.run("BEGIN; DELETE FROM pets; ROLLBACK;")
    front.run("DELETE FROM pets WHERE name = 'ivy';")
    left = front.run("SELECT COUNT(*) FROM pets;")
    if left != "3":
        raise RuntimeError(f"three pets were expected after a rollback and a delete, not {left}")


def show_bound(front: Front) -> None:
    """50 sessions at once, each with its own program; the server is asked how many it sees."""
    nap = "SELECT pg_sleep(0.05);" if front.server.family == "postgresql" else "SELECT SLEEP(0.05);"
    sessions = [subprocess.Popen(front.argv(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 stderr=subprocess.PIPE, text=True, env=front.environment())
                for _ in range(CLIENTS)]
    most, finished = 0, threading.Event()

    def watch():
        nonlocal most
        while not finished.is_set():
            most = max(most, front.server.backends(schema.APP))
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for one in sessions:
        one.stdin.write(nap * 4)
        one.stdin.close()
    errors = [text for one in sessions if (text := one.stderr.read()) or one.wait() != 0]
    finished.set()
    watcher.join()
    print(f"  {CLIENTS} client sessions at once used at most {most} backends (pool_size {POOL_SIZE}), "
          f"{len(errors)} errors")
    if errors:
        raise RuntimeError(errors[0])
    if not 0 < most <= POOL_SIZE:
        raise RuntimeError(f"{most} backends")


def main() -> None:
    options = argparse.ArgumentParser()
    options.add_argument("--once", action="store_true", help="leave when everything was shown")
    once = options.parse_args().once
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ.setdefault("SLUICE_BINARY", str(tools.ROOT / "build/release/sluice"))
    opened = []
    try:
        print("starting PostgreSQL and MariaDB ...", flush=True)
        for make in (postgres15, MariaDb):
            opened.append(make())
        pg, my = Front(opened[0], preferred(6432)), Front(opened[1], preferred(6033))
        sluice = Sluice(configuration(pg, my))
        opened.append(sluice)
        for front in (pg, my):
            show_queries(front)
            show_bound(front)
        if sluice.metric("sluice_queries_total") <= 0:
            raise RuntimeError("the metrics count no query")
        print(f"\nconnect by hand:\n  {pg.by_hand()}\n  {my.by_hand()}\n"
              f"metrics:\n  curl http://{LOOPBACK}:{sluice.admin_port}/metrics\n"
              f"log and configuration:\n  {sluice.folder}", flush=True)
        if not once:
            print("\nCtrl-C ends it and removes everything.", flush=True)
            sluice.daemon.process.wait()
            raise RuntimeError(f"sluice ended by itself:\n{sluice.log_text()[-2000:]}")
    except KeyboardInterrupt:
        print()
    finally:
        for one in reversed(opened):
            one.close()
    print("everything is stopped and removed")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, AssertionError, OSError) as problem:
        sys.exit(f"error: {problem}")
