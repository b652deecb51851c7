"""row_limit and result_limit: an answer that is too large is cut, and nothing behind it runs unseen."""

import asyncio
import time

import asyncpg
import psycopg
import pymysql
import pytest
from clients import connection, mysql, psql, rows, value

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.Error)


def limited(server, start, *, pool_size=2, **entry):
    (name, options), = entry.items()
    return start(server, pool_size=pool_size, extra={"middleware": [{name: options}]})


def numbers(at, count: int, width: int = 1) -> str:
    """A query of so many rows, each with a text of `width` characters."""
    if at.postgresql:
        return f"SELECT repeat('x', {width}) FROM generate_series(1, {count})"
    digits = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 " \
             "UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
    return (f"SELECT REPEAT('x', {width}) FROM {digits} a, {digits} b, {digits} c, {digits} d, {digits} e, "
            f"{digits} f, {digits} g LIMIT {count}")


def code_of(failure: Exception) -> str:
    return failure.sqlstate if isinstance(failure, psycopg.Error) else str(failure.args[0])


def too_large(at) -> str:
    return "54000" if at.postgresql else "1104"


def cuts(at, name: str) -> float:
    return at.sluice.metric("sluice_middleware_cut_total", middleware=name)


def prepared(client, sql: str) -> list:
    """By the extended protocol, or a prepared statement of the binary protocol."""
    return client.execute(sql, prepare=True).fetchall()


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
@pytest.mark.sanitized
def test_an_answer_with_too_many_rows(server, start, name):
    at = limited(server(name), start, row_limit={"rows": 100})
    with connection(at) as client:
        assert len(rows(client, numbers(at, 100))) == 100  # as many as allowed
        began = time.monotonic()
        with pytest.raises(ERRORS) as failure:
            rows(client, numbers(at, 5_000_000))
        assert code_of(failure.value) == too_large(at)
        assert "row_limit" in str(failure.value) or "100 rows" in str(failure.value)
        assert value(client, "SELECT 7") == 7  # the session goes on
        assert time.monotonic() - began < 10  # what ran was cancelled
        if at.postgresql:
            with pytest.raises(ERRORS) as failure:
                prepared(client, numbers(at, 101))
            assert code_of(failure.value) == too_large(at)
            assert len(prepared(client, numbers(at, 99))) == 99
    assert cuts(at, "row_limit") == (2 if at.postgresql else 1)


def binary_rows(client: pymysql.Connection, sql: str) -> int:
    """Prepares and executes; how many rows came. Not by mysql-connector-python: behind a row it takes
    an error packet for another row, and waits for ever."""
    def skip(packets: int):
        for _ in range(packets + 1 if packets else 0):  # definitions and their EOF
            client._read_packet()

    client._execute_command(0x16, sql)
    prepared = client._read_packet().get_all_data()
    statement, columns, parameters = (int.from_bytes(prepared[at:end], "little") for at, end in ((1, 5), (5, 7), (7, 9)))
    skip(parameters)
    skip(columns)
    client._execute_command(0x17, statement.to_bytes(4, "little") + b"\0" + b"\1\0\0\0")
    skip(client._read_packet().get_all_data()[0])
    count = 0
    while not client._read_packet().is_eof_packet():
        count += 1
    return count


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_mysql_prepared_statements(server, start, name):
    at = limited(server(name), start, row_limit={"rows": 10})
    with connection(at) as client:
        assert binary_rows(client, numbers(at, 10)) == 10
        for count in (11, 1_000_000):
            with pytest.raises(pymysql.Error) as failure:
                binary_rows(client, numbers(at, count))
            assert code_of(failure.value) == "1104"
            assert binary_rows(client, numbers(at, 3)) == 3
    assert cuts(at, "row_limit") == 2


@pytest.mark.parametrize("name", ["pg15", "mariadb", "mysql"])
def test_an_answer_of_too_many_bytes(server, start, name):
    at = limited(server(name), start, result_limit={"bytes": "64KiB"})
    with connection(at) as client:
        assert len(rows(client, numbers(at, 50, 1000))) == 50
        for query in (numbers(at, 100, 1000), numbers(at, 1, 100_000), numbers(at, 1_000_000, 1000)):
            with pytest.raises(ERRORS) as failure:
                rows(client, query)
            assert code_of(failure.value) == too_large(at)
            assert value(client, "SELECT 7") == 7
    assert cuts(at, "result_limit") == 3


def test_the_servers_own_clients(any_server, start):
    at = limited(any_server, start, row_limit={"rows": 5})
    done = psql(at, numbers(at, 6) + ";") if at.postgresql else mysql(at, numbers(at, 6))
    assert done.returncode != 0
    assert "row_limit" in done.stderr or "5 rows" in done.stderr
    done = psql(at, numbers(at, 5) + ";") if at.postgresql else mysql(at, numbers(at, 5))
    assert done.returncode == 0 and done.stdout.split() == ["x"] * 5


def test_within_a_transaction(any_server, start):
    """As after an error of the server: PostgreSQL's transaction has failed, MySQL's goes on."""
    at = limited(any_server, start, row_limit={"rows": 10})
    with connection(at) as client:
        rows(client, "DELETE FROM scratch WHERE id = 7101")
        rows(client, "BEGIN")
        rows(client, "INSERT INTO scratch (id) VALUES (7101)")
        with pytest.raises(ERRORS):
            rows(client, numbers(at, 100_000))
        if at.postgresql:
            with pytest.raises(ERRORS) as failure:
                rows(client, "SELECT 1")
            assert code_of(failure.value) == "25P02"
            rows(client, "COMMIT")  # which is a rollback then
            assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = 7101") == 0
        else:
            assert value(client, "SELECT 1") == 1
            rows(client, "COMMIT")
            assert value(client, "SELECT COUNT(*) FROM scratch WHERE id = 7101") == 1
        rows(client, "DELETE FROM scratch WHERE id = 7101")


@pytest.mark.parametrize("count", [11, 5_000_000])
def test_what_stands_behind_a_cut_answer_is_not_committed_unseen(server, start, count):
    """It did not run, or the connection is over, which leaves the client to ask."""
    at = limited(server("pg15"), start, row_limit={"rows": 10})
    with connection(at) as client:
        rows(client, "DELETE FROM scratch WHERE id = 7102")
        with pytest.raises(ERRORS) as failure:
            client.execute(f"{numbers(at, count)}; INSERT INTO scratch (id) VALUES (7102)")
        assert code_of(failure.value) in ("54000", None) or client.broken
        over = client.broken
    with connection(at) as other:
        done = value(other, "SELECT COUNT(*) FROM scratch WHERE id = 7102")
        assert over or done == 0
        rows(other, "DELETE FROM scratch WHERE id = 7102")


def test_a_cursor_reads_a_large_result_in_small_answers(server, start):
    at = limited(server("pg15"), start, row_limit={"rows": 100})
    with psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password, dbname=at.database,
                         sslmode="disable") as client:
        with client.cursor("reader") as cursor:
            cursor.itersize = 100
            cursor.execute(numbers(at, 1000))
            assert sum(1 for _ in cursor) == 1000
    assert cuts(at, "row_limit") == 0


def test_asyncpg_fetches_and_cursors(server, start):
    at = limited(server("pg15"), start, row_limit={"rows": 50})

    async def work():
        client = await asyncpg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                       database=at.database, ssl=False)
        assert len(await client.fetch(numbers(at, 50))) == 50
        with pytest.raises(asyncpg.PostgresError) as failure:
            await client.fetch(numbers(at, 51))
        assert failure.value.sqlstate == "54000"
        async with client.transaction():
            assert len([one async for one in client.cursor(numbers(at, 500), prefetch=50)]) == 500
        assert await client.fetchval("SELECT 7") == 7
        await client.close()

    asyncio.run(work())
    assert cuts(at, "row_limit") == 1


def test_copy_out_counts_its_bytes(server, start):
    at = limited(server("pg15"), start, result_limit={"bytes": "100KiB"})
    with connection(at) as client:
        with client.cursor() as cursor:
            with cursor.copy(f"COPY ({numbers(at, 50, 1000)}) TO STDOUT") as copy:
                assert sum(len(block) for block in copy) > 50_000
            with pytest.raises(ERRORS) as failure:
                with cursor.copy(f"COPY ({numbers(at, 1_000_000, 1000)}) TO STDOUT") as copy:
                    for _ in copy:
                        pass
            assert code_of(failure.value) == "54000"
        assert value(client, "SELECT 7") == 7
    assert cuts(at, "result_limit") == 1


def test_the_backend_goes_on_to_serve_others(any_server, start):
    at = limited(any_server, start, pool_size=1, row_limit={"rows": 10})
    for _ in range(20):
        with connection(at) as client:
            with pytest.raises(ERRORS):
                rows(client, numbers(at, 200_000))
            # A cancel that came late would meet one of these.
            for number in range(5):
                assert value(client, f"SELECT {number}") == number
    assert cuts(at, "row_limit") == 20


def test_the_shorter_of_two_limits_holds(any_server, start):
    at = start(any_server, pool_size=2, route={"middleware": [{"row_limit": {"rows": 5}}]},
               extra={"middleware": [{"row_limit": {"rows": 100}}, {"result_limit": {"bytes": "1MiB"}}]})
    with connection(at) as client:
        assert len(rows(client, numbers(at, 5))) == 5
        with pytest.raises(ERRORS):
            rows(client, numbers(at, 6))
    assert at.sluice.metric("sluice_middleware_cut_total", middleware="row_limit", route="all") == 1
    assert cuts(at, "row_limit") + cuts(at, "result_limit") == 1
