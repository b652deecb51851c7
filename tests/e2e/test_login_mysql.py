"""MySQL logins: what clients offer to sluice, and what sluice offers to its backends."""

import hashlib

import pymysql
import pytest
from clients import my_connection, mysql, mysql_value, value
from conftest import MYSQL
from harness import schema, tools
from mysql.connector import connect as connect_mysql

pytestmark = pytest.mark.sanitized

WHO = "SELECT CONCAT(SUBSTRING_INDEX(CURRENT_USER(), '@', 1), '@', DATABASE())"
NEED_CLI = pytest.mark.skipif(not tools.have(tools.MYSQL), reason="MySQL 9's client is not on this machine")
PROGRAMS = [pytest.param(tools.MYSQL, id="mysql9", marks=NEED_CLI),
            pytest.param(tools.MARIADB, id="mariadb10")]


def native_hash(password: str) -> str:
    return "*" + hashlib.sha1(hashlib.sha1(password.encode()).digest()).hexdigest().upper()


def tls_of(server, mode: str) -> dict:
    return {"tls": {"mode": mode, "cert_file": str(server.certificates.cert),
                    "key_file": str(server.certificates.key)}}


def program_for(name: str):
    """MariaDB's client has no RSA for caching_sha2_password unless its plugin is installed."""
    return tools.mysql_client() if name == "mysql" else tools.MARIADB


@pytest.mark.parametrize("name", MYSQL)
def test_command_line_client(house, name):
    options = ["--get-server-public-key"] if program_for(name) == tools.MYSQL else []
    assert mysql_value(house(name), WHO, *options, program=program_for(name)) == "app@pets"


@NEED_CLI
@pytest.mark.parametrize("mode", ["DISABLED", "PREFERRED", "REQUIRED"])
@pytest.mark.parametrize("name", MYSQL)
def test_mysql_client_over_and_without_tls(server, start, name, mode):
    its = server(name)
    at = start(its, listener_options=tls_of(its, "prefer"))
    options = [f"--ssl-mode={mode}", "--get-server-public-key"]
    if not at.sluice and name == "mariadb":
        pytest.skip("MySQL 9's client has no mysql_native_password, which MariaDB itself asks for")
    for _ in range(2):  # the second time the fast path knows the password
        assert mysql_value(at, WHO, *options, program=tools.MYSQL) == "app@pets"


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", MYSQL)
def test_mariadb_client_over_tls(server, start, name):
    its = server(name)
    at = start(its, listener_options=tls_of(its, "require"))
    assert mysql_value(at, WHO, "--ssl", program=tools.MARIADB) == "app@pets"


@pytest.mark.proxy_only
def test_tls_that_a_listener_requires(server, start):
    its = server("mariadb")
    at = start(its, listener_options=tls_of(its, "require"))
    done = mysql(at, WHO, "--skip-ssl", program=tools.MARIADB)
    assert done.returncode != 0
    assert "3159" in done.stderr or "TLS" in done.stderr or "SSL" in done.stderr


@pytest.mark.parametrize("name", MYSQL)
def test_pymysql(house, name):
    with my_connection(house(name)) as client:
        assert value(client, WHO) == "app@pets"


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", MYSQL)
def test_pymysql_full_authentication_over_tls(server, start, name):
    its = server(name)
    at = start(its, listener_options=tls_of(its, "require"))
    with my_connection(at, ssl={"ca": str(its.certificates.ca)}) as client:
        assert value(client, WHO) == "app@pets"


@pytest.mark.parametrize("name", MYSQL)
def test_mysql_connector(house, name):
    at = house(name)
    client = connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password,
                           database=at.database, use_pure=True)
    cursor = client.cursor()
    cursor.execute(WHO)
    assert cursor.fetchone()[0] == "app@pets"
    client.close()


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", MYSQL)
def test_clear_password_over_tls(server, start, name):
    its = server(name)
    at = start(its, listener_options=tls_of(its, "require"))
    client = connect_mysql(
        host=at.host, port=at.port, user=at.user, password=at.password, database=at.database,
        use_pure=True, auth_plugin="mysql_clear_password", ssl_ca=str(its.certificates.ca))
    cursor = client.cursor()
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)
    client.close()


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", MYSQL)
def test_native_hash_as_the_stored_secret(server, start, name):
    its = server(name)
    at = start(its, users=[{"name": schema.APP, "mysql_native_hash": native_hash(schema.PASSWORD)}])
    with my_connection(at) as client:
        assert value(client, "SELECT 1") == 1
    with pytest.raises(pymysql.err.OperationalError) as failure:
        with my_connection(at.with_(password="wrong")):
            pass
    assert failure.value.args[0] == 1045


@pytest.mark.parametrize("name", MYSQL)
def test_wrong_password_and_unknown_user(house, name):
    at = house(name)
    for wrong in (at.with_(password="wrong"), at.with_(user="nobody_of_that_name")):
        with pytest.raises(pymysql.err.OperationalError) as failure:
            with my_connection(wrong):
                pass
        assert failure.value.args[0] == 1045
        assert "Access denied" in failure.value.args[1]
    assert schema.PASSWORD not in (at.sluice.log_text() if at.sluice else "")
    with my_connection(at) as client:
        assert value(client, "SELECT 1") == 1


@pytest.mark.proxy_only
def test_unknown_database_has_no_route(server, start):
    at = start(server("mariadb"), route={"match": {"database": schema.DATABASE}})
    with pytest.raises(pymysql.err.OperationalError) as failure:
        with my_connection(at.with_(database="elsewhere")):
            pass
    assert failure.value.args[0] in (1045, 1049)
    assert "elsewhere" in failure.value.args[1]


@pytest.mark.parametrize("name", MYSQL)
def test_database_that_the_server_does_not_have(server, start, name):
    its = server(name)
    at = start(its, url=its.url().rsplit("/", 1)[0])
    with pytest.raises(pymysql.err.OperationalError) as failure:
        with my_connection(at.with_(database="no_such_db")) as client:
            value(client, "SELECT 1")
    assert failure.value.args[0] in (1044, 1049)


@pytest.mark.proxy_only
@pytest.mark.parametrize("mode", ["disable", "require", "verify-full"])
@pytest.mark.parametrize("name", MYSQL)
def test_a_backend_with_and_without_tls(server, start, name, mode):
    its = server(name)
    its.admin("FLUSH PRIVILEGES")  # empties the server's cache: the full exchange, RSA without TLS
    tls = {"mode": mode, **({"ca_file": str(its.certificates.ca)} if mode == "verify-full" else {})}
    at = start(its, tls=tls)
    with my_connection(at) as client:
        cipher = client.cursor()
        cipher.execute("SHOW STATUS LIKE 'Ssl_cipher'")
        assert bool(cipher.fetchone()[1]) == (mode != "disable")


@pytest.mark.proxy_only
@pytest.mark.parametrize("name", MYSQL)
def test_a_pool_for_each_user_when_the_url_names_none(server, start, name):
    its = server(name)
    users = [{"name": one, "password": schema.PASSWORD} for one in (schema.APP, schema.OTHER)]
    at = start(its, users=users, url=f"mysql://127.0.0.1:{its.port}")
    for user in (schema.APP, schema.OTHER, schema.APP):
        with my_connection(at.with_(user=user)) as client:
            assert value(client, WHO) == f"{user}@pets"


@pytest.mark.proxy_only
def test_backend_without_a_password(server, start):
    its = server("mariadb")
    at = start(its, url=f"mysql://{schema.TRUST}@127.0.0.1:{its.port}/pets")
    with my_connection(at) as client:
        assert value(client, WHO) == f"{schema.TRUST}@pets"
