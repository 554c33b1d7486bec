"""The cases of one process with their duties, replayed one after the other for lists of a time. [I/O]"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select

from casework.cases.loaded_case import UNREADABLE, Replayed, replay_case
from casework.context import AppContext
from models import ledger
from models.bulk_io import in_chunks
from models.database import reading
from models.tables import CASE
from statemachines.process import Process


def case_files(context: AppContext, process: Process, *, ended: bool = True) -> Iterator[Replayed]:
    """Each case of the process with its duties, by reference; those that have ended only if asked for.

    A history that cannot be read is left out: verification reports it.
    """
    with reading(context.engine) as connection:
        query = select(CASE.c.case_ref).where(CASE.c.process == process.name)
        if not ended:
            query = query.where(CASE.c.state.not_in(sorted(process.final)))
        refs = list(connection.scalars(query.order_by(CASE.c.case_ref)))
        for chunk in in_chunks(refs):
            for ref, (facts, _tail) in sorted(ledger.read(connection, chunk).items()):
                try:
                    yield replay_case(context, ref, facts)
                except UNREADABLE:
                    continue
