"""The sum in plain English: the start day, what is day one, the count, each day left out and why, the last day.

A person who disputes a date can follow it with a paper calendar. The dates come from due_dates.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

from config.law import AlternativePeriod
from config.text import full_weekday
from deadlines.counting_rules import birthday, corresponding
from deadlines.due_dates import (
    WITHOUT_DATE,
    CalculatedDates,
    Question,
    calculate_dates,
    earlier_start,
    fixed_date,
    running_alternatives,
)
from deadlines.working_calendar import DAY, WorkingCalendar

Why = Callable[[date], str | None]


def explain(question: Question, dates: CalculatedDates, act_by: date | None) -> list[str]:
    """The steps of one answer, in order, each a sentence."""
    rule, period = question.rule, question.period
    steps = [f"Start: {full_weekday(question.on)} ({rule.on_is or rule.clock_starts})."]
    if period.since is not None:
        steps.append(
            f"The version in force from {full_weekday(period.since)} answers ({period.cite or 'no citation'})."
        )
    if dates.due is None:
        steps.append(f"No date: {dates.reason}")
    elif dates.how == "replaced" and rule.replaced_by:
        meaning = rule.inputs[rule.replaced_by].meaning
        ordinary = f' It replaces the ordinary period ("{period.text}").' if period.counts not in WITHOUT_DATE else ""
        steps.append(
            f"Last day: {full_weekday(dates.due)}, {meaning}.{ordinary} A person enters this date; sendflow neither"
            " calculates nor moves it."
        )
    else:
        steps += _count(question, dates, dates.due)
    steps += _after_the_sum(question, dates, act_by)
    if not rule.enabled:
        steps.append("This rule is switched off here: sendflow answers questions about it, but no case opens it.")
    return steps


def _count(question: Question, dates: CalculatedDates, due: date) -> Iterator[str]:
    own = _OWN_SENTENCES.get(question.period.counts)
    if own:
        yield from own(question)
    elif dates.how == "day_itself" and question.period.day_itself:
        known = question.period.day_itself.known_working_days_before
        latest = question.calendar.subtract_working_days(due, known)
        yield (
            f"The {known}th working day before {full_weekday(due)} is {full_weekday(latest)}, and the start day is not"
            " after it."
        )
        yield from _left_out(latest, due - DAY, question.calendar.why_not_working)
    else:
        alternatives = running_alternatives(question)
        for period, start in alternatives:
            yield from _SENTENCES[question.period.counts](question, period, start)
        if len(question.period.alternatives) > 1:
            which = "earlier" if question.period.earlier_of else "later"
            yield (
                f"The {which} of these governs."
                if len(alternatives) > 1
                else "The other period does not run, because its start day was not given."
            )
        if question.period.counts == "corresponding_date_tribunal_start":
            yield from _tribunal_end(
                question, max(corresponding(start, period.number) for period, start in alternatives), due
            )
    yield f"Last day: {full_weekday(due)}."


def _after_the_sum(question: Question, dates: CalculatedDates, act_by: date | None) -> Iterator[str]:
    if dates.due is None or dates.strict is None:
        return
    if question.rule.bound == "not_before":
        first = dates.due if question.rule.lawful_from == "due" else dates.due + DAY
        yield f"This is a day to wait for, not a deadline: the first lawful day is {full_weekday(first)}."
    elif question.rule.bound == "window":
        yield "This day is the limit of a period or of a right, so nothing can be late by it."
    if dates.strict != dates.due:
        yield f"Stricter reading: {full_weekday(dates.strict)} ({_why_strict(question)})."
    if act_by is not None:
        yield f"Act by: {full_weekday(act_by)}, the last working day on or before {full_weekday(dates.strict)}."
        yield from _left_out(act_by + DAY, dates.strict, question.calendar.why_not_working)
    elif question.rule.bound == "by":
        yield (
            f"Act by: not known, because the calendar has bank holidays only from {question.calendar.first} to"
            f" {question.calendar.last}."
        )


def _why_strict(question: Question) -> str:
    earlier = earlier_start(question)
    if earlier is not None:
        return f"counted from {full_weekday(earlier)}, {question.rule.inputs[str(question.rule.strict_start)].meaning}"
    if question.period.strict_adds_days:
        return "a minimum: allow one day more"
    if question.period.strict_reading:
        reading = question.period.strict_reading.counts
        if reading == "month_beginning_with":
            return "twelve months that start with the day itself, as under section 44(1)"
        return "the plain period, no day left out and the end not moved"
    return _STRICTER_READINGS.get(question.period.counts, "the earlier arguable reading")


def _left_out(first: date, last: date, why: Why) -> Iterator[str]:
    """One sentence for each run of days, first to last, that are left out for one reason."""
    run: list[date] = []
    reason: str | None = None
    day = first
    while day <= last:
        now = why(day)
        if now != reason:
            yield from _run(run, reason)
            run, reason = [], now
        if now is not None:
            run.append(day)
        day += DAY
    yield from _run(run, reason)


def _run(run: list[date], reason: str | None) -> Iterator[str]:
    if not run:
        return
    if len(run) == 1:
        yield f"Left out: {full_weekday(run[0])}, {reason}."
    elif len(run) == 2:
        yield f"Left out: {full_weekday(run[0])} and {full_weekday(run[1])}, {reason}."
    else:
        yield f"Left out: {full_weekday(run[0])} to {full_weekday(run[-1])} ({len(run)} days), {reason}."


# Rules that need only a start and a number


def _day_zero(start: date) -> str:
    return f"{full_weekday(start)} is day zero; day one is {full_weekday(start + DAY)}."


def _after(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    yield _day_zero(start)
    end = date.fromordinal(start.toordinal() + period.in_days)
    yield (
        f"Count {period.said} ({_calendar_days(period)}): the last is {full_weekday(end)}. No day is left out and the"
        " end does not move."
    )


def _beginning_with(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    yield f"Day one is {full_weekday(start)} itself."
    end = date.fromordinal(start.toordinal() + period.in_days - 1)
    yield (
        f"Count {period.said} ({_calendar_days(period)}): the last is {full_weekday(end)}. No day is left out and the"
        " end does not move."
    )


def _days_before(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    yield f"Count back from {full_weekday(start)}, which is day zero; day one is {full_weekday(start - DAY)}."
    yield f"Count {period.said} back ({_calendar_days(period)}). No day is left out and the end does not move."


def _calendar_days(period: AlternativePeriod) -> str:
    return "calendar days" if period.amounts[0][0] == "days" else f"{period.in_days} calendar days"


def _working_days_after(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = question.calendar.add_working_days(start, period.number)
    first = question.calendar.add_working_days(start, 1)
    yield f"{full_weekday(start)} is day zero; day one is the next working day, {full_weekday(first)}."
    yield f"Count {period.said} of England and Wales; August and 27 to 31 December count."
    yield from _left_out(start + DAY, end, question.calendar.why_not_working)


def _working_days_beginning_with(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    first = question.calendar.working_days_beginning_with(start, 1)
    end = question.calendar.working_days_beginning_with(start, period.number)
    if first == start:
        yield f"Day one is {full_weekday(start)} itself, a working day."
    else:
        yield f"{full_weekday(start)} is no working day, so day one is the next one, {full_weekday(first)}."
    yield f"Count {period.said} of England and Wales; August and 27 to 31 December count."
    yield from _left_out(first if first != start else start, end, question.calendar.why_not_working)


def _working_days_before(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = question.calendar.subtract_working_days(start, period.number)
    first = question.calendar.subtract_working_days(start, 1)
    yield f"Count back from {full_weekday(start)}, which is day zero; day one is {full_weekday(first)}."
    yield f"Count {period.said} of England and Wales back."
    yield from _left_out(end, start - DAY, question.calendar.why_not_working)


def _closed_or_idle(calendar: WorkingCalendar) -> Why:
    return lambda day: calendar.why_closed(day) or calendar.why_not_working(day)


def _tribunal_working_days(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = question.calendar.add_tribunal_working_days(start, period.number)
    first = question.calendar.add_tribunal_working_days(start, 1)
    yield f"{full_weekday(start)} is day zero; day one is the next day that counts, {full_weekday(first)}."
    yield f"Count {period.said}, with no day of August nor of 25 December to 1 January."
    yield from _left_out(start + DAY, end, _closed_or_idle(question.calendar))


def _tribunal_days(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    yield from _tribunal_count(question, start, period.in_days, period.said)


def _corresponding_tribunal_days(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    plain = corresponding(start, period.number)
    yield (
        f"{period.said.capitalize()} from {full_weekday(start)} is {full_weekday(plain)}: {(plain - start).days} days"
        " to count."
    )
    yield from _tribunal_count(question, start, (plain - start).days, "those days")


def _tribunal_count(question: Question, start: date, days: int, said: str) -> Iterator[str]:
    end = question.calendar.add_tribunal_days(start, days)
    first = question.calendar.add_tribunal_days(start, 1)
    yield f"{full_weekday(start)} is day zero; day one is {full_weekday(first)}."
    yield f"Count {said} (calendar days), with no day of August nor of 25 December to 1 January."
    yield from _left_out(start + DAY, end, question.calendar.why_closed)
    yield from _rolled(question, end)


def _rolled(question: Question, end: date) -> Iterator[str]:
    if not question.calendar.is_working_day(end):
        moved = question.calendar.working_day_on_or_after(end)
        yield (
            f"The count ends on {full_weekday(end)}, no working day, so it moves once to the next working day,"
            f" {full_weekday(moved)}."
        )
        yield from _left_out(end, moved, question.calendar.why_not_working)


def _corresponding(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = corresponding(start, period.number)
    yield _day_zero(start)
    short = "" if end.day == start.day else f"; that month has no day {start.day}, so its last day counts"
    yield (
        f"Count {period.said}: the corresponding date is {full_weekday(end)}{short}. Months are calendar months and no"
        " day is left out."
    )


def _month_beginning_with(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = corresponding(start, period.number)
    yield f"Day one is {full_weekday(start)} itself."
    if end.day == start.day:
        last = full_weekday(end - DAY)
        yield f"Count {period.said}: the last day is the day before the corresponding date, so {last}."
    else:
        last = full_weekday(end)
        yield f"Count {period.said}: that month has no day {start.day}, so the last day is its last, {last}."


def _months_before(question: Question, period: AlternativePeriod, start: date) -> Iterator[str]:
    end = corresponding(start, -period.number)
    short = "" if end.day == start.day else f"; that month has no day {start.day}, so its last day counts"
    yield f"Count back from {full_weekday(start)}, which is day zero; day one is {full_weekday(start - DAY)}."
    yield f"Count {period.said} back: the corresponding date is {full_weekday(end)}{short}. No day is left out."


def _tribunal_end(question: Question, raw: date, due: date) -> Iterator[str]:
    if question.calendar.is_closed(raw):
        yield (
            f"{full_weekday(raw)} lies in {question.calendar.why_closed(raw)}: the end moves to the first working day"
            " after. The days themselves are not deducted."
        )
        yield from _left_out(raw, due, _closed_or_idle(question.calendar))
    else:
        yield from _rolled(question, raw)


# Rules with inputs of their own


def _institution_days(question: Question) -> Iterator[str]:
    closed, opens = question.given.get("closed_from"), question.given.get("reopens_on")
    calendar = question.calendar

    def why(day: date) -> str | None:
        if closed and opens and closed <= day < opens:
            return "the school is closed"
        return calendar.why_not_working(day)

    first = calendar.institution_days_after(question.on, 1, closed, opens)
    end = calendar.institution_days_after(question.on, question.period.number, closed, opens)
    yield f"{full_weekday(question.on)} is day zero; day one is {full_weekday(first)}."
    yield f"Count {question.period.said}: Monday to Friday, bank holidays and the school's closed days left out."
    if not closed:
        yield "The school's calendar was not given, so no closure is left out (closed_from, reopens_on)."
    yield from _left_out(question.on + DAY, end, why)


def _closure_window(question: Question) -> Iterator[str]:
    opens = question.given["reopens_on"]
    length, least = (opens - question.on).days, question.period.closed_at_least_days
    yield (
        f"The closure runs from {full_weekday(question.on)} to {full_weekday(opens - DAY)}: {length} days, {least} or"
        " more."
    )
    back = opens if question.period.back_from == "reopens_on" else question.on
    yield (
        f"Day zero is {full_weekday(back)}; count {question.period.said} back, no day left out; that day is itself"
        " inside the window."
    )


def _appeal_period(question: Question) -> Iterator[str]:
    followed = question.law.rule(question.period.follows or "")
    version, end = calculate_dates(question.law, question.calendar, followed, question.on, question.given)
    if end.due is not None:
        yield from _count(
            Question(question.law, question.calendar, followed, version, question.on, question.given), end, end.due
        )
    yield f"That ends the time to appeal ({version.cite}); the answer is the day after it."


def _prescribed_day(question: Question) -> Iterator[str]:
    reached = birthday(question.on, question.period.number).due
    yield f"The birthday number {question.period.number} is {full_weekday(reached)}; day one is that day."
    yield f"It counts where it is {' or '.join(question.period.prescribed)}; else the next of these does."


def _birthday(question: Question) -> Iterator[str]:
    yield f"Count {question.period.said} of age from the day of birth; no day is left out."
    if (question.on.month, question.on.day) == (2, 29):
        yield "Born on 29 February: in a year without that day, 1 March; on the strict reading 28 February."


def _before_fixed_date(question: Question) -> Iterator[str]:
    named = fixed_date(question)
    exception = next((item for item in question.period.before_except if item.on == question.on), None)
    if exception:
        yield f"For that start day alone another date is named ({exception.cite})."
    yield (
        f"The law says before {full_weekday(named)}, in the calendar year of the start day: that day is itself too"
        " late."
    )


_SENTENCES: Mapping[str, Callable[[Question, AlternativePeriod, date], Iterator[str]]] = MappingProxyType(
    {
        "after": _after,
        "beginning_with": _beginning_with,
        "days_before": _days_before,
        "working_days_after": _working_days_after,
        "working_days_beginning_with": _working_days_beginning_with,
        "working_days_before": _working_days_before,
        "tribunal_working_days_after": _tribunal_working_days,
        "tribunal_days_after": _tribunal_days,
        "corresponding_date": _corresponding,
        "corresponding_date_tribunal_start": _corresponding,
        "corresponding_date_tribunal_days": _corresponding_tribunal_days,
        "month_beginning_with": _month_beginning_with,
        "months_before": _months_before,
    }
)
_OWN_SENTENCES: Mapping[str, Callable[[Question], Iterator[str]]] = MappingProxyType(
    {
        "institution_days_after": _institution_days,
        "closure_window": _closure_window,
        "appeal_period": _appeal_period,
        "prescribed_day": _prescribed_day,
        "birthday": _birthday,
        "before_fixed_date": _before_fixed_date,
    }
)
_STRICTER_READINGS: Mapping[str, str] = MappingProxyType(
    {
        "after": "the start day counted as day one",
        "days_before": "clear days",
        "working_days_before": "clear working days",
        "months_before": "a clear day between",
        "month_beginning_with": "the day before, as the start day has no counterpart in that month",
        "birthday": "28 February",
    }
)
