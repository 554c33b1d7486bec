"""Which escalation steps are due and not yet recorded, which recorded ones have become false, and when to check again.

Comparisons are open-ended (`as_at >= the step's day`), so a sweep after an outage records what daily sweeps would have
recorded. The escalation policy is local and adds to the law. An accepted exception stops it, a waiting list does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from operator import itemgetter
from typing import NamedTuple, Protocol, TypeVar

from deadlines.duties import Duty
from deadlines.working_calendar import OutsideCalendarRange
from models.casefile import CaseFile, EscalationFact
from models.facts import FactDraft

DAY = timedelta(days=1)
ASSERTS_LATENESS = frozenset({"breached", "escalation_due"})
DutyKey = tuple[str, int]  # the rule, and the number of the fact that opened the duty


class WorkingDays(Protocol):
    """What this module needs of the working-day calendar; `last` is the last day that it knows."""

    @property
    def last(self) -> date: ...
    def add_working_days(self, day: date, count: int) -> date: ...


class StepLike(Protocol):
    """What this module reads of a step of the escalation policy."""

    @property
    def id(self) -> str: ...
    @property
    def fact(self) -> str: ...
    @property
    def after(self) -> str | None: ...
    @property
    def before(self) -> str | None: ...
    @property
    def distance(self) -> timedelta: ...
    @property
    def working_days(self) -> int | None: ...
    @property
    def unless(self) -> str | None: ...


S = TypeVar("S", bound=StepLike)
DatedStep = tuple[StepLike, date]
DAY_OF = itemgetter(1)
MOST_KNOWN = 10_000  # duties whose days are remembered: about as many as begin in a month in England


class Evaluation(NamedTuple):
    """What the escalation policy has to say of one case: facts to record, and for each duty the next day to check."""

    drafts: list[FactDraft]
    next_check_on: dict[DutyKey, date | None]


def step_day(duty: Duty, step: StepLike, calendar: WorkingDays) -> date | None:
    """The day on which a step is due; None for a duty without a due date.

    Raises OutsideCalendarRange if the working-day calendar ends before that day.
    """
    due = duty.dates.due
    if due is None:
        return None
    if step.before is not None:
        # Never before the fact that opened the duty: a child's birth lies long before anybody knew of the duty.
        return max(due - step.distance, duty.opened_on)
    after, working_days = step.after, step.working_days
    origin = duty.started_on if after == "start" else due if after == "due" else due + DAY
    return calendar.add_working_days(origin, working_days) if working_days is not None else origin + step.distance


def steps_due(duty: Duty, steps: Iterable[S], calendar: WorkingDays, as_at: date) -> list[tuple[S, date]]:
    """The steps of an open duty dated on or before `as_at`, lowest first, recorded or not.

    Raises OutsideCalendarRange if `as_at` lies beyond the calendar and a step needs a working day there.
    """
    days = ((step, _day_or_end_of_calendar(duty, step, calendar)) for step in steps)
    return [(step, step_day(duty, step, calendar) or day) for step, day in days if day is not None and day <= as_at]


def _day_or_end_of_calendar(duty: Duty, step: StepLike, calendar: WorkingDays) -> date | None:
    """The day of a step, or the first day after the calendar if the step lies beyond it: no step is due until then."""
    try:
        return step_day(duty, step, calendar)
    except OutsideCalendarRange:
        return calendar.last + DAY


class DatedSteps(NamedTuple):
    """The steps of one duty that have a day, with that day; and those of them that record a breach."""

    all: list[DatedStep]
    breaches: list[DatedStep]


class StepDays:
    """The steps of each rule with their days, calculated once for all duties of a rule with the same days.

    `steps_of` has the steps by rule.
    """

    __slots__ = ("_known", "calendar", "steps_of")

    def __init__(self, steps_of: Mapping[str, Sequence[StepLike]], calendar: WorkingDays) -> None:
        """Know no day yet."""
        self.steps_of = steps_of
        self.calendar = calendar
        self._known: dict[tuple[str, date | None, date, date], DatedSteps] = {}

    def of(self, duty: Duty) -> DatedSteps:
        """The steps of a duty, each with its day, or with the first day after the calendar if it lies beyond that."""
        key = (duty.rule, duty.dates.due, duty.started_on, duty.opened_on)
        return self._known.get(key) or self._calculated(key, duty)

    def _calculated(self, key: tuple[str, date | None, date, date], duty: Duty) -> DatedSteps:
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        steps = [
            (step, day)
            for step in self.steps_of.get(duty.rule, ())
            if (day := _day_or_end_of_calendar(duty, step, self.calendar)) is not None
        ]
        found = self._known[key] = DatedSteps(steps, [each for each in steps if each[0].fact == "breached"])
        return found


def evaluate(casefile: CaseFile, duties: Sequence[Duty], step_days: StepDays, as_at: date, ended: bool) -> Evaluation:
    """Return the facts that are due by `as_at` and not recorded: withdrawals first, then steps, oldest first.

    `ended`: the case is in a final state, so no step becomes due; steps that have become false are still withdrawn.
    Raises OutsideCalendarRange only if `as_at` itself lies beyond the calendar; a step beyond it delays no earlier one.
    """
    drafts: list[FactDraft] = []
    next_check_on: dict[DutyKey, date | None] = {}
    in_force: set[tuple[str, int, str]] = set()
    if casefile.steps_recorded:
        in_force = _steps_in_force(casefile, duties, as_at, drafts, next_check_on)
    steps_of = step_days.steps_of
    unchanged = not in_force and not casefile.pauses
    for duty in duties:
        rule = duty.rule
        if rule not in steps_of or duty.provisional or not duty.may_be_chased:
            # Some rules bind bodies and others alike: only a body that has been asked is reminded.
            continue
        key = (rule, duty.opened_seq)
        soonest = next_check_on.get(key)
        steps = () if ended else _open_steps(casefile, duty, step_days)
        if unchanged and soonest is None:
            soonest = min(map(DAY_OF, steps), default=None)
            if soonest is None or soonest > as_at:  # as of most duties: nothing is due yet
                next_check_on[key] = soonest
                continue
        for step, day in steps:
            if in_force and (*key, step.id) in in_force:
                continue
            check_on = day
            if casefile.pauses and (paused_until := _paused(casefile, duty, day)) is not None:
                check_on = paused_until + DAY
            if soonest is None or check_on < soonest:
                soonest = check_on
            if day <= as_at and _paused(casefile, duty, as_at) is None:
                drafts.append(_step_fact(duty, step, step_day(duty, step, step_days.calendar) or day))
        next_check_on[key] = soonest
    if len(drafts) > 1:
        drafts.sort(key=lambda draft: (draft.kind != "rung_withdrawn", draft.occurred_on))
    return Evaluation(drafts, next_check_on)


def _steps_in_force(
    casefile: CaseFile,
    duties: Sequence[Duty],
    as_at: date,
    drafts: list[FactDraft],
    next_check_on: dict[DutyKey, date | None],
) -> set[tuple[str, int, str]]:
    """The recorded steps that are true. Adds a withdrawal of each other one to `drafts`, and its next check."""
    by_opening = {(duty.rule, duty.opened_seq): duty for duty in duties}
    recorded = [fact for fact in casefile.steps_recorded.values() if not fact.withdrawn]
    false = sorted((fact for fact in recorded if _is_false(fact, by_opening)), key=lambda fact: fact.seq)
    for fact in false:
        duty = by_opening.get((fact.rule, fact.opened_seq))
        drafts.append(_withdrawal(fact, duty, as_at))
        if duties:
            # A withdrawn request leaves no duty that could hold the day; without one, no sweep would load the case.
            holder = duty or duties[0]
            next_check_on[(holder.rule, holder.opened_seq)] = fact.occurred_on
    false_seqs = {fact.seq for fact in false}
    return {(fact.rule, fact.opened_seq, fact.rung) for fact in recorded if fact.seq not in false_seqs}


def _is_false(fact: EscalationFact, duties: Mapping[tuple[str, int], Duty]) -> bool:
    duty = duties.get((fact.rule, fact.opened_seq))
    if duty is None or (duty.due, duty.body, duty.service) != (fact.due, fact.body, fact.service):
        return True
    if fact.kind not in ASSERTS_LATENESS:
        return False
    return duty.excuse is not None or (duty.closed_on is not None and duty.closed_on < fact.occurred_on)


def _open_steps(casefile: CaseFile, duty: Duty, step_days: StepDays) -> list[tuple[StepLike, date]]:
    """The steps to record once their day has come, recorded or not, with that day.

    Steps of an excused duty, of the time before a first import, and after an answer are left out. Of a closed duty
    only the breach is returned, because a breach is part of the history and a reminder is not.
    """
    if duty.excuse is not None:
        return []
    closed_on = duty.met_on if duty.met_on is not None else duty.ended_on
    if closed_on is None:
        open_steps = step_days.of(duty).all
    else:
        open_steps = [each for each in step_days.of(duty).breaches if each[1] <= closed_on]
    if casefile.contacts and contacts(casefile, duty):
        open_steps = [each for each in open_steps if each[0].unless != "contact"]
    if duty.imported:
        # The first `chasing_began` after an imported request covers the time before it. A later import has its own.
        began = next((day for seq, day in casefile.chasing_began if seq > duty.opened_seq), None)
        open_steps = [each for each in open_steps if began is not None and each[1] > began]
    return open_steps


def contacts(casefile: CaseFile, duty: Duty) -> list[date]:
    """The days on which the body answered about this request, oldest first. Answers to an earlier request do not count.

    An answer dated before the request counts if it was recorded after it, because the day of receipt may be corrected.
    """
    return sorted(
        day
        for (body, service), answers in casefile.contacts.items()
        if body == duty.body and (service is None or duty.service is None or service == duty.service)
        for seq, day in answers
        if seq > duty.opened_seq or day >= duty.started_on
    )


def _paused(casefile: CaseFile, duty: Duty, day: date) -> date | None:
    """The last day of the pause that covers `day` for this duty, if any."""
    pauses = casefile.pauses
    ends = [pause.until for pause in pauses if pause.covers(day, duty.body, duty.rule, duty.opened_seq)]
    return max(ends, default=None)


def _step_fact(duty: Duty, step: StepLike, day: date) -> FactDraft:
    return FactDraft(step.fact, day, {**_duty_data(duty), "rung": step.id})


def _withdrawal(fact: EscalationFact, duty: Duty | None, as_at: date) -> FactDraft:
    due_now = {"due_now": duty.due.isoformat()} if duty is not None and duty.due is not None else {}
    data = {**_duty_data(fact), "rung": fact.rung, "rung_seq": fact.seq, **due_now}
    # Never dated before the step's own fact, even in a sweep for an earlier day: replay goes by days and would not
    # find that fact.
    return FactDraft("rung_withdrawn", max(as_at, fact.occurred_on), data)


def _duty_data(about: Duty | EscalationFact) -> dict[str, str | int]:
    data: dict[str, str | int | None] = {
        "rule": about.rule,
        "opened_seq": about.opened_seq,
        "due": about.due.isoformat() if about.due else None,
        "body": about.body,
        "service": about.service,
    }
    return {key: value for key, value in data.items() if value is not None}
