"""Which cases are of one child, by a random child id that nobody is shown. [I/O]

The id comes from the case that a new case is linked to, or from the NHS number. Facts are propagated between cases of
one child (casework/cases/propagation.py), and a process may permit one open case of a child and local authority only,
or one of a body too (CFA 2014 s23: the duty lies on each body that forms the opinion). Errors name references and
nothing of the child.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import select

from casework.cases.about import refuse_child_of
from casework.cases.loaded_case import LoadedCase
from casework.cases.restricted_cases import refuse_naming
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.cases.validation import Refused
from models import people
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS
from models.facts import REFERENCE, FactDraft
from models.ledger import Damaged
from models.tables import CASE
from statemachines.process import NotPermitted, Process
from statemachines.replay import facts_in_force, replay


class UndecidedAlready(Refused):
    """The child's case at this authority is undecided: another request is a repetition on `case_ref`."""

    def __init__(self, case_ref: str, message: str) -> None:
        super().__init__("undecided_already", message, field="nhs_number")
        self.case_ref = case_ref


class Link(NamedTuple):
    """The case that `linked_to` names, and its child's id: a new id if it has none yet.

    `is_correction`: a correction gives the link, which may move the case to another child.
    """

    other: LoadedCase
    child_id: str
    is_correction: bool


def find_link(
    unit: UnitOfWork,
    process: Process | None,
    case: LoadedCase,
    drafts: Sequence[FactDraft],
    person: Mapping[str, str],
) -> Link | None:
    """The link that the drafts give, or None. Changes nothing.

    Raises Refused if they name several cases, the case itself, a case that does not exist or cannot be read, or one
    whose child has another NHS number.
    """
    linking = [draft for draft in drafts if draft.data.get("linked_to")]
    if not linking:
        return None
    other = _linked_case(unit, process, case, {str(draft.data["linked_to"]) for draft in linking})
    refuse_child_of(other.process, other.case_ref)
    unit.find_children([other])
    child_id = other.child_id or secrets.token_hex(12)
    if _differ(person.get("nhs_number"), _nhs_number(unit, child_id)):
        raise Refused(
            "another_child",
            "the child of the case named in linked_to has another NHS number: correct one of the two",
            field="linked_to",
        )
    return Link(other, child_id, all(draft.kind in CORRECTIONS for draft in linking))


def _linked_case(unit: UnitOfWork, process: Process | None, case: LoadedCase, named: Collection[str]) -> LoadedCase:
    ref = min(named)
    if len(named) > 1:
        raise Refused(
            "links_apart",
            "these facts name several cases in linked_to: link them to one case",
            field="linked_to",
            wrong_call=True,
        )
    if ref == case.case_ref:
        raise Refused(
            "linked_to_itself",
            "linked_to names the case itself: name another case of the same child",
            field="linked_to",
            wrong_call=True,
        )
    try:
        unseen = refuse_naming(unit, process, ref, "linked_to")
        other = unit.load([ref])[ref] if REFERENCE.fullmatch(ref) and not unseen else None
    except (Damaged, NotPermitted):
        raise Refused(
            "unreadable",
            f"case {ref}, named in linked_to, cannot be read. Run: sendflow verify {ref}",
            field="linked_to",
        ) from None
    if other is None or not other.facts:
        raise Refused(
            "no_such_case",
            "linked_to is the reference of a case of the same child, for example --data linked_to=NX00042",
            field="linked_to",
            wrong_call=True,
        )
    return other


def refuse_another_child(
    unit: UnitOfWork, case: LoadedCase, drafts: Sequence[FactDraft], link: Link | None, person: Mapping[str, str]
) -> None:
    """Refuse an NHS number or a link that would silently make a stored case another child's, or name an erased child.

    An NHS number that belongs to nobody replaces the known one if a correction or an import gives it. A corrected link
    moves this case only. `drafts` are the facts as given, with their identity fields.
    """
    if link is None and (not person or not case.facts):
        return
    unit.find_children([case] if case.facts else [])
    children = {child for child in (case.child_id, link.child_id if link is not None else None) if child is not None}
    if person and people.erased_among(unit.connection, children):
        raise Refused(
            "erased",
            "the identity of this child was erased and is not stored again: leave out nhs_number and date_of_birth",
            field="nhs_number",
        )
    if not case.facts or (link is not None and link.is_correction):
        return
    if link is not None and link.other.child_id not in (None, case.child_id):
        _refuse_merging_erased(unit, case, link, children)
    known = _nhs_number(unit, case.child_id)
    number = person.get("nhs_number")
    if number is not None and _differ(number, known):
        _refuse_other_number(unit, drafts, number)
    if link is not None and link.child_id != case.child_id and _differ(known, _nhs_number(unit, link.child_id)):
        raise Refused(
            "another_child",
            f"case {link.other.case_ref} is about another child: the NHS numbers differ. If this case was linked to the"
            " wrong one, correct the fact that linked it: fact_corrected with linked_to",
            field="linked_to",
        )


def _refuse_merging_erased(unit: UnitOfWork, case: LoadedCase, link: Link, children: set[str]) -> None:
    if people.erased_among(unit.connection, children):
        raise Refused(
            "erased",
            f"the child of case {case.case_ref} or {link.other.case_ref} was erased: the two cannot be linked any more",
            field="linked_to",
        )


def _refuse_other_number(unit: UnitOfWork, drafts: Sequence[FactDraft], number: str) -> None:
    """Refuse a number that is another child's, or that a fact gives which is no correction."""
    belongs_to_another = people.find_children(unit.connection, unit.context.cipher, [number])
    if belongs_to_another or any(draft.data.get("nhs_number") and draft.kind not in CORRECTIONS for draft in drafts):
        raise Refused(
            "another_child",
            "the NHS number differs from the known one of this case's child; nothing was written. If the case is about"
            " another child, correct its first fact: fact_corrected with linked_to, a case of that child. If the number"
            " was wrong and is nobody else's, correct the fact that gave it",
            field="nhs_number",
        )


def link_cases(unit: UnitOfWork, case: LoadedCase, link: Link) -> None:
    """Apply a link after its fact was accepted: two child ids become one, or a correction moves one case."""
    before, child_id = case.child_id, link.child_id
    if link.other.child_id is None:
        child_id = child_id if before is None or link.is_correction else before
        link.other.child_id = child_id
    if before is not None and before != child_id:
        if link.is_correction:
            unit.former_child[case.case_ref] = before
        else:
            child_id = _merge(unit, before, child_id)
    case.child_id = child_id


def _merge(unit: UnitOfWork, one: str, other: str) -> str:
    """Merge two children into the one with an NHS number, else into `other`; returns the id that remains."""
    gone, remaining = (other, one) if _nhs_number(unit, one) and not _nhs_number(unit, other) else (one, other)
    people.merge_children(unit.connection, unit.context.cipher, gone, remaining)
    unit.merge_children(gone, remaining)
    return remaining


def facts_to_withdraw(unit: UnitOfWork) -> list[str]:
    """Follow-ups of cases that a correction moved to another child: facts copied between them and the former child."""
    follow_ups: list[str] = []
    for ref, child_id in unit.former_child.items():
        query = select(CASE.c.case_ref).where(CASE.c.child_key == child_id, CASE.c.case_ref != ref)
        others = [str(other) for other in unit.connection.scalars(query)]
        cases = load_readable(unit, [ref, *others])
        pairs = [(other, ref) for other in others] + [(ref, other) for other in others]
        for target, source in pairs:
            copied = _copied_from(cases[target], source) if target in cases else []
            if copied:
                follow_ups.append(
                    f"Case {source} and case {target} are about different children now. Facts of case {target} copied"
                    f" from case {source}: {', '.join(copied)}. Withdraw each with fact_withdrawn"
                )
    return follow_ups


def _copied_from(case: LoadedCase, source: str) -> list[str]:
    facts = facts_in_force(case.facts)
    return [str(fact.seq) for fact in facts if fact.caused_by is not None and fact.caused_by.startswith(f"{source}/")]


def _nhs_number(unit: UnitOfWork, child_id: str | None) -> str | None:
    """The known NHS number of a child."""
    if child_id is None:
        return None
    return people.read_people(unit.connection, unit.context.cipher, [child_id]).get(child_id, {}).get("nhs_number")


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and not people.same_number(one, other)


def refuse_second_case(
    unit: UnitOfWork,
    process: Process,
    case: LoadedCase,
    drafts: Sequence[FactDraft],
    child_id: str | None,
    person: Mapping[str, str],
) -> None:
    """Refuse a second open case of a child and local authority, for a process that permits one. The error names the
    other case.

    The same holds for a case that a correction gives to another authority or child, and for one that a withdrawal of
    its end reopens.
    """
    if not process.one_open_case_per_child_and_la and (case.facts or not process.facts[process.opens].undecided_in):
        return
    opening = _opening(process, case, drafts, person)
    if opening is None:
        return
    kind, la_name = opening
    # People named earlier in this transaction are stored first, so that they are found.
    unit.find_children([case] if case.facts else [])
    number = person.get("nhs_number")
    known = people.find_children(unit.connection, unit.context.cipher, [number]).get(number) if number else None
    children = {child for child in (child_id, case.child_id, known) if child is not None}
    la = unit.context.directory.find_la(la_name or "")
    if not children or la is None:
        return
    if not process.one_open_case_per_child_and_la:
        on = max((draft.occurred_on for draft in drafts if draft.kind == process.opens), default=unit.today)
        _refuse_repeated_request(unit, process, case, children, la, on)
        return
    others = _open_cases(unit, process, case, children, la)
    if process.and_per_body:
        others &= _of_bodies(unit, others, process, bodies_of(process, case, drafts))
    if others:
        raise Refused(
            "open_already",
            f"{kind} is refused: case {min(others)} of the same child and local authority is open. Record there what"
            " has happened since, or close it first if it is over",
            field="nhs_number",
        )


def _refuse_repeated_request(
    unit: UnitOfWork, process: Process, case: LoadedCase, children: Collection[str], la: str, on: date
) -> None:
    """Refuse a second case for a request that was received while another case of the child was undecided.

    A school's request and a parent's are one case with two requesters, and the decision on it answers both.
    """
    undecided = process.facts[process.opens].undecided_in
    others = load_readable(unit, _cases_of_process(unit, process, case, children, la))
    ref = min((ref for ref, other in others.items() if other.file.state in undecided), default=None)
    if ref is not None:
        raise UndecidedAlready(
            ref,
            f"case {ref} of the same child and local authority is undecided. A school's request and a parent's are one"
            f" case with two requesters, whose time runs from the first: sendflow record {ref} {process.opens} --on"
            " DAY --data requested_by=parent notes the repetition and opens no second duty. If it is another matter,"
            " give the same again with --confirm-child",
        )
    then = {ref: decided for ref, other in others.items() if (decided := _decided_after(process, other, on))}
    if then:
        ref = min(then)
        raise Refused(
            "undecided_already",
            f"case {ref} of the same child and local authority was undecided on that day, until"
            f" {then[ref].isoformat()}. A school's request and a parent's are one case, and what the authority decided"
            " there answers both. If it is another matter, give the same again with --confirm-child",
            field="nhs_number",
        )


def _decided_after(process: Process, other: LoadedCase, on: date) -> date | None:
    """The day of the decision on a case that was undecided on a day; None if it was not, or is undecided still."""
    undecided = process.facts[process.opens].undecided_in
    if other.file.lines[0].occurred_on > on:
        return None
    state = process.initial
    for fact in other.file.lines:
        state = process.table.get((state, fact.kind), state)
        if state not in undecided and state != process.initial:
            return fact.occurred_on if fact.occurred_on > on else None
    return None


def _cases_of_process(
    unit: UnitOfWork, process: Process, case: LoadedCase, children: Collection[str], la: str
) -> set[str]:
    """Every other case of these children, process and authority. A loaded case counts as it is in memory."""
    query = select(CASE.c.case_ref).where(
        CASE.c.child_key.in_(children), CASE.c.process == process.name, CASE.c.la == la
    )
    stored = {str(ref) for ref in unit.connection.scalars(query)}
    # The child of a loaded case is read from its row when something needs it: until then its row says it.
    return (stored - unit.cases.keys()) | {
        ref
        for ref, other in unit.cases.items()
        if other is not case
        and (other.child_id in children or (other.child_id is None and ref in stored))
        and other.process is process
        and other.file.la == la
    }


def _open_cases(unit: UnitOfWork, process: Process, case: LoadedCase, children: Collection[str], la: str) -> set[str]:
    """Those of them that are open."""
    refs = _cases_of_process(unit, process, case, children, la)
    query = select(CASE.c.case_ref).where(
        CASE.c.case_ref.in_(refs - unit.cases.keys()), CASE.c.state.in_(process.final)
    )
    ended = {str(ref) for ref in unit.connection.scalars(query)} if refs - unit.cases.keys() else set()
    return {ref for ref in refs - ended if ref not in unit.cases or not unit.cases[ref].ended}


def bodies_of(process: Process, case: LoadedCase, drafts: Sequence[FactDraft]) -> set[str]:
    """The body whose duty a case is, by its opening fact, and by a correction of it."""
    file = case.file_if_opened()
    known = file.lines if file is not None else ()
    named = [fact.data.get("body") for fact in (*known, *drafts) if fact.kind == process.opens]
    corrected = [draft.data.get("body") for draft in drafts if draft.kind == "fact_corrected"]
    return {str(body) for body in (*named, *corrected) if body}


def _of_bodies(unit: UnitOfWork, refs: Collection[str], process: Process, bodies: set[str]) -> set[str]:
    """Those of the cases whose duty one of these bodies has; a case that cannot be read counts as one of them."""
    read = load_readable(unit, sorted(refs))
    return {ref for ref in refs if ref not in read or bodies & bodies_of(process, read[ref], ())}


def _opening(
    process: Process, case: LoadedCase, drafts: Sequence[FactDraft], person: Mapping[str, str]
) -> tuple[str, str | None] | None:
    """The kind of fact that opens or reopens this case or gives it to another authority or child, and its authority
    then. None if no draft does.
    """
    naming = [
        (draft.kind, str(draft.data["la"]))
        for draft in drafts
        if draft.data.get("la") and draft.kind in (process.opens, "fact_corrected")
    ]
    if not case.facts:
        return next((each for each in naming if each[0] == process.opens), None)
    withdrawals = [draft for draft in drafts if draft.kind == "fact_withdrawn"]
    after = _after(case, withdrawals) if withdrawals else None
    if after is not None and after.state not in process.final and (case.ended or after.la != case.file.la):
        return "fact_withdrawn", after.la
    if case.ended:
        return None
    if naming:
        return naming[-1]
    return ("fact_corrected", case.file.la) if person.get("nhs_number") else None


def _after(case: LoadedCase, withdrawals: Sequence[FactDraft]) -> CaseFile | None:
    """The case as these withdrawals would leave it; None if they are not permitted, which `append` refuses with its
    reason.
    """
    last = case.facts[-1]
    facts = [
        last._replace(
            seq=last.seq + at,
            kind=draft.kind,
            occurred_on=draft.occurred_on,
            corrects=draft.corrects,
            data={},
            caused_by=None,
        )
        for at, draft in enumerate(withdrawals, 1)
    ]
    try:
        return replay(case.case_ref, [*case.facts, *facts])
    except NotPermitted:
        return None
