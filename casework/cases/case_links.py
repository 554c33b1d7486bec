"""Links to other cases: what a person may link, and which cases a reaction along a link reaches. [I/O]"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, bindparam, or_, select

from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from casework.cases.references import stored_reference
from casework.cases.restricted_cases import refuse_naming
from casework.cases.unit_of_work import UnitOfWork
from models.common_facts import UNLINKED
from models.facts import Fact, FactDraft
from models.questions import Question
from models.same_words import case_reference
from models.tables import CASE, CASE_LINK
from statemachines.links import Link, links_ever, links_of
from statemachines.process import Process


def with_links_as_stored(
    unit: UnitOfWork, process: Process, case: LoadedCase, drafts: Sequence[FactDraft]
) -> list[FactDraft]:
    """The drafts with each linked case as its reference is stored. Raises Refused for a case that is not recorded."""
    return [
        _as_stored(unit, process, case, draft)
        if draft.kind in process.links_by or draft.kind in (UNLINKED, "fact_corrected")
        else draft
        for draft in drafts
    ]


def _as_stored(unit: UnitOfWork, process: Process, case: LoadedCase, draft: FactDraft) -> FactDraft:
    kind = draft.kind
    if kind == "fact_corrected":
        kind = next((fact.kind for fact in case.facts if fact.seq == draft.corrects), kind)
    fields = process.links_by.get(kind, {"to_case": None} if kind == UNLINKED else {})
    for field in fields:
        typed = draft.data.get(field)
        if not typed or (ref := case_reference(str(typed))) is None:
            continue  # its form is checked with the other fields
        ref = stored_reference(unit.connection, ref)
        if ref == case.case_ref:
            raise Refused(
                "links_to_itself", f"{kind}: {field} is another case than {ref}", field=field, wrong_call=True
            )
        _refuse_unknown(unit, process, kind, field, ref)
        draft = draft._replace(data={**draft.data, field: ref})
    if draft.kind == UNLINKED:
        _refuse_ending_nothing(process, case, draft)
    return draft


def _refuse_unknown(unit: UnitOfWork, process: Process, kind: str, field: str, ref: str) -> None:
    unseen = refuse_naming(unit, process, ref, field)
    loaded = unit.cases.get(ref) if not unseen else None
    if loaded is not None and loaded.facts:
        return
    if unseen or unit.connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == ref)) is None:
        raise Refused(
            "no_such_case",
            f"{kind}: {field} names a case that is not recorded: expected the reference of a case, for example"
            f" --data {field}=NX00042. sendflow cases lists them",
            field=field,
            wrong_call=True,
        )


def _refuse_ending_nothing(process: Process, case: LoadedCase, draft: FactDraft) -> None:
    role, ref = str(draft.data.get("role", "related")), draft.data.get("to_case")
    lasting = [link for link in links_of(process, case.file.lines) if link.until is None] if case.facts else []
    if not any((link.role, link.to_ref) == (role, ref) for link in lasting):
        links = "; ".join(f"to_case={link.to_ref} role={link.role}" for link in lasting)
        raise Refused(
            "no_such_link",
            f"{draft.kind}: case {case.case_ref} has no such link that lasts. It has: {links or 'none'}. A link that"
            " another case made ends on that case",
            field="to_case",
        )


def cases_along(unit: UnitOfWork, case: LoadedCase, fact: Fact, role: str) -> list[str]:
    """The cases that a link of this role joins with a case on the day of a fact, in order of reference."""
    day, ref = fact.occurred_on, case.case_ref
    found = {link.to_ref for link in _links(case) if link.role == role and link.lasts_on(day)}
    for other in unit.cases.values():
        if other is not case and other.new_facts:
            found |= {
                other.case_ref
                for link in _links(other)
                if (link.role, link.to_ref) == (role, ref) and link.lasts_on(day)
            }
    query = select(CASE_LINK.c.case_ref).where(
        CASE_LINK.c.to_ref == ref,
        CASE_LINK.c.role == role,
        CASE_LINK.c.since <= day,
        or_(CASE_LINK.c.until.is_(None), CASE_LINK.c.until >= day),
    )
    return sorted(found.union(unit.connection.scalars(query)) - {ref})


def cases_ever_linked(unit: UnitOfWork, case: LoadedCase) -> list[str]:
    """The cases that any link has ever joined with a case: one of them may have what a corrected fact caused."""
    found = {ref for process in [case.process] if process for _seq, _role, ref in links_ever(process, case.facts)}
    return sorted(found.union(linking_to(unit.connection, case.case_ref)))


LINKING_TO = Question(select(CASE_LINK.c.case_ref).where(CASE_LINK.c.to_ref == bindparam("ref")).distinct())


def linking_to(connection: Connection, case_ref: str) -> Iterable[str]:
    """The cases of which a fact has ever made a link to this one."""
    return sorted(row.case_ref for row in LINKING_TO.rows(connection, ref=case_ref))


def _links(case: LoadedCase) -> Iterable[Link]:
    return links_of(case.process, case.file.lines) if case.process is not None and case.facts else ()
