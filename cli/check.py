"""`sendflow check`: whether every fact, rule, letter, party and column that a configuration file names exists."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import check_named_home
from cli.options import Json
from cli.output import Exit, emit, fail


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check")(check)


def check(
    process: Annotated[
        str | None, typer.Argument(metavar="[PROCESS]", help="Check the files of this process only, such as section23.")
    ] = None,
    json_: Json = False,
) -> None:
    """Check that every word in the law, escalation policy, letters, directory and columns names something.

    Each problem has file, line, key and the nearest right word. The exit code is 1 if there is one.
    """
    from casework.rules.checks.files import SHIPPED, problems
    from config.rule_pack import pointed_at
    from config.settings import Settings
    from models.errors import ConfigurationError
    from notifications.render import RenderError
    from statemachines.registry import processes

    check_named_home()
    settings = Settings.read()
    if process is not None and process not in processes():
        fail(Exit.WRONG_CALL, f"There is no process of that name. Expected one of: {', '.join(processes())}")
    adopted = pointed_at(settings)
    try:
        found = problems((SHIPPED, *([adopted] if adopted is not None else [])), settings.home, process)
    except RenderError as problem:
        fail(Exit.REFUSED, f"A letter cannot be read: {problem}")
    except ConfigurationError as problem:
        fail(Exit.REFUSED, str(problem))
    except ValueError as problem:  # of `define_process`: the sentence names the process
        fail(Exit.REFUSED, f"A state machine and its facts do not agree: {problem}")
    document = [{**each._asdict(), "message": each.sentence} for each in found]
    text = "\n".join(each.sentence for each in found) or "Every fact, rule, letter, party and column exists."
    emit(document, json_, lambda: text)
    if found:
        raise typer.Exit(Exit.REFUSED)
