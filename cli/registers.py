"""`sendflow register`: the sheet of one of our team's registers."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json
from cli.output import Exit, emit, fail


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("register")(sheet)


def sheet(
    name: Annotated[str | None, typer.Argument(help="Which register. Default: list the registers.")] = None,
    json_: Json = False,
) -> None:
    """Show the sheet of a register: dynamic support, transition, and the others that this lists without a name."""
    from casework.context import london_day
    from casework.reports.registers import SHEETS, UnknownRegister
    from casework.reports.registers import register as sheet_of
    from casework.reports.withheld import withheld_words

    if name is None:
        known = {each: made.title for each, made in SHEETS.items()}
        emit(known, json_, lambda: "\n".join(f"{each}  {title}" for each, title in known.items()))
        return
    context = open_installation("register")
    try:
        found = sheet_of(context, name, london_day(context.now()))
    except UnknownRegister as problem:
        fail(Exit.WRONG_CALL, str(problem))
    log_look(context, [row.case_ref for row in found.rows], "register")
    said = [
        f"{row.case_ref}  "
        + "; ".join(f"{found.columns[key].lower()}: {text}" for key, text in row.cells.items() if text)
        for row in found.rows
    ]
    said += [withheld_words(found.not_named)] if found.not_named else []
    emit(
        found.model_dump(mode="json"),
        json_,
        lambda: "\n".join([found.title, *said] if said else [f"{found.title}: none."]),
    )
