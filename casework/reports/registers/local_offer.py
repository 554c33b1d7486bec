"""The entries of health in the Local Offers that are under review, with who checks each and when next. [I/O]"""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.context import AppContext
from casework.reports.open_files import open_files
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from config.text import in_words
from models.casefile import CaseFile, Item
from models.database import reading
from models.tables import DUTY
from statemachines.local_offer_review import LISTED, LISTED_STATES, PROCESS


class OfferEntry(BaseModel):
    """One entry: who checks it, when it was last checked or listed, and the day of the next check."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    la_name: str
    entry: str
    entry_name: str
    owner: str
    checked_on: date
    due: date | None


def local_offer(context: AppContext, wanted: Wanted) -> Listed:
    """Every entry that is listed in a cycle that is not finished, the next check first."""
    files = list(open_files(context, PROCESS.name, PROCESS.final | {"reviewed"}, wanted.today))
    files = [file for file in files if wanted.has(file.la)]
    due = _days(context, [file.case_ref for file in files])
    rows = [
        _row(context, file, item, due) for file in files for item in file.items.values() if item.state in LISTED_STATES
    ]
    return Listed(sorted(rows, key=lambda row: (row.due or date.max, row.case_ref, row.entry)), 0)


def _row(context: AppContext, file: CaseFile, item: Item, due: dict[tuple[str, int], date]) -> OfferEntry:
    facts = [fact for fact in file.lines if fact.data.get("item") == item.code]
    stated = next(fact for fact in facts if fact.seq == item.seq)
    before = stated.data.get("last_checked_on") if stated.kind == LISTED else None
    return OfferEntry(
        case_ref=file.case_ref,
        la=file.la,
        la_name=context.directory.la_name(file.la) if file.la else "",
        entry=item.code,
        entry_name=in_words(item.code),
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


LOCAL_OFFER = RegisterList(
    "local_offer",
    "Entries of the Local Offer",
    "Each entry of health that is listed, with who checks it; the next check first."
    " Six months between checks are a local standard.",
    (
        Column("Case", "case_ref"),
        Column("Authority", "la_name"),
        Column("Entry", "entry_name"),
        Column("Who checks it", "owner"),
        Column("Checked or listed on", "checked_on"),
        Column("Next check", "due"),
    ),
    local_offer,
)
