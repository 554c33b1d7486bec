"""One day for two reviews, by hand: the latest that satisfies both on the safest reading, and what each loses."""

from datetime import date
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deadlines.joint_review import align
from tests.support.by_hand import day


class Owed(NamedTuple):
    due: date | None
    strict_due: date | None
    act_by: date | None


# 10 June 2027 is a Thursday, 30 June a Wednesday, 13 June a Sunday.
CARE = Owed(day("10 Jun 2027"), day("10 Jun 2027"), day("10 Jun 2027"))
PLAN = Owed(day("30 Jun 2027"), day("30 Jun 2027"), day("30 Jun 2027"))
SUNDAY = Owed(day("13 Jun 2027"), day("12 Jun 2027"), day("11 Jun 2027"))


def test_the_earlier_of_the_two_is_proposed_and_the_later_gives_up_the_difference() -> None:
    found = align([CARE, PLAN], day("1 Jan 2027"))
    assert (found.on, found.reading, found.reason) == (day("10 Jun 2027"), "act_by", None)
    assert [(loss.days_given_up, loss.days_late_on_the_others_day) for loss in found.losses] == [(0, 20), (20, 0)]


def test_losses_stand_in_the_order_of_the_duties() -> None:
    found = align([PLAN, CARE], day("1 Jan 2027"))
    assert [(loss.days_given_up, loss.days_late_on_the_others_day) for loss in found.losses] == [(20, 0), (0, 20)]


@pytest.mark.parametrize(
    ("as_at", "on", "reading"),
    [
        ("11 Jun 2027", "11 Jun 2027", "act_by"),
        ("12 Jun 2027", "12 Jun 2027", "strict_due"),
        ("13 Jun 2027", "13 Jun 2027", "due"),
        ("14 Jun 2027", None, None),
    ],
)
def test_the_safest_reading_that_can_still_be_met_is_taken(as_at: str, on: str | None, reading: str | None) -> None:
    found = align([SUNDAY, PLAN], day(as_at))
    assert (found.on, found.reading) == (day(on) if on else None, reading)


def test_where_one_has_passed_no_day_satisfies_both_and_that_is_said() -> None:
    found = align([CARE, PLAN], day("11 Jun 2027"))
    assert (
        found.reason
        == "One of the two was due on 2027-06-10, which has passed: no day satisfies both. Hold both as soon as can be."
    )
    assert [loss.days_given_up for loss in found.losses] == [None, None]


def test_beyond_the_calendar_the_strict_day_replaces_the_working_day() -> None:
    found = align([CARE._replace(act_by=None), PLAN], day("1 Jan 2027"))
    assert (found.on, found.reading) == (day("10 Jun 2027"), "strict_due")


def test_a_duty_without_a_date_cannot_be_aligned() -> None:
    with pytest.raises(ValueError, match="without a due date"):
        align([CARE, Owed(None, None, None)], day("1 Jan 2027"))


DAYS = st.dates(date(2020, 1, 1), date(2030, 1, 1))
OWED = st.lists(DAYS, min_size=3, max_size=3).map(sorted).map(lambda three: Owed(three[2], three[1], three[0]))


@given(OWED, OWED, DAYS)
def test_what_is_proposed_is_in_time_for_both_and_there_is_no_later_day_on_that_reading(
    first: Owed, second: Owed, as_at: date
) -> None:
    found = align([first, second], as_at)
    assert first.due is not None
    assert second.due is not None
    if found.on is None:
        assert min(first.due, second.due) < as_at
        return
    assert as_at <= found.on <= min(first.due, second.due)
    assert found.reading is not None
    assert found.on == min(getattr(first, found.reading), getattr(second, found.reading))
    assert [loss.days_given_up for loss in found.losses] == [(first.due - found.on).days, (second.due - found.on).days]


def test_three_are_held_by_the_earliest_of_them_and_each_loses_its_own() -> None:
    health = Owed(day("25 Jun 2027"), day("25 Jun 2027"), day("25 Jun 2027"))
    found = align([PLAN, CARE, health], day("1 Jan 2027"))
    assert found.on == day("10 Jun 2027")
    assert [(loss.days_given_up, loss.days_late_on_the_others_day) for loss in found.losses] == [
        (20, 0),
        (0, 20),
        (15, 5),
    ]
    late = align([PLAN, CARE, health], day("11 Jun 2027"))
    assert late.reason == (
        "One of the three was due on 2027-06-10, which has passed: no day satisfies all three. Hold all three as soon"
        " as can be."
    )


@given(st.lists(OWED, min_size=3, max_size=3), DAYS)
def test_of_three_too_the_day_is_in_time_for_each_on_one_reading(three: list[Owed], as_at: date) -> None:
    found = align(three, as_at)
    due = [each.due for each in three if each.due is not None]
    if found.on is None:
        assert min(due) < as_at
    else:
        assert found.reading is not None
        assert found.on == min(getattr(each, found.reading) for each in three)
        assert all(as_at <= found.on <= day for day in due)
