"""`sendflow webhooks`: lists, makes and ends the addresses of programs that are informed, and shows their messages."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

EXAMPLE = "for example sendflow webhooks make https://case.northshire.example/hooks --la northshire --actor it.oncall"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("webhooks")(webhooks)


def webhooks(
    act: Annotated[str | None, typer.Argument(metavar="[make|end|sent]", help="What to do. Default: list all.")] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[ADDRESS|ID]", help="The address of a new one; or the id of one.")
    ] = None,
    la: Annotated[str, typer.Option("--la", help="Inform of this authority's cases only.")] = "",
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List the addresses that are informed of changes, make one, end one, or list what was sent to them."""
    from casework import webhooks as access

    if act == "sent":
        found = access.events(open_installation("webhooks"), name or "")
        sent = [f"evt_{each.number}  {each.webhook}  {each.case_ref}  {each.kind}  {_state(each)}" for each in found]
        emit([each.model_dump() for each in found], json_, lambda: "\n".join(sent) or "Nothing was to be sent.")
        return
    secret, shown = None, None
    if act is None:
        shown = access.listed(open_installation("webhooks"))
    else:
        if act not in ("make", "end") or name is None or actor is None:
            fail(Exit.WRONG_CALL, f"Expected make with an address, or end with an id, and --actor: {EXAMPLE}")
        by = check_actor(actor)
        context = open_installation("webhooks", access=Access.CHANGES)
        try:
            if act == "end":
                shown = [access.end(context, name, by)]
            else:
                secret, made = access.make(context, name, la, by)
                shown = [made]
        except access.WrongWebhook as problem:
            fail(Exit.WRONG_CALL, f"{str(problem)[0].upper()}{str(problem)[1:]}")
    document = [{**each.model_dump(), **({"secret": secret} if secret else {})} for each in shown]
    lines = [
        f"{each.id}  {each.address}  {each.la or 'all cases'}  {'ended' if each.ended_at else 'open'}" for each in shown
    ]
    if secret is not None:
        lines.append(f"The secret is shown only now. The receiver checks each signature with it:\n{secret}")
    emit(document, json_, lambda: "\n".join(lines) or f"No address is informed: {EXAMPLE}")


def _state(event: object) -> str:
    from casework.webhooks import WebhookEvent

    assert isinstance(event, WebhookEvent)
    return event.outcome or (f"again at {event.next_at[:16]}" if event.tries else "waits")
