"""Two cases that were taken for one child's are parted, and cases of one child are joined. [I/O]

Both are facts on every case that they reach, so that the history says since when, and a replay as known before shows
the old state. Facts that one side copied from the other are withdrawn when they are parted, and in force again when
they are joined. Free text, letters and the access log belong to a case and go with it.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import partial

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection

from casework.cases.about import refuse_child_of
from casework.cases.child_questions import CONFIRM, cases_of, named, record_joined, same
from casework.cases.commit import commit
from casework.cases.duplicates import open_duplicates
from casework.cases.loaded_case import LoadedCase
from casework.cases.not_copied import not_copied
from casework.cases.projections import write_child_ids
from casework.cases.references import find_case
from casework.cases.restricted_cases import sentences_seen, without_restricted
from casework.cases.unit_of_work import UnitOfWork
from casework.cases.validation import OWN, Refused
from casework.context import AppContext
from models import people
from models.common_facts import CORRECTIONS
from models.database import transact
from models.facts import FactDraft, StoredFact
from models.locks import lock_exclusive
from statemachines.registry import opened_by
from statemachines.replay import facts_in_force


class ChildChange(BaseModel):
    """The cases of each child after they were parted or joined.

    `cases` are of the child of the case that was named first, `others` of the other child; none after a join.
    `withdrawn` and `restored` are copied facts, as CASE/number. `unheard` are the follow-ups, in sentences.
    """

    model_config = ConfigDict(frozen=True)
    cases: list[str]
    others: list[str] = Field(default_factory=list)
    withdrawn: list[str] = Field(default_factory=list)
    restored: list[str] = Field(default_factory=list)
    unheard: list[str] = Field(default_factory=list)


def part(
    context: AppContext, case: str, other: str, actor: str, along: Sequence[str] = (), confirmed: bool = False
) -> ChildChange:
    """Say that two cases are about different children. Cases that are linked to `case` go with it, and `along`.

    Raises Refused: without `confirmed` with the names of the cases on each side; NoSuchCase for an unknown case.
    """
    return transact(context.engine, partial(_part, context, (case, other), actor, along, confirmed))


def join(context: AppContext, case: str, other: str, actor: str, confirmed: bool = False) -> ChildChange:
    """Say that two cases, and all that are of one child with either, are about one child.

    What is known of the child of `other` holds where the two differ. Raises Refused: if their NHS numbers differ, and
    without `confirmed` with the names of the cases; NoSuchCase for an unknown case.
    """
    return transact(context.engine, partial(_join, context, (case, other), actor, confirmed))


def _begin(context: AppContext, connection: Connection, pair: tuple[str, str], actor: str, via: str) -> UnitOfWork:
    unit = UnitOfWork(context, connection, actor=actor, via=via)
    lock_exclusive(connection, "children")
    if pair[0] == pair[1]:
        raise Refused("same_case", "these are one case: name the other case", wrong_call=True)
    for case in unit.load(sorted(pair)).values():
        if not without_restricted([case.case_ref]):
            raise Refused(
                "restricted_case",
                f"case {case.case_ref} is restricted, and no fact of another case may name it: correct its own fact"
                " with linked_to",
            )
        refuse_child_of(case.process, case.case_ref)
    unit.find_children([unit.cases[ref] for ref in pair])
    return unit


def _found(context: AppContext, connection: Connection, pair: tuple[str, str]) -> tuple[str, str]:
    first, second = (find_case(connection, context.cipher, ref) for ref in pair)
    return first, second


def _part(
    context: AppContext,
    typed: tuple[str, str],
    actor: str,
    along: Sequence[str],
    confirmed: bool,
    connection: Connection,
) -> ChildChange:
    pair = _found(context, connection, typed)
    unit = _begin(context, connection, pair, actor, "part")
    case, other = (unit.cases[ref] for ref in pair)
    if case.child_id is None or case.child_id != other.child_id:
        raise Refused(
            "not_one_child", f"cases {pair[0]} and {pair[1]} are not known as one child's: there is nothing to part"
        )
    child = case.child_id
    everything = cases_of(unit, [child])[child]
    cases = unit.load(everything)
    going = [find_case(connection, context.cipher, ref) for ref in along]
    if other.case_ref in going or not set(going) <= set(everything):
        raise Refused("bad_data", "--along names a further case of the same child, and not OTHER", wrong_call=True)
    moving = _linked([pair[0], *going], cases, other.case_ref)
    staying = [other.case_ref, *(ref for ref in everything if ref not in moving and ref != other.case_ref)]
    copied = _copied(cases, moving, staying)
    if not confirmed:
        raise Refused(
            CONFIRM,
            f"This parts {named(unit, without_restricted(moving))} from {named(unit, without_restricted(staying))}."
            f" {_to_withdraw(copied)} What each side said"
            f" of its child stays with it. Nothing was written. If that is right, give the same again with"
            " --confirm-child; --along CASE takes a further case with the first",
        )
    new = people.part_child(connection, context.cipher, child, moving, staying)
    for ref in moving:
        cases[ref].child_id = new
    write_child_ids(connection, cases.values())
    numbers = _record_parted(unit, cases, moving, staying)
    withdrawn, follow_ups = _withdraw(unit, cases, copied, numbers)
    follow_ups += _opened_by_the_other_side(cases, moving, staying)
    follow_ups += _links_between(cases, moving, staying)
    follow_ups += commit(unit)
    return ChildChange(
        cases=without_restricted(sorted(moving)),
        others=without_restricted(sorted(staying)),
        withdrawn=sentences_seen(unit, withdrawn),
        unheard=sentences_seen(unit, follow_ups),
    )


def _linked(start: Sequence[str], cases: Mapping[str, LoadedCase], other: str) -> list[str]:
    """The cases that links in force connect with the first ones, without a way through `other`."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for ref, case in cases.items():
        facts = facts_in_force(case.facts)
        ends = {str(fact.data["linked_to"]) for fact in facts if fact.data.get("linked_to")}
        opening = facts[0]
        if opening.caused_by is not None and opening.kind in opened_by():
            ends.add(opening.caused_by.partition("/")[0])
        for end in ends & cases.keys():
            neighbours[ref].add(end)
            neighbours[end].add(ref)
    found = list(dict.fromkeys(start))
    for ref in found:  # grows while it is read
        found.extend(sorted(neighbours[ref] - {other, *found}))
    return found


def _copied(cases: Mapping[str, LoadedCase], moving: Collection[str], staying: Collection[str]) -> list[str]:
    """Facts in force, as CASE/number, that a case of one side copied from a case of the other; the latest first."""
    found: list[str] = []
    for side, source in ((moving, staying), (staying, moving)):
        for ref in side:
            facts = facts_in_force(cases[ref].facts)
            seqs = [
                fact.seq
                for fact in facts
                if fact.kind not in CORRECTIONS and fact.seq > 1 and _cause_case(fact) in source
            ]
            found.extend(f"{ref}/{seq}" for seq in sorted(seqs, reverse=True))
    return found


def _cause_case(fact: StoredFact) -> str:
    return (fact.caused_by or "").partition("/")[0]


def _opened_by_the_other_side(
    cases: Mapping[str, LoadedCase], moving: Collection[str], staying: Collection[str]
) -> list[str]:
    return [
        f"Case {ref} was opened by a fact of case {_cause_case(cases[ref].facts[0])}, which is about another child now."
        f" If it is not needed: sendflow record {ref} case_withdrawn"
        for side, source in ((moving, staying), (staying, moving))
        for ref in side
        if _cause_case(cases[ref].facts[0]) in source
    ]


def _links_between(cases: Mapping[str, LoadedCase], moving: Collection[str], staying: Collection[str]) -> list[str]:
    """Facts in force that name a case of the other side in `linked_to`: what the case is linked to is for a person."""
    return [
        f"Fact {fact.seq} of case {ref} names case {fact.data['linked_to']}, which is about another child now. If it"
        f" was linked to the wrong case: sendflow record {ref} fact_corrected --corrects {fact.seq} --data"
        " linked_to=CASE"
        for side, others in ((moving, staying), (staying, moving))
        for ref in side
        for fact in facts_in_force(cases[ref].facts)
        if fact.data.get("linked_to") in others
    ]


def _to_withdraw(copied: Sequence[str]) -> str:
    if not copied:
        return "No fact was copied between the two."
    return f"Facts copied between the two are withdrawn: {', '.join(copied)}."


def _record_parted(
    unit: UnitOfWork, cases: Mapping[str, LoadedCase], moving: Sequence[str], staying: Sequence[str]
) -> dict[str, int]:
    """Record the parting on every case; return the number of its fact on each."""
    numbers: dict[str, int] = {}
    for side, others in ((moving, staying), (staying, moving)):
        for ref in side:
            draft = FactDraft("child_parted", unit.today, {"from_cases": without_restricted(sorted(others))})
            (fact,) = unit.append(cases[ref], [draft], OWN)
            numbers[ref] = fact.seq
    return numbers


def _withdraw(
    unit: UnitOfWork, cases: Mapping[str, LoadedCase], copied: Iterable[str], because: Mapping[str, int]
) -> tuple[list[str], list[str]]:
    """Withdraw facts, each because of a fact of its own case; what is not accepted becomes a follow-up."""
    done: list[str] = []
    follow_ups: list[str] = []
    for each in copied:
        ref, _, seq = each.partition("/")
        draft = FactDraft("fact_withdrawn", unit.today, {}, int(seq), caused_by=f"{ref}/{because[ref]}")
        try:
            unit.append(cases[ref], [draft], OWN)
        except Refused as refused:
            follow_ups.append(f"Fact {seq} of case {ref} was copied from another child's case and stays: {refused}")
        else:
            done.append(each)
    return done, follow_ups


def _join(
    context: AppContext, typed: tuple[str, str], actor: str, confirmed: bool, connection: Connection
) -> ChildChange:
    pair = _found(context, connection, typed)
    unit = _begin(context, connection, pair, actor, "join")
    case, other = (unit.cases[ref] for ref in pair)
    if case.child_id is not None and case.child_id == other.child_id:
        raise Refused("one_child_already", f"cases {pair[0]} and {pair[1]} are known as one child's already")
    everything = [
        cases_of(unit, [each.child_id])[each.child_id] if each.child_id is not None else [each.case_ref]
        for each in (case, other)
    ]
    sides = [without_restricted(side) for side in everything]
    cases = unit.load([ref for side in everything for ref in side])
    differing = _check_identities(unit, case, other)
    if not confirmed:
        replaced = f" The {' and '.join(differing)} known with {pair[1]} holds for both." if differing else ""
        raise Refused(
            CONFIRM,
            f"This makes one child of {named(unit, sides[0])} and {named(unit, sides[1])}.{replaced} Nothing was"
            " written. If that is right, give the same again with --confirm-child",
        )
    _make_one(unit, case, other)
    write_child_ids(connection, cases.values())
    before = {ref: loaded.facts[-1].seq for ref, loaded in cases.items()}
    record_joined(unit, sides)
    restored, follow_ups = _restore(unit, cases, sides, {ref: seq + 1 for ref, seq in before.items()})
    follow_ups += not_copied([[cases[ref] for ref in side] for side in sides])
    unit.merged_children.add(str(other.child_id))
    follow_ups += commit(unit)
    follow_ups = sentences_seen(unit, [*follow_ups, *open_duplicates(unit)])
    return ChildChange(cases=without_restricted(sorted(cases)), restored=restored, unheard=follow_ups)


def _check_identities(unit: UnitOfWork, case: LoadedCase, other: LoadedCase) -> list[str]:
    """The fields in which the two children differ, in words. Raises Refused for another number or an erased child."""
    children = [child for child in (case.child_id, other.child_id) if child is not None]
    if people.erased_among(unit.connection, children):
        raise Refused("erased", "one of the two children was erased: the two cannot be joined any more")
    known = people.read_people(unit.connection, unit.context.cipher, children)
    first, second = (known.get(each.child_id or "", {}) for each in (case, other))
    differing = [
        field for field in people.OF_A_CHILD if field in first and not same(field, first[field], second.get(field))
    ]
    if "nhs_number" in differing:
        raise Refused(
            "another_child",
            f"the children of cases {case.case_ref} and {other.case_ref} have different NHS numbers: if they are one"
            " child, correct the wrong number first, with fact_corrected",
            field="nhs_number",
        )
    return [field.replace("_", " ") for field in differing]


def _make_one(unit: UnitOfWork, case: LoadedCase, other: LoadedCase) -> None:
    if case.child_id is not None and other.child_id is not None:
        people.merge_children(unit.connection, unit.context.cipher, case.child_id, other.child_id)
        unit.merge_children(case.child_id, other.child_id)
        return
    child = case.child_id or other.child_id or people.new_child_key()
    case.child_id = other.child_id = child


def _restore(
    unit: UnitOfWork, cases: Mapping[str, LoadedCase], sides: Sequence[Sequence[str]], because: Mapping[str, int]
) -> tuple[list[str], list[str]]:
    """Withdraw the withdrawals that parting these sides made, and what followed from each on other cases."""
    side_of = {ref: number for number, side in enumerate(sides) for ref in side}
    restored: list[str] = []
    follow_ups: list[str] = []
    waiting = [
        (ref, fact)
        for ref, case in sorted(cases.items())
        for fact in _withdrawals(case, {f"{ref}/{each.seq}" for each in case.facts if each.kind == "child_parted"})
        if side_of.get(_cause_case(_fact(case, fact.corrects)), side_of[ref]) != side_of[ref]
    ]
    for ref, fact in waiting:  # grows while it is read
        done, problems = _withdraw(unit, cases, [f"{ref}/{fact.seq}"], because)
        follow_ups += problems
        if done:
            restored.append(f"{ref}/{fact.corrects}")
            followed = {f"{ref}/{fact.seq}"}
            waiting.extend((each, one) for each, case in cases.items() for one in _withdrawals(case, followed))
    return restored, follow_ups


def _withdrawals(case: LoadedCase, causes: Collection[str]) -> list[StoredFact]:
    """Withdrawals in force that these facts caused, in order."""
    return [fact for fact in facts_in_force(case.facts) if fact.kind == "fact_withdrawn" and fact.caused_by in causes]


def _fact(case: LoadedCase, seq: int | None) -> StoredFact:
    return next(fact for fact in case.facts if fact.seq == seq)
