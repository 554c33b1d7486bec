"""What was escalated to the team's own mailbox and is still owed: the daily digest asks a person to act on each."""

from datetime import date

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, exists, or_, select

from casework.context import AppContext
from models.enums import NoticeState
from models.tables import CASE, DUTY, NOTICE
from notifications.render import newest

SENT = (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE, NoticeState.CLAIMED)


class Escalated(BaseModel):
    """A duty that was escalated to the team: the step, who owes it, and since when it is due."""

    model_config = ConfigDict(frozen=True)
    ref: str
    la_ref: str | None
    rule: str
    rung: str
    body: str | None
    service: str | None
    due: date | None


def escalated_to_the_team(context: AppContext, connection: Connection, as_at: date) -> list[Escalated]:
    """The open duties of which today's digest says that they were escalated, or that wait for the next one.

    One line a duty, the earliest due date first.
    """
    of_the_digest = (NOTICE.c.letter == f"digest-{as_at:%Y%m%d}") & NOTICE.c.state.in_(SENT)
    waiting = (NOTICE.c.state == NoticeState.CREATED) & (NOTICE.c.on <= as_at)
    owed = exists().where(
        DUTY.c.case_ref == NOTICE.c.case_ref,
        DUTY.c.rule == NOTICE.c.rule,
        DUTY.c.opened_seq == NOTICE.c.opened_seq,
        DUTY.c.closed_on.is_(None),
    )
    query = (
        select(NOTICE, CASE.c.la_reference)
        .join(CASE, CASE.c.case_ref == NOTICE.c.case_ref)
        .where(NOTICE.c.mailbox == context.directory.dco, or_(of_the_digest, waiting), owed)
        .order_by(NOTICE.c.due, NOTICE.c.case_ref, NOTICE.c.rank, NOTICE.c.key)
    )
    found: dict[tuple[str, str, int], Escalated] = {}
    for row in connection.execute(query):
        if newest(orjson.loads(row.fields)["letter"]).called_for == "open":
            found[row.case_ref, row.rule, row.opened_seq] = Escalated(
                ref=row.case_ref,
                la_ref=row.la_reference,
                rule=row.rule,
                rung=row.rung,
                body=row.body,
                service=row.service,
                due=row.due,
            )
    return list(found.values())
