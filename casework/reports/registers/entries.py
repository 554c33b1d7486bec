"""The entries of our team's own registers (config/registers.toml) that have not ended, with their next days. [I/O]"""

from datetime import date
from functools import partial

from pydantic import BaseModel, ConfigDict

from casework.cases.standards import standards_of
from casework.context import AppContext
from casework.reports.open_files import next_days, open_files
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from config.local_standards import RegisterKind
from config.text import in_words
from models.casefile import CaseFile
from statemachines.register_entry import PROCESS, VERSION, expires_on, opening_of, said_of, said_of_entry


class EntryRow(BaseModel):
    """One entry. `version`: the one in force. `next`: the earliest day of a duty, or on which a training expires.

    `marked`: what the record says of it: silence, promises, versions that somebody does not have, attendance.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    topic: str
    topic_name: str
    owner: str
    version: str | None
    next: date | None
    marked: list[str]


def register_entries(word: str, context: AppContext, wanted: Wanted) -> Listed:
    """The entries of a register, the next day first."""
    files = [
        file
        for file in open_files(context, PROCESS.name, PROCESS.final | {"ended"}, wanted.today)
        if opening_of(file).data["team_register"] == word
    ]
    due = next_days(context, [file.case_ref for file in files])
    rows = [_row(file, due.get(file.case_ref)) for file in files]
    return Listed(sorted(rows, key=lambda row: (row.next or date.max, row.case_ref)), 0)


def _row(file: CaseFile, due: date | None) -> EntryRow:
    opening, versions = opening_of(file).data, said_of(file, VERSION)
    days = [day for day in (due, expires_on(file)) if day is not None]
    return EntryRow(
        case_ref=file.case_ref,
        topic=str(opening["topic"]),
        topic_name=in_words(str(opening["topic"])),
        owner=str(opening["entry_owner"]),
        version=str(versions[-1].data["version"]) if versions else None,
        next=min(days, default=None),
        marked=said_of_entry(file),
    )


COLUMNS = (
    Column("Case", "case_ref"),
    Column("Entry", "topic_name"),
    Column("Owner", "owner"),
    Column("Version", "version"),
    Column("Due or expiring", "next"),
    Column("What the record says", "marked"),
)


def own_registers(context: AppContext) -> dict[str, RegisterList]:
    """The registers that this installation's configuration names, each as one list."""
    return {
        word: RegisterList(
            word,
            each.name,
            f"{each.says} Entries that have not ended, the next day first. A local standard: {each.source}.".strip(),
            COLUMNS,
            partial(register_entries, word),
            by_authority=False,
        )
        for word, each in standards_of(context, "team_register").items()
        if isinstance(each, RegisterKind)
    }
