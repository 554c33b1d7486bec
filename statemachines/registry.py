"""The processes of this installation, found by walking this folder. No list elsewhere names one.

A process is built when it is first used, because a command that shows one case needs one process and not all.
"""

import importlib
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import statemachines
from config.law import Law
from models.common_facts import SHARED
from models.facts import StoredFact
from statemachines.process import FactDefinition, NotPermitted, Process, Reaction

# A module of this folder that defines a process has this line, and the name of the process.
DEFINES_PROCESS = re.compile(r"^PROCESS\b", re.MULTILINE)
UNNAMED = re.compile(r"^    unnamed_in=", re.MULTILINE)
SHARES_BY_CONSENT = re.compile(r"^    may_share=", re.MULTILINE)
RESTRICTED = re.compile(r"^    restricted=True\b", re.MULTILINE)


class Processes(Mapping[str, Process]):
    """The processes by name, in alphabetical order; each is built when it is first used."""

    def __init__(self) -> None:
        files = (file for folder in statemachines.__path__ for file in Path(folder).glob("*.py"))
        self._names = sorted(file.stem for file in files if DEFINES_PROCESS.search(file.read_text("utf-8")))
        self._built: dict[str, Process] = {}

    def __getitem__(self, name: str) -> Process:
        if name not in self._built:
            if name not in self._names:
                raise KeyError(name)
            process: Process = importlib.import_module(f"statemachines.{name}").PROCESS
            if process.name != name:
                raise ValueError(f"statemachines/{name}.py defines the process {process.name}: give both the same name")
            self._built[name] = process
        return self._built[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


@cache
def processes() -> Mapping[str, Process]:
    """Every process by name, in alphabetical order."""
    return Processes()


@cache
def restricted_processes() -> frozenset[str]:
    """The processes whose definition says `restricted=True`, by name. None is built for it."""
    return frozenset(_defined_with(RESTRICTED))


@cache
def with_unnamed_states() -> Sequence[str]:
    """The processes with states in which nothing names a case, by name. None is built for it."""
    return _defined_with(UNNAMED)


@cache
def shared_by_consent() -> Sequence[str]:
    """The processes whose cases other agencies see only where consent covers it, by name. None is built for it."""
    return _defined_with(SHARES_BY_CONSENT)


@cache
def unnamed_states() -> Mapping[str, frozenset[str]]:
    """The states in which nothing names a case, by process. Only the processes that have such states are built."""
    return {name: processes()[name].unnamed_in for name in with_unnamed_states()}


@cache
def unnaming_facts() -> frozenset[str]:
    """The facts of those processes after which nothing names a case, and that are of no other process."""
    return frozenset(
        kind
        for name, states in unnamed_states().items()
        for (_state, kind), target in processes()[name].table.items()
        if target in states and kind not in SHARED
    )


def _defined_with(words: re.Pattern[str]) -> list[str]:
    """The processes whose definition has a line that matches, by name."""
    texts = {
        file.stem: file.read_text("utf-8") for folder in statemachines.__path__ for file in Path(folder).glob("*.py")
    }
    return sorted(name for name, text in texts.items() if DEFINES_PROCESS.search(text) and words.search(text))


@cache
def opened_by() -> Mapping[str, Process]:
    """The process whose case each opening fact opens."""
    return {kind: process for process in processes().values() for kind in process.openings}


@cache
def opening_kinds() -> frozenset[str]:
    """Every kind of fact that opens a case of some process."""
    return frozenset(opened_by())


def opens_a_case(kind: str, data: Mapping[str, Any]) -> Process | None:
    """The process whose case a fact opens where there is none yet; None if it opens none.

    A fact that mostly follows others opens a case only where it names the authority.
    """
    process = opened_by().get(kind)
    follows = process is not None and process.facts[kind].opens_in is not None
    return None if follows and not data.get("la") else process


def opens(fact: StoredFact) -> bool:
    """Whether this fact opens a case of any process."""
    named = _named_by(fact)
    return (named is not None and fact.kind in named.openings) or fact.kind in opened_by()


def _named_by(fact: StoredFact) -> Process | None:
    """The process that the fact's text names. It saves building the others, but only `openings` decides."""
    return processes().get(fact.process)


def process_of(facts: Sequence[StoredFact]) -> Process:
    """The process of a history. Raises NotPermitted if its first fact opens no process."""
    first = facts[0]
    named = _named_by(first)
    if named is not None and first.kind in named.openings:
        return named
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
            "about": process.about.value,
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
    """One row for each state that a fact leads to, and one for the states that it leaves as they are (`to` is null).

    `out_of_order`: the states that accept the fact though the law does not foresee it there.
    """
    states_by_target: dict[str | None, list[str]] = {process.initial: []} if fact.kind == process.opens else {}
    for (state, kind), target in process.usual_moves.items():
        if kind == fact.kind:
            states_by_target.setdefault(target, []).append(state)
    if fact.accepted_in:
        states_by_target.setdefault(None, []).extend(fact.accepted_in)
    rows = [(target, sorted(states)) for target, states in states_by_target.items()]
    if fact.kind in process.opens_too:
        rows.append((process.state_opened_by(fact.kind), []))
    fields = sorted(fact.model.model_fields)
    unusual = [state for state in process.states if fact.kind in process.out_of_order(state)]
    return [
        {
            "kind": fact.kind,
            "version": fact.version,
            "from": states,
            "to": target,
            "data": fields,
            "out_of_order": unusual,
        }
        for target, states in rows
    ]
