"""A panel's sitting by the commands alone: from its calling to its minutes, with its letters and its papers."""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from models.errors import Refusal
from tests.support.calling import Call, field_options

CASE, CHILD = "PS90001", "NX90001"


def record(call: Call, on: str, fact: str, *data: str, case: str = CASE) -> Result:
    return call(on, "record", case, fact, "--on", on, *field_options(*data), "--actor", "dco.team", "--json")


def lived(call: Call, *facts: tuple[str, ...], case: str = CASE) -> None:
    for on, fact, *data in facts:
        result = record(call, on, fact, *data, case=case)
        assert result.exit_code == 0, result.output


def shown(call: Call, today: str) -> Any:
    return json.loads(call(today, "case", CASE, "--json").stdout)


def subjects(tmp_path: Path) -> list[str]:
    letters = sorted((tmp_path / "var" / "letters").glob("*.eml"))
    return [str(message_from_bytes(file.read_bytes(), policy=policy.default)["Subject"]) for file in letters]


def a_child_with_advice(call: Call) -> None:
    lived(
        call,
        ("2026-01-05", "ehc_assessment_requested", "la=Northshire"),
        ("2026-01-12", "assessment_agreed"),
        ("2026-01-13", "health_advice_requested", "service=speech_and_language_therapy"),
        ("2026-01-13", "health_advice_requested", "service=camhs"),
        ("2026-02-10", "health_advice_received", "service=camhs"),
        case=CHILD,
    )


def test_from_the_calling_to_the_minutes_with_letters_and_papers(call: Call, tmp_path: Path) -> None:
    a_child_with_advice(call)
    lived(
        call,
        ("2026-03-02", "sitting_called", "panel=ehc_weekly", "la=Northshire", "sits_on=2026-03-18"),
        ("2026-03-03", "item_listed", "item=item_1", "question=issue_plan", f"about_case={CHILD}"),
    )
    opening = shown(call, "2026-03-03")["facts"][0]["data"]
    assert opening == {
        "panel": "ehc_weekly",
        "la": "northshire",
        "sits_on": "2026-03-18",
        "papers_by": "2026-03-12",
        "circulate_on": "2026-03-13",
        "papers_time": "17:00",
        "cadence": "weekly",
        "quorum": 3,
        "quorum_roles": ["education", "health", "social_care"],
        "chair": "la_send_lead",
        "terms": "terms_2026",
    }
    assert call("2026-03-10", "sweep").exit_code == 0
    assert call("2026-03-10", "deliver", "--now", "--reason", "the walk of a test").exit_code == 0
    assert f"{CASE}: papers for item 1 are due on 12 March 2026" in subjects(tmp_path)
    paper = ("document_title=Advice of Alex", "document_kind=health_advice", "document_held_in=records_system")
    lived(
        call,
        ("2026-03-11", "item_paper_received", "item=item_1", *paper, "document_on=2026-02-10"),
        ("2026-03-11", "item_papers_complete", "item=item_1"),
    )
    brief = call("2026-03-11", "papers", CASE, "--item", "item_1").stdout
    assert f"What health has said so far (EHC needs assessment, case {CHILD})" in " ".join(brief.split())
    assert "CAMHS" in brief and "health advice received" in brief
    assert "| Tue 24 Feb 2026 | breached, 15 days late |" in brief
    assert "No view of health is recorded yet." in brief and "Alex" not in brief
    lived(
        call,
        ("2026-03-11", "health_view_given", "item=item_1", "view=supports", "given_by=dco", "reasons=words of Alex"),
        ("2026-03-13", "papers_circulated", "pack=pack_1", "sent_to=education, health, social_care"),
        ("2026-03-18", "sitting_held", "attended=3", "present=education, health, social_care"),
        ("2026-03-18", "item_decided", "item=item_1", "outcome=agreed", "decided_by=local_authority"),
        (
            "2026-03-18",
            "action_agreed",
            "item=action_1",
            "on_item=item_1",
            "action_owner=dco",
            "due_on=2026-04-01",
            "what=ring Alex",
        ),
        ("2026-03-30", "action_done", "item=action_1"),
        (
            "2026-03-30",
            "minutes_agreed",
            "document_title=Minutes",
            "document_kind=minutes",
            "document_held_in=la_share",
            "document_on=2026-03-30",
        ),
    )
    found = shown(call, "2026-03-31")
    assert found["state"] == "minuted" and {duty["standing"] for duty in found["duties"]} == {"met"}
    minutes = call("2026-03-31", "papers", CASE, "--minutes").stdout
    assert "agreed by local authority on Wed 18 Mar 2026" in minutes
    assert "| action 1 | item 1 | DCO | Wed 1 Apr 2026 | Action done |" in minutes
    page = tmp_path / "pack.html"
    assert call("2026-03-31", "papers", CASE, "--html", str(page)).exit_code == 0
    html = page.read_text("utf-8")
    assert html.startswith("<!doctype html>") and "@media print" in html and "<th>question</th>" in html
    for text in (minutes, brief, html):
        assert "Alex" not in text, "confidential words stay encrypted"
    assert record(call, "2026-04-02", "case_closed").exit_code == 0
    assert json.loads(call("2026-04-02", "verify", "--json").stdout)["intact"] is True


def test_a_panel_that_no_file_has_is_refused_with_those_that_there_are(call: Call) -> None:
    said = record(call, "2026-03-02", "sitting_called", "panel=ehc_daily", "sits_on=2026-03-18")
    assert said.exit_code == 2
    assert (
        "expected one of ehc_weekly, joint_funding, continuing_care" in said.stderr and "ehc_daily" not in said.stderr
    )


def test_an_own_file_replaces_the_types_of_panel_and_changes_no_history(call: Call, tmp_path: Path) -> None:
    lived(call, ("2026-03-02", "sitting_called", "panel=ehc_weekly", "sits_on=2026-03-18"))
    text = Path("config/panels.toml").read_text("utf-8")
    (tmp_path / "var" / "panels.toml").write_text(
        text.replace('papers_weekday = "thursday"', 'papers_weekday = "monday"')
    )
    assert shown(call, "2026-03-02")["facts"][0]["data"]["papers_by"] == "2026-03-12"
    lived(call, ("2026-03-03", "sitting_moved", "sits_on=2026-03-25"))
    assert shown(call, "2026-03-03")["facts"][1]["data"] == {
        "sits_on": "2026-03-25",
        "papers_by": "2026-03-16",
        "circulate_on": "2026-03-20",
    }


def test_papers_of_a_withheld_child_say_so_and_nothing_more(call: Call) -> None:
    a_child_with_advice(call)
    lived(
        call,
        ("2026-03-02", "sitting_called", "panel=ehc_weekly", "sits_on=2026-03-18"),
        ("2026-03-03", "item_listed", "item=item_1", "question=issue_plan", f"about_case={CHILD}"),
    )
    lived(call, ("2026-03-04", "person_flagged_sensitive", "reason=a witness"), case=CHILD)
    for words in ((), ("--item", "item_1"), ("--minutes",)):
        text = call("2026-03-05", "papers", CASE, *words).stdout
        assert CHILD not in text and "advice" not in text.replace("(advice, no decision)", "")
    assert "nothing about that child leaves" in call("2026-03-05", "papers", CASE).stdout


def test_papers_are_of_a_sitting_and_of_an_item_that_is_there(call: Call) -> None:
    a_child_with_advice(call)
    other = call("2026-03-02", "papers", CHILD)
    said = str(other.exception)
    assert f"case {CHILD} has no papers: its process is 'EHC needs assessment'" in said, said
    assert "sendflow papers PS00001" in said and isinstance(other.exception, Refusal) and other.exception.exit_code == 2
    lived(call, ("2026-03-02", "sitting_called", "panel=ehc_weekly", "sits_on=2026-03-18"))
    none = call("2026-03-02", "papers", CASE, "--item", "item_9")
    assert "expected one of none" in str(none.exception or none.stderr)
    assert call("2026-03-02", "papers", CASE, "--item", "item_1", "--minutes").exit_code == 2


def test_a_corrected_day_of_a_sitting_moves_the_days_that_its_panel_filled(call: Call) -> None:
    """The days that a person gave stay; those of the standard follow the right day, and so does what is due by them."""
    lived(
        call,
        ("2026-03-02", "sitting_called", "panel=ehc_weekly", "sits_on=2026-03-18"),
        ("2026-03-03", "item_listed", "item=item_1", "question=issue_plan"),
        ("2026-03-04", "fact_corrected", "corrects=1", "sits_on=2026-03-25"),
    )
    assert shown(call, "2026-03-04")["facts"][2]["data"] == {
        "sits_on": "2026-03-25",
        "papers_by": "2026-03-19",
        "circulate_on": "2026-03-20",
    }
    due = {duty["rule"]: duty["due"] for duty in shown(call, "2026-03-04")["duties"]}
    assert due["panel_item_papers"] == "2026-03-19", due
    lived(call, ("2026-03-05", "fact_corrected", "corrects=1", "papers_by=2026-03-17"))
    lived(call, ("2026-03-06", "fact_corrected", "corrects=1", "sits_on=2026-04-01"))
    assert shown(call, "2026-03-06")["facts"][4]["data"] == {"sits_on": "2026-04-01", "circulate_on": "2026-03-27"}


def test_a_corrected_type_of_panel_brings_its_own_days_and_quorum(call: Call) -> None:
    lived(
        call,
        ("2026-03-02", "sitting_called", "panel=ehc_weekly", "sits_on=2026-03-18"),
        ("2026-03-04", "fact_corrected", "corrects=1", "panel=joint_funding"),
    )
    said = shown(call, "2026-03-04")["facts"][1]["data"]
    assert (said["papers_by"], said["circulate_on"], said["quorum"]) == ("2026-03-08", "2026-03-11", 4)
    assert said["chair"] == "joint_commissioning_lead"
    wrong = record(call, "2026-03-05", "fact_corrected", "corrects=1", "panel=ehc_daily")
    assert wrong.exit_code == 2 and "panel names no entry of panels.toml: expected one of ehc_weekly" in wrong.stderr
