"""Fields of a fact that a local standard fills where a person leaves them out: a panel's cut-off, a delegated limit.

What is filled in is stored in the fact, so that a later change of the standard changes no history.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from casework.cases.fact_form import Refused
from casework.context import AppContext
from config.local_standards import Approver, Panel, Standard, load_approvers, load_panels
from models.facts import FactData, StoredFact, iso
from statemachines.replay import facts_in_force


class Filling(NamedTuple):
    """A local standard: its file, how it is read, and what an entry fills beside what a person gave."""

    file: str
    load: Callable[[Path | None], Mapping[str, Standard]]
    fields: Callable[[Standard, Mapping[str, Any]], Mapping[str, Any]]


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
            filled = STANDARDS[standard].fields(_entry(context, standard, str(word)), given)
            given = given | {name: filled[name] for name in missing if name in filled}
    return given


def _said_before(history: Sequence[StoredFact], field: str) -> str | None:
    said = [str(fact.data[field]) for fact in facts_in_force(history) if field in fact.data]
    return said[-1] if said else None


def standards_of(context: AppContext, name: str) -> Mapping[str, Standard]:
    """The entries of a local standard by their word. Raises ConfigFault for a file that cannot be read."""
    return STANDARDS[name].load(context.own_file(STANDARDS[name].file))


def _entry(context: AppContext, name: str, word: str) -> Standard:
    known = standards_of(context, name)
    if word not in known:
        raise Refused(
            f"unknown_{name}",
            f"{name} names no entry of {STANDARDS[name].file}: expected one of {', '.join(known)}. Another is added to"
            f" {STANDARDS[name].file} in SENDFLOW_HOME",
            field=name,
            wrong_call=True,
        )
    return known[word]


def _of_panel(entry: Standard, given: Mapping[str, Any]) -> Mapping[str, Any]:
    assert isinstance(entry, Panel)
    filled: dict[str, Any] = {
        "cadence": entry.cadence,
        "quorum": entry.quorum,
        "quorum_roles": entry.quorum_roles,
        "chair": entry.chair,
        "terms": entry.terms,
    }
    if entry.papers_time is not None:
        filled["papers_time"] = entry.papers_time
    sits_on = _day(given.get("sits_on"))
    if sits_on is not None:
        filled |= {"papers_by": iso(entry.papers_by(sits_on)), "circulate_on": iso(entry.circulated_on(sits_on))}
    return filled


def _day(value: Any) -> date | None:
    """The day, where it is one: the model of the fact says what is wrong with another value."""
    if isinstance(value, date):
        return value
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _of_approver(entry: Standard, _given: Mapping[str, Any]) -> Mapping[str, Any]:
    assert isinstance(entry, Approver)
    return {"limit_pence": entry.limit_pence}


STANDARDS: Mapping[str, Filling] = {
    "panel": Filling("panels.toml", load_panels, _of_panel),
    "approver": Filling("approvers.toml", load_approvers, _of_approver),
}
