"""Real clients: the programs and the Python drivers, each to an Endpoint."""

import os
import secrets
import subprocess
from contextlib import contextmanager

import psycopg
import pymysql

from harness import tools


def mysql_backend() -> str:
    """Asks without CONNECTION_ID(), which would pin the session, for the thread that runs this very text. A text is
    used once: a server that is short of time lists a query for a moment after it has been answered."""
    return f"(SELECT MAX(id) FROM information_schema.processlist WHERE info LIKE '%who_am_i_{secrets.token_hex(8)}%')"


def run(argv, *, stdin="", timeout=60, env=None) -> subprocess.CompletedProcess:
    return subprocess.run([str(a) for a in argv], input=stdin, capture_output=True, text=True,
                          timeout=timeout, env={**os.environ, **(env or {})})


def psql(at, sql: str, *, env=None, program=None, **parameters) -> subprocess.CompletedProcess:
    words = {"host": at.host, "port": at.port, "user": at.user, "dbname": at.database,
             "sslmode": "disable", **parameters}
    conninfo = " ".join(f"{key}='{value}'" for key, value in words.items())
    return run([program or tools.pg_client("psql"), "-X", "-At", "-v", "ON_ERROR_STOP=1", conninfo],
               stdin=sql, env={"PGPASSWORD": at.password, "PGCONNECT_TIMEOUT": "10", **(env or {})})


def psql_value(at, sql: str, **options) -> str:
    done = psql(at, sql, **options)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def mysql(at, sql: str, *options, program=None) -> subprocess.CompletedProcess:
    argv = [program or tools.mysql_client(), "--no-defaults", "-h", at.host, "-P", at.port, "-u",
            at.user, f"-p{at.password}", "-N", "-B", "--connect-timeout=10", *options]
    if at.database:
        argv.append(at.database)
    return run(argv, stdin=sql)


def mysql_value(at, sql: str, *options, program=None) -> str:
    done = mysql(at, sql, *options, program=program)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def pg_connection(at, **options):
    options.setdefault("autocommit", True)
    options.setdefault("sslmode", "disable")
    with psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                         dbname=at.database, connect_timeout=10, **options) as connection:
        yield connection


@contextmanager
def my_connection(at, **options):
    options.setdefault("autocommit", True)
    options.setdefault("read_timeout", 60)
    connection = pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                 database=at.database, connect_timeout=10, **options)
    try:
        yield connection
    finally:
        try:
            connection.close()
        except pymysql.err.Error:
            pass


@contextmanager
def connection(at, **options):
    """Either family's driver in autocommit."""
    with (pg_connection if at.postgresql else my_connection)(at, **options) as one:
        yield one


def rows(connection, sql: str, parameters=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall()) if cursor.description else []


def value(connection, sql: str, parameters=None):
    return rows(connection, sql, parameters)[0][0]


def backend_id(connection) -> int:
    """Tells backends apart. Asking for the process id would pin the session to its backend."""
    return value(connection, "SELECT inet_client_port()" if isinstance(connection, psycopg.Connection)
                 else f"SELECT {mysql_backend()}")
