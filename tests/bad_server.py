"""A server on the loopback interface that does what servers should not: it hangs, cuts, refuses, or talks nonsense."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

ANSWERS = {
    "403": b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "garbage": b"\x00\xff nonsense \r\n\r\n" * 50,
    "half": b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nhalf",
    "xml": b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n<a><b></a",
    "cut": b"",  # the connection ends without a word
}
HANGS = "hangs"  # the request is taken, and nothing comes


class BadServer:
    """What it does can be changed while it runs."""

    def __init__(self, does: str) -> None:
        self.does, self.requests = does, 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._waiting: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        return int(self._socket.getsockname()[1])

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.requests += 1
                if self.does == HANGS:
                    self._waiting.append(connection)
                else:
                    threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.settimeout(10)
            connection.recv(1 << 16)
            connection.sendall(ANSWERS[self.does])

    def close(self) -> None:
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()
        for connection in self._waiting:
            connection.close()


@contextmanager
def bad_server(does: str) -> Iterator[BadServer]:
    server = BadServer(does)
    try:
        yield server
    finally:
        server.close()
