"""What one case will send to whom on which day if nothing is recorded: the escalation policy, run ahead.

A copy of the case in memory is swept and delivered day by day, by the very jobs that will do it, so that holds,
pauses, quiet days and waits count as they will. Nothing leaves and nothing is written. E-mails of other cases are not
there: where they go to the same mailbox on the same day, both are one e-mail. The daily digest includes what goes to
the DCO's team, on any day at 07:00.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, Table, func, insert, or_, select

from casework.cases.references import find_case
from casework.context import AppContext
from casework.delivery.deliver import deliver
from casework.sweep import sweep
from config.settings import Carrier
from deadlines.working_calendar import OutsideCalendarRange
from models.database import reading, writing
from models.encryption import Cipher
from models.enums import LetterState, NoticeState
from models.in_memory import open_in_memory
from models.tables import CASE, DUTY, FACT, LETTER, NOTICE
from notifications.outbox import UNSENT, stored_fields
from notifications.render import RenderError, render
from notifications.transport import Attempt, Letter, Outcome

DAY = timedelta(days=1)
MOST_DAYS = 80


class LadderStep(BaseModel):
    """One notice of an e-mail that would leave: the day, the recipient and mailbox, and the step of which duty.

    `mailbox` is None where the directory has no address: then nobody gets it. `due` is the duty's date on that day.
    """

    model_config = ConfigDict(frozen=True)
    on: date
    recipient: str
    mailbox: str | None
    body: str | None
    service: str | None
    rule: str
    rung: str
    due: date | None
    subject: str


class Ladder(BaseModel):
    """What a case will send, in order. `until` is the last day that was looked at; `complete`: nothing comes after."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    as_at: date
    steps: list[LadderStep]
    until: date
    complete: bool


class _Nowhere:
    """Accepts every letter and sends none."""

    def send(self, letter: Letter) -> Attempt:
        """Accept a letter."""
        del letter
        return Attempt(Outcome.ACCEPTED)


def ladder(context: AppContext, typed: str) -> Ladder:
    """Run the escalation policy of a case ahead. Raises NoSuchCase or SeveralCases."""
    with reading(context.engine) as connection:
        ref = find_case(connection, context.cipher, typed)
        rows = {table: _rows(connection, table, ref, context.today()) for table in (FACT, CASE, DUTY, LETTER, NOTICE)}
    engine = open_in_memory()
    try:
        with writing(engine) as connection:
            for table, found in rows.items():
                if found:
                    connection.execute(insert(table), found)
        ahead = replace(
            context,
            engine=engine,
            cipher=Cipher.for_nothing(),
            ruleset_guard=replace(context.ruleset_guard, law_text=None, read_only=True),
        )
        known = {str(row["key"]) for row in rows[NOTICE] if row["state"] not in UNSENT}
        return _run(ahead, ref, context.today(), known)
    finally:
        engine.dispose()


def _rows(connection: Connection, table: Table, ref: str, today: date) -> list[dict[str, object]]:
    """The rows of a case. Letters: those that its notices are in, and those of today, after which a mailbox waits."""
    where = table.c.case_ref == ref if "case_ref" in table.c else None
    if where is None:
        own = select(NOTICE.c.letter).where(NOTICE.c.case_ref == ref, NOTICE.c.letter.is_not(None))
        where = or_(LETTER.c.id.in_(own), LETTER.c.on == today)
    rows = [dict(row._mapping) for row in connection.execute(select(table).where(where))]
    for row in rows:
        if table is LETTER and row["state"] == LetterState.SENDING:
            row["state"], row["claimed_by"] = LetterState.WAITING, None  # another run sends it now
    return rows


def _run(context: AppContext, ref: str, today: date, known: set[str]) -> Ladder:
    day: date | None = today
    last = today
    for _number in range(MOST_DAYS):
        if day is None or day > context.calendar.last:
            break
        last = day
        then = replace(context, settings=replace(context.settings, today=day, carrier=Carrier.SINK))
        try:
            sweep(then, day)
            deliver(then, transport=_Nowhere())
        except OutsideCalendarRange:
            break
        with reading(context.engine) as connection:
            day = _next_day(connection, day)
    with reading(context.engine) as connection:
        steps = list(_steps(connection, known))
    return Ladder(case_ref=ref, as_at=today, steps=steps, until=last, complete=day is None)


def _next_day(connection: Connection, day: date) -> date | None:
    """The next day on which a step falls due or a notice may leave; None if there is none."""
    check = connection.scalar(select(func.min(DUTY.c.next_check_on)).where(DUTY.c.next_check_on > day))
    waiting = NOTICE.c.state.in_((NoticeState.CREATED, NoticeState.CLAIMED))
    leaves = connection.scalar(select(func.min(NOTICE.c.on)).where(waiting))
    days = [max(found, day + DAY) for found in (check, leaves) if found is not None]
    return min(days, default=None)


def _steps(connection: Connection, known: set[str]) -> Iterable[LadderStep]:
    query = (
        select(NOTICE, LETTER.c.on.label("left_on"), LETTER.c.template.label("made_of"), LETTER.c.template_version)
        .add_columns(LETTER.c.fields.label("letter_fields"))
        .join(LETTER, LETTER.c.id == NOTICE.c.letter)
        .where(NOTICE.c.state.in_((NoticeState.SENT, NoticeState.FAILED)))
        .order_by(LETTER.c.on, NOTICE.c.rank, NOTICE.c.key)
    )
    for row in connection.execute(query):
        if row.key not in known:
            yield LadderStep(
                on=row.left_on,
                recipient=row.recipient,
                mailbox=row.mailbox,
                body=row.body,
                service=row.service,
                rule=row.rule,
                rung=row.rung,
                due=row.due,
                subject=_subject(row.made_of, row.template_version, row.letter_fields),
            )


def _subject(template: str, version: int, fields: str) -> str:
    try:
        return render(template, version, stored_fields(fields)).subject
    except RenderError:
        return ""
