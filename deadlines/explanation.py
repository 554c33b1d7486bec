"""The sum in plain English: the start day, what is day one, the count, each day left out and why, the last day.

Purpose: a person who disputes a date can follow it with a paper calendar. Nothing is decided here; the dates come from
finding.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from types import MappingProxyType

from config.law import Law, Limb, Period, Rule
from deadlines.counting_rules import birthday, corresponding
from deadlines.due_dates import WITHOUT_DATE, Asked, Found, Given, earlier_start, find, fixed_date, live_limbs
from deadlines.working_calendar import DAY, WorkingCalendar

Why = Callable[[date], str | None]


def day_in_words(day: date) -> str:
    """A day as people write it: Monday 13 April 2026."""
    return f"{day:%A} {day.day} {day:%B} {day.year}"


def explain(
    law: Law,
    almanac: WorkingCalendar,
    rule: Rule,
    period: Period,
    on: date,
    given: Given,
    found: Found,
    act_by: date | None,
) -> list[str]:
    """The steps of one answer, in order, each a sentence."""
    asked = Asked(law, almanac, rule, period, on, given)
    steps = [f"Start: {day_in_words(on)} ({rule.on_is or rule.clock_starts})."]
    if period.since is not None:
        steps.append(
            f"The version in force from {day_in_words(period.since)} answers ({period.cite or 'no citation'})."
        )
    if found.due is None:
        steps.append(f"No date: {found.reason}")
    elif found.limb == "replaced" and rule.replaced_by:
        meaning = rule.inputs[rule.replaced_by].meaning
        ordinary = f' It replaces the ordinary period ("{period.text}").' if period.counts not in WITHOUT_DATE else ""
        steps.append(
            f"Last day: {day_in_words(found.due)}, {meaning}.{ordinary} It is entered, never worked out, and never"
            " moved."
        )
    else:
        steps += _count(asked, found, found.due)
    steps += _after_the_sum(asked, found, act_by)
    if not rule.enabled:
        steps.append("This rule is switched off here: it answers, and no case opens it.")
    return steps


def _count(asked: Asked, found: Found, due: date) -> Iterator[str]:
    own = _OWN_WORDS.get(asked.period.counts)
    if own:
        yield from own(asked)
    elif found.limb == "day_itself" and asked.period.day_itself:
        known = asked.period.day_itself.known_working_days_before
        latest = asked.almanac.subtract_working_days(due, known)
        yield (
            f"The {known}th working day before {day_in_words(due)} is {day_in_words(latest)}, and the start day is not"
            " after it."
        )
        yield from _left_out(latest, due - DAY, asked.almanac.why_not_working)
    else:
        limbs = live_limbs(asked)
        for limb, start in limbs:
            yield from _LIMB_WORDS[asked.period.counts](asked, limb, start)
        if len(asked.period.limbs) > 1:
            which = "earlier" if asked.period.earlier_of else "later"
            yield (
                f"The {which} of these binds."
                if len(limbs) > 1
                else "The other limit does not run: its start day was not given."
            )
        if asked.period.counts == "corresponding_date_tribunal_start":
            yield from _tribunal_end(asked, max(corresponding(start, limb.number) for limb, start in limbs), due)
    yield f"Last day: {day_in_words(due)}."


def _after_the_sum(asked: Asked, found: Found, act_by: date | None) -> Iterator[str]:
    if found.due is None or found.strict is None:
        return
    if asked.rule.bound == "not_before":
        first = found.due if asked.rule.lawful_from == "due" else found.due + DAY
        yield f"This is a day to wait for, not to act by: the first lawful day is {day_in_words(first)}."
    elif asked.rule.bound == "window":
        yield "This day marks the edge of a window or a right; nothing is ever late by it."
    if found.strict != found.due:
        yield f"Strict reading: {day_in_words(found.strict)} ({_why_strict(asked)})."
    if act_by is not None:
        yield f"Act by: {day_in_words(act_by)}, the last working day on or before {day_in_words(found.strict)}."
        yield from _left_out(act_by + DAY, found.strict, asked.almanac.why_not_working)
    elif asked.rule.bound == "by":
        yield (
            f"Act by: not known, because the almanac's bank holidays run from {asked.almanac.first} to"
            f" {asked.almanac.last}."
        )


def _why_strict(asked: Asked) -> str:
    earlier = earlier_start(asked)
    if earlier is not None:
        return f"counted from {day_in_words(earlier)}, {asked.rule.inputs[str(asked.rule.strict_start)].meaning}"
    if asked.period.strict_adds_days:
        return "a minimum: allow one day more"
    if asked.period.strict_reading:
        reading = asked.period.strict_reading.counts
        if reading == "month_beginning_with":
            return "twelve months that start with the day itself, as under section 44(1)"
        return "the plain period, no day left out and the end not moved"
    return _STRICT_WORDS.get(asked.period.counts, "the earlier arguable reading")


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
        yield f"Left out: {day_in_words(run[0])}, {reason}."
    elif len(run) == 2:
        yield f"Left out: {day_in_words(run[0])} and {day_in_words(run[1])}, {reason}."
    else:
        yield f"Left out: {day_in_words(run[0])} to {day_in_words(run[-1])} ({len(run)} days), {reason}."


# Limbs counted from a start and a number
# ----------------------------------------------------------------------------------


def _day_zero(start: date) -> str:
    return f"{day_in_words(start)} is day zero; day one is {day_in_words(start + DAY)}."


def _after(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    yield _day_zero(start)
    end = date.fromordinal(start.toordinal() + limb.in_days)
    yield (
        f"Count {limb.said} ({_calendar_days(limb)}): the last is {day_in_words(end)}. No day is left out and the end"
        " does not move."
    )


def _beginning_with(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    yield f"Day one is {day_in_words(start)} itself."
    end = date.fromordinal(start.toordinal() + limb.in_days - 1)
    yield (
        f"Count {limb.said} ({_calendar_days(limb)}): the last is {day_in_words(end)}. No day is left out and the end"
        " does not move."
    )


def _days_before(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    yield f"Count back from {day_in_words(start)}, which is day zero; day one is {day_in_words(start - DAY)}."
    yield f"Count {limb.said} back ({_calendar_days(limb)}). No day is left out and the end does not move."


def _calendar_days(limb: Limb) -> str:
    return "calendar days" if limb.amounts[0][0] == "days" else f"{limb.in_days} calendar days"


def _working_days_after(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = asked.almanac.add_working_days(start, limb.number)
    first = asked.almanac.add_working_days(start, 1)
    yield f"{day_in_words(start)} is day zero; day one is the next working day, {day_in_words(first)}."
    yield f"Count {limb.said} of England and Wales; August and 27 to 31 December count."
    yield from _left_out(start + DAY, end, asked.almanac.why_not_working)


def _working_days_beginning_with(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    first = asked.almanac.working_days_beginning_with(start, 1)
    end = asked.almanac.working_days_beginning_with(start, limb.number)
    if first == start:
        yield f"Day one is {day_in_words(start)} itself, a working day."
    else:
        yield f"{day_in_words(start)} is no working day, so day one is the next one, {day_in_words(first)}."
    yield f"Count {limb.said} of England and Wales; August and 27 to 31 December count."
    yield from _left_out(first if first != start else start, end, asked.almanac.why_not_working)


def _working_days_before(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = asked.almanac.subtract_working_days(start, limb.number)
    first = asked.almanac.subtract_working_days(start, 1)
    yield f"Count back from {day_in_words(start)}, which is day zero; day one is {day_in_words(first)}."
    yield f"Count {limb.said} of England and Wales back."
    yield from _left_out(end, start - DAY, asked.almanac.why_not_working)


def _closed_or_idle(almanac: WorkingCalendar) -> Why:
    return lambda day: almanac.why_closed(day) or almanac.why_not_working(day)


def _tribunal_working_days(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = asked.almanac.add_tribunal_working_days(start, limb.number)
    first = asked.almanac.add_tribunal_working_days(start, 1)
    yield f"{day_in_words(start)} is day zero; day one is the next day that counts, {day_in_words(first)}."
    yield f"Count {limb.said}, with no day of August nor of 25 December to 1 January."
    yield from _left_out(start + DAY, end, _closed_or_idle(asked.almanac))


def _tribunal_days(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    yield from _tribunal_count(asked, start, limb.in_days, limb.said)


def _corresponding_tribunal_days(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    plain = corresponding(start, limb.number)
    yield (
        f"{limb.said.capitalize()} from {day_in_words(start)} is {day_in_words(plain)}: {(plain - start).days} days to"
        " count."
    )
    yield from _tribunal_count(asked, start, (plain - start).days, "those days")


def _tribunal_count(asked: Asked, start: date, days: int, said: str) -> Iterator[str]:
    end = asked.almanac.add_tribunal_days(start, days)
    first = asked.almanac.add_tribunal_days(start, 1)
    yield f"{day_in_words(start)} is day zero; day one is {day_in_words(first)}."
    yield f"Count {said} (calendar days), with no day of August nor of 25 December to 1 January."
    yield from _left_out(start + DAY, end, asked.almanac.why_closed)
    yield from _rolled(asked, end)


def _rolled(asked: Asked, end: date) -> Iterator[str]:
    if not asked.almanac.is_working_day(end):
        moved = asked.almanac.working_day_on_or_after(end)
        yield (
            f"The count ends on {day_in_words(end)}, no working day, so it moves once to the next working day,"
            f" {day_in_words(moved)}."
        )
        yield from _left_out(end, moved, asked.almanac.why_not_working)


def _corresponding(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = corresponding(start, limb.number)
    yield _day_zero(start)
    short = "" if end.day == start.day else f"; that month has no day {start.day}, so its last day stands"
    yield (
        f"Count {limb.said}: the corresponding date is {day_in_words(end)}{short}. Months are calendar months and no"
        " day is left out."
    )


def _month_beginning_with(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = corresponding(start, limb.number)
    yield f"Day one is {day_in_words(start)} itself."
    if end.day == start.day:
        yield f"Count {limb.said}: the last day is the day before the corresponding date, so {day_in_words(end - DAY)}."
    else:
        yield f"Count {limb.said}: that month has no day {start.day}, so the last day is its last, {day_in_words(end)}."


def _months_before(asked: Asked, limb: Limb, start: date) -> Iterator[str]:
    end = corresponding(start, -limb.number)
    short = "" if end.day == start.day else f"; that month has no day {start.day}, so its last day stands"
    yield f"Count back from {day_in_words(start)}, which is day zero; day one is {day_in_words(start - DAY)}."
    yield f"Count {limb.said} back: the corresponding date is {day_in_words(end)}{short}. No day is left out."


def _tribunal_end(asked: Asked, raw: date, due: date) -> Iterator[str]:
    if asked.almanac.is_closed(raw):
        yield (
            f"{day_in_words(raw)} lies in {asked.almanac.why_closed(raw)}: the end moves to the first working day"
            " after. The days themselves are not deducted."
        )
        yield from _left_out(raw, due, _closed_or_idle(asked.almanac))
    else:
        yield from _rolled(asked, raw)


# Words with inputs of their own
# --------------------------------------------------------------------------------------------


def _institution_days(asked: Asked) -> Iterator[str]:
    closed, opens = asked.given.get("closed_from"), asked.given.get("reopens_on")
    almanac = asked.almanac

    def why(day: date) -> str | None:
        if closed and opens and closed <= day < opens:
            return "the school is closed"
        return almanac.why_not_working(day)

    first = almanac.institution_days_after(asked.on, 1, closed, opens)
    end = almanac.institution_days_after(asked.on, asked.period.number, closed, opens)
    yield f"{day_in_words(asked.on)} is day zero; day one is {day_in_words(first)}."
    yield f"Count {asked.period.said}: Monday to Friday, bank holidays and the school's closed days left out."
    if not closed:
        yield "The school's calendar was not given, so no closure is left out (closed_from, reopens_on)."
    yield from _left_out(asked.on + DAY, end, why)


def _closure_window(asked: Asked) -> Iterator[str]:
    opens = asked.given["reopens_on"]
    length, least = (opens - asked.on).days, asked.period.closed_at_least_days
    yield (
        f"The closure runs from {day_in_words(asked.on)} to {day_in_words(opens - DAY)}: {length} days, {least} or"
        " more."
    )
    back = opens if asked.period.back_from == "reopens_on" else asked.on
    yield (
        f"Day zero is {day_in_words(back)}; count {asked.period.said} back, no day left out; that day is itself inside"
        " the window."
    )


def _appeal_period(asked: Asked) -> Iterator[str]:
    followed = asked.law.rule(asked.period.follows or "")
    version, end = find(asked.law, asked.almanac, followed, asked.on, asked.given)
    if end.due is not None:
        yield from _count(Asked(asked.law, asked.almanac, followed, version, asked.on, asked.given), end, end.due)
    yield f"That ends the time to appeal ({version.cite}); the day after it is asked for."


def _prescribed_day(asked: Asked) -> Iterator[str]:
    reached = birthday(asked.on, asked.period.number).due
    yield f"The birthday number {asked.period.number} is {day_in_words(reached)}; day one is that day."
    yield f"It counts where it is {' or '.join(asked.period.prescribed)}; else the next of these does."


def _birthday(asked: Asked) -> Iterator[str]:
    yield f"Count {asked.period.said} of age from the day of birth; no day is left out."
    if (asked.on.month, asked.on.day) == (2, 29):
        yield "Born on 29 February: in a year without that day, 1 March; on the strict reading 28 February."


def _before_fixed_date(asked: Asked) -> Iterator[str]:
    named = fixed_date(asked)
    exception = next((item for item in asked.period.before_except if item.on == asked.on), None)
    if exception:
        yield f"For that start day alone another date is named ({exception.cite})."
    yield (
        f"The law says before {day_in_words(named)}, in the calendar year of the start day: that day is itself too"
        " late."
    )


_LIMB_WORDS: Mapping[str, Callable[[Asked, Limb, date], Iterator[str]]] = MappingProxyType(
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
_OWN_WORDS: Mapping[str, Callable[[Asked], Iterator[str]]] = MappingProxyType(
    {
        "institution_days_after": _institution_days,
        "closure_window": _closure_window,
        "appeal_period": _appeal_period,
        "prescribed_day": _prescribed_day,
        "birthday": _birthday,
        "before_fixed_date": _before_fixed_date,
    }
)
_STRICT_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "after": "the start day counted as day one",
        "days_before": "clear days",
        "working_days_before": "clear working days",
        "months_before": "a clear day between",
        "month_beginning_with": "the day before, as the start day has no counterpart in that month",
        "birthday": "28 February",
    }
)
