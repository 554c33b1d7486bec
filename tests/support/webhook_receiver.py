"""A program that takes webhooks: a real server. `answers` are the statuses that it says next; None: it hangs up."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

HERE = "127.0.0.1"


class Taken(NamedTuple):
    """One message as it came."""

    headers: dict[str, str]
    body: str


class Receiver:
    """The server. `taken` are the messages, in order."""

    def __init__(self) -> None:
        self.taken: list[Taken] = []
        self.answers: list[int | None] = []
        self.connections = 0
        self.server = _Server((HERE, 0), _Handler)
        self.server.receiver = self
        self.port = self.server.server_address[1]
        self.address = f"http://{HERE}:{self.port}/hooks/sendflow?of=northshire"


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    receiver: Receiver

    def process_request(self, request: object, client_address: object) -> None:
        """Count the connections."""
        self.receiver.connections += 1
        super().process_request(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        receiver = self.server.receiver
        assert self.path == "/hooks/sendflow?of=northshire"
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        receiver.taken.append(Taken({name.lower(): value for name, value in self.headers.items()}, body))
        status = receiver.answers.pop(0) if receiver.answers else 204
        if status is None:
            self.close_connection = True
            return
        self.send_response(status)
        self.send_header("location", "http://127.0.0.1:1/elsewhere")
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver that answers while the block runs."""
    receiver = Receiver()
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(5)
