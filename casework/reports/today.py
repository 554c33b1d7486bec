"""What a team starts its day from: late, due in seven days, meetings, for a person to decide, changed since yesterday.

The lists are those of the daily digest and of the worklists, so that their numbers are equal.
"""

from collections.abc import Container
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, func, select

from casework.context import LONDON, AppContext, instant
from casework.job_runs import last_finished
from casework.reports.for_a_person import exceptions_for_a_person, letters_for_a_person
from casework.reports.meetings import Meeting, meetings_of
from casework.reports.worklists import BoardRow, overdue, week
from models.database import reading
from models.tables import CASE, DUTY, FACT
from notifications.outbox import count_held

DAY = timedelta(days=1)
MOST_CHANGED = 100_000


class ChangedFact(BaseModel):
    """One fact that was recorded since yesterday. `recorded_at` is an instant (UTC)."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    seq: int
    kind: str
    occurred_on: date
    recorded_at: str
    actor: str
    process: str
    la: str | None = None


class Wanted(BaseModel):
    """What Today shows: the cases of an authority, of a process, with duties of a body. An empty value shows all."""

    model_config = ConfigDict(frozen=True)
    la: str = ""
    body: str = ""
    process: str = ""


class Today(BaseModel):
    """The lists of one day. `held` letters wait for a person's release; `last_sweep` is an instant (UTC).

    Letters and held letters are always those of all cases: one letter may be about many.
    """

    model_config = ConfigDict(frozen=True)
    as_at: date
    late: list[BoardRow]
    soon: list[BoardRow]
    claims: list[dict[str, Any]]
    look_again: list[dict[str, Any]]
    letters: list[dict[str, Any]]
    held: int
    held_mailboxes: int
    changed: list[ChangedFact]
    changed_total: int = 0
    last_sweep: str | None
    meetings: list[Meeting] = []

    @property
    def to_decide(self) -> int:
        """How many things wait for a person; held letters count as one."""
        return len(self.claims) + len(self.look_again) + len(self.letters) + bool(self.held)


def today_of(context: AppContext, as_at: date, wanted: Wanted | None = None, most_changed: int = MOST_CHANGED) -> Today:
    """Read the lists of a day. Of the facts that were recorded, the newest are read; all are counted."""
    late, soon = overdue(context, as_at), week(context, as_at)
    with reading(context.engine) as connection:
        refs = _references(connection, wanted) if wanted is not None and wanted != Wanted() else None
        claims, look_again = exceptions_for_a_person(context, connection, as_at)
        held, held_mailboxes = count_held(connection)
        return Today(
            as_at=as_at,
            late=[row for row in late if _is_wanted(row, wanted, refs)],
            soon=[row for row in soon if _is_wanted(row, wanted, refs)],
            claims=[each for each in claims if refs is None or each["ref"] in refs],
            look_again=[each for each in look_again if refs is None or each["ref"] in refs],
            letters=letters_for_a_person(connection, as_at),
            held=held,
            held_mailboxes=held_mailboxes,
            changed=changed_since(connection, as_at - DAY, most_changed, wanted),
            changed_total=count_changed(connection, as_at - DAY, wanted),
            last_sweep=last_finished(connection, "sweep"),
            meetings=[
                each for each in meetings_of(context, connection, as_at) if refs is None or each.case_ref in refs
            ],
        )


def _is_wanted(row: BoardRow, wanted: Wanted | None, refs: Container[str] | None) -> bool:
    return refs is None or (row.case_ref in refs and (wanted is None or wanted.body in ("", row.body)))


def _references(connection: Connection, wanted: Wanted) -> set[str]:
    """The cases of an authority and a process, and with a duty of a body."""
    return set(connection.scalars(select(CASE.c.case_ref).where(*_conditions(wanted))))


def _conditions(wanted: Wanted | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted is not None and wanted.la:
        found.append(CASE.c.la == wanted.la)
    if wanted is not None and wanted.process:
        found.append(CASE.c.process == wanted.process)
    if wanted is not None and wanted.body:
        found.append(CASE.c.case_ref.in_(select(DUTY.c.case_ref).where(DUTY.c.body == wanted.body)))
    return found


def count_changed(connection: Connection, day: date, wanted: Wanted | None = None) -> int:
    """How many facts were recorded since a day began in London."""
    query = select(func.count()).select_from(FACT).where(FACT.c.recorded_at >= _began(day))
    if conditions := _conditions(wanted):
        query = query.join(CASE, CASE.c.case_ref == FACT.c.case_ref).where(*conditions)
    return connection.scalar(query) or 0


def changed_since(
    connection: Connection, day: date, most: int = MOST_CHANGED, wanted: Wanted | None = None
) -> list[ChangedFact]:
    """The facts recorded since a day began in London, the newest first; at most `most`."""
    query = (
        select(
            FACT.c.case_ref,
            FACT.c.seq,
            FACT.c.kind,
            FACT.c.occurred_on,
            FACT.c.recorded_at,
            FACT.c.actor,
            CASE.c.process,
            CASE.c.la,
        )
        .join(CASE, CASE.c.case_ref == FACT.c.case_ref)
        .where(FACT.c.recorded_at >= _began(day), *_conditions(wanted))
        .order_by(FACT.c.recorded_at.desc(), FACT.c.case_ref, FACT.c.seq.desc())
        .limit(most)
    )
    return [ChangedFact(**row) for row in connection.execute(query).mappings()]


def _began(day: date) -> str:
    return instant(datetime.combine(day, time.min, LONDON))
