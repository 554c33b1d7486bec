"""The refused rows of an import wait for a person: where each is, which field and why, by code, and never a cell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from casework import to_decide
from casework.context import AppContext, instant


class RefusedRow(NamedTuple):
    """One refused row. `reference` is what its own cell says, for the digest by which it is known again.

    `problems` are fields and codes, `cases` stored cases that it is about.
    """

    reference: str
    sheet: int
    line: int
    problems: Sequence[tuple[str, str]]
    cases: Sequence[str]


class RowsRead(NamedTuple):
    """What an import refused, and the keys of the rows that waited for a person until it accepted them."""

    refused: Sequence[RefusedRow]
    settled: Collection[str]


def leave_to_a_person(context: AppContext, connection: Connection, file: str, rows: RowsRead, actor: str) -> None:
    """Store the refused rows of a file (by its digest), and end those of earlier files that it has accepted."""
    at = instant(context.now())
    to_decide.settle(connection, rows.settled, at, actor)
    to_decide.store(connection, [_item(context, file, row) for row in rows.refused], at, actor)


def _item(context: AppContext, file: str, row: RefusedRow) -> to_decide.Item:
    place = f"{file}/{row.sheet}/{row.line}"
    second = any(code == "duplicate_reference" for _field, code in row.problems)
    key = to_decide.row_key(context, "" if second else row.reference, place)
    detail = {"file": file, "sheet": row.sheet, "line": row.line, "problems": row.problems, "cases": row.cases}
    return to_decide.Item(to_decide.REFUSED_ROW, key, detail)
