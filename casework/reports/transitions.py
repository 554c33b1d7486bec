"""Who is 14, 16, 17, 17 and a half or 18 with a step to adult services missing. [I/O]

Purpose: one list for the meeting that plans ahead. It goes by the month of birth, and names no birthday.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import open_files
from casework.reports.withheld import may_be_named
from statemachines.transition import OVER_STATES, PROCESS, missing, months_of_age, reached


class TransitionRow(BaseModel):
    """A young person with a step missing: the case, the last age of the list that is reached, and the steps.

    `months` is the age in whole months by the month of birth.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    reached: str
    months: int
    missing: list[str]


def transitions(context: AppContext, as_at: date) -> tuple[list[TransitionRow], int]:
    """The open cases with a step missing, the oldest young person first, and how many of them may not be named."""
    rows: list[TransitionRow] = []
    for file in open_files(context, PROCESS.name, PROCESS.final | OVER_STATES, as_at):
        months = months_of_age(file, as_at)
        age, steps = reached(months), missing(file, as_at)
        if age is not None and steps:
            rows.append(TransitionRow(case_ref=file.case_ref, la=file.la, reached=age, months=months, missing=steps))
    return may_be_named(context, sorted(rows, key=lambda row: (-row.months, row.case_ref)))
