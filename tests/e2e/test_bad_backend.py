"""Backends that are down, refuse, send nonsense or die: a right error for one client only."""

import struct
import time

import psycopg
import pymysql
import pytest
from clients import connection, my_connection, pg_connection, psql, rows, value
from conftest import Endpoint, config_for, port_of
from fake_server import (MY_OK, PG_READY, PG_WELCOME, FakeServer, my_error, my_greeting, my_packet,
                         my_read_packet, pg_error, pg_message, pg_read_startup, recv_exactly)
from harness import schema
from harness.process import free_port

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def point_at(server, port: int) -> dict:
    url = server.url().replace(f":{server.port}/", f":{port}/")
    return config_for(server, url=url, pool_timeout="3s", connect_args={"connect_timeout": "2s"})


@pytest.fixture
def fake(server, start):
    """fake(name, behave): a client's Endpoint whose backend is `behave`."""
    made = []

    def begin(name, behave) -> Endpoint:
        made.append(FakeServer(behave))
        return start(server(name), point_at(server(name), made[-1].port))

    yield begin
    for one in made:
        one.close()


def failure_of(at) -> tuple[str, str]:
    """SQLSTATE or number, and text, of what a client gets for SELECT 1."""
    try:
        with connection(at) as client:
            value(client, "SELECT 1")
    except psycopg.Error as failure:
        return failure.sqlstate or "", str(failure)
    except pymysql.err.Error as failure:
        return str(failure.args[0]), str(failure)
    raise AssertionError("the query was answered")


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_backend_is_down(server, start, name):
    its = server(name)
    at = start(its, point_at(its, free_port()))
    began = time.monotonic()
    code, text = failure_of(at)
    assert time.monotonic() - began < 10
    assert code in ("", "08001", "2003", "08006"), text
    assert "main" in text or "127.0.0.1" in text
    assert schema.PASSWORD not in at.sluice.log_text()
    failed = at.sluice.metric("sluice_backend_errors_total")
    assert failed >= 1


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_backend_does_not_answer(fake, name):
    at = fake(name, lambda one: time.sleep(15))
    began = time.monotonic()
    failure_of(at)
    assert time.monotonic() - began < 10


PG_BEHAVIOURS = {
    "closes at once": lambda one: None,
    "garbage for a greeting": lambda one: (pg_read_startup(one), one.sendall(b"\xde\xad\xbe\xef" * 50)),
    "garbage before anything": lambda one: one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "error without fields": lambda one: (pg_read_startup(one), one.sendall(pg_error(b"\0"))),
    "error without terminator": lambda one: (pg_read_startup(one), one.sendall(pg_error(b"SFATAL"))),
    "too many connections": lambda one: (pg_read_startup(one), one.sendall(
        pg_error(b"SFATAL\0C53300\0Msorry, too many clients already\0\0"))),
    "unknown method": lambda one: (pg_read_startup(one),
                                   one.sendall(pg_message(b"R", struct.pack("!i", 77)))),
    "sasl without mechanism": lambda one: (pg_read_startup(one),
                                           one.sendall(pg_message(b"R", struct.pack("!i", 10) + b"\0"))),
    "huge message": lambda one: (pg_read_startup(one), one.sendall(b"R" + struct.pack("!i", 1 << 30))),
    "negative length": lambda one: (pg_read_startup(one), one.sendall(b"R" + struct.pack("!i", -9))),
}


@pytest.mark.parametrize("case", PG_BEHAVIOURS)
def test_postgresql_login_goes_wrong(fake, case):
    at = fake("pg15", PG_BEHAVIOURS[case])
    _, text = failure_of(at)
    if case == "too many connections":
        assert "too many clients" in text
    assert schema.PASSWORD not in text + at.sluice.log_text()


MY_BEHAVIOURS = {
    "closes at once": lambda one: None,
    "garbage": lambda one: one.sendall(b"\xde\xad\xbe\xef" * 50),
    "error for a greeting": lambda one: one.sendall(my_packet(0, my_error(1040, "Too many connections"))),
    "old protocol": lambda one: one.sendall(my_packet(0, b"\x09old\0")),
    "cut greeting": lambda one: one.sendall(my_greeting()[:30]),
    "refuses": lambda one: (one.sendall(my_greeting()), my_read_packet(one),
                            one.sendall(my_packet(2, my_error(1045, "Access denied", "28000")))),
    "switches to clear text": lambda one: (
        one.sendall(my_greeting()), my_read_packet(one),
        one.sendall(my_packet(2, b"\xfemysql_clear_password\0")), my_read_packet(one)),
    "switches to nonsense": lambda one: (
        one.sendall(my_greeting()), my_read_packet(one),
        one.sendall(my_packet(2, b"\xfeno_such_plugin\0" + b"x" * 21)), my_read_packet(one)),
    "switches for ever": lambda one: (
        one.sendall(my_greeting()), my_read_packet(one),
        [(one.sendall(my_packet(2 + 2 * n & 255, b"\xfemysql_native_password\0" + b"x" * 20 + b"\0")),
          my_read_packet(one)) for n in range(300)]),
    "asks for a file": lambda one: (one.sendall(my_greeting()), my_read_packet(one),
                                    one.sendall(my_packet(2, b"\xfb/etc/passwd"))),
}


@pytest.mark.parametrize("case", MY_BEHAVIOURS)
def test_mysql_login_goes_wrong(fake, case):
    at = fake("mariadb", MY_BEHAVIOURS[case])
    _, text = failure_of(at)
    if case == "error for a greeting":
        assert "Too many connections" in text
    assert schema.PASSWORD not in text + at.sluice.log_text()


def test_a_clear_password_is_never_sent_unasked(server, start):
    """A backend that asks for the password in clear without TLS does not get it."""
    got = []

    def behave(one):
        one.sendall(my_greeting())
        my_read_packet(one)
        one.sendall(my_packet(2, b"\xfemysql_clear_password\0"))
        got.append(one.recv(4096))

    fake = FakeServer(behave)
    its = server("mariadb")
    at = start(its, point_at(its, fake.port))
    failure_of(at)
    fake.close()
    assert schema.PASSWORD.encode() not in b"".join(got)


def pg_answering(answer: bytes):
    """Logs in anyone by trust; every simple query gets the bytes, then the end of the connection."""
    def behave(one):
        pg_read_startup(one)
        one.sendall(PG_WELCOME)
        while True:
            kind = recv_exactly(one, 1)
            body = recv_exactly(one, struct.unpack("!i", recv_exactly(one, 4))[0] - 4)
            if kind == b"Q" and b"SELECT 1" in body:
                one.sendall(answer)
                return
            if kind in (b"Q", b"S"):
                one.sendall((pg_message(b"I", b"") if kind == b"Q" else b"") + PG_READY)
    return behave


_ROWS = (pg_message(b"T", b"\0\x01n\0" + struct.pack("!ihihih", 0, 0, 23, 4, -1, 0)) +
         pg_message(b"D", struct.pack("!hi", 1, 1) + b"7"))


@pytest.mark.parametrize("answer", [b"", _ROWS, _ROWS[:-3], b"\x00" * 40,
                                    pg_message(b"D", b"\xff") + PG_READY, pg_message(b"!", b"") + PG_READY,
                                    b"D" + struct.pack("!i", 2)],
                         ids=["dies", "dies after a row", "dies in a row", "zeros", "bad row",
                              "unknown type", "short length"])
def test_postgresql_dies_or_lies_in_mid_result(fake, answer):
    at = fake("pg15", pg_answering(answer))
    done = psql(at, "SELECT 1;")
    if b"\xff" in answer[5:8]:
        return  # rows are forwarded, not read: the client finds out
    assert done.returncode != 0
    assert "SELECT 1" not in at.sluice.log_text()


def test_mysql_dies_in_mid_result(fake):
    def behave(one):
        one.sendall(my_greeting())
        my_read_packet(one)
        one.sendall(my_packet(2, MY_OK))
        while True:
            _, body = my_read_packet(one)
            if body[:1] == b"\x03" and b"SELECT 1" in body:
                one.sendall(my_packet(1, b"\x01") + b"\x20\0\0\x02def")
                return
            one.sendall(my_packet(1, MY_OK))

    code, _ = failure_of(fake("mariadb", behave))
    assert code in ("2013", "1159", "2027", "1184")


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_a_backend_killed_in_a_query_costs_one_error(server, start, name):
    its = server(name)
    at = start(its, pool_size=2)
    import threading
    with connection(at) as victim, connection(at) as other:
        threading.Timer(0.5, its.kill_backends).start()
        with pytest.raises((psycopg.Error, pymysql.err.Error)):
            rows(victim, "SELECT pg_sleep(10)" if at.postgresql else "SELECT SLEEP(10)")
        assert value(other, "SELECT 2") == 2


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_a_transaction_never_goes_on_elsewhere(server, start, name):
    """Its backend dies between two statements: the next one fails, nothing of it is committed."""
    its = server(name)
    at = start(its, pool_size=2)
    opens = pg_connection if at.postgresql else my_connection
    with pytest.raises((psycopg.Error, pymysql.err.Error)):
        with opens(at) as client:
            rows(client, "BEGIN")
            rows(client, "INSERT INTO scratch VALUES (-900, 'lost')")
            its.kill_backends()
            rows(client, "INSERT INTO scratch VALUES (-901, 'must not be there')")
            rows(client, "COMMIT")
    with connection(at) as client:
        assert value(client, "SELECT COUNT(*) FROM scratch WHERE id IN (-900, -901)") == 0


def test_one_bad_pool_does_not_disturb_another(server, start):
    its = server("pg15")
    config = config_for(its)
    bad = point_at(its, free_port())
    config["pools"]["bad"] = bad["pools"]["main"]
    config["routes"] = [{"name": "bad", "match": {"database": "broken"}, "pool": "bad"},
                        {"name": "good", "pool": "main"}]
    at = start(its, config)
    assert port_of(config) == at.port
    with pg_connection(at) as good:
        for _ in range(3):
            with pytest.raises(psycopg.Error):
                with pg_connection(at.with_(database="broken")) as client:
                    value(client, "SELECT 1")
            assert value(good, "SELECT 1") == 1
