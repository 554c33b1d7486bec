"""The SQL of the outbox: notices, letters, and every change of their states. Callers decide and open the transaction.

Each change of state is an UPDATE that names the state it expects, and says how many rows it found so. So
two deliverers never take the same letter: SQLite has one writer, and PostgreSQL locks a mailbox for one deliverer and
skips locked rows.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, Row, and_, bindparam, case, exists, func, or_, select, update

from models.change_log import insert_logged, log_keys
from models.database import is_reading
from models.enums import LetterState, NoticeState
from models.locks import try_lock_exclusive
from models.tables import LETTER, NOTICE
from notifications.letter_fields import WITHDRAWAL
from notifications.notices import NoticeDraft

CHUNK = 400
WRITTEN = (
    LetterState.SENDING,
    LetterState.SENT,
    LetterState.SENT_PERHAPS_TWICE,
    LetterState.FAILED,
    LetterState.CAME_BACK,
)
UNSENT = (NoticeState.CREATED, NoticeState.CLAIMED, NoticeState.HELD)
# For a query about cases: by the index of states, SQLite would read every notice that ever left.
NOT_BY_STATE = func.coalesce(NOTICE.c.state, "")
_SHAPE = [NOTICE.c[name] for name in NoticeDraft._fields]


class LeasedLetter(NamedTuple):
    """A letter that this run is sending. `again`: the outcome of an earlier attempt is unknown."""

    id: str
    mailbox: str
    on: date
    template: str
    version: int
    fields: dict[str, Any]
    message_id: str
    notices: list[NoticeDraft]
    again: bool


def notice_row(draft: NoticeDraft, created_at: str, day: Callable[[date], Any]) -> tuple[Any, ...]:
    """The row of a notice, in the order of the table's columns.

    `created_at` is an instant (ISO 8601 UTC); `day` converts a date to the driver's form.
    """
    return (
        draft.key,
        draft.case_ref,
        draft.fact_seq,
        draft.rule,
        draft.body,
        draft.service,
        draft.opened_seq,
        day(draft.due) if draft.due is not None else None,
        draft.rung,
        draft.rank,
        draft.template,
        str(draft.recipient),
        draft.mailbox,
        day(draft.on),
        orjson.dumps(draft.fields, option=orjson.OPT_SORT_KEYS).decode(),
        str(draft.state),
        None,  # its letter
        created_at,
    )


def draft_of(row: Row[Any]) -> NoticeDraft:
    """The draft from which a stored notice was made."""
    values = {name: getattr(row, name) for name in NoticeDraft._fields}
    return NoticeDraft(**{**values, "fields": stored_fields(values["fields"]), "state": NoticeState(values["state"])})


def stored_fields(text: str) -> dict[str, Any]:
    """The fields of a stored notice or letter, by name. Raises ValueError if the text holds anything else."""
    fields = orjson.loads(text)
    if not isinstance(fields, dict):
        raise ValueError("the fields of a notice or letter were expected as a JSON object")
    return fields


def mailboxes_to_write(connection: Connection, today: date | None = None, ready_by: str | None = None) -> list[str]:
    """Mailboxes with a notice that has no letter yet, or with a letter that waits.

    With `today`, notices whose own day has not come are left out; with `ready_by`, letters whose next try (an instant)
    has not. Mailboxes without a failed attempt come first, so a failing mail server does not make the same letters
    delay all others; of these, the mailboxes with the lowest steps, for which higher ones wait.
    """
    step = case((NOTICE.c.rung == WITHDRAWAL, 0), else_=NOTICE.c.rank)
    created = select(NOTICE.c.mailbox, func.min(step)).where(
        NOTICE.c.state == NoticeState.CREATED, NOTICE.c.mailbox.is_not(None)
    )
    if today is not None:
        created = created.where(NOTICE.c.on <= today)
    found = connection.execute(
        select(LETTER.c.mailbox, LETTER.c.next_try_at).where(LETTER.c.state == LetterState.WAITING)
    )
    waiting = {mailbox: next_try_at for mailbox, next_try_at in found}  # noqa: C416 (a row is no pair to mypy)
    early = {
        mailbox for mailbox, next_try_at in waiting.items() if ready_by is not None and (next_try_at or "") > ready_by
    }
    ranks = {mailbox: rank for mailbox, rank in connection.execute(created.group_by(NOTICE.c.mailbox))}  # noqa: C416
    return sorted(
        (ranks.keys() | waiting.keys()) - early,
        key=lambda mailbox: (mailbox in waiting, ranks.get(mailbox, 0), mailbox),
    )


def mailbox_is_free(connection: Connection, mailbox: str) -> bool:
    """Lock a mailbox until this transaction ends; False if another run has locked it, which then writes to it."""
    return try_lock_exclusive(connection, f"mailbox/{mailbox}")


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
    """The mailbox's notices that have no letter yet; with `today`, those whose own day has come. Who may write locks
    them.
    """
    query = select(*_SHAPE).where(NOTICE.c.mailbox == mailbox, NOTICE.c.state == NoticeState.CREATED)
    if today is not None:
        query = query.where(NOTICE.c.on <= today)
    query = query.order_by(NOTICE.c.key)
    locked = query if is_reading(connection) else query.with_for_update(skip_locked=True)
    return [draft_of(row) for row in connection.execute(locked)]


def without_mailbox(connection: Connection, today: date) -> list[NoticeDraft]:
    """Notices to recipients for whom the directory has no address."""
    query = select(*_SHAPE).where(
        NOTICE.c.mailbox.is_(None), NOTICE.c.state == NoticeState.CREATED, NOTICE.c.on <= today
    )
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key).with_for_update(skip_locked=True))]


def anyone_without_mailbox(connection: Connection, today: date) -> bool:
    """Whether such a notice is due. Locks nothing."""
    where = NOTICE.c.mailbox.is_(None), NOTICE.c.state == NoticeState.CREATED, NOTICE.c.on <= today
    return bool(connection.scalar(select(exists().where(*where))))


def notices_of(connection: Connection, letter: str) -> list[NoticeDraft]:
    """The notices that a letter holds."""
    query = select(*_SHAPE).where(NOTICE.c.letter == letter, NOTICE.c.state == NoticeState.CLAIMED)
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key))]


def unsent(connection: Connection, refs: Iterable[str]) -> dict[str, list[NoticeDraft]]:
    """The notices of these cases that have not left, also those on hold and those being sent, by case."""
    found: dict[str, list[NoticeDraft]] = {}
    for part in _parts(sorted(refs)):
        query = select(*_SHAPE).where(NOTICE.c.case_ref.in_(part), NOTICE.c.state.in_(UNSENT))
        for row in connection.execute(query.order_by(NOTICE.c.case_ref, NOTICE.c.rank, NOTICE.c.key)):
            found.setdefault(row.case_ref, []).append(draft_of(row))
    return found


def on_hold(connection: Connection) -> list[NoticeDraft]:
    """The notices that a first import put on hold."""
    query = select(*_SHAPE).where(NOTICE.c.state == NoticeState.HELD)
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key))]


def sent_in(connection: Connection, letter: str) -> list[NoticeDraft]:
    """The notices of a letter that the mail server accepted."""
    states = (NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)
    query = select(*_SHAPE).where(NOTICE.c.letter == letter, NOTICE.c.state.in_(states))
    return [draft_of(row) for row in connection.execute(query.order_by(NOTICE.c.key))]


def unsent_by_key(connection: Connection, key: str) -> list[NoticeDraft]:
    """The notice of that key, if it has not left."""
    query = select(*_SHAPE).where(NOTICE.c.key == key, NOTICE.c.state.in_(UNSENT))
    return [draft_of(row) for row in connection.execute(query)]


def stored_keys(connection: Connection, keys: Iterable[str]) -> set[str]:
    """Those of the keys that a stored notice has, in any state."""
    found: set[str] = set()
    for part in _parts(sorted(keys)):
        found |= set(connection.scalars(select(NOTICE.c.key).where(NOTICE.c.key.in_(part))))
    return found


class SentStep(NamedTuple):
    """An escalation step that was sent to a mailbox."""

    case_ref: str
    fact_seq: int
    rule: str
    opened_seq: int
    due: date | None
    rank: int


def sent_steps(connection: Connection, drafts: Sequence[NoticeDraft]) -> list[SentStep]:
    """The escalation steps already sent about the cases of these notices to their mailboxes."""
    steps: list[SentStep] = []
    mailboxes = {draft.mailbox for draft in drafts}
    columns = [NOTICE.c[name] for name in SentStep._fields]
    for refs in _parts(sorted({draft.case_ref for draft in drafts})):
        query = select(*columns).where(
            NOTICE.c.case_ref.in_(refs),
            NOTICE.c.mailbox.in_(mailboxes),
            NOTICE.c.rank > 0,
            NOTICE.c.rung != WITHDRAWAL,
            NOT_BY_STATE.in_((NoticeState.SENT, NoticeState.SENT_PERHAPS_TWICE)),
        )
        steps += [SentStep._make(row) for row in connection.execute(query)]
    return steps


def change_state(
    connection: Connection,
    keys: Iterable[str],
    before: Sequence[NoticeState],
    after: NoticeState,
    letter: str | None = None,
) -> int:
    """Change notices from a state in `before` to `after`, into `letter` or out of any. Return how many changed."""
    changed = 0
    for part in _parts(sorted(keys)):
        statement = (
            update(NOTICE).where(NOTICE.c.key.in_(part), NOTICE.c.state.in_(before)).values(state=after, letter=letter)
        )
        changed += connection.execute(statement).rowcount
        log_keys(connection, NOTICE, part)
    return changed


def change_mailbox(connection: Connection, keys: Iterable[str], mailbox: str | None) -> None:
    """Address notices that have not left to another mailbox, and take those in a letter out of it."""
    for part in _parts(sorted(keys)):
        where = NOTICE.c.key.in_(part), NOTICE.c.state.in_(UNSENT)
        state = case((NOTICE.c.state == NoticeState.CLAIMED, NoticeState.CREATED), else_=NOTICE.c.state)
        connection.execute(update(NOTICE).where(*where).values(mailbox=mailbox, state=state, letter=None))
        log_keys(connection, NOTICE, part)


def postpone(connection: Connection, days: Mapping[str, date]) -> None:
    """Set a later day for notices, by key."""
    if days:
        statement = update(NOTICE).where(NOTICE.c.key == bindparam("k")).values(on=bindparam("day"))
        connection.execute(statement, [{"k": key, "day": day} for key, day in days.items()])
        log_keys(connection, NOTICE, days)


def store_fields(connection: Connection, fields: Mapping[str, str]) -> None:
    """Store the fields of notices as last worked out, by key."""
    if fields:
        statement = update(NOTICE).where(NOTICE.c.key == bindparam("k")).values(fields=bindparam("value"))
        connection.execute(statement, [{"k": key, "value": value} for key, value in fields.items()])
        log_keys(connection, NOTICE, fields)


def letter_id(connection: Connection, stem: str) -> str:
    """An id that no letter has: the stem, or the stem with a number behind it."""
    taken = connection.scalar(
        select(func.count()).select_from(LETTER).where(or_(LETTER.c.id == stem, LETTER.c.id.like(f"{stem}-%")))
    )
    return stem if not taken else f"{stem}-{taken + 1}"


def insert_letter(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert a new letter. Raises IntegrityError if another writer inserted it first."""
    insert_logged(connection, LETTER, [row])


def update_letter(
    connection: Connection, id_: str, before: LetterState, values: Mapping[str, Any], by: str | None = None
) -> bool:
    """Update a letter that is in the state `before` and, if given, leased `by` this run. Return whether it was."""
    where = and_(LETTER.c.id == id_, LETTER.c.state == before)
    if by is not None:
        where = and_(where, LETTER.c.claimed_by == by)
    log_keys(connection, LETTER, [id_])
    return connection.execute(update(LETTER).where(where).values(**values)).rowcount == 1


def attempts(connection: Connection, id_: str) -> int:
    """How often a letter has been tried."""
    return connection.scalar(select(LETTER.c.attempts).where(LETTER.c.id == id_)) or 1


def state_of(connection: Connection, id_: str) -> LetterState:
    """The stored state of a letter."""
    return LetterState(connection.execute(select(LETTER.c.state).where(LETTER.c.id == id_)).scalar_one())


def unfinished(connection: Connection) -> list[Row[Any]]:
    """Letters that a run began to send and whose outcome is not recorded."""
    return list(
        connection.execute(
            select(LETTER).where(LETTER.c.state == LetterState.SENDING).order_by(LETTER.c.on, LETTER.c.id)
        )
    )


def count_waiting(connection: Connection) -> int:
    """How many letters would leave now, if it were time to send: mailboxes with a notice, and letters being sent."""
    sending = (
        connection.scalar(select(func.count()).select_from(LETTER).where(LETTER.c.state == LetterState.SENDING)) or 0
    )
    return len(mailboxes_to_write(connection)) + sending


def count_held(connection: Connection) -> tuple[int, int]:
    """Return how many notices are on hold, and how many mailboxes they go to. All without an address count as one."""
    box = func.coalesce(NOTICE.c.mailbox, "")
    notices, mailboxes = connection.execute(
        select(func.count(), func.count(box.distinct())).where(NOTICE.c.state == NoticeState.HELD)
    ).one()
    return notices, mailboxes


def anything_open(connection: Connection) -> bool:
    """Whether a notice has no letter yet, or a letter has no final outcome."""
    notices = exists().where(NOTICE.c.state == NoticeState.CREATED)
    letters = exists().where(LETTER.c.state.in_((LetterState.WAITING, LetterState.SENDING)))
    return bool(connection.scalar(select(or_(notices, letters))))


def _parts(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + CHUNK] for start in range(0, len(values), CHUNK))
