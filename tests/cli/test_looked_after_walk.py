"""Health of a looked-after child by the commands alone: 20 working days, reviews by age, letters, a joint review."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE, REVIEW = "LH90001", "AR90001"
NUMBER, BORN = "9990000018", "2021-06-10"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def opened(call: Call, born: str = BORN) -> None:
    child = (f"nhs_number={NUMBER}", f"date_of_birth={born}")
    given = ("la=Northshire", "la_reference=NS-04412", "emergency=yes", "has_plan=yes", *child)
    lived(
        call,
        ("2025-03-10", "became_looked_after", *given),
        ("2025-03-13", "health_notified", "note=Alex is with an aunt"),
        ("2025-03-17", "assessment_consent_received", "given_by=local_authority"),
    )


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def test_from_the_first_day_to_the_last_with_letters(call: Call, tmp_path: Path) -> None:
    opened(call)
    due = {duty["rule"]: duty["due"] for duty in shown(call, "2025-03-17")["duties"]}
    assert due == {"looked_after_notify": "2025-03-17", "looked_after_initial": "2025-04-07"}
    assert call("2025-04-01", "sweep").exit_code == 0
    assert call("2025-04-01", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    letter = message_from_bytes(files[-1].read_bytes(), policy=policy.default)
    assert letter["Subject"] == (f"{CASE} (NS-04412): the initial health assessment is due on 7 April 2025")
    lived(
        call,
        ("2025-04-04", "initial_assessment_done", "assessed_by=medical_practitioner"),
        ("2025-04-11", "assessment_report_returned"),
        ("2025-10-03", "review_assessment_done", "assessed_by=nurse"),
        ("2025-10-10", "assessment_report_returned"),
    )
    found = shown(call, "2025-10-10")
    assert {duty["standing"] for duty in found["duties"] if duty["ended_on"] is None and duty["met_on"]} == {"met"}
    assert [fact["data"]["under_five_then"] for fact in found["facts"] if "assessed_by" in fact["data"]] == [
        "yes",
        "yes",
    ]
    assert "3 the authority, until it notified health" in " ".join(found["remarks"])
    lived(
        call,
        ("2026-04-03", "review_assessment_done", "assessed_by=nurse"),
        ("2026-04-10", "assessment_report_returned"),
        ("2026-09-01", "placed_in_another_area", "host_body=QX102"),
        ("2026-10-05", "ceased_to_be_looked_after", "why=returned_home"),
    )
    found = shown(call, "2026-10-06")
    assert found["state"] == "ceased"
    assert [fact["data"]["under_five_then"] for fact in found["facts"] if "assessed_by" in fact["data"]][-1] == "no"
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (b"Alex", BORN.encode(), NUMBER.encode()):
        assert confidential not in everything
    assert json.loads(call("2026-10-06", "verify", "--json").stdout)["intact"] is True


# By hand: the birth, and what the next review after an assessment of 4 April 2025 is. Six months end on 4 October 2025.
BY_AGE = [
    ("2021-06-10", "looked_after_review_under_5", "2025-10-04"),
    ("2020-10-05", "looked_after_review_under_5", "2025-10-04"),  # five on the day after
    ("2020-10-04", "looked_after_review_5_plus", "2026-04-04"),  # five on that day
    ("2020-10-03", "looked_after_review_5_plus", "2026-04-04"),
    ("2020-04-04", "looked_after_review_5_plus", "2026-04-04"),  # five on the day of the assessment
    ("2010-01-01", "looked_after_review_5_plus", "2026-04-04"),
]


@pytest.mark.parametrize(("born", "rule", "due"), BY_AGE)
def test_the_interval_changes_with_the_fifth_birthday(call: Call, born: str, rule: str, due: str) -> None:
    opened(call, born)
    lived(call, ("2025-04-04", "initial_assessment_done", "assessed_by=medical_practitioner"))
    found = {duty["rule"]: duty["due"] for duty in shown(call, "2025-04-04")["duties"] if "review" in duty["rule"]}
    assert found == {rule: due}


def test_the_review_and_the_annual_review_can_be_held_on_one_day(call: Call) -> None:
    opened(call)
    lived(call, ("2025-04-04", "initial_assessment_done", "assessed_by=medical_practitioner"))
    lived(
        call,
        ("2024-11-11", "plan_made", "la=Northshire", f"linked_to={CASE}"),
        case=REVIEW,
    )
    proposed = json.loads(call("2025-04-07", "joint-review", CASE, REVIEW, "--json").stdout)
    assert proposed["on"] is not None and {each["process"] for each in proposed["reviews"]} == {
        "looked_after_health",
        "annual_review",
    }


def test_the_reviews_of_health_the_plan_and_continuing_care_can_be_held_on_one_day(call: Call) -> None:
    """By hand: the care by 10 June 2026, the plan by 10 November 2025, and four weeks earlier so that its decision can
    follow: 13 October; the health review of a child under five by 4 October 2025, a Saturday.
    """
    opened(call)
    lived(call, ("2025-04-04", "initial_assessment_done", "assessed_by=medical_practitioner"))
    lived(call, ("2024-11-11", "plan_made", "la=Northshire", f"linked_to={CASE}"), case=REVIEW)
    care, own = "CC90001", (f"nhs_number={NUMBER}", f"date_of_birth={BORN}")
    lived(
        call,
        ("2025-01-06", "continuing_care_referral_received", "la=Northshire", "body=QX900", "came_as=checklist", *own),
        ("2025-03-03", "continuing_care_agreed", "reason=the level"),
        ("2025-03-10", "package_started"),
        ("2025-06-10", "continuing_care_reviewed", "outcome=continues"),
        case=care,
    )
    proposed = json.loads(call("2025-07-07", "joint-review", CASE, REVIEW, care, "--json").stdout)
    assert (proposed["on"], proposed["reading"]) == ("2025-10-03", "act_by")
    assert {each["process"]: each["hold_by"] for each in proposed["reviews"]} == {
        "looked_after_health": "2025-10-04",
        "annual_review": "2025-10-13",
        "continuing_care": "2026-06-10",
    }
    said = call("2025-07-07", "joint-review", care, CASE, REVIEW).stdout
    assert "Hold all three on 3 October 2025 or before" in said
    twice = call("2025-07-07", "joint-review", CASE, REVIEW, CASE)
    assert twice.exit_code == 1 and "the same one twice" in twice.stderr
