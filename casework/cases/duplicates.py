"""What may be twice: second open cases of one child, and children who may be one. A person decides. [I/O]"""

from collections.abc import Collection, Iterable

from sqlalchemy import select

from casework import to_decide
from casework.cases.same_child import bodies_of
from casework.cases.unit_of_work import UnitOfWork, load_readable
from models.alike import find_alike
from models.bulk_io import in_chunks
from models.tables import CASE
from statemachines.process import Process


def open_duplicates(unit: UnitOfWork) -> list[str]:
    """Follow-ups of merged children and of children who may be one, which also wait for a person.

    Call this after the unit is written.
    """
    return [*_second_open_cases(unit), *_same_name_and_birth(unit)]


def _second_open_cases(unit: UnitOfWork) -> list[str]:
    """Open cases of a merged child of which the process permits one only."""
    if not unit.merged_children:
        return []
    processes = [process for process in unit.context.processes.values() if process.one_open_case_per_child_and_la]
    found = [(process, refs, la) for process in processes for refs, la in _duplicates_of(unit, process)]
    items = [
        to_decide.Item(
            to_decide.DUPLICATE,
            to_decide.duplicate_key(refs),
            {"cases": sorted(refs), "process": process.name, "la": la},
        )
        for process, refs, la in found
    ]
    to_decide.store(unit.connection, items, unit.now, unit.actor)
    return [
        f"Cases {' and '.join(sorted(refs))} ({process.title}) are of the same child and local authority, and both are"
        " open. Close one, or withdraw the duplicate"
        for process, refs, _la in found
    ]


def _duplicates_of(unit: UnitOfWork, process: Process) -> Iterable[tuple[list[str], str]]:
    """Open cases of the process that one child has at one authority: their references, and the authority."""
    query = select(CASE.c.child_key, CASE.c.la, CASE.c.case_ref).where(
        CASE.c.child_key.in_(unit.merged_children),
        CASE.c.process == process.name,
        CASE.c.state.not_in(process.final),
        CASE.c.la.is_not(None),
    )
    found = [(str(child_id), str(la), str(ref)) for child_id, la, ref in unit.connection.execute(query)]
    read = load_readable(unit, sorted(ref for _child, _la, ref in found)) if process.and_per_body else {}
    refs_of: dict[tuple[str, ...], list[str]] = {}
    for child_id, la, ref in found:
        bodies = sorted(bodies_of(process, read[ref], ())) if ref in read else []
        refs_of.setdefault((child_id, la, *bodies), []).append(ref)
    for (_child, la, *_bodies_named), refs in refs_of.items():
        if len(refs) > 1:
            yield refs, la


def _same_name_and_birth(unit: UnitOfWork) -> list[str]:
    """Open cases of children of one name and date of birth, of whom one has no NHS number. Nothing merges them."""
    pairs = find_alike(unit.connection, unit.saved_children) if unit.saved_children else []
    if not pairs:
        return []
    opened = _first_open_case(unit, {child for pair in pairs for child in pair})
    asked = {
        f"alike/{one}/{other}": sorted((opened[one], opened[other]))
        for one, other in pairs
        if one in opened and other in opened
    }
    answered = to_decide.answered(unit.connection, asked, to_decide.TWO_CHILDREN)
    items = [
        to_decide.Item(to_decide.ALIKE, key, {"cases": refs}) for key, refs in asked.items() if key not in answered
    ]
    to_decide.store(unit.connection, items, unit.now, unit.actor)
    return [
        f"Cases {first} and {second} may be about one child: name and date of birth are the same, and an NHS number is"
        f" missing. If they are: sendflow join {first} --with {second} --actor WHO. If not, answer what waits: sendflow"
        " to-decide"
        for first, second in (item.detail["cases"] for item in items)
    ]


def _first_open_case(unit: UnitOfWork, children: Collection[str]) -> dict[str, str]:
    """The first open case of each of these children, by its reference."""
    found: dict[str, str] = {}
    for chunk in in_chunks(sorted(children)):
        query = select(CASE.c.child_key, CASE.c.case_ref, CASE.c.process, CASE.c.state)
        query = query.where(CASE.c.child_key.in_(chunk)).order_by(CASE.c.case_ref)
        for row in unit.connection.execute(query):
            if row.process in unit.context.restricted:
                continue  # what waits for a person names no restricted case
            if row.state not in unit.context.processes[row.process].final:
                found.setdefault(row.child_key, row.case_ref)
    return found
