"""What may be chosen for a refused row, and what is on record beside it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from casework.context import AppContext
from casework.imports.cells import cell_text
from casework.imports.identity import DIFFERS
from casework.imports.row_choices import RowChoice
from casework.imports.rows import DECISIONS
from casework.imports.trial import DUPLICATE, RowRefused
from casework.reports.case_models import FactShown
from casework.reports.case_report import report
from config.tracker_columns import ANSWER, TrackerColumns, load_columns

CONFIRM = "confirm_child"
MOST_CASES = 3


def choices_of(row: RowRefused) -> frozenset[RowChoice]:
    """What a person may choose for a refused row: any may be left out, and a record may be right."""
    if DUPLICATE in row.codes:
        return frozenset({RowChoice.OLD, RowChoice.NEW, RowChoice.BOTH})
    if row.cases and row.codes == {DIFFERS}:
        return frozenset({RowChoice.OLD, RowChoice.NEW, RowChoice.BOTH, RowChoice.LEAVE})
    if CONFIRM in row.codes:
        return frozenset({RowChoice.SAME, RowChoice.LEAVE})
    return frozenset({RowChoice.LEAVE})


def on_record(context: AppContext, row: RowRefused) -> dict[str, dict[str, str]]:
    """What the stored cases that a row may be about have in the columns of a tracker, by reference and column.

    Days, decisions, services and the authority only: who a child is, is not shown.
    """
    columns = load_columns(context.own_file("tracker.toml"))
    found = {}
    for ref in row.cases[:MOST_CASES]:
        try:
            case = report(context, ref)
        except LookupError:
            continue
        found[ref] = _cells(context, columns, [fact for fact in case.facts if fact.stands])
    return found


def _cells(context: AppContext, columns: TrackerColumns, facts: Iterable[FactShown]) -> dict[str, str]:
    by_kind = {column.fact: name for name, column in columns.column.items() if column.fact}
    yes_or_no: Mapping[str, str] = {DECISIONS[True]: "Yes", DECISIONS[False]: "No"}
    found: dict[str, list[str]] = {}
    for fact in facts:
        day, service = cell_text(fact.corrected_to or fact.occurred_on), str(fact.data.get("service") or "")
        if fact.kind == columns.answers.fact:
            found.setdefault(ANSWER + service, []).append(day)
        elif fact.kind in yes_or_no:
            found.setdefault("decided_on", []).append(day)
            found.setdefault("assess", []).append(yes_or_no[fact.kind])
        elif fact.kind in by_kind:
            found.setdefault(by_kind[fact.kind], []).append(day)
            if service:
                found.setdefault("services", []).append(context.directory.service_name(service))
        if fact.data.get("la"):
            found["la"] = [context.directory.la_name(str(fact.data["la"]))]
    return {column: ", ".join(dict.fromkeys(texts)) for column, texts in found.items()}
