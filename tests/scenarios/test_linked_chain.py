"""One child has eight cases: a fact that is recorded once causes facts on the other cases, each duty starts where the
law starts it, and a correction follows its cause.

The golden histories tests/golden/histories/chain_*.jsonl hold the same chain, one file for each case.
"""

from pathlib import Path

import pytest

from casework.reports.case_models import CaseReport, DutyShown
from casework.reports.case_report import report
from tests.support.chain import APPEAL, NOTICE, PLAN, REVIEW, SECOND_APPEAL, SECOND_TALKS, TALKS, live
from tests.support.team import Team

LATER = "1 Jun 2028"


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Team:
    team, follow_ups = live(tmp_path_factory.mktemp("chain") / "var")
    assert follow_ups == []
    return team


def case(team: Team, ref: str, on: str = LATER) -> CaseReport:
    return report(team.context(on), ref)


def duty(team: Team, ref: str, rule: str, body: str | None = None) -> DutyShown:
    found = [each for each in case(team, ref).duties if each.rule == rule and body in (None, each.body)]
    assert len(found) == 1, f"{len(found)} duties of {rule} on {ref}"
    return found[0]


def due(team: Team, ref: str, rule: str, body: str | None = None) -> str:
    return str(duty(team, ref, rule, body).due)


def test_the_notice_starts_the_authoritys_six_weeks_and_the_refusal_meets_them(lived: Team) -> None:
    clock = duty(lived, NOTICE, "s23_starts_la_clock")
    assert (str(clock.due), clock.standing) == (
        "2026-02-23",
        "met",
    ), "six weeks from the notice (CFA 2014 s24; reg 5(1))"
    assert clock.met_by == "la_refused_to_assess"
    heard = case(lived, NOTICE).heard
    assert [(cause.case_ref, cause.kind) for cause in heard.values()] == [(PLAN, "assessment_refused")]


def test_the_certificate_lengthens_the_time_to_appeal_by_its_own_date(lived: Team) -> None:
    assert due(lived, TALKS, "mediation_contact_adviser") == "2026-04-20"
    # Two months from the notice end on 20 April, one month from the certificate on 8 May: the later counts (r20(1)(c)).
    assert due(lived, APPEAL, "appeal_register") == "2026-05-08"
    # 18 November; the certificate of 4 November gives 4 December.
    assert due(lived, SECOND_APPEAL, "appeal_register") == "2026-12-04"


def test_the_order_to_assess_opens_ten_and_fourteen_weeks_where_the_plan_is_made(lived: Team) -> None:
    for ref in (APPEAL, PLAN):
        assert due(lived, ref, "order_assess_no_plan_notify") == "2026-09-21"
        assert due(lived, ref, "order_assess_final_plan") == "2026-10-19"
    cause = duty(lived, PLAN, "order_assess_final_plan").cause
    assert cause is not None
    assert (cause.case_ref, cause.kind) == (APPEAL, "order_to_assess_made")
    assert duty(lived, APPEAL, "order_assess_no_plan_notify").standing == "met", (
        "the refusal to make a plan was recorded on the assessment and reached the appeal"
    )


def test_health_has_its_six_weeks_again_inside_the_fourteen(lived: Team) -> None:
    advice = duty(lived, PLAN, "ehc_body_advice_respond")
    assert (str(advice.due), advice.standing) == ("2026-09-07", "met")
    assert advice.knock_on == "the advice came in time, 48 days before the 14-week date (2026-10-19)"


def test_the_clocks_of_the_request_do_not_come_back_after_an_order(lived: Team) -> None:
    for rule in ("ehc_no_plan_notify", "ehc_final_plan_send"):
        ended = duty(lived, PLAN, rule)
        assert (str(ended.ended_on), ended.met_on) == ("2026-02-20", None), rule


def test_the_second_order_opens_five_and_eleven_weeks_and_the_plan_meets_both_cases(lived: Team) -> None:
    for ref in (SECOND_APPEAL, PLAN):
        assert (due(lived, ref, "order_make_plan_draft"), due(lived, ref, "order_make_plan_final")) == (
            "2027-03-15",
            "2027-04-26",
        )
        assert duty(lived, ref, "order_make_plan_final").standing == "met"


def test_the_board_answers_the_recommendation_in_five_weeks_beginning_with_it(lived: Team) -> None:
    answer = duty(lived, SECOND_APPEAL, "ftt_health_recommendation_respond", "QX900")
    assert (str(answer.due), answer.standing) == ("2027-03-14", "met")
    assert duty(lived, SECOND_TALKS, "rcb_arrange_mediation", "QX900").standing == "met"


def test_the_plan_is_reviewed_within_twelve_months_and_the_next_review_opens_by_itself(lived: Team) -> None:
    first = duty(lived, REVIEW, "annual_review_first")
    assert (str(first.due), first.standing) == (
        "2028-04-22",
        "met",
    ), "twelve months beginning with 23 April 2027 (s44(1))"
    following = case(lived, "SF-000001")
    assert following.process == "annual_review"
    assert [(str(each.due), each.standing) for each in following.duties] == [("2029-03-19", "running")]
    assert [(cause.case_ref, cause.kind) for cause in following.heard.values()] == [(REVIEW, "plan_kept")]


def test_nobody_is_named_and_every_chain_stands(lived: Team) -> None:
    checked = lived.verify(LATER)
    assert (checked.intact, checked.cases) == (True, 8)
    for ref in (NOTICE, PLAN, TALKS, APPEAL, SECOND_TALKS, SECOND_APPEAL, REVIEW):
        assert all("9990000018" not in str(line) and "2022-05-21" not in str(line) for line in lived.lines(ref))


def test_a_corrected_order_moves_the_clocks_of_copied_facts(tmp_path: Path) -> None:
    team, _follow_ups = live(tmp_path / "var")
    order = next(line for line in team.lines(SECOND_APPEAL) if line.kind == "order_to_make_plan_made")
    recorded = team.act(
        LATER, ("fact_corrected", LATER, {"corrects": order.seq, "occurred_on": "2027-02-01"}), case=SECOND_APPEAL
    )
    assert recorded.unheard == []
    for ref in (SECOND_APPEAL, PLAN):
        assert (due(team, ref, "order_make_plan_final"), duty(team, ref, "order_make_plan_final").days_late) == (
            "2027-04-19",
            4,
        )
    assert team.verify(LATER).intact


def test_another_day_that_the_tribunal_sets_is_copied_too(tmp_path: Path) -> None:
    team, _follow_ups = live(tmp_path / "var")
    team.record(
        LATER, "time_directed", "9 Feb 2027", case=SECOND_APPEAL, rule="order_make_plan_final", directed_on="2027-03-31"
    )
    for ref in (SECOND_APPEAL, PLAN):
        assert due(team, ref, "order_make_plan_final") == "2027-03-31", "reg 44(1)"
        assert due(team, ref, "order_make_plan_draft") == "2027-03-15"
