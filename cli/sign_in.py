"""`sendflow sign-in`: a one-time link into the Prefect UI and the web pages; or the end of an account's sessions."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import Json
from cli.output import Exit, emit, fail

DEFAULT = "operations"


def register(app: typer.Typer) -> None:
    """Add this command to the program."""
    app.command("sign-in")(sign_in)


def sign_in(
    account: Annotated[str, typer.Option("--account", help="Who signs in, by account id.")] = DEFAULT,
    prefect: Annotated[bool, typer.Option("--prefect", help="A link to the Prefect UI instead.")] = False,
    role: Annotated[
        str | None, typer.Option("--role", help="Give the account this role first, such as dco or auditor.")
    ] = None,
    scope: Annotated[
        str,
        typer.Option("--for", help="Of a provider: its body. Of a council: its authority. Of the team: processes."),
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="Sign this account out everywhere instead.")] = False,
    json_: Json = False,
) -> None:
    """Print a link that signs one person in, once, within 12 hours. It needs only the right to read SENDFLOW_HOME."""
    from casework.access import sign_in as access
    from config.settings import Settings

    settings = Settings.read()
    try:
        if end:
            ended = access.sign_out_everywhere(settings, account)
            emit({"account": account, "ended": ended}, json_, lambda: f"Ended {ended} sessions of {account}.")
            return
        if role is not None:
            access.give_role(settings, account, role, scope)
        link = access.sign_in_link(settings, account, access.Place.PREFECT if prefect else access.Place.PAGES)
    except ValueError as problem:
        fail(Exit.WRONG_CALL, f"No link was made: {problem}")
    emit({"account": account, "link": link}, json_, lambda: link)
