"""`sendflow register`: the sheet of a register of today, or a list of a time such as what panels did."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json, parse_day
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from casework.context import AppContext
    from casework.reports.period_lists.shape import Listed, PeriodList, Wanted

MOST_DAYS = 3660


class _Files(NamedTuple):
    """The files that a list is also written to."""

    csv: Path | None
    xlsx: Path | None

    def write(self, table: Sequence[Sequence[Any]]) -> None:
        """Write the rows, of which the first has the headings. Ends the command where a file cannot be written."""
        from casework.reports.table_files import csv_bytes, workbook

        for path, made in ((self.csv, csv_bytes), (self.xlsx, lambda rows: workbook(rows, 1))):
            if path is None:
                continue
            try:
                write_for_person(path, made(table))
            except OSError as problem:
                fail(
                    Exit.NOT_FINISHED,
                    f"The file was not written ({problem.strerror}). Name a folder that exists and that you may write"
                    " to",
                )
            notify(f"Wrote {len(table) - 1} rows.")


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("register")(sheet)


def sheet(  # noqa: PLR0913 (Typer maps each parameter to an option)
    name: Annotated[str | None, typer.Argument(help="Which register. Default: list the registers.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Of a list of a time: the first day.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The last day. Default: today, and a year before it.")] = None,
    by: Annotated[str, typer.Option("--by", help="Count for the whole time, or by month or quarter.")] = "whole",
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="Days to come, of a list of them.")] = 90,
    la: Annotated[str, typer.Option("--la", help="Of this authority only, of a list of a time.")] = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write the rows to this CSV file.")] = None,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="Also write the rows to this Excel workbook.")] = None,
    json_: Json = False,
) -> None:
    """Show the sheet of a register, or a list of a time: panels, approvals of packages, what of packages ends."""
    from casework.reports.period_lists.all import LISTS
    from casework.reports.period_lists.shape import By
    from casework.reports.registers import sheets

    if name is None:
        own = {each: made.title for each, made in sheets(open_installation("register")).items()}
        known = own | {each: made.title for each, made in LISTS.items()}
        emit(known, json_, lambda: "\n".join(f"{each}  {title}" for each, title in known.items()))
        return
    files = _Files(csv, xlsx)
    if name not in LISTS:
        _sheet_of_today(open_installation("register"), name, files, json_)
        return
    if by not in list(By):
        fail(Exit.WRONG_CALL, f"--by expects one of {', '.join(By)}: for example --by quarter")
    context = open_installation("register")
    if la and la not in context.directory.la:
        fail(Exit.WRONG_CALL, f"--la is not in the directory: expected one of {', '.join(context.directory.la)}")
    wanted = _wanted(context, (from_, to), by=By(by), days=days, la=la)
    _list_of_a_time(context, LISTS[name], wanted, files, json_)


def _wanted(context: AppContext, time: tuple[str | None, str | None], **others: Any) -> Wanted:
    from casework.context import london_day
    from casework.reports.period_lists.shape import Wanted

    first, last = parse_day(time[0], "--from"), parse_day(time[1], "--to")
    wanted = Wanted.of(london_day(context.now()), first, last, **others)
    if not 0 <= (wanted.to_on - wanted.from_on).days < MOST_DAYS:
        fail(
            Exit.WRONG_CALL, "--to is the day of --from or later, ten years at most: --from 2026-04-01 --to 2026-06-30"
        )
    return wanted


def _sheet_of_today(context: AppContext, name: str, files: _Files, json_: bool) -> None:
    from casework.context import london_day
    from casework.reports.period_lists.all import LISTS
    from casework.reports.registers import UnknownRegister
    from casework.reports.registers import register as sheet_of
    from casework.reports.withheld import withheld_words

    try:
        found = sheet_of(context, name, london_day(context.now()))
    except UnknownRegister as problem:
        fail(Exit.WRONG_CALL, f"{str(problem).rstrip('.')}, {', '.join(LISTS)}.")
    log_look(context, [row.case_ref for row in found.rows], "register")
    said = [
        f"{row.case_ref}  "
        + "; ".join(f"{found.columns[key].lower()}: {text}" for key, text in row.cells.items() if text)
        for row in found.rows
    ]
    said += [withheld_words(found.not_named)] if found.not_named else []
    rows = [[row.case_ref, *(row.cells[key] for key in found.columns)] for row in found.rows]
    files.write([["Case", *found.columns.values()], *rows])
    emit(
        found.model_dump(mode="json"),
        json_,
        lambda: "\n".join([found.title, *said] if said else [f"{found.title}: none."]),
    )


def _list_of_a_time(context: AppContext, made: PeriodList, wanted: Wanted, files: _Files, json_: bool) -> None:
    from casework.reports.withheld import withheld_words

    listed = made.rows(context, wanted)
    log_look(context, [ref for row in listed.rows if (ref := getattr(row, "case_ref", None))], "register")
    if listed.not_named:
        notify(withheld_words(listed.not_named))
    files.write([[column.heading for column in made.columns], *(made.cells(row) for row in listed.rows)])
    document = {
        "name": made.name,
        **wanted.model_dump(mode="json", exclude={"today"}),
        "rows": [row.model_dump(mode="json") for row in listed.rows],
        "not_named": listed.not_named,
    }
    emit(document, json_, lambda: _text(made, listed, wanted))


def _text(made: PeriodList, listed: Listed, wanted: Wanted) -> str:
    when = f"from {wanted.from_on} to {wanted.to_on}" if made.by_period else f"in the next {wanted.days} days"
    if not listed.rows:
        return f"{made.title}: nothing {when}."
    blocks = []
    for row in listed.rows:
        said = zip((column.heading for column in made.columns), made.words(row), strict=True)
        blocks.append("\n".join(f"{heading}: {words}" for heading, words in said if words not in ("", "-")))
    return "\n\n".join(blocks)
