"""PostgreSQL logins: what clients offer to sluice, and what sluice offers to its backends."""

import base64
import hashlib
import hmac

import psycopg
import pytest
from clients import pg_connection, psql, psql_value, value
from conftest import POSTGRESQL
from harness import schema, tools

pytestmark = pytest.mark.sanitized

VERSION = "SELECT current_user || '@' || current_database()"


def scram_verifier(password: str) -> str:
    salt = b"0123456789abcdef"
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 4096)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client_key).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    text = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256$4096:{text[0]}${text[1]}:{text[2]}"


def md5_hash(user: str, password: str) -> str:
    return "md5" + hashlib.md5((password + user).encode()).hexdigest()


def tls_of(server, mode: str) -> dict:
    return {"tls": {"mode": mode, "cert_file": str(server.certificates.cert),
                    "key_file": str(server.certificates.key)}}



def test_scram_from_a_password(pg):
    assert psql_value(pg, VERSION) == "app@pets"


@pytest.mark.parametrize("name", POSTGRESQL)
@pytest.mark.parametrize("form", ["scram_verifier", "md5_hash", "password"])
def test_every_form_of_a_stored_secret(server, start, name, form):
    secret = {"scram_verifier": scram_verifier(schema.PASSWORD),
              "md5_hash": md5_hash(schema.APP, schema.PASSWORD),
              "password": schema.PASSWORD}[form]
    at = start(server(name), users=[{"name": schema.APP, form: secret}])
    assert psql_value(at, VERSION) == "app@pets"
    wrong = psql(at.with_(password="wrong"), VERSION)
    assert wrong.returncode == 2
    assert "password authentication failed" in wrong.stderr


@pytest.mark.parametrize("user", [schema.APP, schema.LEGACY, schema.TRUST, schema.CLEAR, schema.OTHER])
@pytest.mark.parametrize("name", POSTGRESQL)
def test_every_method_of_a_backend(server, start, name, user):
    its = server(name)
    config_users = [{"name": "front", "password": "front-secret"}]
    at = start(its, users=config_users, url=its.url(user=user))
    if at.sluice:
        at = at.with_(user="front", password="front-secret")
    else:
        at = at.with_(user=user)
    assert psql_value(at, VERSION) == f"{user}@pets"


@pytest.mark.parametrize("name", POSTGRESQL)
def test_a_backend_over_tls(server, start, name):
    its = server(name)
    tls = {"mode": "verify-full", "ca_file": str(its.certificates.ca)}
    at = start(its, users=[{"name": schema.TLS_ONLY, "password": schema.PASSWORD}],
               url=its.url(user=schema.TLS_ONLY), tls=tls)
    at = at.with_(user=schema.TLS_ONLY)
    with pg_connection(at, sslmode="disable" if at.sluice else "require") as client:
        assert value(client, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") is True


@pytest.mark.proxy_only
def test_a_backend_that_demands_tls_and_gets_none(server, start):
    its = server("pg15")
    at = start(its, users=[{"name": schema.TLS_ONLY, "password": schema.PASSWORD}],
               url=its.url(user=schema.TLS_ONLY), tls={"mode": "disable"}, pool_timeout="3s")
    done = psql(at.with_(user=schema.TLS_ONLY), "SELECT 1")
    assert done.returncode != 0
    assert schema.PASSWORD not in done.stderr + at.sluice.log_text()


@pytest.mark.parametrize("name", POSTGRESQL)
def test_wrong_password_and_unknown_user_look_the_same(house, name):
    at = house(name)
    wrong = psql(at.with_(password="wrong"), "SELECT 1")
    unknown = psql(at.with_(user="nobody_of_that_name"), "SELECT 1")
    assert wrong.returncode == unknown.returncode == 2
    assert 'password authentication failed for user "app"' in wrong.stderr
    assert 'password authentication failed for user "nobody_of_that_name"' in unknown.stderr
    assert psql_value(at, VERSION) == "app@pets"


def test_sqlstate_of_a_wrong_password(pg):
    """psycopg does not keep the SQLSTATE of a failed login; asyncpg does."""
    import asyncio

    import asyncpg

    async def attempt():
        await asyncpg.connect(host=pg.host, port=pg.port, user=pg.user, password="wrong",
                              database=pg.database, ssl=False)

    with pytest.raises(asyncpg.InvalidPasswordError) as failure:
        asyncio.run(attempt())
    assert failure.value.sqlstate == "28P01"


@pytest.mark.parametrize("mode,client,works", [
    ("disable", "disable", True), ("disable", "prefer", True), ("disable", "require", False),
    ("prefer", "disable", True), ("prefer", "require", True),
    ("require", "disable", False), ("require", "require", True),
])
@pytest.mark.proxy_only
def test_tls_of_a_listener(server, start, mode, client, works):
    its = server("pg15")
    at = start(its, listener_options={} if mode == "disable" else tls_of(its, mode))
    done = psql(at, VERSION, sslmode=client)
    assert (done.returncode == 0) == works, done.stderr
    if mode == "require" and client == "disable":
        assert "TLS" in done.stderr or "SSL" in done.stderr


@pytest.mark.parametrize("name", POSTGRESQL)
def test_tls_checked_by_the_client(server, start, name):
    its = server(name)
    at = start(its, listener_options=tls_of(its, "require"))
    done = psql(at, VERSION, sslmode="verify-full", sslrootcert=its.certificates.ca)
    assert done.returncode == 0, done.stderr


def test_password_over_tls(server, start):
    its = server("pg15")
    at = start(its, listener_options=tls_of(its, "require"))
    with psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                         dbname=at.database, sslmode="require", autocommit=True) as client:
        assert client.pgconn.ssl_in_use
        big = value(client, "SELECT repeat('x', 3000000)")
        assert big == "x" * 3_000_000


@pytest.mark.skipif(not tools.have(tools.PG18 / "psql"), reason="libpq 18 is not on this machine")
@pytest.mark.parametrize("name", POSTGRESQL)
def test_protocol_3_2(house, name):
    at = house(name)
    done = psql(at, VERSION, program=tools.PG18 / "psql", max_protocol_version="latest")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "app@pets"


@pytest.mark.skipif(not tools.have(tools.PG18 / "psql"), reason="libpq 18 is not on this machine")
@pytest.mark.proxy_only
def test_protocol_3_2_asked_for_as_the_least(house):
    """sluice answers NegotiateProtocolVersion or speaks 3.2; it never just hangs up."""
    done = psql(house("pg18"), VERSION, program=tools.PG18 / "psql", min_protocol_version="3.2",
                max_protocol_version="3.2")
    assert done.returncode == 0 or "protocol" in done.stderr, done.stderr


@pytest.mark.proxy_only
def test_unknown_database_has_no_route(server, start):
    its = server("pg15")
    at = start(its, route={"match": {"database": schema.DATABASE}})
    done = psql(at.with_(database="elsewhere"), "SELECT 1")
    assert done.returncode == 2
    assert "elsewhere" in done.stderr
    assert psql_value(at, VERSION) == "app@pets"


@pytest.mark.proxy_only
def test_a_pool_for_each_user_when_the_url_names_none(server, start):
    its = server("pg15")
    url = f"postgresql://127.0.0.1:{its.port}"
    users = [{"name": name, "password": schema.PASSWORD} for name in (schema.APP, schema.OTHER)]
    at = start(its, users=users, url=url)
    for user in (schema.APP, schema.OTHER, schema.APP, schema.OTHER):
        who = psql_value(at.with_(user=user), "SELECT session_user || '/' || current_user")
        assert who == f"{user}/{user}"


@pytest.mark.proxy_only
def test_a_listener_that_checks_no_file_it_cannot_use(server, start):
    its = server("pg15")
    with pytest.raises(RuntimeError):
        start(its, listener_options={"tls": {"mode": "require", "cert_file": "/nonexistent/cert",
                                             "key_file": "/nonexistent/key"}})


@pytest.mark.proxy_only
def test_logins_are_counted(server, start):
    its = server("pg15")
    at = start(its)
    psql_value(at, "SELECT 1")
    psql(at.with_(password="wrong"), "SELECT 1")
    failures = sum(v for k, v in at.sluice.metrics().items()
                   if "auth_failures" in k or ("login" in k and "fail" in k))
    assert failures >= 1


def test_parameters_of_startup_reach_the_session(pg):
    options = {"options": "-c statement_timeout=12345", "application_name": "named by a client"}
    with pg_connection(pg, **options) as client:
        assert value(client, "SHOW statement_timeout") == "12345ms"
        assert value(client, "SHOW application_name") == "named by a client"
    assert psql_value(pg, "SHOW statement_timeout") == "0"
