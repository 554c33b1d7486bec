"""The life of a duty as a little machine of its own, to be drawn: what opens it, what meets it, what ends it, what
opens it again.

Purpose: a rule's page has a diagram as a process's has. It is read off the rules as the processes use them, and decides
nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from config.rule_schema import Rule

BEFORE = "before"
STATES: Mapping[str, str] = MappingProxyType(
    {BEFORE: "Not begun", "open": "Clock runs", "met": "Met", "ended": "Ended"}
)


def life_of(rule: Rule, used: Iterable[Rule]) -> dict[tuple[str, str], str]:
    """The moves of a rule's duty, over every process that uses it: (state, fact) to state.

    Where no process does, the one move is what starts the clock, in the statute file's words.
    """
    table: dict[tuple[str, str], str] = {}
    for use in used:
        table |= {(BEFORE, kind): "open" for kind in use.starts}
        table |= {("open", kind): "ended" for kind in (*use.ends, *use.superseded_by)}
        table |= {("open", kind): "met" for kind in use.met_by}
        table |= {("met", kind): "open" for kind in use.reopened_by}
        table |= {("ended", kind): "open" for kind in use.resumed_by}
    return table or {(BEFORE, rule.clock_starts): "open"}


def mermaid_of(table: Mapping[tuple[str, str], str]) -> str:
    """The same in Mermaid's words."""
    there = {state for (source, _kind), target in table.items() for state in (source, target)}
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR"]
    lines += [f'    state "{name}" as {state}' for state, name in STATES.items() if state in there]
    lines.append(f"    [*] --> {BEFORE}")
    # A colon or a semicolon would end Mermaid's label.
    lines += [
        f"    {source} --> {target} : {kind.replace(':', ',').replace(';', ',')}"
        for (source, kind), target in table.items()
    ]
    return "\n".join([*lines, "```"])
