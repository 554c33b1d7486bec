"""`sendflow transitions`: who reaches an age with a step to adult services missing."""

from __future__ import annotations

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json
from cli.output import emit


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("transitions")(transitions)


def transitions(json_: Json = False) -> None:
    """List the young people of 14, 16, 17, 17 and a half and 18 with the steps to adult services that are missing."""
    from casework.context import london_day
    from casework.reports.registers.shape import Wanted
    from casework.reports.registers.transitions import transitions as listed
    from casework.reports.withheld import withheld_words

    context = open_installation("transitions")
    as_at = london_day(context.now())
    rows, hidden = listed(context, Wanted.of(as_at))
    log_look(context, [row.case_ref for row in rows], "transitions")
    said = [f"{row.case_ref}  {row.reached}: {'; '.join(row.missing)}" for row in rows]
    said += [withheld_words(hidden)] if hidden else []
    emit(
        {"as_at": as_at.isoformat(), "rows": [row.model_dump() for row in rows], "not_named": hidden},
        json_,
        lambda: "\n".join(said) or "No step to adult services is missing.",
    )
