"""Days and counts in words."""

from datetime import date

import pytest

from config import text

DAY = date(2026, 4, 3)


def test_a_day_has_no_leading_zero_in_any_form() -> None:
    assert text.full_day(DAY) == "3 April 2026"
    assert text.full_weekday(DAY) == "Friday 3 April 2026"
    assert text.short_day(DAY) == "3 Apr 2026"
    assert text.short_weekday(DAY) == "Fri 3 Apr 2026"


@pytest.mark.parametrize(("number", "said"), [(0, "0 duties"), (1, "1 duty"), (2, "2 duties")])
def test_only_one_is_singular(number: int, said: str) -> None:
    assert text.counted(number, "duty", "duties") == said


def test_days_are_counted() -> None:
    assert [text.in_days(number) for number in (0, 1, 14)] == ["0 days", "1 day", "14 days"]
