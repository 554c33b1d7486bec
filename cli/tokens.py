"""`sendflow tokens`: lists, makes and ends the tokens of programs that call `/api/v1`."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

EXAMPLE = "for example sendflow tokens make northshire.system --scope case --days 90 --actor it.oncall"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("tokens")(tokens)


def tokens(
    act: Annotated[str | None, typer.Argument(metavar="[make|end]", help="What to do. Default: list all.")] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[ACCOUNT|ID]", help="The account of a new token; or the id of one to end.")
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", help="A right that the token may use, such as case. Repeat it.")
    ] = None,
    days: Annotated[int, typer.Option("--days", help="For how many days it is, at most 366.")] = 90,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List the tokens of programs, make one, or end one. A token is shown once, as it is made."""
    from casework.access import api_tokens
    from casework.access.accounts import WrongAccount

    secret = None
    if act is None:
        found = api_tokens.listed(open_installation("tokens"))
    else:
        if act not in ("make", "end") or name is None or actor is None:
            fail(Exit.WRONG_CALL, f"Expected make with an account, or end with an id, and --actor: {EXAMPLE}")
        by = check_actor(actor)
        context = open_installation("tokens", access=Access.CHANGES)
        try:
            if act == "end":
                found = [api_tokens.end(context, name, by)]
            else:
                secret, made = api_tokens.make(context, name, scope or [], days, by)
                found = [made]
        except (WrongAccount, api_tokens.WrongToken) as problem:
            fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    shown = [each.model_dump(mode="json") for each in found]
    document = [{**each, "token": secret} for each in shown] if secret is not None else shown
    lines = [_line(each) for each in found]
    if secret is not None:
        lines.append(f"The token is shown only now. Store it where the program alone can read it:\n{secret}")
    emit(document, json_, lambda: "\n".join(lines) or f"No program has a token: {EXAMPLE}")


def _line(token: object) -> str:
    from casework.access.api_tokens import ApiToken

    assert isinstance(token, ApiToken)
    state = f"ended {token.ended_at[:10]}" if token.ended_at else f"until {token.expires_at[:10]}"
    used = f"last used {token.used_at[:16].replace('T', ' ')} UTC" if token.used_at else "never used"
    return f"{token.id}  {token.account}  {' '.join(token.scopes)}  {state}  {used}  (made by {token.made_by})"
