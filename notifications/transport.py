"""The mail transports: each sends one letter to one mailbox and returns the outcome. [I/O]

A permanent refusal (5xx) and a temporary refusal (4xx) are different outcomes; a server that does not answer is no
refusal. If the connection breaks after the letter left, the outcome is unknown. The deliverer then sends the letter
once more with the same Message-ID, which is the best that SMTP offers. No transport retries by itself.
"""

import hashlib
import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, EmailPolicy
from email.utils import format_datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from config.files import write_whole

SECONDS = 30.0
LOGIN_NEEDED = 530
ANSWERS = 5  # a connection is cut after this many times the time limit of one answer
END_OF_DATA = b".\r\n"
# Reasons that concern the mail server and not the letter or its recipient: the next letter would fail too.
MAIL_SERVER_FAILURES = frozenset(
    {
        "unreachable",
        "line_lost_before_data",
        "outcome_unknown",
        "greeting_refused",
        "smtp_421",
        "no_tls",
        "tls_refused",
        "login_needed",
        "login_refused",
        "no_login_offered",
        "sender_refused",
        "folder_not_writable",
        "notify_not_set",
        "notify_unreachable",
        "notify_error",
        "notify_rejected",
        "notify_login_refused",
        "notify_minute_limit",
        "notify_day_limit",
    }
)
CANNOT_BE_WRITTEN = "cannot_be_written"
NOT_TAKEN = "not_taken"  # the transport is certain that an attempt with an unknown outcome sent nothing
SECURE = "[secure]"
ONE_LINE = SMTP.clone(max_line_length=400)
LONGEST_WORD = 75  # RFC 2047 section 2: the characters of an encoded word


class _HeaderLines(EmailPolicy):
    """One line for each header in ASCII: some programs show a space before a subject that is folded after its first
    word. A header with other letters has short lines, because each of its encoded words is on one line. The policy of
    the library loses a space between two encoded words, so these are made by its older class.
    """

    def fold(self, name: str, value: Any) -> str:
        """Return a header as lines, for text."""
        return _encoded(name, value) or str(ONE_LINE.fold(name, value))

    def fold_binary(self, name: str, value: Any) -> bytes:
        """Return a header as lines, for bytes."""
        encoded = _encoded(name, value)
        return encoded.encode("ascii") if encoded else bytes(ONE_LINE.fold_binary(name, value))


def _encoded(name: str, value: Any) -> str | None:
    """A header with letters outside ASCII, in encoded words; None for any other."""
    if str(value).isascii():
        return None
    addresses = getattr(value, "addresses", ())
    words = addresses[0].display_name if addresses else str(value)
    encoded = Header(words, "utf-8", maxlinelen=LONGEST_WORD, header_name=name).encode(linesep="\r\n")
    return f"{name}: {encoded}\r\n" + (f" <{addresses[0].addr_spec}>\r\n" if addresses else "")


HEADERS = _HeaderLines(linesep="\r\n")


class Outcome(StrEnum):
    """The outcome of one attempt: accepted, refused for good, refused for now, server unreachable, or unknown."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Receipt(NamedTuple):
    """What a transport that reports later gave for a letter: its own id, its template's version, and whether the words
    are the letter's.
    """

    id: str
    template_version: int
    same_words: bool


class Attempt(NamedTuple):
    """The outcome and a code for the reason: `smtp_550`, `unreachable`, `outcome_unknown`.

    The server's own text is never included, because it quotes addresses. `once`: the transport knows that it was sent
    no second time. `pause`: how long the transport asked to be left alone.
    """

    outcome: Outcome
    why: str | None = None
    content_digest: str | None = None
    message_digest: str | None = None
    receipt: Receipt | None = None
    once: bool = False
    pause: timedelta | None = None

    @property
    def is_mail_server_failure(self) -> bool:
        """Whether the mail server failed, so that no letter to any recipient would have left."""
        return self.why in MAIL_SERVER_FAILURES


class Letter(NamedTuple):
    """One letter that is ready to be sent. `written_at` is the Date header; `message_id` is that of every attempt.

    `again`: the outcome of an earlier attempt is unknown.
    """

    id: str
    message_id: str
    mailbox: str
    office: str
    reply_to: str
    subject: str
    text: str
    html: str
    written_at: datetime
    again: bool = False


class Transport(Protocol):
    """A way for letters to leave."""

    def send(self, letter: Letter) -> Attempt:
        """Try once. Returns an Attempt for every failure of the server or the connection, and never raises for it."""
        ...


def as_message(letter: Letter) -> EmailMessage:
    """Return the letter as an e-mail with text and HTML as alternatives, marked as written by a machine.

    Raises ValueError for what no header can hold: a line break, or an address that is none or not in ASCII.
    """
    mail = EmailMessage(policy=HEADERS)
    mail["From"] = Address(letter.office, *_parts(letter.reply_to))
    mail["To"] = Address("", *_parts(letter.mailbox))
    mail["Reply-To"] = Address("", *_parts(letter.reply_to))
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    mail["Content-Language"] = "en-GB"
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return mail


def _parts(address: str) -> tuple[str, str]:
    """Local part and domain of an address."""
    local, at, domain = address.rpartition("@")
    if not (local and at and domain and address.isascii() and address.isprintable() and " " not in address):
        raise ValueError("not an address")
    return local, domain


def _written(letter: Letter) -> bytes | None:
    """The bytes of a letter; None if it cannot be written, which only a person can fix and concerns no other letter."""
    try:
        return as_message(letter).as_bytes()
    except (ValueError, LookupError, AttributeError, TypeError, HeaderParseError):
        # The e-mail package raises each of these for some value of a header.
        return None


class _Connection(smtplib.SMTP):
    """A connection that is cut when its time is over, because a very slow server would hold up every other letter."""

    _end: threading.Timer | None = None

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Connect, and store the host name, which STARTTLS checks. smtplib stores it only in its constructor."""
        self._host = host
        return super().connect(host, port, source_address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # as SMTP_SSL does
        self._own = made.dup()  # the same socket, also after TLS took over the first handle
        self._end = threading.Timer(ANSWERS * timeout, self._cut)
        self._end.daemon = True
        self._end.start()
        return made

    def _cut(self) -> None:
        with suppress(OSError):
            self._own.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection and stop its timer."""
        super().close()
        if self._end is not None:
            self._end.cancel()
            self._own.close()


class SmtpTransport:
    """Sends by SMTP, to a mail server or to the local SMTP server.

    It uses TLS if the server offers it. The certificate of a server on another machine must be valid.
    """

    def __init__(
        self,
        host: str,
        port: int,
        seconds: float = SECONDS,
        *,
        login: str | None = None,
        only_by_tls: bool = False,
        tls_ca: Path | None = None,
    ) -> None:
        """Take the server's address, the time limit of one answer in seconds, and the login as user:password.

        With `only_by_tls` no letter goes to a server that offers no TLS, because an attacker between the two may have
        removed the offer. The file `tls_ca` holds certificate authorities that are trusted besides the public ones.
        """
        self._host, self._port, self._seconds = host, port, seconds
        self._login, self._only_by_tls, self._tls_ca = login, only_by_tls, tls_ca

    def send(self, letter: Letter) -> Attempt:
        """Try once, over a new connection. The letter is written before the server is asked for anything."""
        raw = _written(letter)
        if raw is None:
            return Attempt(Outcome.REFUSED, CANNOT_BE_WRITTEN)
        try:
            server = _Connection(timeout=self._seconds)
            code, _ = server.connect(self._host, self._port)
        except OSError:
            # smtplib's own exceptions are OSErrors too: a server without a greeting counts as unreachable.
            return Attempt(Outcome.UNREACHABLE, "unreachable")
        try:
            return self._offer(server, letter, raw) if code == 220 else _not_received(code)
        except OSError:
            return Attempt(Outcome.UNREACHABLE, "line_lost_before_data")
        finally:
            _hang_up(server)

    def answers(self) -> bool:
        """Return whether a mail server greets at the address."""
        try:
            with _Connection(self._host, self._port, timeout=self._seconds):
                return True
        except OSError:
            return False

    def _offer(self, server: smtplib.SMTP, letter: Letter, raw: bytes) -> Attempt:
        """Do all steps before the content. If the connection breaks here, the server has accepted nothing."""
        server.ehlo_or_helo_if_needed()
        why = self._start_tls(server) or self._log_in(server)
        if why is not None:
            return Attempt(Outcome.LATER, why)
        code, _ = server.mail(letter.reply_to)
        if 500 <= code <= 599:
            # Every letter has the same sender. If this counted as a refusal of the letter, one wrong setting would
            # make all of them fail for good.
            return Attempt(Outcome.LATER, "login_needed" if code == LOGIN_NEEDED else "sender_refused")
        if code != 250:
            return _classified(code)
        code, _ = server.rcpt(letter.mailbox)
        if code == LOGIN_NEEDED:
            return Attempt(Outcome.LATER, "login_needed")
        if code not in (250, 251):
            return _classified(code)
        server.putcmd("data")
        code, _ = server.getreply()
        return self._hand_over(server, raw) if code == 354 else _classified(code)

    def _start_tls(self, server: smtplib.SMTP) -> str | None:
        """Start TLS if the server offers it. Returns the reason if TLS is needed and not possible."""
        if not server.has_extn("starttls"):
            return "no_tls" if self._only_by_tls else None
        try:
            server.starttls(context=self._tls_context())
        except smtplib.SMTPResponseException:
            return "no_tls"
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise  # the connection was lost, which says nothing about the certificate
        except ssl.SSLError:
            # The certificate is untrusted, expired or for another name, or there is no common TLS version.
            return "tls_refused"
        server.ehlo()
        return None

    def _tls_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if _on_this_machine(self._host):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif self._tls_ca is not None:
            try:
                context.load_verify_locations(self._tls_ca)
            except OSError:
                # The file is missing or holds no certificates, so nothing that it vouched for is trusted.
                raise ssl.SSLError("no certificates") from None
        return context

    def _log_in(self, server: smtplib.SMTP) -> str | None:
        """Log in if there is a login. Returns the reason if the server does not accept it."""
        if self._login is None:
            return None
        user, _, password = self._login.partition(":")
        try:
            server.login(user, password)
        except smtplib.SMTPServerDisconnected:
            raise
        except smtplib.SMTPNotSupportedError:
            return "no_login_offered"
        except smtplib.SMTPException:
            return "login_refused"
        return None

    def _hand_over(self, server: smtplib.SMTP, raw: bytes) -> Attempt:
        body = re.sub(rb"(?m)^\.", b"..", raw if raw.endswith(b"\r\n") else raw + b"\r\n")
        try:
            server.send(body + END_OF_DATA)
            code, _ = server.getreply()
        except OSError:
            return Attempt(Outcome.UNKNOWN, "outcome_unknown")
        return _accepted(raw) if code == 250 else _classified(code)


def _accepted(raw: bytes) -> Attempt:
    """The digest is that of the bytes as they arrive, which end with a line break."""
    arrived = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    return Attempt(Outcome.ACCEPTED, message_digest=hashlib.sha256(arrived).hexdigest())


def _classified(code: int) -> Attempt:
    """Classify an answer: 5xx is permanent, 4xx temporary; any other answer is unexpected and counts as temporary."""
    return Attempt(
        Outcome.REFUSED if 500 <= code <= 599 else Outcome.LATER, f"smtp_{code}" if code > 0 else "unreachable"
    )


def _not_received(code: int) -> Attempt:
    """Classify a refusal in place of the greeting. It concerns this machine and no letter, so it is never permanent."""
    return _classified(code) if code < 500 else Attempt(Outcome.LATER, "greeting_refused")


def _on_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _hang_up(server: smtplib.SMTP) -> None:
    try:
        server.quit()
    except OSError:
        server.close()


class SecureSubjects:
    """Puts [secure] before the subject of letters to some mailboxes, by which the mail server encrypts them."""

    def __init__(self, transport: Transport, marks: Callable[[str], bool]) -> None:
        """Take the transport that sends, and a function that says whether a mailbox needs the mark."""
        self._transport, self._marks = transport, marks

    def send(self, letter: Letter) -> Attempt:
        """Send the letter with the subject that its mailbox needs."""
        if self._marks(letter.mailbox):
            letter = letter._replace(subject=f"{SECURE} {letter.subject}")
        return self._transport.send(letter)


class FileTransport:
    """Writes letters as .eml files to a folder, for people who send them by other means. Sent twice, it is one file."""

    def __init__(self, folder: Path) -> None:
        """Take the folder. It is created when the first letter is written."""
        self._folder = folder

    def send(self, letter: Letter) -> Attempt:
        """Write the file in one step, so that no reader ever sees half a letter."""
        raw = _written(letter)
        if raw is None:
            return Attempt(Outcome.REFUSED, CANNOT_BE_WRITTEN)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._folder / f"{letter.id}.eml", raw)
        except OSError:
            return Attempt(Outcome.UNREACHABLE, "folder_not_writable")
        return _accepted(raw)
