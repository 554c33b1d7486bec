"""The notices of one case with their letters: what was sent to whom, what waits, and why."""

from datetime import date

from pydantic import BaseModel, ConfigDict
from sqlalchemy import bindparam, select

from casework.context import AppContext
from models.database import reading
from models.questions import Question
from models.tables import CASE, LETTER, NOTICE


class CaseLetter(BaseModel):
    """One notice of a case. `letter` is the id of the message that holds it; `sent_at` is an instant (UTC)."""

    model_config = ConfigDict(frozen=True)
    on: date
    created_at: str
    rung: str
    rule: str
    recipient: str
    mailbox: str | None
    body: str | None
    state: str
    letter: str | None
    sent_at: str | None
    why: str | None


class LinkedCase(BaseModel):
    """Another case of the same child."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    state: str
    opened_on: date


_OF_THE_NOTICE = ("on", "created_at", "rung", "rule", "recipient", "mailbox", "body", "state", "letter")
LETTERS = Question(
    select(*(NOTICE.c[name] for name in _OF_THE_NOTICE), LETTER.c.sent_at, LETTER.c.why)
    .join(LETTER, LETTER.c.id == NOTICE.c.letter, isouter=True)
    .where(NOTICE.c.case_ref == bindparam("ref"))
    .order_by(NOTICE.c.on, NOTICE.c.fact_seq, NOTICE.c.key)
)


def letters_of(context: AppContext, case_ref: str) -> list[CaseLetter]:
    """The notices of a case, the oldest first."""
    with reading(context.engine) as connection:
        return [CaseLetter(**row._asdict()) for row in LETTERS.rows(connection, ref=case_ref)]


def linked_cases(context: AppContext, case_ref: str) -> list[LinkedCase]:
    """The other cases of the child, by their reference."""
    with reading(context.engine) as connection:
        return [LinkedCase(**row._asdict()) for row in LINKED.rows(connection, ref=case_ref)]


_OWN = CASE.alias()
LINKED = Question(
    select(*(CASE.c[name] for name in LinkedCase.model_fields))
    .join(_OWN, _OWN.c.child_key == CASE.c.child_key)
    .where(_OWN.c.case_ref == bindparam("ref"), CASE.c.case_ref != _OWN.c.case_ref)
    .order_by(CASE.c.case_ref)
)
