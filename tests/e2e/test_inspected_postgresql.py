"""Requests that middleware refuses, rewrites or cuts, in every way that PostgreSQL sends requests:
simple, extended, pipelined, in and out of a transaction. The server and the client must agree on what
became of the transaction.
"""

import asyncio

import asyncpg
import psycopg
import pytest
from clients import pg_connection, psql, rows, value

pytestmark = pytest.mark.proxy_only

IDLE, IN_TRANSACTION, FAILED = (psycopg.pq.TransactionStatus.IDLE, psycopg.pq.TransactionStatus.INTRANS,
                                psycopg.pq.TransactionStatus.INERROR)
RULES = {"statement_rules": [{"deny": "forbidden", "message": "not here"}]}


@pytest.fixture(params=["pg15", "pg18"])
def ruled(request, server, start):
    return start(server(request.param), pool_size=2, extra={"middleware": [RULES]})


def count(at, number: int) -> int:
    with pg_connection(at) as other:
        return value(other, f"SELECT count(*) FROM scratch WHERE id = {number}")


def forget(client, number: int) -> None:
    client.execute(f"DELETE FROM scratch WHERE id = {number}")


def refuse(client, prepare: bool) -> None:
    with pytest.raises(psycopg.Error) as failure:
        client.execute("SELECT 1 AS forbidden", prepare=prepare)
    assert failure.value.sqlstate == "42501" and "not here" in str(failure.value)


@pytest.mark.parametrize("prepare", [False, True])
@pytest.mark.sanitized
def test_a_refusal_fails_the_transaction_for_both_sides(ruled, prepare):
    with pg_connection(ruled) as client:
        forget(client, 8101)
        refuse(client, prepare)
        assert client.info.transaction_status == IDLE
        client.execute("BEGIN")
        client.execute("INSERT INTO scratch (id) VALUES (8101)")
        refuse(client, prepare)
        assert client.info.transaction_status == FAILED
        with pytest.raises(psycopg.errors.InFailedSqlTransaction):
            client.execute("SELECT 1")
        refuse(client, prepare)  # in the failed transaction, too
        assert client.info.transaction_status == FAILED
        assert client.execute("COMMIT").statusmessage == "ROLLBACK"
        assert client.info.transaction_status == IDLE
    assert count(ruled, 8101) == 0


def test_a_savepoint_brings_the_transaction_back(ruled):
    with pg_connection(ruled, autocommit=False) as client:
        forget(client, 8102)
        client.execute("INSERT INTO scratch (id) VALUES (8102)")
        with pytest.raises(psycopg.Error), client.transaction():
            client.execute("SELECT 1 AS forbidden")
        assert client.info.transaction_status == IN_TRANSACTION
        client.commit()
        assert count(ruled, 8102) == 1
        forget(client, 8102)


def test_a_pipeline_ends_at_the_refused_statement(ruled):
    with pg_connection(ruled) as client:
        forget(client, 8103)
        with pytest.raises(psycopg.Error) as failure, client.pipeline() as pipeline:
            client.execute("INSERT INTO scratch (id) VALUES (8103)")
            refused = client.execute("SELECT %s AS forbidden", [1])
            client.execute("INSERT INTO scratch (id) VALUES (8103)")
            pipeline.sync()
            refused.fetchall()
        assert failure.value.sqlstate == "42501"
        with client.pipeline():  # and the next one works
            assert client.execute("SELECT 7").fetchone() == (7,)
    assert count(ruled, 8103) == 0  # what stood before it in its batch is rolled back


def test_asyncpg_goes_on_after_refusals(ruled):
    async def work():
        client = await asyncpg.connect(host=ruled.host, port=ruled.port, user=ruled.user, password=ruled.password,
                                       database=ruled.database, ssl=False)
        for _ in range(3):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await client.fetch("SELECT $1::int AS forbidden", 1)
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await client.execute("SELECT 1 AS forbidden")
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                async with client.transaction():
                    await client.fetch("SELECT 1 AS forbidden")
            assert await client.fetchval("SELECT $1::int", 7) == 7
        await client.close()

    asyncio.run(work())


def test_psql_sees_errors_of_a_script_in_their_turn(ruled):
    done = psql(ruled, "SELECT 1; SELECT 2 AS forbidden; SELECT 3;")
    assert done.returncode == 3 and done.stdout.split() == ["1"] and "not here" in done.stderr


def test_a_refused_statement_takes_no_backend(server, start):
    at = start(server("pg15"), pool_size=1, extra={"middleware": [RULES]})
    with pg_connection(at) as holder, pg_connection(at) as client:
        holder.execute("BEGIN")
        holder.execute("SELECT 1")
        for prepare in (False, True):  # the one backend is taken: they would wait for it
            refuse(client, prepare)
        holder.execute("ROLLBACK")


def test_rewritten_statements_are_prepared_and_found_again(server, start):
    at = start(server("pg15"), pool_size=2, route={"middleware": [{"tag": {"values": {"team": "pets"}}}]})
    with pg_connection(at) as client:
        for number in range(20):
            assert client.execute("SELECT %s::int + 1", [number], prepare=True).fetchone() == (number + 1,)
            assert value(client, f"SELECT {number} -- a comment") == number
        assert "team" in value(client, "SELECT current_query() /* mine */")
        seen = rows(client, "SELECT query FROM pg_stat_activity WHERE query LIKE '%pg_stat_activity%'")
        assert any("team" in text for (text,) in seen)
        with pytest.raises(psycopg.errors.UndefinedColumn) as failure:
            client.execute("SELECT nothing")
        assert failure.value.diag.statement_position == "8"  # of the text that the client wrote


# ---- results that are cut

@pytest.fixture
def cut(server, start):
    return start(server("pg15"), pool_size=2, extra={"middleware": [{"row_limit": {"rows": 10}}]})


MANY = "SELECT * FROM generate_series(1, {})"


@pytest.mark.parametrize("many", [11, 1000, 5_000_000])
@pytest.mark.parametrize("prepare", [False, True])
def test_a_cut_result_fails_the_transaction_for_both_sides(cut, many, prepare):
    """However late the server hears of it: with few rows it has ended the statement by then."""
    with pg_connection(cut) as client:
        forget(client, 8104)
        for _ in range(3):
            client.execute("BEGIN")
            client.execute("INSERT INTO scratch (id) VALUES (8104)")
            with pytest.raises(psycopg.Error) as failure:
                client.execute(MANY.format(many), prepare=prepare)
            assert failure.value.sqlstate == "54000"
            assert client.info.transaction_status == FAILED
            assert client.execute("COMMIT").statusmessage == "ROLLBACK"
            with pytest.raises(psycopg.Error):  # and outside of one
                client.execute(MANY.format(many), prepare=prepare)
            assert client.info.transaction_status == IDLE
            assert value(client, "SELECT 7") == 7
    assert count(cut, 8104) == 0


@pytest.mark.parametrize("many", [11, 1000, 5_000_000])
def test_what_a_pipeline_did_is_rolled_back_or_the_connection_ends(cut, many):
    with pg_connection(cut) as client:
        forget(client, 8105)
        with pytest.raises(psycopg.Error), client.pipeline() as pipeline:
            client.execute("INSERT INTO scratch (id) VALUES (8105)")
            client.execute(MANY.format(many))
            client.execute("INSERT INTO scratch (id) VALUES (8105)")
            pipeline.sync()
        ended = client.broken  # it cannot know what became of it, and is told so
    assert count(cut, 8105) == 0 or ended
    with pg_connection(cut) as other:
        forget(other, 8105)


def test_a_returning_that_was_committed_ends_the_connection(cut):
    with pg_connection(cut) as client:
        client.execute("DELETE FROM scratch WHERE id BETWEEN 8200 AND 8300")
        with pytest.raises(psycopg.Error):
            client.execute("INSERT INTO scratch (id) SELECT * FROM generate_series(8200, 8215) RETURNING id")
        ended = client.broken
    with pg_connection(cut) as other:
        kept = value(other, "SELECT count(*) FROM scratch WHERE id BETWEEN 8200 AND 8300")
        assert kept == 0 or ended
        other.execute("DELETE FROM scratch WHERE id BETWEEN 8200 AND 8300")


def test_asyncpg_goes_on_after_cut_results(cut):
    async def work():
        client = await asyncpg.connect(host=cut.host, port=cut.port, user=cut.user, password=cut.password,
                                       database=cut.database, ssl=False)
        for many in (11, 1000, 1_000_000):
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                await client.fetch(MANY.format(many))
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                await client.execute(MANY.format(many))
            with pytest.raises(asyncpg.ProgramLimitExceededError):
                async with client.transaction():
                    await client.fetch(MANY.format(many))
            assert len(await client.fetch(MANY.format(10))) == 10
        await client.close()

    asyncio.run(work())
