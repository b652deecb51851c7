"""pgbench and sysbench through sluice: short runs always, the sizes of an acceptance run by -m full."""

import re

import pytest
from clients import my_connection, psql_value, run, value
from conftest import MYSQL, POSTGRESQL, Endpoint
from harness import schema, tools
from harness.process import LOOPBACK

MODES = ["simple", "extended", "prepared"]


def pgbench(at, *options) -> str:
    done = run([tools.pg_client("pgbench"), "-n", "-h", at.host, "-p", at.port, "-U", at.user, *options,
                at.database], timeout=1200, env={"PGPASSWORD": at.password, "PGSSLMODE": "disable"})
    assert done.returncode == 0, done.stderr[-2000:]
    assert "ERROR" not in done.stderr and "aborted" not in done.stderr, done.stderr[-2000:]
    failed = re.search(r"number of failed transactions: (\d+)", done.stdout)
    assert not failed or failed.group(1) == "0", done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def tables(server):
    """tables(name): pgbench's tables on that server, made once."""
    made = set()

    def get(name):
        its = server(name)
        if name not in made:
            done = run([its.bin / "pgbench", "-i", "-q", "-s", "2", "-h", LOOPBACK, "-p", its.port,
                        "-U", schema.APP, schema.DATABASE],
                       env={"PGPASSWORD": schema.PASSWORD})
            assert done.returncode == 0, done.stderr
            made.add(name)
        return its

    return get


def sums(at) -> set[str]:
    return {psql_value(at, f"SELECT COALESCE(sum({column}), 0) FROM pgbench_{table}")
            for table, column in (("accounts", "abalance"), ("tellers", "tbalance"),
                                  ("branches", "bbalance"), ("history", "delta"))}


@pytest.mark.sanitized
@pytest.mark.parametrize("name", POSTGRESQL)
@pytest.mark.parametrize("mode", MODES)
def test_select_only(tables, start, name, mode):
    at = start(tables(name), pool_size=10)
    out = pgbench(at, "-S", "-M", mode, "-c", "32", "-j", "2", "-t", "200")
    assert "6400/6400" in out


@pytest.mark.sanitized
@pytest.mark.parametrize("name", POSTGRESQL)
@pytest.mark.parametrize("mode,size", [("simple", 5), ("extended", 5), ("prepared", 16)])
def test_tpcb_keeps_its_sums(tables, start, name, mode, size):
    """pgbench prepares with a call that blocks its whole thread, so there each client needs a backend."""
    at = start(tables(name), pool_size=size)
    pgbench(at, "-M", mode, "-c", "16", "-j", "2", "-t", "60")
    assert len(sums(at)) == 1, sums(at)


@pytest.mark.full
@pytest.mark.parametrize("name", POSTGRESQL)
@pytest.mark.parametrize("mode", MODES)
def test_select_only_at_full_size(tables, start, name, mode):
    at = start(tables(name), pool_size=10)
    out = pgbench(at, "-S", "-M", mode, "-c", "64", "-j", "2", "-t", "20000")
    assert "1280000/1280000" in out


@pytest.mark.full
@pytest.mark.parametrize("name", POSTGRESQL)
def test_tpcb_at_full_size(tables, start, name):
    at = start(tables(name), pool_size=10)
    pgbench(at, "-c", "16", "-j", "2", "-t", "5000")
    assert len(sums(at)) == 1, sums(at)


@pytest.mark.parametrize("name", POSTGRESQL)
def test_connection_for_each_transaction(tables, start, name):
    at = start(tables(name), pool_size=5)
    pgbench(at, "-S", "-C", "-c", "8", "-j", "2", "-t", "20")


def sysbench(at, script: str, command: str, *options) -> str:
    done = run(["sysbench", script, f"--mysql-host={at.host}", f"--mysql-port={at.port}",
                f"--mysql-user={at.user}", f"--mysql-password={at.password}", "--mysql-ssl=off",
                f"--mysql-db={at.database}", "--tables=2", "--table-size=2000", *options, command],
               timeout=300)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert "FATAL" not in done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def sysbench_server(server):
    """sysbench_server(name): that server with sysbench's tables, made once."""
    made = set()

    def get(name):
        its = server(name)
        if name not in made:
            with my_connection(direct(its)) as client:
                for table in ("sbtest1", "sbtest2"):
                    value(client, "SELECT 1")
                    client.cursor().execute(f"DROP TABLE IF EXISTS {table}")
                    client.cursor().execute(
                        f"CREATE TABLE {table} (id INT AUTO_INCREMENT PRIMARY KEY, k INT NOT NULL DEFAULT 0,"
                        " c CHAR(120) NOT NULL DEFAULT '', pad CHAR(60) NOT NULL DEFAULT '', KEY (k))")
                    client.cursor().executemany(
                        f"INSERT INTO {table} (k, c, pad) VALUES (%s, %s, %s)",
                        [(n, f"c{n:0>110}", f"p{n:0>50}") for n in range(2000)])
            made.add(name)
        return its

    return get


def direct(its):
    return Endpoint(its, its.port)


@pytest.mark.parametrize("script", ["oltp_read_write", "oltp_point_select"])
@pytest.mark.parametrize("prepare", ["auto", "disable"])
@pytest.mark.parametrize("name", MYSQL)
def test_sysbench(sysbench_server, start, name, script, prepare):
    at = start(sysbench_server(name), pool_size=10)
    out = sysbench(at, script, "run", "--threads=16", "--time=3", f"--db-ps-mode={prepare}")
    ignored = re.search(r"ignored errors:\s+(\d+)", out)
    assert ignored, out
    reconnects = re.search(r"reconnects:\s+(\d+)", out)
    assert reconnects and reconnects.group(1) == "0", out


@pytest.mark.full
@pytest.mark.parametrize("script", ["oltp_read_write", "oltp_point_select"])
@pytest.mark.parametrize("prepare", ["auto", "disable"])
@pytest.mark.parametrize("name", MYSQL)
def test_sysbench_at_full_size(sysbench_server, start, name, script, prepare):
    at = start(sysbench_server(name), pool_size=10)
    out = sysbench(at, script, "run", "--threads=16", "--time=30", f"--db-ps-mode={prepare}")
    assert re.search(r"reconnects:\s+0", out), out
