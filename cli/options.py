"""Options that several commands share, each defined once, and the checks of their values."""

import getpass
import re
from datetime import UTC, date, datetime
from typing import Annotated

import typer

from cli.output import Exit, fail

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")]
Actor = Annotated[str, typer.Option("--actor", help="The account name of the person who does this, such as dco.team.")]
AsAt = Annotated[str | None, typer.Option("--as-at", help="The day to calculate for, as 2026-04-14. Default: today.")]
ConfirmChild = Annotated[
    bool, typer.Option("--confirm-child", help="Confirm that every case which this reaches is about the right child.")
]
CaseReference = Annotated[str, typer.Argument(metavar="CASE", help="The case's reference, such as NX00042.")]

ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def parse_day(value: str | None, option: str) -> date | None:
    """Parse an ISO day given as an option. Ends the command with exit code 2 if it is not a day.

    The message does not repeat the value, which may be a date of birth.
    """
    if value is None:
        return None
    try:
        if not ISO_DAY.fullmatch(value):
            raise ValueError
        return date.fromisoformat(value)
    except ValueError:
        fail(Exit.WRONG_CALL, f"{option} expects a real day as year-month-day: for example {option} 2026-04-14")


def check_actor(value: str) -> str:
    """Return the account name. Ends the command with exit code 2 if the value may be a person's name."""
    from models.facts import ACTOR

    if not ACTOR.fullmatch(value):
        fail(
            Exit.WRONG_CALL,
            "--actor expects an account name without spaces that starts with a small letter: for example --actor"
            " dco.team or --actor sam@icb.example",
        )
    refuse_identifier(value, "--actor", "Give the account name alone: for example --actor dco.team")
    return value


def machine_account() -> str:
    """The account of this machine under which the command runs, where nobody gave a name."""
    from models.facts import ACTOR

    try:
        name = getpass.getuser().lower()
    except (KeyError, OSError):
        name = ""
    return name if ACTOR.fullmatch(name) else "operator"


def refuse_identifier(value: str, option: str, advice: str) -> None:
    """End the command with exit code 2 if a value that is shown or stored in clear seems to identify a child."""
    from models.identifiers import identifier_in

    seen = identifier_in(value, datetime.now(UTC).date())
    if seen is not None:
        fail(Exit.WRONG_CALL, f"{option} seems to hold {seen}. It would be readable to everybody. {advice}")
