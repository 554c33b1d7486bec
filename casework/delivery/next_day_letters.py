"""What would leave on the next working day if nothing happened until then: the e-mails of each mailbox, not sent.

It evaluates, rechecks and composes as a sweep and a delivery do, on one snapshot: it locks nothing and writes nothing,
so that nobody waits for who looks.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection

from casework.cases.loaded_case import UNREADABLE
from casework.cases.propagation import propagate
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.compose import compose, recheck
from casework.sweep import BATCH, DueDuties
from models.database import reading
from models.enums import NoticeState
from notifications import outbox
from notifications.notices import NoticeDraft
from notifications.outbox import UNSENT
from notifications.render import RenderError, render

DAY = timedelta(days=1)
# The cases are in memory until their e-mails are composed, and a reader waits for the page.
MOST_CASES = 2_000
PAGE = 20
UNREADABLE_LETTER = "This e-mail cannot be shown: its template or its fields cannot be read."


class ExpectedLetter(BaseModel):
    """An e-mail that would leave: to whom, its subject, its text, and the cases that it would be about.

    `in_digest`: it is to the team's own mailbox, so that it is a part of that day's digest.
    """

    model_config = ConfigDict(frozen=True)
    mailbox: str
    subject: str
    text: str
    cases: list[str]
    in_digest: bool = False


class NextDay(BaseModel):
    """The next working day with one page of its e-mails; `total` are all of them.

    `steps` would fall due in `cases` evaluated cases. `more` cases were left out.
    """

    model_config = ConfigDict(frozen=True)
    day: date
    letters: list[ExpectedLetter]
    total: int
    page: int
    pages: int
    cases: int
    steps: int
    more: int


class _Expected(NamedTuple):
    """The notices of one e-mail."""

    mailbox: str
    needed: Sequence[NoticeDraft]


def next_day_letters(context: AppContext, page: int = 1) -> NextDay:
    """Say what would leave on the next working day. Nothing is written, and nothing leaves. `page` counts from 1."""
    day = context.today() + DAY
    while not context.calendar.is_working_day(day):
        day += DAY
    then = replace(context, settings=replace(context.settings, today=day))
    with reading(context.engine) as connection:
        unit = UnitOfWork(then, connection, actor="sendflow", via="sweep")
        refs = DueDuties.of(then, day).case_refs(connection)
        steps = _evaluate(unit, refs[:MOST_CASES], day)
        propagate(unit)
        fresh = _fresh(unit, day)
        expected = _expected(unit, fresh, day)
        pages = max(1, -(-len(expected) // PAGE))
        page = min(max(1, page), pages)
        return NextDay(
            day=day,
            letters=[_letter(then, connection, each, day) for each in expected[(page - 1) * PAGE : page * PAGE]],
            total=len(expected),
            page=page,
            pages=pages,
            cases=min(len(refs), MOST_CASES),
            steps=steps,
            more=max(0, len(refs) - MOST_CASES),
        )


def _evaluate(unit: UnitOfWork, refs: Sequence[str], day: date) -> int:
    """Append the steps that fall due to the cases in memory. Returns how many they are."""
    steps = 0
    for start in range(0, len(refs), BATCH):
        for case in load_readable(unit, refs[start : start + BATCH]).values():
            try:
                steps += len(unit.append(case, case.evaluate(day).drafts))
            except UNREADABLE:
                continue
    return steps


def _fresh(unit: UnitOfWork, day: date) -> list[NoticeDraft]:
    """The notices that these steps would give for this day, without those that are stored already."""
    drafts = {draft.key: draft for draft in reversed(unit.notices) if draft.on <= day and draft.state in UNSENT}
    stored = outbox.stored_keys(unit.connection, drafts)
    return [draft for key, draft in drafts.items() if key not in stored]


def _expected(unit: UnitOfWork, fresh: Sequence[NoticeDraft], day: date) -> list[_Expected]:
    by_mailbox: dict[str, list[NoticeDraft]] = {}
    for draft in fresh:
        if draft.mailbox is not None and draft.state == NoticeState.CREATED:
            by_mailbox.setdefault(draft.mailbox, []).append(draft)
    found: list[_Expected] = []
    for mailbox in sorted({*outbox.mailboxes_to_write(unit.connection, day), *by_mailbox}):
        drafts = [*outbox.created_for(unit.connection, mailbox, day), *by_mailbox.get(mailbox, [])]
        needed = recheck(unit, sorted(drafts, key=lambda draft: draft.key), day, fresh).needed
        if needed:
            found.append(_Expected(mailbox, needed))
    return found


def _letter(context: AppContext, connection: Connection, expected: _Expected, day: date) -> ExpectedLetter:
    mailbox, needed = expected
    cases = sorted({draft.case_ref for draft in needed})
    try:
        content = compose(context, needed, day, outbox.was_ever_written_to(connection, mailbox))
        made = render(content.template, content.version, content.fields)
    except (RenderError, *UNREADABLE):
        return ExpectedLetter(mailbox=mailbox, subject=UNREADABLE_LETTER, text="", cases=cases)
    in_digest = mailbox == context.directory.dco
    return ExpectedLetter(mailbox=mailbox, subject=made.subject, text=made.text, cases=cases, in_digest=in_digest)
