"""The local sink: an SMTP server on loopback that keeps every delivery as an `.eml` file and passes nothing on.

Purpose: with the default carrier nobody is written to; what would have been sent can be opened and read. A file's name
is its place in the order of arrival and the Message-ID's digest, so that it names no child and two deliveries of one
message lie side by side.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import socket
import warnings
from email import message_from_bytes
from email.policy import default as default_policy
from itertools import count
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from models.errors import ServiceNotStarted

HOST = "127.0.0.1"


class LocalSmtpError(ServiceNotStarted):
    """The sink cannot listen or keep letters; the text says where and why."""

    default_code = "local_smtp"


class KeepEveryDelivery:
    """Writes each delivery to `folder`, first to a temporary name, so that a reader never opens half a letter."""

    def __init__(self, folder: Path) -> None:
        """Takes the folder that letters are kept in; it is made where absent. Raises OSError where it cannot be."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = count(1 + max((int(path.name[:6]) for path in folder.glob("[0-9]" * 6 + "-*.eml")), default=0))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keeps one delivery and answers 250 only when it lies on the disk."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode("utf-8", "surrogateescape")
        message_id = str(message_from_bytes(raw, policy=default_policy)["Message-ID"] or "")
        mark = hashlib.sha256(message_id.encode()).hexdigest()[:12]
        fresh = self._folder / f"{mark}.{id(envelope)}.part"
        try:
            fresh.write_bytes(raw)
            while not self._placed(fresh, self._folder / f"{next(self._numbers):06d}-{mark}.eml"):
                continue
            fresh.unlink()
        except OSError:
            return "451 the letters folder cannot be written; try again later"
        return "250 kept"

    @staticmethod
    def _placed(fresh: Path, path: Path) -> bool:
        """Gives the letter its name unless another sink on the same folder has taken it: nothing kept is ever written
        over.
        """
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
        return True


class LocalSmtpServer:
    """One running sink. Use as a context manager: `with Sink(folder) as sink: ... sink.port`."""

    def __init__(self, folder: Path, login: str, port: int = 0) -> None:
        """Keeps letters in `folder`; port 0 means any that is free."""
        self._folder, self._login = folder, login
        self.port = port or free_port()

    def __enter__(self) -> LocalSmtpServer:
        """Starts to listen; raises SinkError where it cannot."""
        try:
            # The login travels on loopback only, where there is nobody to listen but this machine's own root.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            logging.getLogger("mail.log").setLevel(logging.ERROR)
            # Letters are small; anything larger than two megabytes is no letter of ours.
            self._controller = Controller(
                KeepEveryDelivery(self._folder),
                hostname=HOST,
                port=self.port,
                data_size_limit=2_000_000,
                authenticator=self._authenticate,
                auth_required=True,
                auth_require_tls=False,  # loopback only
            )
            self._controller.start()
        except (OSError, ValueError) as problem:
            reason = getattr(problem, "strerror", None) or type(problem).__name__
            raise LocalSmtpError(
                f"the letter sink cannot keep letters in {self._folder} or listen on {HOST}:{self.port} ({reason})"
            ) from None
        return self

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, shown: Any
    ) -> AuthResult:
        """Letters are taken from this installation only: any account of the machine reaches loopback."""
        user, _, password = self._login.partition(":")
        if not isinstance(shown, LoginPassword):
            return AuthResult(success=False, handled=False)
        same = hmac.compare_digest(shown.login, user.encode()) and hmac.compare_digest(
            shown.password, password.encode()
        )
        return AuthResult(success=same, handled=False)

    def __exit__(self, *exc: object) -> None:
        """Stops listening; what was kept stays."""
        self._controller.stop()


def free_port() -> int:
    """Returns a port on loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
