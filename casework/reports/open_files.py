"""The open cases of a process, each replayed to a day: what the sheets of registers are made from. [I/O]"""

from collections.abc import Collection, Iterator
from datetime import date

from sqlalchemy import func, select

from casework.cases.loaded_case import UNREADABLE
from casework.context import AppContext
from models import ledger
from models.casefile import CaseFile
from models.database import reading
from models.tables import CASE, DUTY
from statemachines.replay import replay


def open_files(context: AppContext, process: str, over: Collection[str], as_at: date) -> Iterator[CaseFile]:
    """Each case of a process that is in none of the states `over` on a day, in order of reference.

    A history that cannot be read is left out: verification reports it.
    """
    with reading(context.engine) as connection:
        query = select(CASE.c.case_ref).where(CASE.c.process == process, CASE.c.state.not_in(sorted(over)))
        refs = list(connection.scalars(query.order_by(CASE.c.case_ref)))
        histories = ledger.read(connection, refs)
    for ref, (facts, _tail) in sorted(histories.items()):
        try:
            file = replay(ref, facts, as_at)
        except UNREADABLE:
            continue
        if file.state not in over:
            yield file


def next_days(context: AppContext, refs: list[str]) -> dict[str, date]:
    """The earliest day of an open duty of each case that has one."""
    query = select(DUTY.c.case_ref, func.min(DUTY.c.due)).where(DUTY.c.case_ref.in_(refs), DUTY.c.closed_on.is_(None))
    with reading(context.engine) as connection:
        return {ref: day for ref, day in connection.execute(query.group_by(DUTY.c.case_ref)) if day is not None}
