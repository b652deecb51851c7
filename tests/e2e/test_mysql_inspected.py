"""Middleware over MySQL's protocol: late cancels, what runs unseen, texts that are too long to be shown."""

import random
from contextlib import contextmanager

import pymysql
import pytest
from clients import my_connection, rows, value
from conftest import Endpoint
from harness import tokens
from pymysql.constants import CLIENT

pytestmark = pytest.mark.proxy_only

ENDED = (2006, 2013, 0)  # what PyMySQL says of a connection that was closed


@pytest.fixture(params=["mariadb", "mysql"])
def my_server(server, request):
    return server(request.param)


def chained(server, start, *chain, **options):
    return start(server, extra={"middleware": list(chain), **options.pop("extra", {})}, **options)


def my_server_itself(server) -> Endpoint:
    return Endpoint(server, server.port)


@contextmanager
def with_token(at, bearer: str):
    one = pymysql.connect(host=at.host, port=at.port, user=at.user, password=at.password, database=at.database,
                          autocommit=True, defer_connect=True)
    one._connect_attrs["sluice.token"] = bearer
    one.connect()
    try:
        yield one
    finally:
        one.close()


def digits(count: int, width: int = 1) -> str:
    ten = "(SELECT 0 AS d UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 " \
          "UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9)"
    return f"SELECT REPEAT('x', {width}) FROM {ten} a, {ten} b, {ten} c, {ten} d, {ten} e LIMIT {count}"


def has_row(at, number: int) -> bool:
    with my_connection(at) as other:
        return value(other, f"SELECT COUNT(*) FROM scratch WHERE id = {number}") == 1


def test_a_late_cancel_hits_nobody(my_server, start):
    at = chained(my_server, start, {"row_limit": {"rows": 10}}, pool_size=2)
    dice = random.Random(5)
    with my_connection(at, autocommit=False) as client:
        rows(client, "DELETE FROM scratch WHERE id BETWEEN 7300 AND 7999")
        client.commit()
        for number in range(7300, 7400):
            with pytest.raises(pymysql.err.Error) as cut:
                rows(client, digits(dice.choice([11, 300, 5_000, 20_000]), dice.choice([1, 200])))
            assert cut.value.args[0] == 1104
            assert value(client, f"SELECT {number}") == number
            rows(client, f"INSERT INTO scratch (id) VALUES ({number})")
        client.commit()
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id BETWEEN 7300 AND 7999") == 100
        rows(client, "DELETE FROM scratch WHERE id BETWEEN 7300 AND 7999")
        client.commit()


def test_outside_of_transactions_too(my_server, start):
    at = chained(my_server, start, {"result_limit": {"bytes": "1KiB"}}, pool_size=1)
    dice = random.Random(6)
    with my_connection(at) as client, my_connection(at) as other:
        for number in range(60):
            with pytest.raises(pymysql.err.Error) as cut:
                rows(client, digits(dice.choice([2_000, 20_000, 90_000]), 100))
            assert cut.value.args[0] == 1104
            assert value(other, f"SELECT {number}") == number
            assert value(client, f"SELECT {number}") == number


@pytest.mark.parametrize("how", ["statements", "procedure"])
def test_what_stands_behind_a_cut_takes_no_effect_unseen(my_server, start, how):
    at = chained(my_server, start, {"row_limit": {"rows": 5}}, pool_size=2)
    with my_connection(at) as client:
        rows(client, "DELETE FROM scratch WHERE id BETWEEN 7400 AND 7449")
        rows(client, "DROP PROCEDURE IF EXISTS behind_a_cut")
        rows(client, "CREATE PROCEDURE behind_a_cut(n INT, w BIGINT) BEGIN "
                     f"SELECT d FROM ({digits(90_000).replace('SELECT REPEAT', 'SELECT 1 AS d, REPEAT')}) t LIMIT n; "
                     "INSERT INTO scratch (id) VALUES (w); END")
    for number in range(7400, 7420):
        count = 6 if number % 2 else 90_000
        text = f"{digits(count, 50)}; INSERT INTO scratch (id) VALUES ({number})" if how == "statements" \
            else f"CALL behind_a_cut({count}, {number})"
        with my_connection(at, client_flag=CLIENT.MULTI_STATEMENTS) as client:
            with pytest.raises(pymysql.err.Error) as cut:
                rows(client, text)
            assert cut.value.args[0] == 1104
            try:
                assert value(client, "SELECT 1") == 1
                alive = True
            except pymysql.err.Error as gone:
                assert gone.args[0] in ENDED
                alive = False
            if alive:
                assert not has_row(at, number)
    with my_connection(at) as client:
        rows(client, "DROP PROCEDURE behind_a_cut")
        rows(client, "DELETE FROM scratch WHERE id BETWEEN 7400 AND 7449")


def test_what_a_procedure_changes_comes_back(my_server, start):
    at = start(my_server, pool_size=2, route={"middleware": [
        {"require_token": {"hmac_sha256_secret": tokens.SECRET, "expose": {"sub": "app.user"}}}]})
    with my_connection(my_server_itself(my_server)) as owner:
        rows(owner, "DROP PROCEDURE IF EXISTS changes_unseen")
        rows(owner, "CREATE PROCEDURE changes_unseen() SET @app_user = 'eve'")
    with with_token(at, tokens.hs256(sub="ada")) as one:
        assert value(one, "SELECT @app_user") == "ada"
        for statement in ("PREPARE s FROM 'SET @app_user = 1'", "EXECUTE s", "BEGIN NOT ATOMIC SELECT 1; END",
                          "SELECT 1; SET @app_user = 'eve'"):
            with pytest.raises(pymysql.err.Error) as refused:
                rows(one, statement)
            assert refused.value.args[0] == 1142, statement
        rows(one, "CALL changes_unseen()")
        assert value(one, "SELECT @app_user") == "ada"
    with my_connection(my_server_itself(my_server)) as owner:
        rows(owner, "DROP PROCEDURE changes_unseen")


def test_texts_that_are_too_long_to_be_shown(my_server, start):
    at = chained(my_server, start, {"statement_rules": [{"deny": "^drop"}]},
                 extra={"limits": {"max_pinned_buffer": "16KiB"}})
    with my_connection(at) as client:
        assert value(client, f"SELECT LENGTH('{'x' * 15_000}')") == 15_000
        with pytest.raises(pymysql.err.Error) as refused:
            rows(client, f"SELECT LENGTH('{'x' * 900_000}')")
        assert refused.value.args[0] == 1153
        assert value(client, "SELECT 1") == 1


def test_long_texts_go_on_where_nobody_needs_all_of_them(my_server, start):
    at = chained(my_server, start, {"tag": {}}, {"row_limit": {"rows": 1000}},
                 extra={"limits": {"max_pinned_buffer": "16KiB"}})
    with my_connection(at) as client:
        for size in (10, 16_000, 17_000, 300_000, 3_000_000):
            assert value(client, f"SELECT LENGTH('{'x' * size}')") == size
        rows(client, "DELETE FROM scratch WHERE id = 7450")
        rows(client, f"INSERT INTO scratch VALUES (7450, '{'y' * 2_000_000}')")
        assert value(client, "SELECT LENGTH(note) FROM scratch WHERE id = 7450") == 2_000_000
        rows(client, "DELETE FROM scratch WHERE id = 7450")
