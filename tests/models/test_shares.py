"""Shares and their split: tables worked by hand, and by hypothesis that no penny is lost or made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.facts import FactData
from models.shares import FUNDERS, WHOLE, Shares, added, percent, shares_of, split

# Worked by hand: the total in pence, the shares, and what each funder pays.
BY_HAND = [
    (100_00, ["health=60", "social_care=40"], {"health": 60_00, "social_care": 40_00}),
    (1, ["health=50", "education=50"], {"health": 1, "education": 0}),  # equal remainders: the first funder
    (3, ["health=50", "education=50"], {"health": 2, "education": 1}),
    (100, ["health=33.33", "education=33.33", "social_care=33.34"], {"health": 33, "education": 33, "social_care": 34}),
    # 10.00 in thirds: 333.3, 333.3 and 333.4 pence; one penny is left, for the largest remainder
    (
        1000,
        ["health=33.33", "education=33.33", "social_care=33.34"],
        {"health": 333, "education": 333, "social_care": 334},
    ),
    # 2 pence: 0.6666, 0.6666, 0.6668; the first penny to social care, the second to health
    (2, ["health=33.33", "education=33.33", "social_care=33.34"], {"health": 1, "education": 0, "social_care": 1}),
    (10_400_00, ["social_care=40", "health=60"], {"health": 6_240_00, "social_care": 4_160_00}),
    (99, ["health=100"], {"health": 99}),
    (0, ["health=12.5", "education=87.5"], {"health": 0, "education": 0}),
]


@pytest.mark.parametrize(("total", "shares", "paid"), BY_HAND)
def test_a_total_is_split_in_whole_pence_as_on_paper(total: int, shares: list[str], paid: dict[str, int]) -> None:
    assert split(total, shares) == paid


@st.composite
def any_shares(draw: st.DrawFn) -> list[str]:
    """Shares of one to three funders that are 100 percent together, in any order."""
    funders = draw(st.permutations(FUNDERS))[: draw(st.integers(1, 3))]
    cuts = sorted(draw(st.lists(st.integers(0, WHOLE), min_size=len(funders) - 1, max_size=len(funders) - 1)))
    parts = [end - start for start, end in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
    return [f"{funder}={percent(part)}" for funder, part in zip(funders, parts, strict=True)]


@given(total=st.integers(0, 2**53 - 1), shares=any_shares())
def test_what_the_funders_pay_sums_to_the_total_and_nobody_is_off_by_a_penny(total: int, shares: list[str]) -> None:
    paid = split(total, shares)
    assert sum(paid.values()) == total
    for funder, share in shares_of(shares).items():
        assert paid[funder] >= 0
        assert abs(paid[funder] * WHOLE - total * share) < WHOLE, "less than a penny from the exact share"


@given(total=st.integers(0, 10**9), shares=any_shares())
def test_the_order_in_which_shares_are_typed_changes_nothing(total: int, shares: list[str]) -> None:
    assert split(total, shares) == split(total, shares[::-1])


@given(totals=st.lists(st.integers(0, 10**9), max_size=6), shares=any_shares())
def test_the_sums_of_several_lines_are_the_sum_of_their_splits(totals: list[int], shares: list[str]) -> None:
    paid: dict[str, int] = {}
    for total in totals:
        paid = added(paid, split(total, shares))
    assert sum(paid.values()) == sum(totals)


class Line(FactData):
    """A fact with shares."""

    shares: Shares


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("health=60, social_care=40", ["health=60", "social_care=40"]),
        ("social_care = 40%, health=60.00", ["health=60", "social_care=40"]),
        ("health=33.33,education=33.33,social_care=33.34", ["health=33.33", "education=33.33", "social_care=33.34"]),
        ("health=12.5, education=87.50", ["health=12.5", "education=87.5"]),
        ("health=100, education=0", ["health=100"]),
        (["health=100"], ["health=100"]),
    ],
)
def test_shares_are_stored_in_one_form(typed: object, stored: list[str]) -> None:
    assert Line.model_validate({"shares": typed}).shares == stored


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("health=60, social_care=39.99", "100 percent together"),
        ("health=60, social_care=40.01", "100 percent together"),
        ("health=101", "100 percent together"),
        ("health=50, health=50", "named twice"),
        ("nhs=100", "with the funders health, education, social_care"),
        ("health=33.333, education=66.667", "funder=percent was expected"),
        ("health=-5, education=105", "funder=percent was expected"),
        ("health", "funder=percent was expected"),
    ],
)
def test_shares_of_another_form_are_refused(typed: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Line.model_validate({"shares": typed})
