"""Calculate the last lawful day from a rule, a start day and the further days that the rule takes.

Covers alternative periods, replaced dates and the counting rules with inputs of their own. status.py decides whether a
missed day is a breach.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import MAXYEAR, date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from config.law import AlternativePeriod, Law, LawError, NoAnswer, Period, Rule, month_day
from deadlines.counting_rules import COUNTING_RULES, FINISHES, DueDates, birthday
from deadlines.working_calendar import DAY, WorkingCalendar

Given = Mapping[str, date]

# Counting rules for which the law gives no date, with the reason that the answer gives.
WITHOUT_DATE: Mapping[str, str] = MappingProxyType(
    {
        "none": "The law gives no number of days for this duty, so there is no date to work out.",
        "immediate": "The duty is to act at once; the law gives no number of days, so there is no date to work out.",
        "local": "The law gives no date, and the locality has set no number of its own (config/locality.toml).",
        "as_directed": "The date is the one that the Tribunal's direction names; none has been entered (directed_on).",
        "as_named": "The date is the one that a fact names, and none names it.",
        "repealed": "The provision is repealed from the day of this entry, so there is no date to work out.",
    }
)


class CalculatedDates(NamedTuple):
    """The dates of one question. `how` is counted, day_itself or replaced; `reason` says why a date is missing."""

    due: date | None
    strict: date | None
    how: str = "counted"
    reason: str | None = None


class Question(NamedTuple):
    """One question, with the version of the rule that answers it."""

    law: Law
    calendar: WorkingCalendar
    rule: Rule
    period: Period
    on: date
    given: Given


def check_given(rule: Rule, given: Given) -> None:
    """Check that the rule takes these further days. Raises LawError with the input, its meaning and an example."""
    for name in given:
        if name not in rule.inputs:
            known = ", ".join(rule.inputs) or "none"
            raise LawError(f"{rule.id} takes no input of that name. It takes: {known}. Example: {_example(rule)}")
    for name, expected in rule.inputs.items():
        if expected.needed and name not in given:
            raise LawError(f"{rule.id} needs {name}, {expected.meaning}. Example: --given {name}=2026-03-02")
        if expected.together_with and name in given and expected.together_with not in given:
            raise LawError(f"{rule.id}: {name} says nothing without {expected.together_with}; give both or neither.")


def _example(rule: Rule) -> str:
    return f"--given {next(iter(rule.inputs))}=2026-03-02" if rule.inputs else f"sendflow due {rule.id} --on 2026-03-02"


def calculate_dates(
    law: Law, calendar: WorkingCalendar, rule: Rule, on: date, given: Given
) -> tuple[Period, CalculatedDates]:
    """The version of the rule that answers, and the dates. `given` has been checked.

    Raises NoAnswer before the first entry or outside the calendar, LawError if the given days contradict each other.
    """
    try:
        if not rule.by_due_date:
            period = rule.period_on(on)
            return period, _calculate(Question(law, calendar, rule, period, on, given))
        for period in reversed(rule.period):
            dates = _calculate(Question(law, calendar, rule, period, on, given))
            if period.since is None or (dates.due is not None and dates.due >= period.since):
                return period, dates
    except OverflowError:
        raise NoAnswer(f"{rule.id}: the sum leaves the years 1 to 9999.") from None
    first = rule.period[0]
    raise NoAnswer(
        f"{rule.id}: the first entry of this rule is of {first.since} ({first.cite}), and the date that comes out is"
        " earlier. The version is the one in force on the due date."
    )


def _calculate(question: Question) -> CalculatedDates:
    period, rule, given = question.period, question.rule, question.given
    if period.repealed:
        return CalculatedDates(None, None, reason=WITHOUT_DATE["repealed"])
    if rule.replaced_by and rule.replaced_by in given:
        day = given[rule.replaced_by]
        return CalculatedDates(day, day, "replaced")
    if period.counts in WITHOUT_DATE:
        return CalculatedDates(None, None, reason=WITHOUT_DATE[period.counts])
    count = _SPECIAL.get(period.counts, _counted)
    dates = count(question)
    earlier = earlier_start(question)
    if earlier is not None and dates.strict is not None:
        strict = count(question._replace(on=earlier)).strict
        dates = dates._replace(strict=min(dates.strict, strict or dates.strict))
    if rule.bound != "by" and dates.due is not None:
        # Nobody has to act by this day, so an earlier reading is not safer; a minimum may only become longer.
        return dates._replace(strict=dates.due + timedelta(days=period.strict_adds_days))
    return dates


def earlier_start(question: Question) -> date | None:
    """The day that the stricter reading counts from, where the clock itself started later."""
    day = question.given.get(question.rule.strict_start) if question.rule.strict_start else None
    return day if day is not None and day < question.on else None


def _counted(question: Question) -> CalculatedDates:
    period = question.period
    if period.day_itself:
        day = question.given[period.day_itself.input]
        if question.on <= question.calendar.subtract_working_days(day, period.day_itself.known_working_days_before):
            return CalculatedDates(day, day, "day_itself")
    due, strict = count_alternatives(question, period.counts)
    if period.strict_reading:
        other = count_alternatives(question, period.strict_reading.counts)
        strict = other.due if period.strict_reading.takes == "due" else other.strict
    return CalculatedDates(due, strict)


def running_alternatives(question: Question) -> list[tuple[AlternativePeriod, date]]:
    """The alternatives whose start day is known, with that day. One that starts at an absent input does not run."""
    alternatives: list[tuple[AlternativePeriod, date]] = []
    for alternative in question.period.alternatives:
        start = question.on if alternative.start == "on" else question.given.get(alternative.start)
        if start is not None:
            alternatives.append((alternative, start))
    return alternatives


def count_alternatives(question: Question, counts: str) -> DueDates:
    """Count the running alternatives by one rule, take the later or the earlier, and apply the rule's finish once."""
    counted = [
        COUNTING_RULES[counts](question.calendar, start, alternative)
        for alternative, start in running_alternatives(question)
    ]
    choose = min if question.period.earlier_of else max
    due, strict = choose(each.due for each in counted), choose(each.strict for each in counted)
    finish = FINISHES.get(counts)
    return (
        DueDates(finish(question.calendar, due), finish(question.calendar, strict)) if finish else DueDates(due, strict)
    )


def _institution_days(question: Question) -> CalculatedDates:
    closed, opens = question.given.get("closed_from"), question.given.get("reopens_on")
    if closed and opens and opens <= closed:
        raise LawError(
            f"{question.rule.id}: reopens_on comes after closed_from. Example: --given closed_from=2026-07-22 --given"
            " reopens_on=2026-09-02"
        )
    due = question.calendar.institution_days_after(question.on, question.period.number, closed, opens)
    return CalculatedDates(due, due)


def _closure_window(question: Question) -> CalculatedDates:
    reopens = question.given["reopens_on"]
    if reopens < question.on:
        raise LawError(
            f"{question.rule.id}: reopens_on comes after --on, which is the first closed day. Example: --given"
            " reopens_on=2026-09-02"
        )
    least = question.period.closed_at_least_days
    if least is None or (reopens - question.on).days < least:
        return CalculatedDates(
            None,
            None,
            reason=(
                f"There is no window: it takes a closure of {least} days or more, from the first closed day to"
                " re-opening."
            ),
        )
    day = (reopens if question.period.back_from == "reopens_on" else question.on) - timedelta(
        days=question.period.in_days
    )
    return CalculatedDates(day, day)


def _appeal_period(question: Question) -> CalculatedDates:
    followed = question.law.rule(question.period.follows or "")
    _, end = calculate_dates(question.law, question.calendar, followed, question.on, question.given)
    if end.due is None:
        return end
    day = end.due + timedelta(days=question.period.in_days)
    return CalculatedDates(day, day)


def _prescribed_day(question: Question) -> CalculatedDates:
    reached = birthday(question.on, question.period.number).due
    year_days = sorted(month_day(text) for text in question.period.prescribed)
    day = next(
        candidate
        for year in (reached.year, min(reached.year + 1, MAXYEAR))
        for month, number in year_days
        if (candidate := date(year, month, number)) >= reached
    )
    return CalculatedDates(day, day)


def _birthday(question: Question) -> CalculatedDates:
    return CalculatedDates(*birthday(question.on, question.period.number))


def _before_fixed_date(question: Question) -> CalculatedDates:
    day = fixed_date(question) - DAY
    return CalculatedDates(day, day)


def fixed_date(question: Question) -> date:
    """The calendar date named by the law, in the year of the start day, with the exception for one start
    day applied.
    """
    named = next(
        (exception.before for exception in question.period.before_except if exception.on == question.on),
        question.period.before,
    )
    month, number = month_day(named or "")
    return date(question.on.year, month, number)


_SPECIAL: Mapping[str, Callable[[Question], CalculatedDates]] = MappingProxyType(
    {
        "institution_days_after": _institution_days,
        "closure_window": _closure_window,
        "appeal_period": _appeal_period,
        "prescribed_day": _prescribed_day,
        "birthday": _birthday,
        "before_fixed_date": _before_fixed_date,
    }
)
