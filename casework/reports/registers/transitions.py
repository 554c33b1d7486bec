"""Who is 14, 16, 17, 17 and a half or 18 with a step to adult services missing. [I/O]

Purpose: one list for the meeting that plans ahead. It goes by the month of birth, and names no birthday.
"""

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import open_files
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from casework.reports.withheld import may_be_named
from statemachines.transition import OVER_STATES, PROCESS, missing, months_of_age, reached


class TransitionRow(BaseModel):
    """A young person with a step missing: the case, the last age of the list that is reached, and the steps.

    `months` is the age in whole months by the month of birth.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    la_name: str
    reached: str
    months: int
    missing: list[str]


def transitions(context: AppContext, wanted: Wanted) -> Listed:
    """The open cases with a step missing, the oldest young person first."""
    as_at = wanted.today
    rows: list[TransitionRow] = []
    for file in open_files(context, PROCESS.name, PROCESS.final | OVER_STATES, as_at):
        months = months_of_age(file, as_at)
        age, steps = reached(months), missing(file, as_at)
        if age is not None and steps and wanted.has(file.la):
            rows.append(
                TransitionRow(
                    case_ref=file.case_ref,
                    la=file.la,
                    la_name=context.directory.la_name(file.la) if file.la else "",
                    reached=age,
                    months=months,
                    missing=steps,
                )
            )
    return Listed(*may_be_named(context, sorted(rows, key=lambda row: (-row.months, row.case_ref))))


TRANSITION = RegisterList(
    "transition",
    "Steps to adult services that are missing",
    "Who is 14, 16, 17, 17 and a half or 18 by the month of birth, with a step missing; the oldest first."
    " The ages are those of guidance and local standards, and no law.",
    (
        Column("Case", "case_ref"),
        Column("Authority", "la_name"),
        Column("Age", "reached"),
        Column("Missing", "missing"),
    ),
    transitions,
)
