"""The outbox's SQL: notices and letters, and every change of their states. Nothing here decides; callers open the
transaction.

Each change of state is an UPDATE that names the state it expects, and says how many rows it found so. Two deliverers
therefore never both take a letter: on SQLite the writer is alone, on PostgreSQL a mailbox is one deliverer's at a time,
and rows under way are locked and skipped.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, and_, bindparam, exists, func, insert, or_, select, update

from models.database import alone_if_free
from models.enums import LetterState, NoticeState
from models.tables import LETTER, NOTICE
from notifications.notices import WITHDRAWAL, NoticeDraft

CHUNK = 400
WRITTEN = (LetterState.SENDING, LetterState.SENT, LetterState.SENT_PERHAPS_TWICE, LetterState.FAILED)
_SHAPE = [NOTICE.c[name] for name in NoticeDraft._fields]


class Claimed(NamedTuple):
    """A letter that this run is sending. `again` says that an earlier attempt's outcome is not known."""

    id: str
    mailbox: str
    on: date
    template: str
    version: int
    fields: dict[str, Any]
    message_id: str
    notices: list[NoticeDraft]
    again: bool


def draft_of(row: Row[Any]) -> NoticeDraft:
    """A stored notice as it was drafted."""
    told = {name: getattr(row, name) for name in NoticeDraft._fields}
    return NoticeDraft(**{**told, "fields": orjson.loads(told["fields"]), "state": NoticeState(told["state"])})


def mailboxes_to_write(connection: Connection, today: date | None = None, ready_by: str | None = None) -> list[str]:
    """Mailboxes with a notice that has no letter yet, or with a letter that waits.

    With `today`, notices whose own day has not come are left out; with `ready_by`, letters whose next try (an instant)
    has not. Those that nobody has tried come first: where a relay fails again and again, the same few letters never
    stand before all others.
    """
    created = select(NOTICE.c.mailbox).where(NOTICE.c.state == NoticeState.CREATED, NOTICE.c.mailbox.is_not(None))
    if today is not None:
        created = created.where(NOTICE.c.on <= today)
    found = connection.execute(
        select(LETTER.c.mailbox, LETTER.c.next_try_at).where(LETTER.c.state == LetterState.WAITING)
    )
    waiting = {mailbox: next_try_at for mailbox, next_try_at in found}  # noqa: C416 (a row is no pair to the type checker)
    early = {
        mailbox for mailbox, next_try_at in waiting.items() if ready_by is not None and (next_try_at or "") > ready_by
    }
    return sorted(
        (set(connection.scalars(created)) | waiting.keys()) - early, key=lambda mailbox: (mailbox in waiting, mailbox)
    )


def mailbox_is_free(connection: Connection, mailbox: str) -> bool:
    """Be alone with a mailbox until this transaction ends; False where another run is at it, which will have written to
    it by then.
    """
    return alone_if_free(connection, f"mailbox/{mailbox}")


def written_to_on(connection: Connection, mailbox: str, day: date, besides: str = "") -> bool:
    """Whether a letter to the mailbox (besides one) has left, or is leaving, on that day."""
    where = (LETTER.c.mailbox == mailbox, LETTER.c.on == day, LETTER.c.id != besides, LETTER.c.state.in_(WRITTEN))
    return bool(connection.scalar(select(exists().where(*where))))


def was_ever_written_to(connection: Connection, mailbox: str) -> bool:
    """Whether a letter to the mailbox has left, or is leaving, on any day."""
    left = (LetterState.SENDING, LetterState.SENT, LetterState.SENT_PERHAPS_TWICE)
    return bool(connection.scalar(select(exists().where(LETTER.c.mailbox == mailbox, LETTER.c.state.in_(left)))))


def waiting_letter(connection: Connection, mailbox: str) -> Row[Any] | None:
    """The mailbox's letter that has not left yet, if there is one."""
    query = select(LETTER).where(LETTER.c.mailbox == mailbox, LETTER.c.state == LetterState.WAITING)
    return connection.execute(
        query.order_by(LETTER.c.on, LETTER.c.id).limit(1).with_for_update(skip_locked=True)
    ).first()


def created_for(connection: Connection, mailbox: str, today: date | None = None) -> list[NoticeDraft]:
    """The mailbox's notices that have no letter yet; with `today`, those whose own day has come."""
    query = select(*_SHAPE).where(NOTICE.c.mailbox == mailbox, NOTICE.c.state == NoticeState.CREATED)
    if today is not None:
        query = query.where(NOTICE.c.on <= today)
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key).with_for_update(skip_locked=True))]


def without_mailbox(connection: Connection, today: date) -> list[NoticeDraft]:
    """Notices to recipients for whom the directory has no address."""
    query = select(*_SHAPE).where(
        NOTICE.c.mailbox.is_(None), NOTICE.c.state == NoticeState.CREATED, NOTICE.c.on <= today
    )
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key).with_for_update(skip_locked=True))]


def anyone_without_mailbox(connection: Connection, today: date) -> bool:
    """Whether there is one; asked in passing, so that nothing is locked."""
    where = NOTICE.c.mailbox.is_(None), NOTICE.c.state == NoticeState.CREATED, NOTICE.c.on <= today
    return bool(connection.scalar(select(exists().where(*where))))


def notices_of(connection: Connection, letter: str) -> list[NoticeDraft]:
    """The notices that a letter holds."""
    query = select(*_SHAPE).where(NOTICE.c.letter == letter, NOTICE.c.state == NoticeState.CLAIMED)
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key))]


class Told(NamedTuple):
    """A rung of which a mailbox has been told."""

    case_ref: str
    fact_seq: int
    rule: str
    opened_seq: int
    due: date | None
    rank: int


def told_of(connection: Connection, drafts: Sequence[NoticeDraft]) -> list[Told]:
    """The rungs of these notices' cases of which their mailboxes have been told."""
    told: list[Told] = []
    mailboxes = {draft.mailbox for draft in drafts}
    columns = [NOTICE.c[name] for name in Told._fields]
    for refs in _parts(sorted({draft.case_ref for draft in drafts})):
        query = select(*columns).where(
            NOTICE.c.case_ref.in_(refs),
            NOTICE.c.mailbox.in_(mailboxes),
            NOTICE.c.rank > 0,
            NOTICE.c.rung != WITHDRAWAL,
            NOTICE.c.state.in_((NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)),
        )
        told += [Told._make(row) for row in connection.execute(query)]
    return told


def move(
    connection: Connection,
    keys: Iterable[str],
    before: Sequence[NoticeState],
    after: NoticeState,
    letter: str | None = None,
) -> int:
    """Moves notices from one of the states `before` to `after`, into `letter` or out of any; returns how many were
    found so.
    """
    moved = 0
    for part in _parts(sorted(keys)):
        statement = (
            update(NOTICE).where(NOTICE.c.key.in_(part), NOTICE.c.state.in_(before)).values(state=after, letter=letter)
        )
        moved += connection.execute(statement).rowcount
    return moved


def put_off(connection: Connection, days: Mapping[str, date]) -> None:
    """Gives notices a later day to be asked about again, by key."""
    if days:
        statement = update(NOTICE).where(NOTICE.c.key == bindparam("k")).values(on=bindparam("day"))
        connection.execute(statement, [{"k": key, "day": day} for key, day in days.items()])


def keep_fields(connection: Connection, fields: Mapping[str, str]) -> None:
    """Keeps the fields of notices as they were last worked out, by key."""
    if fields:
        statement = update(NOTICE).where(NOTICE.c.key == bindparam("k")).values(fields=bindparam("told"))
        connection.execute(statement, [{"k": key, "told": told} for key, told in fields.items()])


def letter_id(connection: Connection, stem: str) -> str:
    """An id that no letter has: the stem, or the stem with a number behind it."""
    taken = connection.scalar(
        select(func.count()).select_from(LETTER).where(or_(LETTER.c.id == stem, LETTER.c.id.like(f"{stem}-%")))
    )
    return stem if not taken else f"{stem}-{taken + 1}"


def put_letter(connection: Connection, row: Mapping[str, Any]) -> None:
    """Writes a new letter. Raises IntegrityError where another writer made it first."""
    connection.execute(insert(LETTER), [dict(row)])


def change_letter(
    connection: Connection, id_: str, before: LetterState, values: Mapping[str, Any], by: str | None = None
) -> bool:
    """Changes a letter that is in the state `before` (and, where said, claimed `by` this run); says whether it was."""
    where = and_(LETTER.c.id == id_, LETTER.c.state == before)
    if by is not None:
        where = and_(where, LETTER.c.claimed_by == by)
    return connection.execute(update(LETTER).where(where).values(**values)).rowcount == 1


def attempts(connection: Connection, id_: str) -> int:
    """How often a letter has been tried."""
    return connection.scalar(select(LETTER.c.attempts).where(LETTER.c.id == id_)) or 1


def unfinished(connection: Connection) -> list[Row[Any]]:
    """Letters whose sending has begun and whose outcome nobody has recorded."""
    return list(
        connection.execute(
            select(LETTER).where(LETTER.c.state == LetterState.SENDING).order_by(LETTER.c.on, LETTER.c.id)
        )
    )


def count_waiting(connection: Connection) -> int:
    """How many letters would leave if it were time: mailboxes with something to say, and letters under way."""
    sending = (
        connection.scalar(select(func.count()).select_from(LETTER).where(LETTER.c.state == LetterState.SENDING)) or 0
    )
    return len(mailboxes_to_write(connection)) + sending


def count_held(connection: Connection) -> tuple[int, int]:
    """How many notices wait for a person to let them go, and how many mailboxes would have a letter then; those without
    an address count as one.
    """
    box = func.coalesce(NOTICE.c.mailbox, "")
    notices, mailboxes = connection.execute(
        select(func.count(), func.count(box.distinct())).where(NOTICE.c.state == NoticeState.HELD)
    ).one()
    return notices, mailboxes


def anything_open(connection: Connection) -> bool:
    """Whether a notice has no letter yet, or a letter has not come to an end."""
    notices = exists().where(NOTICE.c.state == NoticeState.CREATED)
    letters = exists().where(LETTER.c.state.in_((LetterState.WAITING, LetterState.SENDING)))
    return bool(connection.scalar(select(or_(notices, letters))))


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
