"""Sending one letter: out through the house's carrier, outside any transaction, and what became of it recorded in one
of its own.

Both who empties the outbox (`delivering`) and who writes the morning digest (`digesting`) send through here, so that
every letter ends alike: in a named state, with `notice_sent` or `notice_failed` among the facts of each case that it
spoke of.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import Connection, Row

from casework import fault_points
from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork, open_readable
from casework.context import AppContext, instant
from casework.delivery import compose
from casework.delivery.lease import Sender
from config.running_instance import read_running
from config.settings import Carrier, Settings
from models.database import transact
from models.enums import LetterState, NoticeState
from models.facts import FactDraft, canonical
from notifications import outbox
from notifications.local_smtp import LocalSmtpServer
from notifications.notices import NoticeDraft, overtaken
from notifications.outbox import Claimed
from notifications.render import RenderError, render
from notifications.transport import Attempt, FileTransport, Letter, Outcome, SmtpTransport, Transport, message_id

FIRST_WAIT, LONGEST_WAIT = timedelta(minutes=5), timedelta(hours=4)
UNSURE = "outcome_unknown"
UNWRITTEN = "cannot_be_written"
WORKS = "works"


@dataclass
class Round:
    """One run of deliver, and what it has counted so far.

    `relay` is what the last letter showed of the carrier: WORKS, or a word for why it does not; `in_a_row` counts the
    letters that it kept from leaving.
    """

    context: AppContext
    sender: Sender
    run: str | None
    now: bool
    transport: Transport
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("sent", "failed", "withdrawn"), 0))
    relay: str | None = None
    in_a_row: int = 0

    def heard(self, attempt: Attempt) -> None:
        """Takes note of what an attempt shows of the carrier; one that never reached it shows nothing."""
        if attempt.why != UNWRITTEN:
            self.relay, self.in_a_row = (attempt.why, self.in_a_row + 1) if attempt.of_the_relay else (WORKS, 0)

    def unit(self, connection: Connection) -> UnitOfWork:
        return UnitOfWork(self.context, connection, actor="sendflow", via="deliver", run=self.run)


@contextmanager
def carrier(settings: Settings, transport: Transport | None = None) -> Iterator[Transport]:
    """The house's carrier. With the local sink and none listening, one is started for as long as it is needed."""
    if transport is not None:
        yield transport
    elif settings.carrier is Carrier.SMTP:
        yield SmtpTransport(
            settings.smtp_host,
            settings.smtp_port,
            login=settings.smtp_login,
            only_by_tls=settings.smtp_tls,
            tls_ca=settings.tls_ca,
        )
    elif settings.carrier is Carrier.FILE:
        yield FileTransport(settings.letters)
    else:
        running = read_running(settings)
        if running is not None and SmtpTransport(running.smtp_host, running.smtp_port).answers():
            yield SmtpTransport(running.smtp_host, running.smtp_port)
        else:
            with LocalSmtpServer(settings.letters) as sink:
                yield SmtpTransport("127.0.0.1", sink.port)


def as_it_stands(connection: Connection, row: Row[Any], again: bool) -> Claimed:
    """A letter to be sent in the words that it has; `again` where an earlier attempt's outcome is not known."""
    notices = outbox.notices_of(connection, row.id)
    return Claimed(
        row.id,
        row.mailbox,
        row.on,
        row.template,
        row.template_version,
        orjson.loads(row.fields),
        row.message_id,
        notices,
        again,
    )


def claim_values(work: Round) -> dict[str, Any]:
    """What a letter says while this run is sending it."""
    return {
        "state": LetterState.SENDING,
        "claimed_by": work.sender.name,
        "claimed_at": instant(work.context.now()),
        "next_try_at": None,
    }


def open_letter(
    work: Round,
    connection: Connection,
    mailbox: str,
    stem: str,
    written: tuple[str, int, dict[str, Any]],
    drafts: Sequence[NoticeDraft],
) -> Claimed:
    """A new letter of today, claimed by this run. `written` is its template, version and fields."""
    today, (template, version, fields) = work.context.today(), written
    id_ = outbox.letter_id(connection, stem)
    letter = Claimed(
        id_, mailbox, today, template, version, fields, message_id(id_, work.context.directory.dco), list(drafts), False
    )
    outbox.put_letter(
        connection,
        {
            "id": id_,
            "mailbox": mailbox,
            "on": today,
            "template": template,
            "template_version": version,
            "fields": canonical(fields).decode(),
            "message_id": letter.message_id,
            "attempts": 1,
            **claim_values(work),
        },
    )
    return letter


def send(work: Round, letter: Claimed | None) -> None:
    """Sends one claimed letter, outside any transaction, and records what became of it."""
    if letter is None:
        return
    fault_points.here("after_claim")
    attempt = _attempt(work, letter)
    work.heard(attempt)
    fault_points.here("after_send_before_record")
    before = dict(work.counts)

    def once(connection: Connection) -> None:
        work.counts.update(before)
        _record(work, connection, letter, attempt)

    transact(work.context.engine, once)
    fault_points.here("after_record")


def _attempt(work: Round, letter: Claimed) -> Attempt:
    context = work.context
    try:
        made = render(letter.template, letter.version, letter.fields)
    except RenderError:
        # A template that cannot be filled is mended by a person; the letter says so and nothing is sent half written.
        return Attempt(Outcome.REFUSED, UNWRITTEN)
    return work.transport.send(
        Letter(
            letter.id,
            letter.message_id,
            letter.mailbox,
            compose.office(context),
            context.directory.dco,
            made.subject,
            made.text,
            made.html,
            context.now(),
        )
    )


def _record(work: Round, connection: Connection, letter: Claimed, attempt: Attempt) -> None:
    if attempt.outcome is Outcome.ACCEPTED:
        state = LetterState.SENT_PERHAPS_TWICE if letter.again else LetterState.SENT
        work.counts["sent"] += conclude(work, connection, letter, state, UNSURE if letter.again else None)
    elif attempt.outcome is Outcome.REFUSED:
        work.counts["failed"] += conclude(work, connection, letter, LetterState.FAILED, attempt.why)
    elif attempt.outcome is Outcome.UNKNOWN and letter.again:
        # Sent twice and known neither time: nobody may be recorded as told, and a person has to ask.
        work.counts["failed"] += conclude(work, connection, letter, LetterState.FAILED, UNSURE)
    else:
        _put_off(
            work, connection, letter, UNSURE if letter.again or attempt.outcome is Outcome.UNKNOWN else attempt.why
        )


def _put_off(work: Round, connection: Connection, letter: Claimed, why: str | None) -> None:
    wait = min(FIRST_WAIT * 2 ** min(outbox.attempts(connection, letter.id) - 1, 10), LONGEST_WAIT)
    values = {
        "state": LetterState.WAITING,
        "why": why,
        "next_try_at": instant(work.context.now() + wait),
        "claimed_by": None,
        "claimed_at": None,
    }
    outbox.change_letter(connection, letter.id, LetterState.SENDING, values, by=work.sender.name)


def conclude(work: Round, connection: Connection, letter: Claimed, state: LetterState, why: str | None) -> bool:
    """Records the end of a letter: its own state, its notices' states and their facts; False where another run has
    taken it over.
    """
    sent = state is not LetterState.FAILED
    values = {"state": state, "why": why, "sent_at": instant(work.context.now()) if sent else None, "claimed_by": None}
    if not outbox.change_letter(connection, letter.id, LetterState.SENDING, values, by=work.sender.name):
        return False
    keys = [notice.key for notice in letter.notices]
    outbox.move(connection, keys, (NoticeState.CLAIMED,), NoticeState(str(state)), letter.id)
    unit = work.unit(connection)
    # A case damaged since the claim cannot take the fact; the letter's end is recorded all the same, or it would be
    # sent for ever.
    works = open_readable(unit, {notice.case_ref for notice in letter.notices})
    for notice in letter.notices:
        case = works.get(notice.case_ref)
        if case is None:
            continue
        about = _outcome(letter, notice, why)
        unit.add(case, [FactDraft("notice_sent" if sent else "notice_failed", work.context.today(), about)])
        if sent:
            unit.notices += overtaken(compose.view_of(work.context, case), about)
    commit(unit)
    return True


def _outcome(letter: Claimed, notice: NoticeDraft, why: str | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "rule": notice.rule,
        "rung": notice.rung,
        "opened_seq": notice.opened_seq,
        "recipient": str(notice.recipient),
        "letter": letter.id,
        "due": notice.due.isoformat() if notice.due else None,
        "rung_seq": notice.fact_seq,
        "body": notice.body,
        "service": notice.service,
        "why": why,
    }
    return {key: value for key, value in told.items() if value is not None}
