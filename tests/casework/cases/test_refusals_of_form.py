"""What a refusal of form says: every wrong field at once, with examples, the nearest fact, and what is recorded."""

from typing import Any

import pytest

from casework.cases.fact_form import wrong_answer
from casework.cases.validation import Refused
from models.common_facts import ENGINE_ONLY, OUTCOMES
from statemachines.registry import processes
from tests.support.by_hand import SALT, TRUST
from tests.support.team import Team

ON = "10 Mar 2026"


@pytest.fixture
def asked(team: Team) -> Team:
    return team.opened("2 Feb 2026").asked("2 Mar 2026")


def refused(team: Team, kind: str, **data: Any) -> Refused:
    before = team.dump()
    with pytest.raises(Refused) as problem:
        team.record(ON, kind, **data)
    assert team.dump() == before
    return problem.value


def test_every_missing_and_wrong_field_is_named_at_once(asked: Team) -> None:
    said = refused(asked, "health_advice_answered", answer="perhaps", mood="x").message
    for expected in ("--data body=QX101", "answer is not in the form expected", "has no such particular"):
        assert expected in said
    assert "perhaps" not in said and "mood" not in said


def test_a_field_of_another_form_is_refused_in_plain_words(asked: Team) -> None:
    said = refused(asked, "waiting_list_stated", body=TRUST, service=SALT, weeks="many").message
    assert "weeks is not in the form expected: a whole number was expected, for example --data weeks=18" in said


@pytest.mark.parametrize("typed", ["many", "-4", "9" * 20, "2026-13-45", "x" * 9000, "", "a, a", "1.5"])
def test_no_field_of_any_fact_is_refused_with_a_sentence_of_the_library(typed: str) -> None:
    said = {
        expected
        for process in processes().values()
        for kind, fact in process.facts.items()
        if kind not in ENGINE_ONLY and kind not in OUTCOMES
        for field in fact.model.model_fields
        if (expected := wrong_answer(fact.model, field, typed)) is not None
    }
    assert said
    assert [each for each in said if "should" in each or "{" in each] == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("missed_appointment", "appointment_missed"), ("health_advise_requested", "health_advice_requested")],
)
def test_a_mistyped_fact_is_answered_with_the_nearest(asked: Team, typed: str, meant: str) -> None:
    problem = refused(asked, typed)
    assert (problem.code, meant in problem.message, len(problem.message) < 250) == ("unknown_fact", True, True)
    assert typed not in problem.message


def test_the_example_of_a_paused_reminder_fits_it(asked: Team) -> None:
    said = refused(asked, "chasing_paused", body=TRUST, service=SALT).message
    assert "the report gives no provision" not in said


def test_a_fact_is_withdrawn_once_and_again_after_the_withdrawal_is_withdrawn(asked: Team) -> None:
    first = asked.record(ON, "fact_withdrawn", corrects=3).seq
    assert refused(asked, "fact_withdrawn", corrects=3).code == "recorded_already"
    asked.record(ON, "fact_withdrawn", corrects=first)
    assert refused(asked, "fact_withdrawn", corrects=first).code == "recorded_already"
    asked.record(ON, "fact_withdrawn", corrects=3)


def test_the_same_correction_of_one_day_stands_once(asked: Team) -> None:
    first: dict[str, Any] = {"corrects": 3, "occurred_on": "2026-03-03"}
    other: dict[str, Any] = {"corrects": 3, "occurred_on": "2026-03-04"}
    asked.record(ON, "fact_corrected", **first)
    assert refused(asked, "fact_corrected", **first).code == "recorded_already"
    asked.record(ON, "fact_corrected", **other)
    asked.record(ON, "fact_corrected", **first)
