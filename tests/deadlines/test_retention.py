"""From which day records may be erased: each day worked out by hand from the Code's schedule."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.retention import load_retention
from deadlines.retention import Concluded, Ripe, last_ripe, least_years, ripe_on

RETENTION = load_retention()
AS_AT = date(2060, 1, 1)
DAYS = st.dates(date(2000, 1, 1), date(2040, 12, 31))


def counted(word: str, first: str, concluded: str, born: str | None) -> Ripe:
    matter = Concluded(word, date.fromisoformat(first), date.fromisoformat(concluded))
    birth = None if born is None else date.fromisoformat(born)
    return ripe_on(word, RETENTION.classes[word], matter, birth, AS_AT)


BY_HAND = [
    # class, first fact, conclusion, born, may be erased from
    ("child_health", "2020-01-06", "2026-03-02", "2015-05-20", "2040-05-20"),  # a child of 10: the 25th birthday
    ("child_health", "2020-01-06", "2032-05-19", "2015-05-20", "2040-05-20"),  # the day before the 17th birthday
    ("child_health", "2020-01-06", "2032-05-20", "2015-05-20", "2041-05-20"),  # 17 that day: the 26th
    ("child_health", "2020-01-06", "2033-05-19", "2015-05-20", "2041-05-20"),  # the last day of 17
    ("child_health", "2020-01-06", "2033-05-20", "2015-05-20", "2041-05-20"),  # 18 that day: 8 years after it
    ("child_health", "2020-01-06", "2038-09-01", "2015-05-20", "2046-09-01"),  # a plan until 23: 8 years after it
    ("child_health", "2020-01-06", "2026-03-02", "2012-02-29", "2037-03-01"),  # born on 29 February
    ("child_health", "2020-01-06", "2029-02-28", "2012-02-29", "2038-03-01"),  # 17 on one reading: the later day
    ("child_health", "2020-01-06", "2026-03-02", None, "2046-01-06"),  # unknown: as if born on the first fact
    ("child_health", "2020-01-06", "2045-03-02", None, "2053-03-02"),  # and not before 8 years after the conclusion
    ("continuing_care", "2020-01-06", "2026-03-02", "2015-05-20", "2040-05-20"),
    ("committee", "2026-01-06", "2026-03-02", None, "2046-03-02"),
    ("correspondence", "2024-01-06", "2024-02-29", None, "2030-03-01"),
    ("complaint", "2026-03-02", "2026-03-02", "2015-05-20", "2036-03-02"),  # counted from its end, at any age
]


@pytest.mark.parametrize(("word", "first", "concluded", "born", "expected"), BY_HAND)
def test_the_day_is_that_of_the_schedule(
    word: str, first: str, concluded: str, born: str | None, expected: str
) -> None:
    assert str(counted(word, first, concluded, born).on) == expected


@given(born=DAYS, before=st.integers(0, 9000), after=st.integers(0, 9000))
def test_an_unknown_birth_date_never_gives_an_earlier_day_than_the_true_one(
    born: date, before: int, after: int
) -> None:
    first = born + timedelta(days=before)
    matter = Concluded("child_health", first, first + timedelta(days=after))
    known = ripe_on("child_health", RETENTION.classes["child_health"], matter, born, AS_AT)
    unknown = ripe_on("child_health", RETENTION.classes["child_health"], matter, None, AS_AT)
    assert known.on <= unknown.on
    assert known.on > matter.concluded_on


@given(born=st.none() | DAYS, first=DAYS, after=st.integers(0, 9000))
@pytest.mark.parametrize("word", list(RETENTION.classes))
def test_no_matter_is_ripe_before_its_least_years(word: str, born: date | None, first: date, after: int) -> None:
    record_class = RETENTION.classes[word]
    matter = Concluded(word, first, first + timedelta(days=after))
    earliest = date(first.year + least_years(record_class, AS_AT), first.month, min(first.day, 28))
    assert ripe_on(word, record_class, matter, born, AS_AT).on >= earliest


def test_the_least_years_of_a_childs_record_are_from_the_birthdays_on() -> None:
    assert least_years(RETENTION.classes["child_health"], AS_AT) == 8
    assert least_years(RETENTION.classes["committee"], AS_AT) == 20


@given(born=DAYS, ends=st.lists(st.integers(0, 9000), min_size=2, max_size=2))
def test_a_later_conclusion_never_gives_an_earlier_day(born: date, ends: list[int]) -> None:
    days = [
        ripe_on(
            "child_health",
            RETENTION.classes["child_health"],
            Concluded("child_health", born, born + timedelta(days=end)),
            born,
            AS_AT,
        ).on
        for end in sorted(ends)
    ]
    assert days == sorted(days)


def test_the_matter_that_is_retained_longest_governs() -> None:
    child = counted("child_health", "2020-01-06", "2026-03-02", "2015-05-20")
    complaint = counted("complaint", "2035-03-02", "2035-03-02", "2015-05-20")
    assert last_ripe([complaint, child]) is complaint and last_ripe([]) is None
    assert complaint.on > child.on


def test_a_birth_date_after_the_conclusion_counts_as_unknown() -> None:
    assert counted("child_health", "2020-01-06", "2026-03-02", "2026-03-03").on == date(2046, 1, 6)
