"""Lists as files: CSV and Excel. A cell that begins like a formula is text; the file says what it shows and when."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from sqlalchemy import select

from casework.context import AppContext, instant
from casework.privacy.case_looks import note_looks
from casework.reports.withheld import may_be_named, withheld_words
from models.database import reading
from models.tables import CHECKPOINT
from web.answers import File
from web.asked import Asked
from web.guards import readable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class Column(NamedTuple):
    """A heading and the name of the value under it."""

    heading: str
    name: str


class Sheet(NamedTuple):
    """A list to store: the file's name, what it shows, its columns and rows, and how many were left out before."""

    name: str
    shows: str
    columns: Sequence[Column]
    rows: Iterable[Any]
    left_out: int = 0


def as_file(asked: Asked, sheet: Sheet, kind: str) -> File:
    """The list as CSV or as an Excel workbook. A look at each case in it is logged, as it leaves the pages."""
    context = asked.context
    rows, left_out = may_be_named(context, sheet.rows)
    sheet = sheet._replace(rows=rows)
    note_looks(context, (row.case_ref for row in sheet.rows if hasattr(row, "case_ref")), asked.account, "export")
    head = [[text] for text in _about(context, sheet)]
    if left_out + sheet.left_out:
        head.append([withheld_words(left_out + sheet.left_out)])
    table = [[column.heading for column in sheet.columns]]
    table += [[getattr(row, column.name) for column in sheet.columns] for row in sheet.rows]
    if kind == "csv":
        return File(f"{sheet.name}.csv", "text/csv; charset=utf-8", _csv([*head, [], *table]))
    return File(f"{sheet.name}.xlsx", XLSX, workbook([*head, [], *table], len(head) + 2))


def safe(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value.isoformat() if isinstance(value, date) else value


def _about(context: AppContext, sheet: Sheet) -> list[str]:
    with reading(context.engine) as connection:
        newest = connection.execute(select(CHECKPOINT).order_by(CHECKPOINT.c.before.desc()).limit(1)).first()
    head = f"Head of the ledger at {newest.before}: {newest.head}" if newest is not None else "No head is published yet"
    return [
        f"sendflow: {sheet.shows}",
        f"Made at {instant(context.now())} (UTC)",
        head,
        *([context.simulation_notice] if context.simulation_notice else []),
    ]


def _csv(rows: Iterable[Sequence[Any]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([safe(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def workbook(rows: Iterable[Sequence[Any]], heading: int) -> bytes:
    """Rows as an Excel workbook; row `heading` has the headings. No text becomes a formula."""
    from openpyxl import Workbook  # its import takes half a second, and few pages need it
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Workbook()
    page = book.active
    for number, row in enumerate(rows, 1):
        for place, value in enumerate(row, 1):
            cell = page.cell(number, place, readable(value) if isinstance(value, str) else value)
            if isinstance(value, str):
                cell.data_type = "s"  # openpyxl writes a text that begins with = as a formula
    for cell in page[heading]:
        cell.font = Font(bold=True)
    for place in range(1, page.max_column + 1):
        page.column_dimensions[get_column_letter(place)].width = 22
    page.freeze_panes = page.cell(heading + 1, 1)
    stored = io.BytesIO()
    book.save(stored)
    return stored.getvalue()
