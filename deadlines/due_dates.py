"""From a rule, a start day and its further days to the last lawful day: limbs, replacements and the count words with
inputs of their own.

Provision: each rule's own. What it does not decide: whether a missed day is a breach (standing.py), or which grounds
excuse it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import MAXYEAR, date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from config.law import Law, LawError, Limb, NoAnswer, Period, Rule, month_day
from deadlines.counting_rules import COUNTING_RULES, FINISHES, Pair, birthday
from deadlines.working_calendar import DAY, WorkingCalendar

Given = Mapping[str, date]

# Count words to which the law gives no date, and what is then said.
WITHOUT_DATE: Mapping[str, str] = MappingProxyType(
    {
        "none": "The law gives no number of days for this duty, so there is no date to work out.",
        "immediate": "The duty is to act at once; the law gives no number of days, so there is no date to work out.",
        "local": "The law gives no date, and the locality has set no number of its own (config/locality.toml).",
        "as_directed": "The date is the one that the Tribunal's direction names; none has been entered (directed_on).",
        "repealed": "The provision is repealed from the day of this entry, so there is no date to work out.",
    }
)


class Found(NamedTuple):
    """The dates of one question. `limb` says how: counted, day_itself, replaced. `reason` says why a date
    is missing.
    """

    due: date | None
    strict: date | None
    limb: str = "counted"
    reason: str | None = None


class Asked(NamedTuple):
    """One question, with the version of the rule that answers it."""

    law: Law
    almanac: WorkingCalendar
    rule: Rule
    period: Period
    on: date
    given: Given


def check_given(rule: Rule, given: Given) -> None:
    """Whether the further days are those that the rule takes. Raises LawError naming the input, what it is, and an
    example.
    """
    for name in given:
        if name not in rule.inputs:
            known = ", ".join(rule.inputs) or "none"
            raise LawError(f"{rule.id} takes no input of that name. It takes: {known}. Example: {_example(rule)}")
    for name, asked in rule.inputs.items():
        if asked.needed and name not in given:
            raise LawError(f"{rule.id} needs {name}, {asked.meaning}. Example: --given {name}=2026-03-02")
        if asked.together_with and name in given and asked.together_with not in given:
            raise LawError(f"{rule.id}: {name} says nothing without {asked.together_with}; give both or neither.")


def _example(rule: Rule) -> str:
    return f"--given {next(iter(rule.inputs))}=2026-03-02" if rule.inputs else f"sendflow due {rule.id} --on 2026-03-02"


def find(law: Law, almanac: WorkingCalendar, rule: Rule, on: date, given: Given) -> tuple[Period, Found]:
    """The version of the rule that answers, and the dates. `given` has been checked.

    Raises NoAnswer before the first entry or outside the almanac, LawError where the given days contradict each other.
    """
    try:
        if not rule.by_due_date:
            period = rule.period_on(on)
            return period, _found(Asked(law, almanac, rule, period, on, given))
        for period in reversed(rule.period):
            found = _found(Asked(law, almanac, rule, period, on, given))
            if period.since is None or (found.due is not None and found.due >= period.since):
                return period, found
    except OverflowError:
        raise NoAnswer(f"{rule.id}: the sum leaves the years 1 to 9999.") from None
    first = rule.period[0]
    raise NoAnswer(
        f"{rule.id}: the first entry of this rule is of {first.since} ({first.cite}), and the date that comes out is"
        " earlier. The version is the one in force on the due date."
    )


def _found(asked: Asked) -> Found:
    period, rule, given = asked.period, asked.rule, asked.given
    if period.repealed:
        return Found(None, None, reason=WITHOUT_DATE["repealed"])
    if rule.replaced_by and rule.replaced_by in given:
        day = given[rule.replaced_by]
        return Found(day, day, "replaced")
    if period.counts in WITHOUT_DATE:
        return Found(None, None, reason=WITHOUT_DATE[period.counts])
    count = _SPECIAL.get(period.counts, _counted)
    found = count(asked)
    earlier = earlier_start(asked)
    if earlier is not None and found.strict is not None:
        strict = count(asked._replace(on=earlier)).strict
        found = found._replace(strict=min(found.strict, strict or found.strict))
    if rule.bound != "by" and found.due is not None:
        # Nothing is to be done by this day, so there is no earlier reading to be safe by; only a minimum is
        # allowed for
        # longer.
        return found._replace(strict=found.due + timedelta(days=period.strict_adds_days))
    return found


def earlier_start(asked: Asked) -> date | None:
    """The day that the stricter reading counts from, where the clock itself started later."""
    day = asked.given.get(asked.rule.strict_start) if asked.rule.strict_start else None
    return day if day is not None and day < asked.on else None


def _counted(asked: Asked) -> Found:
    period = asked.period
    if period.day_itself:
        day = asked.given[period.day_itself.input]
        if asked.on <= asked.almanac.subtract_working_days(day, period.day_itself.known_working_days_before):
            return Found(day, day, "day_itself")
    due, strict = limbs_of(asked, period.counts)
    if period.strict_reading:
        other = limbs_of(asked, period.strict_reading.counts)
        strict = other.due if period.strict_reading.takes == "due" else other.strict
    return Found(due, strict)


def live_limbs(asked: Asked) -> list[tuple[Limb, date]]:
    """Each limb whose start day is known, with that day; a limb that starts at an input not given does not run."""
    limbs: list[tuple[Limb, date]] = []
    for limb in asked.period.limbs:
        start = asked.on if limb.start == "on" else asked.given.get(limb.start)
        if start is not None:
            limbs.append((limb, start))
    return limbs


def limbs_of(asked: Asked, counts: str) -> Pair:
    """All live limbs counted by one word, the later or the earlier taken, and the word's finish applied once."""
    pairs = [COUNTING_RULES[counts](asked.almanac, start, limb) for limb, start in live_limbs(asked)]
    choose = min if asked.period.earlier_of else max
    due, strict = choose(pair.due for pair in pairs), choose(pair.strict for pair in pairs)
    finish = FINISHES.get(counts)
    return Pair(finish(asked.almanac, due), finish(asked.almanac, strict)) if finish else Pair(due, strict)


def _institution_days(asked: Asked) -> Found:
    closed, opens = asked.given.get("closed_from"), asked.given.get("reopens_on")
    if closed and opens and opens <= closed:
        raise LawError(
            f"{asked.rule.id}: reopens_on comes after closed_from. Example: --given closed_from=2026-07-22 --given"
            " reopens_on=2026-09-02"
        )
    due = asked.almanac.institution_days_after(asked.on, asked.period.number, closed, opens)
    return Found(due, due)


def _closure_window(asked: Asked) -> Found:
    reopens = asked.given["reopens_on"]
    if reopens < asked.on:
        raise LawError(
            f"{asked.rule.id}: reopens_on comes after --on, which is the first closed day. Example: --given"
            " reopens_on=2026-09-02"
        )
    least = asked.period.closed_at_least_days
    if least is None or (reopens - asked.on).days < least:
        return Found(
            None,
            None,
            reason=(
                f"There is no window: it takes a closure of {least} days or more, from the first closed day to"
                " re-opening."
            ),
        )
    day = (reopens if asked.period.back_from == "reopens_on" else asked.on) - timedelta(days=asked.period.in_days)
    return Found(day, day)


def _appeal_period(asked: Asked) -> Found:
    followed = asked.law.rule(asked.period.follows or "")
    _, end = find(asked.law, asked.almanac, followed, asked.on, asked.given)
    if end.due is None:
        return end
    day = end.due + timedelta(days=asked.period.in_days)
    return Found(day, day)


def _prescribed_day(asked: Asked) -> Found:
    reached = birthday(asked.on, asked.period.number).due
    year_days = sorted(month_day(text) for text in asked.period.prescribed)
    day = next(
        candidate
        for year in (reached.year, min(reached.year + 1, MAXYEAR))
        for month, number in year_days
        if (candidate := date(year, month, number)) >= reached
    )
    return Found(day, day)


def _birthday(asked: Asked) -> Found:
    return Found(*birthday(asked.on, asked.period.number))


def _before_fixed_date(asked: Asked) -> Found:
    day = fixed_date(asked) - DAY
    return Found(day, day)


def fixed_date(asked: Asked) -> date:
    """The calendar date named by the law, in the year of the start day, with the exception for one start
    day applied.
    """
    named = next(
        (exception.before for exception in asked.period.before_except if exception.on == asked.on), asked.period.before
    )
    month, number = month_day(named or "")
    return date(asked.on.year, month, number)


_SPECIAL: Mapping[str, Callable[[Asked], Found]] = MappingProxyType(
    {
        "institution_days_after": _institution_days,
        "closure_window": _closure_window,
        "appeal_period": _appeal_period,
        "prescribed_day": _prescribed_day,
        "birthday": _birthday,
        "before_fixed_date": _before_fixed_date,
    }
)
