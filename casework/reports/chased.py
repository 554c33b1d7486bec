"""Of duties that are listed: when their bodies were last written to about them, and by which step."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from casework.reports.worklists import BoardRow
from models.bulk_io import in_chunks
from models.enums import NoticeState
from models.tables import LETTER, NOTICE
from notifications.outbox import NOT_BY_STATE

LEFT = (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)
DutyKey = tuple[str, str, str | None, str | None]  # case, rule, body, service


class LastChase(NamedTuple):
    """The newest e-mail about a duty that left: its day, the step or event, to whom it went, and how many letters left
    in all.
    """

    on: date
    rung: str
    to: tuple[str, ...]
    letters: int


def duty_key(row: BoardRow) -> DutyKey:
    """What names a listed duty."""
    return row.case_ref, row.rule, row.body, row.service


def last_chases(connection: Connection, rows: Sequence[BoardRow]) -> dict[DutyKey, LastChase]:
    """The last e-mail of each of these duties about which one left. Two requests to one service count together."""
    found: dict[DutyKey, LastChase] = {}
    letters: dict[DutyKey, set[str]] = {}
    for chunk in in_chunks(sorted({row.case_ref for row in rows})):
        duty = (NOTICE.c.case_ref, NOTICE.c.rule, NOTICE.c.body, NOTICE.c.service)
        query = (
            select(*duty, NOTICE.c.rung, NOTICE.c.recipient, NOTICE.c.letter, LETTER.c.on)
            .join(LETTER, LETTER.c.id == NOTICE.c.letter)
            .where(NOTICE.c.case_ref.in_(chunk), NOT_BY_STATE.in_(LEFT))
            .order_by(LETTER.c.on, func.coalesce(LETTER.c.sent_at, ""), NOTICE.c.rank, NOTICE.c.key)
        )
        for row in connection.execute(query):
            key = (row.case_ref, row.rule, row.body, row.service)
            letters.setdefault(key, set()).add(row.letter)
            last = found.get(key)
            before = last.to if last is not None and (last.on, last.rung) == (row.on, row.rung) else ()
            to = before if row.recipient in before else (*before, row.recipient)
            found[key] = LastChase(row.on, row.rung, to, len(letters[key]))
    return found
