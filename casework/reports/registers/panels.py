"""What panels did in a time: sittings, items, papers, health's view against the decision, what changed later. [I/O]

Purpose: families ask, and boards report, how many items were put off for missing health advice, decided with late
papers or against health's view, out of panel, and overturned. Counts only: no row names a case or a child.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from casework.cases.standards import standards_of
from casework.context import AppContext
from casework.reports.registers.files import case_files
from casework.reports.registers.shape import By, Listed, Of, RegisterList, Wanted
from casework.reports.table_files import Column
from config.text import in_words
from config.toml_reader import ConfigFault
from models.casefile import CaseFile
from statemachines.items import ITEM
from statemachines.panel_sitting import (
    DECIDED,
    ITEMS,
    OUTSIDE,
    PROCESS,
    UNDECIDED,
    compared,
    days_of,
    late,
    not_quorate,
    said_of,
    view_before,
)

ALL = "all"


class PanelCounts(BaseModel):
    """The counts of one type of panel (`all`: of every type) for sittings from `from_on` to `to_on`.

    `not_yet`: neither held nor cancelled. `waiting`: items of sittings that were held of which nothing says what came.
    `without_view`: decisions before which health had no view, or needed more. `late_papers`: papers after the cut-off.
    """

    model_config = ConfigDict(frozen=True)
    from_on: date
    to_on: date
    panel: str
    panel_name: str
    sittings: int
    held: int
    cancelled: int
    not_yet: int
    quorate: int
    not_quorate: int
    items: int
    decided: int
    deferred: int
    deferred_why: str
    removed: int
    waiting: int
    papers: int
    late_papers: int
    decided_with_late_papers: int
    with_view: int
    against_view: int
    without_view: int
    dissents: int
    out_of_panel: int
    overturned: int
    overturned_by: str


COLUMNS = (
    Column("From", "from_on"),
    Column("To", "to_on"),
    Column("Type of panel", "panel_name"),
    Column("Sittings called", "sittings"),
    Column("Held", "held"),
    Column("Cancelled", "cancelled"),
    Column("Not held yet", "not_yet"),
    Column("Quorate", "quorate"),
    Column("Not quorate", "not_quorate"),
    Column("Items", "items"),
    Column("Decided", "decided"),
    Column("Deferred", "deferred"),
    Column("Why deferred", "deferred_why"),
    Column("Taken off the agenda", "removed"),
    Column("Nothing recorded", "waiting"),
    Column("Papers", "papers"),
    Column("Late papers", "late_papers"),
    Column("Decided with late papers", "decided_with_late_papers"),
    Column("Decided as health supported", "with_view"),
    Column("Decided against health's view", "against_view"),
    Column("Decided without a view of health", "without_view"),
    Column("Dissents of health", "dissents"),
    Column("Decided out of panel", "out_of_panel"),
    Column("Overturned later", "overturned"),
    Column("Overturned by", "overturned_by"),
)


def panel_statistics(context: AppContext, wanted: Wanted) -> Listed:
    """The counts of each period and type of panel, and of all types where there are several."""
    sittings: list[tuple[date, str, Counter[str]]] = []
    for file, _duties in case_files(context, PROCESS):
        days = days_of(file)
        sits_on = date.fromisoformat(str(days["sits_on"]))
        if wanted.from_on <= sits_on <= wanted.to_on and wanted.has(file.la):
            sittings.append((sits_on, str(days["panel"]), _counted(file)))
    names = _names(context)
    rows: list[PanelCounts] = []
    for first, last in periods(wanted):
        of_type: dict[str, list[Counter[str]]] = {}
        for sits_on, panel, counts in sittings:
            if first <= sits_on <= last:
                of_type.setdefault(panel, []).append(counts)
        rows += [_row(first, last, panel, names, found) for panel, found in sorted(of_type.items())]
        if len(of_type) > 1:
            rows.append(_row(first, last, ALL, names, [each for found in of_type.values() for each in found]))
    return Listed(rows, 0)


def periods(wanted: Wanted) -> Iterator[tuple[date, date]]:
    """The first and the last day of each period; the first and the last of them end where the time wanted ends."""
    if wanted.by is By.WHOLE:
        yield wanted.from_on, wanted.to_on
        return
    months = 1 if wanted.by is By.MONTH else 3
    first = wanted.from_on
    while first <= wanted.to_on:
        month = (first.month - 1) // months * months + months + 1
        following = date(first.year + (month > 12), month - 12 if month > 12 else month, 1)
        yield first, min(following - timedelta(days=1), wanted.to_on)
        first = following


def _names(context: AppContext) -> dict[str, str]:
    try:
        return {word: each.name for word, each in standards_of(context, "panel").items()}
    except ConfigFault:  # sendflow check and the doctor say what is wrong with the file; a count does not need it
        return {}


def _row(first: date, last: date, panel: str, names: dict[str, str], found: Sequence[Counter[str]]) -> PanelCounts:
    total: Counter[str] = sum(found, Counter())
    name = "All types" if panel == ALL else names.get(panel, in_words(panel))
    counts: dict[str, Any] = {
        field: total[field]
        for field, info in PanelCounts.model_fields.items()
        if info.annotation is int and field != "sittings"
    }
    return PanelCounts(
        from_on=first,
        to_on=last,
        panel=panel,
        panel_name=name,
        sittings=len(found),
        deferred_why=_parts(total, "why:"),
        overturned_by=_parts(total, "by:"),
        **counts,
    )


def _parts(total: Counter[str], prefix: str) -> str:
    found = sorted((-count, word) for word, count in total.items() if word.startswith(prefix) and count)
    return ", ".join(f"{in_words(word.removeprefix(prefix))} {-count}" for count, word in found)


def _counted(file: CaseFile) -> Counter[str]:
    held = said_of(file, "sitting_held")
    counts = Counter({"held": bool(held), "cancelled": not held and file.state in PROCESS.final})
    counts["not_yet"] = not held and not counts["cancelled"]
    counts["not_quorate"] = any(not_quorate(file, each) for each in held)
    counts["quorate"] = bool(held) and not counts["not_quorate"]
    agenda = [each for each in file.items.values() if each.called == ITEMS.called]
    counts["items"] = len(agenda)
    counts["waiting"] = sum(bool(held) and each.state in UNDECIDED for each in agenda)
    counts["removed"] = len(said_of(file, "item_removed"))
    counts.update(_of_papers(file))
    for deferred in said_of(file, "item_deferred"):
        counts.update(("deferred", f"why:{deferred.data['why']}"))
    for overturned in said_of(file, "item_overturned"):
        counts.update(("overturned", f"by:{overturned.data['overturned_by']}"))
    counts.update(_of_decisions(file))
    return counts


def _of_papers(file: CaseFile) -> Iterable[str]:
    for paper in said_of(file, "item_paper_received"):
        yield "papers"
        if late(file, paper):
            yield "late_papers"


def _of_decisions(file: CaseFile) -> Iterator[str]:
    with_late = {paper.data[ITEM] for paper in said_of(file, "item_paper_received") if late(file, paper)}
    for decided in (*said_of(file, DECIDED), *said_of(file, OUTSIDE)):
        yield "decided" if decided.kind == DECIDED else "out_of_panel"
        yield {"with": "with_view", "against": "against_view", "neither": "without_view"}[
            compared(view_before(file, decided), decided)
        ]
        if decided.data.get("health_dissents") == "yes":
            yield "dissents"
        if decided.data[ITEM] in with_late:
            yield "decided_with_late_papers"


PANELS = RegisterList(
    "panels",
    "Panels",
    "Sittings, items and decisions of each type of panel, by the day of the sitting.",
    COLUMNS,
    panel_statistics,
    of=Of.TIME,
    of_counts=True,
)
