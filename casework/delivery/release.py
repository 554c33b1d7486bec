"""Notices on hold after a first import: who would get them, and their release by a person."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from casework.context import AppContext
from models.database import reading, writing
from models.enums import NoticeState
from models.tables import NOTICE
from notifications import outbox


class NoticesOnHold(BaseModel):
    """How many notices on hold would go to one mailbox, and about how many cases."""

    model_config = ConfigDict(frozen=True)
    mailbox: str | None
    recipient: str
    notices: int
    cases: int


def notices_on_hold(context: AppContext) -> list[NoticesOnHold]:
    """Count the notices on hold by mailbox, the largest number first."""
    query = (
        select(NOTICE.c.mailbox, NOTICE.c.recipient, func.count(), func.count(NOTICE.c.case_ref.distinct()))
        .where(NOTICE.c.state == NoticeState.HELD)
        .group_by(NOTICE.c.mailbox, NOTICE.c.recipient)
    )
    with reading(context.engine) as connection:
        found = [
            NoticesOnHold(mailbox=mailbox, recipient=recipient, notices=notices, cases=cases)
            for mailbox, recipient, notices, cases in connection.execute(query)
        ]
    return sorted(found, key=lambda row: (-row.notices, row.mailbox or "", row.recipient))


def release(context: AppContext) -> int:
    """Release every notice on hold, so that the next delivery sends it. Returns how many there were."""
    with writing(context.engine) as connection:
        held = list(connection.scalars(select(NOTICE.c.key).where(NOTICE.c.state == NoticeState.HELD)))
        return outbox.change_state(connection, held, (NoticeState.HELD,), NoticeState.CREATED)
