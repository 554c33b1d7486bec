"""Give an answer by a link or by the account of a body, or undo it: the facts, the row that says by which link or
account, and the receipt, in one transaction.

The case is locked before the link is looked at, so that of two answers at once the second sees the first.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, insert, select, update

from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.of_the_child import withheld_cases
from casework.cases.together import Together
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.replies.answers import Reply
from casework.replies.links import Link, NoSuchLink, Scope, digest_of, find_link
from casework.replies.owed import UNDO_WITHIN, Given, account_key, given_by
from casework.replies.receipts import receipt
from casework.replies.record import VIA_LINK, VIA_PAGE, VIA_PROGRAM, Asked, apply_reply, duty_asked_for, undo_reply
from models.database import transact
from models.enums import Party
from models.errors import Refusal
from models.tables import ANSWER_GIVEN

MAILBOX = "mailbox"  # the actor until it is known which mailbox answers


class Outcome(NamedTuple):
    """What became of one reply: the numbers of its facts, or why nothing was recorded (`refused`)."""

    asked: Asked
    facts: Sequence[int] = ()
    refused: Refused | None = None


class NotOfThisBody(Refusal):
    """A thing that an account asks to answer is not of its body."""

    default_code = "not_of_this_body"


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


def give_as(
    context: AppContext,
    account: str,
    body: str,
    replies: Sequence[tuple[Asked, Reply]],
    run: str | None = None,
    together: Together[list[Outcome]] | None = None,
) -> list[Outcome]:
    """Record replies of a body by its account, in one transaction; one that is refused does not stop the others.

    `together`: what else is done in the transaction, by a program.

    Raises NotOfThisBody for a duty of another body, or of a case that no list of the body names.
    """

    def once(connection: Connection) -> list[Outcome]:
        if together is not None:
            together.before(connection)
        via = VIA_PAGE if together is None else VIA_PROGRAM
        unit = UnitOfWork(context, connection, actor=account, via=via, run=run)
        unit.load(sorted({asked.case_ref for asked, _reply in replies}))
        withheld = withheld_cases(connection)
        outcomes = []
        for asked, reply in replies:
            case = unit.cases[asked.case_ref]
            duty = duty_asked_for(case, asked) if case.facts else None
            if duty is None or asked.body != body or asked.case_ref in withheld:
                raise NotOfThisBody("nothing of that body is owed there")
            mailbox = context.directory.mailbox(case.file.la, body, duty.service, Party.SERVICE, context.today())
            outcomes.append(_recorded(unit, account_key(account), asked, reply, account, mailbox))
        commit(unit)
        if together is not None:
            together.after(connection, outcomes)
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
    if link.scope is Scope.DUTY and (asked.case_ref, asked.rule, asked.opened_seq) in known:
        return Outcome(asked, refused=AnsweredAlready())
    return _recorded(unit, digest_of(token), asked, reply, None, link.mailbox)


def _recorded(
    unit: UnitOfWork, key: str, asked: Asked, reply: Reply, actor: str | None, mailbox: str | None
) -> Outcome:
    """Append the facts of a reply, the row that says who gave it, and its receipt to a mailbox, if there is one."""
    try:
        facts = apply_reply(unit, asked, reply, actor)
    except Refused as refused:
        return Outcome(asked, refused=refused)
    row = {
        "link": key,
        "case_ref": asked.case_ref,
        "rule": asked.rule,
        "opened_seq": asked.opened_seq,
        "answer": str(reply.answer),
        "facts": " ".join(str(fact.seq) for fact in facts),
        "given_at": unit.context.now().isoformat(timespec="microseconds"),
    }
    unit.connection.execute(insert(ANSWER_GIVEN).values(**row))
    case = unit.cases[asked.case_ref]
    notice = receipt(unit.context, case, asked, reply, facts[0], mailbox) if mailbox is not None else None
    if notice is not None:
        unit.notices.append(notice)
    return Outcome(asked, [fact.seq for fact in facts])


def _check_reach(unit: UnitOfWork, link: Link, asked: Asked) -> None:
    """Refuse a thing that is not of this link: another case, another mailbox's duty, or one that no list names."""
    if link.asked is not None:
        if link.asked != asked:
            raise NoSuchLink("another duty")
        return
    case = unit.cases[asked.case_ref]
    duty = duty_asked_for(case, asked) if case.facts else None
    if duty is None or not _is_at(unit.context, link.mailbox, case.file.la, asked):
        raise NoSuchLink("another mailbox")
    if asked.case_ref in withheld_cases(unit.connection):
        raise NoSuchLink("withheld since the list was shown")


def _is_at(context: AppContext, mailbox: str, la: str | None, asked: Asked) -> bool:
    party = Party(asked.recipient) if asked.recipient is not None else Party.SERVICE
    return context.directory.mailbox(la, asked.body, asked.service, party, context.today()) == mailbox


def undo(context: AppContext, token: str, number: int, run: str | None = None) -> bool:
    """Withdraw the facts of an answer that this link gave within the last hour. False: too late, or undone already.

    Raises NoSuchLink for a token that opens nothing.
    """

    def once(connection: Connection) -> bool:
        find_link(connection, context.cipher, token, context.now())
        return _undone(UnitOfWork(context, connection, actor=MAILBOX, via=VIA_LINK, run=run), digest_of(token), number)

    return transact(context.engine, once)


def undo_as(context: AppContext, account: str, number: int, run: str | None = None) -> bool:
    """The same, of an answer that an account gave."""

    def once(connection: Connection) -> bool:
        unit = UnitOfWork(context, connection, actor=account, via=VIA_PAGE, run=run)
        return _undone(unit, account_key(account), number)

    return transact(context.engine, once)


def _undone(unit: UnitOfWork, key: str, number: int) -> bool:
    connection, now = unit.connection, unit.context.now()
    query = select(ANSWER_GIVEN).where(ANSWER_GIVEN.c.id == number, ANSWER_GIVEN.c.link == key)
    row = connection.execute(query).first()
    if row is None:
        return False
    facts = unit.load([row.case_ref])[row.case_ref].facts
    row = connection.execute(query).one()
    if row.undone_at is not None or datetime.fromisoformat(row.given_at) <= now - UNDO_WITHIN:
        return False
    seqs = [int(seq) for seq in row.facts.split()]
    unit.actor = next((fact.actor for fact in facts if fact.seq in seqs), unit.actor)
    try:
        undo_reply(unit, row.case_ref, seqs)
    except Refused:
        return False
    undone = {"undone_at": now.isoformat(timespec="microseconds")}
    connection.execute(update(ANSWER_GIVEN).where(ANSWER_GIVEN.c.id == number).values(**undone))
    commit(unit)
    return True
