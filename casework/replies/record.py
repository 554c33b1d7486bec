"""Record what a body replies about a duty, like every other fact: checked, and written by the caller's unit of work.

The actor is the mailbox, or the account of a body. A reply by link, by e-mail and by account records the same facts.
"""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from casework.cases.commit import commit
from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from casework.cases.record import RecordCommand, apply
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext
from casework.replies.answers import Reply, actor_of, drafts_of
from deadlines.duties import Duty
from models.database import transact
from models.facts import Fact, FactDraft

VIA_LINK, VIA_MAIL, VIA_PAGE, VIA_PROGRAM = "reply_link", "reply_mail", "page", "api"


class Asked(NamedTuple):
    """One thing that a letter asks for: the duty, the body and service, and whose mailbox got the letter."""

    case_ref: str
    rule: str
    opened_seq: int
    body: str
    service: str | None = None
    recipient: str | None = None

    @property
    def actor(self) -> str:
        """The account name under which its mailbox replies."""
        return actor_of(self.body, self.service, self.recipient)


class NotOwed(Refused):
    """What was asked for is not owed any more: it was met, or ended, or a correction removed it."""

    def __init__(self) -> None:
        super().__init__(
            "not_owed", "nothing is owed here any more: the duty was met or ended, or a correction removed it"
        )


def duty_asked_for(case: LoadedCase, asked: Asked) -> Duty | None:
    """The duty that a letter asks for, open or closed; None where a correction has removed it."""
    found = (duty for duty in case.duties if (duty.rule, duty.opened_seq) == (asked.rule, asked.opened_seq))
    return next((duty for duty in found if duty.body == asked.body), None)


def apply_reply(unit: UnitOfWork, asked: Asked, reply: Reply, actor: str | None = None) -> Sequence[Fact]:
    """Append the facts of a reply to its case; the caller commits the unit. Its actor is `actor` from here on, else the
    mailbox.

    Raises NotOwed where the duty is not open, and Refused where the reply is no answer about it or repeats one.
    """
    case = unit.load([asked.case_ref])[asked.case_ref]
    duty = duty_asked_for(case, asked) if case.facts else None
    if duty is None or duty.closed_on is not None:
        raise NotOwed
    drafts = drafts_of(unit.context, case.file, duty, reply)
    unit.actor = actor or asked.actor
    before = len(case.new_facts)
    apply(unit, RecordCommand(asked.case_ref, drafts))
    return case.new_facts[before:]


def undo_reply(unit: UnitOfWork, case_ref: str, seqs: Sequence[int]) -> None:
    """Withdraw the facts of a reply, the newest first. Raises Refused where one is withdrawn already."""
    drafts = [FactDraft("fact_withdrawn", unit.today, corrects=seq) for seq in sorted(seqs, reverse=True)]
    apply(unit, RecordCommand(case_ref, drafts))


def record_reply(context: AppContext, asked: Asked, reply: Reply, via: str, run: str | None = None) -> list[int]:
    """Record a reply in a transaction of its own. Gives the numbers of the facts. Raises what `apply_reply` raises."""

    def once(connection: Connection) -> list[int]:
        unit = UnitOfWork(context, connection, actor=asked.actor, via=via, run=run)
        numbers = [fact.seq for fact in apply_reply(unit, asked, reply)]
        commit(unit)
        return numbers

    return transact(context.engine, once)
