"""What an act on one case would do to the other cases of the child, asked before it is done. [I/O]

A fact of one case may make one child of two, replace an identity that other cases share, or open a further case of a
known child. Each is right for the right child and harms another one. So sendflow names every case that the act reaches
and writes nothing until a person confirms it. Questions name references and fields, and no value.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from casework.cases.loaded_case import LoadedCase
from casework.cases.restricted_cases import without_restricted
from casework.cases.same_child import Link
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.validation import OWN, Refused
from models import people
from models.common_facts import CORRECTIONS
from models.facts import FactDraft
from models.same_words import name_key
from models.tables import CASE
from statemachines.process import Process

CONFIRM = "confirm_child"
SHOWN = 12


class Reach(NamedTuple):
    """The stored cases of each child that an act is about, by child id; a case without a child is a side of its own."""

    sides: Mapping[str, Sequence[str]]
    number_child: str | None

    def others(self, case_ref: str) -> list[str]:
        """Every stored case that the act reaches, except the case itself."""
        return sorted({ref for refs in self.sides.values() for ref in refs} - {case_ref})


def reach_of(unit: UnitOfWork, case: LoadedCase, link: Link | None, person: Mapping[str, str]) -> Reach:
    """Which cases of which children an act on a case reaches."""
    number = person.get("nhs_number")
    unit.find_children([case] if case.facts else [])
    found = people.find_children(unit.connection, unit.context.cipher, [number]) if number else {}
    number_child = found.get(number) if number else None
    own = {case.child_id} if case.facts and not (link is not None and link.is_correction) else set()
    linked = {link.other.child_id} if link is not None else set()
    children = {child for child in (*own, *linked, number_child) if child is not None}
    # A restricted case takes no part: no question and no fact of another case names it.
    sides = {child: seen for child, refs in cases_of(unit, children).items() if (seen := without_restricted(refs))}
    if number_child not in sides:
        number_child = None
    if (
        case.facts
        and case.child_id is None
        and without_restricted([case.case_ref])
        and not (link is not None and link.is_correction)
    ):
        sides[case.case_ref] = [case.case_ref]
    if link is not None and link.other.child_id is None and without_restricted([link.other.case_ref]):
        sides[link.other.case_ref] = [link.other.case_ref]
    return Reach(sides, number_child)


def cases_of(unit: UnitOfWork, children: Collection[str]) -> dict[str, list[str]]:
    """The stored cases of these children, by child id. Loaded cases count as they are in memory."""
    if not children:
        return {}
    found: dict[str, set[str]] = {child: set() for child in children}
    query = select(CASE.c.child_key, CASE.c.case_ref).where(CASE.c.child_key.in_(sorted(children)))
    for child, ref in unit.connection.execute(query):
        if ref not in unit.cases or unit.cases[ref].child_id is None:  # whose child was not read yet: its row says it
            found[child].add(ref)
    for ref, case in unit.cases.items():
        if case.child_id in found and case.facts:
            found[str(case.child_id)].add(ref)
    return {child: sorted(refs) for child, refs in found.items() if refs}


def ask_if_others_are_reached(
    unit: UnitOfWork,
    case: LoadedCase,
    drafts: Sequence[FactDraft],
    link: Link | None,
    person: Mapping[str, str],
    reach: Reach,
) -> None:
    """Refuse an act that changes a child of other cases too, naming them. The caller leaves it out once confirmed."""
    others = reach.others(case.case_ref)
    corrected = all(draft.kind in CORRECTIONS for draft in drafts)
    replaced = _replaced(unit, person, reach)
    reasons: list[str] = []
    if len(reach.sides) > 1:
        reasons.append("it makes one child of cases that were about different children")
    if link is not None and link.is_correction and case.child_id not in (None, link.child_id):
        reasons.append(f"it gives case {case.case_ref} to another child")
    if replaced and (others or not corrected):
        reasons.append(f"it replaces the child's {' and '.join(replaced)}")
    if not case.facts and link is None and reach.number_child is not None and not _same_birth(unit, person, reach):
        reasons.append("the NHS number is known, so that it opens a further case of the same child")
    if reasons:
        raise Refused(
            CONFIRM,
            f"This reaches {named(unit, others) or f'case {case.case_ref}'}: {'; '.join(reasons)}. Nothing was written."
            " If all of it is about one child, give the same again with --confirm-child. If a number was mistyped,"
            " give the right one; if two cases were taken for one child's: sendflow part CASE --from OTHER",
            field=next(iter(field for field in people.OF_A_CHILD if field in person), "linked_to"),
        )


def filled_in(unit: UnitOfWork, case: LoadedCase, person: Mapping[str, str], reach: Reach) -> list[str]:
    """A note of what was unknown until now of a child of other cases: nothing is replaced, so nobody is asked."""
    others = reach.others(case.case_ref)
    if not others or not person:
        return []
    known = people.read_people(unit.connection, unit.context.cipher, list(reach.sides)).values()
    fields = [
        _in_words(field)
        for field in people.OF_A_CHILD
        if person.get(field) and not any(each.get(field) for each in known)
    ]
    if not fields:
        return []
    return [
        f"The {' and '.join(fields)}, unknown before, now holds for {named(unit, others)} too: all are of one child"
    ]


def _in_words(field: str) -> str:
    return "NHS number" if field == "nhs_number" else field.replace("_", " ")


def _replaced(unit: UnitOfWork, person: Mapping[str, str], reach: Reach) -> list[str]:
    """The fields that have another value than this one for a child that is reached, in words."""
    if not person:
        return []
    known = people.read_people(unit.connection, unit.context.cipher, list(reach.sides)).values()
    return [
        _in_words(field)
        for field in people.OF_A_CHILD
        if person.get(field) and any(not same(field, person[field], each.get(field)) for each in known)
    ]


def _same_birth(unit: UnitOfWork, person: Mapping[str, str], reach: Reach) -> bool:
    """Whether a second identifier, the date of birth, says that it is the child of the number."""
    child = reach.number_child
    known = people.read_people(unit.connection, unit.context.cipher, [child] if child else [])
    born = known.get(child or "", {}).get("date_of_birth")
    return born is not None and born == person.get("date_of_birth")


def same(field: str, one: str, other: str | None) -> bool:
    """Whether a value agrees with what is known; what is unknown contradicts nothing."""
    if other is None or one == other:
        return True
    if field == "nhs_number":
        return people.same_number(one, other)
    return field == "name" and name_key(one) == name_key(other)


def named(unit: UnitOfWork, refs: Sequence[str]) -> str:
    """Cases by reference, process and state, for a person who is asked about them."""
    query = select(CASE.c.case_ref, CASE.c.process, CASE.c.state).where(CASE.c.case_ref.in_(list(refs)[:SHOWN]))
    words = {ref: _words(unit, process, state) for ref, process, state in unit.connection.execute(query)}
    shown = [f"case {ref}{words.get(ref, '')}" for ref in list(refs)[:SHOWN]]
    more = [f"{len(refs) - SHOWN} more"] if len(refs) > SHOWN else []
    return ", ".join([*shown, *more])


def _words(unit: UnitOfWork, name: str, state: str) -> str:
    process: Process | None = unit.context.processes.get(name)
    return f" ({process.title}, '{process.states.get(state, state)}')" if process is not None else ""


def record_joined(unit: UnitOfWork, sides: Sequence[Sequence[str]]) -> None:
    """Record on every stored case of these sides which cases are of one child with it from now on."""
    if len(sides) < 2:
        return
    cases = load_readable(unit, {ref for side in sides for ref in side})
    for side in sides:
        others = sorted({ref for each in sides if each is not side for ref in each})
        for ref in side:
            if ref in cases:
                unit.append(cases[ref], [FactDraft("child_joined", unit.today, {"with_cases": others})], OWN)
