"""Writes the process table of README.md from the machines and the statute, so that the page cannot say what the house does not do.

Use: .venv/bin/python tools/readme_table.py (a test says when it is out of date).
"""

from __future__ import annotations

import sys
from pathlib import Path

from config.law import load_law
from statemachines.replay import processes

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- processes: written by tools/readme_table.py -->", "<!-- end of processes -->"


def table() -> str:
    """The Markdown between the two marks: a table of moves and a table of duties for each process."""
    law = load_law()
    parts: list[str] = []
    for process in processes().values():
        parts.append(f"**{process.title}** (`{process.name}`): opens with `{process.opens}` at *{process.states[process.initial]}*.\n")
        parts.append("| the case stands at | and this happens | it then stands at |\n|---|---|---|")
        moves: dict[tuple[str, str], list[str]] = {}
        for (state, kind), target in process.table.items():
            if kind not in {"case_withdrawn", "case_closed"}:
                moves.setdefault((state, target), []).append(kind)
        for (state, target), kinds in moves.items():
            parts.append(f"| {process.states[state]} | {', '.join(f'`{kind}`' for kind in sorted(kinds))} | {process.states[target]} |")
        final = " or ".join(f"*{process.states[state]}*" for state in process.states if state in process.final)
        parts.append(f"\nFrom anywhere `case_withdrawn` and `case_closed` end it ({final}).\n")
        parts.append("| duty | whose | from | how long | law |\n|---|---|---|---|---|")
        for rule in law.for_process(process.name):
            if rule.starts:
                period = rule.period[-1]
                parts.append(f"| {rule.action} | {rule.duty_on or '-'} | {rule.clock_starts} | {period.text} | {period.cite or '-'} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


def rewritten(text: str) -> str:
    """The page with the table as it is now. Raises ValueError where the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs the two marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text("utf-8")), "utf-8")
    sys.exit(0)
