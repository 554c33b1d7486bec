"""The replies tray: mails that wait for a person, and what the person decides. The command and the page are both here.

Every look at what a mail says is logged first. A decision is in the name of an account; the words of a mail that is
about no case are erased 30 days after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Row, func, select

from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.record import RecordCommand, apply
from casework.cases.references import find_case
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext, instant
from casework.delivery.came_back import say_that_it_was_undelivered
from casework.mailbox.bounces import Cause
from casework.mailbox.codes import CodeLine
from casework.mailbox.match import IN_A_MAIL, Why, asked_of, case_refs_of, owed_by_sender, reply_of
from casework.privacy.case_looks import note_looks
from casework.replies.answers import Possible, Reply, drafts_of, possible_answers
from casework.replies.record import VIA_MAIL, Asked, NotOwed, duty_asked_for
from models.answers import Answer
from models.database import reading, transact
from models.errors import Refusal
from models.incoming_mail import MailState, Summary, settle, summary_of
from models.tables import CASE, INCOMING_MAIL

NO_CASE = "-"  # in place of a case's reference, in the log of looks
LOOK = "mail"
NOT_SHOWN = "/reply/(not shown)"  # in place of the token of a link
WHY = {
    Why.NO_CODE: "it has no code line on top",
    Why.NO_LETTER: "it names no e-mail of ours",
    Why.SENDER_NOT_KNOWN: "its sender is no mailbox of the directory",
    Why.SENDER_NOT_VOUCHED_FOR: "its sender is not proved: no server vouches for it, or it names no e-mail of ours",
    Why.NOTHING_OWED: "nothing is owed by its sender there",
    Why.SEVERAL_DUTIES: "several duties fit",
    Why.NO_SUCH_ANSWER: "its code is no answer about the duty, or lacks a day or a service",
    Why.REFUSED: "what it says was refused, because the history does not permit it",
    Why.ANOTHER_CHILD: "it seems to name another child: it is quarantined",
    Why.WITHHELD: "its child died, or is flagged as sensitive, so that a person reads it first",
    Why.ATTACHMENT: "it has an attachment, which sendflow does not open: it is quarantined",
    Why.TEST_STRING: "it has the test string of anti-virus programs: it is quarantined",
    Why.NOT_READABLE: "it is too large or too deeply nested, or cannot be read: it is quarantined",
    Why.BOUNCE_NOT_MATCHED: "it says that an e-mail was not delivered, and not which",
    Why.BOUNCE_NOT_PROVED: "it says that an e-mail was not delivered, and anybody could have written it",
}
QUARANTINED = frozenset({Why.ANOTHER_CHILD, Why.ATTACHMENT, Why.TEST_STRING, Why.NOT_READABLE})


class Decision(StrEnum):
    """What a person decides about a mail, besides an answer that it gives."""

    NOT_OURS = "not_ours"
    BELONGS_TO = "belongs_to"
    NOTHING_TO_RECORD = "nothing_to_record"
    UNDELIVERED = "undelivered"


ANSWER = "answer"


class NoSuchMail(Refusal, LookupError):
    """No mail with that id waits for a person."""

    default_code = "no_such_mail"


class MailListed(BaseModel):
    """One mail of the tray, without a word of it. `read_at` is an instant (UTC); `size` is in bytes."""

    model_config = ConfigDict(frozen=True)
    id: str
    read_at: str
    state: str
    why: str | None
    said: str
    size: int
    letter: str | None
    cases: list[str]
    settled_by: str | None = None


class MailShown(MailListed):
    """One mail as a person reads it. Its words are null once they are erased."""

    model_config = ConfigDict(frozen=True, hide_input_in_errors=True)
    sender: str | None
    sender_name: str | None
    subject: str | None
    text: str | None
    attachments: list[str]


def waiting(context: AppContext) -> list[MailListed]:
    """The mails that wait for a person, the oldest first."""
    with reading(context.engine) as connection:
        return waiting_mails(connection)


def waiting_mails(connection: Connection) -> list[MailListed]:
    """The same, of a connection."""
    query = select(INCOMING_MAIL).where(INCOMING_MAIL.c.state == MailState.WAITING)
    rows = connection.execute(query.order_by(INCOMING_MAIL.c.read_at, INCOMING_MAIL.c.id)).all()
    return [_listed(connection, row) for row in rows]


def show(context: AppContext, id_: str, actor: str) -> MailShown:
    """One mail with its words; the look is logged before. Raises NoSuchMail."""
    with reading(context.engine) as connection:
        found = _row(connection, id_)
        about = _listed(connection, found)
    note_looks(context, about.cases or [NO_CASE], actor, LOOK)
    with reading(context.engine) as connection:
        summary = summary_of(connection, context.cipher, found)
    words: dict[str, Any] = dict.fromkeys(Summary._fields) if summary is None else summary._asdict()
    for name in ("subject", "text"):  # a reply quotes the letter: who reads it may not answer in a provider's name
        words[name] = words[name] and IN_A_MAIL.sub(NOT_SHOWN, words[name])
    return MailShown(**about.model_dump(), **{**words, "attachments": list(words["attachments"] or ())})


def things_asked(context: AppContext, mail: MailShown, case: str | None = None) -> list[tuple[Asked, list[Possible]]]:
    """The open duties that the mail may be about, with the answers to each: of a case that a person names, else of its
    e-mail, else of its sender. Raises NoSuchCase.
    """
    with reading(context.engine) as connection:
        refs = [find_case(connection, context.cipher, case)] if case else mail.cases
        near = asked_of(context, connection, refs) if refs else owed_by_sender(context, connection, mail.sender or "")
        unit = UnitOfWork(context, connection, actor=LOOK, via=VIA_MAIL)
        cases = load_readable(unit, {each.case_ref for each in near[:50]})
        found = []
        for asked in near[:50]:
            loaded = cases.get(asked.case_ref)
            duty = duty_asked_for(loaded, asked) if loaded is not None else None
            if loaded is not None and duty is not None:
                found.append((asked, possible_answers(context, context.processes[loaded.file.process], duty)))
        return found


def reply_typed(context: AppContext, asked: Asked, said: Answer, on: date | None, service: str) -> Reply:
    """The reply that a person types for a mail, with the day or the service that it names. Raises Refused."""
    with reading(context.engine) as connection:
        la = connection.scalar(select(CASE.c.la).where(CASE.c.case_ref == asked.case_ref))
    reply = reply_of(context, CodeLine(said, None, on, service), asked, la)
    if reply is None:
        raise Refused("bad_service", "the directory has no such service there: sendflow bodies lists them", field="to")
    return reply


def decide(context: AppContext, id_: str, decision: Decision, actor: str, case: str | None = None) -> MailListed:
    """End the waiting of a mail. `case`: to which it belongs. Raises NoSuchMail, NoSuchCase."""

    def once(connection: Connection) -> MailListed:
        row = _row(connection, id_, waiting_only=True)
        refs = [find_case(connection, context.cipher, case)] if case is not None else []
        if decision is Decision.UNDELIVERED:
            _note_undelivered(context, connection, row, actor)
        return _settled(context, connection, id_, decision, actor, refs)

    return transact(context.engine, once)


def answer(context: AppContext, id_: str, asked: Asked, reply: Reply, actor: str) -> MailListed:
    """Record what a mail says about a duty, in the name of the person who read it. Raises NoSuchMail or Refused."""

    def once(connection: Connection) -> MailListed:
        _row(connection, id_, waiting_only=True)
        unit = UnitOfWork(context, connection, actor=actor, via=VIA_MAIL)
        case = unit.load([asked.case_ref])[asked.case_ref]
        duty = duty_asked_for(case, asked) if case.facts else None
        if duty is None or duty.closed_on is not None:
            raise NotOwed
        apply(unit, RecordCommand(asked.case_ref, drafts_of(context, case.file, duty, reply)))
        commit(unit)
        return _settled(context, connection, id_, ANSWER, actor, [asked.case_ref])

    return transact(context.engine, once)


def _note_undelivered(context: AppContext, connection: Connection, row: Row[Any], actor: str) -> None:
    """The mail says that its e-mail was not delivered, as a person read it."""
    if row.letter is None:
        raise NoSuchMail(
            "the mail names no e-mail of ours. Record which one came back: sendflow letters came-back ID --actor WHO"
            " --reason WHY"
        )
    unit = UnitOfWork(context, connection, actor=actor, via="letters")
    say_that_it_was_undelivered(unit, row.letter, Cause.NOT_KNOWN)
    commit(unit)


def _settled(
    context: AppContext, connection: Connection, id_: str, why: str, actor: str, cases: Sequence[str]
) -> MailListed:
    if not settle(connection, id_, actor, why, instant(context.now()), cases):
        _row(connection, id_, waiting_only=True)  # another person settled it meanwhile: says who
    return _listed(connection, _row(connection, id_))


def _row(connection: Connection, id_: str, *, waiting_only: bool = False) -> Row[Any]:
    row = connection.execute(select(INCOMING_MAIL).where(INCOMING_MAIL.c.id == id_)).first()
    if row is None:
        raise NoSuchMail("there is no mail with that id. To list those that wait: sendflow replies")
    if waiting_only and row.state != MailState.WAITING:
        raise NoSuchMail(
            f"the mail does not wait any more: it was settled by {row.settled_by} on {row.settled_at[:10]}"
            f" ({str(row.why or row.state).replace('_', ' ')}). Nothing was changed"
        )
    return row


def _listed(connection: Connection, row: Row[Any]) -> MailListed:
    cases = [ref for ref in (row.cases or "").split("/") if ref] or case_refs_of(connection, row.letter)
    said = WHY[Why(row.why)] if row.state == MailState.WAITING else str(row.why or row.state).replace("_", " ")
    return MailListed(
        id=row.id,
        read_at=row.read_at,
        state=row.state,
        why=row.why,
        said=said,
        size=row.size,
        letter=row.letter,
        cases=cases,
        settled_by=row.settled_by,
    )


def waiting_since(connection: Connection, before: date) -> int:
    """How many mails have waited since before a day."""
    query = select(func.count()).select_from(INCOMING_MAIL)
    old = INCOMING_MAIL.c.state == MailState.WAITING, INCOMING_MAIL.c.read_at < before.isoformat()
    return connection.scalar(query.where(*old)) or 0
