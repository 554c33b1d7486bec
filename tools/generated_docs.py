"""Write docs/reference/{processes,history-format}.md from the machines and the statute, docs/decisions/README.md, and
docs/reference/api.openapi.json from the interface for programs; docs/reference/pages.md, and the glossary of the pages.

Use: .venv/bin/python -m tools.generated_docs (a test says when a page is out of date).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from casework.rules.unusual_facts import out_of_order
from config.law import load_law
from statemachines.process import Process
from statemachines.registry import processes
from tools import help_pages, history_format
from web.api.app import described

ROOT = Path(__file__).parent.parent
PROCESSES = ROOT / "docs" / "reference" / "processes.md"
API = ROOT / "docs" / "reference" / "api.openapi.json"
HISTORY_FORMAT = ROOT / "docs" / "reference" / "history-format.md"
PAGES = ROOT / "docs" / "reference" / "pages.md"
GLOSSARY = ROOT / "web" / "glossary.json"
DECISIONS = ROOT / "docs" / "decisions"
DECISION_TABLE = DECISIONS / "README.md"
ENDS_ANY_CASE = {"case_withdrawn", "case_closed"}


class Decision(NamedTuple):
    """One decision record: its file, the head of the record, and the numbers of records that were merged into it."""

    path: Path
    number: str
    title: str
    status: str
    governs: tuple[str, ...]
    includes: tuple[str, ...]


def overview() -> str:
    """Return one table row for each process: its opening fact and the numbers of its states, facts and duties."""
    law = load_law()
    rows = ["| process | opening fact | states | facts | duties |", "|---|---|---|---|---|"]
    for process in processes().values():
        duties = len(law.duties_of(process.name))
        rows.append(
            f"| [{process.title}](#{process.name}) (`{process.name}`) | `{process.opens}` | {len(process.states)} |"
            f" {len(process.facts)} | {duties} |"
        )
    return "\n".join(rows)


def transitions(process: Process) -> str:
    """Return the table of transitions of one process, without withdrawal and closure."""
    rows = ["| state | fact | next state |", "|---|---|---|"]
    kinds_between: dict[tuple[str, str], list[str]] = {}
    for (state, kind), target in process.usual_moves.items():
        if kind not in ENDS_ANY_CASE:
            kinds_between.setdefault((state, target), []).append(kind)
    for (state, target), kinds in kinds_between.items():
        facts = ", ".join(f"`{kind}`" for kind in sorted(kinds))
        rows.append(f"| {process.states[state]} | {facts} | {process.states[target]} |")
    return "\n".join(rows)


def out_of_order_of(process: Process) -> list[str]:
    """Return what people do that the law does not foresee in this process, and what becomes of the duties."""
    if not process.takes_out_of_order(process.version):
        return []
    return [
        "### What people do that the law does not foresee\n",
        *(f"{part}\n" for part in out_of_order(process, load_law())),
    ]


def duties(process: Process) -> str:
    """Return the table of the duties of one process, by the newest period of each rule."""
    rows = ["| duty | of | from | period | law |", "|---|---|---|---|---|"]
    for rule in load_law().duties_of(process.name):
        period = rule.period[-1]
        rows.append(
            f"| {rule.action} | {rule.duty_on or '-'} | {rule.clock_starts} | {period.text} | {period.cite or '-'} |"
        )
    return "\n".join(rows)


def processes_page() -> str:
    """Return docs/reference/processes.md: every process in full."""
    parts = [
        "# The processes\n",
        "`python -m tools.generated_docs` writes this page from the machines and the statute files.\n",
        overview() + "\n",
    ]
    for process in processes().values():
        final = " or ".join(f"*{process.states[state]}*" for state in process.states if state in process.final)
        parts += [
            f'<a id="{process.name}"></a>\n',
            f"## {process.title} (`{process.name}`)\n",
            f"Opens with `{process.opens}` at *{process.states[process.initial]}*.\n",
            transitions(process) + "\n",
            *out_of_order_of(process),
            f"Final: {final}; `case_withdrawn` and `case_closed` end a case from any other state.\n",
            duties(process) + "\n",
        ]
    return "\n".join(parts)


def decisions() -> Iterator[Decision]:
    """Read the head of every decision record. Raises ValueError if a record has no title, status or modules."""
    for path in sorted(DECISIONS.glob("[0-9]*.md")):
        head = path.read_text("utf-8").split("\n\n**", 1)[0]
        title = re.match(r"# (\d{3}): (.+)\n", head)
        items = {
            item.partition(": ")[0]: " ".join(item.partition(": ")[2].split())
            for item in re.split(r"^- ", head, flags=re.M)[1:]
        }
        if title is None or not items.get("Status") or not items.get("Governs"):
            raise ValueError(f"{path.name} needs a title '# NNN: ...' and the lines '- Status:' and '- Governs:'")
        yield Decision(
            path,
            title[1],
            title[2],
            items["Status"],
            tuple(re.findall(r"`([^`]+)`", items["Governs"])),
            tuple(re.findall(r"\d{3}", items.get("Includes", ""))),
        )


def decisions_page() -> str:
    """Return docs/decisions/README.md: one row for each record, and where the merged numbers are."""
    records = list(decisions())
    rows = [
        f"| [{record.number}]({record.path.name}) | {record.title} | {record.status} |"
        f" {', '.join(f'`{path}`' for path in record.governs)} |"
        for record in records
    ]
    merged: dict[str, list[str]] = {}
    for record in records:
        for number in record.includes:
            merged.setdefault(number, []).append(f"[{record.number}]({record.path.name})")
    return "\n".join(
        [
            "# Decision records\n",
            "Each record says what was decided, why, and what happens to cases in flight.",
            "`python -m tools.generated_docs` writes this page from the heads of the records.\n",
            "| number | title | status | governs |\n|---|---|---|---|",
            *rows,
            "\n## Merged records\n",
            "| number | now in |\n|---|---|",
            *(f"| {number} | {', '.join(merged[number])} |" for number in sorted(merged)),
            "",
        ]
    )


def _described() -> str:
    return json.dumps(described(), indent=1, ensure_ascii=False) + "\n"


# What writes the text of each page. Nothing is written before it is asked for: some texts take a second.
WRITTEN: dict[Path, Callable[[], str]] = {
    PROCESSES: processes_page,
    HISTORY_FORMAT: history_format.page,
    DECISION_TABLE: decisions_page,
    API: _described,
    PAGES: help_pages.page,
    GLOSSARY: help_pages.glossary,
}


if __name__ == "__main__":
    for page, text in WRITTEN.items():
        page.write_text(text(), "utf-8")
    sys.exit(0)
