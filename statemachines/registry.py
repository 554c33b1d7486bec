"""The processes of this installation, found by walking this folder. No list elsewhere names one."""

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import statemachines
from config.law import Law
from models.facts import StoredFact
from statemachines.process import FactDefinition, NotPermitted, Process, Reaction


@cache
def processes() -> Mapping[str, Process]:
    """Every process by name, in alphabetical order."""
    found: dict[str, Process] = {}
    for module in pkgutil.iter_modules(statemachines.__path__):
        process = getattr(importlib.import_module(f"statemachines.{module.name}"), "PROCESS", None)
        if isinstance(process, Process):
            found[process.name] = process
    return dict(sorted(found.items()))


@cache
def opened_by() -> Mapping[str, Process]:
    """The process whose case each opening fact opens."""
    return {kind: process for process in processes().values() for kind in (process.opens, *process.opens_too)}


def process_of(facts: Sequence[StoredFact]) -> Process:
    """The process of a history. Raises NotPermitted if its first fact opens no process."""
    first = facts[0]
    process = opened_by().get(first.kind)
    if process is None:
        raise NotPermitted(
            first.seq, first.kind, f"fact {first.seq} ({first.kind}) opens no process that this version of sendflow has"
        )
    return process


@cache
def reactions_to() -> Mapping[tuple[str, str], Sequence[tuple[Process, Reaction]]]:
    """(process, fact kind) -> the processes that react to it, with their reaction."""
    found: dict[tuple[str, str], list[tuple[Process, Reaction]]] = {}
    for process in processes().values():
        for reaction in process.reactions:
            found.setdefault((reaction.process, reaction.kind), []).append((process, reaction))
    return found


def describe(law: Law) -> list[dict[str, Any]]:
    """Every process with its states, facts and duties: the JSON document of `sendflow processes`.

    Some rules that no fact starts belong to no process, so each process lists all of them.
    """
    unused = [
        {"rule": rule.id, "process": rule.process, "why": rule.calculation_only}
        for rule in law.rules.values()
        if rule.calculation_only
    ]
    return [
        {
            "process": process.name,
            "title": process.title,
            "states": list(process.states),
            "initial": process.initial,
            "final": sorted(process.final),
            "facts": [row for kind in sorted(process.facts) for row in _fact_rows(process, process.facts[kind])],
            "duties": [
                {"rule": rule.id, "starts": list(rule.starts), "met_by": list(rule.met_by)}
                for rule in (*law.for_process(process.name), *law.used.get(process.name, ()))
                if rule.starts
            ],
            "calculation_only": unused,
        }
        for process in processes().values()
    ]


def _fact_rows(process: Process, fact: FactDefinition) -> list[dict[str, Any]]:
    """One row for each state that a fact leads to, and one for the states that it leaves as they are (`to` is null)."""
    states_by_target: dict[str | None, list[str]] = {process.initial: []} if fact.kind == process.opens else {}
    for (state, kind), target in process.table.items():
        if kind == fact.kind:
            states_by_target.setdefault(target, []).append(state)
    if fact.accepted_in:
        states_by_target.setdefault(None, []).extend(fact.accepted_in)
    rows = [(target, sorted(states)) for target, states in states_by_target.items()]
    if fact.kind in process.opens_too:
        rows.append((process.table[(process.initial, fact.kind)], []))
    fields = sorted(fact.model.model_fields)
    return [
        {"kind": fact.kind, "version": fact.version, "from": states, "to": target, "data": fields}
        for target, states in rows
    ]
