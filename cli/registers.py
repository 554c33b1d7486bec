"""`sendflow register`: one list of the registers: of today, of a time such as what panels did, or of days to come."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json, parse_day
from cli.output import Exit, emit, fail, notify
from config.files import write_for_person
from config.text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from casework.context import AppContext
    from casework.reports.registers.shape import Listed, RegisterList, Wanted

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
    app.command("register")(shown)


def shown(  # noqa: PLR0913 (Typer maps each parameter to an option)
    name: Annotated[str | None, typer.Argument(help="Which register. Default: list the registers.")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="Of a list of a time: the first day.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="The last day. Default: today, and a year before it.")] = None,
    by: Annotated[str, typer.Option("--by", help="Count for the whole time, or by month or quarter.")] = "whole",
    days: Annotated[int, typer.Option("--days", min=1, max=MOST_DAYS, help="Days to come, of a list of them.")] = 90,
    la: Annotated[str, typer.Option("--la", help="Of this authority only, where the list has authorities.")] = "",
    csv: Annotated[Path | None, typer.Option("--csv", help="Also write the rows to this CSV file.")] = None,
    xlsx: Annotated[Path | None, typer.Option("--xlsx", help="Also write the rows to this Excel workbook.")] = None,
    json_: Json = False,
) -> None:
    """Show one list: who or what is in a register, what panels did, approvals of packages, what of packages ends."""
    from casework.reports.registers.all import UnknownRegister, registers
    from casework.reports.registers.all import register as named
    from casework.reports.registers.shape import By

    context = open_installation("register")
    if name is None:
        known = {each: made.title for each, made in registers(context).items()}
        emit(known, json_, lambda: "\n".join(f"{each}  {title}" for each, title in known.items()))
        return
    try:
        made = named(context, name)
    except UnknownRegister as problem:
        fail(Exit.WRONG_CALL, str(problem))
    if by not in list(By):
        fail(Exit.WRONG_CALL, f"--by expects one of {', '.join(By)}: for example --by quarter")
    if la and not made.by_authority:
        fail(Exit.WRONG_CALL, f"The list {name} has no authorities: leave out --la")
    if la and la not in context.directory.la:
        fail(Exit.WRONG_CALL, f"--la is not in the directory: expected one of {', '.join(context.directory.la)}")
    wanted = _wanted(context, (from_, to), by=By(by), days=days, la=la)
    _list(context, made, wanted, _Files(csv, xlsx), json_)


def _wanted(context: AppContext, time: tuple[str | None, str | None], **others: Any) -> Wanted:
    from casework.context import london_day
    from casework.reports.registers.shape import Wanted

    first, last = parse_day(time[0], "--from"), parse_day(time[1], "--to")
    wanted = Wanted.of(london_day(context.now()), first, last, **others)
    if not 0 <= (wanted.to_on - wanted.from_on).days < MOST_DAYS:
        fail(
            Exit.WRONG_CALL, "--to is the day of --from or later, ten years at most: --from 2026-04-01 --to 2026-06-30"
        )
    return wanted


def _list(context: AppContext, made: RegisterList, wanted: Wanted, files: _Files, json_: bool) -> None:
    from casework.reports.withheld import withheld_words

    listed = made.rows(context, wanted)
    log_look(context, [ref for row in listed.rows if (ref := getattr(row, "case_ref", None))], "register")
    if listed.not_named:
        notify(withheld_words(listed.not_named))
    files.write([[column.heading for column in made.columns], *(made.cells(row) for row in listed.rows)])
    emit(made.document(listed, wanted), json_, lambda: _text(made, listed, wanted))


def _text(made: RegisterList, listed: Listed, wanted: Wanted) -> str:
    if not listed.rows:
        return f"{made.title}: nothing {made.when(wanted)}."
    blocks = [f"{made.title} {made.when(wanted)}: {counted(len(listed.rows), 'row')}."]
    for row in listed.rows:
        said = zip((column.heading for column in made.columns), made.words(row), strict=True)
        blocks.append("\n".join(f"{heading}: {words}" for heading, words in said if words))
    return "\n\n".join(blocks)
