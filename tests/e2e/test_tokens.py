"""require_token with real clients: who comes in, who does not, and what becomes of the token."""

import asyncio
import json
import time
from contextlib import contextmanager

import asyncmy
import asyncpg
import psycopg
import pymysql
import pytest
from clients import my_connection, mysql, pg_connection, psql, psql_value, rows, value
from conftest import config_for, pool
from harness import schema, tokens
from harness.process import remove, scratch, wait_until
from harness.sluice import check
from mysql.connector import connect as connect_mysql
from mysql.connector.errors import Error as ConnectorError
from psycopg.pq import ExecStatus, TransactionStatus
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error)


@pytest.fixture
def folder():
    """One that sluice may read."""
    made = scratch("tokens")
    yield made
    remove(made)


def by_secret(**options) -> dict:
    return {"require_token": {"hmac_sha256_secret": tokens.SECRET, **options}}


def guarded(server, start, *chain, route=None, **options):
    return start(server, route={"middleware": list(chain), **(route or {})}, **options)


@contextmanager
def client(at, bearer: str | None, **options):
    """A connection with this token. PyMySQL sends any attribute, but has a name for one alone."""
    if at.postgresql:
        words = [f"-c sluice.token={bearer}"] if bearer is not None else []
        words += [options.pop("options")] if "options" in options else []
        with pg_connection(at, options=" ".join(words), **options) as one:
            yield one
        return
    with my_connection(at, defer_connect=True, **options) as one:
        if bearer is not None:
            one._connect_attrs["sluice.token"] = bearer
        one.connect()
        yield one


def refusal(at, bearer: str | None) -> tuple[str, str]:
    """The code and the text with which a login is refused."""
    with pytest.raises(ERRORS) as refused:
        with client(at, bearer):
            pass
    if at.postgresql:
        return sqlstate_of(at, bearer), str(refused.value)
    return str(refused.value.args[0]), refused.value.args[1]


def sqlstate_of(at, bearer: str | None) -> str:
    """psycopg has no code of a failed login; asyncpg has."""
    async def attempt():
        settings = {} if bearer is None else {"sluice.token": bearer}
        connection = await asyncpg.connect(host=at.host, port=at.port, user=at.user, database=at.database,
                                           password=at.password, server_settings=settings, ssl=False)
        await connection.close()
    with pytest.raises(asyncpg.PostgresError) as refused:
        asyncio.run(attempt())
    return refused.value.sqlstate


def refused_because(at, reason: str) -> float:
    return at.sluice.metric("sluice_middleware_refusals_total", middleware="require_token", reason=reason)


def test_a_good_token_lets_in_and_travels_no_further(any_server, start):
    at = guarded(any_server, start, by_secret(audience="pets"))
    bearer = tokens.hs256(sub="canary-subject", aud=["mail", "pets"])
    with client(at, bearer) as one:
        assert value(one, "SELECT 1") == 1
        if at.postgresql:
            assert value(one, "SELECT current_setting('sluice.token', true)") is None
            rows(one, "CREATE TEMPORARY TABLE pinned (id int)")
            assert value(one, "SELECT current_setting('sluice.token', true)") is None
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="require_token",
                            verdict="allowed") == 1
    log = at.sluice.log_text()
    assert not [part for part in bearer.split(".") if part in log], "a token is never logged"
    assert "canary-subject" not in log


def test_attributes_that_mysql_shows_do_not_hold_it(server, start):
    at = guarded(server("mysql"), start, by_secret())
    with client(at, tokens.hs256()) as one:
        assert value(one, "SELECT 1") == 1
        names = at.server.admin("SELECT GROUP_CONCAT(attr_name) FROM performance_schema.session_connect_attrs")
    assert "sluice" not in names


def test_a_refused_login_touches_no_backend(any_server, start):
    at = guarded(any_server, start, by_secret(audience="pets", issuer="https://id.example.com", leeway="5s"))
    now = int(time.time())
    good = {"aud": "pets", "iss": "https://id.example.com", "sub": "canary-subject"}
    valid = tokens.hs256(**good)
    none = tokens.token(lambda _: b"", {"alg": "none"}, good)
    cases = {
        "token_missing": [None, ""],
        "token_malformed": ["canary", valid + ".", tokens.hs256(**{**good, "exp": str(now + 60)}),
                            tokens.hs256(header={"alg": "HS256", "crit": ["exp"]}, **good)],
        "token_algorithm": [none, tokens.EcKey("1").token(**good)],
        "token_signature": [tokens.hs256("another-secret-of-at-least-32-bytes", **good), valid[:-43]],
        "token_expired": [tokens.hs256(**{**good, "exp": now - 6})],
        "token_not_yet_valid": [tokens.hs256(**good, nbf=now + 60), tokens.hs256(**good, iat=now + 60)],
        "token_issuer": [tokens.hs256(**{**good, "iss": "https://evil.example.com"})],
        "token_audience": [tokens.hs256(**{**good, "aud": "mail"})],
        "token_oversized": ["canary" * 1400] if at.postgresql else [],
    }
    texts = set()
    for reason, bearers in cases.items():
        for bearer in bearers:
            before = refused_because(at, reason)
            code, message = refusal(at, bearer)
            assert code == ("28000" if at.postgresql else "1045"), (reason, message)
            texts.add(message.split("FATAL:")[-1].strip())
            assert refused_because(at, reason) > before, reason
    assert len(texts) == 1, texts  # the client is not told which
    assert "token missing or not valid" in texts.pop()
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 0
    log = at.sluice.log_text()
    for reason in cases:
        assert reason in log or not cases[reason]
    for part in ("canary", *valid.split("."), *none.split(".")[:2]):
        assert part not in log
    with client(at, valid) as one:
        assert value(one, "SELECT 2") == 2


def test_on_refuse_has_the_last_word(any_server, start):
    at = guarded(any_server, start, by_secret(),
                 route={"on_refuse": {"message": "X-Token header invalid", "sqlstate": "28P01", "errno": 1698}})
    code, message = refusal(at, "wrong")
    assert code == ("28P01" if at.postgresql else "1698")
    assert "X-Token header invalid" in message and "not valid" not in message
    assert "token_malformed" in at.sluice.log_text()


def test_a_wrong_password_is_wrong_with_a_good_token(any_server, start):
    at = guarded(any_server, start, by_secret())
    refusal(at.with_(password="wrong"), tokens.hs256())
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="require_token") == 0


def test_tokens_by_a_jwks_file(any_server, start, folder):
    rsa, ec, stranger = tokens.RsaKey("r1"), tokens.EcKey("e1"), tokens.EcKey("e1")
    file = folder / "jwks.json"
    file.write_text(json.dumps({"keys": [rsa.jwk(), ec.jwk(), {"kty": "oct", "kid": "o1", "k": "AA"}]}))
    at = guarded(any_server, start, {"require_token": {"jwks_file": str(file)}})
    for key in (rsa, ec):
        for _ in range(2):  # the second time it is remembered
            with client(at, key.token(sub="x")) as one:
                assert value(one, "SELECT 1") == 1
    for bearer in (stranger.token(sub="x"), tokens.hs256(json.dumps(rsa.jwk())), tokens.EcKey("e2").token()):
        refusal(at, bearer)
    assert refused_because(at, "token_signature") >= 1
    assert refused_because(at, "token_algorithm") >= 1
    assert refused_because(at, "token_unknown") >= 1
    assert "o1" in at.sluice.log_text()  # says which key it cannot use


def test_fixed_tokens_from_a_file(any_server, start, folder):
    file = folder / "tokens"
    file.write_text("# who may come\nreports canary-token-of-reports\ncanary-token-of-nobody\n")
    at = guarded(any_server, start, {"require_token": {"tokens_file": str(file),
                                                       "expose": {"sub": "app.service"}}})
    with client(at, "canary-token-of-reports") as one:
        assert value(one, exposed(at, "app.service")) == "reports"
    refusal(at, "canary-token-of-nobody")  # it has no name to expose
    refusal(at, "reports")
    assert refused_because(at, "token_unknown") >= 1
    assert "canary" not in at.sluice.log_text()


# ---- claims

def exposed(at, name: str) -> str:
    return f"SELECT current_setting('{name}', true)" if at.postgresql else f"SELECT @{name.replace('.', '_')}"


def test_exposed_claims_follow_the_session_over_one_backend(any_server, start):
    at = guarded(any_server, start, by_secret(expose={"sub": "app.user", "roles": "app.roles"}),
                 pool_size=1, extra={"users": [{"name": schema.APP, "password": schema.PASSWORD}]})
    bearers = {name: tokens.hs256(sub=name, roles=["r1", name]) for name in ("ada", "o'grace", "al\"an\\")}
    open_clients = []
    try:
        for name, bearer in bearers.items():
            context = client(at, bearer)
            open_clients.append((name, context, context.__enter__()))
        for _ in range(3):
            for name, _, one in open_clients:
                assert value(one, exposed(at, "app.user")) == name
                assert value(one, exposed(at, "app.roles")) == f"r1,{name}"
    finally:
        for _, context, _ in open_clients:
            context.__exit__(None, None, None)
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 1


def test_who_has_no_claim_sees_none(any_server, start):
    """The backend that has served a session with a claim serves one without."""
    config = config_for(any_server, pool_size=1)
    config["users"].append({"name": schema.OTHER, "password": schema.PASSWORD})
    config["routes"] = [
        {"name": "guarded", "match": {"user": schema.APP}, "pool": "main",
         "middleware": [by_secret(expose={"sub": "app.user"})]},
        {"name": "open", "pool": "main"}]
    at = start(any_server, config=config)
    other = at.with_(user=schema.OTHER)
    with client(at, tokens.hs256(sub="ada")) as one:
        for _ in range(2):
            assert value(one, exposed(at, "app.user")) == "ada"
            with client(other, None) as two:  # for a while: on MySQL what it asks pins it
                assert value(two, exposed(at, "app.user")) in (None, "")
    assert at.sluice.metric("sluice_pool_connections_opened_total") == 1


def changes(at) -> list[str]:
    if at.postgresql:
        return ["SET app.user = 'eve'", "SET SESSION \"app\".\"user\" TO 'eve'", "SET APP.USER = 'eve'",
                "SELECT set_config('app.user', 'eve', false)", "RESET app.user",
                "SET app.user TO DEFAULT"]
    return ["SET @app_user = 'eve'", "SET @APP_USER := 'eve'", "SET @`app_user` = 'eve'",
            "SET @other = 1, @app_user = 'eve'", "SELECT @app_user := 'eve'",
            "SELECT 'eve' INTO @app_user"]


def test_a_client_cannot_change_what_is_exposed(any_server, start):
    at = guarded(any_server, start, by_secret(expose={"sub": "app.user"}))
    with client(at, tokens.hs256(sub="ada")) as one:
        for statement in changes(at):
            with pytest.raises(ERRORS) as refused:
                rows(one, statement)
            code = refused.value.sqlstate if at.postgresql else refused.value.args[0]
            assert code == ("42501" if at.postgresql else 1142), statement
            assert value(one, exposed(at, "app.user")) == "ada", statement
        for harmless in ["RESET ALL", "DISCARD ALL"] if at.postgresql else ["SET @other = 5"]:
            rows(one, harmless)
            assert value(one, exposed(at, "app.user")) == "ada"
        if not at.postgresql:
            one._execute_command(0x1F, "")  # COM_RESET_CONNECTION
            one._read_ok_packet()
            assert value(one, exposed(at, "app.user")) == "ada"


@pytest.mark.parametrize("text_of_several", [
    "RESET ALL; SELECT current_setting('app.user', true) AS seen",
    "RESET ALL; SET work_mem = '1MB'; SELECT current_setting('app.user', true) AS seen",
    "RESET ALL; SELECT current_setting('app.user', true) AS seen; RESET ALL",
    "CLOSE ALL; RESET ALL; SELECT current_setting('app.user', true) AS seen",
    "RESET work_mem; SET work_mem = '2MB'; SELECT current_setting('app.user', true) AS seen",
    "BEGIN; RESET ALL; SELECT current_setting('app.user', true) AS seen; COMMIT",
    "DO $$ BEGIN PERFORM 1; END $$; SELECT current_setting('app.user', true) AS seen",
])
def test_nothing_runs_without_what_is_exposed(server, start, text_of_several):
    at = guarded(server("pg15"), start, by_secret(expose={"sub": "app.user"}))
    with client(at, tokens.hs256(sub="ada")) as one:
        one.pgconn.send_query(text_of_several.encode())
        results = []
        while (result := one.pgconn.get_result()) is not None:
            results.append(result)
        seen = [result.get_value(0, 0) for result in results if result.ntuples and result.fname(0) == b"seen"]
        refused = [result for result in results if result.status == ExecStatus.FATAL_ERROR]
        assert refused or seen
        assert set(seen) <= {b"ada"}
        if one.info.transaction_status != TransactionStatus.IDLE:
            rows(one, "ROLLBACK")
        with one.transaction():
            rows(one, "RESET ALL")
            assert value(one, exposed(at, "app.user")) == "ada"


def test_a_startup_parameter_cannot_change_what_is_exposed(server, start):
    at = guarded(server("pg15"), start, by_secret(expose={"sub": "app.user"}))
    with pytest.raises(psycopg.Error) as refused:
        with client(at, tokens.hs256(sub="ada"), options="-c app.user=eve"):
            pass
    assert "app.user" in str(refused.value)


def test_claims_must_match_and_choose_the_route(any_server, start):
    config = config_for(any_server)
    config["middleware"] = [by_secret(claims={"scope": "*db*"})]
    config["pools"]["reports"] = pool(any_server)
    level = {"isolation_level": "SERIALIZABLE"}
    config["routes"] = [{"name": "reports", "match": {"claims": {"roles": "report*"}}, "pool": "reports", **level},
                        {"name": "rest", "pool": "main"}]
    at = start(any_server, config=config)
    with client(at, tokens.hs256(scope="mail db", roles=["a", "reporter"])) as one:
        value(one, "SELECT 1")
    assert at.sluice.metric("sluice_route_sessions_total", route="reports") == 1
    with client(at, tokens.hs256(scope="db", roles=["a"])) as one:
        value(one, "SELECT 1")
    assert at.sluice.metric("sluice_route_sessions_total", route="rest") == 1
    refusal(at, tokens.hs256(scope="mail", roles=["reporter"]))
    assert refused_because(at, "token_claim") >= 1


# ---- clients

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
