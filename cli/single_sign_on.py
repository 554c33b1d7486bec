"""`sendflow single-sign-on`: lists who each account is at the identity provider, says it, or takes it away."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

EXAMPLE = "for example sendflow single-sign-on set sam.lee --subject 3f2c... --actor it.oncall"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("single-sign-on")(single_sign_on)


def single_sign_on(
    act: Annotated[str | None, typer.Argument(metavar="[set|part]", help="What to do. Default: list all.")] = None,
    account: Annotated[str | None, typer.Argument(metavar="[ACCOUNT]", help="An account that has a role.")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Of set: the claim sub of the person's tokens; no e-mail address.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List who comes in by single sign-on; say that an account is a person there; or that it is nobody from now on."""
    from casework.access import single_sign_on as access
    from casework.access.accounts import WrongAccount

    if act is not None:
        if act not in ("set", "part") or account is None or actor is None or (subject is None) is (act == "set"):
            fail(Exit.WRONG_CALL, f"Expected set with --subject, or part, an account, and --actor: {EXAMPLE}")
        by = check_actor(actor)
        context = open_installation("single-sign-on", access=Access.CHANGES)
        try:
            access.change(context, account, subject, by)
        except WrongAccount as problem:
            fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    else:
        context = open_installation("single-sign-on")
    found = access.listed(context)
    lines = [f"{each.account}  {each.subject}  at {each.issuer}" for each in found]
    emit(
        [each._asdict() for each in found],
        json_,
        lambda: "\n".join(lines) or f"No account comes in by single sign-on: {EXAMPLE}",
    )
