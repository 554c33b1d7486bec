"""A plan amended at another time than as part of a review (SEND Regs 2014 reg 28): it goes as after one, and the next
review stays where it was.

The plan is made on Monday 2 March 2026, so that its first review is due on 1 March 2027.
"""

import pytest

from casework.cases.validation import Refused
from casework.reports.case_report import report
from tests.support.team import Team

CASE, NEXT = "AR90001", "SF-000001"


@pytest.fixture
def review(team: Team) -> Team:
    team.case = CASE
    team.record("2 Mar 2026", "plan_made", la="northshire")
    return team


def standings(team: Team, today: str, case: str = CASE) -> dict[str, tuple[str | None, str]]:
    return {
        duty.rule: (duty.due.isoformat() if duty.due else None, duty.standing)
        for duty in report(team.context(today), case).duties
    }


def test_a_plan_amended_outside_a_review_goes_as_after_one_and_leaves_the_next_review_where_it_is(review: Team) -> None:
    """Reg 28. Notice on Monday 7 September 2026: fifteen days end on 21 September, eight weeks on 2 November."""
    with pytest.raises(Refused, match="no amendment outside a review was under way"):
        review.record("7 Sep 2026", "plan_amendment_dropped")
    review.record("7 Sep 2026", "plan_amendment_proposed", section_g="changed")
    owed = standings(review, "8 Sep 2026")
    assert {rule: owed[rule][0] for rule in owed if rule.startswith("review_")} == {
        "review_amend_parent_response_min": "2026-09-21",
        "review_amend_final_plan": "2026-11-02",
        "review_no_amend_notify": "2026-11-02",
    }
    assert "section_g_agree" in owed
    review.record("21 Sep 2026", "section_g_agreed")
    review.record("4 Nov 2026", "plan_amendment_made", section_g="changed")
    after = standings(review, "5 Nov 2026")
    assert (after["review_amend_final_plan"], after["review_amend_parent_response_min"]) == (
        ("2026-11-02", "met_late"),
        ("2026-09-21", "met"),
    )
    assert after["annual_review_first"] == ("2027-03-01", "running"), "amending is no review"
    review.record("9 Nov 2026", "section_g_arranged", body="QX900")
    assert standings(review, "9 Nov 2026")["s42_arrange_health_provision"][1] == "met"
    assert review.report("9 Nov 2026").state == "waiting"


def test_steps_outside_a_review_that_were_skipped_or_repeated_are_recorded_and_said(review: Team) -> None:
    """Reg 22(2)(a), (3): eight weeks of the first notice; another notice gives fifteen days of its own."""
    agreed = review.record("7 Sep 2026", "section_g_agreed")
    assert "section G is agreed for amendments that have been proposed" in " ".join(agreed.unheard)
    arranged = review.record("8 Sep 2026", "section_g_arranged", body="QX900")
    assert "no amended plan has come in this cycle" in " ".join(arranged.unheard)
    made = review.record("9 Sep 2026", "plan_amendment_made")
    assert "no amendment outside a review was under way" in " ".join(made.unheard)
    review.record("14 Sep 2026", "plan_amendment_proposed")
    again = review.record("28 Sep 2026", "plan_amendment_proposed")
    assert "under way already" in " ".join(again.unheard)
    owed = [duty for duty in review.report("28 Sep 2026").duties if duty.rule == "review_amend_final_plan"]
    assert [str(duty.due) for duty in owed] == ["2026-11-09", "2026-11-23"]


def test_an_amendment_outside_a_review_may_be_dropped_and_proposed_again(review: Team) -> None:
    review.record("7 Sep 2026", "plan_amendment_proposed")
    review.record("5 Oct 2026", "plan_amendment_dropped")
    dropped = standings(review, "6 Oct 2026")
    assert dropped["review_no_amend_notify"] == ("2026-11-02", "met")
    review.record("2 Nov 2026", "plan_amendment_proposed")
    assert standings(review, "3 Nov 2026")["review_amend_final_plan"] == ("2026-12-28", "running")
    review.record("11 Jan 2027", "review_meeting_held")
    review.record("12 Jan 2027", "plan_amendment_made")
    late = review.record("13 Jan 2027", "plan_amendment_proposed")
    assert "the review's own notice comes" in " ".join(late.unheard)
    review.record("1 Feb 2027", "plan_kept")
    assert standings(review, "1 Feb 2027", NEXT)["annual_review_next"][1] == "running"
    assert review.verify("1 Feb 2027").intact
