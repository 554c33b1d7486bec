"""Another time for one duty: agreed in mediation and passed to the assessment (reg 42(5)), directed by the Tribunal
(reg 44(1)), and refused elsewhere.
"""

from pathlib import Path
from typing import Any

import pytest

from casework.cases.validation import Refused
from casework.reports.case_report import report
from tests.support.team import Team

TALKS, APPEAL, PLAN, BOARD, TODAY = "ME90001", "TR90001", "NX90001", "QX900", "2 Jul 2026"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """An assessment refused on 9 February; agreed in mixed mediation on 26 March 2026: fourteen weeks end on 2 July."""
    team = Team(tmp_path, TALKS)
    team.record("5 Jan 2026", "ehc_assessment_requested", case=PLAN, la="northshire")
    team.record("9 Feb 2026", "assessment_refused", case=PLAN)
    team.record("9 Feb 2026", "appealable_notice_sent", la="northshire", decision="refusal_to_assess", linked_to=PLAN)
    team.record("25 Feb 2026", "mixed_mediation_wanted")
    team.record("26 Feb 2026", "commissioner_notified", body=BOARD, issues="mixed")
    team.record("5 Mar 2026", "mediation_arranged", meeting_on="2026-03-26")
    team.record("26 Mar 2026", "mediation_concluded")
    team.record("26 Mar 2026", "agreed_to_assess")
    return team


def due(team: Team, case: str, rule: str, today: str = TODAY) -> str:
    (found,) = [duty for duty in report(team.context(today), case).duties if duty.rule == rule]
    return str(found.due)


def refused(team: Team, today: str, kind: str, case: str = TALKS, **data: Any) -> str:
    before = team.dump()
    with pytest.raises(Refused) as refusal:
        team.record(today, kind, case=case, **data)
    assert team.dump() == before
    return refusal.value.message


def test_another_time_agreed_in_writing_stands_on_the_assessment_too_and_follows_its_correction(team: Team) -> None:
    assert {due(team, case, "order_assess_final_plan") for case in (TALKS, PLAN)} == {"2026-07-02"}
    recorded = team.record("1 Apr 2026", "other_time_agreed", rule="order_assess_final_plan", agreed_on="2026-07-31")
    assert recorded.unheard == []
    assert {due(team, case, "order_assess_final_plan") for case in (TALKS, PLAN)} == {"2026-07-31"}
    heard = team.lines(PLAN)[-1]
    assert (heard.kind, heard.data, heard.caused_by) == (
        "time_agreed",
        {"rule": "order_assess_final_plan", "directed_on": "2026-07-31"},
        f"{TALKS}/{recorded.seq}",
    )
    assert team.record("2 Apr 2026", "fact_corrected", corrects=recorded.seq, agreed_on="2026-07-24").unheard == []
    assert {due(team, case, "order_assess_final_plan") for case in (TALKS, PLAN)} == {"2026-07-24"}
    assert due(team, PLAN, "order_assess_no_plan_notify") == "2026-06-04", "another duty's day is its own"
    assert team.record("3 Apr 2026", "fact_withdrawn", corrects=recorded.seq).unheard == []
    assert {due(team, case, "order_assess_final_plan") for case in (TALKS, PLAN)} == {"2026-07-02"}
    assert team.verify(TODAY).intact


def test_a_time_limit_of_another_case_does_not_propagate(team: Team) -> None:
    team.record("26 Mar 2026", "commissioner_action_agreed", body=BOARD)
    recorded = team.record(
        "1 Apr 2026",
        "other_time_agreed",
        rule="mediation_agreement_no_appeal_right",
        agreed_on="2026-05-29",
        body=BOARD,
    )
    assert (recorded.unheard, due(team, TALKS, "mediation_agreement_no_appeal_right")) == ([], "2026-05-29")
    assert [line.kind for line in team.lines(PLAN)][-1] == "assessment_mediated"


def test_another_time_is_set_only_for_a_duty_that_takes_one_and_is_open(team: Team) -> None:
    agreed: dict[str, Any] = {"agreed_on": "2026-07-31"}
    said = refused(team, "1 Apr 2026", "other_time_agreed", rule="rcb_notify_la_mediation_agreement", **agreed)
    assert "Reg 42(5)" in said and "the week of reg 42(4) does not change" in said
    assert "It can change: mediation_agreement_no_appeal_right, order_amend_placement" in said
    assert "no duty of order_make_plan_final is open" in refused(
        team, "1 Apr 2026", "other_time_agreed", rule="order_make_plan_final", **agreed
    )
    assert "no duty of mediation_agreement_no_appeal_right" in refused(
        team, "1 Apr 2026", "other_time_agreed", rule="mediation_agreement_no_appeal_right", body="QX901", **agreed
    )


def test_a_direction_names_a_duty_of_the_appeal(team: Team) -> None:
    team.record(
        "9 Feb 2026", "decision_notified", case=APPEAL, la="northshire", decision="refusal_to_assess", linked_to=PLAN
    )
    team.record("1 Apr 2026", "appeal_registered", case=APPEAL, appeal="refusal_to_assess")
    directed: dict[str, Any] = {"directed_on": "2026-08-14"}
    assert "cannot change the time limit of this rule" in refused(
        team, "2 Apr 2026", "time_directed", APPEAL, rule="permission_to_appeal", **directed
    )
    assert "no duty of order_reconsider" in refused(
        team, "2 Apr 2026", "time_directed", APPEAL, rule="order_reconsider", **directed
    )
    assert team.record("2 Apr 2026", "time_directed", case=APPEAL, rule="appeal_la_response", **directed).unheard == []
    assert due(team, APPEAL, "appeal_la_response") == "2026-08-14"
    assert "time_directed" not in {line.kind for line in team.lines(PLAN)}, "the assessment has no such duty"
    team.record("20 May 2026", "la_responded", case=APPEAL)
    assert "is open on that day" in refused(
        team, "21 May 2026", "time_directed", APPEAL, rule="appeal_la_response", directed_on="2026-09-01"
    )


def test_of_several_open_duties_a_direction_moves_the_one_that_it_names(team: Team) -> None:
    team.record("1 Apr 2026", "appeal_registered", case=APPEAL, la="northshire", appeal="contents")
    for what, on in (("final_evidence", "2026-07-10"), ("working_document", "2026-07-20")):
        team.record("1 Apr 2026", "evidence_directed", case=APPEAL, directed_on=on, what=what)
    later: dict[str, Any] = {"rule": "appeal_evidence", "directed_on": "2026-08-28"}
    assert "--data opened_seq=2 (open: 2, 3)" in refused(team, "2 Apr 2026", "time_directed", APPEAL, **later)
    team.record("2 Apr 2026", "time_directed", case=APPEAL, opened_seq="3", **later)
    days = [str(duty.due) for duty in report(team.context(TODAY), APPEAL).duties if duty.rule == "appeal_evidence"]
    assert days == ["2026-07-10", "2026-08-28"]
    team.record("15 Jul 2026", "order_to_amend_provision_made", case=APPEAL)
    for board in (BOARD, "QX901"):
        team.record("15 Jul 2026", "health_recommendation_made", case=APPEAL, body=board)
    limit: dict[str, Any] = {"rule": "ftt_health_recommendation_respond", "directed_on": "2026-09-30"}
    assert "(open: 6 of QX900, 7 of QX901)" in refused(team, "16 Jul 2026", "time_directed", APPEAL, **limit)
    team.record("16 Jul 2026", "time_directed", case=APPEAL, body="QX901", **limit)
    owed = [
        (duty.body, str(duty.due))
        for duty in report(team.context("16 Jul 2026"), APPEAL).duties
        if duty.rule == "ftt_health_recommendation_respond"
    ]
    assert owed == [("QX900", "2026-08-18"), ("QX901", "2026-09-30")]
