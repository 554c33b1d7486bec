"""Who is 14, 16, 17, 17 and a half or 18 with a step to adult services missing. [I/O]

Purpose: one list for the meeting that plans ahead. It goes by the month of birth, and names no birthday.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.cases.loaded_case import UNREADABLE
from casework.context import AppContext
from casework.reports.withheld import may_be_named
from models import ledger
from models.database import reading
from models.tables import CASE
from statemachines.replay import replay
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
    """The open cases with a step missing, the oldest young person first, and how many of them may not be named.

    A history that cannot be read is left out: verification reports it.
    """
    over = PROCESS.final | OVER_STATES
    with reading(context.engine) as connection:
        query = select(CASE.c.case_ref).where(CASE.c.process == PROCESS.name, CASE.c.state.not_in(sorted(over)))
        refs = list(connection.scalars(query.order_by(CASE.c.case_ref)))
        histories = ledger.read(connection, refs)
    rows: list[TransitionRow] = []
    for ref, (facts, _tail) in sorted(histories.items()):
        try:
            file = replay(ref, facts, as_at)
        except UNREADABLE:
            continue
        months = months_of_age(file, as_at)
        age, steps = reached(months), missing(file, as_at)
        if age is not None and steps and file.state not in over:
            rows.append(TransitionRow(case_ref=ref, la=file.la, reached=age, months=months, missing=steps))
    return may_be_named(context, sorted(rows, key=lambda row: (-row.months, row.case_ref)))
