"""Helpers of the delivery tests: a real SMTP server whose answers a test sets, and the outbox as rows."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import text

from casework.delivery.deliver import DeliveryReport, deliver
from models.database import reading
from notifications.transport import Attempt, Letter, Outcome, SmtpTransport
from tests.support.by_hand import day
from tests.support.team import Team

HOST = "127.0.0.1"
SERVICE = "slt.advice@northshire-community.example"
MANAGER = "therapies.manager@northshire-community.example"
LEAD = "send.lead@northshire-community.example"
DCO = "send.dco@northernvales-icb.example"


class ScriptedMailServer:
    """An SMTP server that stores every message and answers as a test sets it.

    `answer_rcpt` and `answer_data` are its replies; `hang_up` closes the connection instead of answering the data.
    """

    def __init__(self) -> None:
        self.arrived: list[EmailMessage] = []
        self.answer_rcpt = "250 OK"
        self.answer_data = "250 OK"
        self.hang_up = False
        self.port = _free_port()
        self.transport = SmtpTransport(HOST, self.port, seconds=10)
        self._controller: Controller | None = None

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer_rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.answer_rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        if self.answer_data.startswith("2"):
            message = message_from_bytes(content, policy=default)
            assert isinstance(message, EmailMessage)
            assert envelope.rcpt_tos == [str(message["To"])]
            self.arrived.append(message)
        if self.hang_up:
            assert server.transport is not None
            server.transport.close()
        return self.answer_data

    def open(self) -> None:
        self._controller = Controller(self, hostname=HOST, port=self.port)
        self._controller.start()

    def close(self) -> None:
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def received(self) -> list[tuple[str, str]]:
        """Return every message that arrived: mailbox and subject."""
        return [(str(one["To"]), str(one["Subject"])) for one in self.arrived]

    def ids(self) -> list[str]:
        return [str(one["Message-ID"]) for one in self.arrived]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_mail_server() -> Iterator[ScriptedMailServer]:
    mail_server = ScriptedMailServer()
    mail_server.open()
    try:
        yield mail_server
    finally:
        mail_server.close()


class RecordingTransport:
    """A mail transport without a network, for tests with another subject."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []

    def send(self, letter: Letter) -> Attempt:
        self.letters.append(letter)
        return Attempt(Outcome.ACCEPTED)


def run_delivery(team: Team, today: str | date, mail_server: ScriptedMailServer, **how: Any) -> DeliveryReport:
    return deliver(team.context(today), transport=mail_server.transport, **how)


def letters(team: Team) -> list[tuple[str, str, str, str | None]]:
    """Return every letter: mailbox, day, state, reason."""
    with reading(team.first.engine) as connection:
        rows = connection.execute(text('SELECT mailbox, "on", state, why FROM letter ORDER BY "on", id'))
        return [(row[0], str(row[1]), row[2], row[3]) for row in rows]


def outcomes(team: Team) -> list[tuple[str, str, str, str]]:
    """Return every fact about a sent or failed notice: kind, escalation step, recipient, day."""
    return [
        (line.kind, str(line.data["rung"]), str(line.data["recipient"]), line.occurred_on.isoformat())
        for line in team.lines()
        if line.kind in ("notice_sent", "notice_failed")
    ]


def days(first: str, count: int) -> list[date]:
    return [date.fromordinal(day(first).toordinal() + each) for each in range(count)]
