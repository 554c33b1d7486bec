"""Notices on hold after a first import: who would get them, and their release by a person."""

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, select

from casework.cases.commit import commit
from casework.cases.second_person import RELEASES, Check, with_second_person
from casework.cases.unit_of_work import UnitOfWork, load_readable
from casework.context import AppContext
from casework.delivery.holds import VIA
from models.common_facts import RELEASE
from models.database import reading, transact
from models.enums import NoticeState
from models.facts import FactDraft
from models.tables import NOTICE
from notifications import outbox

REASON = "released after the first import"


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


def release(context: AppContext, actor: str) -> int:
    """Release every notice on hold, so that the next delivery sends it, with a fact on each case that says who did it.

    Returns how many notices there were.
    """

    def once(connection: Connection, check: Check) -> int:
        held = connection.execute(select(NOTICE.c.key, NOTICE.c.case_ref).where(NOTICE.c.state == NoticeState.HELD))
        case_of = {row.key: row.case_ref for row in held}
        unit = UnitOfWork(context, connection, actor=actor, via=VIA)
        for case in load_readable(unit, set(case_of.values())).values():
            unit.append(case, [FactDraft(RELEASE, context.today(), {"reason": REASON})])
        commit(unit)
        released = outbox.change_state(connection, list(case_of), (NoticeState.HELD,), NoticeState.CREATED)
        check(connection)
        return released

    def act(check: Check) -> int:
        return transact(context.engine, lambda connection: once(connection, check))

    return with_second_person(context, RELEASES, "every notice on hold", actor, act)
