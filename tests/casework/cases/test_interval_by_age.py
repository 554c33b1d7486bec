"""An interval that changes at a birthday goes by the age on the day on which it ends, and no fact has the birth date.

SI 2010/959 reg 7(3): a looked-after child's health is reviewed at least once in six months before the fifth birthday,
and at least once in twelve months after it. NHS England has a C(E)TR in hospital each three months before the 18th
birthday, and after it each six months, or twelve in a secure hospital.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import ClassVar, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casework.cases.birth_date_answers import answered
from casework.cases.validation import Refused
from casework.context import AppContext
from config.settings import Settings
from deadlines.calculator import calculate
from models.facts import FactData, FactDraft
from statemachines.dynamic_support_facts import ReviewHeld
from tests.support.examples import examples

SIX_MONTHS, TWELVE_MONTHS = "lac_rha_under5", "lac_rha_5plus"


class Assessed(FactData):
    """An invented fact: the child's health was assessed."""

    under_five_then: Literal["yes", "no"] | None = None
    ANSWERED_FROM_BIRTH_DATE: ClassVar[Mapping[str, str]] = {"under_five_then": f"under:5:{SIX_MONTHS}"}


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> AppContext:
    return AppContext.load_in_memory(Settings(home=tmp_path_factory.mktemp("home")))


def said(context: AppContext, on: date, born: date | None) -> Mapping[str, object]:
    draft = FactDraft("health_assessed", on)
    return answered(context, Assessed, draft, born.isoformat() if born is not None else None).data


def due(context: AppContext, on: date, born: date) -> date | None:
    """When the next review is due: the rule whose `starts_if` the answer meets."""
    rule = SIX_MONTHS if said(context, on, born)["under_five_then"] == "yes" else TWELVE_MONTHS
    return calculate(context.law, context.calendar, rule, on, {}).due


@pytest.mark.parametrize(
    ("on", "born", "expected"),
    [  # worked by hand
        ("2026-04-08", "2021-06-10", "2027-04-08"),  # five on 10 June 2026: nothing is due on 8 October
        ("2026-04-08", "2021-12-10", "2026-10-08"),  # five on 10 December: the six months end before it
        ("2026-04-08", "2021-10-09", "2026-10-08"),  # five on the next day
        ("2026-04-08", "2021-10-08", "2027-04-08"),  # five on the day on which the six months end
        ("2026-04-08", "2021-04-08", "2027-04-08"),  # five on the day of the assessment
        ("2026-04-08", "2015-01-01", "2027-04-08"),  # eleven
        ("2026-04-08", "2026-04-01", "2026-10-08"),  # one week old
        ("2028-08-31", "2024-02-29", "2029-02-28"),  # six months from 31 August; five on 1 March 2029
    ],
)
def test_worked_by_hand(context: AppContext, on: str, born: str, expected: str) -> None:
    assert due(context, date.fromisoformat(on), date.fromisoformat(born)) == date.fromisoformat(expected)


@settings(max_examples=examples(200), deadline=None)
@given(on=st.dates(date(2015, 1, 1), date(2027, 6, 30)), age=st.integers(0, 19 * 365))
def test_no_review_is_due_after_six_months_to_a_child_who_is_five_by_then(
    context: AppContext, on: date, age: int
) -> None:
    born = on - timedelta(days=age)
    found = due(context, on, born)
    assert found is not None
    leap = (born.month, born.day) == (2, 29)
    fifth = date(born.year + 5, 3, 1) if leap and (born.year + 5) % 4 else born.replace(year=born.year + 5)
    short = calculate(context.law, context.calendar, SIX_MONTHS, on, {}).due
    assert found in (short, calculate(context.law, context.calendar, TWELVE_MONTHS, on, {}).due)
    assert (found == short) == (short is not None and short < fifth)


def test_the_answer_is_a_yes_or_a_no_and_the_birth_date_is_in_no_fact(context: AppContext) -> None:
    assert said(context, date(2026, 4, 8), date(2021, 6, 10)) == {"under_five_then": "no"}
    assert said(context, date(2026, 4, 8), None) == {}, "an unknown date of birth answers nothing"


def test_nobody_gives_the_answer(context: AppContext) -> None:
    draft = FactDraft("health_assessed", date(2026, 4, 8), {"under_five_then": "yes"})
    with pytest.raises(Refused, match="is worked out from the date of birth"):
        answered(context, Assessed, draft, "2021-06-10")


REVIEWS = ("cetr_inpatient", "ctr_inpatient_adult", "ctr_inpatient_adult_secure")


def _opens(wanted: Mapping[str, str | Sequence[str]], fields: Mapping[str, object]) -> bool:
    return all(
        fields.get(name, "not_said") in ([said] if isinstance(said, str) else said) for name, said in wanted.items()
    )


def reviewed(context: AppContext, on: date, born: date, secure: str) -> tuple[str, date | None]:
    """The rule that a review in hospital opens, and when the next one is due. Exactly one rule is opened."""
    given = {"setting": "inpatient", "outcome": "stays_in_hospital", "present": ["chair"]}
    given |= {"secure": secure} if secure != "not_said" else {}
    fields = answered(context, ReviewHeld, FactDraft("cetr_held", on, given), born.isoformat()).data
    (rule,) = [rule for rule in REVIEWS if _opens(context.law.rules[rule].starts_if, fields)]
    return rule, calculate(context.law, context.calendar, rule, on, {}).due


@pytest.mark.parametrize(
    ("on", "born", "secure", "expected"),
    [  # worked by hand
        ("2025-03-10", "2010-06-17", "no", "2025-06-10"),  # fourteen
        ("2025-03-10", "2010-06-17", "yes", "2025-06-10"),  # a child is reviewed as often in a secure hospital
        ("2025-03-10", "2007-06-11", "no", "2025-06-10"),  # eighteen on the day after the three months
        ("2025-03-10", "2007-06-10", "no", "2025-09-10"),  # eighteen on the day on which they end
        ("2025-03-10", "2007-06-10", "yes", "2026-03-10"),
        ("2025-03-10", "2007-06-10", "not_said", "2025-09-10"),
        ("2025-03-10", "2007-03-11", "no", "2025-09-10"),  # eighteen on the day after the review
        ("2025-11-30", "2010-06-17", "no", "2026-02-28"),
        ("2025-08-31", "2001-01-01", "no", "2026-02-28"),
        ("2027-02-28", "2009-02-28", "yes", "2028-02-28"),
    ],
)
def test_reviews_in_hospital_worked_by_hand(
    context: AppContext, on: str, born: str, secure: str, expected: str
) -> None:
    found = reviewed(context, date.fromisoformat(on), date.fromisoformat(born), secure)[1]
    assert found == date.fromisoformat(expected)


@settings(max_examples=examples(150), deadline=None)
@given(
    on=st.dates(date(2023, 5, 1), date(2027, 6, 30)),
    age=st.integers(5 * 365, 26 * 366),
    secure=st.sampled_from(["yes", "no", "not_said"]),
)
def test_a_child_is_reviewed_each_three_months_and_nobody_who_is_eighteen_by_then(
    context: AppContext, on: date, age: int, secure: str
) -> None:
    born = on - timedelta(days=age)
    rule, found = reviewed(context, on, born, secure)
    leap = (born.month, born.day) == (2, 29)
    grown = date(born.year + 18, 3, 1) if leap and (born.year + 18) % 4 else born.replace(year=born.year + 18)
    short = calculate(context.law, context.calendar, "cetr_inpatient", on, {}).due
    assert found is not None and short is not None
    assert (rule == "cetr_inpatient") == (short < grown)
    if rule != "cetr_inpatient":
        assert rule.endswith("_secure") == (secure == "yes") and found > short
