"""Propose one day on which the reviews of two or three cases of one child can be held together. Writes nothing.

The statute file says which duties are held as a review (`held_as`), and which step follows the meeting before the duty
is met (`then`). For example, a review of a plan ends with the authority's decision (SEND Regs 2014 reg 20(10)).
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import Connection, select

from casework.context import AppContext
from casework.reports.histories import read_histories
from deadlines.duties import Duty, duties_of
from deadlines.joint_review import Reading, align
from deadlines.working_calendar import OutsideCalendarRange
from models.casefile import CaseFile
from models.database import reading
from models.errors import Refusal
from models.tables import CASE
from statemachines.replay import replay

MEETING = "review"
DAY = timedelta(days=1)


class Hold(NamedTuple):
    """By when a review has to be held, on the readings of its duty."""

    due: date
    strict_due: date
    act_by: date | None


class NoJointReview(Refusal, ValueError):
    """The reviews of these cases cannot be held together; the text says why."""

    default_code = "no_joint_review"


class ReviewShown(BaseModel):
    """One of the reviews: its dates, and what it would lose (calendar days).

    `hold_by` is the last day on which to meet. It is earlier than `due` if the step `then` has to follow and there is
    still time for it.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    rule: str
    opened_seq: int
    due: date
    strict_due: date
    act_by: date | None
    hold_by: date
    then: str | None
    citation: str
    basis: str
    days_given_up: int | None
    days_late_on_the_others_day: int


class JointReviewReport(BaseModel):
    """The day proposed for all, and the reading on which it is safe; or why there is none."""

    model_config = ConfigDict(frozen=True)
    as_at: date
    on: date | None
    reading: Reading | None
    reason: str | None
    reviews: list[ReviewShown]


def plan_joint_review(context: AppContext, refs: Sequence[str], as_at: date | None = None) -> JointReviewReport:
    """Propose one day for the reviews of two or three cases.

    Raises NoSuchCase, or NoJointReview if the reviews cannot be held together.
    """
    if len(set(refs)) < len(refs):
        raise NoJointReview(
            "several cases are aligned, and this is the same one twice: name the other cases of the child"
        )
    when = as_at or context.today()
    with reading(context.engine) as connection:
        histories = read_histories(connection, *refs)
        if not _of_one_child(connection, refs):
            raise NoJointReview(
                "these cases are not known to be of one child: where they are, sendflow join CASE --with CASE records"
                " it, as does the same NHS number on both"
            )
    files = [replay(ref, facts) for ref, facts in zip(refs, histories, strict=True)]
    found = [(file, _review(context, file)) for file in files]
    holds = [_hold(context, duty, when) for _file, duty in found]
    proposed = align([hold for hold, _then in holds], when)
    reviews = [
        ReviewShown(
            case_ref=file.case_ref,
            process=file.process,
            rule=duty.rule,
            opened_seq=duty.opened_seq,
            due=duty.dates.due or when,
            strict_due=duty.dates.strict_due or duty.dates.due or when,
            act_by=duty.dates.act_by,
            hold_by=hold.due,
            then=then,
            citation=duty.dates.citation,
            basis=duty.dates.basis,
            days_given_up=loss.days_given_up,
            days_late_on_the_others_day=loss.days_late_on_the_others_day,
        )
        for (file, duty), (hold, then), loss in zip(found, holds, proposed.losses, strict=True)
    ]
    return JointReviewReport(
        as_at=when, on=proposed.on, reading=proposed.reading, reason=proposed.reason, reviews=reviews
    )


def _hold(context: AppContext, duty: Duty, when: date) -> tuple[Hold, str | None]:
    """By when to meet so that the following step has its whole time; the duty's own dates if that day has passed."""
    due, strict = duty.dates.due or when, duty.dates.strict_due or duty.dates.due or when
    then = context.law.rules[duty.rule].then
    if then is None or (by := _leaving_time(context, then, due)) < when:
        return Hold(due, strict, duty.dates.act_by), None
    strict = min(by, _leaving_time(context, then, strict))
    try:
        act_by: date | None = context.calendar.working_day_on_or_before(strict)
    except OutsideCalendarRange:
        act_by = None
    return Hold(by, strict, act_by), then


def _leaving_time(context: AppContext, then: str, until: date) -> date:
    """The last day on which a meeting leaves the whole of the step that follows it before `until`."""
    day = until
    while (end := context.dates_of(then, day, {}).due) is not None and end > until:
        day -= DAY
    return day


def _review(context: AppContext, file: CaseFile) -> Duty:
    """The review that the case owes next. Raises NoJointReview if it owes none."""
    rules = {rule.id: rule for rule in context.law.duties_of(file.process)}
    duties = duties_of(file.lines, context.duty_rules[file.process], context.dates_of, file.claims.values())
    owed = [
        duty
        for duty in duties
        if rules[duty.rule].held_as == MEETING and duty.closed_on is None and duty.due is not None
    ]
    if not owed:
        raise NoJointReview(
            f"case {file.case_ref} ({context.processes[file.process].title}) owes no review with a date just now"
        )
    review = min(owed, key=lambda duty: (str(duty.due), duty.opened_seq))
    begun = next((duty for duty in duties if duty.rule == rules[review.rule].then and duty.closed_on is None), None)
    if begun is not None:
        raise NoJointReview(
            f"case {file.case_ref} ({context.processes[file.process].title}) has had its meeting, on"
            f" {begun.started_on.isoformat()}: what is owed now is to {rules[begun.rule].action}, and the review after"
            " it can be aligned then"
        )
    return review


def _of_one_child(connection: Connection, refs: Sequence[str]) -> bool:
    keys = list(connection.scalars(select(CASE.c.child_key).where(CASE.c.case_ref.in_(refs))))
    return len(keys) == len(refs) and keys[0] is not None and len(set(keys)) == 1
