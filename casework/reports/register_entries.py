"""The entries of one of our team's registers that have not ended, with the next day of each. [I/O]"""

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import next_days, open_files
from models.casefile import CaseFile
from statemachines.register_entry import PROCESS, VERSION, expires_on, opening_of, remarks, said_of


class EntryRow(BaseModel):
    """One entry. `version`: the one in force. `next_day`: the earliest day of a duty, or on which a training expires.

    `remarks`: what the record says of it: silence, promises, versions that somebody does not have, attendance.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    topic: str
    owner: str
    version: str | None
    next_day: date | None
    remarks: list[str]


def register_entries(context: AppContext, word: str, as_at: date) -> list[EntryRow]:
    """The entries of a register, the next day first."""
    files = [
        file
        for file in open_files(context, PROCESS.name, PROCESS.final | {"ended"}, as_at)
        if opening_of(file).data["team_register"] == word
    ]
    due = next_days(context, [file.case_ref for file in files])
    rows = [_row(file, due.get(file.case_ref)) for file in files]
    return sorted(rows, key=lambda row: (row.next_day or date.max, row.case_ref))


def _row(file: CaseFile, due: date | None) -> EntryRow:
    opening, versions = opening_of(file).data, said_of(file, VERSION)
    days = [day for day in (due, expires_on(file)) if day is not None]
    return EntryRow(
        case_ref=file.case_ref,
        topic=str(opening["topic"]),
        owner=str(opening["entry_owner"]),
        version=str(versions[-1].data["version"]) if versions else None,
        next_day=min(days, default=None),
        remarks=remarks(file),
    )
