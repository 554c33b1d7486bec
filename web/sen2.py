"""A council's SEN2 extract beside the record: what `sendflow sen2` compares. Nothing is stored or recorded."""

from __future__ import annotations

from typing import Any

from casework.imports.raw_rows import SheetError
from casework.imports.sen2 import LARGEST, MOST_LISTED, compare_sen2
from casework.privacy.case_looks import note_looks
from web.answers import Answer, Page
from web.asked import Asked
from web.labels import first_capital

LOOK = "sen2"


def form(asked: Asked) -> Answer:
    """Where an extract is sent."""
    return _form(asked)


def compare(asked: Asked) -> Answer:
    """Compare an extract with the cases, and list the differences case by case."""
    la = asked.form.get("la", "")
    if la not in asked.context.directory.la:
        again = ", and its file again" if asked.file else ""  # no browser fills in a file
        return _form(asked, "la", f"Choose the authority whose extract it is{again}")
    if not asked.file:
        return _form(asked, "file", "Choose the extract: CSV, Excel, or the XML of the return")
    try:
        found = compare_sen2(asked.context, asked.file, la)
    except SheetError as problem:
        return _form(asked, "file", first_capital(problem.sentence))
    note_looks(asked.context, [each.case_ref for each in found.differing], asked.account, LOOK)
    return Page(
        "sen2_differences.html", {"title": "The SEN2 extract and the record", "found": found, "most": MOST_LISTED}
    )


def _form(asked: Asked, at: str = "", error: str = "") -> Page:
    values: dict[str, Any] = {
        "title": "Compare a SEN2 extract",
        "las": asked.context.directory.la,
        "la": asked.form.get("la", ""),
        "largest": LARGEST // 1024 // 1024,
        "at": at,
        "error": error,
        "errors": [{"text": error, "href": f"#{at}"}] if error else [],
    }
    return Page("sen2.html", values, 400 if error else 200)
