"""Fields of a fact that a local standard fills where a person leaves them out: a panel's cut-off, quorum and chair.

What is filled in is stored in the fact, so that a later change of the standard changes no history.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from casework.cases.fact_form import Refused
from casework.context import AppContext
from config.local_standards import load_panels
from models.facts import FactData, StoredFact, iso
from statemachines.replay import facts_in_force

# What a standard fills, by the field: the context, the entry's word, and what a person gave.
Fill = Callable[[AppContext, str, Mapping[str, Any]], Mapping[str, Any]]


def with_standards(
    context: AppContext, history: Sequence[StoredFact], model: type[FactData], given: dict[str, Any]
) -> dict[str, Any]:
    """The fields given, and those that a local standard fills. Raises Refused for a word that names no standard.

    The field that is called as the standard says which entry: of this fact, else of an earlier one of the case.
    """
    missing = [name for name in model.FROM_STANDARD if name not in given]
    for standard in dict.fromkeys(model.FROM_STANDARD[name] for name in missing):
        word = given.get(standard) or _said_before(history, standard)
        if word is not None:
            filled = STANDARDS[standard](context, str(word), given)
            given = given | {name: filled[name] for name in missing if name in filled}
    return given


def _said_before(history: Sequence[StoredFact], field: str) -> str | None:
    said = [str(fact.data[field]) for fact in facts_in_force(history) if field in fact.data]
    return said[-1] if said else None


def _panel(context: AppContext, word: str, given: Mapping[str, Any]) -> Mapping[str, Any]:
    panels = load_panels(context.own_file("panels.toml"))
    panel = panels.get(word)
    if panel is None:
        raise Refused(
            "unknown_panel",
            f"panel is no type of panel: expected one of {', '.join(panels)}. Another type is added to panels.toml in"
            " SENDFLOW_HOME",
            field="panel",
            wrong_call=True,
        )
    filled: dict[str, Any] = {
        "cadence": panel.cadence,
        "quorum": panel.quorum,
        "quorum_roles": panel.quorum_roles,
        "chair": panel.chair,
        "terms": panel.terms,
    }
    if panel.papers_time is not None:
        filled["papers_time"] = panel.papers_time
    sits_on = _day(given.get("sits_on"))
    if sits_on is not None:
        filled |= {"papers_by": iso(panel.papers_by(sits_on)), "circulate_on": iso(panel.circulated_on(sits_on))}
    return filled


def _day(value: Any) -> date | None:
    """The day, where it is one: the model of the fact says what is wrong with another value."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


STANDARDS: Mapping[str, Fill] = {"panel": _panel}
