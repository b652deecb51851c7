"""Crowds at the admin port: idle and slow connections, guesses, large requests. A scrape gets in, and queries do not
notice."""

import contextlib
import resource
import socket
import threading
import time

import pytest
from admin_http import ACT, USERS, Api, curl
from clients import run
from conftest import config_for
from harness import schema, tools
from harness.process import LOOPBACK

pytestmark = [pytest.mark.proxy_only, pytest.mark.plain_build]

CROWD = 1000
SECONDS = 5


@pytest.fixture
def at(start, server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < CROWD + 500:
        pytest.skip("too few descriptors for a crowd")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CROWD + 500), hard))
    its = server("pg15")
    yield start(its, config=config_for(its, users=[{"name": schema.APP, "password": schema.PASSWORD}, *USERS]))
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect(at) -> socket.socket:
    one = socket.create_connection((LOOPBACK, at.sluice.admin_port), timeout=5)
    one.setblocking(False)
    return one


def scrape(at) -> float:
    began = time.monotonic()
    assert curl(f"http://{LOOPBACK}:{at.sluice.admin_port}/metrics").status == 200
    return time.monotonic() - began


@pytest.mark.parametrize("sent", [b"", b"G", b"POST /api/v1/pause HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{"],
                         ids=["idle", "slow header", "slow body"])
def test_a_crowd_does_not_keep_a_scrape_out(at, sent):
    with contextlib.ExitStack() as crowd:
        for _ in range(CROWD):
            one = crowd.enter_context(connect(at))
            with contextlib.suppress(OSError):
                one.send(sent)
        assert max(scrape(at) for _ in range(5)) < 5
        assert Api(at.sluice, ACT).get("status").status == 200
    assert scrape(at) < 5


def abuse(at, over: threading.Event, sent: list) -> None:
    """Idle connections, headers that never end, wrong passwords, large headers, what is no HTTP."""
    with contextlib.ExitStack() as crowd:
        for _ in range(CROWD):
            crowd.enter_context(connect(at))
        while not over.is_set():
            for bytes_ in (b"GET /livez HTTP/1.1\r\nX-Slow: ", b"POST /api/v1/pause HTTP/1.1\r\nHost: x\r\n\r\n",
                           b"GET /api/v1/pools HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic b3BzOng=\r\n\r\n",
                           b"GET / HTTP/1.1\r\nX: " + b"x" * 20000, b"\x16\x03\x01\x02\x00" * 100):
                with contextlib.suppress(OSError), connect(at) as one:
                    one.send(bytes_)
                    sent.append(len(bytes_))
            over.wait(0.02)


def p99(at, folder) -> float:
    """Milliseconds of a SELECT by pgbench with 8 clients."""
    folder.mkdir()
    script = folder / "select.sql"
    script.write_text("SELECT 1;\n")
    done = run([tools.pg_client("pgbench"), "-n", "-h", at.host, "-p", at.port, "-U", at.user, "-f", script, "-c", "8",
                "-T", str(SECONDS), "-l", "--log-prefix", folder / "log", at.database],
               env={"PGPASSWORD": at.password}, timeout=60)
    assert done.returncode == 0, done.stderr
    times = sorted(int(line.split()[2]) for file in folder.glob("log*") for line in file.open())
    assert len(times) > 500
    return times[len(times) * 99 // 100] / 1000


@pytest.mark.alone
def test_queries_do_not_notice(at, tmp_path):
    p99(at, tmp_path / "warm")
    quiet = p99(at, tmp_path / "quiet")
    over, sent = threading.Event(), []
    crowd = threading.Thread(target=abuse, args=(at, over, sent))
    crowd.start()
    try:
        noisy = p99(at, tmp_path / "noisy")
    finally:
        over.set()
        crowd.join()
    print(f"p99 of a SELECT: {quiet:.2f} ms alone, {noisy:.2f} ms beside the crowd ({len(sent)} requests)")
    assert len(sent) > 100
    assert noisy < 5 * quiet + 20, f"{quiet} ms became {noisy} ms"
