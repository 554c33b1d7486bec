"""How each count word of the statute turns a start day and a number into a last day.

Provision: day of the event excluded (Dodds v Walker [1981] 1 WLR 1027); months are calendar months (Interpretation Act
1978 s5, Sch 1); Tribunal days (SI 2008/2699 r12). Each word gives two dates: the reading the courts have used, and the
earlier arguable one. No statutory date of a council or a health body is rolled forward; only the Tribunal's own rules
roll.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from config.law import Limb
from deadlines.working_calendar import DAY, WorkingCalendar


class Pair(NamedTuple):
    """The last lawful day, and the same on the strict reading."""

    due: date
    strict: date


CountingRule = Callable[[WorkingCalendar, date, Limb], Pair]


def corresponding(day: date, months: int) -> date:
    """The same day of the month `months` on (back where negative), or that month's last day where it has no
    such day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError("a year outside 1 to 9999")
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def birthday(born: date, years: int) -> Pair:
    """The n-th birthday. Born on 29 February: in other years 1 March, on the strict reading 28 February."""
    if born.year + years > MAXYEAR:
        raise OverflowError("a year outside 1 to 9999")
    try:
        day = born.replace(year=born.year + years)
    except ValueError:
        return Pair(date(born.year + years, 3, 1), date(born.year + years, 2, 28))
    return Pair(day, day)


def roll_on(almanac: WorkingCalendar, day: date) -> date:
    """The next working day where `day` is none, once; closed days of the Tribunal included."""
    return almanac.working_day_on_or_after(day)


def tribunal_start(almanac: WorkingCalendar, day: date) -> date:
    """The end of the time to start proceedings in a SEN case, r12(2) and (3)(a): days are not deducted, only the end
    moves.
    """
    if not almanac.is_closed(day):
        return roll_on(almanac, day)
    while almanac.is_closed(day):
        day += DAY
    return roll_on(almanac, day)


def _after(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    due = start + timedelta(days=limb.in_days)
    return Pair(due, due - DAY)


def _beginning_with(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(start + timedelta(days=limb.in_days - 1))


def _days_before(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    due = start - timedelta(days=limb.in_days)
    return Pair(due, due - DAY)


def _working_days_after(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(almanac.add_working_days(start, limb.number))


def _working_days_beginning_with(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(almanac.working_days_beginning_with(start, limb.number))


def _working_days_before(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return Pair(
        almanac.subtract_working_days(start, limb.number), almanac.subtract_working_days(start, limb.number + 1)
    )


def _tribunal_working_days_after(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(almanac.add_tribunal_working_days(start, limb.number))


def _tribunal_days_after(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(roll_on(almanac, almanac.add_tribunal_days(start, limb.in_days)))


def _corresponding_date(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    return _same(corresponding(start, limb.number))


def _month_beginning_with(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    end = corresponding(start, limb.number)
    if end.day == start.day:
        return _same(end - DAY)
    return Pair(end, end - DAY)


def _months_before(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    due = corresponding(start, -limb.number)
    return Pair(due, due - DAY)


def _corresponding_date_tribunal_days(almanac: WorkingCalendar, start: date, limb: Limb) -> Pair:
    plain = corresponding(start, limb.number)
    return _same(roll_on(almanac, almanac.add_tribunal_days(start, (plain - start).days)))


def _same(day: date) -> Pair:
    return Pair(day, day)


# Words that need only a start and a number. Those with inputs of their own are in deadlines/due_dates.py.
COUNTING_RULES: Mapping[str, CountingRule] = MappingProxyType(
    {
        "after": _after,
        "beginning_with": _beginning_with,
        "days_before": _days_before,
        "working_days_after": _working_days_after,
        "working_days_beginning_with": _working_days_beginning_with,
        "working_days_before": _working_days_before,
        "tribunal_working_days_after": _tribunal_working_days_after,
        "tribunal_days_after": _tribunal_days_after,
        "corresponding_date": _corresponding_date,
        "corresponding_date_tribunal_start": _corresponding_date,
        "corresponding_date_tribunal_days": _corresponding_date_tribunal_days,
        "month_beginning_with": _month_beginning_with,
        "months_before": _months_before,
    }
)

# What is done once to the date that comes out of all limbs together.
FINISHES: Mapping[str, Callable[[WorkingCalendar, date], date]] = MappingProxyType(
    {"corresponding_date_tribunal_start": tribunal_start}
)
