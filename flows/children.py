"""Which child a new case is about, by a random key: found through the case that it is linked to or the NHS number, and never shown.

Purpose: cases of one child hear each other (flows/hearing.py), and a process may allow one open case of a child and local authority only
(CFA 2014 s23: a child who has been notified is not notified a second time). Errors name references of cases and nothing of the child.
"""

import secrets
from collections.abc import Mapping, Sequence

from sqlalchemy import select

from flows.checking import Refused
from flows.desk import CASE, CaseWork, Desk
from models import people
from models.casefile import Casefile
from models.facts import REFERENCE, Draft
from statemachines.replay import fold
from statemachines.statutory import Process, Unlawful


def child_of(desk: Desk, linked: str, person: Mapping[str, str]) -> str:
    """The random key that the cases of one child share, given to the linked case where it has none yet.

    Raises Refused where there is no such case, or where its child is known by another NHS number.
    """
    other = desk.open([linked])[linked] if REFERENCE.fullmatch(linked) else None
    if other is None or not other.lines:
        raise Refused("no_such_case", "linked_to is the reference of a case of the same child, for example --data linked_to=NX00042",
                      field="linked_to", wrong_call=True)  # fmt: skip
    desk.settle_children([other])
    if other.child_key is None:
        other.child_key = secrets.token_hex(12)
    number, known = person.get("nhs_number"), people.read_people(desk.connection, desk.house.seal, [other.child_key]).get(other.child_key, {})
    if number and known.get("nhs_number") and not people.same_number(number, known["nhs_number"]):
        raise Refused("another_child", "the case named in linked_to is of a child with another NHS number: one of the two is not right", field="linked_to")
    return other.child_key


def refuse_second(desk: Desk, process: Process, work: CaseWork, drafts: Sequence[Draft], child_key: str | None, person: Mapping[str, str]) -> None:
    """Refuse to open a case of a process that allows one open case of a child and authority, where there is one; its reference is named.

    A case whose authority or child turns out to be another one is looked at in the same way, and so is one that a withdrawal of its end opens again.
    """
    if not process.one_open_per_child_and_la:
        return
    would_open = _would_be_open(process, work, drafts, person)
    if would_open is None:
        return
    opening, named = would_open
    desk.settle_children([work] if work.lines else [])  # whoever was told of earlier in this transaction is found as well
    number = person.get("nhs_number")
    known = people.find_children(desk.connection, desk.house.seal, [number]).get(number) if number else None
    keys = {key for key in (child_key, work.child_key, known) if key is not None}  # they turn out to be one child's
    la = desk.house.directory.find_la(named or "")
    if not keys or la is None:
        return
    query = select(CASE.c.case_ref).where(
        CASE.c.child_key.in_(keys), CASE.c.process == process.name, CASE.c.la == la, CASE.c.state.not_in(process.final)
    )
    opened = {str(ref) for ref in desk.connection.scalars(query)} - desk.works.keys()  # what is on the desk is newer than its row
    opened |= {
        ref for ref, other in desk.works.items()
        if other is not work and other.child_key in keys and other.process is process and not other.ended and other.file.la == la
    }  # fmt: skip
    if opened:
        raise Refused(
            "open_already", f"{opening} is refused: case {min(opened)} of the same child and local authority is open. Record there what has"
            " happened since; or close it first, where it is over", field="nhs_number",
        )  # fmt: skip


def open_twice(desk: Desk) -> list[str]:
    """What a person is to mend once children who were kept as two have turned out to be one: cases of which one only may be open.

    Called when everything on the desk has been written.
    """
    said: list[str] = []
    for process in desk.house.processes.values():
        if not (desk.united and process.one_open_per_child_and_la):
            continue
        query = select(CASE.c.child_key, CASE.c.la, CASE.c.case_ref).where(
            CASE.c.child_key.in_(desk.united), CASE.c.process == process.name, CASE.c.state.not_in(process.final), CASE.c.la.is_not(None)
        )
        of_one: dict[tuple[str, str], list[str]] = {}
        for key, la, ref in desk.connection.execute(query):
            of_one.setdefault((str(key), str(la)), []).append(str(ref))
        said += [
            f"Cases {' and '.join(sorted(refs))} ({process.title}) turn out to be of one child and local authority, and both are open:"
            " close the one that is over, or withdraw the one that was a repetition"
            for refs in of_one.values() if len(refs) > 1
        ]  # fmt: skip
    return said


def _would_be_open(process: Process, work: CaseWork, drafts: Sequence[Draft], person: Mapping[str, str]) -> tuple[str, str | None] | None:
    """The kind of fact that opens this case, opens it again after its end, or makes it another authority's or child's, and the authority it is then of."""
    said = [(draft.kind, str(draft.data["la"])) for draft in drafts if draft.data.get("la") and draft.kind in (process.opens, "fact_corrected")]
    if not work.lines:
        return next((told for told in said if told[0] == process.opens), None)
    withdrawals = [draft for draft in drafts if draft.kind == "fact_withdrawn"]
    after = _after(work, withdrawals) if withdrawals else None
    if after is not None and after.state not in process.final and (work.ended or after.la != work.file.la):
        return "fact_withdrawn", after.la
    if work.ended:
        return None
    return said[-1] if said else ("fact_corrected", work.file.la) if person.get("nhs_number") else None


def _after(work: CaseWork, withdrawals: Sequence[Draft]) -> Casefile | None:
    """The case once these withdrawals are taken; None where that is no lawful history, which is refused elsewhere, in its own words."""
    last = work.lines[-1]
    taken = [
        last._replace(seq=last.seq + at, kind=draft.kind, occurred_on=draft.occurred_on, corrects=draft.corrects, data={}, caused_by=None)
        for at, draft in enumerate(withdrawals, 1)
    ]
    try:
        return fold(work.case_ref, [*work.lines, *taken])
    except Unlawful:
        return None
