"""Writes the process tables of README.md and docs/processes.md from the machines and the statute, so that no page says
what the house does not do.

Use: .venv/bin/python tools/readme_table.py (a test says when one is out of date).
"""

from __future__ import annotations

import sys
from pathlib import Path

from config.law import load_law
from statemachines.process import Process
from statemachines.registry import processes

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
PAGE = ROOT / "docs" / "processes.md"
BEGIN, END = "<!-- processes: written by tools/readme_table.py -->", "<!-- end of processes -->"
STORY = "ehc_needs_assessment"


def overview() -> str:
    """One line for each process: what opens it, how many facts it knows and duties it opens, and where it may end."""
    law = load_law()
    rows = ["| process | opens with | states | facts | duties |", "|---|---|---|---|---|"]
    for process in processes().values():
        duties = len(law.duties_of(process.name))
        rows.append(
            f"| {process.title} (`{process.name}`) | `{process.opens}` | {len(process.states)} | {len(process.facts)} |"
            f" {duties} |"
        )
    return "\n".join(rows)


def table(process: Process) -> str:
    """The moves and the duties of one process."""
    parts = [f"Opens with `{process.opens}` at *{process.states[process.initial]}*.\n"]
    parts.append("| the case stands at | and this happens | it then stands at |\n|---|---|---|")
    moves: dict[tuple[str, str], list[str]] = {}
    for (state, kind), target in process.table.items():
        if kind not in {"case_withdrawn", "case_closed"}:
            moves.setdefault((state, target), []).append(kind)
    for (state, target), kinds in moves.items():
        parts.append(
            f"| {process.states[state]} | {', '.join(f'`{kind}`' for kind in sorted(kinds))} |"
            f" {process.states[target]} |"
        )
    final = " or ".join(f"*{process.states[state]}*" for state in process.states if state in process.final)
    parts.append(f"\nFinal: {final}; `case_withdrawn` and `case_closed` end a case from anywhere else.\n")
    parts.append("| duty | whose | from | how long | law |\n|---|---|---|---|---|")
    for rule in load_law().duties_of(process.name):
        period = rule.period[-1]
        parts.append(
            f"| {rule.action} | {rule.duty_on or '-'} | {rule.clock_starts} | {period.text} | {period.cite or '-'} |"
        )
    return "\n".join(parts)


def page() -> str:
    """docs/processes.md: every process in full."""
    parts = [
        "# The processes",
        "",
        "Written by tools/readme_table.py from the machines and the statute files.",
        "",
        overview(),
        "",
    ]
    for process in processes().values():
        parts += [f"## {process.title} (`{process.name}`)", "", table(process), ""]
    return "\n".join(parts).rstrip() + "\n"


def readme_part() -> str:
    """What stands between the two marks of README.md: all processes in a line each, and the one of the
    story in full.
    """
    story = processes()[STORY]
    return f"{overview()}\n\n**{story.title}**, seen from health. {table(story)}\n"


def rewritten(text: str) -> str:
    """The page with the table as it is now. Raises ValueError where the marks are not there."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md needs the two marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{readme_part()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text("utf-8")), "utf-8")
    PAGE.write_text(page(), "utf-8")
    sys.exit(0)
