"""Continuing care by the commands alone: from the referral to the hand-over at 18, with its letters; and one day for
two reviews.
"""

import json
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from typer.testing import Result

from statemachines.continuing_care_facts import DOMAINS
from tests.support.calling import Call, field_options

CARE, PLAN = "CC90001", "AR90001"
TOOL = [f"{domain}={'severe' if domain == 'breathing' else 'low'}" for domain in DOMAINS]


def record(call: Call, on: str, fact: str, *data: str, case: str = CARE) -> Result:
    pairs = field_options(*data)
    return call(on, "record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--confirm-child", "--json")


def lived(call: Call, *facts: tuple[str, ...], case: str = CARE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.stderr


def rounds(call: Call, *days: str) -> None:
    """Do what the scheduler does on each day."""
    for each in days:
        assert call(each, "sweep").exit_code == 0
        assert call(each, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def subjects(tmp_path: Path) -> list[str]:
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in letters]


OPENED = (
    (
        "2026-02-02",
        "continuing_care_referral_received",
        "la=Northshire",
        "body=QX900",
        "came_as=checklist",
        "nhs_number=9990000018",
        "date_of_birth=2010-08-21",
    ),
    ("2026-02-04", "continuing_care_referral_accepted"),
    ("2026-02-05", "assessor_nominated", "body=QX101", "service=community_paediatrics"),
    ("2026-02-09", "continuing_care_assessment_started"),
    ("2026-02-12", "evidence_received", "body=QX101", "area=family_preferences"),
    ("2026-02-20", "domains_assessed", *TOOL),
    ("2026-02-25", "recommendation_made", "recommends=eligible", "reason=what the domains show"),
    ("2026-03-05", "panel_held"),
    ("2026-03-05", "continuing_care_agreed", "reason=the level in breathing"),
    ("2026-03-06", "family_told"),
    ("2026-03-10", "personal_health_budget_offered", "answer=taken"),
    ("2026-03-16", "package_started"),
)


def test_from_the_referral_to_the_hand_over_with_its_letters(call: Call, tmp_path: Path) -> None:
    lived(call, *OPENED[:1])
    rounds(call, "2026-02-02", "2026-03-02")
    lived(call, *OPENED[1:])
    rounds(call, "2026-05-05", "2026-06-17")
    lived(call, ("2026-06-18", "continuing_care_reviewed", "outcome=continues"), ("2026-07-20", "adult_chc_referred"))
    rounds(call, "2026-07-21", "2027-05-20")
    lived(
        call,
        ("2027-06-10", "continuing_care_reviewed", "outcome=package_changes"),
        ("2027-08-10", "adult_checklist_received"),
        ("2027-09-01", "adult_eligibility_agreed"),
    )
    lived(call, ("2028-08-21", "adult_package_started"), ("2028-08-22", "case_closed"))
    found = json.loads(call("2028-08-22", "case", CARE, "--json").stdout)
    assert found["state"] == "closed"
    assert {(duty["rule"], duty["standing"]) for duty in found["duties"]} == {
        ("cypcc_decision_6w", "met"),
        ("cypcc_first_review", "met_late"),
        ("cypcc_annual_review", "met"),
        ("cypcc_annual_review", "breached"),
        ("cypcc_transition_16", "met"),
        ("cypcc_transition_17", "met"),
        ("cypcc_transition_18", "met"),
        ("chc_adult_28d", "met"),
    }
    assert subjects(tmp_path) == [
        "CC90001: continuing care, decision due 16 March 2026",
        "CC90001: please decide on continuing care by 13 March 2026",
        "CC90001: please act on 2 continuing-care dates, the first due 16 June 2026",
        "CC90001: continuing care, review overdue since 16 June 2026",
        "CC90001: please review continuing care by 18 June 2027",
    ]
    assert json.loads(call("2028-08-22", "verify", "--json").stdout)["intact"] is True


def test_the_case_reads_well_and_says_that_the_rule_of_thumb_decides_nothing(call: Call) -> None:
    lived(call, *OPENED[:-2])
    page = " ".join(call("2026-03-20", "case", CARE).stdout.split())
    for said in (
        "Children's continuing care, Northshire",
        "At 'Found eligible'",
        "[national framework]",
        "due Mon 16 Mar 2026 (on the stricter reading Sun 15 Mar 2026)",
        "It informs and never decides",
        "No personal health budget has been offered yet",
        "it was received.",
    ):
        assert said in page, said
    assert "2010-08-21" not in page


def test_what_is_out_of_order_is_recorded_with_the_law_and_the_birth_date_is_in_no_word(call: Call) -> None:
    lived(call, *OPENED[:2])
    urgent = record(call, "2026-02-10", "package_started")
    assert urgent.exit_code == 0
    assert "A package follows the decision that the child is eligible" in urgent.stderr
    lived(call, *OPENED[2:])
    early = record(call, "2028-08-20", "adult_package_started")
    assert (early.exit_code, "takes over on the 18th birthday" in early.stderr, "2010" in early.stderr) == (
        0,
        True,
        False,
    )


def test_what_cannot_be_true_is_refused_and_changes_nothing(call: Call) -> None:
    lived(call, *OPENED[:2])
    before = call("2026-03-01", "case", CARE, "--json").stdout
    result = record(call, "2026-02-10", "continuing_care_agreed", "body=QX101", "reason=the level in breathing")
    assert result.exit_code == 1
    assert "the law binds these only" in result.stderr
    assert call("2026-03-01", "case", CARE, "--json").stdout == before


@pytest.fixture
def two_reviews(call: Call) -> Call:
    lived(call, *OPENED, ("2026-06-10", "continuing_care_reviewed", "outcome=continues"))
    lived(call, ("2026-07-01", "plan_made", "la=Northshire", f"linked_to={CARE}"), case=PLAN)
    return call


def test_one_day_satisfies_both_reviews_and_each_loss_is_shown(two_reviews: Call) -> None:
    """Care by 10 June 2027; the plan by 30 June, and four weeks before it to meet, so that the decision can follow (reg
    20(10)).
    """
    found = json.loads(two_reviews("2026-07-01", "joint-review", CARE, PLAN, "--json").stdout)
    assert (found["on"], found["reading"], found["reason"]) == ("2027-06-02", "act_by", None)
    shown = [
        (each["case_ref"], each["due"], each["hold_by"], each["then"], each["days_given_up"])
        for each in found["reviews"]
    ]
    assert shown == [
        (CARE, "2027-06-10", "2027-06-10", None, 8),
        (PLAN, "2027-06-30", "2027-06-02", "review_decision_notify", 0),
    ]
    text = two_reviews("2026-07-01", "joint-review", PLAN.lower(), CARE).stdout
    assert "Hold both on 2 June 2027 or before" in text
    assert "loses 8 days of its own time" in text


def test_when_the_authoritys_own_time_has_gone_the_review_is_still_held_in_time(two_reviews: Call) -> None:
    found = json.loads(two_reviews("2027-06-03", "joint-review", CARE, PLAN, "--json").stdout)
    assert (found["on"], [each["then"] for each in found["reviews"]]) == ("2027-06-10", [None, None])
    late = two_reviews("2027-06-11", "joint-review", CARE, PLAN)
    assert (late.exit_code, late.stdout.splitlines()[0]) == (
        0,
        "One of the two was due on 2027-06-10, which has passed: no day satisfies both. Hold both as soon as can be.",
    )


def test_cases_of_different_children_are_not_aligned_and_nobody_is_named(two_reviews: Call) -> None:
    lived(two_reviews, ("2026-07-01", "plan_made", "la=Northshire", "nhs_number=9990000026"), case="AR90002")
    result = two_reviews("2026-07-01", "joint-review", CARE, "AR90002", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "not known to be of one child" in result.stderr
    assert "999" not in result.stderr


@pytest.mark.parametrize(
    ("pair", "code", "said"),
    [
        ((CARE, "NX99999"), 2, "there is no such case"),
        ((CARE, CARE), 1, "same one twice"),
        ((PLAN, CARE), 1, "owes no review"),
    ],
)
def test_what_cannot_be_aligned_is_refused_in_words(call: Call, pair: tuple[str, str], code: int, said: str) -> None:
    lived(call, *OPENED[:1])
    lived(call, ("2026-07-01", "plan_made", "la=Northshire", f"linked_to={CARE}"), case=PLAN)
    result = call("2026-07-01", "joint-review", *pair)
    assert result.exit_code == code
    assert said in result.stderr
