"""Reads a mailbox over IMAP with TLS: which mails are new, their bytes, and moving them away. [I/O]

A mail is fetched without marking it as read. What is larger than 2 MB is fetched in part. sendflow deletes nothing: a
mail that was read is moved in one step if the server can (RFC 6851), and else stays where it is.
"""

from __future__ import annotations

import imaplib
import re
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import orjson
from imap_tools import BaseMailBox, MailBox, MailboxLoginError
from imap_tools.errors import ImapToolsError

from config.connection_urls import LOOPBACK
from config.reply_mailbox import ReplyMailbox
from models.errors import SendflowError

SECONDS = 30.0
LARGEST = 2_000_000  # bytes of one mail that are fetched
SIZE = re.compile(rb"RFC822\.SIZE ([0-9]+)")
LARGEST_TOKEN = 65_536


class MailboxFault(SendflowError):
    """The mailbox cannot be read. `why` is one of unreachable, tls_refused, login_refused, token_refused, no_folder."""

    default_code = "mailbox"

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Fetched(NamedTuple):
    """One mail as it lies in the mailbox: where, its bytes (of a large one the first), and its whole size in bytes."""

    place: str
    uid: str
    raw: bytes
    size: int


class OpenMailbox:
    """A folder that is open to read."""

    def __init__(self, box: BaseMailBox, settings: ReplyMailbox) -> None:
        """Take the logged-in connection. Raises MailboxFault if there is no such folder."""
        self._box, self._settings = box, settings
        try:
            box.folder.set(settings.folder)
            self._validity = int(box.folder.status(settings.folder, ["UIDVALIDITY"])["UIDVALIDITY"])
        except (ImapToolsError, imaplib.IMAP4.error, OSError, KeyError, ValueError):
            raise MailboxFault("no_folder") from None
        self._moves: bool | None = None

    def places(self) -> dict[str, str]:
        """Every mail of the folder, the oldest first: the UID by its place, which no other mail ever has."""
        with _as_fault():
            uids = sorted(self._box.uids("ALL", charset=None), key=int)
        return {f"{self._settings.name}/{self._validity}/{uid}": uid for uid in uids}

    def fetch(self, place: str, uid: str) -> Fetched | None:
        """One mail; None if it is no longer there."""
        with _as_fault():
            _state, found = self._box.client.uid("FETCH", uid, f"(RFC822.SIZE BODY.PEEK[]<0.{LARGEST}>)")
        parts = [part for part in found or [] if isinstance(part, tuple)]
        if not parts:
            return None
        raw = bytes(parts[0][1])
        size = SIZE.search(b" ".join(part if isinstance(part, bytes) else part[0] for part in found if part))
        return Fetched(place, uid, raw, int(size[1]) if size else len(raw))

    def put_away(self, uid: str) -> None:
        """Move a mail that was read to its folder, if the server moves in one step. A fault here loses nothing."""
        with suppress(ImapToolsError, imaplib.IMAP4.error, OSError):
            if self._moves is None:
                self._moves = self._can_move()
            if self._moves:
                self._box.client.uid("MOVE", uid, f'"{self._settings.read_folder}"')

    def _can_move(self) -> bool:
        """Whether the server moves (it says so after the login), to a folder that is there now."""
        _state, said = self._box.client.capability()
        moves = b"MOVE" in b" ".join(said).split()
        if moves and not self._box.folder.exists(self._settings.read_folder):
            self._box.folder.create(self._settings.read_folder)
        return moves


@contextmanager
def open_mailbox(settings: ReplyMailbox, tls_ca: Path | None = None, seconds: float = SECONDS) -> Iterator[OpenMailbox]:
    """Connect, log in and open the folder; the connection ends with the block. Raises MailboxFault."""
    token = _token(settings, tls_ca, seconds) if settings.token_url is not None else None
    try:
        box = MailBox(settings.host, settings.port, timeout=seconds, ssl_context=_tls(settings.host, tls_ca))
    except ssl.SSLError:
        raise MailboxFault("tls_refused") from None
    except (OSError, imaplib.IMAP4.error):
        raise MailboxFault("unreachable") from None
    try:
        _log_in(box, settings, token)
        yield OpenMailbox(box, settings)
    finally:
        with suppress(Exception):  # the work is done, however the server takes leave
            box.logout()


def _log_in(box: BaseMailBox, settings: ReplyMailbox, token: str | None) -> None:
    try:
        if token is not None:
            box.xoauth2(settings.user, token, initial_folder=None)
        else:
            box.login(settings.user, settings.password or "", initial_folder=None)
    except (MailboxLoginError, imaplib.IMAP4.error):
        # imaplib.IMAP4.abort, a lost connection, is a kind of this error.
        raise MailboxFault("login_refused") from None
    except OSError:
        raise MailboxFault("unreachable") from None


def _tls(host: str, tls_ca: Path | None) -> ssl.SSLContext:
    """Certificates are checked, also on this machine if an authority is named for it."""
    context = ssl.create_default_context()
    if tls_ca is not None:
        with suppress(OSError):  # without the file nothing that it vouched for is trusted
            context.load_verify_locations(tls_ca)
    elif host in LOOPBACK:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def _token(settings: ReplyMailbox, tls_ca: Path | None, seconds: float) -> str:
    """A token of the application itself (client credentials, RFC 6749 section 4.4). Raises MailboxFault."""
    url = settings.token_url or ""
    form = {
        "grant_type": "client_credentials",
        "client_id": settings.client,
        "client_secret": settings.secret,
        "scope": settings.scope,
    }
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())  # noqa: S310 (https, by the settings)
    context = _tls(urllib.parse.urlsplit(url).hostname or "", tls_ca) if url.startswith("https") else None
    try:
        with urllib.request.urlopen(request, timeout=seconds, context=context) as answer:  # noqa: S310 (as above)
            given = orjson.loads(answer.read(LARGEST_TOKEN))
        return str(given["access_token"])
    except (urllib.error.HTTPError, orjson.JSONDecodeError, KeyError, TypeError):
        raise MailboxFault("token_refused") from None
    except (OSError, ValueError):
        raise MailboxFault("unreachable") from None


@contextmanager
def _as_fault() -> Iterator[None]:
    try:
        yield
    except (ImapToolsError, imaplib.IMAP4.error, OSError):
        raise MailboxFault("unreachable") from None
