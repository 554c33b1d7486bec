"""Clocks that another party's act does not stop, and days that a later fact proves without saying them."""

import pytest

from casework.cases.fact_form import Refused
from casework.reports.case_report import report
from tests.support.by_hand import day
from tests.support.team import Team


def standing(team: Team, rule: str, on: str, case: str) -> tuple[str, int]:
    duty = next(each for each in report(team.context(on), case).duties if each.rule == rule)
    return str(duty.standing), duty.days_late


def test_a_deemed_certificate_does_not_excuse_the_authority_that_arranged_nothing(team: Team) -> None:
    """Reg 39(2) deems the family's part; reg 36(2) still gave the authority 30 days, to 1 April 2026."""
    case = "ME90001"
    team.record("2 Feb 2026", "appealable_notice_sent", case=case, la="northshire", decision="refusal_to_assess")
    team.record("2 Mar 2026", "education_mediation_wanted", case=case)
    team.record("30 Mar 2026", "mediation_cannot_be_arranged", case=case)
    team.record("31 Mar 2026", "certificate_issued", case=case)
    assert standing(team, "la_arrange_mediation", "8 Apr 2026", case) == ("breached", 7)


def test_a_family_whose_appeal_is_registered_weeks_later_was_not_late(team: Team) -> None:
    """Two months from 2 March end on Saturday 2 May; the Tribunal registered on 26 May what it had received before."""
    case = "TR90001"
    team.record("2 Mar 2026", "decision_notified", case=case, la="northshire", decision="refusal_to_assess")
    team.record("26 May 2026", "appeal_registered", case=case, appeal="refusal_to_assess")
    assert standing(team, "appeal_register", "1 Jun 2026", case) == ("met", 0)


def test_a_day_of_receipt_that_is_known_counts(team: Team) -> None:
    case = "TR90001"
    team.record("2 Mar 2026", "decision_notified", case=case, la="northshire", decision="refusal_to_assess")
    team.record("12 May 2026", "appeal_received", case=case)
    state, late = standing(team, "appeal_register", "1 Jun 2026", case)
    assert (state, late > 0) == ("met_late", True)


def test_an_order_to_continue_a_plan_is_made_only_where_the_authority_would_cease_it(team: Team) -> None:
    """Reg 43(2)(e) as amended reaches CFA 2014 s51(2)(f) only."""
    case = "TR90001"
    team.record("2 Mar 2026", "appeal_registered", case=case, la="northshire", appeal="contents")
    with pytest.raises(Refused, match="only of an appeal about ceasing"):
        team.record("1 Jun 2026", "order_to_continue_made", case=case)
    team.record("1 Jun 2026", "order_to_amend_provision_made", case=case)


def test_advice_whose_day_falls_after_the_20_week_date_says_so_from_the_start(team: Team) -> None:
    """Requested 2 February, so the plan is due 22 June; asked on 1 June, a body has until 13 July 2026."""
    team.opened("2 Feb 2026").asked("1 Jun 2026")
    advice = next(each for each in team.report("1 Jun 2026").duties if each.rule == "ehc_body_advice_respond")
    assert advice.due == day("13 Jul 2026")
    assert advice.knock_on is not None and "its own day falls 21 days after that date" in advice.knock_on
