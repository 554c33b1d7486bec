"""The letter book: which notices there are, what one letter said, and the release of those that a first import holds
back.

Purpose: a letter's text is rendered from what was kept of it, so that it can be read years later as it was sent.
Looking changes nothing; releasing moves held notices to where the next delivery finds them, and sends nothing by
itself.
"""

from datetime import date
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select, update

from casework.context import AppContext
from models.database import reading, writing
from models.enums import NoticeState
from notifications.outbox import LETTER, NOTICE
from notifications.render import Rendered, render


class NoSuchLetter(LookupError):
    """There is no letter of that id."""


class ListedNotice(BaseModel):
    """One notice: about what, to whom, and how far it has come. `sent_at` is an instant (UTC), `letter` the id of the
    message that holds it.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    rule: str
    rung: str
    body: str | None
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


class ListedLetter(BaseModel):
    """One letter in a list for a person."""

    model_config = ConfigDict(frozen=True)
    id: str
    on: date
    mailbox: str
    state: str
    why: str | None
    subject: str


class HeldFor(BaseModel):
    """How many held notices would go to one mailbox."""

    model_config = ConfigDict(frozen=True)
    mailbox: str | None
    recipient: str
    notices: int
    cases: int


def listed(context: AppContext) -> list[ListedNotice]:
    """Every notice, the oldest first."""
    columns = [NOTICE.c[name] for name in ("case_ref", "rule", "rung", "body", "recipient", "state", "on", "letter")]
    query = select(*columns, LETTER.c.sent_at).join(LETTER, LETTER.c.id == NOTICE.c.letter, isouter=True)
    with reading(context.engine) as connection:
        found = connection.execute(
            query.order_by(NOTICE.c.on, NOTICE.c.created_at, NOTICE.c.case_ref, NOTICE.c.fact_seq, NOTICE.c.key)
        )
        return [ListedNotice(**row) for row in found.mappings()]


def letters(context: AppContext) -> list[ListedLetter]:
    """Every letter, the morning digests among them, the oldest first."""
    with reading(context.engine) as connection:
        rows = connection.execute(select(LETTER).order_by(LETTER.c.on, LETTER.c.id)).all()
    return [
        ListedLetter(
            id=row.id, on=row.on, mailbox=row.mailbox, state=row.state, why=row.why, subject=_rendered(row).subject
        )
        for row in rows
    ]


def shown(context: AppContext, letter: str) -> ShownLetter:
    """One letter's text. Raises NoSuchLetter, or RenderError where its template's version is no longer in
    the folder.
    """
    with reading(context.engine) as connection:
        row = connection.execute(select(LETTER).where(LETTER.c.id == letter)).first()
    if row is None:
        raise NoSuchLetter("no letter has that id: sendflow letters lists them, for example 20260414-3d559e323b")
    kept = {
        name: getattr(row, name)
        for name in ("id", "mailbox", "on", "state", "why", "sent_at", "message_id", "template", "template_version")
    }
    return ShownLetter(**kept, **_rendered(row)._asdict())


def _rendered(row: Any) -> Rendered:
    return render(row.template, row.template_version, orjson.loads(row.fields))


def held(context: AppContext) -> list[HeldFor]:
    """To whom the held notices would go, the most first."""
    query = (
        select(NOTICE.c.mailbox, NOTICE.c.recipient, func.count(), func.count(NOTICE.c.case_ref.distinct()))
        .where(NOTICE.c.state == NoticeState.HELD)
        .group_by(NOTICE.c.mailbox, NOTICE.c.recipient)
    )
    with reading(context.engine) as connection:
        found = [
            HeldFor(mailbox=box, recipient=who, notices=notices, cases=cases)
            for box, who, notices, cases in connection.execute(query)
        ]
    return sorted(found, key=lambda one: (-one.notices, one.mailbox or "", one.recipient))


def release(context: AppContext) -> int:
    """Lets the held notices go with the next delivery; returns how many there were."""
    with writing(context.engine) as connection:
        statement = update(NOTICE).where(NOTICE.c.state == NoticeState.HELD).values(state=NoticeState.CREATED)
        return connection.execute(statement).rowcount
