"""The machine of a process as a Mermaid diagram: the path that the law foresees. Pure."""

import re

from statemachines.process import Process

# In a sentence of their own beside the diagram: they end a case from any state.
ENDINGS = frozenset({"case_withdrawn", "case_closed"})


def mermaid(process: Process) -> str:
    """The machine as a Mermaid diagram. What ends a case from every state is in a sentence beside it."""
    text = format(process.machine, "mermaid").rstrip()
    said = {_label(kind) for kind in ENDINGS}
    ends = [re.compile(rf'\s*({state} --> \[\*\]|state ".*" as {state})') for state in process.final]
    unusual = {f"{state} --> {process.table[state, kind]} : {_label(kind)}" for state, kind in process.unusual_moves}
    drawn = [
        line
        for line in text.splitlines()
        if line.strip() and line.rpartition(" : ")[2].strip() not in said and line.strip() not in unusual
    ]
    reached = {line.partition(" : ")[0].rpartition(" --> ")[2].strip() for line in drawn if " --> " in line}
    shown = [line for line in drawn if not any(end.match(line) for end in ends if not reached & process.final)]
    return "\n".join(["```mermaid", *shown, "```"])


def _label(kind: str) -> str:
    return kind.replace("_", " ").capitalize()
