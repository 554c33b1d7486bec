"""The fact kinds, fields, values and rules that the statute files name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from casework.rules.checks.problem import Known, Problem, Source
from config.rule_schema import Rule
from deadlines.duty_rules import ITEM, NOT_SAID
from models.facts import FactData

if TYPE_CHECKING:  # the library of state machines is slow to import
    from statemachines.process import Process

KINDS = ("starts", "not_after", "met_by", "met_before", "ends", "reopened_by", "superseded_by")
KINDS_BY_KIND = ("only_after", "resumed_by", "counts_already")
HELP = "`sendflow processes` lists the facts of each process."
INPUTS_HELP = "An input is a table of its own: [rule.inputs.name]."


def statute_problems(source: Source, processes: Mapping[str, Process], rules: Known) -> Iterator[Problem]:
    """What one statute file names that does not exist."""
    process = processes.get(source.process)
    for rule_id, table in source.tables.items():
        if rule_id in ("uses", "amends"):
            yield from source.unknown(rule_id, rule_id, list(table), rules)
            if rule_id == "uses":
                for used, uses in table.items():
                    yield from _rule_problems(source, f"uses.{used}", uses, process, rules)
        else:
            yield from _rule_problems(source, rule_id, table, process, rules)


def owner_problems(source: Source, roles: frozenset[str]) -> Iterator[Problem]:
    """The roles of our team that owe a duty and that the directory does not have."""
    known = Known(
        frozenset({"service", "authority", "team", *(f"team:{role}" for role in roles)}),
        "and the directory has no such [team.…]",
        "Roles of our team are in directory.toml.",
    )
    for rule_id, table in source.tables.items():
        owner = _mapping(table).get("owner")
        if isinstance(owner, str) and not owner.startswith("party:"):
            yield from source.unknown(rule_id, "owner", owner, known)


def facts_of(process: Process) -> Known:
    """The fact kinds of a process."""
    return Known(frozenset(process.facts), f"which is no fact of {process.name}", HELP)


def _rule_problems(
    source: Source, name: str, table: Mapping[str, Any], process: Process | None, rules: Known
) -> Iterator[Problem]:
    yield from _value_problems(source, name, table, Rule)
    given = Known(frozenset(_mapping(table.get("inputs"))), "which is none of the rule's inputs", INPUTS_HELP)
    for key in ("replaced_by", "strict_start"):
        yield from source.unknown(name, key, table.get(key), given)
    for key in ("holds_up", "then"):
        yield from source.unknown(name, key, table.get(key), rules)
    if process is None:
        if table.get("starts"):
            nothing = Known(frozenset(), f"and there is no process {source.process} whose facts open duties", HELP)
            yield from source.unknown(name, "starts", table["starts"], nothing)
        return
    facts = facts_of(process)
    for key in KINDS:
        yield from source.unknown(name, key, table.get(key), facts)
    for key in KINDS_BY_KIND:
        of_kinds = _mapping(table.get(key))
        yield from source.unknown(name, key, [*of_kinds, *of_kinds.values()], facts)
    yield from source.unknown(
        name, "starts_by_locality", list(_mapping(table.get("starts_by_locality")).values()), facts
    )
    provisional = _mapping(table.get("provisional"))
    yield from source.unknown(f"{name}.provisional", "starts", provisional.get("starts"), facts)
    yield from source.unknown(f"{name}.provisional", "ends", provisional.get("ends"), facts)
    for day, given in _mapping(table.get("inputs")).items():
        for key in ("told_by", "settled_by"):
            yield from source.unknown(f"{name}.inputs.{day}", key, _mapping(given).get(key), facts)
    yield from _field_problems(source, name, table, process)


def _value_problems(
    source: Source, name: str, table: Any, model: type[BaseModel], number: int = 0
) -> Iterator[Problem]:
    """The values that are none of the words which a key may have, in a table and in the tables inside it."""
    keys = _keys(model)
    for key, value in _mapping(table).items():
        words, tables = keys.get(key, (None, ()))
        if words:
            known = Known(words, f"which is no value of `{key}`", f"Values: {', '.join(sorted(words))}.")
            yield from source.unknown(name, key, value, known, number)
        for inside in tables:
            if isinstance(value, list):
                for index, each in enumerate(value):
                    yield from _value_problems(source, f"{name}.{key}", each, inside, index)


@cache
def _keys(model: type[BaseModel]) -> Mapping[str, tuple[frozenset[str], frozenset[type[BaseModel]]]]:
    """What each key of a table may hold: its words, and the models of the tables inside it."""
    return {
        field.alias or word: (frozenset(_choices(field.annotation)), frozenset(_models_in(field.annotation)))
        for word, field in model.model_fields.items()
    }


def _models_in(annotation: Any) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    return {model for each in get_args(annotation) for model in _models_in(each)}


def _field_problems(source: Source, name: str, table: Mapping[str, Any], process: Process) -> Iterator[Problem]:
    """The fields of facts that a rule asks for, and the values that it expects there."""
    starting = _models(process, table.get("starts"))
    if table.get("per") == "item":
        names_no_item = Known(frozenset(), f"which has no field `{ITEM}`, so that nobody knows its item", HELP)
        for kind in (*_listed(table.get("starts")), *_listed(table.get("met_by"))):
            if kind in process.facts and ITEM not in process.facts[kind].model.model_fields:
                yield from source.unknown(name, "per", kind, names_no_item)
    for key in ("start_day", "start_by"):
        if starting:
            yield from source.unknown(name, key, table.get(key), _fields(starting, "starts"))
    clauses = [("starts_if", table.get("starts_if"), starting)]
    clauses += [("met_if", clause, _models(process, table.get("met_by"))) for clause in table.get("met_if") or ()]
    for key, clause, models in clauses:
        for field, values in _mapping(clause).items():
            if models:
                yield from source.unknown(name, key, field, _fields(models, "met_by" if key == "met_if" else "starts"))
            if (known := _values(models, field)) is not None:
                yield from source.unknown(name, key, values, known)
    for day, given in _mapping(table.get("inputs")).items():
        supplying = _models(process, _mapping(given).get("told_by"))
        if supplying:
            asked = _mapping(given).get("told_as")
            yield from source.unknown(f"{name}.inputs.{day}", "told_as", asked, _fields(supplying, "told_by"))


def _listed(kinds: Any) -> list[str]:
    return [kinds] if isinstance(kinds, str) else list(kinds or ())


def _models(process: Process, kinds: Any) -> list[type[FactData]]:
    return [process.facts[kind].model for kind in _listed(kinds) if kind in process.facts]


def _fields(models: Iterable[type[FactData]], key: str) -> Known:
    fields = frozenset(field for model in models for field in model.model_fields)
    return Known(fields, f"which is a field of no fact in `{key}`", HELP)


def _values(models: Iterable[type[FactData]], field: str) -> Known | None:
    """The words that a field may have; None if one of the facts takes any word."""
    found: set[str] = {NOT_SAID}
    for model in models:
        if field not in model.model_fields:
            continue
        choices = _choices(model.model_fields[field].annotation)
        if not choices:
            return None
        found |= choices
    return Known(frozenset(found), f"which is no value of `{field}`", HELP) if len(found) > 1 else None


def _choices(annotation: Any) -> set[str]:
    """The words of a Literal, or of one inside a list or beside None."""
    if get_origin(annotation) is Literal:
        return {str(each) for each in get_args(annotation)}
    inside = [_choices(each) for each in get_args(annotation) if each is not type(None)]
    return set().union(*inside) if inside and all(inside) else set()


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
