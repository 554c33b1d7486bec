"""A child with several cases of one process: a fact reaches the case that it is about, and no other. Dates are
worked by hand.
"""

from pathlib import Path
from typing import Any

import pytest

from casework.reports.case_report import report
from tests.support.team import Team

NUMBER, TODAY = "9990000018", "1 Dec 2026"
FIRST, SECOND, TALKS, REVIEW = "TR90001", "TR90002", "ME90001", "AR90001"


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return Team(tmp_path, FIRST)


def decided(team: Team, case: str, on: str, decision: str) -> None:
    team.record(on, "decision_notified", case=case, la="northshire", decision=decision, nhs_number=NUMBER)


def certified(team: Team, on: str, decision: str | None) -> None:
    """Mediation about a decision of that day, declined and certified on 12 October 2026."""
    named: dict[str, Any] = {"decision": decision} if decision else {}
    team.record(on, "appealable_notice_sent", case=TALKS, la="northshire", nhs_number=NUMBER, **named)
    team.record("8 Oct 2026", "mediation_declined", case=TALKS)
    assert team.record("12 Oct 2026", "certificate_issued", case=TALKS).unheard == []


def appeal_by(team: Team, case: str) -> str:
    (found,) = [duty for duty in report(team.context("13 Oct 2026"), case).duties if duty.rule == "appeal_register"]
    return str(found.due)


@pytest.mark.parametrize("decision", ["contents_of_plan", None])
def test_a_certificate_lengthens_the_time_to_appeal_against_its_own_decision_alone(
    team: Team, decision: str | None
) -> None:
    """Notice of 7 September: two months end on Saturday 7 November, so on Monday the 9th; the certificate's month on 12
    November.
    """
    decided(team, FIRST, "12 Jan 2026", "refusal_to_assess")
    decided(team, SECOND, "7 Sep 2026", "contents_of_plan")
    certified(team, "7 Sep 2026", decision)
    assert (appeal_by(team, FIRST), appeal_by(team, SECOND)) == ("2026-03-12", "2026-11-12")
    assert [line.kind for line in team.lines(FIRST)] == ["decision_notified"]
    heard = team.lines(SECOND)[-1]
    assert (heard.kind, heard.data) == (
        "mediation_certificate_heard",
        {"notice_on": "2026-09-07"} | ({"decision": decision} if decision else {}),
    )


def test_two_decisions_of_one_sort_a_year_apart_are_two(team: Team) -> None:
    decided(team, FIRST, "8 Sep 2025", "contents_of_plan")
    decided(team, SECOND, "9 Sep 2026", "contents_of_plan")  # sent two days after the date that it bears
    certified(team, "7 Sep 2026", "contents_of_plan")
    assert (appeal_by(team, FIRST), appeal_by(team, SECOND)) == ("2025-11-10", "2026-11-12")


def test_only_mediation_about_ceasing_reaches_a_plan_that_is_to_cease(team: Team) -> None:
    """Notice of 7 September: it may cease from Tuesday 10 November, the day after the time to appeal; a certificate of
    12 October would add none.
    """
    team.record("2 Mar 2026", "plan_reviewed", case=REVIEW, la="northshire", nhs_number=NUMBER)
    team.record("24 Aug 2026", "review_meeting_held", case=REVIEW)
    team.record("7 Sep 2026", "cease_decided", case=REVIEW)
    certified(team, "7 Sep 2026", "contents_of_plan")
    assert "mediation_certificate_heard" not in {line.kind for line in team.lines(REVIEW)}
    team.record(
        "7 Sep 2026", "appealable_notice_sent", case="ME90002", la="northshire", nhs_number=NUMBER, decision="ceasing"
    )
    team.record("8 Oct 2026", "mediation_declined", case="ME90002")
    team.record("12 Oct 2026", "certificate_issued", case="ME90002")
    (cease,) = [
        duty for duty in report(team.context("13 Oct 2026"), REVIEW).duties if duty.rule == "cease_plan_earliest"
    ]
    assert str(cease.due) == "2026-11-13"


def test_an_order_is_about_the_latest_refusal_and_not_about_one_of_years_ago(team: Team) -> None:
    for case, asked, refused in (("NX90001", "8 Jan 2024", "12 Feb 2024"), ("NX90002", "5 Jan 2026", "9 Feb 2026")):
        team.record(asked, "ehc_assessment_requested", case=case, la="northshire", nhs_number=NUMBER)
        team.record(refused, "assessment_refused", case=case)
    decided(team, FIRST, "9 Feb 2026", "refusal_to_assess")
    team.record("1 Apr 2026", "appeal_registered", appeal="refusal_to_assess")
    assert team.record("8 Jun 2026", "order_to_assess_made").unheard == []
    assert [report(team.context(TODAY), case).state for case in ("NX90001", "NX90002")] == ["refused", "assessing"]
    assert team.verify(TODAY).intact
