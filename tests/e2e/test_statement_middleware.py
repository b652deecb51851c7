"""statement_rules, tag and n_plus_one, as clients, servers and the log see them."""

import asyncio

import psycopg
import pymysql
import pytest
from clients import connection, pg_connection, psql, rows, value
from harness.process import wait_until

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error)
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def behind(server, start, *chain, **options):
    return start(server, route={"middleware": list(chain)}, **options)


def code_of(failure: Exception) -> str:
    return str(failure.sqlstate) if isinstance(failure, psycopg.Error) else str(failure.args[0])


def lines_of(at, event: str) -> list[str]:
    return [line for line in at.sluice.log_text().splitlines() if f" {event} " in line]


# ---- statement_rules

DENY = {"statement_rules": [{"deny": "^(drop|truncate) ", "message": "schema changes go through migrations"},
                            {"kinds": ["delete"], "match": "from scratch", "refuse": True}]}


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
def test_rules_refuse(server, start, name):
    at = behind(server(name), start, DENY)
    with connection(at) as client:
        for sql, message in (("DROP TABLE pets", "schema changes go through migrations"),
                             ("/* x */ drop\ttable pets", "schema changes go through migrations"),
                             ("DELETE FROM Scratch WHERE id = 1", "refused by a rule of this route")):
            with pytest.raises(ERRORS) as refused:
                rows(client, sql)
            assert code_of(refused.value) == ("42501" if at.postgresql else "1142")
            assert message in str(refused.value)
        assert value(client, "SELECT 'drop table pets'") == "drop table pets"
        assert value(client, "SELECT COUNT(*) FROM pets") == 3
        rows(client, "DELETE FROM users WHERE id = -1")
    assert at.sluice.metric("sluice_middleware_refusals_total", middleware="statement_rules",
                            reason="rule") == 3


def test_rules_refuse_within_a_batch(server, start):
    """Nothing behind a refused statement of a pipeline runs."""
    at = behind(server("pg15"), start, DENY)
    with pg_connection(at) as client:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            with client.pipeline():
                client.execute("INSERT INTO users (id, name) VALUES (%s, 'x')", (-70,))
                client.execute("DELETE FROM scratch WHERE id = %s", (1,))
                client.execute("INSERT INTO users (id, name) VALUES (%s, 'x')", (-71,))
        assert value(client, "SELECT count(*) FROM users WHERE id < 0") == 0


def test_long_statements_are_held_against_the_rules_whole(any_server, start):
    at = behind(any_server, start, DENY)
    columns = ", ".join(f"{number} AS c{number}" for number in range(1000))
    with connection(at) as client:
        assert len(rows(client, f"SELECT {columns}")[0]) == 1000
        with pytest.raises(ERRORS) as refused:
            rows(client, f"DELETE FROM scratch WHERE id IN (SELECT 1 FROM (SELECT {columns}) x)")
        assert code_of(refused.value) == ("42501" if at.postgresql else "1142")


# ---- tag

def running(at, client, mark: str) -> str:
    """The text of the statement that asks, as its server sees it."""
    if at.postgresql:
        return value(client, f"SELECT query, '{mark}' FROM pg_stat_activity WHERE query LIKE '%{mark}%'")
    return value(client, f"SELECT info, '{mark}' FROM information_schema.processlist WHERE info LIKE '%{mark}%'")


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
def test_the_server_sees_the_tag(server, start, name):
    at = behind(server(name), start, {"tag": {"values": {"service": "pets shop"}}})
    with connection(at) as client:
        text = running(at, client, "mark_1")
        assert text.endswith("LIKE '%mark_1%' /*route='all',service='pets%20shop'*/")
        assert rows(client, "SELECT '/*', 1 -- one")[0][0] == "/*"
        assert value(client, "SELECT ';';") == ";"
    assert at.sluice.metric("sluice_middleware_verdicts_total", middleware="tag", verdict="rewritten") >= 3


def test_traces_of_the_statement_and_of_the_connection(server, start):
    at = behind(server("pg15"), start, {"tag": {}})
    seen = "SELECT query FROM pg_stat_activity WHERE query LIKE '%mark_2%'"
    with pg_connection(at, options=f"-c traceparent={PARENT}") as client:
        assert value(client, seen).endswith(f"/*route='all',traceparent='{PARENT}'*/")
        own = value(client, seen + " /*traceparent='00-mine'*/")
        assert own.endswith("/*traceparent='00-mine',route='all'*/") and PARENT not in own


def test_positions_in_errors_stay_true(server, start):
    at = behind(server("pg15"), start, {"tag": {}})
    sql = "SELECT 1,\n  nowhere FROM pets"
    with pg_connection(at) as client, pytest.raises(psycopg.errors.UndefinedColumn) as failure:
        rows(client, sql)
    assert int(failure.value.diag.statement_position) == sql.index("nowhere") + 1


def test_prepared_statements_are_tagged_alike_for_all(server, start):
    at = behind(server("pg15"), start, {"tag": {}}, pool_size=1)
    sql = "SELECT query, %s::int FROM pg_stat_activity WHERE query LIKE '%%mark_3%%'"
    for parent in (PARENT, PARENT.replace("b7", "c8")):
        with pg_connection(at, options=f"-c traceparent={parent}") as client:
            for number in range(3):
                text = client.execute(sql, (number,), prepare=True).fetchone()[0]
                assert text.endswith("/*route='all'*/"), text


def test_many_statements_of_a_psql_script(server, start):
    at = behind(server("pg15"), start, {"tag": {}})
    script = "BEGIN;\nSELECT 1; -- c\nSELECT $$a;b$$;\nCREATE TEMP TABLE x (a int);\nCOPY x FROM STDIN;\n1\n\\.\n" \
             "COPY x TO STDOUT;\nROLLBACK;\n"
    done = psql(at, script)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line in ("1", "a;b")] == ["1", "a;b", "1"]


# ---- n_plus_one

LAZY = {"n_plus_one": {"threshold": 5, "window": "10s"}}


def reports(at) -> float:
    return at.sluice.metric("sluice_middleware_reports_total", middleware="n_plus_one")


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
def test_lazy_loading_is_reported_once(server, start, name):
    at = behind(server(name), start, LAZY)
    with connection(at) as client:
        rows(client, "BEGIN")
        for owner in range(4711, 4731):
            rows(client, f"SELECT name FROM pets WHERE owner = {owner}")
        rows(client, "COMMIT")
        for _ in range(20):
            rows(client, "SELECT COUNT(*) FROM pets")
    wait_until(lambda: lines_of(at, "n_plus_one"), 5, "it is in the log")
    line, = lines_of(at, "n_plus_one")
    assert "route=all" in line and "user=app" in line and "count=5" in line, line
    assert 'statement="select name from pets where owner = ?"' in line, line
    assert "4711" not in at.sluice.log_text()
    assert reports(at) == 1


def test_lazy_loading_with_prepared_statements(server, start):
    at = behind(server("pg15"), start, LAZY)
    with pg_connection(at, autocommit=False) as client:
        for owner in range(10):
            client.execute("SELECT name FROM pets WHERE owner = %s", (owner,), prepare=True).fetchall()
        client.commit()
    assert reports(at) == 1


def test_lazy_loading_of_asyncpg(server, start):
    asyncpg = pytest.importorskip("asyncpg")
    at = behind(server("pg15"), start, LAZY)

    async def load():
        client = await asyncpg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                                       database=at.database, ssl=False)
        async with client.transaction():
            for owner in range(10):
                await client.fetch("SELECT name FROM pets WHERE owner = $1", owner)
        await client.close()

    asyncio.run(load())
    assert reports(at) == 1


def test_lazy_loading_of_sqlalchemy(any_server, start):
    orm = pytest.importorskip("sqlalchemy.orm")
    import sqlalchemy as sa
    at = behind(any_server, start, {"n_plus_one": {"threshold": 3, "window": "10s"}})
    Base = orm.declarative_base()

    class User(Base):
        __tablename__ = "users"
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String(100))
        pets = orm.relationship("Pet", back_populates="keeper")

    class Pet(Base):
        __tablename__ = "pets"
        id = sa.Column(sa.Integer, primary_key=True)
        name = sa.Column(sa.String(100))
        owner = sa.Column(sa.ForeignKey("users.id"))
        keeper = orm.relationship("User", back_populates="pets")

    engine = sa.create_engine(at.url("postgresql+psycopg" if at.postgresql else "mysql+pymysql"))
    with orm.Session(engine) as session:
        eager = session.scalars(sa.select(User).options(orm.selectinload(User.pets)).where(User.id <= 3)).all()
        assert sorted(pet.name for user in eager for pet in user.pets) == ["kim", "rex", "tib"]
        assert reports(at) == 0
    with orm.Session(engine) as session:
        lazy = session.scalars(sa.select(User).where(User.id <= 3)).all()
        assert sorted(pet.name for user in lazy for pet in user.pets) == ["kim", "rex", "tib"]
    assert reports(at) == 1
    engine.dispose()


def test_one_read_of_each_transaction_is_no_loop(any_server, start):
    """A service that looks its user up in each of its requests."""
    at = behind(any_server, start, LAZY)
    with connection(at) as client:
        for owner in range(20):
            rows(client, "BEGIN")
            rows(client, f"SELECT name FROM pets WHERE owner = {owner}")
            rows(client, "COMMIT")
    assert reports(at) == 0
