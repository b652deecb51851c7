"""Clients that send nonsense: refused by the protocol, and nobody else notices."""

import os
import random
import socket
import struct
import time

import pytest
from clients import connection, value
from fake_server import (my_packet, my_read_packet, pg_message, pg_startup, recv_exactly)

pytestmark = [pytest.mark.proxy_only, pytest.mark.sanitized]


def attack(at, data: bytes, *, half_close=True, seconds=5) -> bytes:
    """Sends the bytes and returns all that comes until the other side closes."""
    answer = b""
    with socket.create_connection((at.host, at.port), timeout=seconds) as one:
        try:
            one.sendall(data)
            if half_close:
                one.shutdown(socket.SHUT_WR)
            while block := one.recv(65536):
                answer += block
        except TimeoutError:
            raise AssertionError(f"the connection stayed open after {data[:60]!r}") from None
        except OSError:
            pass
    return answer


def healthy(at) -> None:
    with connection(at) as client:
        assert value(client, "SELECT 1") == 1


PG_STARTUPS = {
    "length 0": struct.pack("!i", 0), "length 3": struct.pack("!i", 3) + b"abc",
    "length -1": struct.pack("!i", -1) + b"x" * 20, "length 2^31-1": struct.pack("!i", 2**31 - 1),
    "length 1 GiB": struct.pack("!iI", 1 << 30, 196608) + b"user\0",
    "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "tls hello": bytes.fromhex("16030100a5010000a10303") + bytes(160),
    "version 2": struct.pack("!ii", 8, 131072), "version 4": pg_startup(version=4 << 16),
    "no terminator": struct.pack("!ii", 17, 196608) + b"user\0app.",
    "no user": struct.pack("!ii", 9, 196608) + b"\0",
    "odd parameters": struct.pack("!ii", 15, 196608) + b"user\0\0\0",
    "64 KiB name": pg_startup(user="u" * 65536), "message before startup": pg_message(b"Q", b"SELECT 1\0"),
    "password before startup": pg_message(b"p", b"secret\0"),
    "repeated ssl request": struct.pack("!ii", 8, 80877103) * 5,
    "bytes after ssl request": struct.pack("!ii", 8, 80877103) + pg_message(b"Q", b"SELECT 1\0"),
    "replication": pg_startup(more=b"replication\0true\0"),
    "cancel of nobody": struct.pack("!iiII", 16, 80877102, 1, 2),
    "short cancel": struct.pack("!ii", 8, 80877102),
}


@pytest.mark.parametrize("case", PG_STARTUPS)
def test_postgresql_startup(house, case):
    at = house("pg15")
    answer = attack(at, PG_STARTUPS[case])
    assert b"AuthenticationOk" not in answer and b"Z\0\0\0\x05" not in answer
    healthy(at)


def pg_after_startup(at, data: bytes) -> bytes:
    with socket.create_connection((at.host, at.port), timeout=5) as one:
        one.sendall(pg_startup())
        kind = recv_exactly(one, 1)
        length = struct.unpack("!i", recv_exactly(one, 4))[0]
        recv_exactly(one, length - 4)
        assert kind == b"R"
        answer = b""
        try:
            one.sendall(data)
            one.shutdown(socket.SHUT_WR)
            while block := one.recv(65536):
                answer += block
        except OSError:
            pass
        return answer


PG_LOGINS = {
    "query": pg_message(b"Q", b"SELECT 1\0"), "sync": pg_message(b"S", b""),
    "unknown mechanism": pg_message(b"p", b"SCRAM-SHA-9\0" + struct.pack("!i", 3) + b"n,,"),
    "mechanism without end": pg_message(b"p", b"SCRAM-SHA-256"),
    "length -2": pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", -2) + b"n,,n=,r=x"),
    "length 2^31-1": pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 2**31 - 1) + b"n"),
    "no nonce": pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 6) + b"n,,n=,"),
    "huge nonce": pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 100009) + b"n,,n=,r=" +
                             b"a" * 100001),
    "reserved extension": pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 14) + b"n,,m=x,n=,r=ab"),
    "message of 1 GiB": b"p" + struct.pack("!i", 1 << 30), "negative message": b"p" + struct.pack("!i", -5),
    "empty": pg_message(b"p", b""), "garbage": os.urandom(300), "terminate": pg_message(b"X", b""),
}


@pytest.mark.parametrize("case", PG_LOGINS)
def test_postgresql_login(house, case):
    at = house("pg15")
    answer = pg_after_startup(at, PG_LOGINS[case])
    assert not answer or answer[:1] == b"E", answer
    assert b"Z\0\0\0\x05" not in answer
    if answer:
        assert b"SFATAL\0" in answer and b"C" in answer
    healthy(at)


def my_login_packet(user=b"app", answer=b"x" * 20, database=b"pets", plugin=b"mysql_native_password",
                    capabilities=0x00BFA68D & ~0x800) -> bytes:
    return (struct.pack("<IIB", capabilities, 1 << 24, 45) + b"\0" * 23 + user + b"\0" +
            bytes([len(answer)]) + answer + database + b"\0" + plugin + b"\0")


MY_LOGINS = {
    "empty packet": my_packet(1, b""), "short": my_packet(1, b"\x8d\xa6"),
    "wrong sequence": my_packet(7, my_login_packet()), "http": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "length 2^24-1": b"\xff\xff\xff\x01" + b"x" * 1000, "query": my_packet(1, b"\x03SELECT 1"),
    "user without end": my_packet(1, my_login_packet()[:32] + b"app"),
    "answer longer than the packet": my_packet(1, my_login_packet()[:36] + b"\xfa" + b"short"),
    "64 KiB name": my_packet(1, my_login_packet(user=b"u" * 65536)),
    "old protocol": my_packet(1, struct.pack("<HI", 0x0005, 100)[:5] + b"app\0"),
    "ssl request, then in clear": my_packet(1, struct.pack("<IIB", 0x00BFAE8D, 1 << 24, 45) + b"\0" * 23) +
                                  my_packet(2, my_login_packet()),
    "garbage": os.urandom(300),
}


@pytest.mark.parametrize("case", MY_LOGINS)
def test_mysql_login(house, case):
    at = house("mariadb")
    answer = attack(at, MY_LOGINS[case])
    assert answer[4:5] == b"\x0a", "a greeting comes first"
    rest = answer[4 + int.from_bytes(answer[:3], "little"):]
    while rest:
        length = int.from_bytes(rest[:3], "little")
        assert rest[4:5] != b"\x00", f"logged in: {rest!r}"
        rest = rest[4 + length:]
    healthy(at)


def my_auth_switch(at, reply: bytes) -> bytes:
    with socket.create_connection((at.host, at.port), timeout=5) as one:
        my_read_packet(one)
        one.sendall(my_packet(1, my_login_packet()))
        my_read_packet(one)
        answer = b""
        try:
            one.sendall(reply)
            one.shutdown(socket.SHUT_WR)
            while block := one.recv(65536):
                answer += block
        except OSError:
            pass
        return answer


@pytest.mark.parametrize("reply", [my_packet(3, b""), my_packet(3, b"x" * 19), my_packet(3, b"x" * 70000),
                                   my_packet(9, b"x" * 20), b"\x05\0", b"\xff\xff\xff\x03"],
                         ids=["empty", "short", "huge", "sequence", "cut", "16 MiB"])
def test_mysql_auth_switch(house, reply):
    answer = my_auth_switch(house("mariadb"), reply)
    assert b"\x00\x00\x00\x02\x00" not in answer
    healthy(house("mariadb"))


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_random_bytes(house, name):
    at, dice = house(name), random.Random(20)
    for _ in range(60):
        with socket.create_connection((at.host, at.port), timeout=5) as one:
            one.sendall(dice.randbytes(dice.randrange(1, 400)))
            if dice.random() < 0.5:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    healthy(at)


def test_truncated_startup_and_login_at_every_byte(house):
    at = house("pg15")
    packet = pg_startup() + pg_message(b"p", b"SCRAM-SHA-256\0" + struct.pack("!i", 11) + b"n,,n=,r=abc")
    for end in range(len(packet)):
        attack(at, packet[:end])
    healthy(at)
    at = house("mariadb")
    packet = my_packet(1, my_login_packet())
    for end in range(len(packet)):
        attack(at, packet[:end])
    healthy(at)


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_a_login_that_never_ends_is_ended(server, start, name):
    its = server(name)
    at = start(its, extra={"limits": {"client_login_timeout": "1s"}})
    with socket.create_connection((at.host, at.port), timeout=10) as one:
        began = time.monotonic()
        if at.postgresql:
            one.sendall(pg_startup()[:6])
        while one.recv(4096):
            pass
        assert 0.5 < time.monotonic() - began < 5
    healthy(at)


@pytest.mark.parametrize("name", ["pg15", "mariadb"])
def test_too_many_clients(server, start, name):
    its = server(name)
    at = start(its, extra={"limits": {"max_client_connections": 3}})
    with connection(at), connection(at), connection(at):
        with pytest.raises(Exception, match="(?i)too many|connections|clients"):
            with connection(at) as fourth:
                value(fourth, "SELECT 1")


def pg_session(at):
    """A raw socket that has logged in, by borrowing libpq's."""
    import psycopg
    client = psycopg.connect(host=at.host, port=at.port, user=at.user, password=at.password,
                             dbname=at.database, sslmode="disable", autocommit=True)
    return client, socket.socket(fileno=os.dup(client.fileno()))


SESSIONS = {
    "unknown type": pg_message(b"?", b"x"), "backend's own type": pg_message(b"T", b"\0\0"),
    "negative length": b"Q" + struct.pack("!i", -1), "length 3": b"Q" + struct.pack("!i", 3),
    "password again": pg_message(b"p", b"secret\0"), "query without end": pg_message(b"Q", b"SELECT 1"),
    "bind without fields": pg_message(b"B", b""), "parse cut": pg_message(b"P", b"s\0SELECT 1\0\x7f\xff"),
    "execute without end": pg_message(b"E", b"abc"), "describe of nothing": pg_message(b"D", b"Zs\0"),
    "close of nothing": pg_message(b"C", b"?"), "copy data out of place": pg_message(b"d", b"1\n"),
}


@pytest.mark.parametrize("case", SESSIONS)
def test_postgresql_session(house, case):
    at = house("pg15")
    client, raw = pg_session(at)
    raw.setblocking(True)
    raw.settimeout(5)
    try:
        raw.sendall(SESSIONS[case] + pg_message(b"S", b""))
        raw.shutdown(socket.SHUT_WR)
        while raw.recv(65536):
            pass
    except OSError as failure:
        assert not isinstance(failure, TimeoutError), "the connection stayed open"
    finally:
        raw.close()
        client.close()
    healthy(at)
