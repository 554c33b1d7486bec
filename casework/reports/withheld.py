"""Cases of which nothing leaves without a person's release, and which of them have something that waits. [I/O]"""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import TypeVar

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.cases.loaded_case import UNREADABLE
from casework.cases.of_the_child import NO_CONSENT, withheld_cases
from casework.context import AppContext
from casework.reports.restricted import restricted_references
from deadlines.working_calendar import LONDON
from models import ledger
from models.database import reading
from models.facts import StoredFact
from models.tables import CASE, NOTICE
from notifications.outbox import UNSENT
from statemachines.registry import processes, shared_by_consent
from statemachines.replay import replay

Row = TypeVar("Row")


class WithheldCase(BaseModel):
    """A case whose e-mails have waited for a person for a working day or more. `why`: the kind of fact that says so.

    `notices`: how many wait. `since`: the day on which the oldest was written.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    why: str
    notices: int
    since: date


def waiting_for_release(context: AppContext, connection: Connection, as_at: date) -> list[WithheldCase]:
    """The cases with e-mails that have waited for a person for a working day or more, the longest wait first."""
    cases = {ref: why for ref, why in withheld_cases(connection).items() if why != NO_CONSENT}  # nobody releases those
    query = select(NOTICE.c.case_ref, NOTICE.c.created_at)
    written: dict[str, list[date]] = {}
    for ref, created_at in connection.execute(query.where(NOTICE.c.case_ref.in_(cases), NOTICE.c.state.in_(UNSENT))):
        written.setdefault(ref, []).append(datetime.fromisoformat(created_at).astimezone(LONDON).date())
    found = [
        WithheldCase(case_ref=ref, why=cases[ref], notices=len(days), since=min(days)) for ref, days in written.items()
    ]
    due = [each for each in found if context.calendar.add_working_days(each.since, 1) <= as_at]
    return sorted(due, key=lambda each: (each.since, each.case_ref))


def may_be_named(context: AppContext, rows: Iterable[Row]) -> tuple[list[Row], int]:
    """The rows that a digest, a file or Prefect may name, and how many it may not: `case_ref` says the case of each."""
    listed = list(rows)
    hidden = not_to_be_named(context, {ref for row in listed if (ref := getattr(row, "case_ref", None))})
    named = [row for row in listed if getattr(row, "case_ref", None) not in hidden]
    return named, len(listed) - len(named)


def not_to_be_named(context: AppContext, refs: Collection[str]) -> frozenset[str]:
    """Those of the references that Prefect may not name: of restricted processes, and of withheld cases."""
    with reading(context.engine) as connection:
        withheld = withheld_cases(connection)
    return restricted_references(context, refs) | withheld.keys() & set(refs)


def not_to_be_shared(context: AppContext, refs: Collection[str]) -> frozenset[str]:
    """Those of the references that nobody outside our team may see: not to be named, or not covered by consent."""
    return not_to_be_named(context, refs) | without_consent_to_share(context, refs)


def without_consent_to_share(context: AppContext, refs: Collection[str]) -> frozenset[str]:
    """Those of the references whose person has not agreed that other agencies see the case, or no longer does.

    A case whose history cannot be read is among them.
    """
    if not refs or not shared_by_consent():
        return frozenset()
    query = select(CASE.c.case_ref).where(CASE.c.case_ref.in_(set(refs)), CASE.c.process.in_(shared_by_consent()))
    with reading(context.engine) as connection:
        histories = ledger.read(connection, list(connection.scalars(query)))
    return frozenset(ref for ref, (facts, _tail) in histories.items() if not _may_share(ref, facts))


def _may_share(ref: str, facts: Sequence[StoredFact]) -> bool:
    try:
        file = replay(ref, facts)
    except UNREADABLE:
        return False
    agreed = processes()[file.process].may_share
    return agreed is None or agreed(file)


def withheld_words(rows: int) -> str:
    """What a list says of the rows that it does not name."""
    cases = "1 row is" if rows == 1 else f"{rows} rows are"
    return f"{cases} not in this list: nothing about that child leaves without a release or consent."
