"""A table of every fact in every state of a process, written by hand from the law, and what is checked against it.

A test module of a process has one as TABLE. The machine is checked against it cell by cell, and random walks over facts
in any order are judged by it and never by the machine.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.facts import StoredFact

# Whether a fact can be true after the facts before it: an answer has a question before it, on the same body.
Possible = Callable[[Sequence[StoredFact], StoredFact], bool]


@dataclass(frozen=True)
class HandTable:
    """`usual`: by state, the facts that the law foresees there. `moves` and `unusual_moves`: where a fact leads, if it
    changes the state. `impossible`: by fact, the states in which it cannot be true, with the reason. `possible`: by
    fact, whether it can be true after what came before. `leaves`: by fact, what an unusual one leaves owed, in words.

    Every fact that is neither usual nor impossible in an open state is unusual there. `again`: opening facts and the
    states of an open case that accept them once more. `opens_with`: what the opening fact says in every walk, where a
    case of other children cannot be opened.
    """

    usual: Mapping[str, Collection[str]]
    moves: Mapping[tuple[str, str], str]
    unusual_moves: Mapping[tuple[str, str], str]
    leaves: Mapping[str, str]
    impossible: Mapping[str, tuple[Collection[str], str]] = field(default_factory=dict)
    possible: Mapping[str, Possible] = field(default_factory=dict)
    again: Mapping[str, Collection[str]] = field(default_factory=dict)
    opens_with: Mapping[str, Any] = field(default_factory=dict)

    def unusual(self, state: str, kinds: Collection[str], openings: Collection[str]) -> set[str]:
        """The facts that are unusual in an open state, of all `kinds` of the process."""
        ruled_out = {kind for kind, (states, _why) in self.impossible.items() if state in states}
        closed = {kind for kind in openings if state not in self.again.get(kind, ())}
        return set(kinds) - set(self.usual[state]) - ruled_out - closed

    def next_state(self, state: str, kind: str) -> str:
        """Where a fact leads that is usual or unusual in `state`."""
        return self.moves.get((state, kind)) or self.unusual_moves.get((state, kind)) or state


def asked_before(*kinds: str, per_body: bool = True) -> Possible:
    """An answer is possible after one of these facts; of the same body, unless `per_body` is false."""

    def possible(before: Sequence[StoredFact], fact: StoredFact) -> bool:
        return any(
            each.kind in kinds and (not per_body or each.data.get("body") == fact.data.get("body")) for each in before
        )

    return possible
