"""Answers to the criteria of an audit, the grade that follows, and how far two people agree. Pure.

Purpose: a grade is calculated and never chosen, and agreement between two markers is a figure. An answer is stored as
text, `criterion=yes`. Fractions are exact; only a text that a person reads is rounded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Annotated, Any, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field

from models.fields import Form

# Points of two. What is not applicable counts neither way.
POINTS = {"yes": 2, "partly": 1, "no": 0}
NOT_APPLICABLE = "not_applicable"
ANSWERS = (*POINTS, NOT_APPLICABLE)
# From the best. The words are those of Ofsted's four grades.
GRADES = ("outstanding", "good", "requires_improvement", "inadequate")
NO_GRADE = "nothing_applicable"
# What a surface says in the place of a mark that it does not show yet.
NOT_YET = "shown when the other mark is recorded"
EXAMPLE = "provision_specific=yes, provider_named=partly"


class Thresholds(NamedTuple):
    """From how many percent each grade but the last is given."""

    outstanding: int
    good: int
    requires_improvement: int


class Agreement(NamedTuple):
    """How far two markers agree: pairs of answers, how many were equal, and Cohen's kappa; None where it is undefined.

    Kappa is undefined if no pair was marked, or if both gave one and the same answer to everything.
    """

    pairs: int
    equal: int
    kappa: Fraction | None


def answers_of(texts: Sequence[str]) -> dict[str, str]:
    """The answer to each criterion. Raises ValueError for another form, or for a criterion that is answered twice."""
    found: dict[str, str] = {}
    for text in texts:
        criterion, _, answer = (part.strip() for part in text.partition("="))
        if not criterion.isidentifier() or not criterion.islower() or answer not in ANSWERS:
            raise ValueError(f"criterion=answer was expected, with the answers {', '.join(ANSWERS)}")
        if criterion in found:
            raise ValueError(f"{criterion} is answered twice: one answer each was expected")
        found[criterion] = answer
    return found


def percent_of(answers: Mapping[str, str]) -> Fraction | None:
    """The points given in percent of the points possible; None where nothing was applicable."""
    given = [POINTS[answer] for answer in answers.values() if answer in POINTS]
    return Fraction(100 * sum(given), 2 * len(given)) if given else None


def grade_of(answers: Mapping[str, str], essential: Collection[str], thresholds: Thresholds) -> str:
    """The grade of the answers. A no to an essential criterion leaves no better grade than requires improvement."""
    percent = percent_of(answers)
    if percent is None:
        return NO_GRADE
    grade = next((grade for grade, least in thresholds._asdict().items() if percent >= least), GRADES[-1])
    if any(answers.get(criterion) == "no" for criterion in essential):
        return max(grade, "requires_improvement", key=GRADES.index)
    return grade


def agreement(pairs: Iterable[tuple[str, str]]) -> Agreement:
    """Per cent agreement and Cohen's kappa of two markers, unweighted, over pairs of answers to the same criteria.

    Kappa is (observed - expected) / (1 - expected); expected is what the markers' own frequencies give by chance.
    Source: Cohen, A coefficient of agreement for nominal scales (1960).
    """
    listed = list(pairs)
    number, equal = len(listed), sum(one == other for one, other in listed)
    if not number:
        return Agreement(0, 0, None)
    first, second = Counter(one for one, _ in listed), Counter(other for _, other in listed)
    expected = Fraction(sum(count * second[answer] for answer, count in first.items()), number**2)
    kappa = None if expected == 1 else (Fraction(equal, number) - expected) / (1 - expected)
    return Agreement(number, equal, kappa)


def paired(one: Mapping[str, str], other: Mapping[str, str]) -> list[tuple[str, str]]:
    """The answers of two markers to the criteria that both answered, in the order of the first."""
    return [(answer, other[criterion]) for criterion, answer in one.items() if criterion in other]


def weakest(marked: Iterable[Mapping[str, str]], number: int = 3) -> list[str]:
    """The criteria with the lowest share of points over several items, at most so many, those without a loss left out.

    Of equal ones, the first in alphabetical order.
    """
    points: dict[str, list[int]] = {}
    for answers in marked:
        for criterion, answer in answers.items():
            if answer in POINTS:
                points.setdefault(criterion, []).append(POINTS[answer])
    shares = {criterion: Fraction(sum(given), 2 * len(given)) for criterion, given in points.items()}
    return sorted((each for each in shares if shares[each] < 1), key=lambda each: (shares[each], each))[:number]


def to_places(value: Fraction, places: int) -> str:
    """A fraction as a person reads it, rounded half away from zero: 2/3 to one place is 0.7."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    digits = str(whole).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return f"-{text}" if value < 0 and whole else text


def _several(value: Any) -> Any:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _as_stored(texts: list[str]) -> list[str]:
    return [f"{criterion}={answer}" for criterion, answer in answers_of(texts).items()]


Answers = Annotated[
    list[str], BeforeValidator(_several), AfterValidator(_as_stored), Field(min_length=1), Form("list", EXAMPLE)
]
