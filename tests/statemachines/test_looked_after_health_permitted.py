"""What may happen in every state of a looked-after child's health, written by hand from SI 2010/959 reg 7."""

from typing import Any

import pytest

from models.casefile import CaseFile
from models.common_facts import CORRECTIONS, ENGINE_ONLY, OF_THE_CHILD, SHARED
from statemachines.looked_after_health import PROCESS, days_used
from statemachines.replay import replay
from tests.support.by_hand import duties, history
from tests.support.hand_table import HandTable

OPEN = set(SHARED)
AFTERWARDS = CORRECTIONS | ENGINE_ONLY | OF_THE_CHILD
ANY_TIME = {
    "health_notified",
    "assessment_consent_received",
    "assessment_provider_asked",
    "assessment_refused_by_child",
    "placed_in_another_area",
    "ceased_to_be_looked_after",
}
ALIVE = ("looked_after", "assessed", "ceased")
TABLE = HandTable(
    usual={
        "looked_after": OPEN | ANY_TIME | {"initial_assessment_done"},
        "assessed": OPEN | ANY_TIME | {"review_assessment_done", "assessment_report_returned"},
        "ceased": OPEN,
        "withdrawn": AFTERWARDS,
        "closed": AFTERWARDS,
    },
    moves={
        ("looked_after", "initial_assessment_done"): "assessed",
        ("assessed", "review_assessment_done"): "assessed",
        ("looked_after", "ceased_to_be_looked_after"): "ceased",
        ("assessed", "ceased_to_be_looked_after"): "ceased",
        **{(state, "case_withdrawn"): "withdrawn" for state in ALIVE},
        **{(state, "case_closed"): "closed" for state in ALIVE},
    },
    unusual_moves={("looked_after", "review_assessment_done"): "assessed"},
    leaves={
        **dict.fromkeys(ANY_TIME, "nothing: the child is looked after no longer"),
        "initial_assessment_done": "the next review and the report of this one",
        "review_assessment_done": "the next review and the report of this one",
        "assessment_report_returned": "nothing: no assessment is recorded",
    },
)

CASE = "LH00001"
OPENED = ("became_looked_after", "2025-03-10", {"emergency": "yes", "has_plan": "yes"})
NOTIFIED: tuple[Any, ...] = ("health_notified", "2025-03-20", {})
CONSENT = ("assessment_consent_received", "2025-03-24", {"given_by": "parent"})


def assessed(
    on: str, under_five_then: str, kind: str = "initial_assessment_done", by: str = "medical_practitioner"
) -> Any:
    return (kind, on, {"assessed_by": by, "under_five_then": under_five_then})


def now(*facts: tuple[Any, ...]) -> CaseFile:
    return replay(CASE, history(OPENED, *facts))


def test_each_party_has_its_days_of_the_initial_assessment() -> None:
    file = now(NOTIFIED, CONSENT, assessed("2025-04-11", "yes"))
    assert [number for _words, number in days_used(file)] == [10, 4, 18], "32 days from 10 March to 11 April"
    assert PROCESS.remarks is not None
    assert PROCESS.remarks(file)[0] == (
        "Calendar days of the initial assessment: 10 the authority, until it notified health; 4 until consent was"
        " received; 18 health, until the assessment."
    )


def test_a_step_that_is_not_recorded_gives_no_days() -> None:
    assert days_used(now(CONSENT)) == []
    early = ("assessment_consent_received", "2025-03-11", {"given_by": "parent"})
    assert [number for _words, number in days_used(now(NOTIFIED, early))] == [10]


@pytest.mark.parametrize(
    ("under_five_then", "rule", "due"),
    [("yes", "looked_after_review_under_5", "2025-10-11"), ("no", "looked_after_review_5_plus", "2026-04-11")],
)
def test_the_next_review_goes_by_the_age_on_the_day_six_months_later(under_five_then: str, rule: str, due: str) -> None:
    lines = now(CONSENT, assessed("2025-04-11", under_five_then)).lines
    reviews = {
        each.rule: str(each.due) for each in duties(lines, process="looked_after_health") if "review" in each.rule
    }
    assert reviews == {rule: due}


def test_a_review_meets_the_one_before_and_starts_the_next() -> None:
    lines = now(
        CONSENT, assessed("2025-04-11", "yes"), assessed("2025-10-13", "no", "review_assessment_done", "nurse")
    ).lines
    found = [
        (each.rule, str(each.due), str(each.met_on))
        for each in duties(lines, process="looked_after_health")
        if "review" in each.rule
    ]
    assert found == [
        ("looked_after_review_under_5", "2025-10-11", "2025-10-13"),
        ("looked_after_review_5_plus", "2026-10-13", "None"),
    ]


def test_a_refusal_of_a_child_who_understands_ends_what_is_owed_and_the_end_of_care_ends_all() -> None:
    refused = ("assessment_refused_by_child", "2025-03-28", {"understands": "yes"})
    found = {each.rule: each for each in duties(now(NOTIFIED, refused).lines, process="looked_after_health")}
    assert str(found["looked_after_initial"].ended_on) == "2025-03-28"
    over = ("ceased_to_be_looked_after", "2025-03-28", {"why": "returned_home"})
    found = {each.rule: each for each in duties(now(over).lines, process="looked_after_health")}
    assert {str(each.ended_on) for each in found.values()} == {"2025-03-28"}


def test_an_initial_assessment_by_a_nurse_or_without_consent_is_recorded_and_marked() -> None:
    file = now(assessed("2025-04-11", "yes", by="nurse"))
    assert file.state == "assessed"
    assert "a registered medical practitioner" in file.out_of_order[2] and "no consent" in file.out_of_order[2]
    assert now(CONSENT, assessed("2025-04-11", "yes")).out_of_order == {}
