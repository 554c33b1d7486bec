"""`sendflow law-watch`: lists what of the law may change with its last check, and records a check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.law_watch import Watched

EXAMPLE = "for example sendflow law-watch check send_regulations --found unchanged --actor dco.team"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("law-watch")(law_watch)


def law_watch(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[check ID]", help="Record a check of one. Default: list all.")
    ] = None,
    found: Annotated[
        str | None, typer.Option("--found", metavar="WORD", help="What you found: unchanged, or changed.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who checked.")] = None,
    json_: Json = False,
) -> None:
    """List what of the law may change, who last checked each and when; or record a check in the name of a person.

    The exit code of the list is 1 if one was not checked for 60 days.
    """
    from casework.law_watch import WrongCheck, record_check, watched

    given = arguments or []
    if not given:
        if found is not None or actor is not None:
            fail(Exit.WRONG_CALL, f"--found and --actor go with check: {EXAMPLE}")
        shown = watched(open_installation("law-watch"))
        emit([each.model_dump(mode="json") for each in shown], json_, lambda: "\n".join(map(_text, shown)))
        if any(each.due for each in shown):
            raise typer.Exit(Exit.REFUSED)
        return
    if given[0] != "check" or len(given) != 2 or found is None or actor is None:
        fail(Exit.WRONG_CALL, f"Expected check with an id, --found and --actor: {EXAMPLE}")
    by = check_actor(actor)
    try:
        done = record_check(open_installation("law-watch", access=Access.CHANGES), given[1], found, by)
    except WrongCheck as problem:
        fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    emit(done.model_dump(mode="json"), json_, lambda: f"Recorded. {_text(done)}")


def _text(each: Watched) -> str:
    last = f"{each.last.found}, {each.last.at[:10]} by {each.last.actor}" if each.last else "never checked"
    rules = f"\n    Rules: {', '.join(each.rules)}" if each.rules else ""
    due = " [to be checked]" if each.due else ""
    return f"{each.id}: {last}{due}\n    {each.title}\n    {each.source}{rules}"
