"""Writes docs/reference/history-format.md: with that page alone, a program in any language replays a history.

The words are in tools/pages/history_format.md. Transitions, facts, rules, reactions and the calendar are data of the
page, one JSON value a line; the guards are listed by the sentences with which they refuse.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from config.law import load_law
from config.rule_schema import Rule
from deadlines.working_calendar import WorkingCalendar, load_calendar
from statemachines.items import Items
from statemachines.process import FactDefinition, OpeningFact, Process, Reaction
from statemachines.registry import processes
from statemachines.replay import BEFORE_OPENING

WORDS = Path(__file__).parent / "pages" / "history_format.md"
# Keys of a rule that say nothing about a replay: how it is shown, chased and sourced.
NOT_OF_A_REPLAY = {
    *("process", "clock_starts", "action", "source_status", "held_as", "then", "holds_up", "goes_on", "note", "on_is"),
    *("switchable", "enabled", "calculation_only", "starts_by_locality", "owner", "duty_on"),
}
# A pronoun of the machine's code, for what a sentence takes from the fact.
VALUE = "..."


def page() -> str:
    """Return docs/reference/history-format.md."""
    parts = {
        "before_opening": _line(sorted(BEFORE_OPENING)),
        "calendar": "\n".join(_calendar(load_calendar())),
        "processes": "\n".join(part for process in processes().values() for part in _process(process)),
        "guards": "\n".join(part for process in processes().values() for part in _guards(process)),
    }
    return re.sub(r"\{(\w+)\}", lambda found: parts.get(found[1], found[0]), WORDS.read_text("utf-8"))


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=_plain)


def _plain(value: Any) -> Any:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(type(value).__name__)


def _calendar(calendar: WorkingCalendar) -> Iterator[str]:
    week = [calendar.first + timedelta(days=each) for each in range(14)]
    year = [date(2001, 1, 1) + timedelta(days=each) for each in range(365)]
    yield _line(
        {
            "known_from": calendar.first,
            "known_to": calendar.last,
            "weekend": {day.weekday() for day in week if calendar.why_not_working(day) == "weekend"},
            "closed": [f"{day:%m-%d}" for day in year if calendar.is_closed(day)],
        }
    )
    by_year: dict[int, list[date]] = {}
    for day in sorted(calendar.holidays):
        by_year.setdefault(day.year, []).append(day)
    for days in by_year.values():
        yield _line({"bank_holidays": days})


def _process(process: Process) -> Iterator[str]:
    yield f"## {process.title}: `{process.name}`\n"
    yield from _block(f"process {process.name}", [_head(process)])
    yield f"Transitions of `{process.name}`, by the versions of its machine:\n"
    yield from _block(f"transitions {process.name}", _transitions(process))
    yield f"Facts of `{process.name}`:\n"
    yield from _block(f"facts {process.name}", (_fact(process, process.facts[kind]) for kind in sorted(process.facts)))
    yield f"Rules of `{process.name}`:\n"
    yield from _block(f"rules {process.name}", map(_rule, _with_followed(process)))
    if process.reactions:
        yield f"Reactions of `{process.name}`:\n"
        yield from _block(f"reactions {process.name}", map(_reaction, process.reactions))


def _block(name: str, lines: Iterable[Any]) -> Iterator[str]:
    yield f"```json {name}"
    yield from map(_line, lines)
    yield "```\n"


def _head(process: Process) -> dict[str, Any]:
    kinds = [process.opens, *sorted(process.opens_too)]
    return {
        "process": process.name,
        "states": process.states,
        "initial": process.initial,
        "final": process.final,
        "openings": kinds,
        "opens_in": {kind: process.facts[kind].opens_in for kind in kinds if process.facts[kind].opens_in},
        "out_of_order_from": process.out_of_order_from,
        "machines": sorted(process.tables),
        **({"items": _items(process, process.items)} if process.items is not None else {}),
    }


def _items(process: Process, items: Items) -> dict[str, Any]:
    """Return the states of the items, and the moves of every version; one without `from` adds an item."""
    versions: dict[tuple[str, str, str], list[int]] = {}
    for version, table in sorted(process.item_tables.items()):
        for (state, kind), target in table.items():
            versions.setdefault((kind, state, target), []).append(version)
    moves = [
        {"fact": kind, "to": target, "machines": found} | ({"from": state} if state else {})
        for (kind, state, target), found in sorted(versions.items())
    ]
    return {"called": items.called, "states": items.states, "moves": moves}


def _transitions(process: Process) -> list[dict[str, Any]]:
    """Return the transitions of every version, with the states from which they are and the versions that have them."""
    versions: dict[tuple[str, str, str, bool], list[int]] = {}
    for version, table in sorted(process.tables.items()):
        for (state, kind), target in table.items():
            unusual = (state, kind) in process.unusual.get(version, frozenset())
            versions.setdefault((kind, state, target, unusual), []).append(version)
    states: dict[tuple[str, str, bool, tuple[int, ...]], list[str]] = {}
    for (kind, state, target, unusual), found in sorted(versions.items()):
        states.setdefault((kind, target, unusual, tuple(found)), []).append(state)
    return [
        {"fact": kind, "from": found, "to": target, "machines": numbers} | ({"unusual": True} if unusual else {})
        for (kind, target, unusual, numbers), found in states.items()
    ]


def _fact(process: Process, fact: FactDefinition) -> dict[str, Any]:
    accepted = frozenset(fact.accepted_in)
    every, unfinished = frozenset(process.states), frozenset(process.states) - process.final
    row: dict[str, Any] = {
        "fact": fact.kind,
        "version": fact.version if fact.version > 1 else None,
        "opens": isinstance(fact, OpeningFact),
        "accepted_in": "all" if accepted == every else "open" if accepted == unfinished else sorted(accepted),
        "impossible_in": fact.impossible_in,
        "order": fact.order,
        "roles": fact.roles,
        "requests_again": fact.requests_again,
        "repeated_as": fact.repeated_as,
        "fields": sorted(fact.model.model_fields.keys() - fact.model.IDENTITY_FIELDS),
    }
    return {key: value for key, value in row.items() if value}


def _with_followed(process: Process) -> Iterator[Rule]:
    """Yield the rules that open duties, and those by which another one counts, once each."""
    law = load_law()
    rules = {rule.id: rule for rule in law.duties_of(process.name)}  # as the duties are derived: one rule of an id
    yield from rules.values()
    for followed in dict.fromkeys(
        period.follows for rule in rules.values() for period in rule.period if period.follows
    ):
        if followed not in rules:
            yield law.rules[followed].model_copy(update={"starts": ()})


def _rule(rule: Rule) -> dict[str, Any]:
    row = rule.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=NOT_OF_A_REPLAY)
    for period in row["period"]:
        for key in ("text", "url", "excuses_cite"):
            period.pop(key, None)
    for each in row.get("inputs", {}).values():
        each.pop("meaning", None)
    for each in row.get("excuse_overlay", ()):
        each.pop("test", None)
    return row


def _reaction(reaction: Reaction) -> dict[str, Any]:
    fields = reaction.fields
    row: dict[str, Any] = {
        "process": reaction.process,
        "kind": reaction.kind,
        "records": reaction.records,
        "when": reaction.when,
        "fields": {
            name: value
            for name in ("renamed", "constants", "from_opening", "opening_day")
            if (value := getattr(fields, name))
        },
        "latest_case_only": reaction.latest_case_only,
        "optional": reaction.optional,
        "if_nothing_is_due": reaction.if_nothing_is_due,
        "where": _said_by(reaction.where),
        "day_of": _said_by(reaction.day_of),
    }
    return {key: value for key, value in row.items() if value}


def _said_by(condition: Callable[..., Any] | None) -> str | None:
    """Return what the docstring of a condition says. Raises ValueError if it has none."""
    if condition is None:
        return None
    said = inspect.getdoc(_named(condition))
    if not said:
        raise ValueError(f"{condition.__qualname__} is a condition of a reaction and has no docstring")
    values = [f"{name} = {', '.join(value)}" for name, value in _free(condition).items() if isinstance(value, tuple)]
    return " ".join([said.split("\n\n")[0].replace("\n", " "), *values])


def _named(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return the function of the module that made a function, or the function itself."""
    outer = function.__qualname__.split(".")[0]
    made: Callable[..., Any] = getattr(sys.modules[function.__module__], outer, function)
    return made


def _free(function: Callable[..., Any]) -> Mapping[str, Any]:
    return inspect.getclosurevars(function).nonlocals


def _guards(process: Process) -> Iterator[str]:
    yield f"### {process.title}\n"
    yield "| fact | sendflow | if |\n|---|---|---|"
    for kind in sorted(process.facts):
        fact = process.facts[kind]
        for verb, guard in (("refuses", fact.guard), ("marks", fact.warning)):
            for reason in dict.fromkeys(reasons(guard)) if guard is not None else ():
                yield f"| `{kind}` | {verb} | {reason} |"
    yield ""


def reasons(guard: Callable[..., Any], versions: str = "") -> Iterator[str]:
    """Yield the sentences with which a guard refuses, with the versions of the machine to which it applies."""
    free = _free(guard)
    if "version" in free and "guard" in free:
        word = "before" if guard.__qualname__.startswith("before") else "from"
        yield from reasons(free["guard"], f"{word} machine {free['version']}: ")
        return
    inner = [each for value in free.values() for each in (value if isinstance(value, tuple) else (value,))]
    inner += [value for value in inspect.getclosurevars(guard).globals.values() if _is_guard(value)]
    tree = ast.parse(textwrap.dedent(inspect.getsource(guard)))
    known = {**inspect.getclosurevars(guard).globals, **free}
    for node in ast.walk(tree):
        if isinstance(node, ast.Return) and node.value is not None:
            yield from (f"{versions}{text}" for text in _texts(node.value, known))
    for each in inner:
        if callable(each) and _is_guard(each):
            yield from reasons(each, versions)


def _is_guard(value: Any) -> bool:
    """Whether a function takes a case and a fact, and says why not."""
    return (inspect.isfunction(value) and value.__annotations__.get("return") == "str | None") or (
        inspect.isfunction(value) and value.__annotations__.get("return") == (str | None)
    )


def _texts(value: ast.expr, known: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts that a returned expression can be; of a condition, both."""
    if isinstance(value, ast.IfExp):
        yield from _texts(value.body, known)
        yield from _texts(value.orelse, known)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.Name) and isinstance(known.get(value.id), str):
        yield known[value.id]
    elif isinstance(value, ast.JoinedStr):
        yield "".join(_part(part, known) for part in value.values)


def _part(part: ast.expr, known: Mapping[str, Any]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    name = part.value.id if isinstance(part, ast.FormattedValue) and isinstance(part.value, ast.Name) else ""
    return known[name] if isinstance(known.get(name), str) else VALUE
