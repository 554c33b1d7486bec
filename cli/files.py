"""`sendflow files`: the team's own directory, escalation policy and tracker columns, one for all machines."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail
from config.text import short_day

if TYPE_CHECKING:
    from casework.rules.shared_files import Held

EXAMPLE = "Example: sendflow files use directory.toml --from ./new.toml --actor dco.team"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("files")(files)


def files(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[use FILE]", help="Put another text in force. Default: list all.")
    ] = None,
    source: Annotated[Path | None, typer.Option("--from", metavar="PATH", help="The text to put in force.")] = None,
    shipped: Annotated[bool, typer.Option("--shipped", help="No file of your own: what sendflow ships.")] = False,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List what directory.toml, ladder.toml and tracker.toml were, the newest first; or put another text in force.

    They are one for all machines of a database. A file that was edited by hand is recorded by the next act. `use` also
    puts a text in force again that was in force before.
    """
    given = arguments or []
    if given:
        _use(given, source, shipped, actor, json_)
        return
    if source is not None or shipped or actor is not None:
        fail(Exit.WRONG_CALL, f"--from, --shipped and --actor go with use. {EXAMPLE}")
    from casework.own_file_changes import history
    from casework.rules.shared_files import FILES

    context = open_installation("files")
    rows = [row for kind in FILES for row in history(context, kind)]
    lines = "\n".join(map(_line, rows)) or "Nothing is recorded yet: the first act records the files in use."
    emit([row._asdict() for row in rows], json_, lambda: lines)


def _use(given: list[str], source: Path | None, shipped: bool, actor: str | None, json_: bool) -> None:
    from casework.cases.fact_form import Refused
    from casework.own_file_changes import Change, WrongChange, put_in_force
    from casework.rules.shared_files import FILES
    from config.toml_reader import ConfigFault, read_text

    if given[0] != "use" or len(given) != 2 or actor is None:
        fail(Exit.WRONG_CALL, f"Expected use, the name of a file, and --actor. {EXAMPLE}")
    by = check_actor(actor)
    kind = next((kind for kind, file in FILES.items() if file == given[1]), None)
    if kind is None or (source is None) is not shipped:
        names = ", ".join(FILES.values())
        fail(Exit.WRONG_CALL, f"Expected one of {names}, and either --from PATH or --shipped. {EXAMPLE}")
    if source is not None and not source.is_file():
        fail(Exit.WRONG_CALL, f"There is no file at --from {source}: give the file that has the text. {EXAMPLE}")
    context = open_installation("files", access=Access.CHANGES)
    try:
        text = read_text(source) if source is not None else None
        put_in_force(context, Change(kind, text, by, "files"))
    except Refused as refused:
        fail(Exit.REFUSED, refused.message)
    except (WrongChange, ConfigFault) as problem:
        fail(Exit.REFUSED, f"Nothing was changed: {problem}")
    document = {"file": given[1], "shipped": shipped}
    emit(document, json_, lambda: f"{given[1]} is recorded and in force, for every machine.")


def _line(row: Held) -> str:
    from casework.rules.shared_files import FILES

    whose = "as shipped" if row.name != FILES[row.kind] else "the team's own"
    at = f"{short_day(date.fromisoformat(row.at[:10]))} {row.at[11:16]} UTC"
    return (
        f"{FILES[row.kind]} number {row.number}: {whose}, since {at}, by {row.actor} ({row.via}) on machine"
        f" {row.machine}, digest {row.digest[:16]}"
    )
