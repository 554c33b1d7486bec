"""Lists of notices and letters, and one letter's text.

A letter is rendered from its stored template version and fields, so that it can be read years later as it was sent.
"""

from datetime import date
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, func, literal, select

from casework.cases.of_the_child import unnamed_cases
from casework.context import AppContext
from models.change_log import is_as_recorded
from models.database import reading
from models.enums import NoticeState
from models.errors import Refusal
from models.tables import LETTER, NOTICE
from notifications.render import Rendered, content_digest, render

MOST_COUNTED = 10_000
NOT_AS_SENT = (
    "WARNING: this is not the e-mail as it was sent: its row was altered since. Do not rely on the text below. To read"
    " what else differs: sendflow verify"
)


class NoSuchLetter(Refusal, LookupError):
    """There is no letter of that id."""

    default_code = "no_such_letter"


class ListedNotice(BaseModel):
    """One notice: about what, to whom, and how far it has come. `sent_at` is an instant (UTC), `letter` the id of the
    message that holds it.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    rule: str
    rung: str
    body: str | None
    service: str | None
    recipient: str
    state: str
    on: date
    sent_at: str | None
    letter: str | None


class ShownLetter(BaseModel):
    """One letter as it was, or is to be, sent."""

    model_config = ConfigDict(frozen=True)
    id: str
    mailbox: str
    on: date
    state: str
    why: str | None
    sent_at: str | None
    message_id: str
    template: str
    template_version: int
    subject: str
    text: str
    html: str
    warning: str | None = None


class ListedLetter(BaseModel):
    """One letter in a list for a person."""

    model_config = ConfigDict(frozen=True)
    id: str
    on: date
    mailbox: str
    state: str
    why: str | None
    subject: str


def listed(context: AppContext) -> list[ListedNotice]:
    """Every notice, the oldest first."""
    names = ("case_ref", "rule", "rung", "body", "service", "recipient", "state", "on", "letter")
    columns = [NOTICE.c[name] for name in names]
    query = select(*columns, LETTER.c.sent_at).join(LETTER, LETTER.c.id == NOTICE.c.letter, isouter=True)
    with reading(context.engine) as connection:
        if refs := unnamed_cases(connection):
            query = query.where(NOTICE.c.case_ref.not_in(refs))
        found = connection.execute(
            query.order_by(NOTICE.c.on, NOTICE.c.created_at, NOTICE.c.case_ref, NOTICE.c.fact_seq, NOTICE.c.key)
        )
        return [ListedNotice(**row) for row in found.mappings()]


def letters(context: AppContext, state: str = "") -> list[ListedLetter]:
    """Every letter, or those of a state, the daily digests among them, the oldest first."""
    with reading(context.engine) as connection:
        rows = connection.execute(_of_state(connection, select(LETTER), state).order_by(LETTER.c.on, LETTER.c.id)).all()
    return [_listed(row) for row in rows]


def letters_page(context: AppContext, state: str, page: int, size: int) -> tuple[list[ListedLetter], int]:
    """One page of the letters, or of those of a state, the newest first, and how many there are in all.

    `page` counts from 1. No more than MOST_COUNTED are counted.
    """
    newest = LETTER.c.on.desc(), LETTER.c.id.desc()
    with reading(context.engine) as connection:
        counted = _of_state(connection, select(LETTER.c.id), state).order_by(*newest).limit(MOST_COUNTED)
        total = connection.scalar(select(func.count()).select_from(counted.subquery())) or 0
        query = _of_state(connection, select(LETTER), state).order_by(*newest)
        rows = connection.execute(query.limit(size).offset((page - 1) * size)).all()
    return [_listed(row) for row in rows], total


def letters_after(
    context: AppContext, state: str, after: tuple[date, str] | None, size: int
) -> list[tuple[ListedLetter, list[str]]]:
    """The letters that follow one, by its day and id, the newest first, each with the cases that it is about.

    At most `size`. `state`: only those in it.
    """
    with reading(context.engine) as connection:
        query = _of_state(connection, select(LETTER), state)
        if after is not None:
            on, id_ = after
            query = query.where((LETTER.c.on < on) | ((LETTER.c.on == on) & (LETTER.c.id < id_)))
        rows = connection.execute(query.order_by(LETTER.c.on.desc(), LETTER.c.id.desc()).limit(size)).all()
        about: dict[str, set[str]] = {}
        cases = select(NOTICE.c.letter, NOTICE.c.case_ref).where(NOTICE.c.letter.in_([row.id for row in rows]))
        for letter, ref in connection.execute(cases):
            about.setdefault(letter, set()).add(ref)
    return [(_listed(row), sorted(about.get(row.id, ()))) for row in rows]


def _of_state(connection: Connection, query: Any, state: str) -> Any:
    """The letters of a state that a list may name: about no case whose person said no."""
    if refs := unnamed_cases(connection):
        about = select(NOTICE.c.letter).where(NOTICE.c.case_ref.in_(refs), NOTICE.c.letter.is_not(None))
        query = query.where(LETTER.c.id.not_in(about))
    return query.where(LETTER.c.state == state) if state else query


def _listed(row: Any) -> ListedLetter:
    return ListedLetter(
        id=row.id, on=row.on, mailbox=row.mailbox, state=row.state, why=row.why, subject=_rendered(row).subject
    )


def not_in_a_letter(context: AppContext, most: int) -> tuple[list[ListedNotice], int]:
    """The notices in no letter yet and not on hold, the earliest first, at most `most`, and how many there are."""
    where = NOTICE.c.state == NoticeState.CREATED
    names = ("case_ref", "rule", "rung", "body", "service", "recipient", "state", "on", "letter")
    query = select(*(NOTICE.c[name] for name in names), literal(None).label("sent_at")).where(where)
    with reading(context.engine) as connection:
        total = connection.scalar(select(func.count()).select_from(NOTICE).where(where)) or 0
        rows = connection.execute(query.order_by(NOTICE.c.on, NOTICE.c.case_ref, NOTICE.c.key).limit(most))
        return [ListedNotice(**row) for row in rows.mappings()], total


def shown(context: AppContext, letter: str) -> ShownLetter:
    """One letter's text. Raises NoSuchLetter, or RenderError where its template's version is no longer in
    the folder.
    """
    with reading(context.engine) as connection:
        row = connection.execute(select(LETTER).where(LETTER.c.id == letter)).first()
        recorded = row is None or is_as_recorded(connection, LETTER, row)
    if row is None:
        raise NoSuchLetter("no letter has that id: sendflow letters lists them, for example 20260414-3d559e323b")
    stored = {
        name: getattr(row, name)
        for name in ("id", "mailbox", "on", "state", "why", "sent_at", "message_id", "template", "template_version")
    }
    rendered = _rendered(row)
    differs = row.content_digest not in (None, content_digest(rendered)) or not recorded
    return ShownLetter(**stored, **rendered._asdict(), warning=NOT_AS_SENT if differs else None)


def cases_in(context: AppContext, letter: str) -> list[str]:
    """The references of the cases that a letter is about, sorted; of a daily digest none are stored."""
    query = select(NOTICE.c.case_ref).where(NOTICE.c.letter == letter).distinct()
    with reading(context.engine) as connection:
        return sorted(connection.scalars(query))


def _rendered(row: Any) -> Rendered:
    return render(row.template, row.template_version, orjson.loads(row.fields))
