"""What became of one e-mail: each outcome that the histories of its cases have, and how often it was tried."""

import orjson
from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.context import AppContext
from models.common_facts import CAME_BACK, UNDELIVERED
from models.database import reading
from models.tables import CHANGE_LOG, FACT, LETTER, NOTICE

OUTCOMES = ("notice_sent", "notice_failed", CAME_BACK, UNDELIVERED)


class LetterEvent(BaseModel):
    """One thing that happened to an e-mail. `at` is an instant (UTC); `cases` are those in whose history it is."""

    model_config = ConfigDict(frozen=True)
    at: str
    what: str
    why: str | None
    cases: list[str]


class LetterEvents(BaseModel):
    """How often an e-mail was tried, and what happened to it, the oldest first."""

    model_config = ConfigDict(frozen=True)
    attempts: int
    events: list[LetterEvent]


def letter_events(context: AppContext, letter: str) -> LetterEvents:
    """Read what became of a letter. `row_changed`: an attempt began or its answer was noted."""
    with reading(context.engine) as connection:
        attempts = connection.scalar(select(LETTER.c.attempts).where(LETTER.c.id == letter)) or 0
        refs = set(connection.scalars(select(NOTICE.c.case_ref).where(NOTICE.c.letter == letter)))
        facts = connection.execute(
            select(FACT.c.case_ref, FACT.c.kind, FACT.c.recorded_at, FACT.c.text)
            .where(FACT.c.case_ref.in_(sorted(refs)[:900]), FACT.c.kind.in_(OUTCOMES))
            .order_by(FACT.c.recorded_at)
        ).all()
        log = select(CHANGE_LOG.c.at).where(CHANGE_LOG.c.subject == LETTER.name, CHANGE_LOG.c.key == letter)
        changed = list(connection.scalars(log.order_by(CHANGE_LOG.c.number)))
    found: dict[tuple[str, str, str | None], set[str]] = {(at, "row_changed", None): set() for at in changed}
    for row in facts:
        data = orjson.loads(row.text)["data"]
        if data.get("letter") == letter:
            found.setdefault((row.recorded_at, row.kind, data.get("why") or data.get("cause")), set()).add(row.case_ref)
    events = [LetterEvent(at=at, what=what, why=why, cases=sorted(cases)) for (at, what, why), cases in found.items()]
    events.sort(key=lambda each: (each.at, each.what != "row_changed"))
    return LetterEvents(attempts=attempts, events=events)
