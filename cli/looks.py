"""A command that shows a case is a look at it, as a page is: it is in the log of looks, with this machine's account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.options import machine_account
from cli.output import notify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from casework.context import AppContext

NOT_LOGGED = (
    "This look is not in the log of looks, because the records cannot be written here or are of another revision"
)


def log_look(context: AppContext, case_refs: Iterable[str], what: str) -> None:
    """Log a look at these cases before they are shown. `what` is the command; a replay is one of its own."""
    from casework.privacy.case_looks import note_look_of_a_command

    if not note_look_of_a_command(context, case_refs, machine_account(), f"command {what}"):
        notify(NOT_LOGGED)
