"""isolation_level of the pool and of the route; what a client sets itself wins."""

import pytest
from clients import connection, my_connection, pg_connection, rows, value
from conftest import config_for

pytestmark = pytest.mark.proxy_only

LEVELS = ["READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"]


def level(client, postgresql: bool, mariadb=False) -> str:
    if postgresql:
        return value(client, "SHOW transaction_isolation").upper()
    variable = "tx_isolation" if mariadb else "transaction_isolation"
    return value(client, f"SELECT @@{variable}").replace("-", " ")


@pytest.mark.parametrize("name", ["pg15", "pg18", "mariadb", "mysql"])
@pytest.mark.parametrize("wanted", LEVELS)
def test_level_of_the_pool(server, start, name, wanted):
    at = start(server(name), isolation_level=wanted, pool_size=1)
    for _ in range(2):
        with connection(at) as client:
            assert level(client, at.postgresql, name == "mariadb") == wanted
            rows(client, "BEGIN")
            assert level(client, at.postgresql, name == "mariadb") == wanted
            rows(client, "COMMIT")


def test_level_of_the_route_wins_over_the_pools(any_server, start):
    config = config_for(any_server, pool_size=1, isolation_level="READ COMMITTED")
    config["users"].append({"name": "reports", "password": config["users"][0]["password"]})
    config["routes"] = [
        {"name": "reports", "match": {"user": "reports"}, "pool": "main",
         "isolation_level": "SERIALIZABLE"},
        {"name": "rest", "pool": "main"}]
    at = start(any_server, config)
    mariadb = at.name == "mariadb"
    with connection(at.with_(user="reports")) as reports, connection(at) as app:
        for _ in range(4):  # one backend: it serves both in turn, each with its own level
            assert level(reports, at.postgresql, mariadb) == "SERIALIZABLE"
            assert level(app, at.postgresql, mariadb) == "READ COMMITTED"


def test_a_postgresql_client_that_sets_its_own(server, start):
    at = start(server("pg15"), isolation_level="SERIALIZABLE", pool_size=1)
    with pg_connection(at) as client, pg_connection(at) as other:
        rows(client, "BEGIN ISOLATION LEVEL READ COMMITTED")
        assert level(client, True) == "READ COMMITTED"
        rows(client, "COMMIT")
        assert level(client, True) == "SERIALIZABLE"
        rows(client, "BEGIN")
        rows(client, "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        assert level(client, True) == "REPEATABLE READ"
        rows(client, "COMMIT")
        assert level(other, True) == "SERIALIZABLE"


def test_a_postgresql_session_that_sets_its_own(server, start):
    at = start(server("pg15"), isolation_level="SERIALIZABLE", pool_size=2)
    with pg_connection(at) as client, pg_connection(at) as other:
        rows(client, "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED")
        for _ in range(3):
            assert level(client, True) == "READ COMMITTED"
            assert level(other, True) == "SERIALIZABLE"


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_a_mysql_session_that_sets_its_own(server, start, name):
    at = start(server(name), isolation_level="SERIALIZABLE", pool_size=2)
    with my_connection(at) as client, my_connection(at) as other:
        rows(client, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        for _ in range(3):
            assert level(client, False, name == "mariadb") == "READ COMMITTED"
            assert level(other, False, name == "mariadb") == "SERIALIZABLE"
    with my_connection(at) as third:
        assert level(third, False, name == "mariadb") == "SERIALIZABLE"


@pytest.mark.parametrize("name", ["mariadb", "mysql"])
def test_level_for_the_next_transaction_only(server, start, name):
    """SET TRANSACTION without SESSION: visible as a non-repeatable read in the next one."""
    at = start(server(name), isolation_level="REPEATABLE READ", pool_size=2)
    with my_connection(at) as client, my_connection(at) as writer:
        rows(writer, "REPLACE INTO scratch VALUES (-3, 'before')")
        rows(client, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
        rows(client, "BEGIN")
        assert value(client, "SELECT note FROM scratch WHERE id = -3") == "before"
        rows(writer, "UPDATE scratch SET note = 'after' WHERE id = -3")
        assert value(client, "SELECT note FROM scratch WHERE id = -3") == "after"
        rows(client, "COMMIT")
        rows(writer, "DELETE FROM scratch WHERE id = -3")
