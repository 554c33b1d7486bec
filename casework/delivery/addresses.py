"""A notice that has not left is addressed when it leaves: by the directory of that day.

Each delivery and digest compares the mailboxes of the notices that wait with the directory. A notice in a letter that
certainly did not leave is taken out of that letter. A letter that takes an earlier one back goes to the mailbox that
got the earlier one, as long as the directory has that mailbox.
"""

from datetime import date
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Select, case, func, or_, select

from casework.context import AppContext
from casework.delivery.lease import cancel_letter
from casework.reports.for_a_person import DAILY_DIGEST, OUTCOME_UNKNOWN
from config.directory import Directory
from models.enums import LetterState, NoticeState, Party
from models.tables import CASE, LETTER, NOTICE
from notifications import outbox
from notifications.ended_duties import AGAIN, ENDED, TAKEN_BACK
from notifications.letter_fields import WITHDRAWAL
from notifications.recipients import Place, mailbox_at

TAKES_BACK = (ENDED, AGAIN, TAKEN_BACK, WITHDRAWAL)


class _Group(NamedTuple):
    """Waiting notices with the same recipient and mailbox. `takes_back`: of letters that take an earlier one back.

    `rule`: of notices to a role of our team, which the rule names; else empty.
    """

    la: str | None
    body: str | None
    service: str | None
    recipient: str
    mailbox: str | None
    takes_back: int
    rule: str


class _Waiting(NamedTuple):
    """One notice that waits, and the letter that it is in."""

    key: str
    case_ref: str
    rule: str
    opened_seq: int
    recipient: str
    letter: str | None


def readdress(context: AppContext, connection: Connection, today: date) -> None:
    """Give the notices that wait the mailboxes that the directory has now. Leaves out those of a mailbox that another
    run is writing to.
    """
    directory = context.directory
    listed = mailboxes(directory, today)
    for group in _groups(connection):
        place = Place(group.la, group.body, group.service, context.team_roles.get(group.rule))
        mailbox = mailbox_at(directory, place, Party(group.recipient), today)
        if group.takes_back:
            _readdress_corrections(connection, group, mailbox, listed)
        elif mailbox != group.mailbox:
            _move(connection, group, {mailbox: None})


def _readdress_corrections(connection: Connection, group: _Group, mailbox: str | None, listed: frozenset[str]) -> None:
    """Send corrections to the mailbox of the letter that they correct; to the recipient's of today if that is gone."""
    wanted: dict[str | None, list[str] | None] = {}
    for notice in _waiting(connection, group):
        earlier = _earlier_mailbox(connection, notice)
        to = earlier if earlier in listed else mailbox
        if to != group.mailbox:
            keys = wanted.setdefault(to, [])
            if keys is not None:
                keys.append(notice.key)
    if wanted:
        _move(connection, group, wanted)


def _earlier_mailbox(connection: Connection, notice: _Waiting) -> str | None:
    """The mailbox that the recipient's last letter about the same duty was sent to."""
    query = (
        select(NOTICE.c.mailbox)
        .join(LETTER, LETTER.c.id == NOTICE.c.letter)
        .where(
            NOTICE.c.case_ref == notice.case_ref,
            NOTICE.c.rule == notice.rule,
            NOTICE.c.opened_seq == notice.opened_seq,
            NOTICE.c.recipient == notice.recipient,
            NOTICE.c.state.in_((NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)),
        )
    )
    return connection.scalar(query.order_by(LETTER.c.sent_at.desc(), LETTER.c.id).limit(1))


def mailboxes(directory: Directory, on: date) -> frozenset[str]:
    """Every mailbox that the directory has on a day: none of a body that was abolished."""
    there = (body for body in directory.body_ if body.last_day is None or body.last_day >= on)
    roles = {role.mailbox for role in directory.team.values() if role.mailbox is not None}
    people = (each.mailboxes for each in directory.person if each.has_role(on))
    return directory.icb.mailboxes.union(roles, *people, *(body.mailboxes for body in there))


_TAKES_BACK: ColumnElement[int] = case((NOTICE.c.rung.in_(TAKES_BACK), 1), else_=0)
_RULE: ColumnElement[str] = case((NOTICE.c.recipient == Party.TEAM_ROLE, NOTICE.c.rule), else_="")
# A letter that certainly did not leave is written again at its next attempt; one that perhaps did stays as it is.
_MAY_CHANGE = or_(
    NOTICE.c.state.in_((NoticeState.CREATED, NoticeState.HELD)),
    NOTICE.c.letter.in_(
        select(LETTER.c.id).where(
            LETTER.c.state == LetterState.WAITING,
            func.coalesce(LETTER.c.why, "") != OUTCOME_UNKNOWN,
            LETTER.c.template != DAILY_DIGEST,
        )
    ),
)


def _groups(connection: Connection) -> list[_Group]:
    columns = (CASE.c.la, NOTICE.c.body, NOTICE.c.service, NOTICE.c.recipient, NOTICE.c.mailbox, _TAKES_BACK, _RULE)
    query = select(*columns).join(CASE, CASE.c.case_ref == NOTICE.c.case_ref)
    of_the_directory = NOTICE.c.recipient != Party.PARTY  # a case has the mailbox of its party
    rows = connection.execute(query.where(NOTICE.c.state.in_(outbox.UNSENT), _MAY_CHANGE, of_the_directory).distinct())
    return sorted(map(_Group._make, rows), key=str)


def _waiting(connection: Connection, group: _Group) -> list[_Waiting]:
    query: Select[tuple[object, ...]] = (
        select(*(NOTICE.c[name] for name in _Waiting._fields))
        .join(CASE, CASE.c.case_ref == NOTICE.c.case_ref)
        .where(NOTICE.c.state.in_(outbox.UNSENT), _MAY_CHANGE, _TAKES_BACK.in_((group.takes_back,)))
        .where(_RULE.in_((group.rule,)))
    )
    for column, value in zip(
        (CASE.c.la, NOTICE.c.body, NOTICE.c.service, NOTICE.c.recipient, NOTICE.c.mailbox), group, strict=False
    ):
        query = query.where(column.is_not_distinct_from(value))
    return [_Waiting._make(row) for row in connection.execute(query.order_by(NOTICE.c.key))]


def _move(connection: Connection, group: _Group, wanted: dict[str | None, list[str] | None]) -> None:
    """Give the group's notices another mailbox: all of them, or those of the keys. Their letter is cancelled once it is
    empty.
    """
    if not outbox.mailbox_is_free(connection, group.mailbox or ""):
        return
    waiting = _waiting(connection, group)
    for mailbox, keys in wanted.items():
        moved = [notice for notice in waiting if keys is None or notice.key in keys]
        outbox.change_mailbox(connection, [notice.key for notice in moved], mailbox)
        for letter in sorted({notice.letter for notice in moved if notice.letter is not None}):
            if not outbox.notices_of(connection, letter):
                cancel_letter(connection, letter)
