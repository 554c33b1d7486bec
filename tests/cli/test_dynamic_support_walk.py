"""The support register by the commands alone: consent, rating, reviews, admission, actions, and a consent withdrawn."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE, REVIEW = "DS90001", "AR90001"
NUMBER, BORN = "9990000018", "2010-06-17"
WORDS = ("Alex", "night terrors", "moves to a flat")


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", case, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def opened(call: Call, case: str = CASE, number: str = NUMBER) -> None:
    child = (f"nhs_number={number}", f"date_of_birth={BORN}", "la=Northshire", "la_reference=NS-04412")
    lived(
        call,
        ("2025-03-03", "dsr_referred", "referred_by=family", "autism=yes", "has_plan=yes", *child),
        ("2025-03-05", "dsr_consent_given", "given_by=parent", "sharing=yes", "note=Alex agrees"),
        ("2025-03-10", "dsr_rated", "rating=amber", "reason=night terrors"),
        case=case,
    )


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def listed(call: Call, today: str) -> Any:
    return json.loads(call(today, "register", "dynamic_support", "--json").stdout)


def sent(call: Call, today: str, tmp_path: Path) -> list[str]:
    """The subjects of every e-mail that has left by the end of a day."""
    assert call(today, "sweep").exit_code == 0
    assert call(today, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in files]


def test_from_the_referral_to_the_end_with_letters(call: Call, tmp_path: Path) -> None:
    opened(call)
    (row,) = listed(call, "2025-03-10")["rows"]
    assert (row["case_ref"], row["cells"]["rating"], row["cells"]["due"]) == (CASE, "amber", "Mon 24 Mar 2025")
    assert f"{CASE}: a review of the register is due on 24 March 2025" in sent(call, "2025-03-22", tmp_path)
    lived(
        call,
        ("2025-03-24", "dsr_rated", "rating=red", "reason=Alex was seen"),
        ("2025-03-24", "ordinary_residence_settled", "residence_la=eastmere", "responsible_board=QX001"),
        ("2025-03-24", "keyworker_named", "worker=kim.roe"),
        ("2025-03-24", "admission_considered", "review_by=2025-03-31"),
        ("2025-03-26", "laep_held", "outcome=review_arranged"),
        ("2025-03-28", "cetr_held", "setting=community", "outcome=admission_supported", "present=education, chair"),
        (
            "2025-03-28",
            "action_agreed",
            "item=flat",
            "agency=local_authority",
            "due_on=2025-05-02",
            "what=moves to a flat",
        ),
        (
            "2025-04-01",
            "admitted_to_hospital",
            "legal_status=detained",
            "community_review=held",
            "last_review_on=2025-03-28",
            "has_plan=yes",
        ),
        ("2025-04-01", "mha_applicable_day_came", "because=detained", "has_plan=yes"),
    )
    found = shown(call, "2025-04-01")
    duties = {duty["rule"]: duty["due"] for duty in found["duties"]}
    assert duties["cetr_community"] == "2025-03-31" and duties["cetr_inpatient_first"] == "2025-06-28"
    assert not any(rule.startswith("mha2025") for rule in duties), "the Act has not commenced"
    (row,) = listed(call, "2025-05-06")["rows"]
    assert row["cells"]["rating"] == "blue" and row["cells"]["marked"] == "local authority: 1 action overdue"
    assert row["cells"]["la"] == "Eastmere"
    lived(
        call,
        ("2025-05-06", "action_done", "item=flat"),
        ("2025-06-20", "cetr_held", "setting=inpatient", "outcome=discharge_planned", "present=clinical_expert"),
        ("2025-06-27", "cetr_report_sent"),
        ("2025-08-04", "discharged_from_hospital", "to=home"),
        ("2025-08-08", "dsr_rated", "rating=green", "reason=settled"),
        ("2025-09-05", "dsr_removed", "why=risk_over"),
    )
    assert listed(call, "2025-09-05")["rows"] == []
    lived(call, ("2025-09-08", "case_closed"))
    found = shown(call, "2025-09-08")
    assert found["state"] == "closed"
    assert {duty["rule"] for duty in found["duties"] if duty["standing"] == "met_late"} == {"dsr_action"}
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (*WORDS, BORN, NUMBER):
        assert confidential.encode() not in everything
    assert json.loads(call("2025-09-08", "verify", "--json").stdout)["intact"] is True


def test_the_case_warns_where_the_plan_of_somebody_in_hospital_is_to_cease(call: Call, tmp_path: Path) -> None:
    opened(call)
    lived(
        call,
        (
            "2025-03-18",
            "admitted_to_hospital",
            "legal_status=detained",
            "community_review=not_held",
            "has_plan=yes",
        ),
    )
    lived(call, ("2024-11-11", "plan_made", "la=Northshire", f"linked_to={CASE}"), case=REVIEW)
    lived(call, ("2025-03-20", "cease_decided"), case=REVIEW)
    found = shown(call, "2025-03-20")
    assert found["facts"][-1]["kind"] == "inpatient_plan_to_cease"
    assert any("is to cease while they are in hospital" in each for each in found["remarks"])
    assert {duty["rule"]: duty["due"] for duty in found["duties"]}["dsr_plan_ceasing"] == "2025-03-27"
    assert "plan to cease" in listed(call, "2025-03-20")["rows"][0]["cells"]["marked"]
    subjects = sent(call, "2025-03-24", tmp_path)
    assert f"{CASE}: a talk with the authority about a plan is due on 27 March 2025" in subjects
    lived(call, ("2025-03-25", "cease_reversed"), case=REVIEW)
    assert not any("is to cease" in each for each in shown(call, "2025-03-25")["remarks"])


@pytest.mark.parametrize("inside", [False, True])
def test_a_consent_that_is_withdrawn_stops_lists_and_letters_at_once(call: Call, tmp_path: Path, inside: bool) -> None:
    opened(call)
    opened(call, case="DS90002", number="9990000026")
    if inside:
        said = ("legal_status=informal", "community_review=not_held", "has_plan=to_cease")
        lived(call, ("2025-03-18", "admitted_to_hospital", *said))
    assert {row["case_ref"] for row in listed(call, "2025-03-20")["rows"]} == {CASE, "DS90002"}
    assert call("2025-03-25", "sweep").exit_code == 0, "letters are written and have not left"
    before = set((tmp_path / "var" / "letters").glob("*.eml"))
    lived(call, ("2025-03-25", "dsr_consent_withdrawn", "said_by=the_person", "note=Alex said no"))
    assert [row["case_ref"] for row in listed(call, "2025-03-25")["rows"]] == ["DS90002"]
    for today in ("2025-03-25", "2025-04-01", "2025-06-02"):
        assert call(today, "sweep").exit_code == 0
        assert call(today, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
        assert call(today, "digest").exit_code in (0, 1)
        for listing in ("overdue", "due-soon", "undated", "register dynamic_support"):
            assert CASE not in call(today, *listing.split()).stdout
    letters = set((tmp_path / "var" / "letters").glob("*.eml")) - before
    assert letters and not any(CASE.encode() in file.read_bytes() for file in letters), "the others' letters have left"
    found = shown(call, "2025-06-02")
    assert found["remarks"] == ["Consent was declined or withdrawn. No list, e-mail or digest names this case."]
    assert all(duty["ended_on"] or duty["met_on"] for duty in found["duties"])
    lived(call, ("2025-06-03", "dsr_consent_given", "given_by=the_person", "sharing=yes"))
    assert {row["case_ref"] for row in listed(call, "2025-06-03")["rows"]} == {CASE, "DS90002"}
    lived(
        call,
        ("2025-06-04", "dsr_consent_withdrawn", "said_by=the_person"),
        ("2025-06-05", "case_closed"),
    )
    assert shown(call, "2025-06-05")["state"] == "ended_without_consent"
    assert json.loads(call("2025-06-05", "verify", "--json").stdout)["intact"] is True


def test_a_register_that_there_is_not_is_answered_with_those_that_there_are(call: Call) -> None:
    said = call("2025-03-03", "register", "supports")
    assert said.exit_code == 2 and {"dynamic_support,", "transition,"} <= set(said.stderr.split())
