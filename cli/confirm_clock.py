"""`sendflow confirm-clock`: a person says that the real clock is right after it jumped."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.installation import open_installation
from cli.options import Json, check_actor
from cli.output import Exit, emit, fail


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("confirm-clock")(confirm_clock)


def confirm_clock(
    actor: Annotated[
        str, typer.Option("--actor", help="The account name of the person who confirms, such as it.oncall.")
    ],
    json_: Json = False,
) -> None:
    """Confirm that the date and time of this machine are right, so that sendflow records, sweeps and sends again."""
    from casework.clock import confirm
    from casework.clock_check import doubts
    from models.database import transact

    check_actor(actor)
    context = open_installation("confirm-clock")
    if context.simulated:
        fail(Exit.REFUSED, f"{context.simulation_notice} It has no clock to confirm. Set its day by SENDFLOW_TODAY")
    found = transact(context.engine, lambda connection: doubts(connection, context.settings.home))
    codes = ",".join(each.code for each in found) or "running"
    confirmed = transact(context.engine, lambda connection: confirm(connection, actor, codes))
    emit(
        {"confirmed_at": confirmed.at, "actor": actor, "doubts": [each.code for each in found]},
        json_,
        lambda: (
            f"Recorded: {actor} confirms that it is {confirmed.at[:16].replace('T', ' ')} UTC. sendflow records, sweeps"
            " and sends again."
        ),
    )
