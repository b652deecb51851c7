"""./dev pictures: docs/dashboard-*.png, of a real sluice under a real load.

usage: dashboard_pictures.py FOLDER [SECONDS]"""

import os
import pathlib
import subprocess
import sys
import time
from contextlib import ExitStack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

import browser  # noqa: E402
from clients import my_connection, pg_connection  # noqa: E402
from conftest import Endpoint  # noqa: E402
from harness import schema, tools  # noqa: E402
from harness.mysql import MariaDb  # noqa: E402
from harness.postgres import postgres15  # noqa: E402
from harness.process import LOOPBACK, free_port  # noqa: E402
from harness.sluice import Sluice  # noqa: E402

PICTURES = {  # name: (view, colours, width, height)
    "light": ("overview", "light", 1200, 1130),
    "dark": ("sessions", "dark", 1200, 700),
    "phone": ("pools", "light", 360, 700),
}


def configuration(pg, my) -> dict:
    return {
        "workers": 2,
        "admin": {"dashboard": {"enabled": True}},
        "listeners": [{"name": "pg", "protocol": "postgresql", "bind": f"{LOOPBACK}:{free_port()}"},
                      {"name": "my", "protocol": "mysql", "bind": f"{LOOPBACK}:{free_port()}"}],
        "pools": {"pets": {"url": pg.url(), "pool_size": 8, "max_overflow": 4},
                  "pets_reports": {"url": pg.url(), "pool_size": 4, "pool_mode": "session"},
                  "pets_legacy": {"url": my.url(), "pool_size": 6},
                  "archive": {"url": f"postgresql://app:none@{LOOPBACK}:{free_port()}/archive", "pool_size": 4}},
        "users": [{"name": schema.APP, "password": schema.PASSWORD},
                  {"name": "ops", "password": schema.PASSWORD, "admin": True}],
        "routes": [{"name": "reports", "match": {"protocol": "postgresql", "application_name": "report*"}, "pool": "pets_reports"},
                   {"name": "archive", "match": {"protocol": "postgresql", "database": "archive"}, "pool": "archive"},
                   {"name": "shop", "match": {"protocol": "postgresql"}, "pool": "pets"},
                   {"name": "legacy", "match": {"protocol": "mysql"}, "pool": "pets_legacy"}],
        "drain": {"delay": "0s", "timeout": "1s"},
    }


def pgbench(at, sluice, name: str, sql: str, *options) -> subprocess.Popen:
    script = sluice.folder / f"{name}.sql"
    script.write_text(sql)
    script.chmod(0o644)
    argv = [tools.pg_client("pgbench"), "-n", "-f", script, "-T", 3600, *options,
            "-h", at.host, "-p", at.port, "-U", at.user, at.database]
    return subprocess.Popen([str(word) for word in argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            env={**os.environ, "PGPASSWORD": at.password, "PGAPPNAME": name})


def people(stack: ExitStack, pg, my) -> None:
    """Sessions of every kind, which stay."""
    for name in ("shop web 1", "shop web 2", "psql"):
        stack.enter_context(pg_connection(pg, application_name=name))
    importer = stack.enter_context(pg_connection(pg, application_name="importer"))
    importer.execute("CREATE TEMPORARY TABLE incoming (id int)")
    importer.execute("SELECT pg_advisory_lock(7)")
    report = stack.enter_context(pg_connection(pg, application_name="report of the month", autocommit=False))
    report.execute("SELECT count(*) FROM pets")
    legacy = stack.enter_context(my_connection(my))
    legacy.cursor().execute("SET @basket = 12")
    stack.enter_context(my_connection(my))
    try:
        stack.enter_context(pg_connection(pg.with_(database="archive")))
    except Exception:  # noqa: BLE001 - nobody listens there, which is what is to be seen
        pass


def take(sluice, folder: pathlib.Path, seconds: int) -> None:
    with browser.chromium() as chromium:
        pages = {}
        for name, (view, colours, width, height) in PICTURES.items():
            context = chromium.new_context(color_scheme=colours, viewport={"width": width, "height": height})
            pages[name] = context.new_page()
            pages[name].goto(f"{browser.address(sluice)}#{view}")
            browser.sign_in(pages[name], "ops", schema.PASSWORD)
        time.sleep(seconds)
        for name, page in pages.items():
            page.bring_to_front()
            time.sleep(3)
            page.screenshot(path=folder / f"dashboard-{name}.png")


def main() -> None:
    folder = pathlib.Path(sys.argv[1])
    seconds = int(sys.argv[2]) if len(sys.argv) > 2 else 130
    with ExitStack() as stack:
        pg, my = postgres15(), MariaDb()
        stack.callback(pg.close)
        stack.callback(my.close)
        config = configuration(pg, my)
        sluice = Sluice(config)
        stack.callback(sluice.close)
        ports = [int(listener["bind"].rsplit(":", 1)[1]) for listener in config["listeners"]]
        at, my_at = Endpoint(pg, ports[0]), Endpoint(my, ports[1])
        people(stack, at, my_at)
        loads = [pgbench(at, sluice, "shop api", "SELECT pg_sleep(0.001 + 0.01 * random() * random());\n", "-c", 14, "-R", 700),
                 pgbench(at, sluice, "report daily", "SELECT pg_sleep(0.05);\n", "-c", 2, "-R", 10)]
        try:
            take(sluice, folder, seconds)
        finally:
            for one in loads:
                one.terminate()
                one.wait()


if __name__ == "__main__":
    main()
