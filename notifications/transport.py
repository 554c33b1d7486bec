"""The post: carries one letter to one mailbox and says what became of it. [I/O]

Purpose: everything that is not known of a letter's fate is said to be not known. A refusal for good (5xx) and a refusal
for now (4xx) are told apart, a server that does not answer is no refusal at all, and a line that breaks once the letter
is on its way leaves the outcome unknown: then the same Message-ID is sent once more, which is the best that SMTP has.
No carrier retries by itself and none decides about a day.
"""

import re
import smtplib
import socket
import ssl
import threading
from contextlib import suppress
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple, Protocol

SECONDS = 30.0
LOGIN_NEEDED = 530
ANSWERS = 5  # a letter is over and done with in so many times the patience for one answer
END_OF_DATA = b".\r\n"
# Why a letter did not leave, where that says nothing of the letter or of whom it is for: the next one would
# fare no
# better.
OF_THE_RELAY = frozenset(
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
    }
)
# Headers in one line each: a subject folded after its first word is shown by some programs with a blank
# before it.
ONE_LINE = SMTP.clone(max_line_length=400)


class Outcome(StrEnum):
    """What became of one attempt: taken over; refused for good; refused for now; nobody there; or not known."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    LATER = "later"
    UNREACHABLE = "unreachable"
    UNKNOWN = "unknown"


class Attempt(NamedTuple):
    """The outcome and a word for why: `smtp_550`, `unreachable`, `outcome_unknown`. Never the server's own text, which
    quotes addresses.
    """

    outcome: Outcome
    why: str | None = None

    @property
    def of_the_relay(self) -> bool:
        """Whether it is the relay that does not work, whatever the letter and whomever it is for."""
        return self.why in OF_THE_RELAY


class Letter(NamedTuple):
    """One letter ready to leave. `written_at` is the Date header; `message_id` stays the same however often
    it is sent.
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


class Transport(Protocol):
    """A carrier of letters."""

    def send(self, letter: Letter) -> Attempt:
        """Tries once. Never raises for anything that a server or a line does."""
        ...


def message_id(letter_id: str, reply_to: str) -> str:
    """The Message-ID of a letter: made from its key alone, so that a second sending is seen to be the same letter."""
    return f"<{letter_id}.sendflow@{reply_to.rpartition('@')[2]}>"


def as_message(letter: Letter) -> EmailMessage:
    """The letter as mail: text and HTML as alternatives. Says that it was written by a machine; nothing in it
    identifies a child.
    """
    mail = EmailMessage(policy=ONE_LINE)
    sender, _, domain = letter.reply_to.rpartition("@")
    mail["From"] = Address(letter.office, sender, domain)
    mail["To"] = letter.mailbox
    mail["Reply-To"] = letter.reply_to
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(letter.written_at)
    mail["Message-ID"] = letter.message_id
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "OOF, AutoReply"
    mail["Content-Language"] = "en-GB"
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return mail


class _Line(smtplib.SMTP):
    """A line that is cut when its time is over: a server that says a word now and then would keep every other letter
    waiting for ever.
    """

    _end: threading.Timer | None = None

    def connect(self, host: str = "localhost", port: int = 0, source_address: Any = None) -> tuple[int, bytes]:
        """Connects, and remembers to whom: the library does so only where it connects by itself, and STARTTLS then has
        no name to check.
        """
        self._host = host
        return super().connect(host, port, source_address)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        made: socket.socket = super()._get_socket(host, port, timeout)  # type: ignore[misc]  # the library's own place for this (SMTP_SSL)
        self._own = made.dup()  # the same line, also when TLS has taken the first handle over
        self._end = threading.Timer(ANSWERS * timeout, self._cut)
        self._end.daemon = True
        self._end.start()
        return made

    def _cut(self) -> None:
        with suppress(OSError):
            self._own.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Closes the line."""
        super().close()
        if self._end is not None:
            self._end.cancel()
            self._own.close()


class SmtpTransport:
    """An SMTP relay, or the local sink. TLS wherever the server offers it; elsewhere than on this machine its
    certificate must hold.
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
        """Takes the relay's address, how long to wait for each answer, and where it asks for one the login, as
        user:password.

        A server that offers no TLS, by its own choice or by somebody's between, is given nothing where letters go
        `only_by_tls`. The authorities in the file `tls_ca` vouch for it as the public ones do.
        """
        self._host, self._port, self._seconds = host, port, seconds
        self._login, self._only_by_tls, self._tls_ca = login, only_by_tls, tls_ca

    def send(self, letter: Letter) -> Attempt:
        """Tries once over a connection of its own."""
        try:
            server = _Line(timeout=self._seconds)
            code, _ = server.connect(self._host, self._port)
        except OSError:
            # smtplib's own exceptions are OSErrors too: no greeting is no server.
            return Attempt(Outcome.UNREACHABLE, "unreachable")
        try:
            return self._offer(server, letter) if code == 220 else _not_received(code)
        except OSError:
            return Attempt(Outcome.UNREACHABLE, "line_lost_before_data")
        finally:
            _hang_up(server)

    def answers(self) -> bool:
        """Whether a mail server greets at the address."""
        try:
            with _Line(self._host, self._port, timeout=self._seconds):
                return True
        except OSError:
            return False

    def _offer(self, server: smtplib.SMTP, letter: Letter) -> Attempt:
        """Everything up to the server's leave to send: whatever breaks here, nothing has been taken over."""
        server.ehlo_or_helo_if_needed()
        why = self._covered(server) or self._known(server)
        if why is not None:
            return Attempt(Outcome.LATER, why)
        code, _ = server.mail(letter.reply_to)
        if 500 <= code <= 599:
            # Every letter has the same sender: were it the letter's end, all of them would fail for good
            # over one
            # setting.
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
        return self._hand_over(server, letter) if code == 354 else _classified(code)

    def _covered(self, server: smtplib.SMTP) -> str | None:
        """Goes over to TLS where the server offers it; a word for why not, where it has to be and cannot."""
        if not server.has_extn("starttls"):
            return "no_tls" if self._only_by_tls else None
        try:
            server.starttls(context=self._trusting())
        except smtplib.SMTPResponseException:
            return "no_tls"
        except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
            raise  # the line was lost on the way, which says nothing of the certificate
        except ssl.SSLError:
            # Nobody vouches for its certificate, it is another's, it has run out, or the two speak no
            # common TLS.
            return "tls_refused"
        server.ehlo()
        return None

    def _trusting(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if _on_this_machine(self._host):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        elif self._tls_ca is not None:
            try:
                context.load_verify_locations(self._tls_ca)
            except OSError:
                # It is gone, or holds no certificates: whom it vouched for is not vouched for.
                raise ssl.SSLError("no certificates") from None
        return context

    def _known(self, server: smtplib.SMTP) -> str | None:
        """Gives the login where there is one; a word for why not, where it is not taken."""
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

    def _hand_over(self, server: smtplib.SMTP, letter: Letter) -> Attempt:
        raw = as_message(letter).as_bytes()
        body = re.sub(rb"(?m)^\.", b"..", raw if raw.endswith(b"\r\n") else raw + b"\r\n")
        try:
            server.send(body + END_OF_DATA)
            code, _ = server.getreply()
        except OSError:
            return Attempt(Outcome.UNKNOWN, "outcome_unknown")
        return Attempt(Outcome.ACCEPTED) if code == 250 else _classified(code)


def _classified(code: int) -> Attempt:
    """5xx is for good, 4xx is for now; any other answer is one that nobody foresaw, and is tried again."""
    return Attempt(
        Outcome.REFUSED if 500 <= code <= 599 else Outcome.LATER, f"smtp_{code}" if code > 0 else "unreachable"
    )


def _not_received(code: int) -> Attempt:
    """A no in the place of a greeting says nothing of any letter, not even one for good: this machine is not listened
    to.
    """
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


class FileTransport:
    """Letters as .eml files in a folder, for people who send them on by other means. A letter sent twice is
    one file.
    """

    def __init__(self, folder: Path) -> None:
        """Takes the folder; it is made where absent."""
        self._folder = folder

    def send(self, letter: Letter) -> Attempt:
        """Writes the file in one step, so that no reader ever sees half a letter."""
        fresh = self._folder / f".{letter.id}.part"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            fresh.write_bytes(as_message(letter).as_bytes())
            fresh.replace(self._folder / f"{letter.id}.eml")
        except OSError:
            return Attempt(Outcome.UNREACHABLE, "folder_not_writable")
        return Attempt(Outcome.ACCEPTED)
