"""Prepared statements of the protocols on a pool whose backends change under the client."""

import threading
from contextlib import ExitStack

import psycopg
import pytest
from clients import backend_id, my_connection, pg_connection, rows, value
from conftest import MYSQL, POSTGRESQL
from mysql.connector import connect as connect_mysql

pytestmark = pytest.mark.sanitized


def prepared_psycopg(at):
    return pg_connection(at, prepare_threshold=0)


def connector(at):
    return connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password,
                         database=at.database, use_pure=True, autocommit=True)


class Occupied:
    """Keeps backends busy with open transactions, so that others are given different ones."""

    def __init__(self, at, count: int):
        self.at, self.count, self.stack = at, count, ExitStack()

    def __enter__(self):
        opens = pg_connection if self.at.postgresql else my_connection
        for _ in range(self.count):
            client = self.stack.enter_context(opens(self.at))
            rows(client, "BEGIN")
            value(client, "SELECT 1")
        return self

    def __exit__(self, *_):
        self.stack.close()


@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_postgresql_statement_follows_its_client(server, start, name):
    at = start(server(name), pool_size=3)
    with prepared_psycopg(at) as client:
        seen = set()
        for busy in (0, 1, 2, 0, 1, 2):
            with Occupied(at, busy):
                got = rows(client, "SELECT %s::int * 2, inet_client_port()", (busy,))[0]
                assert got[0] == busy * 2
                seen.add(got[1])
        if at.sluice:
            assert len(seen) >= 2, "the test did not make the backend change"


@pytest.mark.parametrize("name", POSTGRESQL)
def test_the_same_name_means_each_clients_own_statement(server, start, name):
    at = start(server(name), pool_size=2)
    with pg_connection(at) as one, pg_connection(at) as two:
        one.pgconn.prepare(b"s", b"SELECT 'one' || $1::text")
        two.pgconn.prepare(b"s", b"SELECT 'two' || $1::text")
        for turn in range(10):
            mark = str(turn).encode()
            assert one.pgconn.exec_prepared(b"s", [mark]).get_value(0, 0) == b"one" + mark
            assert two.pgconn.exec_prepared(b"s", [mark]).get_value(0, 0) == b"two" + mark
        again = one.pgconn.prepare(b"s", b"SELECT 1")
        assert again.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42P05"
        missing = two.pgconn.exec_prepared(b"other", [b"x"])
        assert missing.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"26000"
        assert two.pgconn.describe_prepared(b"s").nparams == 1


@pytest.mark.parametrize("name", POSTGRESQL)
def test_more_statements_than_a_backend_keeps(server, start, name):
    at = start(server(name), pool_size=2, max_prepared_statements=10)
    with pg_connection(at) as client:
        for number in range(60):
            client.pgconn.prepare(b"s%d" % number, b"SELECT %d + $1::int" % number)
        for turn in range(2):
            for number in range(60):
                got = client.pgconn.exec_prepared(b"s%d" % number, [b"%d" % turn])
                assert got.get_value(0, 0) == b"%d" % (number + turn), got.error_message
    if at.sluice:
        with pg_connection(at) as client:
            assert value(client, "SELECT count(*) FROM pg_prepared_statements") <= 10


@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_statement_that_a_change_of_schema_made_stale(server, start, name):
    at = start(server(name), pool_size=2)
    with prepared_psycopg(at) as client:
        rows(client, "DROP TABLE IF EXISTS changing")
        rows(client, "CREATE TABLE changing (a int)")
        for _ in range(3):
            assert rows(client, "SELECT * FROM changing") == []
        rows(client, "ALTER TABLE changing ADD COLUMN b int")
        try:
            rows(client, "SELECT * FROM changing")
        except psycopg.errors.FeatureNotSupported as failure:  # as a server says it without a pool
            assert "cached plan" in str(failure)
        assert value(client, "SELECT 1") == 1
        rows(client, "DROP TABLE changing")


@pytest.mark.parametrize("name", POSTGRESQL)
def test_prepare_fails_and_the_name_stays_free(server, start, name):
    at = start(server(name), pool_size=2)
    with pg_connection(at) as client:
        wrong = client.pgconn.prepare(b"s", b"SELECT nonsense FROM nowhere")
        assert wrong.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42P01"
        client.pgconn.prepare(b"s", b"SELECT 'right'::text")
        assert client.pgconn.exec_prepared(b"s", None).get_value(0, 0) == b"right"


@pytest.mark.parametrize("name", MYSQL)
def test_a_mysql_statement_follows_its_client(server, start, name):
    at = start(server(name), pool_size=3)
    client = connector(at)
    cursor = client.cursor(prepared=True)
    for busy in (0, 1, 2, 0, 1, 2):
        with Occupied(at, busy):
            cursor.execute("SELECT ? * 2", (busy,))
            assert int(cursor.fetchone()[0]) == busy * 2
    client.close()
    if at.sluice:
        prepared = at.sluice.metric("sluice_prepared_cache_total", result="miss")
        assert prepared >= 2, "the test did not make the backend change"


@pytest.mark.parametrize("name", MYSQL)
def test_many_clients_prepare_the_same_and_different(server, start, name):
    at, wrong = start(server(name), pool_size=3, max_prepared_statements=8), []

    def work(number):
        client = connector(at)
        cursors = [client.cursor(prepared=True) for _ in range(5)]
        for turn in range(10):
            for place, cursor in enumerate(cursors):
                cursor.execute(f"SELECT ? + {place}, {number}", (turn,))
                if tuple(int(v) for v in cursor.fetchone()) != (turn + place, number):
                    wrong.append((number, turn, place))
        client.close()

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.parametrize("name", POSTGRESQL)
def test_deallocate_all_and_discard_in_sql(server, start, name):
    """Drivers send them on reset; the protocol's statements are gone for this client only."""
    at = start(server(name), pool_size=1)
    with pg_connection(at) as one, pg_connection(at) as two:
        one.pgconn.prepare(b"mine", b"SELECT 1")
        two.pgconn.prepare(b"mine", b"SELECT 2")
        rows(one, "DEALLOCATE ALL")
        gone = one.pgconn.exec_prepared(b"mine", None)
        assert gone.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"26000"
        assert two.pgconn.exec_prepared(b"mine", None).get_value(0, 0) == b"2"
        one.pgconn.prepare(b"mine", b"SELECT 3")
        assert one.pgconn.exec_prepared(b"mine", None).get_value(0, 0) == b"3"
        assert backend_id(one) > 0
