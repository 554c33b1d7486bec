"""A program that takes webhooks: a real server. `answers` are the statuses that it says next; None: it hangs up."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

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
        self.endless = threading.Event()  # set: its answers have bodies without end
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
        self.send_header("content-length", "0" if not receiver.endless.is_set() else str(10**12))
        self.end_headers()
        with suppress(OSError):  # the one that asked has hung up
            while receiver.endless.is_set():
                self.wfile.write(b"x" * 65536)

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""


@contextmanager
def receiving(files: tuple[Path, Path] | None = None) -> Iterator[Receiver]:
    """A receiver that answers while the block runs; with a certificate and its key, by TLS."""
    receiver = Receiver()
    if files is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*files)
        receiver.server.socket = tls.wrap_socket(receiver.server.socket, server_side=True)
        receiver.address = f"https://localhost:{receiver.port}/hooks/sendflow?of=northshire"
    thread = threading.Thread(target=receiver.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.server.shutdown()
        receiver.server.server_close()
        thread.join(5)


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate of that name, which vouches for itself, and its key: two files."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / f"{name}.pem", folder / f"{name}.key"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
