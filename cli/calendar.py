"""`sendflow calendar`: makes, shows and ends the addresses of the calendars of due dates."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import Access, open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail

EXAMPLE = "for example sendflow calendar make QX101 --actor dco.team"


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("calendar")(calendar)


def calendar(
    act: Annotated[str | None, typer.Argument(metavar="[make|end]", help="What to do. Default: list all.")] = None,
    name: Annotated[
        str | None, typer.Argument(metavar="[team|BODY]", help="Whose calendar: team, or a body's code such as QX101.")
    ] = None,
    actor: Annotated[str | None, typer.Option("--actor", help="The account name of the person who does this.")] = None,
    json_: Json = False,
) -> None:
    """List the addresses of calendars, make one, or end one. Who has an address reads references and due dates.

    To make an address again ends the one before.
    """
    from casework.access import calendar_addresses
    from casework.delivery.account_links import address_of_pages

    if act is None:
        context = open_installation("calendar")
        found = calendar_addresses.listed(context)
    else:
        if act not in ("make", "end") or name is None or actor is None:
            fail(Exit.WRONG_CALL, f"Expected make or end, a calendar and --actor: {EXAMPLE}")
        context = open_installation("calendar", access=Access.CHANGES)
        change = calendar_addresses.make if act == "make" else calendar_addresses.end
        try:
            found = [change(context, name, check_actor(actor))]
        except calendar_addresses.NoSuchCalendar as problem:
            fail(Exit.WRONG_CALL, str(problem))
    pages = address_of_pages(context.settings)
    document = [
        {
            "name": each.name,
            "address": f"{pages}{each.path}" if each.path else None,
            "changed_at": each.changed_at,
            "changed_by": each.changed_by,
        }
        for each in found
    ]
    lines = [f"{each['name']}  {each['address'] or 'ended'}  ({each['changed_by']})" for each in document]
    emit(document, json_, lambda: "\n".join(lines) or f"No calendar has an address: {EXAMPLE}")
