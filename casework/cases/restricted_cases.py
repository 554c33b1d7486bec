"""How a restricted case stays out of sight while facts are recorded: its reference, its links, its child. [I/O]

A person who is not named for a restricted process gets the answer that they would get if the case did not exist. No
fact of another case ever names a restricted one: histories are read by everybody who may read them.
"""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import select

from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork
from models.common_facts import OF_THE_CHILD
from models.facts import FactDraft
from models.tables import CASE
from models.visibility import SERIES, hidden_among, hidden_processes
from statemachines.process import Process


def as_seen(unit: UnitOfWork, case: LoadedCase) -> LoadedCase:
    """The case, or one without facts where the person does not see that it exists."""
    if case.process is None or case.process.name not in hidden_processes(unit.connection):
        return case
    return LoadedCase(case.case_ref, unit.context)


def refuse_out_of_series(unit: UnitOfWork, process: Process | None, case: LoadedCase) -> None:
    """Refuse to open a restricted case without being named, and a reference of the wrong series.

    The answer is the same whether a case of that reference exists or not.
    """
    if process is None or case.facts:
        return
    if process.name in hidden_processes(unit.connection):
        raise Refused(
            "not_named",
            f"the process {process.name} is restricted: only the people who are named for it record and see its cases."
            f" Who may read SENDFLOW_HOME names one: sendflow sign-in --account NAME --role ROLE --for {process.name}",
            wrong_call=True,
        )
    if process.restricted != case.case_ref.startswith(SERIES):
        begins = (
            f"begins with {SERIES}, for example {SERIES}00042"
            if process.restricted
            else (f"does not begin with {SERIES}: those references are of restricted cases")
        )
        raise Refused("reserved_reference", f"the reference of this case {begins}", wrong_call=True)


def refuse_naming(unit: UnitOfWork, process: Process | None, other: str, field: str) -> bool:
    """Whether a fact may not name the other case, because the person does not see it. Raises Refused if the person
    sees it, and the fact is on a case that others read.
    """
    if not other.startswith(SERIES):
        return False
    known = unit.connection.scalar(select(CASE.c.case_ref).where(CASE.c.case_ref == other)) is not None
    if not known or hidden_among(unit.connection, [other]):
        return True
    if process is not None and not process.restricted:
        raise Refused(
            "restricted_case",
            f"{field} names a restricted case, and a case that others read may not: record the link on {other}, from"
            " whose side alone it is shown",
            field=field,
        )
    return False


def without_restricted(refs: Iterable[str]) -> list[str]:
    """The references that are of no restricted case."""
    return [ref for ref in refs if not ref.startswith(SERIES)]


def refuse_facts_of_the_child(
    process: Process | None, case: LoadedCase, drafts: Sequence[FactDraft], others: Collection[str]
) -> None:
    """Refuse a fact of the child on a restricted case while the child has another: the copy there would name it."""
    if process is None or not process.restricted:
        return
    kinds = sorted({draft.kind for draft in drafts} & OF_THE_CHILD)
    if kinds and (visible := without_restricted(others)):
        raise Refused(
            "restricted_case",
            f"{kinds[0]} is recorded on another case of the child, from which it reaches {case.case_ref} too: sendflow"
            f" record {visible[0]} {kinds[0]}",
        )


def sentences_seen(unit: UnitOfWork, sentences: Sequence[str]) -> list[str]:
    """The sentences of a report that name no case which the person does not see."""
    hidden = hidden_among(unit.connection, unit.cases)
    return [each for each in sentences if not any(ref in each for ref in hidden)] if hidden else list(sentences)
