"""Backends that misbehave, and raw clients that do."""

import socket
import struct
import threading

from harness.process import LOOPBACK


class FakeServer:
    """Accepts connections and gives each to `behave(socket)` in a thread; then closes it."""

    family = "none"
    name = "fake"

    def __init__(self, behave):
        self.behave = behave
        self.accepted = 0
        self.listening = socket.create_server((LOOPBACK, 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listening.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._one, args=(connection,), daemon=True).start()

    def _one(self, connection):
        with connection:
            connection.settimeout(20)
            try:
                self.behave(connection)
            except OSError:
                pass

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listening.close()


def recv_exactly(connection, count: int) -> bytes:
    data = b""
    while len(data) < count:
        block = connection.recv(count - len(data))
        if not block:
            raise ConnectionError("closed")
        data += block
    return data


# ---- PostgreSQL

def pg_message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def pg_startup(user="app", database="pets", version=196608, more=b"") -> bytes:
    body = struct.pack("!i", version)
    body += b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0" + more + b"\0"
    return struct.pack("!i", len(body) + 4) + body


def pg_read_startup(connection) -> bytes:
    """The startup packet; an SSLRequest or a GSSENCRequest before it is refused."""
    while True:
        length = struct.unpack("!i", recv_exactly(connection, 4))[0]
        body = recv_exactly(connection, length - 4)
        if struct.unpack("!i", body[:4])[0] in (80877103, 80877104):
            connection.sendall(b"N")
            continue
        return body


PG_READY = pg_message(b"Z", b"I")
PG_WELCOME = (pg_message(b"R", struct.pack("!i", 0)) + pg_message(b"S", b"server_version\x0015.1\0") +
              pg_message(b"S", b"client_encoding\0UTF8\0") +
              pg_message(b"S", b"standard_conforming_strings\0on\0") +
              pg_message(b"K", struct.pack("!ii", 1, 2)) + PG_READY)


def pg_error(fields: bytes) -> bytes:
    return pg_message(b"E", fields)


# ---- MySQL

def my_packet(sequence: int, body: bytes) -> bytes:
    return struct.pack("<I", len(body))[:3] + bytes([sequence]) + body


def my_read_packet(connection) -> tuple[int, bytes]:
    header = recv_exactly(connection, 4)
    return header[3], recv_exactly(connection, int.from_bytes(header[:3], "little"))


_CAPABILITIES = 0x00FFF7FF & ~0x800 & ~0x20  # neither TLS nor compression


def my_greeting(plugin=b"mysql_native_password") -> bytes:
    low, high = _CAPABILITIES & 0xFFFF, _CAPABILITIES >> 16
    return my_packet(0, b"\x0a10.11.0-fake\0" + struct.pack("<I", 9) + b"12345678\0" +
                     struct.pack("<H", low) + b"\x2d\x02\x00" + struct.pack("<H", high) + b"\x15" +
                     b"\0" * 10 + b"123456789012\0" + plugin + b"\0")


MY_OK = b"\x00\x00\x00\x02\x00\x00\x00"


def my_error(number: int, text: str, state="HY000") -> bytes:
    return b"\xff" + struct.pack("<H", number) + b"#" + state.encode() + text.encode()
