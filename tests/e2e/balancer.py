"""A load balancer that says whose connection it passes on: a PROXY header, then all bytes, both ways."""

import ipaddress
import socket
import struct
import threading
import time

from harness.process import LOOPBACK
from harness.service import pass_on

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
CLIENT4, CLIENT6 = "203.0.113.7", "2001:db8::7"
LOCAL, PROXY = 0x20, 0x21
TCP4, TCP6, UNIX = 0x11, 0x21, 0x31


def line(client: str = CLIENT4, port: int = 51122) -> bytes:
    """Version 1."""
    own = "2001:db8::1" if ":" in client else "192.0.2.1"
    return f"PROXY TCP{6 if ':' in client else 4} {client} {own} {port} 5432\r\n".encode()


def block(kind: int, body: bytes = b"", command: int = PROXY) -> bytes:
    """Version 2."""
    return SIGNATURE + struct.pack("!BBH", command, kind, len(body)) + body


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def binary(client: str = CLIENT4, port: int = 51122, more: bytes = b"") -> bytes:
    own = ipaddress.ip_address("2001:db8::1" if ":" in client else "192.0.2.1").packed
    body = ipaddress.ip_address(client).packed + own + struct.pack("!HH", port, 5432)
    return block(TCP6 if ":" in client else TCP4, body + more)


class Balancer:
    """Listens, and connects from `source` to `port` for each client. `slowly`: the header byte by byte."""

    def __init__(self, port: int, header: bytes, *, source: str = LOOPBACK, slowly=False):
        self.target, self.header, self.source, self.slowly = port, header, source, slowly
        self.listening = socket.create_server((LOOPBACK, 0))
        self.port = self.listening.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listening.shutdown(socket.SHUT_RDWR)  # wakes accept()
        self.listening.close()

    def _accept(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client):
        with client, socket.socket() as server:
            server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.bind((self.source, 0))
            try:
                server.connect((LOOPBACK, self.target))
                for at in range(len(self.header) if self.slowly else 0):
                    server.sendall(self.header[at:at + 1])
                    time.sleep(0.001)
                if not self.slowly:
                    server.sendall(self.header)
            except OSError:
                return
            back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
            back.start()
            pass_on(client, server)
            back.join()
