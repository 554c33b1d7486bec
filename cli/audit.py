"""`sendflow verify`: proves that the history is unaltered."""

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import Json
from cli.output import Exit, emit, fail, notify


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify")(verify)


def verify(
    case: Annotated[str | None, typer.Argument(help="One case's reference. Default: every case.")] = None,
    json_: Json = False,
) -> None:
    """Prove that the history is unaltered: check hashes, replay every case, compare projections, check triggers."""
    from cli.formatting import verification
    from flows.runner import run_job
    from models.facts import REFERENCE

    reference = case.strip().upper() if case else None
    if reference is not None and not REFERENCE.fullmatch(reference):
        fail(Exit.WRONG_CALL, "A case's reference has capital letters and digits: for example sendflow verify NX00042")
    try:
        found = run_job("verify", open_installation("verify"), case=reference, say=notify)
    except LookupError as problem:
        fail(Exit.WRONG_CALL, str(problem.args[0]))
    emit(found.model_dump(mode="json"), json_, lambda: verification(found))
    if not found.intact:
        raise typer.Exit(Exit.REFUSED)
