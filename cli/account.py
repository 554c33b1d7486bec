"""`sendflow account`: sends a person a one-time link by e-mail, or removes the second factor of who lost the phone."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

ACTS = ("invite", "remove-second-factor")
EXAMPLE = "for example sendflow account invite sam.lee --to sam.lee@icb.example --role dco --actor it.oncall"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("account")(account)


def account(
    act: Annotated[str, typer.Argument(metavar="ACT", help="invite or remove-second-factor.")],
    name: Annotated[str, typer.Argument(metavar="ACCOUNT", help="The account's name, such as sam.lee.")],
    actor: Annotated[str, typer.Option("--actor", help="The account name of the person who does this.")],
    to: Annotated[str | None, typer.Option("--to", help="The e-mail address of the account, from now on.")] = None,
    role: Annotated[
        str | None, typer.Option("--role", help="Give it this role first: dco, provider:QX101, council:northshire.")
    ] = None,
    json_: Json = False,
) -> None:
    """Send a person a link that signs the person in once, within 72 hours; or remove a lost second factor."""
    from casework.access import accounts, factors, sign_in
    from casework.delivery import account_links
    from models.database import reading, transact

    if act not in ACTS:
        fail(Exit.WRONG_CALL, f"Expected {' or '.join(ACTS)}: {EXAMPLE}")
    by = check_actor(actor)
    context = open_installation("account")
    try:
        if act == "remove-second-factor":
            with reading(context.engine) as connection:
                if not factors.has_factor(connection, name):
                    raise accounts.WrongAccount("the account has no second factor")
            transact(context.engine, lambda connection: factors.remove(connection, name, by))
            emit({"account": name, "removed": True}, json_, lambda: f"The second factor of {name} is removed.")
            return
        if role is not None:
            word, _, scope = role.partition(":")
            sign_in.give_role(context.settings, name, word, scope, by)
        left = account_links.invite(context, name, to, by)
    except (ValueError, accounts.WrongAccount) as problem:
        fail(Exit.WRONG_CALL, f"Nothing was done: {problem}. {EXAMPLE[0].upper()}{EXAMPLE[1:]}")
    sentence = (
        f"The link for {name} has left." if left else f"The link for {name} waits: the mail server did not accept it."
    )
    emit({"account": name, "sent": left}, json_, lambda: sentence)
