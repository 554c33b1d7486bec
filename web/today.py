"""Today: what is late, due in seven days, for a person to decide, and what changed since yesterday."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from casework.reports.today import Today, today_of
from web.answers import Answer, Page
from web.asked import Asked
from web.export import Column, Sheet, as_file
from web.faults import no_page

SHOWN = 10
TITLES = {
    "late": "Late",
    "soon": "Due in the next 7 days",
    "decide": "For a person to decide",
    "changed": "Recorded since yesterday",
}
DUTY = (
    Column("Case", "case_ref"),
    Column("Authority's reference", "la_reference"),
    Column("Authority", "la"),
    Column("Body", "body_name"),
    Column("Service", "service"),
    Column("What is owed", "action"),
    Column("Started", "started_on"),
    Column("Due", "due"),
    Column("Act by", "act_by"),
    Column("Days", "days"),
)
CHANGED = (
    Column("Case", "case_ref"),
    Column("Number", "seq"),
    Column("Fact", "kind"),
    Column("Happened", "occurred_on"),
    Column("Recorded (UTC)", "recorded_at"),
    Column("By", "actor"),
)


def today(asked: Asked) -> Answer:
    """The page that a day starts from."""
    return Page("today.html", {"title": "Today", "found": _found(asked), "shown": SHOWN})


def one_list(asked: Asked) -> Answer:
    """One list of Today in full, or as a file."""
    name = asked.place["name"]
    if name not in TITLES:
        return no_page(404)
    found = _found(asked)
    kind = asked.query.get("format", "")
    if kind in ("csv", "xlsx") and name != "decide":
        rows: Sequence[Any] = {"late": found.late, "soon": found.soon}.get(name, found.changed)
        columns = CHANGED if name == "changed" else DUTY
        return as_file(asked, Sheet(f"{name}-{found.as_at}", TITLES[name], columns, rows), kind)
    return Page("list.html", {"title": TITLES[name], "found": found, "name": name, "shown": 100_000})


def _found(asked: Asked) -> Today:
    return today_of(asked.context, asked.context.today())
