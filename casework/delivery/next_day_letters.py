"""What would leave on the next working day if nothing happened until then, and what would leave now if a person
released what a first import put on hold: the e-mails of each mailbox, not sent.

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

    `in_digest`: it is to the team's own mailbox, so that it is a part of that day's digest. `later`: it waits for
    a lower step, for the end of a pause or of another hold.
    """

    model_config = ConfigDict(frozen=True)
    mailbox: str
    subject: str
    text: str
    cases: list[str]
    in_digest: bool = False
    later: bool = False


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


class OnHold(BaseModel):
    """The e-mails that a first import put on hold, for one page of their mailboxes, as they would read today.

    `unneeded` notices of the page would not leave any more; `nowhere`, of all, have no address in the directory.
    """

    model_config = ConfigDict(frozen=True)
    letters: list[ExpectedLetter]
    page: int
    pages: int
    unneeded: int
    nowhere: int


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


def letters_on_hold(context: AppContext, page: int = 1) -> OnHold:
    """Say what would leave today if what is on hold were released. Nothing is written, and nothing leaves.

    A mailbox gets one e-mail, with what else is due to it today, and later one with what waits for lower steps. `page`
    counts from 1.
    """
    day = context.today()
    with reading(context.engine) as connection:
        unit = UnitOfWork(context, connection, actor="sendflow", via="letters")
        held = outbox.on_hold(connection)
        boxes = sorted({draft.mailbox for draft in held if draft.mailbox is not None})
        pages = max(1, -(-len(boxes) // PAGE))
        page = min(max(1, page), pages)
        letters: list[ExpectedLetter] = []
        unneeded = 0
        for mailbox in boxes[(page - 1) * PAGE : page * PAGE]:
            own = [draft for draft in held if draft.mailbox == mailbox]
            drafts = sorted([*own, *outbox.created_for(connection, mailbox, day)], key=lambda draft: draft.key)
            found = recheck(unit, drafts, day)
            later = [draft for draft in own if draft.key in found.postponed]
            unneeded += len({each.key for each in own} - {each.key for each in (*found.needed, *later)})
            if found.needed:
                letters.append(_letter(context, connection, _Expected(mailbox, found.needed), day))
            if later:
                made = _letter(context, connection, _Expected(mailbox, later), day)
                letters.append(made.model_copy(update={"later": True}))
        nowhere = sum(draft.mailbox is None for draft in held)
        return OnHold(letters=letters, page=page, pages=pages, unneeded=unneeded, nowhere=nowhere)


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
