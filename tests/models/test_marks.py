"""Grades, agreement and Cohen's kappa: tables worked by hand, and by hypothesis."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from models.facts import FactData
from models.marks import (
    ANSWERS,
    GRADES,
    Answers,
    Thresholds,
    agreement,
    answers_of,
    grade_of,
    paired,
    percent_of,
    to_places,
    weakest,
)

LEVELS = Thresholds(outstanding=90, good=70, requires_improvement=45)

# Worked by hand: the answers, the percent of points, and the grade with `a` as the essential criterion.
GRADED = [
    ({"a": "yes", "b": "yes"}, Fraction(100), "outstanding"),
    # 2+2+2+2+1 of 10 points
    ({"a": "yes", "b": "yes", "c": "yes", "d": "yes", "e": "partly"}, Fraction(90), "outstanding"),
    ({"a": "yes", "b": "partly"}, Fraction(75), "good"),
    # 2+2+1+1+1 of 10
    ({"a": "yes", "b": "yes", "c": "partly", "d": "partly", "e": "partly"}, Fraction(70), "good"),
    ({"a": "partly", "b": "partly"}, Fraction(50), "requires_improvement"),
    # what is not applicable counts neither way: 2 of 4
    ({"a": "yes", "b": "no", "c": "not_applicable"}, Fraction(50), "requires_improvement"),
    ({"a": "partly", "b": "no", "c": "partly"}, Fraction(100, 3), "inadequate"),
    # 18 of 20 points, and a no to the essential criterion
    ({"a": "no"} | dict.fromkeys("bcdefghij", "yes"), Fraction(90), "requires_improvement"),
    ({"a": "no", "b": "no"}, Fraction(0), "inadequate"),
    ({"a": "not_applicable"}, None, "nothing_applicable"),
]


@pytest.mark.parametrize(("answers", "percent", "grade"), GRADED)
def test_a_grade_follows_from_the_answers_as_on_paper(
    answers: dict[str, str], percent: Fraction | None, grade: str
) -> None:
    assert percent_of(answers) == percent
    assert grade_of(answers, ["a"], LEVELS) == grade


# Worked by hand: how often the two gave which pair of answers, pairs, equal ones, and kappa.
AGREED = [
    # observed 35/50; expected (25*30 + 25*20)/2500 = 1/2; (7/10 - 1/2) / (1/2) = 2/5
    ({("yes", "yes"): 20, ("yes", "no"): 5, ("no", "yes"): 10, ("no", "no"): 15}, 50, 35, Fraction(2, 5)),
    # three words: observed 7/10; expected (5*4 + 3*4 + 2*2)/100 = 36/100; (70-36)/(100-36) = 34/64
    (
        {("yes", "yes"): 4, ("yes", "partly"): 1, ("partly", "partly"): 2, ("partly", "no"): 1, ("no", "no"): 1}
        | {("no", "partly"): 1},
        10,
        7,
        Fraction(17, 32),
    ),
    # each gave yes half of the time and they never agree: expected 1/2, so (0 - 1/2) / (1/2)
    ({("yes", "no"): 3, ("no", "yes"): 3}, 6, 0, Fraction(-1)),
    ({("yes", "yes"): 2, ("no", "no"): 2}, 4, 4, Fraction(1)),
    # one always says yes: agreement is what chance gives
    ({("yes", "yes"): 3, ("yes", "no"): 1}, 4, 3, Fraction(0)),
    # both said yes to everything: chance gives that too, and kappa is undefined
    ({("yes", "yes"): 9}, 9, 9, None),
    ({}, 0, 0, None),
]


@pytest.mark.parametrize(("times", "pairs", "equal", "kappa"), AGREED)
def test_agreement_and_kappa_are_those_worked_by_hand(
    times: dict[tuple[str, str], int], pairs: int, equal: int, kappa: Fraction | None
) -> None:
    assert agreement([pair for pair, number in times.items() for _ in range(number)]) == (pairs, equal, kappa)


PAIRS = st.lists(st.tuples(st.sampled_from(ANSWERS), st.sampled_from(ANSWERS)), max_size=40)


@given(pairs=PAIRS)
def test_kappa_lies_between_minus_one_and_one_and_is_one_only_where_all_agree(pairs: list[tuple[str, str]]) -> None:
    found = agreement(pairs)
    assert 0 <= found.equal <= found.pairs == len(pairs)
    if found.kappa is not None:
        assert -1 <= found.kappa <= 1
        assert (found.kappa == 1) == (found.equal == found.pairs)
        assert found.kappa <= Fraction(found.equal, found.pairs), "chance never adds to agreement"


@given(pairs=PAIRS, names=st.permutations(ANSWERS))
def test_neither_who_is_first_nor_how_the_answers_are_called_changes_kappa(
    pairs: list[tuple[str, str]], names: list[str]
) -> None:
    renamed = dict(zip(ANSWERS, names, strict=True))
    assert agreement((other, one) for one, other in pairs) == agreement(pairs)
    assert agreement((renamed[one], renamed[other]) for one, other in pairs) == agreement(pairs)


MARKED = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(ANSWERS), max_size=8)


@given(answers=MARKED, essential=st.sets(st.sampled_from("abcdefgh"), max_size=3))
def test_a_better_answer_never_makes_the_grade_worse(answers: dict[str, str], essential: set[str]) -> None:
    if percent_of(answers) is None:
        return
    before = GRADES.index(grade_of(answers, essential, LEVELS))
    for criterion, answer in answers.items():
        if answer in ("partly", "no"):
            better = {**answers, criterion: "yes" if answer == "partly" else "partly"}
            assert GRADES.index(grade_of(better, essential, LEVELS)) <= before


def test_pairs_are_of_the_criteria_that_both_answered() -> None:
    assert paired({"a": "yes", "b": "no"}, {"b": "partly", "c": "yes"}) == [("no", "partly")]


def test_the_weakest_criteria_have_the_lowest_share_of_points() -> None:
    marked = [
        {"a": "yes", "b": "no", "c": "partly", "d": "partly", "e": "not_applicable"},
        {"a": "yes", "b": "partly", "c": "partly", "d": "yes", "e": "no"},
    ]
    assert weakest(marked) == ["e", "b", "c"], "0, 1/4 and 1/2; d has 3/4, and a lost nothing"
    assert weakest(marked, 9) == ["e", "b", "c", "d"]
    assert weakest([]) == []


@pytest.mark.parametrize(
    ("value", "places", "text"),
    [
        (Fraction(2, 3), 1, "0.7"),
        (Fraction(2, 3), 2, "0.67"),
        (Fraction(-1, 3), 2, "-0.33"),
        (Fraction(1, 2), 0, "1"),
        (Fraction(-1, 2000), 2, "0.00"),
        (Fraction(100), 1, "100.0"),
        (Fraction(5, 100), 1, "0.1"),
    ],
)
def test_a_fraction_is_rounded_for_a_reader(value: Fraction, places: int, text: str) -> None:
    assert to_places(value, places) == text


class Marked(FactData):
    """A fact with answers."""

    answers: Answers


def test_answers_are_stored_in_one_form() -> None:
    assert Marked.model_validate({"answers": "a = yes, b=not_applicable"}).answers == ["a=yes", "b=not_applicable"]
    assert answers_of(["a=yes", "b=no"]) == {"a": "yes", "b": "no"}


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("a", "criterion=answer was expected, with the answers yes, partly, no, not_applicable"),
        ("a=maybe", "criterion=answer was expected"),
        ("A=yes", "criterion=answer was expected"),
        ("a=yes, a=no", "a is answered twice"),
        ("", "at least 1 item"),
    ],
)
def test_answers_of_another_form_are_refused(typed: str, says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Marked.model_validate({"answers": typed})
