"""Checks whether the programs that are to be informed of changes take their messages. [I/O]"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from sqlalchemy import Connection, func, select

from casework.context import AppContext
from casework.webhooks import TRIED
from models.tables import WEBHOOK_EVENT
from runtime.diagnostics.finding import Finding


def webhooks(_context: AppContext, connection: Connection, _today: date) -> Iterator[Finding]:
    """Finds addresses that do not take a message after several tries, and messages that were given up."""
    query = (
        select(WEBHOOK_EVENT.c.webhook, WEBHOOK_EVENT.c.outcome, func.count())
        .where(
            WEBHOOK_EVENT.c.tries >= TRIED, WEBHOOK_EVENT.c.done_at.is_(None) | (WEBHOOK_EVENT.c.outcome == "gave_up")
        )
        .group_by(WEBHOOK_EVENT.c.webhook, WEBHOOK_EVENT.c.outcome)
        .order_by(WEBHOOK_EVENT.c.webhook, WEBHOOK_EVENT.c.outcome)
    )
    for webhook, outcome, count in connection.execute(query):
        said = "did not take" if outcome else "does not take"
        yield Finding(
            what="webhook_given_up" if outcome else "webhook_waits",
            count=int(count),
            message=f"the address of webhook {webhook} {said} its messages: its program does not know of the changes",
            mend=f"sendflow webhooks sent {webhook}; ask who runs the program, or end it (sendflow webhooks end)",
        )
