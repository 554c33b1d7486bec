"""`sendflow restore-keys`: the newest data keys are loaded into a restored database, before it opens."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import Json
from cli.output import Exit, emit, fail
from config.text import counted


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("restore-keys")(restore_keys)


def restore_keys(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="keys/data_keys.json beside the backups.")],
    json_: Json = False,
) -> None:
    """Load the newest data keys into a restored database, and erase again who was erased since the backup.

    A restored database does not open before that.
    """
    from casework.context import installation_exists, no_installation
    from casework.privacy.stored_keys import NotTheKeys
    from casework.privacy.stored_keys import restore_keys as restore
    from config.settings import Settings
    from models.errors import NoInstallation

    settings = Settings.read()
    if not installation_exists(settings):
        raise NoInstallation(no_installation(settings))
    try:
        done = restore(settings, file)
    except NotTheKeys as problem:
        fail(Exit.WRONG_CALL, str(problem))
    what = (
        f"{counted(done.persons, 'identity', 'identities')}, {counted(done.passages, 'passage')} of free text and"
        f" {counted(done.mails, 'mail')}"
    )
    said = f"{counted(done.keys, 'data key')} loaded. Erased again, because no key of it is left: {what}."
    emit(done.model_dump(mode="json"), json_, lambda: f"{said} Now run sendflow verify.")
