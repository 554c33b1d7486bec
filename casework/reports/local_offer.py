"""The entries of health in the Local Offers that are under review, with who checks each and when next. [I/O]"""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.context import AppContext
from casework.reports.open_files import open_files
from models.casefile import CaseFile, Item
from models.database import reading
from models.tables import DUTY
from statemachines.local_offer_review import LISTED, LISTED_STATES, PROCESS


class OfferEntry(BaseModel):
    """One entry: who checks it, when it was last checked or listed, and the day of the next check."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    entry: str
    owner: str
    checked_on: date
    due: date | None


def local_offer(context: AppContext, as_at: date) -> list[OfferEntry]:
    """Every entry that is listed in a cycle that is not finished, the next check first."""
    files = list(open_files(context, PROCESS.name, PROCESS.final | {"reviewed"}, as_at))
    due = _days(context, [file.case_ref for file in files])
    rows = [_row(file, item, due) for file in files for item in file.items.values() if item.state in LISTED_STATES]
    return sorted(rows, key=lambda row: (row.due or date.max, row.case_ref, row.entry))


def _row(file: CaseFile, item: Item, due: dict[tuple[str, int], date]) -> OfferEntry:
    facts = [fact for fact in file.lines if fact.data.get("item") == item.code]
    stated = next(fact for fact in facts if fact.seq == item.seq)
    before = stated.data.get("last_checked_on") if stated.kind == LISTED else None
    return OfferEntry(
        case_ref=file.case_ref,
        la=file.la,
        entry=item.code,
        owner=next(str(fact.data["entry_owner"]) for fact in reversed(facts) if "entry_owner" in fact.data),
        checked_on=date.fromisoformat(before) if before else item.since,
        due=due.get((file.case_ref, item.seq)),
    )


def _days(context: AppContext, refs: list[str]) -> dict[tuple[str, int], date]:
    """The day of the open check that each fact opened."""
    query = select(DUTY.c.case_ref, DUTY.c.opened_seq, DUTY.c.due).where(
        DUTY.c.case_ref.in_(refs), DUTY.c.rule == "local_offer_entry_check", DUTY.c.closed_on.is_(None)
    )
    with reading(context.engine) as connection:
        return {(ref, seq): day for ref, seq, day in connection.execute(query) if day is not None}
