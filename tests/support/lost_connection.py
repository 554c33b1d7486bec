"""A connection to PostgreSQL that breaks at a chosen commit: before it, during it, or before its answer arrives."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum

COMMIT = b"COMMIT\x00"  # as the driver says it, alone or behind other statements
HOST = "127.0.0.1"


class Cut(StrEnum):
    """The moment at which the connection breaks."""

    BEFORE = "before"
    WITH = "with"
    AFTER = "after"


class LostLine:
    """Passes data between a client and the server. After `cut` it counts commits and breaks the connection at one of
    them, once. `turns` is how often the client spoke after the server had: how often it waited.
    """

    def __init__(self, server_port: int) -> None:
        self._to = server_port
        self._listening = socket.create_server((HOST, 0))
        self.port = int(self._listening.getsockname()[1])
        self._left = 0
        self._how = Cut.AFTER
        self.broken = self.turns = 0
        self._answered = False
        threading.Thread(target=self._take, daemon=True).start()

    def cut(self, at: int, how: Cut) -> None:
        """Break the connection at the nth commit from now."""
        self._left, self._how, self.broken = at, how, 0

    def close(self) -> None:
        """Accept no more connections."""
        self._listening.close()

    def _take(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                server = socket.create_connection((HOST, self._to))
                lost = threading.Event()
                threading.Thread(target=self._up, args=(client, server, lost), daemon=True).start()
                threading.Thread(target=self._down, args=(client, server, lost), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while said := client.recv(65536):
                self.turns += self._answered
                self._answered = False
                if COMMIT in said and self._left:
                    self._left -= 1
                    if self._left == 0:
                        self.broken += 1
                        if self._how is Cut.BEFORE:
                            break
                        if self._how is Cut.AFTER:
                            lost.set()  # the next word of the server is not passed on
                            server.sendall(said)
                            continue
                        server.sendall(said)
                        break
                server.sendall(said)
        _hang_up(client, server)

    def _down(self, client: socket.socket, server: socket.socket, lost: threading.Event) -> None:
        with suppress(OSError):
            while (said := server.recv(65536)) and not lost.is_set():
                self._answered = True
                client.sendall(said)
        _hang_up(client, server)


def _hang_up(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def lost_line(server_port: int) -> Iterator[LostLine]:
    """Open a breakable connection to the server on that port."""
    made = LostLine(server_port)
    try:
        yield made
    finally:
        made.close()
