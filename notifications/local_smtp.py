"""The local SMTP server: it listens on loopback, writes every delivery to an `.eml` file and forwards nothing.

With the default mail transport nobody receives mail, and people can open and read what would have been sent. A file
name is the number of the delivery and a digest of its Message-ID, without the tag that only person.key makes. So it
names no child, and two deliveries of one message have the same digest.
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
from notifications.message_ids import as_it_is_stored

HOST = "127.0.0.1"


class LocalSmtpError(ServiceNotStarted):
    """The local SMTP server cannot listen or write letters; the message says where and why."""

    default_code = "local_smtp"


class WriteEveryDelivery:
    """Writes each delivery to `folder`, first to a temporary name, so that a reader never opens half a letter."""

    def __init__(self, folder: Path) -> None:
        """Create `folder` if it does not exist. Raises OSError if it cannot be created."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._numbers = count(1 + max((int(path.name[:6]) for path in folder.glob("[0-9]" * 6 + "-*.eml")), default=0))

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Write one delivery to a file, and answer 250 only after it is written."""
        content = envelope.content
        raw = content if isinstance(content, bytes) else (content or "").encode("utf-8", "surrogateescape")
        message_id = as_it_is_stored(str(message_from_bytes(raw, policy=default_policy)["Message-ID"] or ""))
        mark = hashlib.sha256(message_id.encode()).hexdigest()[:12]
        fresh = self._folder / f"{mark}.{id(envelope)}.part"
        try:
            fresh.write_bytes(raw)
            while not self._linked(fresh, self._folder / f"{next(self._numbers):06d}-{mark}.eml"):
                continue
            fresh.unlink()
        except OSError:
            return "451 the letters folder cannot be written; try again later"
        return "250 kept"

    @staticmethod
    def _linked(fresh: Path, path: Path) -> bool:
        """Link the file to its final name, unless another server on the same folder took the name: never overwrite."""
        try:
            path.hardlink_to(fresh)
        except FileExistsError:
            return False
        return True


class LocalSmtpServer:
    """One running local SMTP server. Use: `with LocalSmtpServer(folder, login) as server: ... server.port`."""

    def __init__(self, folder: Path, login: str, port: int = 0) -> None:
        """Write letters to `folder`. `login` is user:password. Port 0 chooses a free port."""
        self._folder, self._login = folder, login
        self.port = port or free_port()

    def __enter__(self) -> LocalSmtpServer:
        """Start to listen. Raises LocalSmtpError if that is not possible."""
        try:
            # The login travels on loopback only, where there is nobody to listen but this machine's own root.
            warnings.filterwarnings("ignore", message="Requiring AUTH while not requiring TLS")
            logging.getLogger("mail.log").setLevel(logging.ERROR)
            # Letters are small; anything larger than two megabytes is no letter of ours.
            self._controller = Controller(
                WriteEveryDelivery(self._folder),
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
                f"the local SMTP server cannot write letters to {self._folder} or listen on {HOST}:{self.port}"
                f" ({reason})"
            ) from None
        return self

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, shown: Any
    ) -> AuthResult:
        """Accept letters from this installation only, because every account of the machine reaches loopback."""
        user, _, password = self._login.partition(":")
        if not isinstance(shown, LoginPassword):
            return AuthResult(success=False, handled=False)
        same = hmac.compare_digest(shown.login, user.encode()) and hmac.compare_digest(
            shown.password, password.encode()
        )
        return AuthResult(success=same, handled=False)

    def __exit__(self, *exc: object) -> None:
        """Stop listening. The written letters remain."""
        self._controller.stop()


def free_port() -> int:
    """Return a port on loopback on which nobody listens now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
