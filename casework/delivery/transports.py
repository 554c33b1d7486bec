"""The mail transports of one run: which one a mailbox has, whether it may be used now, and what it did.

A body's table `letters` in the directory may name its transport; every other letter goes by SENDFLOW_CARRIER. An
installation that stores all letters uses no other transport. "Accepted" means that a server took the letter: it ends
no chasing. A simulation has no circuit breaker and no limit, because its day does not pass.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import partial

from casework.context import LONDON, AppContext, instant
from casework.delivery import transport_state
from casework.delivery.transport_state import ENOUGH
from casework.job_runs import MAIL_SERVER_ACCEPTS
from casework.steps import slot
from config.running_instance import read_running
from config.settings import Carrier, Settings
from config.transports import Limit, TransportRules, transport_rules
from models.database import reading, transact
from models.when_back import transact_when_back
from notifications.local_smtp import LocalSmtpServer
from notifications.notify import NotifyTransport
from notifications.transport import (
    CANNOT_BE_WRITTEN,
    Attempt,
    FileTransport,
    Letter,
    Outcome,
    SecureSubjects,
    SmtpTransport,
    Transport,
)

NOTIFY_NOT_SET = "notify_not_set"


class _NotSet:
    """In place of GOV.UK Notify while the settings have no key: its letters wait, and the doctor says why."""

    def send(self, letter: Letter) -> Attempt:
        del letter
        return Attempt(Outcome.LATER, NOTIFY_NOT_SET)


class Transports:
    """The mail transports of one run, for one thread. Itself a mail transport."""

    def __init__(self, context: AppContext, given: Transport | None, at_once: bool, stack: ExitStack) -> None:
        """`given` replaces every transport; `at_once` does not wait for a transport that is left alone."""
        self._context, self._given, self._at_once, self._stack = context, given, at_once, stack
        self._rules = transport_rules(context.settings)
        self._open: dict[str, Transport] = {}
        self._failures: dict[str, int] = {}
        self._last: dict[str, Attempt] = {}
        self._slots: dict[str, bool] = {}

    def take(self, mailbox: str) -> bool:
        """Whether a letter to this mailbox may be sent now. If so, it is counted."""
        name = transport_name(self._context, mailbox)
        if self._failures.get(name, 0) >= ENOUGH or not self._has_slot(name):
            return False
        if self._context.simulated or self._at_once:
            return True
        count = partial(transport_state.take, name=name, limit=_limit(self._rules, name), now=self._context.now())
        return transact(self._context.engine, count)

    def give_back(self, mailbox: str) -> None:
        """Undo `take`: the mailbox had no letter."""
        if not (self._context.simulated or self._at_once):
            name = transport_name(self._context, mailbox)
            transact(self._context.engine, partial(transport_state.give_back, name=name, now=self._context.now()))

    def send(self, letter: Letter, by: str | None = None) -> Attempt:
        """Send by the transport of the mailbox, or `by` another; store what the attempt says of the transport."""
        name = by or transport_name(self._context, letter.mailbox)
        attempt = self._transport(name).send(letter)
        if attempt.why != CANNOT_BE_WRITTEN:
            self._last[name] = attempt
            failures = self._failures.get(name, 0) + 1 if attempt.is_mail_server_failure else 0
            self._failures[name] = ENOUGH if attempt.pause is not None else failures
        if not self._context.simulated:
            noted = partial(transport_state.note, name=name, attempt=attempt, now=self._context.now())
            transact_when_back(self._context.engine, noted)  # the letter is sent, which is to be recorded
        return attempt

    def state(self) -> str | None:
        """MAIL_SERVER_ACCEPTS, or a word for why a transport does not send, by its last attempt; None without one."""
        failed = [attempt.why for attempt in self._last.values() if attempt.is_mail_server_failure]
        return failed[0] if failed else MAIL_SERVER_ACCEPTS if self._last else None

    def _has_slot(self, name: str) -> bool:
        """Whether this run may use a transport beside the other deliverers. Asked once for the whole run."""
        if name not in self._slots:
            self._slots[name] = self._stack.enter_context(slot(name))
        return self._slots[name]

    def _transport(self, name: str) -> Transport:
        if self._given is not None:
            return self._given
        if name not in self._open:
            self._open[name] = self._stack.enter_context(_opened(self._context.settings, Carrier(name), self._rules))
        return self._open[name]


@contextmanager
def transports(context: AppContext, given: Transport | None = None, *, at_once: bool = False) -> Iterator[Transports]:
    """The mail transports of the installation, opened when they are first used; or the one given."""
    with ExitStack() as stack:
        yield Transports(context, given, at_once, stack)


@contextmanager
def mail_transport(settings: Settings, transport: Transport | None = None) -> Iterator[Transport]:
    """The mail transport of SENDFLOW_CARRIER, or the one given: for sendflow's own e-mails, which are about no case."""
    if transport is not None:
        yield transport
        return
    with _opened(settings, settings.carrier, transport_rules(settings)) as opened:
        yield opened


def transport_name(context: AppContext, mailbox: str) -> str:
    """The name of the transport by which a mailbox gets its letters."""
    carrier = context.settings.carrier
    if carrier is Carrier.SINK:
        return str(carrier)
    named = [times.transport for times in context.directory.letter_times(mailbox) if times.transport is not None]
    return named[0] if named else str(carrier)


def transport_of_body(context: AppContext, body: str) -> str | None:
    """The name of the transport that the directory gives a body; None where it gives none, or stores all letters."""
    times = context.directory.times_of_body(body)
    if context.settings.carrier is Carrier.SINK or times is None or times.transport is None:
        return None
    return str(times.transport)


def is_quiet(context: AppContext, mailbox: str) -> bool:
    """Whether a mailbox gets no letter now, by the quiet days and hours (London) of its bodies."""
    here = context.now().astimezone(LONDON)
    return any(
        times.is_quiet_on(here.date()) or not (context.simulated or times.is_open_at(here.time()))
        for times in context.directory.letter_times(mailbox)
    )


def usable(context: AppContext) -> set[str]:
    """The transports that may be used now. Counts nothing."""
    names = {str(each) for each in Carrier}
    if context.simulated:
        return names
    rules, now = transport_rules(context.settings), instant(context.now())
    with reading(context.engine) as connection:
        states = transport_state.states(connection)
    return {name for name in names if name not in states or states[name].may_send(_limit(rules, name), now)}


def _limit(rules: TransportRules, name: str) -> Limit:
    return rules.limit.get(name, Limit())


@contextmanager
def _opened(settings: Settings, carrier: Carrier, rules: TransportRules) -> Iterator[Transport]:
    """One transport. Starts the local SMTP server if it is needed and not running."""
    if carrier is Carrier.SMTP:
        smtp = SmtpTransport(
            settings.smtp_host,
            settings.smtp_port,
            login=settings.smtp_login,
            only_by_tls=settings.smtp_tls,
            tls_ca=settings.tls_ca,
        )
        today = settings.today or datetime.now(LONDON).date()
        yield SecureSubjects(smtp, partial(rules.secure_mail.marks, settings.smtp_host, today=today))
    elif carrier is Carrier.NOTIFY:
        yield NotifyTransport(settings.notify) if settings.notify is not None else _NotSet()
    elif carrier is Carrier.FILE:
        yield FileTransport(settings.letters)
    else:
        running = read_running(settings)
        if running is not None:
            local = SmtpTransport(running.smtp_host, running.smtp_port, login=settings.auth)
            if local.answers():
                yield local
                return
        login = f"deliver:{secrets.token_urlsafe(24)}"
        with LocalSmtpServer(settings.letters, login) as server:
            yield SmtpTransport("127.0.0.1", server.port, login=login)
