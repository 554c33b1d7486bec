"""Give an answer by a link, or undo it: the facts, the link that is spent and the receipt, in one transaction.

The case is locked before the link is looked at, so that of two answers at once the second sees the first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.replies.answers import Reply
from casework.replies.links import Link, NoSuchLink, Scope, digest_of, find_link
from casework.replies.owed import UNDO_WITHIN, Given, given_by
from casework.replies.receipts import receipt
from casework.replies.record import VIA_LINK, Asked, apply_reply, duty_asked_for, undo_reply
from models.database import transact
from models.enums import Party
from models.tables import ANSWER_GIVEN

MAILBOX = "mailbox"  # the actor until it is known which mailbox answers


class Outcome(NamedTuple):
    """What became of one reply: the numbers of its facts, or why nothing was recorded (`refused`)."""

    asked: Asked
    facts: Sequence[int] = ()
    refused: Refused | None = None


class AnsweredAlready(Refused):
    """This link has answered what it was sent for."""

    def __init__(self) -> None:
        super().__init__("answered_already", "this link has answered that already")


def give(
    context: AppContext, token: str, replies: Sequence[tuple[Asked, Reply]], run: str | None = None
) -> list[Outcome]:
    """Record replies by a link, in one transaction; one that is refused does not stop the others.

    Raises NoSuchLink for a token that opens nothing, and for a thing that the link does not answer.
    """

    def once(connection: Connection) -> list[Outcome]:
        now = context.now()
        link = find_link(connection, context.cipher, token, now)
        unit = UnitOfWork(context, connection, actor=MAILBOX, via=VIA_LINK, run=run)
        unit.load(sorted({asked.case_ref for asked, _reply in replies}))
        known = given_by(context, connection, link, now)
        outcomes = [_one(unit, token, link, known, asked, reply) for asked, reply in replies]
        commit(unit)
        return outcomes

    return transact(context.engine, once)


def _one(
    unit: UnitOfWork,
    token: str,
    link: Link,
    known: Mapping[tuple[str, str, int], Given],
    asked: Asked,
    reply: Reply,
) -> Outcome:
    _check_reach(unit, link, asked)
    try:
        if link.scope is Scope.DUTY and (asked.case_ref, asked.rule, asked.opened_seq) in known:
            raise AnsweredAlready
        facts = apply_reply(unit, asked, reply)
    except Refused as refused:
        return Outcome(asked, refused=refused)
    row = {
        "link": digest_of(token),
        "case_ref": asked.case_ref,
        "rule": asked.rule,
        "opened_seq": asked.opened_seq,
        "answer": str(reply.answer),
        "facts": " ".join(str(fact.seq) for fact in facts),
        "given_at": unit.context.now().isoformat(timespec="microseconds"),
    }
    unit.connection.execute(insert(ANSWER_GIVEN).values(**row))
    case = unit.cases[asked.case_ref]
    notice = receipt(unit.context, case, asked, reply, facts[0], link.mailbox)
    if notice is not None:
        unit.notices.append(notice)
    return Outcome(asked, [fact.seq for fact in facts])


def _check_reach(unit: UnitOfWork, link: Link, asked: Asked) -> None:
    """Refuse a thing that is not of this link: another case, or another mailbox's duty."""
    if link.asked is not None:
        if link.asked != asked:
            raise NoSuchLink("another duty")
        return
    case = unit.cases[asked.case_ref]
    duty = duty_asked_for(case, asked) if case.facts else None
    if duty is None or not _is_at(unit.context, link.mailbox, case.file.la, asked):
        raise NoSuchLink("another mailbox")


def _is_at(context: AppContext, mailbox: str, la: str | None, asked: Asked) -> bool:
    party = Party(asked.recipient) if asked.recipient is not None else Party.SERVICE
    return context.directory.mailbox(la, asked.body, asked.service, party, context.today()) == mailbox


def undo(context: AppContext, token: str, number: int, run: str | None = None) -> bool:
    """Withdraw the facts of an answer that this link gave within the last hour. False: too late, or undone already.

    Raises NoSuchLink for a token that opens nothing.
    """

    def once(connection: Connection) -> bool:
        now = context.now()
        find_link(connection, context.cipher, token, now)
        query = select(ANSWER_GIVEN).where(ANSWER_GIVEN.c.id == number, ANSWER_GIVEN.c.link == digest_of(token))
        row = connection.execute(query).first()
        if row is None:
            return False
        unit = UnitOfWork(context, connection, actor=MAILBOX, via=VIA_LINK, run=run)
        facts = unit.load([row.case_ref])[row.case_ref].facts
        row = connection.execute(query).one()
        if row.undone_at is not None or datetime.fromisoformat(row.given_at) <= now - UNDO_WITHIN:
            return False
        seqs = [int(seq) for seq in row.facts.split()]
        unit.actor = next((fact.actor for fact in facts if fact.seq in seqs), MAILBOX)
        try:
            undo_reply(unit, row.case_ref, seqs)
        except Refused:
            return False
        undone = {"undone_at": now.isoformat(timespec="microseconds")}
        connection.execute(update(ANSWER_GIVEN).where(ANSWER_GIVEN.c.id == number).values(**undone))
        commit(unit)
        return True

    return transact(context.engine, once)
