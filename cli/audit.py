"""`sendflow verify`: proves that the history is unaltered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from cli.installation import open_installation
from cli.options import Json
from cli.output import Exit, emit, fail, notify

if TYPE_CHECKING:
    from audit.verify import VerifyReport
    from casework.context import AppContext


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify")(verify)


def verify(
    case: Annotated[str | None, typer.Argument(help="One case's reference. Default: every case.")] = None,
    json_: Json = False,
) -> None:
    """Prove that the history is unaltered: check hashes, replay every case, compare projections, check triggers.

    What is found is stored until a person closes it: sendflow findings. The exit code is 1 as long as one is open.
    """
    from cli.formatting import verification
    from flows.runner import run_job
    from models.errors import NoSuchCase
    from models.facts import REFERENCE

    reference = case.strip().upper() if case else None
    if reference is not None and not REFERENCE.fullmatch(reference):
        fail(Exit.WRONG_CALL, "A case's reference has capital letters and digits: for example sendflow verify NX00042")
    context = open_installation("verify")
    try:
        found = run_job("verify", context, case=reference, say=notify)
    except NoSuchCase as problem:
        fail(Exit.WRONG_CALL, str(problem))
    if not found.intact and context.read_only:
        found = _store(context, found)
    emit(found.model_dump(mode="json"), json_, lambda: verification(found))
    if not found.intact or found.open:
        raise typer.Exit(Exit.REFUSED)


def _store(context: AppContext, found: VerifyReport) -> VerifyReport:
    """Store what was found if the installation can be written: damage that one person saw must not be forgotten."""
    from sqlalchemy.exc import SQLAlchemyError

    from audit.verify import store_found
    from models.errors import SendflowError

    try:
        stored = store_found(context.settings, found)
    except (SendflowError, SQLAlchemyError, OSError):
        stored = None
    if stored is None:
        notify(
            "The findings are not stored, because this database cannot be written here or is of another revision. Run"
            " sendflow verify where the installation runs, so that every surface says it"
        )
    return stored or found
