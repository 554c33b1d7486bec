"""Cells of a tracker: what is read, what is doubted and under which word, and that nothing else is ever raised."""

# ruff: noqa: DTZ001 (the days of a sheet have no zone)

from datetime import date, datetime, time
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from casework.imports import cells
from casework.imports.cells import COMMENCED, Cell, Doubt

TODAY = date(2026, 4, 14)
FIFTH = date(2026, 3, 5)


def doubt(reader: Any, *given: Any) -> str:
    with pytest.raises(Doubt) as problem:
        reader(*given)
    return problem.value.code


@pytest.mark.parametrize(
    "cell",
    [
        "05/03/2026",
        "5/3/2026",
        "05-03-2026",
        "5.3.2026",
        " 05/03/2026\u00a0",
        "05 / 03 / 2026",
        "2026-03-05",
        "2026/3/5",
        "2026-03-05T00:00:00",
        "05/03/2026 09:30",
        "5 March 2026",
        "5 Mar 2026",
        "5th march 2026",
        "05-Mar-2026",
        "5 of March 2026",
        "Thursday 5 March 2026",
        "Thu 5 Mar 2026",
        "March 5, 2026",
        datetime(2026, 3, 5),
        datetime(2026, 3, 5, 14, 30),
        date(2026, 3, 5),
    ],
)
def test_days_of_uk_form_and_days_of_the_sheet_are_read(cell: Cell) -> None:
    assert cells.event_day(cell, TODAY) == FIFTH


def test_the_day_comes_first_and_september_has_four_letters_too() -> None:
    assert cells.plain_day("03/04/2026") == date(2026, 4, 3)
    assert cells.plain_day("1 Sept 2025") == date(2025, 9, 1)
    assert cells.plain_day("29/02/2024") == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("31/02/2026", "impossible_date"),
        ("29/02/2026", "impossible_date"),
        ("00/03/2026", "impossible_date"),
        ("03/25/2026", "impossible_date"),
        ("2026-13-01", "impossible_date"),
        ("31 April 2026", "impossible_date"),
        ("05/03/0000", "impossible_date"),
        ("05/03/26", "ambiguous_date"),
        ("5 Mar 26", "ambiguous_date"),
        ("5/3", "ambiguous_date"),
        ("March 2026", "ambiguous_date"),
        ("5th March", "ambiguous_date"),
        ("05032026", "ambiguous_date"),
        ("Friday 5 March 2026", "ambiguous_date"),
        ("05/03/226", "ambiguous_date"),
        ("n/k", "not_a_date"),
        ("tbc", "not_a_date"),
        ("-", "not_a_date"),
        ("05/03-2026", "not_a_date"),
        ("46086", "not_a_date"),
        ("#REF!", "not_a_date"),
        ("5 Marz 2026", "not_a_date"),
        ("soon 5 March 2026", "not_a_date"),
        ("٠٥/٠٣/٢٠٢٦", "not_a_date"),
        ("05/03/2026 to 06/03/2026", "not_a_date"),
        ("5" * 5000, "not_a_date"),
        (46086, "not_a_date"),
        (46086.5, "not_a_date"),
        (True, "not_a_date"),
        (time(9, 30), "not_a_date"),
        ("15/04/2026", "future_date"),
        (datetime(2031, 5, 14), "future_date"),
        ("31/08/2014", "too_old"),
        ("05/03/1206", "too_old"),
    ],
)
def test_doubtful_days_are_refused_and_never_guessed_at(cell: Cell, code: str) -> None:
    assert doubt(cells.event_day, cell, TODAY) == code


def test_today_and_the_day_of_the_law_are_days_like_others() -> None:
    assert cells.event_day("14/04/2026", TODAY) == TODAY
    assert cells.event_day("01/09/2014", TODAY) == COMMENCED


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("15/04/2026", "future_date"),
        ("05/03/1970", "bad_value"),
        ("05/03/15", "ambiguous_date"),
        ("unknown", "not_a_date"),
        ("30/02/2016", "impossible_date"),
    ],
)
def test_a_birth_is_a_past_day_of_somebody_under_26(cell: Cell, code: str) -> None:
    assert doubt(cells.birth_day, cell, TODAY) == code
    assert cells.birth_day("02/01/2000", TODAY) == date(2000, 1, 2)


@pytest.mark.parametrize(
    "cell", ["9991234500", "999 123 4500", " 999-123-4500 ", "999\u00a0123\u00a04500", 9991234500, 9991234500.0]
)
def test_an_nhs_number_is_read_with_or_without_blanks(cell: Cell) -> None:
    assert cells.nhs_number(cell) == "9991234500"


@pytest.mark.parametrize(
    ("cell", "code"),
    [
        ("9991234501", "check_digit"),
        ("9991234560", "check_digit"),
        ("999123450", "bad_value"),
        ("99912345000", "bad_value"),
        ("9.99E+09", "bad_value"),
        ("unknown", "bad_value"),
        ("1111111111", "bad_value"),
        (True, "bad_value"),
        (datetime(2026, 1, 1), "bad_value"),
        (0.5, "bad_value"),
    ],
)
def test_a_wrong_nhs_number_is_refused(cell: Cell, code: str) -> None:
    assert doubt(cells.nhs_number, cell) == code


anything = st.one_of(
    st.none(),
    st.text(max_size=60),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.from_regex(r"[0-9]{1,2}[/. \-][0-9A-Za-z]{1,9}[/. \-][0-9]{1,4}.{0,6}", fullmatch=True),
    st.text(alphabet="0123456789/-. MarchJune\u00a0\0", max_size=24),
)


@given(anything)
@example("\0")
@example("0/0/0000")
@example(float("nan"))
@example(float("inf"))
def test_no_cell_makes_a_reader_raise_anything_but_its_own_doubt(cell: Any) -> None:
    readers = (
        cells.plain_day,
        lambda one: cells.event_day(one, TODAY),
        lambda one: cells.birth_day(one, TODAY),
        cells.nhs_number,
        cells.long_words,
        cells.own_reference,
        cells.la_reference,
        cells.words,
        cells.blank,
    )
    for reader in readers:
        try:
            reader(cell)
        except Doubt as doubt:
            assert doubt.code.islower() and doubt.expected
            shown = str(cell)
            assert len(shown) < 6 or shown not in doubt.expected.replace("05/03/2026", "").replace("5 March 2026", "")


@given(anything)
def test_a_day_that_is_read_is_a_lawful_one(cell: Any) -> None:
    try:
        day = cells.event_day(cell, TODAY)
    except Doubt:
        return
    assert type(day) is date and COMMENCED <= day <= TODAY


@given(
    st.dates(COMMENCED, TODAY),
    st.sampled_from(["%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d", "%d %B %Y", "%d %b %Y", "%A %d %B %Y"]),
)
def test_every_lawful_day_survives_being_written(day: date, form: str) -> None:
    assert cells.event_day(day.strftime(form), TODAY) == day


@given(st.dates(COMMENCED, TODAY).filter(lambda day: day.day > 12))
def test_a_day_of_american_form_is_impossible_and_not_turned_round(day: date) -> None:
    assert doubt(cells.event_day, day.strftime("%m/%d/%Y"), TODAY) == "impossible_date"


def test_text_is_stripped_of_blanks_and_limited_in_length() -> None:
    assert cells.long_words("  chased by phone\0 \n") == "chased by phone"
    assert cells.words(12.0) == "12" and cells.words(datetime(2026, 3, 5)) == "2026-03-05"
    assert doubt(cells.long_words, "x" * 20_001) == "too_long"
    assert cells.blank("\u200b \ufeff") and cells.blank(None) and not cells.blank(0)


def test_a_reference_is_used_if_it_has_the_form_of_one() -> None:
    assert cells.own_reference("  nx00064 ") == "NX00064"
    assert cells.own_reference("NX-004") == "NX-004"
    assert [cells.own_reference(text) for text in ("Smith, J", "Sam 2015", "12345", "NX12", None)] == [None] * 5
    assert cells.own_reference("nx 00064") == "NX00064"
    assert cells.la_reference(" ns-04412 ") == "NS-04412" and cells.la_reference("Smith (new)") is None
