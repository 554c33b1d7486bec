"""What was escalated to the team's own mailbox and is still owed: the daily digest asks a person to act on each."""

from datetime import date

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.context import AppContext
from models.bulk_io import in_chunks
from models.enums import NoticeState
from models.tables import CASE, DUTY, LETTER, NOTICE
from notifications.render import newest

DutyKey = tuple[str, str, int]  # case, rule, number of the opening fact


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

    One line a duty, the earliest due date first. The digest itself says what it had: its notices have no index.
    """
    steps = {**_in_digest(connection, as_at), **_waiting(context, connection, as_at)}
    found: list[Escalated] = []
    for chunk in in_chunks(sorted({ref for ref, _rule, _seq in steps})):
        query = (
            select(DUTY, CASE.c.la_reference)
            .join(CASE, CASE.c.case_ref == DUTY.c.case_ref)
            .where(DUTY.c.case_ref.in_(chunk), DUTY.c.closed_on.is_(None))
        )
        for row in connection.execute(query):
            step = steps.get((row.case_ref, row.rule, row.opened_seq))
            if step is not None:
                about = {"rule": row.rule, "rung": step, "body": row.body, "service": row.service, "due": row.due}
                found.append(Escalated(ref=row.case_ref, la_ref=row.la_reference, **about))
    return sorted(found, key=lambda each: (each.due or date.max, each.ref, each.rule, each.service or ""))


def _in_digest(connection: Connection, as_at: date) -> dict[DutyKey, str]:
    """By duty, the letter of the digest's item about it."""
    fields = connection.scalar(select(LETTER.c.fields).where(LETTER.c.id == f"digest-{as_at:%Y%m%d}"))
    items = orjson.loads(fields)["items"] if fields is not None else []
    found: dict[DutyKey, str] = {}
    for item in items:
        if newest(item["template"]).called_for == "open":
            ref, rule, seq = item["duty"].split("/")
            found[ref, rule, int(seq)] = item["template"]
    return found


def _waiting(context: AppContext, connection: Connection, as_at: date) -> dict[DutyKey, str]:
    """By duty, the step of a notice that waits for the next digest."""
    query = select(NOTICE).where(
        NOTICE.c.state == NoticeState.CREATED, NOTICE.c.mailbox == context.directory.dco, NOTICE.c.on <= as_at
    )
    return {
        (row.case_ref, row.rule, row.opened_seq): row.rung
        for row in connection.execute(query.order_by(NOTICE.c.rank, NOTICE.c.key))
        if newest(orjson.loads(row.fields)["letter"]).called_for == "open"
    }
