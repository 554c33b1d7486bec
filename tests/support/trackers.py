"""Trackers for the tests of an import: files, rows, and what the import left."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import text

from casework.context import AppContext
from casework.imports.tracker_import import ImportReport
from casework.reports.case_models import CaseReport
from casework.reports.case_report import report
from tests.support.paths import GOLDEN

FILES = GOLDEN / "imports"
TODAY = "14 Apr 2026"
COLUMNS = next(csv.reader((FILES / "plain.csv").open(encoding="utf-8-sig")))
SOUND = {
    "Ref": "AB001",
    "Local authority": "Northshire",
    "NHS number": "9991234500",
    "DOB": "02/03/2015",
    "Request received by LA": "05/01/2026",
    "LA decision to assess": "09/02/2026",
    "Assess?": "Yes",
    "Health request received": "16/02/2026",
    "Services asked": "CAMHS; SALT",
    "CAMHS returned": "16/03/2026",
}


def tracker(folder: Path, *rows: Mapping[str, str]) -> Path:
    path = folder / "tracker.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [*COLUMNS, "Name"], restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def codes(result: ImportReport) -> dict[int, list[str]]:
    found: dict[int, list[str]] = {}
    for refusal in result.refusals:
        found.setdefault(refusal.line, []).append(refusal.code)
    return found


def facts(context: AppContext, case: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.occurred_on.isoformat()) for fact in case_of(context, case).facts]


def case_of(context: AppContext, case: str) -> CaseReport:
    return report(context, case, None, None)


def scalar(context: AppContext, query: str) -> Any:
    with context.engine.begin() as connection:
        return connection.execute(text(query)).scalar()
