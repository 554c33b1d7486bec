"""Rows as a CSV file or an Excel workbook. A cell that begins like a formula is text."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, NamedTuple

from config.text import readable

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class Column(NamedTuple):
    """A heading and the name of the value under it. Amounts in whole pence have names that end in _pence."""

    heading: str
    name: str


def safe(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula."""
    if isinstance(value, str) and value.startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else value.isoformat() if isinstance(value, date) else value


def csv_bytes(rows: Iterable[Sequence[Any]]) -> bytes:
    """Rows as CSV in UTF-8 with its mark, as Excel reads it."""
    text = io.StringIO()
    csv.writer(text).writerows([safe(value) for value in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def workbook(rows: Iterable[Sequence[Any]], heading: int) -> bytes:
    """Rows as an Excel workbook; row `heading` has the headings. No text becomes a formula."""
    from openpyxl import Workbook  # its import takes half a second, and few answers need it
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
