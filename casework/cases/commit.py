"""Ends a unit of work: propagate what was added to linked cases, then write everything in the caller's transaction."""

from casework.cases.propagation import propagate
from casework.cases.unit_of_work import UnitOfWork


def commit(unit: UnitOfWork) -> list[str]:
    """Propagate new facts to linked cases and write the unit of work. Returns what a person has to follow up, in
    sentences.

    The caller's transaction commits; nothing here does.
    """
    follow_ups = propagate(unit, unit.references.next)
    unit.write()
    return follow_ups
