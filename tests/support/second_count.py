"""Counts every date a second time, with no code of sendflow: day by day, over the government's own list of bank
holidays.

It reads the period as the law prints it ("6 weeks") from tests/scenarios/law/rules.csv, never from the statute
files.
"""

import csv
import re
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from typing import NamedTuple

from govuk_bank_holidays.bank_holidays import BankHolidays

from tests.support.paths import LAW

ONE = timedelta(days=1)
HOLIDAYS = {
    event["date"]
    for event in BankHolidays(use_cached_holidays=True).get_holidays(division=BankHolidays.ENGLAND_AND_WALES)
    if event["date"].year < 2029
}
NO_DATE = ("none", "immediate", "local", "as_directed", "as_named")
NO_ACT_BY = {
    "draft_plan_parent_response_min",
    "review_amend_parent_response_min",
    "remain_special_school",
    "ehc_school_closure_window_start",
    "ehc_school_closure_window_end",
    "reassess_six_month_window_start",
    "cease_plan_earliest",
    "cease_plan_after_appeal",
    "compulsory_school_age_start",
}
AllowOneMore = {"draft_plan_parent_response_min", "review_amend_parent_response_min"}
Given = dict[str, date]


class Unknown(Exception):
    """Raised for a day outside 2012 to 2028."""


@cache
def _number(period: str) -> int:
    said = re.findall(r"\d+|\bone\b", period)[0]
    return 1 if said == "one" else int(said)


class Printed(NamedTuple):
    """One row of tests/scenarios/law/rules.csv, or of the table of a process that came later (rules/PROCESS.csv)."""

    rule: str
    process: str
    counts: str
    period: str
    since: str
    basis: str
    excuses: str
    citation: str
    url: str

    @property
    def number(self) -> int:
        return _number(self.period)

    @property
    def days(self) -> int:
        return self.number * 7 if "week" in self.period else self.number

    @property
    def first(self) -> date | None:
        return date.fromisoformat(self.since) if self.since else None


class Second(NamedTuple):
    due: date | None
    strict: date | None
    act_by: date | None


def printed_rules() -> list[Printed]:
    rows: list[Printed] = []
    for table in (LAW / "rules.csv", *sorted((LAW / "rules").glob("*.csv"))):
        with table.open(newline="", encoding="utf-8") as file:
            rows += [Printed(**row) for row in csv.DictReader(file)]
    return rows


@cache
def is_working_day(day: date) -> bool:
    if not 2012 <= day.year <= 2028:
        raise Unknown
    return day.weekday() < 5 and day not in HOLIDAYS


def closed(day: date) -> bool:
    return day.month == 8 or (day.month == 12 and day.day >= 25) or (day.month == 1 and day.day == 1)


def walk(day: date, n: int, counts: Callable[[date], bool], step: timedelta = ONE) -> date:
    while n:
        day += step
        if counts(day):
            n -= 1
    return day


def next_working(day: date) -> date:
    while not is_working_day(day):
        day += ONE
    return day


def last_working(day: date) -> date:
    while not is_working_day(day):
        day -= ONE
    return day


def month_on(day: date, n: int) -> date:
    year, month = day.year, day.month
    for _ in range(abs(n)):
        month += 1 if n > 0 else -1
        if month in (0, 13):
            year, month = (year + 1, 1) if month == 13 else (year - 1, 12)
    for back in range(4):
        try:
            return date(year, month, day.day - back)
        except ValueError:
            continue
    raise AssertionError("no month is that short")


def _exists(day: date, months: int) -> bool:
    return month_on(day, months).day == day.day


def _starting_with(day: date, months: int) -> tuple[date, date]:
    end = month_on(day, months)
    return (end - ONE, end - ONE) if _exists(day, months) else (end, end - ONE)


def _proceedings(day: date) -> date:
    if day.month == 8:
        return next_working(date(day.year, 9, 1))
    if closed(day):
        return next_working(date(day.year + (day.month == 12), 1, 2))
    return next_working(day)


def _appeal(on: date, given: Given) -> date:
    limits = [month_on(on, 2)]
    if "certificate_date" in given:
        limits.append(month_on(given["certificate_date"], 1))
    return _proceedings(max(limits))


def _age(born: date, years: int) -> tuple[date, date]:
    try:
        day = date(born.year + years, born.month, born.day)
    except ValueError:
        return date(born.year + years, 3, 1), date(born.year + years, 2, 28)
    return day, day


def _two(printed: Printed, on: date, given: Given) -> tuple[date, date] | None:  # noqa: C901, PLR0911, PLR0912
    """Return the due and the strict date of one question, before the eight rules that are no duty are separated."""
    counts, rule = printed.counts, printed.rule
    if counts in NO_DATE:
        return None
    if rule in ("la_move_transfer_plan", "rcb_move_notify_new_rcb") and on <= walk(
        given["moved_on"], 15, is_working_day, -ONE
    ):
        return given["moved_on"], given["moved_on"]
    if rule == "new_la_review_after_transfer":
        limits = [_starting_with(given["last_reviewed_on"], 12), _starting_with(on, 3)]
        return max(limit[0] for limit in limits), max(limit[1] for limit in limits)
    if rule == "review_amend_outer_limit" and "notice_sent_on" in given:
        day = min(on + 84 * ONE, given["notice_sent_on"] + 56 * ONE)
        return day, day - ONE
    if rule == "review_after_reassessment":
        return month_on(on, 12), _starting_with(on, 12)[1]
    if rule == "permission_to_appeal":
        return next_working(walk(on, 28, lambda day: not closed(day))), on + 28 * ONE
    if rule == "ut_permission_after_refusal":
        plain = month_on(on, 1)
        return next_working(walk(on, (plain - on).days, lambda day: not closed(day))), plain
    if counts == "after":
        return on + printed.days * ONE, on + (printed.days - 1) * ONE
    if counts == "days_before":
        return on - printed.days * ONE, on - (printed.days + 1) * ONE
    if counts == "working_days_before":
        return walk(on, printed.number, is_working_day, -ONE), walk(on, printed.number + 1, is_working_day, -ONE)
    if counts == "months_before":
        day = month_on(on, -printed.number)
        return day, day - ONE
    if counts == "month_beginning_with":
        return _starting_with(on, printed.number)
    if counts == "birthday":
        return _age(on, printed.number)
    if counts == "closure_window":
        if (given["reopens_on"] - on).days < 28:
            return None
        day = (on if rule.endswith("start") else given["reopens_on"]) - 7 * ONE
        return day, day
    day = _one(printed, on, given)
    return day, day


def _one(printed: Printed, on: date, given: Given) -> date:  # noqa: C901, PLR0911 (one counting rule a case)
    match printed.counts:
        case "beginning_with":
            return on + (printed.days - 1) * ONE
        case "working_days_after":
            return walk(on, printed.number, is_working_day)
        case "working_days_beginning_with":
            return walk(on - ONE, printed.number, is_working_day)
        case "tribunal_working_days_after":
            return walk(on, printed.number, lambda day: is_working_day(day) and not closed(day))
        case "institution_days_after":
            shut = (given["closed_from"], given["reopens_on"]) if "closed_from" in given else (date.max, date.max)
            return walk(on, printed.number, lambda day: is_working_day(day) and not shut[0] <= day < shut[1])
        case "corresponding_date":
            return month_on(on, printed.number)
        case "corresponding_date_tribunal_start":
            return _appeal(on, given)
        case "appeal_period":
            return _appeal(on, given) + ONE
        case "before_fixed_date":
            if printed.rule == "phase_transfer_review_post16":
                return date(2015, 5, 30) if on == date(2015, 9, 1) else date(on.year, 3, 30)
            return date(on.year, 2, 14)
        case "prescribed_day":
            day = _age(on, 5)[0]
            while (day.month, day.day) not in ((3, 31), (8, 31), (12, 31)):
                day += ONE
            return day
    raise AssertionError(printed.counts)


def second_count(printed: Printed, on: date, given: Given) -> Second:
    """Return the three dates of one question. Raises Unknown if the count needs a day outside 2012 to 2028."""
    replaced = given.get("directed_on") or given.get("agreed_on")
    pair = (replaced, replaced) if replaced else _two(printed, on, given)
    if pair is None:
        return Second(None, None, None)
    due, strict = pair
    if printed.rule in NO_ACT_BY:
        return Second(due, due + ONE if printed.rule in AllowOneMore else due, None)
    try:
        return Second(due, strict, last_working(strict))
    except Unknown:
        return Second(due, strict, None)
