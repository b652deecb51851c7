"""require_token with real clients: who comes in, who does not, and what becomes of the token."""

import json
import time

import psycopg
import pytest
from bearers import ERRORS, by_secret, client, exposed, guarded, refusal, refused_because
from clients import rows, value
from conftest import config_for, pool
from harness import schema, tokens
from harness.process import remove, scratch
from psycopg.pq import ExecStatus, TransactionStatus

pytestmark = pytest.mark.proxy_only


@pytest.fixture
def folder():
    """One that sluice may read."""
    made = scratch("tokens")
    yield made
    remove(made)


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
