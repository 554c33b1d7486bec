"""Mediation and an appeal by the commands alone, from the refusal to the answer to the recommendation, with their
letters; and what propagates between them.
"""

import json
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

from typer.testing import Result

from config.directory import DEFAULT
from tests.support.calling import Call, field_options

DCO, EXECUTIVE = "send.dco@northernvales-icb.example", "executive.lead.send@northernvales-icb.example"
SERVICE, MANAGER = "slt.advice@northshire-community.example", "therapies.manager@northshire-community.example"
PLAN, TALKS, APPEAL = "NX90001", "ME90001", "TR90001"


def record(call: Call, case: str, on: str, fact: str, *data: str) -> Result:
    pairs = field_options(*data)
    return call(on, "record", case, fact, "--on", on, *pairs, "--actor", "dco.team", "--confirm-child", "--json")


def lived(call: Call, *facts: tuple[str, ...]) -> None:
    for case, on, fact, *data in facts:
        result = record(call, case, on, fact, *data)
        assert result.exit_code == 0, result.stderr
        assert json.loads(result.stdout).get("unheard", []) == []


def rounds(call: Call, *days: str) -> None:
    """Do what the scheduler does on each day."""
    for each in days:
        assert call(each, "sweep").exit_code == 0
        assert call(each, "deliver", "--now", "--reason", "the walk of a test").exit_code == 0


def subjects(tmp_path: Path) -> list[tuple[str, str]]:
    letters = (
        message_from_bytes(file.read_bytes(), policy=policy.default)
        for file in sorted((tmp_path / "var" / "letters").glob("*.eml"))
    )
    return sorted((str(letter["To"]), str(letter["Subject"])) for letter in letters)


def shown(call: Call, case: str, today: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(call(today, "case", case, "--json").stdout)
    return found


REFUSED = (
    (PLAN, "2026-01-12", "ehc_assessment_requested", "la=Northshire", "la_reference=NS-04412", "nhs_number=9990000018"),
    (PLAN, "2026-02-16", "assessment_agreed"),
    (PLAN, "2026-04-20", "plan_refused"),
    (TALKS, "2026-04-20", "appealable_notice_sent", "la=Northshire", f"linked_to={PLAN}", "decision=refusal_to_issue"),
    (
        APPEAL,
        "2026-04-20",
        "decision_notified",
        "la=Northshire",
        "la_reference=NS-04412",
        f"linked_to={PLAN}",
        "decision=refusal_to_issue",
    ),
)
MEDIATED = (
    (TALKS, "2026-05-05", "health_mediation_wanted"),
    (TALKS, "2026-05-07", "commissioner_notified", "body=QX900", "issues=health_only"),
    (TALKS, "2026-05-18", "mediation_arranged", "body=QX900", "meeting_on=2026-06-04"),
    (TALKS, "2026-05-19", "mediation_date_told"),
    (TALKS, "2026-06-04", "mediation_concluded"),
    (TALKS, "2026-06-04", "commissioner_agreement_made", "body=QX900"),
    (TALKS, "2026-06-08", "certificate_issued"),
    (TALKS, "2026-06-10", "la_told_of_agreement", "body=QX900"),
    (TALKS, "2026-06-17", "agreed_action_done", "body=QX900"),
)
APPEALED = (
    (APPEAL, "2026-07-06", "appeal_received"),
    (APPEAL, "2026-07-13", "extended_appeal_registered", "appeal=refusal_to_issue", "issues=health"),
    (APPEAL, "2026-07-13", "evidence_directed", "directed_on=2026-08-28"),
    (APPEAL, "2026-07-13", "hearing_directed", "directed_on=2026-10-06"),
    (APPEAL, "2026-07-15", "health_evidence_requested", "body=QX101", "service=SALT", "directed_on=2026-08-28"),
)


def test_from_a_refusal_through_mediation_to_the_answer_to_a_recommendation(call: Call, tmp_path: Path) -> None:
    lived(call, *REFUSED, *MEDIATED[:2])
    rounds(call, "2026-05-07", "2026-05-14")
    lived(call, *MEDIATED[2:6])
    rounds(call, "2026-06-04")
    lived(call, *MEDIATED[6:])
    appeal = shown(call, APPEAL, "2026-06-17")
    assert [(duty["rule"], duty["due"]) for duty in appeal["duties"]] == [("appeal_register", "2026-07-08")], (
        "one month from the certificate"
    )
    lived(call, *APPEALED)
    rounds(call, "2026-07-15", "2026-08-14", "2026-08-25", "2026-09-01")
    lived(
        call,
        (APPEAL, "2026-09-02", "health_evidence_given", "body=QX101"),
        (APPEAL, "2026-08-28", "evidence_filed"),
        (APPEAL, "2026-09-10", "la_responded"),
        (APPEAL, "2026-10-06", "hearing_held"),
        (APPEAL, "2026-10-20", "order_to_make_plan_made"),
        (APPEAL, "2026-10-20", "health_recommendation_made", "body=QX900"),
    )
    rounds(call, "2026-10-20", "2026-11-09", "2026-11-16")
    plan = shown(call, PLAN, "2026-10-20")
    ordered = {duty["rule"]: duty for duty in plan["duties"] if duty["rule"].startswith("order")}
    assert {rule: duty["due"] for rule, duty in ordered.items()} == {
        "order_make_plan_draft": "2026-11-24",
        "order_make_plan_final": "2027-01-05",
    }
    assert ordered["order_make_plan_final"]["cause"] == {
        "case_ref": APPEAL,
        "seq": 22,
        "kind": "order_to_make_plan_made",
        "process": "tribunal",
    }
    assert "copied from case TR90001: order to make plan made" in call("2026-10-20", "case", PLAN).stdout
    lived(call, (PLAN, "2026-11-23", "draft_plan_received"), (PLAN, "2027-01-08", "final_plan_received"))
    answered = ("body=QX900", "sent_to=parent_and_la", "follows=in_part", "reasons_given=yes")
    lived(
        call,
        (APPEAL, "2026-11-20", "health_recommendation_answered", *answered),
        (APPEAL, "2026-11-25", "health_response_copied"),
        (APPEAL, "2027-01-11", "case_closed"),
    )
    rounds(call, "2027-01-11")
    found = shown(call, APPEAL, "2027-01-12")
    assert found["state"] == "closed"
    assert {
        duty["rule"]: (duty["standing"], duty["days_late"])
        for duty in found["duties"]
        if duty["body"] is None or duty["body"] == "QX900"
    } == {
        "appeal_register": ("met", 0),
        "appeal_la_response": ("met", 0),
        "appeal_health_evidence_request": ("met", 0),
        "appeal_evidence": ("met", 0),
        "appeal_hearing": ("met", 0),
        "order_make_plan_draft": ("met", 0),
        "order_make_plan_final": ("met_late", 3),
        "ftt_health_recommendation_respond": ("met", 0),
        "ftt_response_copy_to_sos": ("met", 0),
    }
    talks, appeal_ref = "ME90001: mediation on health issues, to be arranged by 6 June 2026", "TR90001 (NS-04412): "
    assert subjects(tmp_path) == [
        (EXECUTIVE, f"{appeal_ref}recommendation of the Tribunal, answer due 23 November 2026"),
        (DCO, talks),  # the notice that has come
        (DCO, talks),  # a week later
        (DCO, "ME90001: please act on 2 mediation duties, the first due 11 June 2026"),
        (DCO, f"{appeal_ref}evidence for the Tribunal, overdue since 28 August 2026"),
        (DCO, f"{appeal_ref}recommendation answered 20 November 2026, thank you"),
        (DCO, f"{appeal_ref}recommendation of the Tribunal, answer due 23 November 2026"),
        (DCO, f"{appeal_ref}recommendation of the Tribunal, answer due 23 November 2026"),
        (DCO, f"{appeal_ref}recommendation of the Tribunal, answer due 23 November 2026"),
        *[(SERVICE, f"{appeal_ref}evidence for the Tribunal, due 28 August 2026")] * 3,
        (SERVICE, f"{appeal_ref}evidence received 2 September 2026, thank you"),
        (MANAGER, f"{appeal_ref}evidence for the Tribunal, due 28 August 2026"),
        (MANAGER, f"{appeal_ref}evidence for the Tribunal, overdue since 28 August 2026"),
    ]
    assert call("2027-01-12", "verify").exit_code == 0


def test_what_the_law_does_not_foresee_is_recorded_with_the_provision_and_the_impossible_refused(call: Call) -> None:
    lived(call, *REFUSED[:5])
    early = record(call, TALKS, "2026-04-21", "certificate_issued")
    assert early.exit_code == 0
    assert "out of order" in early.stderr and "reg 34" in early.stderr
    heard = record(call, APPEAL, "2026-04-22", "hearing_held")
    assert heard.exit_code == 1
    assert "no appeal is known on this case" in heard.stderr and "CFA 2014 s51(1)" in heard.stderr


def test_only_a_commissioning_body_mediates_and_answers_a_recommendation(call: Call, tmp_path: Path) -> None:
    """CFA 2014 s42(4), SI 2017/1306 reg 2: the body that must arrange health provision, which a trust that provides it
    is not; NHS England may be.
    """
    directory = (
        DEFAULT.read_text("utf-8")
        + '\n[[body]]\nbody = "QX950"\nname = "NHS England"\nkind = "nhs_england"\nsend_lead = "send@england.example"\n'
    )
    (tmp_path / "var" / "directory.toml").write_text(directory, "utf-8")
    lived(call, *REFUSED[:4], (TALKS, "2026-05-05", "health_mediation_wanted"))
    appealed = (APPEAL, "2026-07-13", "extended_appeal_registered", "la=Northshire", "appeal=contents", "issues=health")
    lived(call, appealed, (APPEAL, "2026-10-06", "hearing_held"))
    asked = (
        (TALKS, "2026-05-07", "commissioner_notified", "issues=health_only"),
        (APPEAL, "2026-10-20", "health_recommendation_made"),
    )
    for case, on, fact, *data in asked:
        trust = record(call, case, on, fact, "body=QX101", *data)
        assert (trust.exit_code, "the law binds these only: integrated care board, nhs england" in trust.stderr) == (
            1,
            True,
        )
        lived(call, (case, on, fact, "body=QX950", *data), (case, on, fact, "body=QX901", *data))
    owed = [
        (duty["body"], duty["due"])
        for duty in shown(call, APPEAL, "2026-10-20")["duties"]
        if duty["rule"] == "ftt_health_recommendation_respond"
    ]
    assert owed == [("QX950", "2026-11-23"), ("QX901", "2026-11-23")], "one duty for each body, 34 days on (reg 6(3))"


def test_the_answer_names_facts_that_another_case_of_the_child_refused(call: Call) -> None:
    """An order to assess, and an assessment that was never refused: a person has to see which of the two is
    not right.
    """
    lived(
        call,
        *REFUSED[:2],
        (APPEAL, "2026-03-02", "appeal_registered", "la=Northshire", "appeal=refusal_to_assess", f"linked_to={PLAN}"),
    )
    made = record(call, APPEAL, "2026-06-08", "order_to_assess_made")
    assert made.exit_code == 0
    assert f"Case {PLAN} recorded assessment_ordered: an order to assess, an appeal against a refusal" in made.stderr
    assert json.loads(made.stdout) == {"case_ref": APPEAL, "seq": 2, "state": "ordered"}
