"""A review and a re-assessment by the commands alone, from opening to end, with their letters; a board's request that
cannot be refused.
"""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.calling import Call, field_options

REVIEW, AGAIN, NEXT = "AR90001", "RA90001", "SF-000001"
PAEDS = ("body=QX101", "service=community_paediatrics")


def record(call: Call, case: str, on: str, fact: str, *data: str) -> Result:
    pairs = field_options(*data)
    return call(on, "record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--confirm-child", "--json")


def lived(call: Call, case: str, *facts: tuple[str, ...]) -> None:
    for on, fact, *data in facts:
        result = record(call, case, on, fact, *data)
        assert result.exit_code == 0, result.stderr


def rounds(call: Call, *days: str) -> None:
    """Do what the scheduler does on each day."""
    for each in days:
        assert call(each, "sweep").exit_code == 0
        assert call(each, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def shown(call: Call, today: str, case: str) -> tuple[str, dict[str, str]]:
    document: dict[str, Any] = json.loads(call(today, "case", case, "--json").stdout)
    return document["state"], {duty["rule"]: duty["standing"] for duty in document["duties"]}


def subjects(tmp_path: Path) -> list[str]:
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in letters]


OPENED = ("2026-03-02", "plan_made", "la=Northshire", "la_reference=NS-04412", "nhs_number=9990000018")


def test_a_review_from_the_plan_to_the_amended_plan_and_the_next_cycle(call: Call, tmp_path: Path) -> None:
    lived(
        call,
        REVIEW,
        OPENED,
        ("2026-12-01", "review_meeting_arranged", "meeting_on=2027-01-11", "arranged_by=institution"),
        ("2026-12-04", "meeting_notice_given"),
        ("2026-12-07", "health_professional_invited", *PAEDS, "meeting_on=2027-01-11"),
    )
    rounds(call, "2026-12-07")
    lived(
        call,
        REVIEW,
        ("2026-12-09", "review_invitation_acknowledged", *PAEDS),
        ("2026-12-21", "review_advice_received", *PAEDS),
        ("2026-12-24", "review_advice_circulated"),
    )
    rounds(call, "2026-12-24")
    lived(
        call,
        REVIEW,
        ("2027-01-11", "review_meeting_held"),
        ("2027-01-22", "review_report_received"),
        ("2027-02-01", "amendment_decided"),
        ("2027-02-05", "amendment_notice_sent", "section_g=changed"),
    )
    page = " ".join(call("2027-02-05", "case", REVIEW).stdout.split())
    for said in (
        "LA: send the final amended plan from Fri 5 Feb 2027",
        "LA: final amended plan, outer limit from Mon 11 Jan 2027",
        "due Fri 2 Apr 2027",
        "RCB: agree section G before the plan is final",
    ):
        assert said in page, said
    lived(
        call,
        REVIEW,
        ("2027-02-22", "section_g_agreed"),
        ("2027-04-01", "amended_plan_received", "section_g=changed"),
    )
    # CFA 2014 s42(3) has no day: the provision of section G is owed, and arranged when the board says so; the duty
    # itself goes on.
    assert shown(call, "2027-04-01", REVIEW)[1]["s42_arrange_health_provision"] == "no_date"
    lived(call, REVIEW, ("2027-04-02", "section_g_arranged", "body=QX900", "how=commissioned"))
    page = " ".join(call("2027-04-02", "case", REVIEW).stdout.split())
    assert (
        "met, section G arranged on Fri 2 Apr 2027; the duty itself goes on for as long as the plan says so. CFA 2014"
        " s42(3)" in page
    )
    refused = record(call, REVIEW, "2027-04-02", "section_g_arranged", "body=QX101")
    assert refused.exit_code == 1 and "integrated care board" in refused.stderr, "a trust commissions nothing"
    lived(call, REVIEW, ("2027-04-02", "case_closed"))
    state, duties = shown(call, "2027-04-02", REVIEW)
    assert state == "closed"
    left = {rule: standing for rule, standing in duties.items() if standing != "met"}
    # No notice of "no amendment" was owed once the plan had come.
    assert left == {"review_no_amend_notify": "no_date", "draft_plan_check": "breached"}, "nobody checked the draft"
    assert shown(call, "2027-04-02", NEXT) == ("waiting", {"annual_review_next": "running"})
    opened = json.loads(call("2027-04-02", "case", NEXT, "--json").stdout)
    assert (opened["la"], opened["la_reference"], opened["duties"][0]["due"]) == (
        "northshire",
        "NS-04412",
        "2028-01-31",
    )
    assert subjects(tmp_path) == [
        "AR90001 (NS-04412): please acknowledge; review meeting 11 January 2027",
        "AR90001 (NS-04412): advice for the review received 21 December 2026, thank you",
    ]
    assert json.loads(call("2027-04-02", "verify", "--json").stdout)["intact"] is True


def test_a_re_assessment_from_the_request_to_the_plan_starts_the_review_again(call: Call, tmp_path: Path) -> None:
    lived(call, REVIEW, OPENED)
    lived(
        call,
        AGAIN,
        ("2026-06-01", "reassessment_requested", "requested_by=parent", f"linked_to={REVIEW}", "la=Northshire"),
        ("2026-06-10", "reassessment_agreed"),
        ("2026-06-15", "health_advice_requested", *PAEDS),
    )
    rounds(call, "2026-06-15", "2026-06-18")
    lived(call, AGAIN, ("2026-06-19", "health_advice_acknowledged", *PAEDS))
    rounds(call, "2026-07-06", "2026-07-20", "2026-07-28")
    lived(call, AGAIN, ("2026-07-30", "health_advice_received", *PAEDS))
    rounds(call, "2026-07-30")
    lived(
        call,
        AGAIN,
        ("2026-08-17", "draft_plan_received"),
        ("2026-08-24", "section_g_agreed"),
        ("2026-09-14", "final_plan_received"),
        ("2026-09-21", "section_g_arranged", "body=QX900", "how=direct_payment"),
        ("2026-10-01", "case_closed"),
    )
    state, duties = shown(call, "2026-10-01", AGAIN)
    assert (
        state,
        duties["reassess_decision_notify"],
        duties["ehc_body_advice_respond"],
        duties["reassess_final_plan"],
    ) == ("closed", "met", "met_late", "met")
    assert duties["s42_arrange_health_provision"] == "met", "a direct payment is treated as arranged (s49(6), (7))"
    assert shown(call, "2026-10-01", REVIEW)[1]["review_after_reassessment"] == "running"
    page = " ".join(call("2026-10-01", "case", REVIEW).stdout.split())
    assert f"{AGAIN}/" in page or AGAIN in page, "the case shows from which case the re-assessed plan propagated"
    assert subjects(tmp_path) == [
        "RA90001: please acknowledge; health advice due 27 July 2026",
        "RA90001: no acknowledgement yet; health advice due 27 July 2026",
        "RA90001: please send health advice by 24 July 2026",
        "RA90001: please send health advice by 24 July 2026",
        "RA90001: health advice overdue since 27 July 2026",
        "RA90001: health advice received 30 July 2026, thank you",
    ]
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    text = message_from_bytes(letters[0].read_bytes(), policy=policy.default).get_body(("plain",))
    assert text is not None and "looking again into the education, health and care needs" in " ".join(
        str(text.get_content()).split()
    )
    assert json.loads(call("2026-10-01", "verify", "--json").stdout)["intact"] is True


def test_a_boards_request_cannot_be_refused_and_the_command_says_why(call: Call) -> None:
    lived(
        call,
        AGAIN,
        (
            "2026-06-01",
            "reassessment_requested",
            "requested_by=rcb",
            "body=QX900",
            "la=Northshire",
            "last_assessed_on=2026-04-01",
        ),
    )
    result = record(call, AGAIN, "2026-06-10", "reassessment_refused", "ground=assessed_in_six_months")
    assert result.exit_code == 0
    assert "compels the authority (SEND Regs 2014 reg 23; reg 24 does not reach it)" in result.stdout + result.stderr
    assert "reg 23 leaves it no choice" in call("2026-06-20", "case", AGAIN).stdout
