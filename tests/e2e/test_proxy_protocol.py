"""Clients behind load balancers that speak HAProxy's PROXY protocol: whose address counts, and who is let in."""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time
from contextlib import ExitStack

import psycopg
import pymysql
import pytest
from balancer import CLIENT4, CLIENT6, LOCAL, TCP4, UNIX, Balancer, binary, block, line, tlv
from clients import connection, my_connection, pg_connection, rows, value
from conftest import config_for
from fake_server import my_read_packet, pg_startup, recv_exactly
from harness import schema, tools
from harness.process import LOOPBACK, Daemon, free_port, remove, scratch, wait_until
from harness.sluice import write_config

pytestmark = pytest.mark.proxy_only

ERRORS = (psycopg.Error, pymysql.err.Error)
ADMIN = "ops"
USERS = [{"name": schema.APP, "password": schema.PASSWORD},
         {"name": ADMIN, "password": schema.PASSWORD, "admin": True}]
TRUSTED = {"proxy_protocol": {"trusted": ["127.0.0.1"]}}
STRANGER = "127.0.0.2"  # an address of this machine that is not trusted
HEADERS = {"1 IPv4": line(), "1 IPv6": line(CLIENT6), "2 IPv4": binary(), "2 IPv6": binary(CLIENT6),
           "2 with more": binary(more=tlv(0x04, bytes(300)) + tlv(0xEA, b"\x01vpce-1"))}


def behind(server, start, *, tls=False, limits=None, chain=(), route=None, middleware=(), **options):
    """A sluice that trusts 127.0.0.1, which all clients come from who say nothing else."""
    listener = dict(TRUSTED)
    if tls:
        listener["tls"] = {"mode": "prefer", "cert_file": str(server.certificates.cert),
                           "key_file": str(server.certificates.key)}
    config = config_for(server, listener_options=listener, users=USERS,
                        route={"middleware": list(chain), **(route or {})},
                        extra={"middleware": list(middleware), "limits": limits or {}}, **options)
    return start(server, config=config)


def through(at, balancer: Balancer):
    return at.with_(port=balancer.port)


def shown(at, topic: str) -> dict:
    """The line of the one client in SHOW CLIENTS or SESSIONS, asked by way of a balancer that speaks for itself."""
    with Balancer(at.port, b"PROXY UNKNOWN\r\n") as own:
        desk = through(at, own).with_(user=ADMIN, database="sluice")
        with connection(desk) as console, console.cursor() as cursor:
            cursor.execute(f"SHOW {topic}")
            names = [column[0] for column in cursor.description]
            found = [dict(zip(names, row)) for row in cursor.fetchall()]
    [its] = [one for one in found if one["user"] == schema.APP]
    return its


def address_of(at) -> tuple[str, int]:
    its = shown(at, "CLIENTS")
    return its["addr"], int(its["port"])


def refusal(at) -> str:
    with pytest.raises(ERRORS) as failure, connection(at):
        pass
    return str(failure.value)


def said(port: int, data: bytes, *, source=LOOPBACK, seconds=5) -> bytes:
    """What comes for these bytes until the other side closes."""
    with socket.create_connection((LOOPBACK, port), timeout=seconds, source_address=(source, 0)) as one:
        one.sendall(data)
        answer = b""
        try:
            while more := one.recv(65536):
                answer += more
        except ConnectionResetError:
            pass
        return answer


def logged(at, pattern: str, lines: int = 1) -> list[str]:
    """The lines of the log that match; they come a little later than what they tell."""
    def found():
        all_lines = [one for one in at.sluice.log_text().splitlines() if re.search(pattern, one)]
        return all_lines if len(all_lines) >= lines else None
    got = wait_until(found, 5, f"{lines} lines of the log match {pattern}")
    assert len(got) == lines, got
    return got


def failures(at, reason: str) -> float:
    return at.sluice.metric("sluice_auth_failures_total", reason=reason)


# ---- whose address

@pytest.mark.parametrize("case", HEADERS)
@pytest.mark.sanitized
def test_the_client_is_whom_the_header_names(any_server, start, case):
    folder = scratch("proxied")
    try:
        file = folder / "audit.jsonl"
        at = behind(any_server, start, middleware=[{"audit": {"file": str(file)}}])
        client = CLIENT6 if "6" in case else CLIENT4
        with Balancer(at.port, HEADERS[case]) as balancer, connection(through(at, balancer)) as one:
            assert value(one, "SELECT 1") == 1
            assert address_of(at) == (client, 51122)
        printed = f"[{client}]:51122" if ":" in client else f"{client}:51122"
        logged(at, rf" client_login .*client={re.escape(printed)} .*user=app ")
        logged(at, rf"debug proxy_header .*client={re.escape(printed)} .*balancer=127\.0\.0\.1:\d+$")
        at.sluice.stop()
        lines = [json.loads(one) for one in pathlib.Path(file).read_text().splitlines()]
        assert {one["client"] for one in lines if one["user"] == schema.APP} == {client}
    finally:
        remove(folder)


@pytest.mark.parametrize("header", [b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN ffff::1 ffff::2 65535 1\r\n",
                                    block(0, command=LOCAL), block(TCP4, binary()[16:], command=LOCAL),
                                    block(0), block(0x12, binary()[16:])],
                         ids=["UNKNOWN", "UNKNOWN and more", "LOCAL", "LOCAL with addresses", "unspecified", "UDP"])
def test_a_balancer_that_speaks_for_itself(any_server, start, header):
    at = behind(any_server, start)
    with Balancer(at.port, header) as balancer, connection(through(at, balancer)) as one:
        assert value(one, "SELECT 1") == 1
        assert address_of(at)[0] == LOOPBACK


def test_a_client_on_a_unix_socket_of_the_balancer(any_server, start):
    at = behind(any_server, start, chain=[{"address_rules": {"deny": ["127.0.0.0/8"]}}])
    with Balancer(at.port, block(UNIX, bytes(216))) as balancer, connection(through(at, balancer)) as one:
        assert value(one, "SELECT 1") == 1
        assert shown(at, "SESSIONS")["client"] == "unix"


@pytest.mark.sanitized
def test_the_header_may_come_byte_by_byte(any_server, start):
    at = behind(any_server, start)
    for header in (line(), binary(CLIENT6, more=tlv(0x04, bytes(20)))):
        with Balancer(at.port, header, slowly=True) as balancer, connection(through(at, balancer)) as one:
            assert value(one, "SELECT 1") == 1
            assert address_of(at)[1] == 51122


# ---- what depends on the address

def test_address_rules_look_at_the_client(any_server, start):
    at = behind(any_server, start, chain=[{"address_rules": {"deny": ["203.0.113.0/24"]}}])
    for header in (line(), binary()):
        with Balancer(at.port, header) as balancer:
            assert "connections from 203.0.113.7 are not allowed here" in refusal(through(at, balancer))
    with Balancer(at.port, line(CLIENT6)) as balancer, connection(through(at, balancer)) as one:
        assert value(one, "SELECT 1") == 1


def test_routes_match_the_client(any_server, start):
    at = behind(any_server, start, route={"match": {"address": ["203.0.113.0/24"]}})
    with Balancer(at.port, binary()) as balancer, connection(through(at, balancer)) as one:
        assert value(one, "SELECT 1") == 1
    with Balancer(at.port, binary("198.51.100.1")) as balancer:
        assert "no route matches" in refusal(through(at, balancer))


def test_connections_are_counted_by_client(any_server, start):
    at = behind(any_server, start, chain=[{"connection_limit": {"per_address": 1}}])
    with ExitStack() as stack:
        ones = [stack.enter_context(Balancer(at.port, line(f"203.0.113.{i}"))) for i in (1, 2, 3)]
        for balancer in ones:
            one = stack.enter_context(connection(through(at, balancer)))
            assert value(one, "SELECT 1") == 1
        assert "connection_limit.per_address is 1" in refusal(through(at, ones[0]))


def test_the_rate_is_of_the_client(any_server, start):
    at = behind(any_server, start, chain=[{"rate_limit": {
        "requests_per_second": 0.1, "burst": 5, "on_excess": "refuse", "per": "address"}}])
    with ExitStack() as stack:
        one, other = [stack.enter_context(connection(through(at, stack.enter_context(Balancer(at.port, header)))))
                      for header in (line("203.0.113.1"), line("203.0.113.2"))]
        with pytest.raises(ERRORS):
            for _ in range(8):
                value(one, "SELECT 1")
        assert value(other, "SELECT 1") == 1


def test_who_is_too_many_is_told_so_before_a_header_and_behind_it(any_server, start):
    at = behind(any_server, start, limits={"max_client_connections": 1})
    with Balancer(at.port, line()) as balancer, connection(through(at, balancer)), ExitStack() as stack:
        assert "too many clients" in refusal(through(at, balancer))  # let in for the console, and no further
        wait_until(lambda: at.sluice.metric("sluice_client_connections") == 1, 5, "it is gone")
        for _ in range(4):
            stack.enter_context(socket.create_connection((LOOPBACK, at.port)))
        wait_until(lambda: at.sluice.metric("sluice_client_connections", state="login") == 4, 5, "that is full, too")
        assert b"too many clients" in said(at.port, b"")
    assert at.sluice.metric("sluice_client_rejected_total", reason="too_many_clients") == 2


# ---- what comes behind the header

@pytest.mark.sanitized
def test_tls_comes_behind_the_header(any_server, start):
    at = behind(any_server, start, tls=True, chain=[{"address_rules": {"allow": ["203.0.113.0/24"]}}])
    authority = str(any_server.certificates.ca)
    for header in (line(), binary()):
        with Balancer(at.port, header) as balancer:
            there = through(at, balancer)
            with (pg_connection(there, sslmode="verify-ca", sslrootcert=authority) if at.postgresql
                  else my_connection(there, ssl={"ca": authority, "check_hostname": False})) as one:
                assert value(one, "SELECT 1") == 1
                its = shown(at, "SESSIONS")
                assert its["client"] == "203.0.113.7:51122" and its["tls"] in ("t", "true", "1", True, 1)


@pytest.mark.sanitized
def test_what_follows_in_the_same_packet_is_the_clients(server, start):
    at = behind(server("pg15"), start)
    for header in (line(), binary(), b"PROXY UNKNOWN\r\n", block(0, command=LOCAL)):
        with socket.create_connection((LOOPBACK, at.port), timeout=5) as one:
            one.sendall(header + struct.pack("!ii", 8, 80877104))  # GSSENCRequest
            assert recv_exactly(one, 1) == b"N"
            one.sendall(struct.pack("!ii", 8, 80877103) + pg_startup())
            assert recv_exactly(one, 2) == b"NR"


@pytest.mark.parametrize("header", [line(), binary()], ids=["1", "2"])
@pytest.mark.sanitized
def test_a_cancel_request_has_a_header_of_its_own(server, start, header):
    at = behind(server("pg15"), start)
    with Balancer(at.port, header) as balancer, pg_connection(through(at, balancer)) as client:
        def later():
            wait_until(lambda: at.sluice.metric("sluice_client_connections", state="active") >= 1, 10, "it runs")
            time.sleep(0.1)
            client.cancel_safe(timeout=5)
        thread = threading.Thread(target=later)
        thread.start()
        with pytest.raises(psycopg.errors.QueryCanceled):
            rows(client, "SELECT pg_sleep(30)")
        thread.join()
        assert value(client, "SELECT 1") == 1
    assert at.sluice.metric("sluice_cancels_total", result="forwarded") == 1


# ---- who must send one, and who must not

def test_without_a_header_a_trusted_peer_is_closed_without_an_answer(server, start):
    at = behind(server("pg15"), start)
    for data in (pg_startup(), struct.pack("!ii", 8, 80877103), b"GET / HTTP/1.1\r\n\r\n"):
        assert said(at.port, data) == b""
    assert failures(at, "proxy_header") == 3
    for told in logged(at, r"warning client_login_failed .*client=127\.0\.0\.1:\d+ .*reason=proxy_header", 3):
        assert "does not begin with a PROXY header" in told
    assert at.sluice.metric("sluice_logins_total", result="failed") == 3


@pytest.mark.sanitized
def test_a_trusted_peer_is_not_greeted_before_its_header(server, start):
    at = behind(server("mariadb"), start, limits={"client_login_timeout": "700ms"})
    began = time.monotonic()
    assert said(at.port, b"") == b""
    assert 0.5 < time.monotonic() - began < 4
    assert said(at.port, line()[:-1]) == b""
    assert failures(at, "login_timeout") == 2 and failures(at, "proxy_header") == 0
    logged(at, "no PROXY header has come within client_login_timeout", 2)
    # The header counts into the time that the login has.
    with socket.create_connection((LOOPBACK, at.port), timeout=5) as one:
        began = time.monotonic()
        time.sleep(0.4)
        one.sendall(line())
        assert my_read_packet(one)
        assert one.recv(1) == b"" and time.monotonic() - began < 1.5


@pytest.mark.parametrize("header", [
    b"PROXY TCP4 203.0.113.777 192.0.2.1 1 2\r\n", b"PROXY TCP4 203.0.113.7 192.0.2.1 1 70000\r\n",
    b"PROXY TCP9 1 2 3 4\r\n", b"PROXY UNKNOWN " + b"x" * 120, line()[:-2] + b"\n\n\n", binary()[:15] + b"\x04abcd",
    binary(more=tlv(3, b"abcd")), binary(more=b"\x01\xff\xff"), block(0x44), b"\r\n\r\n\0\r\nQUIT\r"],
    ids=["address", "port", "family", "long", "end", "short", "checksum", "TLV", "kind", "signature"])
@pytest.mark.sanitized
def test_a_bad_header_ends_the_connection(any_server, start, header):
    at = behind(any_server, start)
    assert said(at.port, header + bytes(64)) == b""
    assert failures(at, "proxy_header") == 1
    logged(at, "client_login_failed .*reason=proxy_header")
    with Balancer(at.port, line()) as balancer, connection(through(at, balancer)) as one:
        assert value(one, "SELECT 1") == 1


def test_who_only_connects_is_no_failure(any_server, start):
    at = behind(any_server, start)
    for _ in range(3):
        socket.create_connection((LOOPBACK, at.port)).close()
    wait_until(lambda: at.sluice.metric("sluice_client_connections_total") == 3
               and at.sluice.metric("sluice_client_connections", state="login") == 0, 5, "they are gone")
    assert failures(at, "proxy_header") == 0 and at.sluice.metric("sluice_logins_total") == 0
    assert "warning client_login_failed" not in at.sluice.log_text()


def test_from_elsewhere_no_header_is_taken(any_server, start):
    at = behind(any_server, start)
    with Balancer(at.port, b"", source=STRANGER) as plain, connection(through(at, plain)) as one:
        assert value(one, "SELECT 1") == 1
        assert address_of(at)[0] == STRANGER
    for header in (line(), binary()):
        answer = said(at.port, header + bytes(200), source=STRANGER)
        assert answer != b"", "an answer of its protocol"
        with Balancer(at.port, header, source=STRANGER) as balancer:
            refusal(through(at, balancer))
    assert failures(at, "proxy_header") == 0


@pytest.mark.sanitized
def test_trust_can_be_reloaded(any_server, start):
    at = behind(any_server, start)

    def reload(trusted):
        config = json.loads(json.dumps(at.sluice.config))
        config["listeners"][0].pop("proxy_protocol")
        if trusted:
            config["listeners"][0]["proxy_protocol"] = {"trusted": trusted}
        before = at.sluice.metric("sluice_config_reloads_total", result="ok")
        write_config(at.sluice.folder, config)
        at.sluice.daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: at.sluice.metric("sluice_config_reloads_total", result="ok") > before, 10, "reloaded")

    with Balancer(at.port, line()) as balancer, connection(through(at, balancer)) as stays:
        reload(["192.0.2.0/24"])
        with connection(at) as one:
            assert value(one, "SELECT 1") == 1
        refusal(through(at, balancer))
        reload(["192.0.2.0/24", "127.0.0.0/30"])
        with connection(through(at, balancer)) as one:
            assert value(one, "SELECT 2") == 2
        reload([])
        with connection(at) as one:
            assert value(one, "SELECT 3") == 3
        assert value(stays, "SELECT 4") == 4


# ---- a real one

@pytest.mark.skipif(not tools.have(tools.HAPROXY), reason="HAProxy is not on this machine")
@pytest.mark.parametrize("how", ["send-proxy", "send-proxy-v2", "send-proxy-v2 proxy-v2-options crc32c,unique-id"])
def test_haproxy(any_server, start, how):
    at = behind(any_server, start)
    folder, port = scratch("haproxy"), free_port()
    (folder / "cfg").write_text(f"""
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen main
  bind {LOOPBACK}:{port}
  server sluice {LOOPBACK}:{at.port} {how} check inter 200ms
""")
    haproxy = Daemon([tools.HAPROXY, "-f", folder / "cfg", "-db"], folder / "log")
    try:
        haproxy.wait_for_port(port)
        with connection(at.with_(port=port)) as one:
            assert value(one, "SELECT 1") == 1
            number = one.fileno() if at.postgresql else one._sock.fileno()
            with socket.socket(fileno=os.dup(number)) as own:
                assert address_of(at) == own.getsockname(), "the client's own, not HAProxy's"
        wait_until(lambda: at.sluice.metric("sluice_client_connections_total") > 4, 10, "health checks")
        assert failures(at, "proxy_header") == 0 and failures(at, "login_timeout") == 0
    finally:
        haproxy.stop()
        remove(folder)
