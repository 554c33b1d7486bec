"""Ends a unit of work: propagate new facts to linked cases, then write everything in the caller's transaction."""

from collections.abc import Callable

from casework import to_decide
from casework.cases.moves import pause_where_the_child_left
from casework.cases.of_the_child import copy_to_the_childs_cases
from casework.cases.propagation import propagate
from casework.cases.unit_of_work import UnitOfWork
from casework.replies_to_act_on import replies_written


def commit(unit: UnitOfWork, before_writing: Callable[[UnitOfWork], None] | None = None) -> list[str]:
    """Propagate new facts and write the unit of work. Returns the follow-ups: sentences that say what a person must do.

    `before_writing` is called in between. The caller commits the transaction.
    """
    follow_ups = [*propagate(unit), *pause_where_the_child_left(unit), *copy_to_the_childs_cases(unit)]
    if before_writing is not None:
        before_writing(unit)
    written = [
        to_decide.reply_item(case.case_ref, seq)
        for case in unit.cases.values()
        if case.new_facts
        for seq in replies_written(case.facts, case.new_facts)
    ]
    unit.write()
    to_decide.store(unit.connection, written, unit.now, unit.actor)
    return follow_ups
