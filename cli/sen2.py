"""`sendflow sen2`: compares a council's person-level SEN2 extract with the cases. It records nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json, refuse_identifier
from cli.output import Exit, emit, fail
from config.text import counted

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.imports.sen2 import Sen2Report

SHOWN = 100


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sen2")(sen2)


def sen2(
    file: Annotated[Path, typer.Argument(help="The extract: CSV, Excel (.xlsx) or the XML of the return.")],
    la: Annotated[str, typer.Option("--la", help="The authority whose extract it is, for example northshire.")],
    json_: Json = False,
) -> None:
    """Compare a council's SEN2 extract with the cases, and list the differences case by case. It records nothing."""
    from casework.imports.raw_rows import SheetError
    from casework.imports.sen2 import compare_sen2
    from casework.imports.sheet import read_content

    refuse_identifier(file.name, "The file's name", "Nothing was read: give the file another name")
    context = open_installation("sen2")
    if la not in context.directory.la:
        fail(Exit.WRONG_CALL, f"There is no authority of that name: expected one of {', '.join(context.directory.la)}.")
    try:
        found = compare_sen2(context, read_content(file), la)
    except SheetError as problem:
        fail(Exit(problem.exit_code), f"Nothing was compared: {problem.sentence}.")
    log_look(context, [each.case_ref for each in found.differing], "sen2")
    emit(found.model_dump(mode="json"), json_, lambda: _said(context, found))
    if found.differing or found.unclear or found.not_here or found.not_in_file:
        raise typer.Exit(Exit.REFUSED)


def _said(context: AppContext, found: Sen2Report) -> str:
    lines = [
        f"{counted(found.requests, 'request')} of {context.directory.la_name(found.la)}: {found.matched} with a case"
        f" here, {found.same} the same, {len(found.differing)} with differences."
    ]
    for each in found.differing[:SHOWN]:
        lines.append(f"{each.case_ref} (line {each.line}):")
        lines += [
            f"  {one.what}: the council has {one.council or 'nothing'}, the record has {one.record or 'nothing'}"
            for one in each.differences
        ]
    if len(found.differing) > SHOWN:
        lines.append(f"And {len(found.differing) - SHOWN} more cases: --json lists them.")
    lines += [f"line {each.line}: {each.item} could not be read: {each.expected}" for each in found.unclear[:SHOWN]]
    if found.not_here:
        lines.append(f"Requests without a case here: lines {', '.join(map(str, found.not_here[:SHOWN]))}.")
    if found.not_in_file:
        lines.append(f"Cases that the extract does not have: {', '.join(found.not_in_file[:SHOWN])}.")
    return "\n".join(lines)
