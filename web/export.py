"""Lists as files: CSV and Excel. The file says what it shows and when."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from pydantic import BaseModel
from sqlalchemy import select

from casework.context import AppContext, instant
from casework.privacy.case_looks import note_looks
from casework.reports.table_files import Column, csv_bytes, workbook
from casework.reports.withheld import may_be_named, withheld_words
from models.database import reading
from models.tables import CHECKPOINT
from web import labels
from web.answers import File
from web.asked import Asked

__all__ = ["XLSX", "Column", "Sheet", "as_file", "filter_words"]
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


# What a list has as a code, for programs: its name is in a column of its own beside it, for people.
NAMED = {
    "la": "Name of the authority",
    "body": "Name of the body",
    "service": "Name of the service",
    "process": "Name of the process",
    "kind": "Fact in words",
}


class Sheet(NamedTuple):
    """A list to store: the file's name, what it shows, its columns and rows, and how many were left out before.

    `cells`: the values of a row, where they are not those under the names of the columns.
    """

    name: str
    shows: str
    columns: Sequence[Column]
    rows: Iterable[Any]
    left_out: int = 0
    cells: Callable[[Any], Sequence[Any]] | None = None


def filter_words(wanted: BaseModel, *without: str) -> str:
    """What a list was filtered by, in words; "none" where it shows all."""
    given = {name: value for name, value in wanted if value and name not in without}
    return ", ".join(f"{labels.field(name)} {labels.words(value)}" for name, value in given.items()) or "none"


def as_file(asked: Asked, sheet: Sheet, kind: str) -> File:
    """The list as CSV or as an Excel workbook. A look at each case in it is logged, as it leaves the pages."""
    context = asked.context
    rows, left_out = may_be_named(context, sheet.rows)
    sheet = sheet._replace(rows=rows)
    note_looks(context, (row.case_ref for row in sheet.rows if hasattr(row, "case_ref")), asked.account, "export")
    head = [[text] for text in _about(context, sheet)]
    if left_out + sheet.left_out:
        head.append([withheld_words(left_out + sheet.left_out)])
    table = _table(context, sheet)
    if kind == "csv":
        return File(f"{sheet.name}.csv", "text/csv; charset=utf-8", csv_bytes([*head, [], *table]))
    return File(f"{sheet.name}.xlsx", XLSX, workbook([*head, [], *table], len(head) + 2))


def _table(context: AppContext, sheet: Sheet) -> list[list[Any]]:
    """The headings and the rows, with the name of each code beside it."""
    if sheet.cells is not None:
        return [[column.heading for column in sheet.columns], *(list(sheet.cells(row)) for row in sheet.rows)]
    directory, table = context.directory, [list[Any]()]
    said: dict[str, Callable[[str], str]] = {
        "la": directory.la_name,
        "body": lambda code: directory.body_names.get(code, code),
        "service": directory.service_name,
        "process": lambda name: context.processes[name].title,
        "kind": labels.fact,
    }
    for column in sheet.columns:
        table[0] += [column.heading, *([NAMED[column.name]] if column.name in NAMED else [])]
    for row in sheet.rows:
        cells: list[Any] = []
        for column in sheet.columns:
            value = getattr(row, column.name)
            cells.append(value)
            if column.name in NAMED:
                cells.append(said[column.name](value) if value else "")
        table.append(cells)
    return table


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
