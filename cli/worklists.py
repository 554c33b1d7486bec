"""`sendflow overdue` and `due-soon`: the worklists of duties that are late or fall due within seven days."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person

if TYPE_CHECKING:
    from datetime import date

    from casework.context import AppContext
    from casework.reports.worklists import BoardRow

# Column of the workbook -> width in characters.
COLUMNS = {
    "case_ref": 12,
    "la_reference": 14,
    "la": 14,
    "duty_on": 12,
    "body": 10,
    "body_name": 34,
    "service": 28,
    "action": 40,
    "rule": 30,
    "started_on": 12,
    "due": 12,
    "act_by": 12,
    "days": 10,
}


class By(StrEnum):
    """How the rows may be grouped."""

    BODY = "body"
    SUCCESSOR = "successor"
    LA = "la"


GroupBy = Annotated[
    By | None,
    typer.Option(
        "--by", help="Group the rows by body, by the body that has its duties today (successor), or by authority (la)."
    ),
]
Workbook = Annotated[Path | None, typer.Option("--xlsx", help="Also write the rows to this Excel workbook.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("overdue")(overdue)
    app.command("due-soon")(due_soon)


def overdue(by: GroupBy = None, xlsx: Workbook = None, json_: Json = False) -> None:
    """List every duty that is past its due date and not met, ended or excused; the most overdue first."""
    from casework.reports.worklists import overdue as read

    _show(read, "overdue", "late", by, xlsx, json_)


def due_soon(by: GroupBy = None, xlsx: Workbook = None, json_: Json = False) -> None:
    """List every duty that falls due within seven days; the earliest first."""
    from casework.reports.worklists import week as read

    _show(read, "due-soon", "left", by, xlsx, json_)


def _show(
    read: Callable[[AppContext, date], list[BoardRow]],
    command: str,
    label: str,
    by: By | None,
    xlsx: Path | None,
    json_: bool,
) -> None:
    from casework.findings import notice
    from casework.reports.withheld import may_be_named, withheld_words
    from casework.reports.worklists import count_cases, grouped

    context = open_installation(command)
    rows = read(context, context.today())
    altered = notice(context)
    if altered and (json_ or xlsx is not None):
        notify(altered)
    if xlsx is not None:
        named, left_out = may_be_named(context, rows)
        log_look(context, [row.case_ref for row in named], command)
        if left_out:
            notify(withheld_words(left_out))
        _write_workbook(xlsx, named, label, _marks(altered is not None, context.simulated))
    groups = grouped(context, rows, by.value) if by else None
    document: Any = [each.model_dump(mode="json") for each in (groups if groups is not None else rows)]

    def text() -> str:
        from cli.formatting import board, marked

        return marked(context, board(context, rows, groups, label, count_cases(context)))

    emit(document, json_, text)


def _marks(altered: bool, simulated: bool) -> str:
    return "".join(f" ({mark})" for mark, is_so in (("ALTERED", altered), ("SIMULATION", simulated)) if is_so)


def _write_workbook(path: Path, rows: list[BoardRow], label: str, marks: str) -> None:
    from openpyxl import Workbook as Book
    from openpyxl.styles import Font
    from openpyxl.utils import get_column_letter

    book = Book()
    sheet = book.active
    sheet.title = ("Overdue" if label == "late" else "Due this week") + marks
    sheet.append([column.replace("_", " ").capitalize() for column in COLUMNS if column != "days"] + [f"Days {label}"])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append([getattr(row, column) for column in COLUMNS])
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    for number, width in enumerate(COLUMNS.values(), 1):
        sheet.column_dimensions[get_column_letter(number)].width = width
    raw = BytesIO()
    book.save(raw)
    try:
        write_for_person(path, raw.getvalue())
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"The workbook was not written ({problem.strerror}). Name a folder that exists and that you may write to",
        )
    notify(f"Wrote {len(rows)} rows to the workbook.")
