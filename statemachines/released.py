"""Transition tables: those of the machines of this program, and the frozen ones of every release.

A released table never changes: a history replays against the table of the newest version in it. A row is a state, a
fact kind and the next state; a fourth word, `unusual`, marks a transition that the law does not foresee.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from statemachine import StateMachine

# (state, fact kind) -> next state
TransitionTable = Mapping[tuple[str, str], str]
TABLES = Path(__file__).parent / "tables"
ITEM_TABLES = TABLES / "items"


def table_of(machine: type[StateMachine]) -> dict[tuple[str, str], str]:
    """The transition table of a machine: (state, fact kind) -> next state."""
    return {
        (state.id, event.id): transition.target.id
        for state in machine.states
        for transition in state.transitions
        for event in transition.events
        if transition.target is not None
    }


def unusual_of(machine: type[StateMachine]) -> frozenset[tuple[str, str]]:
    """The (state, fact kind) of each transition of a machine that is marked as `unusual`."""
    return frozenset(
        (state.id, event.id)
        for state in machine.states
        for transition in state.transitions
        for event in transition.events
        if getattr(transition, "is_unusual", False)
    )


def released_tables(name: str) -> dict[int, dict[tuple[str, str], str]]:
    """The frozen transition tables of a process by version. A history replays against the newest version in it."""
    return {version: {(row[0], row[1]): row[2] for row in rows} for version, rows in _released_rows(name)}


def released_unusual(name: str) -> dict[int, frozenset[tuple[str, str]]]:
    """The transitions of each frozen table that are marked as unusual: its rows with a fourth word."""
    return {version: frozenset((row[0], row[1]) for row in rows if row[3:]) for version, rows in _released_rows(name)}


def released_items(name: str) -> dict[int, dict[tuple[str, str], str]]:
    """The frozen tables of the items of a process by version: (state of the item, fact kind) -> its next state."""
    return {
        int(path.stem.rpartition(".v")[2]): {(row[0], row[1]): row[2] for row in json.loads(path.read_text("utf-8"))}
        for path in sorted(ITEM_TABLES.glob(f"{name}.v*.json"))
    }


def rows_of(table: TransitionTable, unusual_moves: Collection[tuple[str, str]]) -> list[list[str]]:
    """A table as the rows of its released file: state, fact, next state, and `unusual` where it is."""
    return sorted(
        [state, kind, target, *(["unusual"] if (state, kind) in unusual_moves else [])]
        for (state, kind), target in table.items()
    )


def _released_rows(name: str) -> Iterator[tuple[int, list[list[str]]]]:
    for path in sorted(TABLES.glob(f"{name}.v*.json")):
        yield int(path.stem.rpartition(".v")[2]), json.loads(path.read_text("utf-8"))
