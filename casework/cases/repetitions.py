"""A request that comes again while the first is unanswered is a repetition: it opens no second duty. Pure.

The body's own first receipt starts the six weeks (SEND Regs 2014 reg 8(1)), and the authority's first receipt of a
request the 6, 16 and 20 weeks (regs 4(1), 5(1), 13(2)). A reminder of either moves no date.
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from typing import Any

from casework.cases.fact_form import Refused
from casework.cases.loaded_case import LoadedCase
from models.facts import FactDraft, StoredFact
from statemachines.process import Process
from statemachines.registry import processes
from statemachines.replay import facts_in_force
from statemachines.tribunal_guards import ORDERS


def as_repetition(process: Process, case: LoadedCase, draft: FactDraft, data: Mapping[str, Any]) -> FactDraft | None:
    """The fact that a draft is while an earlier request for the same is unanswered; None if it is a first request.

    `data` are the draft's fields, completed. Raises Refused if its day is before that of the first: then the first
    receipt is what has to be corrected.
    """
    if draft.kind in ORDERS:
        _refuse_second_order(case, draft)
    definition = process.facts[draft.kind]
    if definition.repeated_as is None or not any(fact.kind == draft.kind for fact in case.facts):
        return None
    first = _unanswered(process, case, draft.kind, data)
    if first is None:
        return None
    if draft.occurred_on < first.occurred_on:
        raise Refused(
            "earlier_receipt",
            f"fact {first.seq} says that this was first received on {first.occurred_on.isoformat()}, and its time runs"
            f" from there. If it was received earlier, correct that fact: fact_corrected --corrects {first.seq} --data"
            f" occurred_on={draft.occurred_on.isoformat()}",
            field="on",
        )
    model = process.facts[definition.repeated_as].model
    given = {**draft.data, **data}
    fields = {key: value for key, value in given.items() if key in model.model_fields}
    return draft._replace(kind=definition.repeated_as, data=fields)


def _refuse_second_order(case: LoadedCase, draft: FactDraft) -> None:
    """Refuse an order of a kind that was recorded and is not carried out: it would open its time a second time."""
    first = next((fact for fact in facts_in_force(case.facts) if fact.kind == draft.kind), None)
    if first is None or not any(duty.opened_seq == first.seq and duty.closed_on is None for duty in case.duties):
        return
    raise Refused(
        "ordered_already",
        f"fact {first.seq} says that this order was made on {first.occurred_on.isoformat()}, and its time runs from"
        f" there. If its day or a field is wrong: fact_corrected --corrects {first.seq}. If the Tribunal set it aside"
        f" and ordered again: fact_withdrawn --corrects {first.seq}, then record the new order",
        field="on",
    )


def noted(case: LoadedCase) -> list[str]:
    """What a person should know of repetitions among the new facts."""
    kinds = _repetitions(case.process.name) if case.process is not None else {}
    return [
        f"The same was requested before and is unanswered, so fact {fact.seq} is recorded as {fact.kind}: a repetition"
        f" opens no new duty, and the day of the first receipt counts{_first_day(case, kinds[fact.kind], fact)}. If it"
        f" was a new request, withdraw fact {fact.seq} and say first what became of the earlier one"
        for fact in case.new_facts
        if fact.kind in kinds
    ]


@cache
def _repetitions(process_name: str) -> Mapping[str, str]:
    """The facts that are recorded instead of a request, each with the kind of the request."""
    facts = processes()[process_name].facts
    return {fact.repeated_as: kind for kind, fact in facts.items() if fact.repeated_as is not None}


def _first_day(case: LoadedCase, kind: str, repeated: StoredFact) -> str:
    about = {key: value for key, value in repeated.data.items() if key in {"body", "service"}}
    days = [fact.occurred_on for fact in case.file.lines if fact.kind == kind and about.items() <= fact.data.items()]
    return f" ({_in_words(max(days))})" if days else ""


def _in_words(on: date) -> str:
    return f"{on.day} {on:%B %Y}"


def _unanswered(process: Process, case: LoadedCase, kind: str, data: Mapping[str, Any]) -> StoredFact | None:
    """The request in force whose duty is still open, for the same body and service; of a case, what opened it."""
    same = [fact for fact in facts_in_force(case.facts) if fact.kind == kind]
    if kind == process.opens:
        repeated = process.facts[kind].repeated_as
        undecided = process.facts[repeated].accepted_in if repeated is not None else ()
        at_this_authority = data.get("la") in (None, case.file.la)
        return same[0] if same and case.file.state in undecided and at_this_authority else None
    about = (data.get("body"), data.get("service"))
    same = [fact for fact in same if (fact.data.get("body"), fact.data.get("service")) == about]
    if not same:
        return None
    open_now = {duty.opened_seq for duty in case.duties if duty.closed_on is None and not duty.provisional}
    return next((fact for fact in same if fact.seq in open_now), None)
