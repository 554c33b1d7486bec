"""What would leave on the next working day if nothing happened until then: the e-mails of each mailbox, not sent.

It takes the very path of sweep, recheck and compose, inside a transaction that is undone.
"""

from dataclasses import replace
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from casework.cases.commit import commit
from casework.cases.loaded_case import UNREADABLE
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.compose import compose, recheck
from casework.sweep import DueDuties
from models.database import transact
from notifications import outbox
from notifications.render import RenderError, render

DAY = timedelta(days=1)
# The transaction waits for nobody and lets nobody write, so it is short.
MOST_CASES = 200


class ExpectedLetter(BaseModel):
    """An e-mail that would leave: to whom, its subject, its text, and the cases that it would be about."""

    model_config = ConfigDict(frozen=True)
    mailbox: str
    subject: str
    text: str
    cases: list[str]


class NextDay(BaseModel):
    """The next working day with its e-mails, and how many steps would fall due. `more` cases were left out."""

    model_config = ConfigDict(frozen=True)
    day: date
    letters: list[ExpectedLetter]
    steps: int
    more: int


class _Undone(Exception):
    """Ends the transaction without a commit, with what was found in it."""

    def __init__(self, found: NextDay) -> None:
        super().__init__("undone")
        self.found = found


def next_day_letters(context: AppContext) -> NextDay:
    """Say what would leave on the next working day. Nothing is written, and nothing leaves."""
    day = context.today() + DAY
    while not context.calendar.is_working_day(day):
        day += DAY
    then = replace(context, settings=replace(context.settings, today=day))

    def once(connection: Connection) -> None:
        unit = UnitOfWork(then, connection, actor="sendflow", via="sweep")
        refs = DueDuties.of(then, day).case_refs(connection)
        steps = 0
        for case in load_readable(unit, set(refs[:MOST_CASES])).values():
            try:
                steps += len(unit.append(case, case.evaluate(day).drafts))
            except UNREADABLE:
                continue
        commit(unit)
        letters = [
            letter
            for mailbox in outbox.mailboxes_to_write(connection, day)
            if (letter := _letter(then, connection, mailbox, day)) is not None
        ]
        raise _Undone(NextDay(day=day, letters=letters, steps=steps, more=max(0, len(refs) - MOST_CASES)))

    try:
        transact(context.engine, once)
    except _Undone as undone:
        return undone.found
    raise AssertionError("the transaction above always ends by being undone")


def _letter(context: AppContext, connection: Connection, mailbox: str, day: date) -> ExpectedLetter | None:
    unit = UnitOfWork(context, connection, actor="sendflow", via="deliver")
    needed = recheck(unit, outbox.created_for(connection, mailbox, day), day).needed
    if not needed:
        return None
    content = compose(context, needed, day, outbox.was_ever_written_to(connection, mailbox))
    try:
        made = render(content.template, content.version, content.fields)
    except RenderError:
        return None
    return ExpectedLetter(
        mailbox=mailbox, subject=made.subject, text=made.text, cases=sorted({draft.case_ref for draft in needed})
    )
