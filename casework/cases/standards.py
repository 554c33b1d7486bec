"""Fields of a fact that a local standard fills where a person leaves them out: a panel's cut-off, a delegated limit.

What is filled in is stored in the fact, so that a later change of the standard changes no history.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from casework.cases.fact_form import Refused
from casework.context import AppContext
from config.local_standards import STANDARDS, Standard
from models.facts import FactData, StoredFact
from statemachines.replay import facts_in_force


def with_standards(
    context: AppContext, history: Sequence[StoredFact], model: type[FactData], given: dict[str, Any]
) -> dict[str, Any]:
    """The fields given, and those that a local standard fills. Raises Refused for a word that names no standard.

    The field that is called as the standard says which entry: of this fact, else of an earlier one of the case.
    """
    missing = [name for name in model.FROM_STANDARD if name not in given]
    for standard in dict.fromkeys(model.FROM_STANDARD[name] for name in missing):
        word = given.get(standard) or said_before(history, standard)
        if word is not None:
            filled = {standard: word, **_entry(context, standard, str(word)).fills(given)}
            given = given | {name: filled[name] for name in missing if name in filled}
    return given


def refilled(
    context: AppContext,
    history: Sequence[StoredFact],
    model: type[FactData],
    stored: Mapping[str, Any],
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """What a correction also changes: the fields that the standard filled, and fills otherwise for what is right now.

    A field with another value than the standard gives was somebody's own word, and stays as it is. Raises Refused for a
    word of the correction that names no standard.
    """
    filled = model.FROM_STANDARD
    own = {name: value for name, value in stored.items() if name not in filled}
    right = with_standards(context, history, model, {**own, **given})
    try:
        before = with_standards(context, history, model, own)
    except Refused:  # its entry is gone from the file: nobody can say what it filled
        return {}
    return {
        name: right[name]
        for name in filled
        if name not in given and name in right and stored.get(name) == before.get(name) != right[name]
    }


def said_before(history: Sequence[StoredFact], field: str) -> str | None:
    """The newest word in that field of the facts of a case, with corrections applied; None where none says it."""
    said = [str(fact.data[field]) for fact in facts_in_force(history) if field in fact.data]
    return said[-1] if said else None


def standards_of(context: AppContext, name: str) -> Mapping[str, Standard]:
    """The entries of a local standard by their word. Raises ConfigFault for a file that cannot be read."""
    return STANDARDS[name].load(context.own_file(STANDARDS[name].name))


def _entry(context: AppContext, name: str, word: str) -> Standard:
    known = standards_of(context, name)
    if word not in known:
        raise Refused(
            f"unknown_{name}",
            f"{name} names no entry of {STANDARDS[name].name}: expected one of {', '.join(known)}. Another is added to"
            f" {STANDARDS[name].name} in SENDFLOW_HOME",
            field=name,
            wrong_call=True,
        )
    return known[word]
