"""Facts that an act recorded out of order: what is unusual about each, and which of them are probably slips.

They are recorded, because they happened. A person at a terminal looks again at a probable slip before it is recorded.
"""

from collections.abc import Iterable
from datetime import timedelta

from casework.cases.loaded_case import LoadedCase
from casework.cases.unit_of_work import UnitOfWork
from models.bulk_io import read_among
from models.common_facts import ENGINE_ONLY
from models.facts import Fact
from models.tables import CASE
from statemachines.process import NotPermitted
from statemachines.refusals import OUT_OF_ORDER, named

# The code of a refusal that asks a person to look again.
LOOK_AGAIN = "look_again"
# A mistyped year puts a fact about a year from its neighbours; no ordinary wait between two facts is so long.
FAR = timedelta(days=300)


def unusual(case: LoadedCase, after: int = 0) -> list[str]:
    """A sentence for each new fact with a number above `after` that is out of order, with the provision."""
    return [_sentence(fact, case.file.out_of_order[fact.seq]) for fact in _found(case) if fact.seq > after]


def _sentence(fact: Fact, words: str) -> str:
    """What is unusual about a fact. In a state in which it is usual, the words are a sentence of their own."""
    joint = "is" if words.startswith(OUT_OF_ORDER) else "is unusual:"
    return f"{named(fact).capitalize()} {joint} {words}"


def probable_slips(unit: UnitOfWork, case: LoadedCase) -> list[str]:
    """A question for each fact of this act that is out of order and is probably of another year, body or case."""
    return [
        question
        for fact in _found(case)
        for question in (*_another_year(case, fact), *_another_body(case, fact), *_another_case(unit, case, fact))
    ]


def _found(case: LoadedCase) -> Iterable[Fact]:
    out_of_order = case.file.out_of_order
    if not out_of_order:
        return []
    return [fact for fact in case.new_facts if fact.seq in out_of_order and fact.caused_by is None]


def _another_year(case: LoadedCase, fact: Fact) -> Iterable[str]:
    others = [each.occurred_on for each in case.file.lines if each.seq != fact.seq and each.kind not in ENGINE_ONLY]
    nearest = min((abs(day - fact.occurred_on) for day in others), default=timedelta())
    if nearest >= FAR:
        yield (
            f"{named(fact).capitalize()} lies {nearest.days} days from every other fact of case {case.case_ref}. Is the"
            " year right?"
        )


def _another_body(case: LoadedCase, fact: Fact) -> Iterable[str]:
    """A body of the sort that has the case, but another one than the fact that opened it names."""
    opening = next((each for each in case.file.lines if each.kind in _openings(case)), None)
    if opening is None or _bound(case, fact.kind) != _bound(case, opening.kind):
        return
    began, body = opening.data.get("body"), fact.data.get("body")
    if None not in (began, body) and began != body:
        said = named(fact).capitalize()
        yield f"{said} names {body}, and case {case.case_ref} began with {began}. Is the body right?"


def _openings(case: LoadedCase) -> frozenset[str]:
    return case.process.openings if case.process is not None else frozenset()


def _bound(case: LoadedCase, kind: str) -> frozenset[str]:
    """The kinds of body that a fact may name."""
    model = case.process.model_of(kind) if case.process is not None else None
    return model.BOUND_BODY_KINDS if model is not None else frozenset()


def _another_case(unit: UnitOfWork, case: LoadedCase, fact: Fact) -> Iterable[str]:
    """Another case of the child to which the same fact would be usual."""
    unit.find_children([case])
    if case.child_id is None:
        return
    refs = sorted(ref for (ref,) in read_among(unit.connection, CASE, ("case_ref",), "child_key", [case.child_id]))
    others = unit.load([ref for ref in refs if ref != case.case_ref])
    for other in others.values():
        if _is_usual(other, fact):
            yield (
                f"{fact.kind} is usual now on case {other.case_ref} of the same child, and out of order on case"
                f" {case.case_ref}. Is it the right case?"
            )


def _is_usual(case: LoadedCase, fact: Fact) -> bool:
    try:
        return case.process is not None and fact.kind in case.process.permitted(case.file.state)
    except NotPermitted:
        return False
