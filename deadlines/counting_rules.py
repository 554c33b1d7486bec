"""How each counting rule of the statute turns a start day and a number into a last day.

Provision: day of the event excluded (Dodds v Walker [1981] 1 WLR 1027); months are calendar months (Interpretation Act
1978 s5, Sch 1); Tribunal days (SI 2008/2699 r12). Each rule gives two dates: the reading the courts have used, and the
earlier arguable one. No statutory date of a council or a health body is rolled forward; only the Tribunal's own rules
roll.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping
from datetime import MAXYEAR, MINYEAR, date, timedelta
from types import MappingProxyType
from typing import NamedTuple

from config.law import AlternativePeriod
from deadlines.working_calendar import DAY, WorkingCalendar


class DueDates(NamedTuple):
    """The last lawful day, and the same on the strict reading."""

    due: date
    strict: date


CountingRule = Callable[[WorkingCalendar, date, AlternativePeriod], DueDates]


def corresponding(day: date, months: int) -> date:
    """The same day of the month `months` on (back where negative), or that month's last day where it has no
    such day.
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    month += 1
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError("a year outside 1 to 9999")
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def birthday(born: date, years: int) -> DueDates:
    """The n-th birthday. Born on 29 February: in other years 1 March, on the strict reading 28 February."""
    if born.year + years > MAXYEAR:
        raise OverflowError("a year outside 1 to 9999")
    try:
        day = born.replace(year=born.year + years)
    except ValueError:
        return DueDates(date(born.year + years, 3, 1), date(born.year + years, 2, 28))
    return DueDates(day, day)


def roll_on(calendar: WorkingCalendar, day: date) -> date:
    """The next working day where `day` is none, once; closed days of the Tribunal included."""
    return calendar.working_day_on_or_after(day)


def tribunal_start(calendar: WorkingCalendar, day: date) -> date:
    """The end of the time to start proceedings in a SEN case, r12(2) and (3)(a): days are not deducted, only the end
    moves.
    """
    if not calendar.is_closed(day):
        return roll_on(calendar, day)
    while calendar.is_closed(day):
        day += DAY
    return roll_on(calendar, day)


def _after(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    due = start + timedelta(days=period.in_days)
    return DueDates(due, due - DAY)


def _beginning_with(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(start + timedelta(days=period.in_days - 1))


def _days_before(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    due = start - timedelta(days=period.in_days)
    return DueDates(due, due - DAY)


def _working_days_after(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(calendar.add_working_days(start, period.number))


def _working_days_beginning_with(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(calendar.working_days_beginning_with(start, period.number))


def _working_days_before(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return DueDates(
        calendar.subtract_working_days(start, period.number),
        calendar.subtract_working_days(start, period.number + 1),
    )


def _tribunal_working_days_after(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(calendar.add_tribunal_working_days(start, period.number))


def _tribunal_days_after(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(roll_on(calendar, calendar.add_tribunal_days(start, period.in_days)))


def _corresponding_date(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    return _same(corresponding(start, period.number))


def _month_beginning_with(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    end = corresponding(start, period.number)
    if end.day == start.day:
        return _same(end - DAY)
    return DueDates(end, end - DAY)


def _months_before(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    due = corresponding(start, -period.number)
    return DueDates(due, due - DAY)


def _corresponding_date_tribunal_days(calendar: WorkingCalendar, start: date, period: AlternativePeriod) -> DueDates:
    plain = corresponding(start, period.number)
    return _same(roll_on(calendar, calendar.add_tribunal_days(start, (plain - start).days)))


def _same(day: date) -> DueDates:
    return DueDates(day, day)


# Rules that need only a start and a number. Those with inputs of their own are in deadlines/due_dates.py.
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

# A last adjustment of the date that governs, applied once after the alternatives are compared.
FINISHES: Mapping[str, Callable[[WorkingCalendar, date], date]] = MappingProxyType(
    {"corresponding_date_tribunal_start": tribunal_start}
)
