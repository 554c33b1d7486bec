"""What an act did to a case: which duties it opened, met, ended or moved, and which letters it causes.

Read from the history before and after the act, and from the notices that its facts caused. Pure but for the reading.
"""

from datetime import date
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import select

from casework.cases.loaded_case import replay_case
from casework.context import AppContext
from casework.reports.histories import read_histories
from deadlines.duties import Duty
from models.database import reading
from models.facts import StoredFact
from models.tables import NOTICE

Change = Literal["opened", "met", "ended", "reopened", "moved", "removed"]


class DutyEffect(BaseModel):
    """One duty that an act changed. `due` is the date now, `due_was` the one before the act."""

    model_config = ConfigDict(frozen=True)
    rule: str
    action: str
    body: str | None
    service: str | None
    change: Change
    due: date | None
    due_was: date | None
    on: date | None


class LetterEffect(BaseModel):
    """One notice that an act caused: the event or step, its recipient, and its state, such as `created` or `held`."""

    model_config = ConfigDict(frozen=True)
    rung: str
    recipient: str
    state: str


class Effects(BaseModel):
    """What an act did, the duties in the order in which they were opened."""

    model_config = ConfigDict(frozen=True)
    duties: list[DutyEffect]
    letters: list[LetterEffect]


def effects(context: AppContext, case_ref: str, after: int) -> Effects:
    """Give what the facts of a case with a number above `after` did. Raises NoSuchCase."""
    with reading(context.engine) as connection:
        (facts,) = read_histories(connection, case_ref)
        query = select(NOTICE.c.rung, NOTICE.c.recipient, NOTICE.c.state).where(
            NOTICE.c.case_ref == case_ref, NOTICE.c.fact_seq > after
        )
        letters = [LetterEffect(**row) for row in connection.execute(query.order_by(NOTICE.c.key)).mappings()]
    earlier = [fact for fact in facts if fact.seq <= after]
    return Effects(duties=changes(context, case_ref, earlier, facts), letters=letters)


def changes(context: AppContext, case_ref: str, before: list[StoredFact], after: list[StoredFact]) -> list[DutyEffect]:
    """Compare the duties of two histories of one case, of which `after` continues `before`."""
    old = {(duty.rule, duty.opened_seq): duty for duty in _duties(context, case_ref, before)}
    new = {(duty.rule, duty.opened_seq): duty for duty in _duties(context, case_ref, after)}
    found = [(duty, _change(old.get(key), duty), old.get(key)) for key, duty in new.items()]
    removed: list[tuple[Duty, Change | None, Duty | None]] = [
        (duty, "removed", duty) for key, duty in old.items() if key not in new
    ]
    return [
        _effect(context, duty, change, before)
        for duty, change, before in [*found, *removed]
        if change is not None and duty.bound == "by"
    ]


def _duties(context: AppContext, case_ref: str, facts: list[StoredFact]) -> list[Duty]:
    return replay_case(context, case_ref, facts).duties if facts else []


def _change(before: Duty | None, now: Duty) -> Change | None:
    closed, was_closed = now.closed_on is not None, before is not None and before.closed_on is not None
    if closed and not was_closed:
        return "met" if now.met_on is not None else "ended"
    if before is None:
        return "opened"
    if was_closed and not closed:
        return "reopened"
    return "moved" if before.due != now.due else None


def _effect(context: AppContext, duty: Duty, change: Change, before: Duty | None) -> DutyEffect:
    return DutyEffect(
        rule=duty.rule,
        action=context.law.rules[duty.rule].action,
        body=duty.body,
        service=duty.service,
        change=change,
        due=None if change == "removed" else duty.due,
        due_was=before.due if before is not None else None,
        on=duty.met_on or duty.ended_on,
    )
