"""How each client sends a token, and what sluice check says of options that cannot work."""

import asyncio
import json

import asyncmy
import asyncpg
import pymysql
import pytest
from bearers import by_secret, client, exposed, guarded, refused_because
from clients import my_connection, mysql, psql, psql_value, value
from conftest import config_for
from harness import tokens
from harness.process import remove, scratch, wait_until
from harness.sluice import check
from mysql.connector import connect as connect_mysql
from mysql.connector.errors import Error as ConnectorError
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

pytestmark = pytest.mark.proxy_only


@pytest.fixture
def folder():
    """One that sluice may read."""
    made = scratch("tokens")
    yield made
    remove(made)


def test_psql(server, start):
    at = guarded(server("pg15"), start, by_secret())
    bearer = tokens.hs256()
    assert psql_value(at, "SELECT 1", env={"PGOPTIONS": f"-c sluice.token={bearer}"}) == "1"
    assert psql_value(at, "SELECT 2", options=f"-csluice.token={bearer} -c search_path=pg_catalog") == "2"
    done = psql(at, "SELECT 1")
    assert done.returncode == 2 and "token missing or not valid" in done.stderr
    assert "sluice.token" in done.stderr  # where it is to be sent


def test_mysql_client(server, start):
    at = guarded(server("mysql"), start, by_secret())
    done = mysql(at, "SELECT 1")
    assert done.returncode == 1 and "ERROR 1045 (28000): token missing or not valid" in done.stderr


def test_asyncpg(server, start):
    at = guarded(server("pg15"), start, by_secret())

    async def ask(number: int):
        connection = await asyncpg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                           database=at.database, ssl=False,
                                           server_settings={"sluice.token": bearer})
        try:
            return await connection.fetchval("SELECT $1::int", number)
        finally:
            await connection.close()

    async def run():
        return await asyncio.gather(*(ask(number) for number in range(9)))
    bearer = tokens.hs256()
    assert asyncio.run(run()) == list(range(9))


def test_a_pool_of_asyncpg_keeps_what_is_exposed(server, start):
    """It resets its connections with a text of several statements whenever one is given back."""
    at = guarded(server("pg15"), start, by_secret(expose={"sub": "app.user"}), pool_size=1)

    async def run():
        settings = {"sluice.token": tokens.hs256(sub="ada"), "application_name": "pool"}
        clients = await asyncpg.create_pool(
            host=at.host, port=at.port, user=at.user, password=at.password, database=at.database,
            ssl=False, min_size=2, max_size=2, server_settings=settings)
        async with clients:
            return [await clients.fetchval("SELECT current_setting('app.user')") for _ in range(6)]
    assert asyncio.run(run()) == ["ada"] * 6


def test_sqlalchemy(any_server, start):
    postgresql = any_server.family == "postgresql"
    at = guarded(any_server, start, by_secret(**({} if postgresql else {"parameter": "program_name"})))
    bearer = tokens.hs256()
    arguments = {"options": f"-c sluice.token={bearer}"} if postgresql else {"program_name": bearer}
    engine = create_engine(at.url("postgresql+psycopg" if postgresql else "mysql+pymysql"), poolclass=NullPool,
                           connect_args=arguments)
    with engine.begin() as one:
        assert one.execute(text("SELECT COUNT(*) FROM pets")).scalar() == 3


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_clients_that_send_program_name_alone(server, start, name):
    """PyMySQL and asyncmy have no other attribute of the user's."""
    at = guarded(server(name), start, by_secret(parameter="program_name"))
    bearer = tokens.hs256()
    with my_connection(at, program_name=bearer) as one:
        assert value(one, "SELECT 1") == 1

    async def run():
        connection = await asyncmy.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                           db=at.database, program_name=bearer)
        async with connection.cursor() as cursor:
            await cursor.execute("SELECT 2")
            answer = await cursor.fetchone()
        connection.close()
        return answer
    assert asyncio.run(run()) == (2,)
    with pytest.raises(pymysql.err.Error) as refused:
        with my_connection(at, program_name="mine"):
            pass
    assert refused.value.args[0] == 1045
    assert bearer.split(".")[1] not in at.sluice.log_text()


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_mysql_connector_and_a_change_of_the_user(server, start, name):
    """Its pure Python form sends 255 bytes of attributes at most, so the token is a short one."""
    at = guarded(server(name), start, {"require_token": {
        "tokens": "ada token-of-ada\ngrace token-of-grace", "expose": {"sub": "app.user"}}})

    def allowed() -> float:
        return at.sluice.metric("sluice_middleware_verdicts_total", middleware="require_token", verdict="allowed")

    def user(connection):
        cursor = connection.cursor()
        cursor.execute("SELECT @app_user")
        return cursor.fetchone()[0]

    one = connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password, database=at.database,
                        use_pure=True, conn_attrs={"sluice.token": "token-of-ada"})
    assert user(one) == "ada" and allowed() == 1
    one._conn_attrs["sluice.token"] = "token-of-grace"
    one.cmd_change_user(at.user, at.password, at.database)
    assert user(one) == "grace" and allowed() == 2
    one._conn_attrs["sluice.token"] = "token-of-eve"
    with pytest.raises(ConnectorError) as refused:
        one.cmd_change_user(at.user, at.password, at.database)
    assert refused.value.errno == 1045
    assert refused_because(at, "token_unknown") == 1


def test_a_storm_of_logins(any_server, start, folder):
    key = tokens.EcKey("e1")
    (folder / "jwks.json").write_text(json.dumps({"keys": [key.jwk()]}))
    at = guarded(any_server, start, {"require_token": {"jwks_file": str(folder / "jwks.json")}})
    bearer = key.token()
    for _ in range(40):
        with client(at, bearer) as one:
            assert value(one, "SELECT 1") == 1
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="require_token", verdict="allowed") == 40
    wait_until(lambda: at.sluice.metric("sluice_client_connections") == 0, 5, "all clients are gone")


# ---- what cannot work is said at the start

@pytest.mark.parametrize("options, said", [
    ({"hmac_sha256_secret": "canary-secret"}, "32 bytes"),
    ({}, "what a token is"),
    ({"tokens": "a", "hmac_sha256_secret": tokens.SECRET}, "more than once"),
    ({"jwks_file": "/nonexistent/jwks.json"}, "/nonexistent/jwks.json"),
    ({"tokens": "one two canary-three"}, "line 1"),
    ({"hmac_sha256_secret": tokens.SECRET, "expose": {"sub": "app user"}}, "name of a setting"),
    ({"hmac_sha256_secret": tokens.SECRET, "claims": {"sub": "[a"}}, "pattern"),
])
def test_check_says_what_cannot_work(server, options, said):
    config = {"version": 1, **config_for(server("pg15"), route={"middleware": [{"require_token": options}]})}
    done = check(config)
    assert done.returncode == 1, done.stdout + done.stderr
    assert said in done.stdout + done.stderr
    assert "canary" not in done.stdout + done.stderr


def test_check_names_the_keys_of_a_file_without_a_good_one(server, folder):
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [{**tokens.EcKey("k1").jwk(), "use": "enc"}, {"kty": "oct", "k": "AA"}]}))
    config = {"version": 1, **config_for(server("pg15"), route={
        "middleware": [{"require_token": {"jwks_file": str(file)}}]})}
    done = check(config)
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    assert "key 'k1'" in said and "key number 2" in said and str(file) in said
