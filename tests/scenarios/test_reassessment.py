"""Re-assessments as a team lives them: every date worked by hand from CFA 2014 s44, s45 and SEND Regs 2014 regs 8, 23
to 27.

The request comes on Monday 2 March 2026.
"""

from typing import Any

import pytest

from casework.cases.validation import Refused
from tests.support.by_hand import ADVICE, PAEDS, SALT, TRUST
from tests.support.team import Team

CASE = "RA90001"
ASKED: dict[str, Any] = {"body": TRUST, "service": PAEDS}
AT: dict[str, Any] = {"la": "northshire"}


@pytest.fixture
def asked(team: Team) -> Team:
    """A re-assessment for which the parent asked."""
    team.case = CASE
    team.record("2 Mar 2026", "reassessment_requested", la="northshire", la_reference="NS-07731", requested_by="parent")
    return team


def standings(team: Team, today: str) -> dict[str, tuple[str | None, str]]:
    """Due date and standing of each duty, by rule."""
    return {
        duty.rule: (duty.due.isoformat() if duty.due else None, duty.standing) for duty in team.report(today).duties
    }


def test_fifteen_calendar_days_to_say_whether_and_no_excuse(asked: Team) -> None:
    """Reg 25(1): Tuesday 17 March, on the stricter reading the Monday. The window of reg 24 begins on 2
    September 2025.
    """
    assert standings(asked, "10 Mar 2026") == {
        "reassess_decision_notify": ("2026-03-17", "due_soon"),
        "reassess_six_month_window_start": ("2025-09-02", "no_date"),
    }
    asked.record("18 Mar 2026", "reassessment_refused", ground="not_necessary")
    assert standings(asked, "18 Mar 2026")["reassess_decision_notify"] == ("2026-03-17", "met_late")
    with pytest.raises(Refused, match="no exception that the law lists"):
        asked.record("18 Mar 2026", "excuse_claimed", ground="school_closed", rule="reassess_decision_notify")


def test_fourteen_weeks_run_from_the_notification(asked: Team) -> None:
    """Reg 27(2): from Tuesday 10 March, Tuesday 16 June."""
    asked.record("10 Mar 2026", "reassessment_agreed")
    assert standings(asked, "10 Mar 2026")["reassess_final_plan"] == ("2026-06-16", "running")
    asked.record("1 Jun 2026", "draft_plan_received")
    asked.record("17 Jun 2026", "final_plan_received")
    found = standings(asked, "17 Jun 2026")
    assert found["reassess_final_plan"] == ("2026-06-16", "met_late")
    assert found["section_g_agree"] == found["s42_arrange_health_provision"] == (None, "no_date")


def test_section_g_is_owed_again_when_it_stops_and_facts_of_the_new_board_are_copied(asked: Team) -> None:
    """CFA 2014 s42(3); reg 15(8): what the new board can arrange, or cannot, is recorded once, on the case
    of the move.
    """
    asked.act("10 Mar 2026", ("reassessment_agreed", "10 Mar 2026", {}), ("final_plan_received", "10 Mar 2026", {}))
    asked.record("17 Mar 2026", "section_g_arranged", body="QX900")
    assert standings(asked, "17 Mar 2026")["s42_arrange_health_provision"] == (None, "met")
    asked.record("1 Jun 2026", "section_g_stopped", body="QX900", reason="the therapist left")
    assert standings(asked, "1 Jun 2026")["s42_arrange_health_provision"] == (None, "no_date")
    asked.record("1 Jun 2026", "move_known", case="MV90001", la="northshire", linked_to=CASE, moved_on="2026-06-15")
    asked.record("8 Jun 2026", "new_rcb_aware_of_move", case="MV90001", body="QX901")
    asked.record("15 Jun 2026", "section_g_arranged", case="MV90001", body="QX901")
    duty = asked.duty("15 Jun 2026", "s42_arrange_health_provision")
    assert (str(duty.met_on), duty.met_by, duty.goes_on) == (
        "2026-06-15",
        "section_g_arranged",
        "the duty itself goes on for as long as the plan says so",
    )
    asked.record("22 Jun 2026", "section_g_found_impracticable", case="MV90001", body="QX901")
    duty = asked.duty("22 Jun 2026", "s42_arrange_health_provision")
    assert (duty.met_on, duty.standing, duty.goes_on) == (None, "no_date", None)
    assert asked.verify("22 Jun 2026").intact


@pytest.mark.parametrize("how", ["commissioned", "direct_payment", "family_arranged", "nothing_specified"])
def test_section_g_is_arranged_by_one_of_several_or_says_nothing(asked: Team, how: str) -> None:
    """CFA 2014 s42(3), (5), s49(6), (7): nobody has to say that something was commissioned where nothing was."""
    asked.act("10 Mar 2026", ("reassessment_agreed", "10 Mar 2026", {}), ("final_plan_received", "10 Mar 2026", {}))
    asked.record("17 Mar 2026", "section_g_arranged", body="QX900", how=how)
    assert standings(asked, "17 Mar 2026")["s42_arrange_health_provision"] == (None, "met")


def test_an_accepted_excuse_of_reg_27_leaves_the_date_and_the_breach(asked: Team) -> None:
    asked.record("10 Mar 2026", "reassessment_agreed")
    asked.record(
        "17 Jun 2026",
        "excuse_claimed",
        ground="absent_4_weeks",
        rule="reassess_final_plan",
        began_on="2026-04-01",
        ended_on="2026-05-05",
    )
    asked.record("18 Jun 2026", "excuse_decided", claim=3, decision="accepted", look_again_on="2026-07-01")
    assert standings(asked, "18 Jun 2026")["reassess_final_plan"] == ("2026-06-16", "excused")


def test_a_refusal_that_is_reversed_starts_the_fourteen_weeks_and_an_order_has_its_own(asked: Team) -> None:
    asked.record("16 Mar 2026", "reassessment_refused", ground="not_necessary")
    asked.record("13 Apr 2026", "refusal_reversed")
    assert standings(asked, "13 Apr 2026")["reassess_final_plan"] == ("2026-07-20", "running")


def test_an_order_of_the_tribunal_is_copied_and_its_own_clock_runs_in_the_appeal(asked: Team) -> None:
    asked.record("16 Mar 2026", "reassessment_refused", ground="not_necessary")
    asked.record("16 Mar 2026", "decision_notified", case="TB90001", decision="refusal_to_reassess", linked_to=CASE)
    asked.record("1 May 2026", "appeal_registered", case="TB90001", appeal="refusal_to_reassess")
    asked.record("1 Sep 2026", "hearing_held", case="TB90001")
    assert asked.record("7 Sep 2026", "order_to_reassess_made", case="TB90001").unheard == []
    assert asked.report("7 Sep 2026").state == "reassessing"
    assert "reassess_final_plan" not in standings(asked, "7 Sep 2026")


def test_a_boards_request_compels_and_its_refusal_is_recorded_as_what_it_is(team: Team) -> None:
    team.case = CASE
    with pytest.raises(Refused, match="body is the board whose request it is"):
        team.record("2 Mar 2026", "reassessment_requested", **AT, requested_by="rcb")
    with pytest.raises(Refused, match="integrated care board"):
        team.record("2 Mar 2026", "reassessment_requested", **AT, requested_by="rcb", body=TRUST)
    team.record(
        "2 Mar 2026", "reassessment_requested", **AT, requested_by="rcb", body="QX900", last_assessed_on="2026-01-05"
    )
    assert "has to re-assess (SEND Regs 2014 reg 23)" in team.report("9 Mar 2026").remarks[0]
    team.record("9 Mar 2026", "reassessment_refused", ground="assessed_in_six_months")
    found = team.report("9 Mar 2026")
    assert "compels the authority" in (found.facts[-1].out_of_order or "")
    assert found.remarks[0].startswith("Fact 2: the authority refused") and "reg 23" in found.remarks[0]
    assert "reassess_six_month_window_start" not in standings(team, "9 Mar 2026"), (
        "reg 24 does not reach a request under reg 23"
    )


@pytest.mark.parametrize(("assessed", "lawful"), [("2025-09-01", False), ("2025-09-02", True), ("2026-03-02", True)])
def test_the_six_months_are_judged_by_the_day_of_the_last_assessment(team: Team, assessed: str, lawful: bool) -> None:
    team.case = CASE
    team.record("2 Mar 2026", "reassessment_requested", **AT, requested_by="institution", last_assessed_on=assessed)
    assert team.lines()[0].data["assessed_in_window"] == ("yes" if lawful else "no")
    assert team.record("9 Mar 2026", "reassessment_refused", ground="assessed_in_six_months").state == "refused"
    said = team.report("9 Mar 2026").facts[-1].out_of_order
    assert said is None if lawful else "reg 24" in str(said)


def test_a_corrected_day_is_judged_again_and_may_show_that_a_refusal_was_unlawful(team: Team) -> None:
    team.case = CASE
    team.record("2 Mar 2026", "reassessment_requested", **AT, requested_by="parent", last_assessed_on="2025-08-20")
    with pytest.raises(Refused, match="worked out from the days"):
        team.record("2 Mar 2026", "fact_corrected", corrects=1, assessed_in_window="yes")
    team.record("3 Mar 2026", "fact_corrected", corrects=1, last_assessed_on="2025-10-20")
    assert team.lines()[-1].data == {"last_assessed_on": "2025-10-20", "assessed_in_window": "yes"}
    team.record("9 Mar 2026", "reassessment_refused", ground="assessed_in_six_months")
    assert team.report("9 Mar 2026").facts[2].out_of_order is None
    team.record("10 Mar 2026", "fact_corrected", corrects=1, last_assessed_on="2025-08-20")
    assert "reg 24" in str(team.report("10 Mar 2026").facts[2].out_of_order)
    team.record("10 Mar 2026", "fact_withdrawn", corrects=4)
    # The request itself came earlier than was thought: then the window does too.
    team.record("10 Mar 2026", "fact_corrected", corrects=1, occurred_on="2026-02-20")
    assert team.lines()[-1].data == {"occurred_on": "2026-02-20", "assessed_in_window": "yes"}
    assert team.verify("10 Mar 2026").intact


def test_where_the_authority_itself_thinks_it_necessary_nobody_waits_for_an_answer(team: Team) -> None:
    """CFA 2014 s44(3): the fourteen weeks run from the decision."""
    team.case = CASE
    team.act(
        "2 Mar 2026",
        ("reassessment_requested", "2 Mar 2026", {**AT, "requested_by": "la"}),
        ("reassessment_agreed", "2 Mar 2026", {}),
    )
    assert standings(team, "2 Mar 2026") == {"reassess_final_plan": ("2026-06-08", "running")}


def test_each_body_has_its_six_weeks_again_and_is_chased_as_in_an_assessment(asked: Team) -> None:
    """Reg 26 with reg 8(1): received on Monday 16 March, due on Monday 27 April."""
    asked.record("10 Mar 2026", "reassessment_agreed")
    asked.record("16 Mar 2026", "health_advice_requested", **ASKED)
    asked.record("17 Mar 2026", "health_advice_requested", body="QX101", service=SALT)
    asked.record("17 Mar 2026", "health_advice_acknowledged", **ASKED)
    asked.record("18 Mar 2026", "health_advice_acknowledged", body="QX101", service=SALT)
    duty = asked.duty("18 Mar 2026", ADVICE, PAEDS)
    assert (str(duty.due), str(duty.strict_due), str(duty.act_by)) == ("2026-04-27", "2026-04-26", "2026-04-24")
    assert duty.knock_on is not None and "(2026-06-16)" in duty.knock_on and "20-week" not in duty.knock_on
    asked.record("20 Apr 2026", "health_advice_received", body="QX101", service=SALT)
    asked.sweep("28 Apr 2026")
    assert asked.escalations() == [
        ("reminder_due", "reminder_3_weeks", "2026-04-06"),
        ("reminder_due", "reminder_5_weeks", "2026-04-20"),
        ("breached", "breach", "2026-04-28"),
    ]
    subject, text = asked.letter("breach")
    said = " ".join(text.split())
    assert subject == "RA90001 (NS-07731): health advice overdue since 27 April 2026"
    for needed in (
        "is looking again into the education, health and care needs of a child or young person who has a plan",
        "s44",
        "reg 26",
        "must send the final plan by 16 June 2026 (SEND Regs 2014 (SI 2014/1530) reg 27(2))",
        "to write the plan",
    ):
        assert needed in said, needed
    assert "s36" not in said and "15 days" not in said


def test_a_plan_that_is_no_longer_necessary_ceases_after_the_time_to_appeal(asked: Team) -> None:
    """CFA 2014 s45(1)(b), (4): from Friday 1 May two months end on Wednesday 1 July; the day after is the first lawful
    one.
    """
    asked.record("10 Mar 2026", "reassessment_agreed")
    asked.record("1 May 2026", "cease_decided")
    found = standings(asked, "1 May 2026")
    assert found["cease_plan_earliest"] == ("2026-07-02", "running")
    assert asked.duty("1 May 2026", "reassess_final_plan").ended_on is not None
    asked.record("1 Jul 2026", "plan_ceased")
    assert standings(asked, "1 Jul 2026")["cease_plan_earliest"] == ("2026-07-02", "too_early")
    asked.record("3 Aug 2026", "cease_reversed")
    assert standings(asked, "3 Aug 2026")["reassess_final_plan"] == (
        "2026-06-16",
        "breached",
    ), "the plan is owed again, by the same day"
    assert asked.report("3 Aug 2026").state == "reassessing"


def test_advice_is_asked_of_the_service_and_not_of_the_board_that_asked_for_the_reassessment(team: Team) -> None:
    team.case = CASE
    team.record("2 Mar 2026", "reassessment_requested", la="northshire", requested_by="rcb", body="QX900")
    team.record("10 Mar 2026", "reassessment_agreed")
    team.record("11 Mar 2026", "health_advice_requested", service=PAEDS)
    assert team.duty("11 Mar 2026", "ehc_body_advice_respond").body == TRUST


def test_a_last_assessment_does_not_lie_after_the_request(team: Team) -> None:
    team.case = CASE
    with pytest.raises(Refused, match="last_assessed_on lies after the day of the fact"):
        team.record(
            "9 Mar 2026",
            "reassessment_requested",
            "2 Mar 2026",
            la="northshire",
            requested_by="parent",
            last_assessed_on="2026-03-03",
        )
