"""The working-day calendar: the government's list of days, sums against loops, and no guess outside the known range."""

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from govuk_bank_holidays.bank_holidays import BankHolidays
from hypothesis import given
from hypothesis import strategies as st

from config.toml_reader import ConfigFault
from deadlines.calculator import due_at
from deadlines.working_calendar import LONDON, OutsideCalendarRange, WorkingCalendar, load_calendar
from tests.support.paths import ROOT
from tests.support.second_count import closed, is_working_day, last_working, next_working, walk

CALENDAR = load_calendar()
FIRST, LAST = date(2012, 1, 1), date(2028, 12, 31)
ONE = timedelta(days=1)
SHIPPED = ROOT / "config" / "almanac"
INSIDE = st.dates(date(2013, 1, 1), date(2027, 6, 30))


def test_the_days_are_those_of_the_government_s_list() -> None:
    theirs = BankHolidays(use_cached_holidays=True).get_holidays(division=BankHolidays.ENGLAND_AND_WALES)
    assert set(CALENDAR.holidays) == {event["date"] for event in theirs if FIRST <= event["date"] <= LAST}
    for event in theirs:
        if FIRST <= event["date"] <= LAST:
            assert CALENDAR.holidays[event["date"]].startswith(event["title"].replace("’", "'"))


def test_the_known_range_is_said() -> None:
    assert (CALENDAR.first, CALENDAR.last) == (FIRST, LAST)


def test_days_that_are_easily_got_wrong() -> None:
    assert not CALENDAR.is_working_day(date(2020, 5, 8)), "the early May holiday of 2020 was moved to Friday 8 May"
    assert CALENDAR.is_working_day(date(2020, 5, 4))
    assert not CALENDAR.is_working_day(date(2022, 9, 19)), "the Queen's funeral"
    assert not CALENDAR.is_working_day(date(2023, 5, 8)), "the coronation"
    assert not CALENDAR.is_working_day(date(2027, 12, 28)), "a substitute day"
    assert CALENDAR.is_working_day(date(2026, 8, 3)), "Scotland's August holiday"
    assert CALENDAR.is_working_day(date(2026, 3, 17)), "Northern Ireland's St Patrick's Day"
    assert CALENDAR.why_not_working(date(2026, 4, 3)) == "Good Friday"
    assert CALENDAR.why_not_working(date(2026, 4, 4)) == "weekend"
    assert CALENDAR.why_not_working(date(2026, 4, 7)) is None


@given(INSIDE, st.integers(1, 60))
def test_sums_agree_with_loops(day: date, n: int) -> None:
    assert CALENDAR.add_working_days(day, n) == walk(day, n, is_working_day)
    assert CALENDAR.subtract_working_days(day, n) == walk(day, n, is_working_day, -ONE)
    assert CALENDAR.working_days_beginning_with(day, n) == walk(day - ONE, n, is_working_day)
    assert CALENDAR.add_tribunal_working_days(day, n) == walk(
        day, n, lambda each: is_working_day(each) and not closed(each)
    )
    assert CALENDAR.add_tribunal_days(day, n) == walk(day, n, lambda each: not closed(each))
    assert CALENDAR.working_day_on_or_before(day) == last_working(day)
    assert CALENDAR.working_day_on_or_after(day) == next_working(day)


@given(INSIDE, st.integers(1, 40))
def test_there_and_back_again(day: date, n: int) -> None:
    start = CALENDAR.working_day_on_or_after(day)
    assert CALENDAR.subtract_working_days(CALENDAR.add_working_days(start, n), n) == start
    assert CALENDAR.working_days_between(start, CALENDAR.add_working_days(start, n)) == n


@given(INSIDE, INSIDE, st.integers(1, 40))
def test_a_later_start_never_ends_earlier(one: date, other: date, n: int) -> None:
    early, late = min(one, other), max(one, other)
    for add in (CALENDAR.add_working_days, CALENDAR.add_tribunal_working_days, CALENDAR.add_tribunal_days):
        assert add(early, n) <= add(late, n)


@given(INSIDE, st.integers(1, 15), st.integers(-40, 40), st.integers(1, 60))
def test_institution_days_agree_with_a_loop(day: date, n: int, start: int, length: int) -> None:
    closed_from = day + start * ONE
    reopens_on = closed_from + length * ONE
    looped = walk(day, n, lambda each: is_working_day(each) and not closed_from <= each < reopens_on)
    assert CALENDAR.institution_days_after(day, n, closed_from, reopens_on) == looped
    assert CALENDAR.institution_days_after(day, n, None, None) == walk(day, n, is_working_day)


def test_the_bulk_sums_are_the_single_ones() -> None:
    days = [date(2014, 9, 1).toordinal() + i for i in range(5000)]
    for n in (1, 3, 15, 30):
        assert CALENDAR.add_working_days_many(days, n) == [
            CALENDAR.add_working_days(date.fromordinal(day), n).toordinal() for day in days
        ]
        assert CALENDAR.add_tribunal_working_days_many(days, n) == [
            CALENDAR.add_tribunal_working_days(date.fromordinal(day), n).toordinal() for day in days
        ]


OUTSIDE: list[Callable[[WorkingCalendar], object]] = [
    lambda almanac: almanac.is_working_day(LAST + ONE),
    lambda almanac: almanac.is_working_day(FIRST - ONE),
    lambda almanac: almanac.add_working_days(LAST, 1),
    lambda almanac: almanac.add_working_days(date(2028, 12, 20), 30),
    lambda almanac: almanac.add_working_days(FIRST - 2 * ONE, 1),
    lambda almanac: almanac.add_working_days(date(1990, 1, 1), 1),
    lambda almanac: almanac.subtract_working_days(date(2012, 1, 5), 10),
    lambda almanac: almanac.subtract_working_days(LAST + 2 * ONE, 1),
    lambda almanac: almanac.working_day_on_or_before(FIRST),
    lambda almanac: almanac.working_day_on_or_after(LAST),
    lambda almanac: almanac.add_tribunal_days(LAST, 1),
    lambda almanac: almanac.institution_days_after(date(2028, 12, 1), 10, date(2028, 12, 2), date(2029, 1, 5)),
    lambda almanac: almanac.add_working_days_many([LAST.toordinal()], 1),
    lambda almanac: almanac.add_tribunal_working_days_many([0], 1),
    lambda almanac: almanac.working_days_between(FIRST, LAST + ONE),
]


@pytest.mark.parametrize("ask", OUTSIDE)
def test_outside_the_known_range_it_raises_and_names_the_range(ask: Callable[[WorkingCalendar], object]) -> None:
    with pytest.raises(OutsideCalendarRange, match="2012-01-01 to 2028-12-31"):
        ask(CALENDAR)


def test_it_asks_for_no_day_that_the_sum_does_not_need() -> None:
    assert CALENDAR.add_working_days(FIRST - ONE, 1) == date(2012, 1, 3)
    assert CALENDAR.subtract_working_days(LAST + ONE, 1) == date(2028, 12, 29)
    assert CALENDAR.working_day_on_or_before(LAST) == date(2028, 12, 29)


def test_counting_no_days_is_refused() -> None:
    with pytest.raises(ValueError, match="1 or more"):
        CALENDAR.add_working_days(date(2026, 3, 2), 0)


def test_the_day_ends_in_london_s_own_time() -> None:
    assert due_at(date(2026, 3, 28), "regulation") is not None
    ends = [
        due_at(day, basis)
        for day in (date(2026, 3, 28), date(2026, 3, 29))
        for basis in ("act", "tribunal_rule", "tribunal_direction")
    ]
    assert [moment.isoformat() for moment in ends if moment] == [
        "2026-03-28T23:59:59+00:00",
        "2026-03-28T17:00:00+00:00",
        "2026-03-28T17:00:00+00:00",
        "2026-03-29T23:59:59+01:00",
        "2026-03-29T17:00:00+01:00",
        "2026-03-29T17:00:00+01:00",
    ]
    assert LONDON.key == "Europe/London"
    assert due_at(None, "act") is None


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("bank_holidays.toml", '"2026-04-03" =', '"2026-04-31" =', "no date"),
        ("bank_holidays.toml", '"2026-04-03" =', '"2025-04-03" =', "a day of that year"),
        ("bank_holidays.toml", '"2026-04-03" = "Good Friday"', '"2026-04-03" = 1', "its name"),
        ("bank_holidays.toml", '"2026-04-06" =', '"2026-04-03" =', "not TOML"),
        ("bank_holidays.toml", "known_to = 2028-12-31", "known_to = 2029-12-31", "2029 lies in the known range"),
        ("bank_holidays.toml", "known_to = 2028-12-31", "known_until = 2028-12-31", "known_to"),
        ("bank_holidays.toml", '"Sunday"]', '"Sonntag"]', "no weekday"),
        ("tribunal.toml", '"31 August"', '"32 August"', "day"),
        ("tribunal.toml", "why =", "because =", "exactly the keys"),
        ("tribunal.toml", "source_date", "sourced_on", "sourced_on"),
    ],
)
def test_a_faulty_file_is_refused_with_the_fix(tmp_path: Path, file: str, old: str, new: str, said: str) -> None:
    for each in SHIPPED.glob("*.toml"):
        (tmp_path / each.name).write_text(each.read_text(encoding="utf-8"), encoding="utf-8")
    text = (tmp_path / file).read_text(encoding="utf-8")
    assert old in text
    (tmp_path / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ConfigFault, match=said):
        load_calendar(tmp_path)


def test_a_missing_file_is_never_a_calendar_without_holidays(tmp_path: Path) -> None:
    with pytest.raises(ConfigFault, match="missing"):
        load_calendar(tmp_path)


def test_the_digest_follows_the_content(tmp_path: Path) -> None:
    for each in SHIPPED.glob("*.toml"):
        (tmp_path / each.name).write_text(each.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_calendar(tmp_path).digest == CALENDAR.digest
    text = (tmp_path / "bank_holidays.toml").read_text(encoding="utf-8")
    (tmp_path / "bank_holidays.toml").write_text(text + '"2028-07-03" = "A day of thanks"\n', encoding="utf-8")
    changed = load_calendar(tmp_path)
    assert changed.digest != CALENDAR.digest
    assert not changed.is_working_day(date(2028, 7, 3))
