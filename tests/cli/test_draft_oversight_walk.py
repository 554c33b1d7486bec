"""The check of a draft plan by the commands alone: opened by the draft, reminded of, checked, commented on."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from typer.testing import Result

from config.law import load_law
from config.rule_schema import Rule
from tests.support.by_hand import duties, history
from tests.support.calling import Call, field_options

CASE = "NX90001"


def record(call: Call, on: str, fact: str, *data: str) -> Result:
    return call(on, "record", CASE, fact, "--on", on, *field_options(*data), "--actor", "dco.team", "--json")


def lived(call: Call, *facts: tuple[str, ...]) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data)
        assert result.exit_code == 0, result.output


def drafted(call: Call) -> None:
    lived(
        call,
        ("2026-01-05", "ehc_assessment_requested", "la=Northshire", "la_reference=NS-04412"),
        ("2026-02-02", "assessment_agreed"),
        ("2026-03-02", "draft_plan_received"),
    )


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def checks(found: Any) -> list[tuple[str, str]]:
    return [(duty["due"], duty["standing"]) for duty in found["duties"] if duty["rule"] == "draft_plan_check"]


def test_a_draft_opens_the_check_and_comments_are_recorded(call: Call, tmp_path: Path) -> None:
    """By hand: fifteen days that begin with 2 March end on 16 March; ten, on 11 March."""
    drafted(call)
    found = shown(call, "2026-03-02")
    assert checks(found) == [("2026-03-11", "running")]
    family = next(duty for duty in found["duties"] if duty["rule"] == "draft_plan_parent_response_min")
    assert family["due"] == "2026-03-16" and checks(found)[0][0] < family["due"]
    assert call("2026-03-09", "sweep").exit_code == 0
    assert call("2026-03-09", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    files = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    subjects = [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in files]
    assert f"{CASE} (NS-04412): a check of a draft plan is due on 11 March 2026" in subjects
    checked = ("section_c=right", "section_g=needs_change", "agreed_by_board=no", "note=Alex needs a pump")
    lived(call, ("2026-03-10", "draft_plan_checked", *checked))
    found = shown(call, "2026-03-10")
    assert checks(found) == [("2026-03-11", "met")]
    assert any("something to change in section G, and no comments" in each for each in found["remarks"])
    assert any("had not agreed section G" in each for each in found["remarks"])
    lived(call, ("2026-03-12", "draft_comments_sent", "sections=section_g", "comments=Alex needs a pump daily"))
    assert not any("no comments" in each for each in shown(call, "2026-03-12")["remarks"])
    everything = b"".join(
        path.read_bytes() for path in (tmp_path / "var").rglob("*") if path.is_file() and path.name != "person.key"
    )
    assert b"Alex" not in everything
    assert json.loads(call("2026-03-12", "verify", "--json").stdout)["intact"] is True


def test_a_final_plan_ends_the_check_and_another_draft_opens_another(call: Call) -> None:
    drafted(call)
    lived(call, ("2026-03-20", "draft_plan_received"))
    assert checks(shown(call, "2026-03-20")) == [("2026-03-11", "breached"), ("2026-03-29", "running")]
    lived(call, ("2026-03-23", "final_plan_received"))
    found = shown(call, "2026-03-23")
    assert {duty["ended_on"] for duty in found["duties"] if duty["rule"] == "draft_plan_check"} == {"2026-03-23"}


# What opens the case of a re-assessment, a review, and an amendment outside a review, until its draft.
OTHERS = {
    "reassessment": (
        ("2026-01-05", "reassessment_requested", "la=Northshire", "requested_by=parent"),
        ("2026-01-12", "reassessment_agreed"),
        ("2026-03-02", "draft_plan_received"),
        ("2026-03-23", "final_plan_received"),
    ),
    "review": (
        ("2025-03-10", "plan_made", "la=Northshire"),
        ("2026-02-09", "review_meeting_held"),
        ("2026-02-16", "amendment_decided"),
        ("2026-03-02", "amendment_notice_sent", "section_g=changed"),
        ("2026-03-23", "amended_plan_received", "section_g=changed"),
    ),
    "outside a review": (
        ("2025-07-07", "plan_made", "la=Northshire"),
        ("2026-03-02", "plan_amendment_proposed", "section_g=changed"),
        ("2026-03-23", "plan_amendment_made", "section_g=changed"),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_draft_of_a_reassessment_or_an_amended_plan_is_checked_too(call: Call, tmp_path: Path, name: str) -> None:
    """By hand: ten days that begin with 2 March end on 11 March; the family's fifteen, on 16 March (reg 22(2)(c))."""
    *until, final = OTHERS[name]
    lived(call, *until)
    found = shown(call, "2026-03-02")
    assert checks(found) == [("2026-03-11", "running")]
    family = {duty["due"] for duty in found["duties"] if duty["rule"] == "review_amend_parent_response_min"}
    assert family == (set() if name == "reassessment" else {"2026-03-16"})
    assert call("2026-03-09", "sweep").exit_code == 0
    assert call("2026-03-09", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    sent = [message_from_bytes(file.read_bytes(), policy=policy.default) for file in sorted(tmp_path.rglob("*.eml"))]
    (letter,) = [each for each in sent if "a check of a draft plan is due on 11 March 2026" in str(each["Subject"])]
    text = " ".join(letter.get_body(("plain",)).get_content().split())  # type: ignore[union-attr]
    assert "(SEND Regs 2014 regs 13(1)(a), 22(2)(c))" in text
    said = ("section_c=right", "section_g=needs_change", "agreed_by_board=yes")
    lived(call, ("2026-03-10", "draft_plan_checked", *said))
    found = shown(call, "2026-03-10")
    assert checks(found) == [("2026-03-11", "met")] and found["facts"][-1]["out_of_order"] is None
    assert any("something to change in section G, and no comments" in each for each in found["remarks"])
    lived(call, ("2026-03-12", "draft_comments_sent", "sections=section_g"), final)
    assert not any("no comments" in each for each in shown(call, "2026-03-23")["remarks"])
    assert json.loads(call("2026-03-23", "verify", "--json").stdout)["intact"] is True


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_sent_as_final_ends_the_check_that_nobody_made(call: Call, name: str) -> None:
    lived(call, *OTHERS[name])
    found = shown(call, "2026-03-23")
    assert [duty["ended_on"] for duty in found["duties"] if duty["rule"] == "draft_plan_check"] == ["2026-03-23"]


def test_a_check_of_no_draft_is_recorded_and_marked(call: Call) -> None:
    lived(call, ("2025-03-10", "plan_made", "la=Northshire"))
    said = ("section_c=right", "section_g=right", "agreed_by_board=yes")
    lived(call, ("2026-02-09", "draft_plan_checked", *said))
    assert "a check is of a draft plan that came" in shown(call, "2026-02-09")["facts"][-1]["out_of_order"]


def test_a_locality_may_switch_the_check_off_and_what_came_before_it_owes_none() -> None:
    rule = load_law().rule("draft_plan_check")
    assert rule.switchable and rule.reading == "yes"
    off = Rule.model_validate({**rule.model_dump(by_alias=True, exclude_none=True), "enabled": False})
    assert off.reading == "no", "which a fact of that time stores"
    for said, owed in (({"check_owed": "yes"}, 1), ({"check_owed": "no"}, 0), ({}, 0)):
        lines = history(
            ("ehc_assessment_requested", "2026-01-05", {"la": "northshire"}),
            ("assessment_agreed", "2026-02-02", {}),
            ("draft_plan_received", "2026-03-02", said),
        )
        assert len([each for each in duties(lines) if each.rule == "draft_plan_check"]) == owed
