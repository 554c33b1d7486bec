"""Which child a new case is about, by a random key: found through the case that it is linked to or the NHS number, and
never shown.

Purpose: cases of one child hear each other (casework/cases/propagation.py), and a process may allow one open case of a
child and local authority only (CFA 2014 s23: a child who has been notified is not notified a second time). Errors name
references of cases and nothing of the child.
"""

import secrets
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import select

from casework.cases.unit_of_work import LoadedCase, UnitOfWork, open_readable
from casework.cases.validation import Refused
from models import people
from models.casefile import CaseFile
from models.common_facts import CORRECTIONS
from models.facts import REFERENCE, FactDraft
from models.ledger import Damaged
from models.tables import CASE
from statemachines.process import NotPermitted, Process
from statemachines.replay import facts_in_force, fold


class Link(NamedTuple):
    """What `linked_to` says in an act: the case that it names, and the random key of its child, a fresh one where it
    has none yet.

    `mends`: it is said by a correction, which may make the case another child's.
    """

    other: LoadedCase
    child_key: str
    mends: bool


def link_of(unit: UnitOfWork, work: LoadedCase, drafts: Sequence[FactDraft], person: Mapping[str, str]) -> Link | None:
    """The link that an act says; None where it says none. Nothing is changed yet.

    Raises Refused where it names several cases, itself, none that there is, one that cannot be read, or one whose child
    has another NHS number.
    """
    said = [draft for draft in drafts if draft.data.get("linked_to")]
    named = {str(draft.data["linked_to"]) for draft in said}
    if not named:
        return None
    linked = min(named)
    if len(named) > 1:
        raise Refused(
            "links_apart",
            "one act is linked to one case: these facts name several in linked_to",
            field="linked_to",
            wrong_call=True,
        )
    if linked == work.case_ref:
        raise Refused(
            "linked_to_itself",
            "linked_to is another case of the same child, and this is the case itself",
            field="linked_to",
            wrong_call=True,
        )
    try:
        other = unit.open([linked])[linked] if REFERENCE.fullmatch(linked) else None
    except (Damaged, NotPermitted):
        raise Refused(
            "unreadable",
            f"case {linked}, which linked_to names, cannot be read: sendflow verify {linked} says why",
            field="linked_to",
        ) from None
    if other is None or not other.lines:
        raise Refused(
            "no_such_case",
            "linked_to is the reference of a case of the same child, for example --data linked_to=NX00042",
            field="linked_to",
            wrong_call=True,
        )
    unit.settle_children([other])
    key = other.child_key or secrets.token_hex(12)
    if _differ(person.get("nhs_number"), _number(unit, key)):
        raise Refused(
            "another_child",
            "the case named in linked_to is of a child with another NHS number: one of the two is not right",
            field="linked_to",
        )
    return Link(other, key, all(draft.kind in CORRECTIONS for draft in said))


def refuse_another_child(
    unit: UnitOfWork, work: LoadedCase, drafts: Sequence[FactDraft], link: Link | None, person: Mapping[str, str]
) -> None:
    """Refuse what would make a case that stands another child's without saying so (an order heard by the wrong child's
    case is chased there), and what would tell again who was erased.

    A number that is nobody's yet mends the one that is known, where a correction or an accepted change of a tracker
    tells it; a correction of the link moves the case alone. `drafts` are the facts as they were told.
    """
    number = person.get("nhs_number")
    if link is None and (not person or not work.lines):
        return
    unit.settle_children([work] if work.lines else [])
    keys = {key for key in (work.child_key, link.child_key if link is not None else None) if key is not None}
    if person and people.erased_among(unit.connection, keys):
        raise Refused(
            "erased",
            "who this case is about was erased, and is not told again: leave out nhs_number and date_of_birth",
            field="nhs_number",
        )
    if not work.lines or (link is not None and link.mends):
        return
    if (
        link is not None
        and link.other.child_key not in (None, work.child_key)
        and people.erased_among(unit.connection, keys)
    ):
        raise Refused(
            "erased",
            f"who one of the cases {work.case_ref} and {link.other.case_ref} is about was erased: they are not made one"
            " child's any more",
            field="linked_to",
        )
    known = _number(unit, work.child_key)
    if _differ(number, known):
        whose = people.find_children(unit.connection, unit.context.cipher, [str(number)])
        if whose or any(draft.data.get("nhs_number") and draft.kind not in CORRECTIONS for draft in drafts):
            raise Refused(
                "another_child",
                "the NHS number is not the one that is known of the child of this case, and nothing was written. Where"
                " the case is another child's, correct its first fact: fact_corrected with linked_to, a case of that"
                " child. Where the number was wrong and is nobody else's, correct the fact that told it",
                field="nhs_number",
            )
    if link is not None and link.child_key != work.child_key and _differ(known, _number(unit, link.child_key)):
        raise Refused(
            "another_child",
            f"case {link.other.case_ref} is of another child than this one: their NHS numbers differ. Where this case"
            " was linked to the wrong one, correct the fact that said it: fact_corrected with linked_to",
            field="linked_to",
        )


def join(unit: UnitOfWork, work: LoadedCase, link: Link) -> None:
    """Put a link into effect, once what says it has been accepted: two children turn out to be one, or a correction
    takes one case to another child.
    """
    before, key = work.child_key, link.child_key
    if link.other.child_key is None:
        key = key if before is None or link.mends else before
        link.other.child_key = key
    if before is not None and before != key:
        if link.mends:
            unit.left[work.case_ref] = before
        else:
            gone, stays = (key, before) if _number(unit, before) and not _number(unit, key) else (before, key)
            people.merge_children(unit.connection, unit.context.cipher, gone, stays)
            unit.is_of(gone, stays)
            key = stays
    work.child_key = key


def left_behind(unit: UnitOfWork) -> list[str]:
    """What a person is to mend where a case has become another child's: facts that it and the cases of the child that
    it was of have heard of each other.
    """
    said: list[str] = []
    for ref, key in unit.left.items():
        others = list(
            unit.connection.scalars(select(CASE.c.case_ref).where(CASE.c.child_key == key, CASE.c.case_ref != ref))
        )
        read = open_readable(unit, [ref, *others])
        for hearer, told in [(other, ref) for other in others] + [(ref, other) for other in others]:
            lines = facts_in_force(read[hearer].lines) if hearer in read else []
            if heard := [
                str(line.seq) for line in lines if line.caused_by is not None and line.caused_by.startswith(f"{told}/")
            ]:
                said.append(
                    f"Case {hearer} heard of case {told}, which is another child's now: withdraw what it heard there"
                    f" (fact_withdrawn, of fact {', '.join(heard)})"
                )
    return said


def _number(unit: UnitOfWork, key: str | None) -> str | None:
    """The NHS number that is known of a child."""
    return (
        people.read_people(unit.connection, unit.context.cipher, [key]).get(key, {}).get("nhs_number")
        if key is not None
        else None
    )


def _differ(one: str | None, other: str | None) -> bool:
    return one is not None and other is not None and not people.same_number(one, other)


def refuse_second(
    unit: UnitOfWork,
    process: Process,
    work: LoadedCase,
    drafts: Sequence[FactDraft],
    child_key: str | None,
    person: Mapping[str, str],
) -> None:
    """Refuse to open a case of a process that allows one open case of a child and authority, where there is one; its
    reference is named.

    A case whose authority or child turns out to be another one is looked at in the same way, and so is one that a
    withdrawal of its end opens again.
    """
    if not process.one_open_per_child_and_la:
        return
    would_open = _would_be_open(process, work, drafts, person)
    if would_open is None:
        return
    opening, named = would_open
    unit.settle_children(
        [work] if work.lines else []
    )  # whoever was told of earlier in this transaction is found as well
    number = person.get("nhs_number")
    known = people.find_children(unit.connection, unit.context.cipher, [number]).get(number) if number else None
    keys = {key for key in (child_key, work.child_key, known) if key is not None}  # they turn out to be one child's
    la = unit.context.directory.find_la(named or "")
    if not keys or la is None:
        return
    query = select(CASE.c.case_ref).where(
        CASE.c.child_key.in_(keys), CASE.c.process == process.name, CASE.c.la == la, CASE.c.state.not_in(process.final)
    )
    opened = {
        str(ref) for ref in unit.connection.scalars(query)
    } - unit.works.keys()  # what is on the desk is newer than its row
    opened |= {
        ref
        for ref, other in unit.works.items()
        if other is not work
        and other.child_key in keys
        and other.process is process
        and not other.ended
        and other.file.la == la
    }
    if opened:
        raise Refused(
            "open_already",
            f"{opening} is refused: case {min(opened)} of the same child and local authority is open. Record there what"
            " has happened since; or close it first, where it is over",
            field="nhs_number",
        )


def open_twice(unit: UnitOfWork) -> list[str]:
    """What a person is to mend once children who were kept as two have turned out to be one: cases of which one only
    may be open.

    Called when everything on the desk has been written.
    """
    said: list[str] = []
    for process in unit.context.processes.values():
        if not (unit.united and process.one_open_per_child_and_la):
            continue
        query = select(CASE.c.child_key, CASE.c.la, CASE.c.case_ref).where(
            CASE.c.child_key.in_(unit.united),
            CASE.c.process == process.name,
            CASE.c.state.not_in(process.final),
            CASE.c.la.is_not(None),
        )
        of_one: dict[tuple[str, str], list[str]] = {}
        for key, la, ref in unit.connection.execute(query):
            of_one.setdefault((str(key), str(la)), []).append(str(ref))
        said += [
            f"Cases {' and '.join(sorted(refs))} ({process.title}) turn out to be of one child and local authority, and"
            " both are open: close the one that is over, or withdraw the one that was a repetition"
            for refs in of_one.values()
            if len(refs) > 1
        ]
    return said


def _would_be_open(
    process: Process, work: LoadedCase, drafts: Sequence[FactDraft], person: Mapping[str, str]
) -> tuple[str, str | None] | None:
    """The kind of fact that opens this case, opens it again after its end, or makes it another authority's or child's,
    and the authority it is then of.
    """
    said = [
        (draft.kind, str(draft.data["la"]))
        for draft in drafts
        if draft.data.get("la") and draft.kind in (process.opens, "fact_corrected")
    ]
    if not work.lines:
        return next((told for told in said if told[0] == process.opens), None)
    withdrawals = [draft for draft in drafts if draft.kind == "fact_withdrawn"]
    after = _after(work, withdrawals) if withdrawals else None
    if after is not None and after.state not in process.final and (work.ended or after.la != work.file.la):
        return "fact_withdrawn", after.la
    if work.ended:
        return None
    return said[-1] if said else ("fact_corrected", work.file.la) if person.get("nhs_number") else None


def _after(work: LoadedCase, withdrawals: Sequence[FactDraft]) -> CaseFile | None:
    """The case once these withdrawals are taken; None where that is no lawful history, which is refused elsewhere, in
    its own words.
    """
    last = work.lines[-1]
    taken = [
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
        return fold(work.case_ref, [*work.lines, *taken])
    except NotPermitted:
        return None
