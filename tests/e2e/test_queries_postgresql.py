"""What a PostgreSQL client may send, and that it gets the server's own answer."""

import threading
import time

import psycopg
import pytest
from clients import pg_connection, psql, psql_value, rows, value


def test_simple_query_with_several_statements(pg):
    done = psql(pg, "SELECT 1; SELECT 2\\; SELECT 3;")
    assert done.stdout.split() == ["1", "2", "3"]


def test_types_and_nulls(pg):
    with pg_connection(pg) as client:
        row = rows(client, "SELECT NULL::int, 'grüße', 1.5::numeric, '{1,2}'::int[], ''::text")[0]
    assert row[0] is None and row[1] == "grüße" and str(row[2]) == "1.5" and row[3] == [1, 2]
    assert row[4] == ""


def test_extended_query_binary_and_text(pg):
    with pg_connection(pg) as client:
        for binary in (True, False):
            with client.cursor(binary=binary) as cursor:
                cursor.execute("SELECT %s::int8 + 1, %s::text", (2**40, "x"), prepare=False)
                assert cursor.fetchone() == (2**40 + 1, "x")


def test_an_error_keeps_its_fields_and_the_connection(pg):
    with pg_connection(pg) as client:
        for _ in range(3):
            with pytest.raises(psycopg.errors.UniqueViolation) as failure:
                rows(client, "INSERT INTO users (id, name) VALUES (1, 'again')")
            assert failure.value.diag.constraint_name == "users_pkey"
            assert failure.value.diag.table_name == "users"
            with pytest.raises(psycopg.errors.SyntaxError) as failure:
                rows(client, "SELEKT 1")
            assert failure.value.diag.statement_position == "1"
        assert value(client, "SELECT 1") == 1


def test_notices(pg):
    with pg_connection(pg) as client:
        heard = []
        client.add_notice_handler(lambda notice: heard.append(notice.message_primary))
        rows(client, "DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$")
        assert heard == ["one", "two"]


def test_pipeline_with_an_error_until_sync(pg):
    with pg_connection(pg) as client:
        with pytest.raises(psycopg.errors.DivisionByZero), client.pipeline() as pipeline:
            first = client.execute("SELECT 1")
            client.execute("SELECT 1/0")
            client.execute("INSERT INTO scratch VALUES (-1, 'must not be there')")
            pipeline.sync()
        assert first.fetchone() == (1,)
        assert value(client, "SELECT count(*) FROM scratch WHERE id = -1") == 0
        with client.pipeline():
            answers = [client.execute("SELECT %s::int", (n,)) for n in range(500)]
        assert [a.fetchone()[0] for a in answers] == list(range(500))


def test_large_result_and_large_parameter(pg):
    with pg_connection(pg) as client:
        big = "x" * (20 << 20)
        assert value(client, "SELECT repeat('x', 20 << 20)") == big
        assert value(client, "SELECT length(%s)", (big,)) == len(big)
        assert value(client, f"SELECT length('{big}')") == len(big)


def test_many_rows(pg):
    with pg_connection(pg) as client, client.cursor() as cursor:
        cursor.execute("SELECT n, md5(n::text) FROM generate_series(1, 200000) AS n")
        assert sum(row[0] for row in cursor) == 200000 * 200001 // 2


def test_a_client_that_reads_slowly_gets_everything(pg):
    with pg_connection(pg) as client, client.cursor() as cursor:
        total = 0
        for n, row in enumerate(cursor.stream("SELECT n FROM generate_series(1, 60000) AS n")):
            total += row[0]
            if n % 20000 == 0:
                time.sleep(0.1)
        assert total == 60000 * 60001 // 2


def test_portal_with_a_row_limit(pg):
    """Execute with a limit leaves PortalSuspended and an open portal in the transaction."""
    import asyncio

    import asyncpg

    async def read():
        client = await asyncpg.connect(host=pg.host, port=pg.port, user=pg.user,
                                       password=pg.password, database=pg.database, ssl=False)
        async with client.transaction():
            got = [r[0] async for r in client.cursor("SELECT generate_series(1, 1000)", prefetch=70)]
        await client.close()
        return got

    assert asyncio.run(read()) == list(range(1, 1001))


def test_copy_out(pg):
    with pg_connection(pg) as client, client.cursor() as cursor:
        with cursor.copy("COPY (SELECT generate_series(1, 100000)) TO STDOUT") as copy:
            data = b"".join(copy)
        assert data == "".join(f"{n}\n" for n in range(1, 100001)).encode()
        assert value(client, "SELECT 1") == 1


def test_copy_in_kept_refused_and_broken_off(pg):
    with pg_connection(pg) as client, client.cursor() as cursor:
        rows(client, "TRUNCATE scratch")
        with cursor.copy("COPY scratch FROM STDIN") as copy:
            for n in range(50000):
                copy.write_row((n, f"row {n}"))
        assert value(client, "SELECT count(*) FROM scratch") == 50000
        with pytest.raises(psycopg.errors.UniqueViolation):
            with cursor.copy("COPY scratch FROM STDIN") as copy:
                copy.write(b"1\tagain\n")
        with pytest.raises(psycopg.errors.QueryCanceled), cursor.copy("COPY scratch FROM STDIN") as copy:
            copy.write(b"-5\tnever\n")
            raise psycopg.errors.QueryCanceled("given up")
        assert value(client, "SELECT count(*) FROM scratch WHERE id < 0") == 0
        rows(client, "TRUNCATE scratch")


def test_copy_by_psql(pg):
    text = "".join(f"{n}\tpsql\n" for n in range(1000, 1100))
    psql_value(pg, f"\\copy scratch from stdin\n{text}\\.\n")
    assert psql_value(pg, "SELECT count(*) FROM scratch WHERE note = 'psql'") == "100"
    psql_value(pg, "DELETE FROM scratch WHERE note = 'psql'")


def test_transaction_commit_rollback_and_savepoint(pg):
    with pg_connection(pg, autocommit=False) as client:
        rows(client, "INSERT INTO scratch VALUES (-10, 'a')")
        rows(client, "SAVEPOINT s")
        with pytest.raises(psycopg.errors.UniqueViolation):
            rows(client, "INSERT INTO scratch VALUES (-10, 'b')")
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            rows(client, "SELECT 1")
        rows(client, "ROLLBACK TO s")
        assert value(client, "SELECT note FROM scratch WHERE id = -10") == "a"
        client.rollback()
        assert value(client, "SELECT count(*) FROM scratch WHERE id = -10") == 0


def test_listen_and_notify(pg):
    with pg_connection(pg) as listener, pg_connection(pg) as speaker:
        rows(listener, "LISTEN news")
        for other in range(3):  # others come and go; the listener must keep its backend
            assert value(speaker, "SELECT %s::int", (other,)) == other
        rows(speaker, "NOTIFY news, 'hello'")
        heard = [n.payload for n in listener.notifies(timeout=5, stop_after=1)]
        assert heard == ["hello"]
        with pg_connection(pg) as third:
            assert rows(third, "SELECT pg_listening_channels()") == []


def test_function_call_message(pg):
    """Large objects in libpq go through FunctionCall."""
    import psycopg2

    client = psycopg2.connect(host=pg.host, port=pg.port, user=pg.user, password=pg.password,
                              dbname=pg.database, sslmode="disable")
    blob = client.lobject(0, "wb")
    blob.write(b"bytes of a large object" * 1000)
    number = blob.oid
    blob.close()
    client.commit()
    assert client.lobject(number, "rb").read() == b"bytes of a large object" * 1000
    client.lobject(number).unlink()
    client.commit()
    client.close()


def test_server_side_cursor_in_a_transaction_and_with_hold(pg):
    with pg_connection(pg, autocommit=False) as client:
        with client.cursor(name="walk") as cursor:
            cursor.itersize = 100
            cursor.execute("SELECT generate_series(1, 1000)")
            assert [r[0] for r in cursor] == list(range(1, 1001))
        client.rollback()
        with client.cursor(name="held", withhold=True) as cursor:
            cursor.execute("SELECT generate_series(1, 500)")
            client.commit()
            assert len(cursor.fetchall()) == 500
        client.commit()


def test_empty_query(pg):
    with pg_connection(pg) as client:
        rows(client, "")
        rows(client, ";")
        assert value(client, "SELECT 1") == 1


def test_asyncpg_prepares_and_caches(pg):
    import asyncio

    import asyncpg

    async def work():
        opened = [await asyncpg.connect(host=pg.host, port=pg.port, user=pg.user, ssl=False,
                                        password=pg.password, database=pg.database) for _ in range(6)]
        for turn in range(20):
            got = await asyncio.gather(*(
                c.fetchval("SELECT $1::int * 10 + $2::int", n, turn % 10) for n, c in enumerate(opened)))
            assert got == [n * 10 + turn % 10 for n in range(6)]
        for c in opened:
            await c.close()

    asyncio.run(work())


def test_a_pool_of_asyncpg_tidies_its_connections(pg):
    """Its last word to each is a text that ends with RESET ALL."""
    import asyncio

    import asyncpg

    async def work():
        async with asyncpg.create_pool(
                host=pg.host, port=pg.port, user=pg.user, ssl=False, password=pg.password, database=pg.database,
                min_size=2, max_size=6, server_settings={"application_name": "tidy", "work_mem": "7MB"}) as pool:
            for turn in range(5):
                async with pool.acquire() as client:
                    await client.execute("SET work_mem = '9MB'")
                    await client.add_listener("tidy", print)
                    await client.execute("SELECT pg_advisory_lock(4712)")
                    await client.remove_listener("tidy", print)
                seen = await asyncio.gather(*(pool.fetchval("SHOW work_mem") for _ in range(12)))
                assert set(seen) == {"7MB"}
                locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 4712"
                assert await pool.fetchval(locks) == 0

    asyncio.run(work())


def test_parameter_status_reaches_the_client(pg):
    with pg_connection(pg) as client:
        assert client.info.server_version // 10000 == (15 if pg.name == "pg15" else 18)
        assert client.info.parameter_status("integer_datetimes") == "on"
        rows(client, "SET TimeZone = 'Asia/Seoul'")
        assert client.info.parameter_status("TimeZone") == "Asia/Seoul"


def test_concurrent_clients_get_their_own_answers(pg):
    wrong = []

    def client(number):
        with pg_connection(pg) as mine:
            for turn in range(60):
                tag = f"{number}-{turn}"
                if value(mine, "SELECT %s::text || ''", (tag,)) != tag:
                    wrong.append(tag)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
