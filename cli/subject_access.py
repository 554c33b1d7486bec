"""`sendflow subject-access`: everything that is held on one child, in one folder that a parent can read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import Actor, CaseReference, Json, check_actor
from cli.output import Exit, emit, fail
from config.text import counted


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("subject-access")(subject_access)


def subject_access(
    case: CaseReference,
    actor: Actor,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="A folder that is not there yet.")],
    purpose: Annotated[
        str, typer.Option("--purpose", metavar="WORD", help="Why: a word of purposes.toml.")
    ] = "subject_access",
    json_: Json = False,
) -> None:
    """Write everything that is held on the child of a case into one folder. The access is logged first.

    Words that may name somebody else are marked: a person reads them before they are given away.
    """
    from casework.bundles.subject_access import FolderThere
    from casework.bundles.subject_access import subject_access as write
    from casework.privacy.purposes import WrongPurpose
    from models.errors import NoSuchCase

    check_actor(actor)
    try:
        done = write(open_installation("subject-access"), case, actor, to, purpose)
    except (NoSuchCase, WrongPurpose, FolderThere) as problem:
        fail(Exit.WRONG_CALL, str(problem))
    said = (
        f"{counted(len(done.files), 'file')} about {', '.join(done.cases)} written; begin with index.html."
        f" {counted(done.to_check, 'passage')} to check in words-to-check.html before it is given away."
        f" {counted(done.letters_left_out, 'letter')} about other children, too, left out."
    )
    emit(done.model_dump(mode="json"), json_, lambda: said)
