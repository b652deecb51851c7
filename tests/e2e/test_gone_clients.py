"""Clients that are gone, and clients that only look like it: what becomes of their requests."""

import os
import socket
import struct
import time

import psycopg
import pymysql
import pytest
from clients import connection, rows, value
from harness import schema
from harness.process import wait_until
from test_limits import begin, closes_quietly, open_client, running_now, slow

pytestmark = pytest.mark.proxy_only


def wait_for_waiter(at, count=1):
    wait_until(lambda: at.sluice.metric("sluice_pool_pending_requests") == count, 5, "it waits")


def ask_only(client, sql: str) -> socket.socket:
    """Sends the query and does not wait for the answer; a socket of its own to read from."""
    if isinstance(client, pymysql.Connection):
        client._execute_command(3, sql)
        return socket.socket(fileno=os.dup(client._sock.fileno()))
    client.pgconn.send_query(sql.encode())
    client.pgconn.flush()
    return socket.socket(fileno=os.dup(client.fileno()))


def read_all(raw: socket.socket, seconds=10) -> bytes:
    raw.settimeout(seconds)
    data = b""
    while block := raw.recv(65536):
        data += block
    return data


def reset(raw: socket.socket, client) -> None:
    """Closes both descriptors of the connection with a RST."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    null = os.open("/dev/null", os.O_RDWR)
    os.dup2(null, client._sock.fileno() if isinstance(client, pymysql.Connection) else client.fileno())
    os.close(null)
    raw.close()


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_a_client_that_leaves_the_queue_is_not_served(any_server, start, how):
    at = begin(any_server, start, pool_size=1)
    any_server.admin("DELETE FROM scratch WHERE id = -94", schema.DATABASE)
    with connection(at) as holder:
        leaver = open_client(at)
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        raw = ask_only(leaver, "INSERT INTO scratch VALUES (-94, 'nobody asks any more')")
        wait_for_waiter(at)
        time.sleep(0.3)
        if how == "fin":
            raw.shutdown(socket.SHUT_WR)
        else:
            reset(raw, leaver)
        wait_for_waiter(at, 0)
        if how == "fin":  # it may still read why
            assert b"closed its side" in read_all(raw)
        rows(holder, "ROLLBACK")
        with connection(at) as other:
            assert value(other, "SELECT COUNT(*) FROM scratch WHERE id = -94") == 0
        raw.close()


@pytest.mark.parametrize("how", ["fin", "rst"])
def test_the_query_of_a_client_that_is_gone_is_cancelled(any_server, start, how):
    at = begin(any_server, start, pool_size=1)
    leaver = open_client(at)
    raw = ask_only(leaver, slow(at, 60, "left_alone"))
    wait_until(lambda: running_now(any_server, "left_alone"), 5, "the query runs")
    time.sleep(0.3)
    if how == "fin":
        raw.shutdown(socket.SHUT_WR)
    else:
        reset(raw, leaver)
    wait_until(lambda: not running_now(any_server, "left_alone"), 5, "it is cancelled")
    with connection(at) as other:
        assert value(other, "SELECT 7") == 7
    raw.close()


def test_a_client_that_half_closes_gets_its_answer(any_server, start):
    at = begin(any_server, start, pool_size=1)
    client = open_client(at)
    raw = ask_only(client, f"SELECT 'the answer', x.* FROM ({slow(at, 2)}) x")
    raw.shutdown(socket.SHUT_WR)
    assert b"the answer" in read_all(raw)
    raw.close()
    with connection(at) as other:
        assert value(other, "SELECT 8") == 8


def test_a_client_that_half_closes_waits_for_its_turn(any_server, start):
    at = begin(any_server, start, pool_size=1)
    with connection(at) as holder:
        client = open_client(at)
        rows(holder, "BEGIN")
        value(holder, "SELECT 1")
        raw = ask_only(client, "SELECT 'the answer'")
        raw.shutdown(socket.SHUT_WR)
        wait_for_waiter(at)
        time.sleep(0.5)
        wait_for_waiter(at)
        rows(holder, "COMMIT")
        assert b"the answer" in read_all(raw)
        raw.close()


def test_a_copy_whose_client_is_gone_is_undone_at_once(server, start):
    its = server("pg15")
    at = begin(its, start, pool_size=1)
    client = open_client(at)
    with pytest.raises(psycopg.Error):
        with client.cursor() as cursor, cursor.copy("COPY scratch FROM STDIN") as copy:
            for number in range(1000):
                copy.write_row((-5000 - number, "x"))
            raw = socket.socket(fileno=client.fileno())
            raw.shutdown(socket.SHUT_RDWR)
            raw.detach()
            copy.write_row((-1, "x"))
    with connection(at) as other:
        assert value(other, "SELECT count(*) FROM scratch WHERE id <= -5000") == 0
    closes_quietly(client)
