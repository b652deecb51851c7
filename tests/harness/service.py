"""A Service as kube-proxy makes one: new connections go to a pod that is ready and is not known to end; those that are there
stay where they are."""

import itertools
import socket
import threading
import time

from harness.process import LOOPBACK

_PROPAGATION = 0.5  # seconds until every node knows that a pod is being deleted


class Service:
    def __init__(self, port_name: str):
        self.port_name = port_name
        self.pods, self._gone, self._turn = [], {}, itertools.count()
        self._socket = socket.create_server((LOOPBACK, 0), backlog=128)
        self.port = self._socket.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def deleting(self, pod) -> None:
        """The pod gets no new connections a while from now; until then it may."""
        self._gone[pod] = time.monotonic() + _PROPAGATION

    def endpoints(self) -> list:
        now = time.monotonic()
        return [pod for pod in self.pods if (now < self._gone[pod] if pod in self._gone else pod.ready)]

    def close(self) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        endpoints = self.endpoints()
        with client:
            if not endpoints:
                return
            pod = endpoints[next(self._turn) % len(endpoints)]
            try:
                server = socket.create_connection((LOOPBACK, pod.port[self.port_name]), timeout=5)
            except OSError:
                return  # the client sees a connection that ends, as it would
            with server:
                server.settimeout(None)
                for one in (client, server):
                    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                back = threading.Thread(target=pass_on, args=(server, client), daemon=True)
                back.start()
                pass_on(client, server)
                back.join()


def pass_on(source: socket.socket, target: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            target.sendall(chunk)
    except OSError:
        pass
    try:
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
