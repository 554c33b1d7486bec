"""Doubt the days of a column in which one cell has the month first. Pure.

Purpose: 03/16/2026 proves that its writer puts the month first. Then 03/05/2026 beside it is 5 March, not 3 May. A
spreadsheet may also have turned it into the date of 3 May, and left 03/16/2026 as text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from casework.imports.cells import EXAMPLE, Doubt, either_order, month_first
from casework.imports.sheet import SheetRow
from config.tracker_columns import ANSWER, DAYS

DOUBTED_BY = re.compile(r"line (\d{1,7}) of this column has the month first")
Proofs = Mapping[tuple[int, str], int]


def doubt_orders(rows: Sequence[SheetRow]) -> list[SheetRow]:
    """Give the rows, with a doubt for each cell whose neighbours prove that it may be read the other way round."""
    proofs = _proofs(rows)
    return [_doubted(row, proofs) for row in rows] if proofs else list(rows)


def _proofs(rows: Iterable[SheetRow]) -> Proofs:
    """The first line that proves the month to come first, by sheet and column."""
    found: dict[tuple[int, str], int] = {}
    for row in rows:
        for column, cell in row.cells.items():
            if _has_days(column) and month_first(cell):
                found.setdefault((row.sheet, column), row.line)
    return found


def _doubted(row: SheetRow, proofs: Proofs) -> SheetRow:
    doubts = [
        (column, _doubt(proofs[row.sheet, column]))
        for column, cell in row.cells.items()
        if (row.sheet, column) in proofs and either_order(cell)
    ]
    return row._replace(doubts=(*row.doubts, *doubts)) if doubts else row


def _has_days(column: str) -> bool:
    return column in DAYS or column == "date_of_birth" or column.startswith(ANSWER)


def line_with_month_first(expected: str) -> int | None:
    """The line that makes a day doubtful, from the words that say so; None where it is not doubtful."""
    found = DOUBTED_BY.match(expected)
    return int(found[1]) if found is not None else None


def _doubt(line: int) -> Doubt:
    text = f"line {line} of this column has the month first, so that this day may be meant the other way round"
    return Doubt("ambiguous_date", f"{text}; write the whole column as day/month/year; {EXAMPLE}")
