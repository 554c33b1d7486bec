"""What looks like an NHS number, a date of birth or a child's name in a text that is stored in clear."""

import itertools
import unicodedata
from datetime import date, timedelta

import nhs_number as second_opinion
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.identifiers import (
    DATE_OF_BIRTH,
    NHS_NUMBER,
    NotAnNhsNumber,
    check_digit,
    holds_name,
    identifier_in,
    read_nhs_number,
)

TODAY = date(2026, 3, 2)
NINES = st.integers(999_000_000, 999_999_999).map(str).filter(lambda nine: check_digit(nine) is not None)
LETTERS = st.text("ABNSX", max_size=4)
SEPARATORS = st.sampled_from(["", " ", "-", "\u00a0", ".", "/", "_", "\u2011", " - ", "\u200b"])
CUTS = st.lists(st.integers(1, 9), max_size=4, unique=True).map(sorted)
FULL_WIDTH = str.maketrans("0123456789", "".join(chr(0xFF10 + digit) for digit in range(10)))


@given(NINES, CUTS, SEPARATORS, LETTERS, LETTERS, st.booleans())
def test_an_nhs_number_is_seen_however_it_is_written(
    nine: str, cuts: list[int], separator: str, before: str, after: str, full_width: bool
) -> None:
    number = nine + str(check_digit(nine))
    bounds = [0, *cuts, len(number)]
    written = separator.join(number[start:end] for start, end in itertools.pairwise(bounds))
    text = before + written + after
    assert identifier_in(text.translate(FULL_WIDTH) if full_width else text, TODAY) == NHS_NUMBER


@given(st.dates(date(2000, 6, 1), date(2025, 1, 1)), LETTERS, LETTERS, st.booleans())
@pytest.mark.parametrize(
    "form", ["%Y-%m-%d", "%d-%m-%Y", "%d/%m/%Y", "%Y%m%d", "%d%m%Y", "%d %B %Y", "%d%b%Y", "%Y.%m.%d"]
)
def test_a_date_of_birth_is_seen_however_it_is_written(
    form: str, day: date, before: str, after: str, full_width: bool
) -> None:
    text = f"{before}{day.strftime(form)}{after}"
    assert identifier_in(text.translate(FULL_WIDTH) if full_width else text, TODAY) is not None
    assert identifier_in(day.strftime(form), TODAY) == DATE_OF_BIRTH


@given(st.integers(0, 300))
def test_a_day_of_the_last_months_is_no_date_of_birth(days: int) -> None:
    assert identifier_in(f"tracker {TODAY - timedelta(days)}.csv", TODAY) is None


@pytest.mark.parametrize(
    "text", ["NS-04412", "EHC/2024/0912", "NX00042", "2018123", "dco.team", "sam@icb.example", "A-2026-17-3", "v1.2.3"]
)
def test_ordinary_references_and_accounts_pass(text: str) -> None:
    assert identifier_in(text, TODAY) is None


@pytest.mark.parametrize("form", ["NFC", "NFD", "NFKC", "NFKD"])
@pytest.mark.parametrize("text", ["ZOË OBRIEN 2", "O'Brien, Zoë", "o’brien.zoe", "ZOEOBRIEN-1", "ZOE/O-BRIEN/1"])
def test_the_full_name_of_a_child_is_seen_in_any_order_and_spelling(text: str, form: str) -> None:
    assert holds_name(unicodedata.normalize(form, text), "Zoë O’Brien")  # type: ignore[arg-type]  # the four forms


@pytest.mark.parametrize("text", ["ZOE-1", "NS-04412", "", "BRIEN"])
def test_a_part_of_a_name_is_no_full_name(text: str) -> None:
    assert not holds_name(text, "Zoë O’Brien")


def reads(text: str) -> bool:
    """Whether the product takes the text as an NHS number."""
    try:
        read_nhs_number(text)
    except NotAnNhsNumber:
        return False
    return True


@given(
    st.one_of(st.integers(0, 9_999_999_999), st.integers(100_000_000, 3_112_999_999)).map(
        lambda number: f"{number:010d}"
    ),
    st.sampled_from(["", " ", "-"]),
)
@example("3002990000", "")
@example("0101260007", "")
def test_nhs_numbers_agree_with_a_second_opinion(digits: str, apart: str) -> None:
    number = apart.join((digits[:3], digits[3:6], digits[6:]))
    same = len(set(digits)) == 1
    assert reads(number) is (second_opinion.is_valid(number) and not same)  # type: ignore[attr-defined]


def test_ten_equal_digits_are_no_number_though_the_last_fits() -> None:
    assert check_digit("9" * 9) == 9
    assert not reads("9" * 10)


@pytest.mark.parametrize("text", ["", "999000001", "99900000180", "\uff19" * 10, "999000001x", "9990000019"])
def test_what_is_no_nhs_number_is_refused_without_the_text(text: str) -> None:
    with pytest.raises(NotAnNhsNumber) as refused:
        read_nhs_number(text)
    assert not text or text not in str(refused.value)
