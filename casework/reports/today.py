"""What a team starts its day from: late, due in seven days, for a person to decide, and changed since yesterday.

The lists are those of the daily digest and of the worklists, so that their numbers are equal.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.context import LONDON, AppContext, instant
from casework.job_runs import last_finished
from casework.reports.for_a_person import exceptions_for_a_person, letters_for_a_person
from casework.reports.worklists import BoardRow, overdue, week
from models.database import reading
from models.tables import CASE, FACT
from notifications.outbox import count_held

DAY = timedelta(days=1)


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


class Today(BaseModel):
    """The lists of one day. `held` letters wait for a person's release; `last_sweep` is an instant (UTC)."""

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
    last_sweep: str | None

    @property
    def to_decide(self) -> int:
        """How many things wait for a person; held letters count as one."""
        return len(self.claims) + len(self.look_again) + len(self.letters) + bool(self.held)


def today_of(context: AppContext, as_at: date) -> Today:
    """Read the lists of a day."""
    late, soon = overdue(context, as_at), week(context, as_at)
    with reading(context.engine) as connection:
        claims, look_again = exceptions_for_a_person(context, connection, as_at)
        held, held_mailboxes = count_held(connection)
        return Today(
            as_at=as_at,
            late=late,
            soon=soon,
            claims=claims,
            look_again=look_again,
            letters=letters_for_a_person(connection, as_at),
            held=held,
            held_mailboxes=held_mailboxes,
            changed=changed_since(connection, as_at - DAY),
            last_sweep=last_finished(connection, "sweep"),
        )


def changed_since(connection: Connection, day: date, most: int = 100_000) -> list[ChangedFact]:
    """The facts recorded since a day began in London, the newest first; at most `most`."""
    began = instant(datetime.combine(day, time.min, LONDON))
    query = (
        select(
            FACT.c.case_ref,
            FACT.c.seq,
            FACT.c.kind,
            FACT.c.occurred_on,
            FACT.c.recorded_at,
            FACT.c.actor,
            CASE.c.process,
        )
        .join(CASE, CASE.c.case_ref == FACT.c.case_ref)
        .where(FACT.c.recorded_at >= began)
        .order_by(FACT.c.recorded_at.desc(), FACT.c.case_ref, FACT.c.seq.desc())
        .limit(most)
    )
    return [ChangedFact(**row) for row in connection.execute(query).mappings()]
