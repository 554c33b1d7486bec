"""`sendflow ladder`: what a case will send to whom on which day, and whether the policy can do what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.looks import log_look
from cli.options import Json
from cli.output import Exit, emit, fail

if TYPE_CHECKING:
    from casework.context import AppContext
    from casework.delivery.ladder import Ladder

EXAMPLE = "Example: sendflow ladder NX00042, or sendflow ladder --check"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("ladder")(ladder)


def ladder(
    case: Annotated[str | None, typer.Argument(metavar="[CASE]", help="The case's reference.")] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Check every role and step: who has no mailbox, and which letter never leaves."),
    ] = False,
    json_: Json = False,
) -> None:
    """What a case will send to whom on which day, if nothing is recorded until then.

    With --check the exit code is 1 if a letter would reach nobody, or a step never sends one.
    """
    from casework.delivery.ladder import ladder as run_ahead
    from casework.delivery.ladder_check import check as problems
    from models.errors import NoSuchCase

    if check == (case is not None):
        fail(Exit.WRONG_CALL, f"Expected a case, or --check without one. {EXAMPLE}")
    context = open_installation("ladder")
    if case is None:
        found = problems(context)
        text = "\n".join(f"{each.message}. To fix it: {each.fix}" for each in found)
        emit([each.model_dump(mode="json") for each in found], json_, lambda: text or "Every letter can leave.")
        if found:
            raise typer.Exit(Exit.REFUSED)
        return
    try:
        ahead = run_ahead(context, case)
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    log_look(context, [ahead.case_ref], "ladder")
    emit(ahead.model_dump(mode="json"), json_, lambda: _in_words(context, ahead))


def _in_words(context: AppContext, ahead: Ladder) -> str:
    from cli.formatting import marked
    from config.step_words import step_name
    from config.text import full_weekday

    if not ahead.steps:
        return marked(context, f"{ahead.case_ref}: no e-mail will leave if nothing is recorded.")
    lines = [f"{ahead.case_ref}: what will leave if nothing is recorded, from {full_weekday(ahead.as_at)}:"]
    for each in ahead.steps:
        service = f", {context.directory.service_name(each.service)}" if each.service else ""
        named = step_name(each.rung, context.escalation_policy)
        lines.append(
            f"{each.on}  {named}  to the {each.recipient.replace('_', ' ')}{service}"
            f"  {each.mailbox or 'NO ADDRESS: nobody gets it'}"
        )
    lines.append(
        "After that nothing leaves."
        if ahead.complete
        else f"Looked at up to {full_weekday(ahead.until)}; more follows."
    )
    return marked(context, "\n".join(lines))
