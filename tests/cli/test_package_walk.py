"""A package of care by the commands alone: from its proposal to its end, with its letters and what is missing in it."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from tests.support.calling import Call, field_options

CASE = "PK90001"
NUMBER, BORN = "9990000018", "2010-09-01"
LINE = (
    "item=line_1",
    "basis=section_g",
    "provider=QX101",
    "quantity=4",
    "unit=visit",
    "per=week",
    "times_a_year=52",
    "unit_cost_pence=£52.50",
    "shares=health=60, social_care=40",
    "starts_on=2026-04-01",
)
PLAN = (
    "notice_days=28",
    "coordinator=community_nurse",
    "amount_pence=£840",
    "interval=four_weekly",
    "needs=nursing for Alex",
    "outcomes=sleep",
    "services=a nurse",
)


def record(call: Call, on: str, fact: str, *data: str) -> Result:
    words = ("--actor", "dco.team", "--confirm-child", "--json")
    return call(on, "record", CASE, fact, "--on", on, *field_options(*data), *words)


def lived(call: Call, *facts: tuple[str, ...]) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def subjects(tmp_path: Path) -> list[str]:
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in letters]


def proposed(call: Call) -> None:
    child = (f"nhs_number={NUMBER}", f"date_of_birth={BORN}")
    lived(
        call,
        ("2026-03-02", "package_proposed", "la=Northshire", "la_reference=NS-04412", *child),
        ("2026-03-02", "line_proposed", *LINE),
    )


def test_from_the_proposal_to_the_end_with_its_letters(call: Call, tmp_path: Path) -> None:
    proposed(call)
    assert shown(call, "2026-03-02")["remarks"] == [
        "The package costs £10,920.00 a year: health £6,552.00; social care £4,368.00."
    ]
    lived(
        call,
        ("2026-03-05", "challenge_made", "item=q_1", "asked_of=provider", "answer_by=2026-03-12", "question=why four"),
        ("2026-03-10", "challenge_answered", "item=q_1", "result=accepted", "answer=it is the weekend"),
        ("2026-03-11", "agreed_in_principle"),
        ("2026-03-20", "package_approved", "approver=icb_commissioner"),
        ("2026-03-25", "care_plan_agreed", "first_review_on=2026-06-01", *PLAN),
        ("2026-04-01", "package_went_live"),
        ("2026-04-01", "direct_payment_started", "account=separate"),
    )
    approval = next(fact for fact in shown(call, "2026-04-01")["facts"] if fact["kind"] == "package_approved")
    assert approval["data"] == {"approver": "icb_commissioner", "limit_pence": 2_500_000}
    assert approval["out_of_order"] is None
    assert call("2026-05-11", "sweep").exit_code == 0
    assert call("2026-05-11", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    assert subjects(tmp_path)[-1] == f"{CASE} (NS-04412): review of the direct payment is due on 1 June 2026"
    lived(
        call,
        ("2026-06-01", "direct_payment_reviewed", "result=goes_on"),
        ("2026-06-30", "package_reviewed", "result=to_cease"),
        (
            "2026-07-01",
            "direct_payment_change_notified",
            "change=stopped",
            "takes_effect_on=2026-07-29",
            "reasons=Alex is well",
        ),
        ("2026-07-06", "further_review_required"),
        ("2026-07-20", "further_review_decided", "result=confirmed", "reasons=Alex is well"),
        ("2026-07-21", "cessation_notified", "ends_on=2026-08-31", "in_writing=yes", "reasons=Alex is well"),
    )
    found = shown(call, "2026-07-21")
    assert found["state"] == "ceasing"
    assert (
        "The package ends on 31 August 2026, before the 18th birthday, and no adult decision is recorded."
        in (found["remarks"])
    )
    assert found["facts"][-1]["data"]["under_18_at_end"] == "yes"
    lived(
        call,
        ("2026-07-29", "direct_payment_stopped"),
        ("2026-08-10", "adult_decision_made", "decision=no_eligible_need"),
        ("2026-08-31", "package_ended"),
    )
    ended = shown(call, "2026-09-01")
    assert ended["state"] == "ended"
    assert {duty["standing"] for duty in ended["duties"] if duty["ended_on"] is None} == {"met"}
    assert not any("18th birthday" in each for each in ended["remarks"])
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    for confidential in (b"Alex", BORN.encode(), NUMBER.encode()):
        assert confidential not in everything
    assert record(call, "2026-09-02", "case_closed").exit_code == 0
    assert json.loads(call("2026-09-02", "verify", "--json").stdout)["intact"] is True


@pytest.mark.parametrize("left_out", ["first_review_on", "notice_days"])
def test_no_care_plan_is_recorded_without_its_first_review_and_its_notice(call: Call, left_out: str) -> None:
    """SI 2013/1617 reg 8(4)(f) and (g)."""
    proposed(call)
    whole = ("first_review_on=2026-06-01", *PLAN)
    said = record(call, "2026-03-25", "care_plan_agreed", *(each for each in whole if not each.startswith(left_out)))
    assert (said.exit_code, f"care_plan_agreed needs {left_out}" in said.stderr) == (2, True)
    assert record(call, "2026-03-25", "care_plan_agreed", *whole).exit_code == 0


def test_shares_that_are_not_the_whole_are_refused_with_an_example(call: Call) -> None:
    proposed(call)
    wrong = [each if not each.startswith("shares") else "shares=health=60, social_care=39" for each in LINE]
    said = record(call, "2026-03-02", "line_proposed", *wrong[1:], "item=line_2")
    assert said.exit_code == 2
    assert (
        "shares that are 100 percent together were expected" in said.stderr
        and "health=60, social_care=40" in said.stderr
    )


def test_a_line_does_not_end_before_it_starts(call: Call) -> None:
    proposed(call)
    said = record(call, "2026-03-02", "line_proposed", *LINE[1:], "item=line_2", "ends_on=2026-03-31")
    assert said.exit_code == 2 and "line_proposed: ends_on lies before starts_on" in said.stderr


def test_an_approval_beyond_the_limit_is_recorded_and_marked(call: Call) -> None:
    proposed(call)
    lived(call, ("2026-03-11", "agreed_in_principle"))
    lived(call, ("2026-03-20", "package_approved", "approver=designated_clinical_officer"))
    marked = shown(call, "2026-03-20")["facts"][-1]["out_of_order"]
    assert "costs £10,920.00 a year, and the delegated limit of designated clinical officer is £5,000.00" in marked
    nobody = record(call, "2026-03-21", "package_approved", "approver=the_queen")
    assert nobody.exit_code == 2 and "approver names no entry of approvers.toml: expected one of" in nobody.stderr


@pytest.mark.parametrize(("ends_on", "answer"), [("2028-08-31", "yes"), ("2028-09-01", "no")])
def test_the_birthday_is_compared_with_the_end_and_stays_encrypted(call: Call, ends_on: str, answer: str) -> None:
    """Born on 1 September 2010: 18 on 1 September 2028."""
    proposed(call)
    lived(call, ("2026-03-02", "line_proposed", *LINE[1:], "item=line_2", f"ends_on={ends_on}"))
    found = shown(call, "2026-03-02")
    assert found["facts"][-1]["data"]["under_18_at_end"] == answer
    assert any("before the 18th birthday" in each for each in found["remarks"]) is (answer == "yes")
    other = {"yes": "2028-09-01", "no": "2028-08-31"}[answer]
    lived(call, ("2026-03-03", "fact_corrected", "corrects=3", f"ends_on={other}"))
    corrected = shown(call, "2026-03-03")
    assert corrected["facts"][-1]["data"]["under_18_at_end"] == {"yes": "no", "no": "yes"}[answer]
    assert any("before the 18th birthday" in each for each in corrected["remarks"]) is (answer == "no")


@pytest.mark.parametrize(
    "decision",
    [
        ("direct_payment_refused", "in_writing=yes", "reasons=Alex moves"),
        ("service_left_out", "reasons=Alex moves"),
        ("repayment_required", "amount_pence=£40", "reasons=Alex moves"),
    ],
)
def test_each_decision_on_a_direct_payment_may_be_reviewed_once(call: Call, decision: tuple[str, ...]) -> None:
    """SI 2013/1617 regs 7 and 8 as SI 2013/2354 amended them, and 15(4): the body re-considers on request."""
    proposed(call)
    lived(
        call,
        ("2026-03-03", *decision),
        ("2026-03-09", "further_review_required"),
    )
    found = shown(call, "2026-03-09")
    assert found["facts"][-1]["out_of_order"] is None
    assert [duty["rule"] for duty in found["duties"] if duty["ended_on"] is None] == ["direct_payment_further_review"]
    lived(
        call,
        ("2026-03-16", "further_review_decided", "result=confirmed", "reasons=Alex moves"),
        ("2026-03-17", "further_review_required"),
    )
    marked = shown(call, "2026-03-17")["facts"][-1]["out_of_order"]
    assert "one further review of a decision was required already" in marked
