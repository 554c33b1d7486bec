"""Which letters wait for an earlier one: the recipient of the lower step gets it first. Pure.

The day of an escalation step does not change; its letter may wait. It leaves once the lower steps of the same duty were
accepted by the mail server, and the time that lies between the two steps has passed since. A lower step whose letter
failed for good counts from that day. If recipients read that nothing is owed any more, and then that it is needed
after all, each later step gets its own time again from the day of that letter.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from config.escalation_policy import EscalationStep
from deadlines.duties import Duty
from deadlines.escalation import WorkingDays, step_day
from deadlines.working_calendar import OutsideCalendarRange
from models.casefile import CaseFile
from models.common_facts import RETURNED
from models.facts import StoredFact
from notifications.ended_duties import AGAIN, ENDED
from notifications.letter_fields import SENT, WITHDRAWAL, CaseView
from notifications.notices import NoticeDraft, StillNeeded, still_needed

DAY = timedelta(days=1)
FAILED = "notice_failed"


class Wait(NamedTuple):
    """Why a notice waits: for the letter of the step or event `rung`. It may leave on `until`; None if that letter has
    not left yet.
    """

    rung: str
    until: date | None


class _Days(NamedTuple):
    """The day of a step, and the first working day from it: the letter leaves then if nothing holds it."""

    due: date
    leaves: date


class _Outcome(NamedTuple):
    """The last outcome of the letter of one step."""

    rung: str
    on: date
    seq: int


def is_step(draft: NoticeDraft) -> bool:
    """Whether a notice is about an escalation step, and not about an event, an end or a withdrawal."""
    return draft.rank > 0 and draft.rung != WITHDRAWAL


def wait_for_lower_steps(view: CaseView, draft: NoticeDraft, unsent: Sequence[NoticeDraft], today: date) -> Wait | None:
    """What the notice of a step waits for on `today`; None if it may leave.

    `unsent` are the notices of the same case that have not left. A lower step to the same mailbox is no reason to wait:
    the higher one includes it.
    """
    duty = view.duty(draft.rule, draft.opened_seq)
    step = view.ladder.step(draft.rule, draft.rung)
    if duty is None or step is None or not is_step(draft):
        return None
    before = next((other for other in unsent if _goes_before(view, draft, other, today)), None)
    if before is not None:
        return Wait(before.rung, None)
    waits = [wait for wait in _intervals(view, duty, step) if wait.until is not None and wait.until > today]
    return max(waits, key=lambda wait: wait.until or today, default=None)


def _goes_before(view: CaseView, draft: NoticeDraft, other: NoticeDraft, today: date) -> bool:
    if (other.case_ref, other.rule, other.opened_seq) != (draft.case_ref, draft.rule, draft.opened_seq):
        return False
    if other.rung != AGAIN:
        lower = is_step(other) and other.rank < draft.rank
        if not lower or (other.mailbox is not None and other.mailbox == draft.mailbox):
            return False
    return still_needed(view, other, today) is not StillNeeded.NO


def _intervals(view: CaseView, duty: Duty, step: EscalationStep) -> Iterable[Wait]:
    """The first day on which the letter of `step` may leave after the lower step whose letter left or failed last, and
    after a letter that it is needed after all.
    """
    calendar, own = view.calendar, _days(view.calendar, duty, step)
    if own is None:
        return
    outcomes = _outcomes(view.casefile, duty)
    below = [one for one in view.ladder.steps(duty.rule) if one.rank < step.rank]
    left = [one for one in below if one.id in outcomes]
    if left:
        last = max(left, key=lambda one: (outcomes[one.id].on, one.rank))
        yield Wait(last.id, _after(calendar, step, outcomes[last.id].on, _days(calendar, duty, last), own))
    again = outcomes.get(AGAIN)
    if again is not None:
        since = _days(calendar, duty, below[-1]) if below else _Days(duty.opened_on, duty.opened_on)
        until = _after(calendar, step, again.on, since, own)
        yield Wait(AGAIN, max(until, _first_working_day(calendar, again.on + DAY)))


def _outcomes(casefile: CaseFile, duty: Duty) -> Mapping[str, _Outcome]:
    """The last day on which a letter of each step in force left or failed, by step."""
    outcomes: dict[str, _Outcome] = {}
    for fact in casefile.lines:
        if fact.kind in {SENT, FAILED, *RETURNED} and _is_about(casefile, duty, fact):
            rung = str(fact.data["rung"])
            if rung not in outcomes or (fact.occurred_on, fact.seq) > outcomes[rung][1:]:
                outcomes[rung] = _Outcome(rung, fact.occurred_on, fact.seq)
    ended = outcomes.get(ENDED)
    if ended is not None and AGAIN in outcomes and outcomes[AGAIN].seq < ended.seq:
        del outcomes[AGAIN]
    return outcomes


def _is_about(casefile: CaseFile, duty: Duty, fact: StoredFact) -> bool:
    data = fact.data
    if (data["rule"], data["opened_seq"]) != (duty.rule, duty.opened_seq):
        return False
    if data["rung"] in (ENDED, AGAIN):
        return True
    recorded = casefile.steps_recorded.get(data.get("rung_seq") or 0)
    return data.get("due") == (duty.due.isoformat() if duty.due else None) and not (recorded and recorded.withdrawn)


def _days(calendar: WorkingDays, duty: Duty, step: EscalationStep) -> _Days | None:
    try:
        day = step_day(duty, step, calendar)
    except OutsideCalendarRange:
        return None
    return _Days(day, _first_working_day(calendar, day)) if day is not None else None


def _first_working_day(calendar: WorkingDays, day: date) -> date:
    try:
        return calendar.add_working_days(day - DAY, 1)
    except OutsideCalendarRange:
        return day


def _after(calendar: WorkingDays, step: EscalationStep, left_on: date, lower: _Days | None, own: _Days) -> date:
    """The day that lies as long after `left_on` as the letter of `step` leaves after that of the step below, if both
    leave on their days: in working days if the step counts so, else in calendar days.
    """
    if lower is None or own.leaves <= lower.leaves:
        return left_on
    if step.working_days is None:
        return left_on + min(own.leaves - lower.leaves, max(own.due - lower.due, timedelta()))
    count, day = 0, lower.leaves
    while day < own.leaves:
        day = calendar.add_working_days(day, 1)
        count += 1
    try:
        return calendar.add_working_days(left_on, count)
    except OutsideCalendarRange:
        return left_on + timedelta(weeks=count / 5)
