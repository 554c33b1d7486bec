"""A move and a change of commissioner by the commands alone, from opening to end, with the letters that the
boards get.
"""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from tests.support.calling import Call, field_options

CASE, REVIEW = "TR90001", "AR90001"
OURS, THEIRS = "body=QX900", "body=QX901"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE, today: str | None = None) -> Result:
    pairs = field_options(*data)
    return call(
        today or on, "record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--confirm-child", "--json"
    )


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.stderr


def rounds(call: Call, *days: str) -> None:
    """Do what the scheduler does on each day."""
    for each in days:
        assert call(each, "sweep").exit_code == 0
        assert call(each, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def shown(call: Call, today: str, case: str = CASE) -> Any:
    return json.loads(call(today, "case", case, "--json").stdout)


def letters(tmp_path: Path) -> list[tuple[str, str]]:
    found = [
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted((tmp_path / "var" / "letters").glob("*.eml"))
    ]
    return [(str(each["To"]).split("@")[0], str(each["Subject"])) for each in found]


def test_a_move_from_the_first_word_to_the_new_authoritys_review_with_its_letters(call: Call, tmp_path: Path) -> None:
    """Our board learns on Tuesday 3 March of a move on the 20th: fifteen working days end on Monday 23 March (reg
    15(7)).
    """
    lived(
        call,
        (
            "2026-02-27",
            "move_known",
            "la=Northshire",
            "la_reference=NS-15001",
            "moved_on=2026-03-20",
            "nhs_number=9990000018",
        ),
        ("2026-02-27", "old_la_aware_of_move"),
        ("2026-03-03", "original_rcb_aware_of_move", OURS),
    )
    rounds(call, "2026-03-03", "2026-03-16", "2026-03-23", "2026-03-24")
    lived(
        call,
        ("2026-03-20", "child_moved"),
        ("2026-03-20", "plan_transferred", "last_reviewed_on=2025-11-03"),
        ("2026-03-24", "new_rcb_notified_of_move", OURS, "to_body=QX901"),
        ("2026-03-24", "new_rcb_aware_of_move", THEIRS),
    )
    rounds(call, "2026-03-25", "2026-04-08", "2026-04-16", "2026-04-23")
    lived(
        call,
        ("2026-04-24", "section_g_found_impracticable", THEIRS, "reason=the clinic named there is far away"),
        ("2026-04-24", "assessment_or_review_requested", THEIRS, "asked_for=review"),
        ("2026-04-28", "new_la_informed_parent", "will_assess=no"),
    )
    lived(call, ("2026-09-01", "new_la_reviewed"), ("2026-09-02", "case_closed"))
    found = shown(call, "2026-09-02")
    assert found["state"] == "closed"
    assert [
        (duty["rule"], duty["body"], duty["due"], duty["standing"], duty["days_late"]) for duty in found["duties"]
    ] == [
        ("la_move_transfer_plan", None, "2026-03-20", "met", 0),
        ("rcb_move_notify_new_rcb", "QX900", "2026-03-23", "met_late", 1),
        ("new_la_inform_parent", None, "2026-05-01", "met", 0),
        ("new_la_review_after_transfer", None, "2026-11-02", "met", 0),
        ("rcb_move_request_review", "QX901", "2026-04-15", "met_late", 9),
    ]
    assert letters(tmp_path) == [
        ("send.dco", "TR90001 (NS-15001): a move, please act by 23 March 2026"),
        ("send.dco", "TR90001 (NS-15001): due by 23 March 2026, a move"),
        ("send.dco", "TR90001 (NS-15001): overdue since 23 March 2026, a move"),
        ("send.dco", "TR90001 (NS-15001): a move, please act by 15 April 2026"),
        ("send.dco", "TR90001 (NS-15001): due by 15 April 2026, a move"),
        ("send.dco", "TR90001 (NS-15001): overdue since 15 April 2026, a move"),
        ("executive.lead.send", "TR90001 (NS-15001): for the executive lead; overdue since 15 April 2026, a move"),
    ]
    assert json.loads(call("2026-09-02", "verify", "--json").stdout)["intact"] is True


def test_a_day_of_awareness_that_was_another_withdraws_what_was_said_by_it(call: Call, tmp_path: Path) -> None:
    lived(
        call,
        ("2026-02-16", "move_known", "la=Northshire", "moved_on=2026-03-20"),
        ("2026-02-27", "original_rcb_aware_of_move", OURS),
    )
    rounds(call, "2026-02-27", "2026-03-13", "2026-03-23")
    assert letters(tmp_path)[-1][1] == "TR90001: overdue since 20 March 2026, a move"
    lived(call, ("2026-03-24", "fact_corrected", "corrects=2", "occurred_on=2026-03-10"))
    rounds(call, "2026-03-24")
    assert shown(call, "2026-03-24")["duties"][0]["due"] == "2026-03-30"
    assert letters(tmp_path)[-1][1] == "TR90001: our earlier letter is withdrawn; the date is 30 March 2026"
    rounds(call, "2026-03-26")
    assert letters(tmp_path)[-1][1] == "TR90001: due by 30 March 2026, a move", "the grace period has passed"
    said = (tmp_path / "var" / "letters").glob("*.eml")
    assert any("disregard our earlier letter" in file.read_text("utf-8").replace("=\n", "") for file in said)


def test_a_change_of_commissioner_without_a_move(call: Call, tmp_path: Path) -> None:
    """Reg 16(2), (3): informed on Monday 9 March, our board's fifteen working days end on Friday 27 March 2026."""
    lived(
        call,
        ("2026-03-02", "commissioner_change_known", "la=Eastmere"),
        ("2026-03-02", "original_rcb_aware_of_change", THEIRS),
        ("2026-03-09", "new_rcb_notified_of_change", THEIRS, "to_body=QX900"),
        ("2026-03-09", "new_rcb_aware_of_change", OURS),
        ("2026-03-16", "section_g_arranged", OURS),
    )
    rounds(call, "2026-03-16", "2026-03-30")
    assert letters(tmp_path) == [], "what could be arranged, and what was notified in time, calls for no letter"
    found = shown(call, "2026-03-30")
    assert (
        found["state"],
        [(duty["rule"], duty["due"], duty["met_on"], duty["ended_on"]) for duty in found["duties"]],
    ) == (
        "handed_over",
        [
            ("rcb_change_notify_new_rcb", "2026-03-20", "2026-03-09", None),
            ("new_rcb_request_review", "2026-03-27", None, "2026-03-16"),
        ],
    )
    assert record(call, "2026-03-30", "case_closed").exit_code == 0


def test_only_a_board_is_a_commissioning_body_and_a_move_names_its_day(call: Call) -> None:
    without = record(call, "2026-02-16", "move_known", "la=Northshire")
    assert (without.exit_code, "move_known needs moved_on" in without.stderr) == (2, True)
    lived(call, ("2026-02-16", "move_known", "la=Northshire", "moved_on=2026-03-20"))
    trust = record(call, "2026-02-16", "original_rcb_aware_of_move", "body=QX101")
    assert (trust.exit_code, "the law binds these only: integrated care board" in trust.stderr) == (1, True)


def test_the_case_of_the_new_authority_reports_its_review(call: Call) -> None:
    """Reg 15(5): the review that the annual review's case names is the new authority's, once the plan is with it."""
    lived(call, ("2025-11-03", "plan_made", "la=Northshire", "nhs_number=9990000018"), case=REVIEW)
    lived(
        call,
        ("2026-02-16", "move_known", "la=Northshire", "moved_on=2026-03-20", f"linked_to={REVIEW}"),
        ("2026-03-20", "plan_transferred", "last_reviewed_on=2025-11-03"),
    )
    review = shown(call, "2026-03-20", REVIEW)
    assert [fact["kind"] for fact in review["facts"]] == ["plan_made", "plan_transferred"]
    lived(call, ("2026-06-01", "review_meeting_held"), ("2026-06-08", "plan_kept"), case=REVIEW)
    found = shown(call, "2026-06-08")
    assert found["state"] == "reviewed"
    assert found["duties"][-1]["met_by"] == "new_la_reviewed"


def test_an_assessment_that_the_new_board_asks_for_opens_a_re_assessment_that_compels(call: Call) -> None:
    """Regs 15(8) and 16(3): the authority has to comply. Asked on Monday 20 April, it says so by 5 May 2026 (reg 25(1),
    fifteen days).
    """
    lived(
        call,
        ("2026-03-02", "commissioner_change_known", "la=Eastmere", "nhs_number=9990000018"),
        ("2026-03-30", "new_rcb_aware_of_change", OURS),
        ("2026-04-13", "section_g_found_impracticable", OURS),
        ("2026-04-20", "assessment_or_review_requested", OURS, "asked_for=assessment"),
    )
    opened = shown(call, "2026-04-20", "SF-000001")
    assert (opened["process"], opened["la"], opened["facts"][0]["data"]) == (
        "reassessment",
        "eastmere",
        {"body": "QX900", "la": "eastmere", "requested_by": "rcb"},
    )
    assert [(duty["rule"], duty["due"], duty["cause"]["case_ref"]) for duty in opened["duties"]] == [
        ("reassess_decision_notify", "2026-05-05", CASE)
    ]
    refused = record(call, "2026-04-27", "reassessment_refused", "ground=not_necessary", case="SF-000001")
    assert (refused.exit_code, "its request compels the authority" in refused.stderr + refused.stdout) == (0, True)
    lived(call, ("2026-04-27", "fact_withdrawn", "corrects=4", "reason=recorded on the wrong case"))
    assert shown(call, "2026-04-27", "SF-000001")["state"] == "withdrawn"


def test_the_authority_that_was_asked_is_the_one_that_re_assesses(call: Call) -> None:
    lived(
        call,
        ("2026-02-27", "move_known", "la=Northshire", "moved_on=2026-03-20"),
        ("2026-03-20", "plan_transferred", "last_reviewed_on=2025-11-03"),
        ("2026-03-24", "new_rcb_aware_of_move", THEIRS),
        ("2026-04-14", "assessment_or_review_requested", THEIRS, "asked_for=assessment", "la=Eastmere"),
    )
    assert shown(call, "2026-04-14", "SF-000001")["la"] == "eastmere"


def test_no_second_re_assessment_is_opened_while_one_is_under_way(call: Call) -> None:
    lived(
        call,
        ("2026-04-01", "reassessment_requested", "la=Eastmere", "requested_by=parent", "nhs_number=9990000018"),
        case="RA90001",
    )
    lived(
        call,
        ("2026-04-02", "commissioner_change_known", "la=Eastmere", "linked_to=RA90001"),
        ("2026-04-02", "new_rcb_aware_of_change", OURS),
    )
    asked = record(call, "2026-04-13", "assessment_or_review_requested", OURS, "asked_for=assessment")
    assert asked.exit_code == 0
    assert (
        "No new case was opened for reassessment_requested, because case RA90001 (Re-assessment) of the same child is"
        " still open." in asked.stderr
    )
    assert call("2026-04-13", "case", "SF-000001").exit_code == 2
