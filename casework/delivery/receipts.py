"""What GOV.UK Notify reports of an e-mail later: by its call to our address, and by our question to it.

"Delivered" means that the recipient's server accepted the e-mail: it is stored, and ends no chasing. A failure means
that nobody was notified: the letter counts as come back. A report may come twice, late, or never, so each is taken as
often as it comes, and what Notify has not reported after an hour is asked for. Notify forgets an e-mail after 7 days.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Protocol

from sqlalchemy import Connection, select, update

from casework.cases.commit import commit
from casework.cases.unit_of_work import UnitOfWork
from casework.context import AppContext, instant
from casework.delivery.came_back import say_that_it_was_undelivered
from models.change_log import log_keys
from models.database import reading, transact
from models.tables import RECEIPT
from notifications.notify import Fate, NotifyTransport

DELIVERED = "delivered"
FAILED = frozenset({"permanent-failure", "temporary-failure", "technical-failure"})
ASK_AFTER, FORGOTTEN_AFTER = timedelta(hours=1), timedelta(days=7)
MOST, ENOUGH = 100, 2
ACTOR = "sendflow"


class Reports(Protocol):
    """Who knows what became of an e-mail."""

    def fate(self, id_: str) -> Fate | None:
        """What became of an e-mail, by its own id; None if it does not know, or did not answer."""
        ...


def note_report(context: AppContext, letter: str, carrier_id: str, status: str) -> bool:
    """Store what was reported of an e-mail; whether sendflow sent such an e-mail. A failure is never overwritten.

    A failure and the fact about each notice are written together.
    """

    def once(connection: Connection) -> bool:
        query = select(RECEIPT.c.status).where(RECEIPT.c.letter == letter, RECEIPT.c.carrier_id == carrier_id)
        row = connection.execute(query.with_for_update()).first()
        if row is None or status not in FAILED | {DELIVERED} or row.status == status or row.status in FAILED:
            return row is not None
        if status in FAILED:
            unit = UnitOfWork(context, connection, actor=ACTOR, via="deliver")
            say_that_it_was_undelivered(unit, letter, status.replace("-", "_"))
            commit(unit)
        log_keys(connection, RECEIPT, [letter])
        values = {"status": status, "status_at": instant(context.now())}
        connection.execute(update(RECEIPT).where(RECEIPT.c.letter == letter).values(**values))
        return True

    return transact(context.engine, once)


def ask(context: AppContext, notify: Reports | None = None) -> int:
    """Ask what became of the e-mails of which nothing was reported for an hour; returns how many answers came.

    After two questions in a row without an answer it stops until the next time.
    """
    rows = _unreported(context)
    if not rows:
        return 0
    access = context.settings.notify
    if notify is None and access is None:
        return 0
    asked: Reports = notify or NotifyTransport(access)  # type: ignore[arg-type]  # one of the two is there
    answers, silent = 0, 0
    for letter, carrier_id in rows:
        fate = asked.fate(carrier_id)
        silent = silent + 1 if fate is None else 0
        if silent == ENOUGH:
            break
        if fate is not None:
            answers += 1
            note_report(context, letter, carrier_id, fate.status)
    return answers


def _unreported(context: AppContext) -> list[tuple[str, str]]:
    now = context.now()
    query = (
        select(RECEIPT.c.letter, RECEIPT.c.carrier_id)
        .where(
            RECEIPT.c.status.is_(None),
            RECEIPT.c.accepted_at > instant(now - FORGOTTEN_AFTER),
            RECEIPT.c.accepted_at < instant(now - ASK_AFTER),
        )
        .order_by(RECEIPT.c.accepted_at, RECEIPT.c.letter)
    )
    with reading(context.engine) as connection:
        return [(row.letter, row.carrier_id) for row in connection.execute(query.limit(MOST))]
