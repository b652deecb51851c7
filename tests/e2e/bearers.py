"""What the tests of require_token share: connections with tokens, and their refusals."""

import asyncio
from contextlib import contextmanager

import asyncpg
import psycopg
import pymysql
import pytest
from clients import my_connection, pg_connection
from harness import tokens

ERRORS = (psycopg.Error, pymysql.err.Error)


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


def exposed(at, name: str) -> str:
    return f"SELECT current_setting('{name}', true)" if at.postgresql else f"SELECT @{name.replace('.', '_')}"
