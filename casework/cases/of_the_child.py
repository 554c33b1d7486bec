"""Facts of the child: a death, and a flag that nothing about the child leaves unseen. [I/O]

Each case of the child has them, so that each replays alone: a letter about one case is as wrong as about another. They
are copied when they are recorded, when a further case of the child is opened, and when cases turn out to be of one
child.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, select, text

from casework.cases.child_questions import cases_of
from casework.cases.loaded_case import UNREADABLE, LoadedCase
from casework.cases.restricted_cases import without_restricted
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.validation import OWN, Refused
from models import ledger
from models.common_facts import CORRECTIONS, OF_THE_CHILD
from models.facts import Fact, FactDraft, StoredFact
from models.tables import CASE, FACT
from notifications.holds import withheld
from statemachines.registry import unnamed_states, with_unnamed_states
from statemachines.replay import facts_in_force

# Why nothing leaves of a case in such a state, where no fact of the child says it.
NO_CONSENT = "no_consent"


def withheld_cases(connection: Connection) -> dict[str, str]:
    """The cases of which nothing leaves without a person's release, each with the kind of the fact that says so.

    A case whose history cannot be read is among them if it ever had such a fact. Among them too are the cases in a
    state in which nothing names them, because consent was declined or withdrawn; no person releases those.
    """
    found: dict[str, str] = dict.fromkeys(unnamed_cases(connection), NO_CONSENT)
    for ref in _with_such_facts(connection):
        try:
            facts, _tail = ledger.read(connection, [ref])[ref]
            why = withheld(facts_in_force(facts))
        except UNREADABLE:
            why = min(OF_THE_CHILD)
        if why is not None:
            found[ref] = why
    return found


def unnamed_cases(connection: Connection) -> list[str]:
    """The cases in a state in which no list names them, because consent was declined or withdrawn; by projection."""
    # A command that lists duties builds no process for it where there is no such case.
    query = select(CASE.c.case_ref, CASE.c.process, CASE.c.state).where(CASE.c.process.in_(with_unnamed_states()))
    rows = connection.execute(query).all()
    return sorted(row.case_ref for row in rows if row.state in unnamed_states()[row.process])


def _with_such_facts(connection: Connection) -> list[str]:
    return sorted(connection.scalars(_WITH_SUCH_FACTS))


# In the words of the index (revision 018): a database uses a partial index for the same condition alone.
_WITH_SUCH_FACTS = (
    select(FACT.c.case_ref).where(text("kind = 'person_died' OR kind = 'person_flagged_sensitive'")).distinct()
)


def copy_to_the_childs_cases(unit: UnitOfWork) -> list[str]:
    """Record the facts of a child that this act recorded, corrected or made known on every case of the child.

    Returns a follow-up for each case that cannot take one.
    """
    follow_ups: list[str | None] = []
    for case in list(unit.cases.values()):
        for fact in list(case.new_facts):
            if fact.kind in OF_THE_CHILD and fact.caused_by is None:
                follow_ups += [_copy(unit, case, fact, other) for other in _others(unit, case)]
            elif fact.kind in CORRECTIONS and (target := _corrected(case, fact)) is not None:
                follow_ups += [
                    _correct(unit, case, fact, f"{case.case_ref}/{target.seq}", other) for other in _others(unit, case)
                ]
    return [*(each for each in follow_ups if each is not None), *_to_further_cases(unit)]


def _corrected(case: LoadedCase, correction: Fact) -> StoredFact | None:
    target = next((fact for fact in case.facts if fact.seq == correction.corrects), None)
    return target if target is not None and target.kind in OF_THE_CHILD else None


def _others(unit: UnitOfWork, case: LoadedCase) -> list[LoadedCase]:
    """The other cases of a case's child that can be read."""
    unit.find_children([case])
    if case.child_id is None:
        return []
    refs = cases_of(unit, [case.child_id]).get(case.child_id, [])
    return [other for ref, other in load_readable(unit, refs).items() if ref != case.case_ref]


def _to_further_cases(unit: UnitOfWork) -> list[str]:
    """Copy what is known of a child to a case that this act opened, or found to be of the same child."""
    if unit.people:
        unit.find_children([])  # a new case gets its child with its person
    children = unit.merged_children | {
        case.child_id for case in unit.cases.values() if case.child_id and case.child_id != case.stored_child_id
    }
    flagged = set(_with_such_facts(unit.connection)) if children else set()
    if not flagged:
        return []
    follow_ups: list[str | None] = []
    for refs in cases_of(unit, children).values():
        cases = load_readable(unit, refs)
        for source in [case for ref, case in cases.items() if ref in flagged]:
            for fact in [each for each in source.file.lines if each.kind in OF_THE_CHILD and each.caused_by is None]:
                follow_ups += [_copy(unit, source, fact, other) for other in cases.values() if other is not source]
    return [each for each in follow_ups if each is not None]


def _copy(unit: UnitOfWork, case: LoadedCase, fact: StoredFact, other: LoadedCase) -> str | None:
    source = f"{case.case_ref}/{fact.seq}"
    if not without_restricted([case.case_ref]) and without_restricted([other.case_ref]):
        # The only case of the child was a restricted one, which no other case names as the cause.
        known = any(each.kind == fact.kind for each in other.file.lines) if other.facts else False
        return None if known else _append(unit, other, FactDraft(fact.kind, fact.occurred_on, {}))
    if any(each.caused_by == source and each.kind == fact.kind for each in other.facts):
        return None
    return _append(unit, other, FactDraft(fact.kind, fact.occurred_on, {}, caused_by=source))


def _correct(unit: UnitOfWork, case: LoadedCase, fact: Fact, source: str, other: LoadedCase) -> str | None:
    """The same correction of the day, or the same withdrawal, of the copy on another case."""
    copies: Iterable[StoredFact] = [each for each in other.facts if each.caused_by == source]
    data = {key: value for key, value in fact.data.items() if key == "occurred_on"}
    answers: Sequence[str | None] = [
        _append(
            unit,
            other,
            FactDraft(fact.kind, fact.occurred_on, data, copy.seq, caused_by=f"{case.case_ref}/{fact.seq}"),
        )
        for copy in copies
        if copy.kind in OF_THE_CHILD and (fact.kind == "fact_withdrawn" or data)
    ]
    return next((answer for answer in answers if answer is not None), None)


def _append(unit: UnitOfWork, case: LoadedCase, draft: FactDraft) -> str | None:
    try:
        unit.append(case, [draft], OWN)
    except Refused as refused:
        return f"Case {case.case_ref} of the same child did not accept {draft.kind}: {refused.message}"
    return None
