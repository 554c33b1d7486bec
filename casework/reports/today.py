"""What a team starts its day from: late, due in seven days, meetings, for a person to decide, changed since yesterday.

The lists are those of the daily digest and of the worklists, so that their numbers are equal.
"""

from collections.abc import Collection
from datetime import date, datetime, time, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, exists, func, select

from casework.cases.of_the_child import unnamed_cases
from casework.context import LONDON, AppContext, instant
from casework.job_runs import RipeCount, last_finished, last_ripe_count, last_sweep_had_problems
from casework.owners import is_of_owner
from casework.reports.escalated import Escalated, escalated_to_the_team
from casework.reports.for_a_person import exceptions_for_a_person, letters_for_a_person
from casework.reports.meetings import Meeting, meetings_of
from casework.reports.withheld import WithheldCase, waiting_for_release
from casework.reports.worklists import BoardRow, overdue, week
from casework.to_decide import WaitingItem, waiting
from models.bulk_io import in_chunks
from models.database import reading
from models.incoming_mail import count_waiting_mails
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
    """What Today shows: the cases of an authority, of a process, with duties of a body, of an owner.

    An empty value shows all. The owner UNOWNED shows the cases that nobody looks after.
    """

    model_config = ConfigDict(frozen=True)
    la: str = ""
    body: str = ""
    process: str = ""
    owner: str = ""


class Today(BaseModel):
    """The lists of one day. `held` letters wait for a person's release. `last_sweep` is an instant (UTC).
    `mails`: how many replies wait in the replies tray; each is one thing to decide. `retention`: how many records were
    past retention when they were last counted.

    Letters, held letters and refused rows are always those of all cases: a letter may be about many, a row about none.
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
    waiting: list[WaitingItem] = []
    mails: int = 0
    withheld: list[WithheldCase] = []
    escalated: list[Escalated] = []
    troubled: bool = False
    retention: RipeCount | None = None

    @property
    def to_decide(self) -> int:
        """How many things wait for a person; held letters count as one."""
        in_lists = len(self.claims) + len(self.look_again) + len(self.letters) + len(self.waiting) + len(self.withheld)
        return in_lists + len(self.escalated) + self.mails + bool(self.held) + self.troubled


def today_of(context: AppContext, as_at: date, wanted: Wanted | None = None, most_changed: int = MOST_CHANGED) -> Today:
    """Read the lists of a day. Of the facts that were recorded, the newest are read; all are counted."""
    late, soon = overdue(context, as_at), week(context, as_at)
    with reading(context.engine) as connection:
        claims, look_again = exceptions_for_a_person(context, connection, as_at)
        held, held_mailboxes = count_held(connection)
        escalated = escalated_to_the_team(context, connection, as_at)
        meetings, left = meetings_of(context, connection, as_at), waiting(context, connection, as_at)
        withheld = waiting_for_release(context, connection, as_at)
        if wanted is not None and wanted != Wanted():
            named = {row.case_ref for row in (*late, *soon)} | {each.case_ref for each in meetings}
            named |= {each.ref for each in escalated} | {each["ref"] for each in (*claims, *look_again)}
            named |= {ref for each in left for ref in each.cases} | {each.case_ref for each in withheld}
            refs = _references(connection, wanted, named)
            late = [row for row in late if row.case_ref in refs and wanted.body in ("", row.body)]
            soon = [row for row in soon if row.case_ref in refs and wanted.body in ("", row.body)]
            claims = [each for each in claims if each["ref"] in refs]
            look_again = [each for each in look_again if each["ref"] in refs]
            escalated = [each for each in escalated if each.ref in refs and wanted.body in ("", each.body)]
            meetings = [each for each in meetings if each.case_ref in refs]
            withheld = [each for each in withheld if each.case_ref in refs]
            left = [each for each in left if not each.cases or refs.intersection(each.cases)]
        return Today(
            as_at=as_at,
            late=late,
            soon=soon,
            claims=claims,
            look_again=look_again,
            letters=letters_for_a_person(connection, as_at),
            held=held,
            held_mailboxes=held_mailboxes,
            changed=changed_since(connection, as_at - DAY, most_changed, wanted),
            changed_total=count_changed(connection, as_at - DAY, wanted),
            last_sweep=last_finished(connection, "sweep"),
            meetings=meetings,
            waiting=left,
            mails=count_waiting_mails(connection),
            withheld=withheld,
            escalated=escalated,
            troubled=last_sweep_had_problems(connection),
            retention=last_ripe_count(connection),
        )


def _references(connection: Connection, wanted: Wanted, among: Collection[str]) -> set[str]:
    """Those of the cases that are wanted."""
    found: set[str] = set()
    for chunk in in_chunks(sorted(among)):
        query = select(CASE.c.case_ref).where(CASE.c.case_ref.in_(chunk), *_conditions(wanted))
        found |= set(connection.scalars(query))
    return found


def _conditions(wanted: Wanted | None) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted is not None and wanted.la:
        found.append(CASE.c.la == wanted.la)
    if wanted is not None and wanted.process:
        found.append(CASE.c.process == wanted.process)
    if wanted is not None and wanted.body:
        found.append(exists().where(DUTY.c.case_ref == CASE.c.case_ref, DUTY.c.body == wanted.body))
    if wanted is not None and wanted.owner:
        found.append(is_of_owner(wanted.owner))
    return found


def count_changed(connection: Connection, day: date, wanted: Wanted | None = None) -> int:
    """How many facts were recorded since a day began in London."""
    query = select(func.count()).select_from(FACT).where(FACT.c.recorded_at >= _began(day), *_named(connection))
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
        .where(FACT.c.recorded_at >= _began(day), *_conditions(wanted), *_named(connection))
        .order_by(FACT.c.recorded_at.desc(), FACT.c.case_ref, FACT.c.seq.desc())
        .limit(most)
    )
    return [ChangedFact(**row) for row in connection.execute(query).mappings()]


def _named(connection: Connection) -> list[ColumnElement[bool]]:
    """That the facts are of no case whose person said no."""
    refs = unnamed_cases(connection)
    return [FACT.c.case_ref.not_in(refs)] if refs else []


def _began(day: date) -> str:
    return instant(datetime.combine(day, time.min, LONDON))
