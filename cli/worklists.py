"""`sendflow sweep`, `overdue`, `week`: look at every duty, and read what is late or soon will be."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.cases import Json, day_of
from cli.output import Exit, counted, emit, fail, tell

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.reports.worklists import BoardRow


class By(StrEnum):
    """How a board may be gathered."""

    BODY = "body"
    LA = "la"


Gathered = Annotated[By | None, typer.Option("--by", help="Gather the rows by body or by local authority.")]
Workbook = Annotated[Path | None, typer.Option("--xlsx", help="Write the rows to this Excel workbook as well.")]
AsAt = Annotated[str | None, typer.Option("--as-at", help="The day to look from; today unless said.")]


def register(app: typer.Typer) -> None:
    """Add these commands to the program."""
    app.command("sweep")(sweep)
    app.command("overdue")(overdue)
    app.command("week")(week)


def sweep(
    as_at: AsAt = None,
    workers: Annotated[
        int,
        typer.Option("--workers", min=0, max=99, help="Share it among so many runs of the work pool's workers first."),
    ] = 0,
    json_: Json = False,
) -> None:
    """Look at every duty whose day has come, and write what has become true: reminders, breaches, escalations."""
    from casework.context import AppContext
    from casework.sweep import WrongDay
    from flows.jobs import run_job

    day = day_of(as_at, "--as-at")
    context = AppContext.load()
    if workers and (day or context.today()) <= context.today():
        from flows.work_pool import NoPool, share

        try:
            share(context, day or context.today(), workers, tell)
        except NoPool as problem:
            tell(f"The sweep is not shared, and is done here: {problem}.")
    try:
        done = run_job("sweep", context, as_at=day or context.today(), say=tell)
    except WrongDay as problem:
        fail(Exit.WRONG_CALL, str(problem))
    for trouble in done.troubles:
        tell(f"{trouble.case_ref}: {trouble.message}")
    emit(
        done.model_dump(mode="json"),
        json_,
        lambda: (
            f"Swept as at {done.as_at.day} {done.as_at:%B %Y}: {counted(done.cases_looked_at, 'case')} looked at, "
            f"{counted(done.facts_written, 'fact')} and {counted(done.notices_written, 'notice')} written."
            + (f" Next day with something to say: {done.look_next.isoformat()}." if done.look_next else "")
        ),
    )
    if done.troubles:
        raise typer.Exit(Exit.REFUSED)


def overdue(by: Gathered = None, xlsx: Workbook = None, json_: Json = False) -> None:
    """Every duty that is past its due date and neither met, ended nor excused; the latest first."""
    from casework.reports.worklists import overdue as read

    _show(read, "late", by, xlsx, json_)


def week(by: Gathered = None, xlsx: Workbook = None, json_: Json = False) -> None:
    """Every duty that falls due within seven days; the soonest first."""
    from casework.reports.worklists import week as read

    _show(read, "left", by, xlsx, json_)


def _show(
    read: Callable[[AppContext, date], list[BoardRow]], what: str, by: By | None, xlsx: Path | None, json_: bool
) -> None:
    from casework.context import AppContext
    from casework.reports.worklists import grouped
    from cli.formatting import board

    context = AppContext.load()
    rows = read(context, context.today())
    if xlsx is not None:
        _workbook(xlsx, rows, what)
    gathered = grouped(context, rows, by.value) if by else None
    document: Any = [each.model_dump(mode="json") for each in (gathered if gathered is not None else rows)]
    emit(document, json_, lambda: board(context, rows, gathered, what))


def _workbook(path: Path, rows: list[BoardRow], what: str) -> None:
    from openpyxl import Workbook as Book
    from openpyxl.styles import Font

    book = Book()
    sheet = book.active
    sheet.title = "Overdue" if what == "late" else "Due this week"
    columns = [
        "case_ref",
        "la_reference",
        "la",
        "duty_on",
        "body",
        "body_name",
        "service",
        "action",
        "rule",
        "started_on",
        "due",
        "act_by",
        "days",
    ]
    sheet.append([column.replace("_", " ").capitalize() for column in columns[:-1]] + [f"Days {what}"])
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append([getattr(row, column) for column in columns])
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions
    for column, width in zip("ABCDEFGHIJKLM", (12, 14, 14, 12, 10, 34, 28, 40, 30, 12, 12, 12, 10), strict=True):
        sheet.column_dimensions[column].width = width
    try:
        book.save(path)
    except OSError as problem:
        fail(
            Exit.NOT_FINISHED,
            f"the workbook cannot be written there ({problem.strerror}): name a folder that exists and may be"
            " written to",
        )
    tell(f"Wrote {len(rows)} rows to the workbook.")
