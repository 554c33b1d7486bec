"""Which rungs have fallen and are not yet recorded, which were judged by a date that no longer holds, and when to look
again.

The comparison is always open-ended (`as_at >= the rung's day`): a sweep that slept writes what a daily one would have
written. Local policy on top of the law; an accepted excuse stops it, a waiting list does not.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple, Protocol, TypeVar

from deadlines.duties import Duty
from deadlines.working_calendar import OutsideCalendarRange
from models.casefile import CaseFile, EscalationFact
from models.facts import FactDraft

DAY = timedelta(days=1)
ASSERTS_LATENESS = frozenset({"breached", "escalation_due"})


class WorkingDays(Protocol):
    """What this room asks of the almanac; `last` is the last day that it knows."""

    @property
    def last(self) -> date: ...
    def add_working_days(self, day: date, count: int) -> date: ...


class StepLike(Protocol):
    """What this room reads of a rung of the ladder."""

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


R = TypeVar("R", bound=StepLike)


class Evaluation(NamedTuple):
    """What the ladder has to say of one case: facts to record, and per duty (rule, opening seq) the next
    day to look.
    """

    drafts: list[FactDraft]
    look_on: dict[tuple[str, int], date | None]


def rung_day(duty: Duty, rung: StepLike, calendar: WorkingDays) -> date | None:
    """The day on which a rung falls; None for a duty without a due date. Raises OutsideCalendarRange where the almanac
    does not reach.
    """
    due = duty.dates.due
    if due is None:
        return None
    if rung.before is not None:
        # Never before the fact that opened the duty: a birth lies long before anybody knew of the duty.
        return max(due - rung.distance, duty.opened_on)
    after, working_days = rung.after, rung.working_days
    origin = duty.started_on if after == "start" else due if after == "due" else due + DAY
    return calendar.add_working_days(origin, working_days) if working_days is not None else origin + rung.distance


def fallen(duty: Duty, rungs: Iterable[R], calendar: WorkingDays, as_at: date) -> list[tuple[R, date]]:
    """The rungs of an open duty dated on or before `as_at`, lowest first, whatever has been recorded or covered.

    Raises OutsideCalendarRange where `as_at` lies beyond the almanac and a rung needs a working day there.
    """
    days = ((rung, _falls_on(duty, rung, calendar)) for rung in rungs)
    return [(rung, rung_day(duty, rung, calendar) or day) for rung, day in days if day is not None and day <= as_at]


def _falls_on(duty: Duty, rung: StepLike, calendar: WorkingDays) -> date | None:
    """The day on which a rung falls or, where the almanac ends before it, the first day that it does not know: until
    then nothing has fallen.
    """
    try:
        return rung_day(duty, rung, calendar)
    except OutsideCalendarRange:
        return calendar.last + DAY


def look(
    casefile: CaseFile,
    duties: Sequence[Duty],
    rungs_of: Mapping[str, Sequence[StepLike]],
    calendar: WorkingDays,
    as_at: date,
    ended: bool,
) -> Evaluation:
    """The facts about chasing that have become true by `as_at` and are not yet recorded, oldest first.

    `ended`: the case stands in a final state, so that nothing new begins; what has become false is still withdrawn.
    Raises OutsideCalendarRange only where `as_at` itself lies beyond the almanac: a rung that cannot be dated yet holds
    up nothing before that.
    """
    drafts: list[FactDraft] = []
    look_on: dict[tuple[str, int], date | None] = {}
    by_opening = {(duty.rule, duty.opened_seq): duty for duty in duties} if casefile.rungs else {}
    rung_facts = [fact for fact in casefile.rungs.values() if not fact.withdrawn]
    false = {fact.seq for fact in rung_facts if _is_false(fact, by_opening)}
    standing = {(fact.rule, fact.opened_seq, fact.rung) for fact in rung_facts if fact.seq not in false}
    for seq in sorted(false):
        fact = casefile.rungs[seq]
        duty = by_opening.get((fact.rule, fact.opened_seq))
        drafts.append(_withdrawal(fact, duty, as_at))
        if duties:
            # A request that was withdrawn leaves no duty to carry the day: another of the case carries it,
            # or no sweep
            # would come by.
            place = duty or duties[0]
            look_on[(place.rule, place.opened_seq)] = fact.occurred_on
    for duty in duties:
        rungs = rungs_of.get(duty.rule)
        if not rungs or duty.body is None or duty.provisional:
            # where a rule binds bodies and others alike, only a body is chased, and only one that has been
            # asked
            continue
        key = (duty.rule, duty.opened_seq)
        soonest = look_on.get(key)
        for rung, day in _owed(casefile, duty, rungs, calendar, ended):
            if standing and (duty.rule, duty.opened_seq, rung.id) in standing:
                continue
            paused_until = _paused(casefile, duty, day) if casefile.pauses else None
            waits_until = day if paused_until is None else paused_until + DAY
            if soonest is None or waits_until < soonest:
                soonest = waits_until
            if day <= as_at and _paused(casefile, duty, as_at) is None:
                drafts.append(_rung(duty, rung, rung_day(duty, rung, calendar) or day))
        look_on[key] = soonest
    drafts.sort(key=lambda draft: (draft.kind != "rung_withdrawn", draft.occurred_on))
    return Evaluation(drafts, look_on)


def _is_false(fact: EscalationFact, duties: Mapping[tuple[str, int], Duty]) -> bool:
    duty = duties.get((fact.rule, fact.opened_seq))
    if duty is None or (duty.due, duty.body, duty.service) != (fact.due, fact.body, fact.service):
        return True
    if fact.kind not in ASSERTS_LATENESS:
        return False
    return duty.excuse is not None or (duty.closed_on is not None and duty.closed_on < fact.occurred_on)


def _owed(
    casefile: CaseFile, duty: Duty, rungs: Sequence[StepLike], calendar: WorkingDays, ended: bool
) -> list[tuple[StepLike, date]]:
    """Rungs that are to be recorded once their day has come: none of an excused duty, of the covered past, or after an
    answer.

    Of a duty already closed only its breach is owed, because a breach is part of the history and a reminder is not.
    """
    # The first beginning after an imported request covers its past; one that a later import brings is about
    # that
    # import's own requests.
    began = [day for seq, day in casefile.chasing_began if seq > duty.opened_seq] if duty.imported else []
    if ended or duty.excuse is not None or (duty.imported and not began):
        return []
    covered = began[0] if began else None
    closed_on = duty.closed_on
    heard = bool(casefile.contacts) and bool(contacts(casefile, duty))
    owed: list[tuple[StepLike, date]] = []
    for rung in rungs:
        if (closed_on is not None and rung.fact != "breached") or (heard and rung.unless == "contact"):
            continue
        day = _falls_on(duty, rung, calendar)
        if day is None or (covered is not None and day <= covered):
            continue
        if closed_on is None or day <= closed_on:
            owed.append((rung, day))
    return owed


def contacts(casefile: CaseFile, duty: Duty) -> list[date]:
    """The days on which the body was heard from about this request, oldest first; what it said of an earlier request is
    none of them.

    A word dated before the request counts where it was recorded after it: the day of receipt may have been corrected
    since.
    """
    return sorted(
        day
        for (body, service), heard in casefile.contacts.items()
        if body == duty.body and (service is None or duty.service is None or service == duty.service)
        for seq, day in heard
        if seq > duty.opened_seq or day >= duty.started_on
    )


def _paused(casefile: CaseFile, duty: Duty, day: date) -> date | None:
    """The last day of the pause that covers `day` for this duty, if any."""
    ends = [until for began, until, body in casefile.pauses if began <= day <= until and body in (None, duty.body)]
    return max(ends, default=None)


def _about(rule: str, opened_seq: int, due: date | None, body: str | None, service: str | None) -> dict[str, str | int]:
    told: dict[str, str | int | None] = {
        "rule": rule,
        "opened_seq": opened_seq,
        "due": due.isoformat() if due else None,
        "body": body,
        "service": service,
    }
    return {key: value for key, value in told.items() if value is not None}


def _rung(duty: Duty, rung: StepLike, day: date) -> FactDraft:
    return FactDraft(
        rung.fact, day, {**_about(duty.rule, duty.opened_seq, duty.due, duty.body, duty.service), "rung": rung.id}
    )


def _withdrawal(fact: EscalationFact, duty: Duty | None, as_at: date) -> FactDraft:
    about = _about(fact.rule, fact.opened_seq, fact.due, fact.body, fact.service)
    now = {"due_now": duty.due.isoformat()} if duty is not None and duty.due is not None else {}
    # Never before the rung itself, though a sweep may be for an earlier day: the fold goes by days and
    # would not find
    # it.
    return FactDraft(
        "rung_withdrawn", max(as_at, fact.occurred_on), {**about, "rung": fact.rung, "rung_seq": fact.seq, **now}
    )
