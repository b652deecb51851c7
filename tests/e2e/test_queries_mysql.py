"""What a MySQL client may send, and that it gets the server's own answer."""

import os
import tempfile
import threading
from decimal import Decimal

import pymysql
import pytest
from clients import my_connection, mysql, mysql_value, rows, value
from conftest import MYSQL
from harness import tools
from mysql.connector import connect as connect_mysql
from pymysql.constants import CLIENT


def connector(at, **options):
    options.setdefault("autocommit", True)
    return connect_mysql(host=at.host, port=at.port, user=at.user, password=at.password,
                         database=at.database, use_pure=True, **options)


def test_types_and_nulls(my):
    with my_connection(my) as client:
        assert rows(client, "SELECT NULL, 'grüße', 1.5, 2 + 3, ''") == [
            (None, "grüße", Decimal("1.5"), 5, "")]


def test_several_statements_and_results(my):
    with my_connection(my, client_flag=CLIENT.MULTI_STATEMENTS) as client, client.cursor() as cursor:
        cursor.execute("SELECT 1; DO 0; SELECT 2")
        assert cursor.fetchall() == ((1,),)
        assert cursor.nextset() and cursor.nextset()
        assert cursor.fetchall() == ((2,),)
        assert not cursor.nextset()
        with pytest.raises(pymysql.err.ProgrammingError):
            cursor.execute("SELECT 1; SELECT nonsense FROM nowhere; SELECT 2")
            cursor.nextset()
        cursor.execute("SELECT 3")
        assert cursor.fetchall() == ((3,),)


def test_call_of_a_procedure(my):
    with my_connection(my) as client, client.cursor() as cursor:
        cursor.callproc("two_results")
        assert cursor.fetchall() == ((1,),)
        assert cursor.nextset()
        assert cursor.fetchall() == ((2,),)
        assert cursor.nextset() in (True, None)
        assert value(client, "SELECT 5") == 5


def test_prepared_statements_with_every_kind_of_value(my):
    client = connector(my)
    cursor = client.cursor(prepared=True)
    sent = (None, -5, 2**40, 1.25, "grüße", b"\x00\xff", "x" * 70000)
    cursor.execute("SELECT ?, ?, ?, ?, ?, ?, ?", sent)
    got = cursor.fetchone()
    assert got[0] is None and got[1] == -5 and got[2] == 2**40 and got[3] == 1.25
    assert got[4] == "grüße" and bytes(got[5]) == b"\x00\xff" and got[6] == "x" * 70000
    for number in range(20):
        cursor.execute("SELECT ?, ?, ?, ?, ?, ?, ?", (number,) * 7)
        assert cursor.fetchone()[0] == number
    cursor.close()
    client.close()


def test_prepare_of_a_wrong_statement(my):
    client = connector(my)
    cursor = client.cursor(prepared=True)
    with pytest.raises(Exception, match="nowhere"):
        cursor.execute("SELECT ? FROM nowhere", (1,))
    cursor.close()
    cursor = client.cursor(prepared=True)
    cursor.execute("SELECT ? + 1", (1,))
    assert int(cursor.fetchone()[0]) == 2
    client.close()


@pytest.mark.parametrize("size", [(1 << 24) - 2, (1 << 24) - 1, 1 << 24, 20 << 20])
def test_results_and_statements_around_16_mib(my, size):
    with my_connection(my) as client:
        assert len(value(client, f"SELECT REPEAT('x', {size})")) == size
        assert value(client, "SELECT LENGTH('" + "x" * (size - 17) + "')") == size - 17
        assert value(client, "SELECT 1") == 1


def test_many_rows(my):
    with my_connection(my) as client:
        client.ping()
        got = rows(client, "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE "
                           "i < 1000) SELECT a.i, b.i FROM n a, n b WHERE b.i <= 200")
        assert len(got) == 200000


def test_load_data_local(my):
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as file:
        file.write("".join(f"{n},row {n}\n" for n in range(20000)))
        file.flush()
        os.chmod(file.name, 0o644)
        with my_connection(my, local_infile=True) as client:
            rows(client, "DELETE FROM scratch")
            rows(client, f"LOAD DATA LOCAL INFILE '{file.name}' INTO TABLE scratch FIELDS TERMINATED BY ','")
            assert value(client, "SELECT COUNT(*) FROM scratch") == 20000
            with pytest.raises(pymysql.err.OperationalError):
                rows(client, "LOAD DATA LOCAL INFILE '/nonexistent/file' INTO TABLE scratch")
            rows(client, "DELETE FROM scratch")


def test_errors_warnings_and_insert_id(my):
    with my_connection(my) as client, client.cursor() as cursor:
        with pytest.raises(pymysql.err.IntegrityError) as failure:
            cursor.execute("INSERT INTO users (id, name) VALUES (1, 'again')")
        assert failure.value.args[0] == 1062
        cursor.execute("SELECT CAST('12x' AS SIGNED)")
        cursor.execute("SHOW WARNINGS")
        assert any("12x" in row[2] for row in cursor.fetchall())
        cursor.execute("INSERT INTO users (name) VALUES ('with an id')")
        number = cursor.lastrowid
        assert number > 3
        cursor.execute("SELECT LAST_INSERT_ID()")
        assert cursor.fetchone() == (number,)
        assert cursor.execute("UPDATE users SET name = 'renamed' WHERE id = %s", (number,)) == 1
        cursor.execute("DELETE FROM users WHERE id = %s", (number,))


def test_transaction_commit_and_rollback(my):
    with my_connection(my, autocommit=False) as client, my_connection(my) as other:
        rows(client, "DELETE FROM scratch")
        client.commit()
        rows(client, "INSERT INTO scratch VALUES (1, 'kept')")
        client.commit()
        rows(client, "INSERT INTO scratch VALUES (2, 'gone')")
        client.rollback()
        assert rows(other, "SELECT id FROM scratch ORDER BY id") == [(1,)]
        rows(other, "DELETE FROM scratch")


def test_change_user_and_reset_connection(my):
    client = connector(my)
    cursor = client.cursor()
    cursor.execute("SET @mine = 7")
    client.cmd_reset_connection()
    cursor.execute("SELECT @mine")
    assert cursor.fetchone() == (None,)
    cursor.execute("SET @mine = 8")
    cursor.execute("SELECT 1")
    cursor.fetchall()
    client.cmd_change_user(my.user, my.password, my.database)
    cursor.execute("SELECT @mine, DATABASE()")
    assert cursor.fetchone() == (None, my.database)
    client.close()


def test_change_user_to_settings_that_nobody_has_had(my):
    client = connector(my)
    client.cmd_change_user(my.user, my.password, my.database, charset=28)  # gbk_chinese_ci
    cursor = client.cursor()
    cursor.execute("SELECT @@character_set_client, DATABASE()")
    assert cursor.fetchone() == ("gbk", my.database)
    client.close()


def test_change_user_with_a_wrong_password(my):
    client = connector(my)
    with pytest.raises(Exception, match="[Aa]ccess denied"):
        client.cmd_change_user(my.user, "wrong", my.database)


def test_commands_beside_queries(my):
    with my_connection(my) as client:
        client.ping(reconnect=False)
        client.select_db("pets")
        assert value(client, "SELECT DATABASE()") == "pets"
        with pytest.raises(pymysql.err.OperationalError):
            client.select_db("no_such_db")
        assert value(client, "SELECT DATABASE()") == "pets"
    client = connector(my)
    assert "Uptime" in str(client.cmd_statistics())
    client.set_charset_collation("utf8mb4")
    client.close()


@pytest.mark.skipif(not tools.have(tools.MARIADB), reason="MariaDB's client is not on this machine")
def test_field_list_of_the_client(my):
    """The client asks for COM_FIELD_LIST when it completes names."""
    if my.sluice is None and my.name == "mysql":
        pytest.skip("MariaDB's client has no caching_sha2_password without its plugin")
    done = mysql(my, "USE pets; SELECT 'listed';", "--auto-rehash", program=tools.MARIADB)
    assert done.returncode == 0, done.stderr
    assert "listed" in done.stdout


def test_temporary_tables_stay_with_the_session(my):
    with my_connection(my) as client:
        rows(client, "CREATE TEMPORARY TABLE mine (n INT)")
        rows(client, "INSERT INTO mine VALUES (1), (2)")
        for _ in range(4):
            with my_connection(my) as other:
                value(other, "SELECT 1")
            assert value(client, "SELECT COUNT(*) FROM mine") == 2
        rows(client, "DROP TEMPORARY TABLE mine")


def test_user_variables_stay_with_the_session(my):
    with my_connection(my) as client, my_connection(my) as other:
        rows(client, "SET @mine = 42")
        for _ in range(4):
            assert value(other, "SELECT @mine") is None
            assert value(client, "SELECT @mine") == 42


def test_named_locks(my):
    with my_connection(my) as client, my_connection(my) as other:
        assert value(client, "SELECT GET_LOCK('e2e', 1)") == 1
        assert value(other, "SELECT GET_LOCK('e2e', 0)") == 0
        assert value(client, "SELECT RELEASE_LOCK('e2e')") == 1
        assert value(other, "SELECT GET_LOCK('e2e', 1)") == 1
    with my_connection(my) as third:
        assert value(third, "SELECT GET_LOCK('e2e', 5)") == 1


def test_character_sets(my):
    for name in ("utf8mb4", "latin1"):
        with my_connection(my, charset=name) as client:
            assert value(client, "SELECT @@character_set_client") == name
            assert value(client, "SELECT 'gr\u00fc\u00dfe'") == "gr\u00fc\u00dfe"


def test_command_line_client_in_a_batch(my):
    if my.sluice is None and my.name == "mariadb":
        program = tools.MARIADB
    else:
        program = tools.mysql_client() if my.name == "mysql" else tools.MARIADB
    sql = "CREATE TEMPORARY TABLE t (n INT); INSERT INTO t VALUES (1),(2); SELECT SUM(n) FROM t;"
    options = ["--get-server-public-key"] if program == tools.MYSQL else []
    assert mysql_value(my, sql, *options, program=program) == "3"


@pytest.mark.parametrize("name", MYSQL)
def test_concurrent_clients_get_their_own_answers(house, name):
    at, wrong = house(name), []

    def client(number):
        with my_connection(at) as mine:
            for turn in range(60):
                tag = f"{number}-{turn}"
                if value(mine, "SELECT CONCAT(%s, '')", (tag,)) != tag:
                    wrong.append(tag)

    threads = [threading.Thread(target=client, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
