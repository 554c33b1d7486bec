"""The way to adult services by the commands alone: the steps by month, each adult service, letters, and the list."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE = "TR90001"
NUMBER, BORN = "9990000018", "2010-06-17"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def opened(call: Call, *data: str, born: str = BORN) -> None:
    child = (f"nhs_number={NUMBER}", f"date_of_birth={born}")
    lived(call, ("2024-01-05", "transition_opened", "la=Northshire", "la_reference=NS-04412", *child, *data))


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def listed(call: Call, today: str) -> Any:
    return json.loads(call(today, "transitions", "--json").stdout)


def test_from_year_9_to_adult_services_with_letters(call: Call, tmp_path: Path) -> None:
    """Born in June 2010: 14 in June 2024, 16 in June 2026, 17 in June 2027, 18 in June 2028."""
    opened(call, "continuing_care=yes")
    found = shown(call, "2024-01-05")
    assert found["facts"][0]["data"]["birth_month"] == "2010-06-01"
    due = {duty["rule"]: (duty["due"], duty["strict_due"]) for duty in found["duties"]}
    assert due["transition_planning"] == ("2024-06-30", "2024-06-01"), "late after the month, asked for before it"
    assert due["transition_handover"] == ("2028-06-30", "2028-06-01")
    assert set(due) == {
        f"transition_{each}"
        for each in ("planning", "capacity", "checklist", "principle", "care_assessment", "handover")
    }
    assert call("2024-03-09", "sweep").exit_code == 0
    assert call("2024-03-09", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    letter = message_from_bytes(files[-1].read_bytes(), policy=policy.default)
    assert letter["Subject"] == f"{CASE} (NS-04412): planning the way to adult services is due by 30 June 2024"
    lived(
        call,
        ("2024-03-16", "planning_begun"),
        ("2024-03-16", "worker_named", "worker=kim.roe"),
        ("2025-03-15", "transition_meeting_held", "young_person_took_part=yes", "note=Alex likes music"),
        ("2026-05-08", "capacity_considered", "outcome=decides_with_support"),
        ("2026-05-08", "adult_service_expected", "item=adult_epilepsy", "takes_over_from=community_paediatrics"),
        ("2026-05-08", "adult_service_expected", "item=adult_therapy"),
        ("2026-09-04", "adult_service_referred", "item=adult_epilepsy"),
        ("2026-09-04", "adult_service_referred", "item=adult_therapy"),
        ("2026-10-02", "adult_service_accepted", "item=adult_epilepsy"),
        ("2026-10-02", "adult_service_declined", "item=adult_therapy", "why=no_such_service", "note=Alex waits"),
    )
    found = shown(call, "2026-10-02")
    assert "No adult service takes over for adult therapy: a gap to put to commissioners." in found["remarks"]
    answers = [duty for duty in found["duties"] if duty["rule"] == "transition_service_answer"]
    assert {(duty["item"], duty["standing"]) for duty in answers} == {
        ("adult_epilepsy", "met"),
        ("adult_therapy", "met"),
    }
    lived(
        call,
        ("2027-01-15", "adult_checklist_done", "result=full_assessment", "basis=consent"),
        ("2027-02-05", "adult_care_assessed", "outcome=needs_likely"),
        ("2027-09-10", "decided_in_principle", "outcome=eligible", "decided_by=adult_chc_team"),
        ("2028-02-04", "adult_practitioner_met", "item=adult_epilepsy"),
        ("2028-03-04", "first_appointment_given", "item=adult_epilepsy", "appointment_on=2028-04-08"),
        ("2028-04-08", "first_appointment_missed", "item=adult_epilepsy"),
    )
    assert listed(call, "2028-04-08")["rows"][0]["missing"] == ["a first appointment was missed: adult epilepsy"]
    lived(
        call,
        ("2028-04-15", "missed_appointment_followed_up", "item=adult_epilepsy", "result=new_appointment"),
        ("2028-04-15", "first_appointment_given", "item=adult_epilepsy", "appointment_on=2028-05-06"),
        ("2028-05-06", "first_appointment_attended", "item=adult_epilepsy"),
        ("2028-05-13", "adult_paper_ready", "which=hospital_passport"),
        ("2028-06-03", "handover_completed"),
        ("2028-09-02", "transition_ended", "why=settled"),
    )
    found = shown(call, "2028-09-02")
    assert found["state"] == "ended"
    assert {duty["standing"] for duty in found["duties"] if duty["rule"] != "transition_meeting"} == {"met"}
    assert listed(call, "2028-09-02")["rows"] == []
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (b"Alex", BORN.encode(), NUMBER.encode()):
        assert confidential not in everything
    assert json.loads(call("2028-09-02", "verify", "--json").stdout)["intact"] is True


# By hand, for somebody born in June 2010 with continuing care in question and nothing recorded since the opening.
NOTHING = [
    ("2024-05-31", None, []),
    ("2024-06-01", "14", ["planning has not begun"]),
    ("2026-05-31", "14", ["planning has not begun"]),
    ("2026-06-01", "16", ["planning has not begun", "capacity was not considered", "no adult service is named"]),
    ("2027-06-01", "17", ["the adult checklist was not completed", "adult care needs were not assessed"]),
    ("2027-12-01", "17 and a half", ["nothing is decided in principle"]),
    ("2028-06-01", "18", ["the handover is not completed"]),
]


def test_the_list_says_which_step_is_missing_from_the_month_of_each_birthday(call: Call) -> None:
    opened(call, "continuing_care=yes")
    so_far: list[str] = []
    for today, age, new in NOTHING:
        so_far += [each for each in new if each not in so_far]
        rows = listed(call, today)["rows"]
        assert [(row["case_ref"], row["reached"], row["missing"]) for row in rows] == (
            [(CASE, age, so_far)] if age is not None else []
        ), today
    lived(call, ("2028-06-03", "continuing_care_need_learned", "continuing_care=no"))
    (row,) = listed(call, "2028-06-03")["rows"]
    assert not any("checklist" in each or "principle" in each for each in row["missing"])
    printed = call("2028-06-03", "transitions").stdout
    assert f"{CASE}  18: planning has not begun" in printed
    lived(call, ("2028-06-04", "person_flagged_sensitive", "reason=a witness"))
    assert listed(call, "2028-06-04") == {"as_at": "2028-06-04", "rows": [], "not_named": 1}
    assert CASE not in call("2028-06-04", "transitions").stdout


def test_an_adult_service_without_an_answer_is_on_the_list_at_17_and_a_half(call: Call) -> None:
    opened(call)
    lived(
        call,
        ("2026-05-08", "planning_begun"),
        ("2026-05-08", "capacity_considered", "outcome=decides"),
        ("2026-05-08", "adult_care_assessed", "outcome=no_needs_likely"),
        ("2026-05-08", "adult_service_expected", "item=adult_epilepsy"),
    )
    assert listed(call, "2027-11-30")["rows"] == []
    assert listed(call, "2027-12-01")["rows"][0]["missing"] == ["no answer of adult epilepsy"]


@pytest.mark.parametrize(("born", "age"), [("2009-12-31", 14), ("2007-12-31", 16), ("2005-12-31", 18)])
def test_a_month_that_had_come_counts_no_day_and_is_said(call: Call, born: str, age: int) -> None:
    opened(call, born=born)
    found = shown(call, "2024-01-05")
    rule = {14: "transition_planning", 16: "transition_capacity", 18: "transition_handover"}[age]
    assert rule not in {duty["rule"] for duty in found["duties"]}
    assert any(
        f"The month of the {age}th birthday had come when the case was opened" in each for each in found["remarks"]
    )


def test_the_date_of_birth_is_needed(call: Call) -> None:
    said = record(call, "2024-01-05", "transition_opened", "la=Northshire")
    assert said.exit_code == 2 and "needs the date of birth" in said.stderr
