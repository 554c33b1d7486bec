"""Annual reviews, recorded by a team. Every date was worked out by hand from CFA 2014 s44, s45 and SEND Regs 2014
regs 15, 18 to 22 and 27.

The plan is made on Monday 2 March 2026; the meeting of most of these stories is on Monday 11 January 2027.
"""

from typing import Any

import pytest

from casework.cases.validation import Refused
from casework.reports.case_report import report
from casework.reports.joint_review import NoJointReview, plan_joint_review
from cli.formatting import history as on_paper
from tests.support.by_hand import PAEDS, TRUST
from tests.support.team import Team

CASE = "AR90001"
NEXT = "SF-000001"
MEETING: dict[str, Any] = {"meeting_on": "2027-01-11"}
ASKED: dict[str, Any] = {"body": TRUST, "service": PAEDS}


@pytest.fixture
def review(team: Team) -> Team:
    """A cycle that began when the plan was made."""
    team.case = CASE
    team.record("2 Mar 2026", "plan_made", la="northshire", la_reference="NS-04412", nhs_number="9990000018")
    return team


def standings(team: Team, today: str, case: str = CASE) -> dict[str, tuple[str | None, str]]:
    """Due date and standing of each duty of a case, by rule; the newest where a rule has several."""
    return {
        duty.rule: (duty.due.isoformat() if duty.due else None, duty.standing)
        for duty in report(team.context(today), case).duties
    }


def held(team: Team, day: str = "11 Jan 2027") -> Team:
    team.record(day, "review_meeting_held")
    return team


def test_a_last_review_is_not_after_the_day_of_the_fact_that_names_it(team: Team) -> None:
    team.case = CASE
    with pytest.raises(Refused, match="last_reviewed_on lies after the day of the fact"):
        team.record("2 Mar 2026", "plan_reviewed", la="northshire", last_reviewed_on="2026-03-03")
    team.record("2 Mar 2026", "plan_reviewed", la="northshire", last_reviewed_on="2026-03-02")
    with pytest.raises(Refused, match="last_reviewed_on lies after the day of the fact"):
        team.record("3 Mar 2026", "fact_corrected", corrects=1, last_reviewed_on="2026-03-03")


def test_the_first_review_is_due_the_day_before_the_anniversary_and_the_decision_ends_it(review: Team) -> None:
    assert standings(review, "1 Mar 2027") == {"annual_review_first": ("2027-03-01", "due_soon")}
    assert standings(review, "2 Mar 2027") == {"annual_review_first": ("2027-03-01", "breached")}
    held(review)
    assert standings(review, "11 Jan 2027")["annual_review_first"] == (
        "2027-03-01",
        "running",
    ), "a meeting alone is no review: the decision is"
    review.record("8 Feb 2027", "plan_kept")
    assert standings(review, "9 Feb 2027")["annual_review_first"] == ("2027-03-01", "met")


def test_notice_and_advice_are_counted_back_from_the_meeting(review: Team) -> None:
    """Regs 20(3), (4): at least two weeks before Monday 11 January is Monday 28 December, on the stricter reading the
    Sunday.
    """
    review.record("1 Dec 2026", "review_meeting_arranged", **MEETING, arranged_by="institution")
    for rule in ("review_meeting_notice", "review_advice_circulate"):
        duty = review.duty("1 Dec 2026", rule)
        assert (str(duty.due), str(duty.strict_due), str(duty.act_by)) == ("2026-12-28", "2026-12-27", "2026-12-24")
    review.record("28 Dec 2026", "meeting_notice_given")
    review.record("29 Dec 2026", "review_advice_circulated")
    assert standings(review, "29 Dec 2026")["review_meeting_notice"] == ("2026-12-28", "met")
    assert standings(review, "29 Dec 2026")["review_advice_circulate"] == ("2026-12-28", "met_late")


def test_a_meeting_that_is_moved_or_cancelled_takes_its_dates_with_it(review: Team) -> None:
    review.record("1 Dec 2026", "review_meeting_arranged", **MEETING)
    review.record("14 Dec 2026", "review_meeting_arranged", meeting_on="2027-02-01")
    notices = [duty for duty in review.report("20 Jan 2027").duties if duty.rule == "review_meeting_notice"]
    assert [(str(duty.due), duty.standing, str(duty.ended_on)) for duty in notices] == [
        ("2026-12-28", "running", "2026-12-14"),
        ("2027-01-18", "breached", "None"),
    ]
    review.record("20 Jan 2027", "review_meeting_cancelled")
    assert {
        duty.ended_on is not None
        for duty in review.report("20 Jan 2027").duties
        if duty.rule == "review_meeting_notice"
    } == {True}


def test_after_the_meeting_two_weeks_for_the_report_and_four_for_the_decision_and_the_notice(review: Team) -> None:
    held(review)
    assert standings(review, "11 Jan 2027") == {
        "annual_review_first": ("2027-03-01", "running"),
        "review_report_send": ("2027-01-25", "running"),
        "review_decision_notify": ("2027-02-08", "running"),
        "review_amend_notice": ("2027-02-08", "running"),
        "review_amend_outer_limit": ("2027-04-05", "running"),
    }
    review.record("26 Jan 2027", "review_report_received")
    review.record("8 Feb 2027", "amendment_decided")
    assert standings(review, "9 Feb 2027")["review_report_send"] == ("2027-01-25", "met_late")
    assert standings(review, "9 Feb 2027")["review_decision_notify"] == ("2027-02-08", "met")
    assert standings(review, "9 Feb 2027")["review_amend_notice"] == (
        "2027-02-08",
        "breached",
    ), "Devon: the notice is due in the same four weeks"


@pytest.mark.parametrize(
    ("noticed", "eight_weeks", "outer"),
    [
        ("5 Feb 2027", "2027-04-02", "2027-04-02"),  # eight weeks from an early notice end first
        ("8 Feb 2027", "2027-04-05", "2027-04-05"),
        (
            "15 Feb 2027",
            "2027-04-12",
            "2027-04-05",
        ),  # a late notice leaves twelve weeks from the meeting where they were
    ],
)
def test_the_earlier_of_eight_weeks_and_twelve_binds_and_both_are_shown(
    review: Team, noticed: str, eight_weeks: str, outer: str
) -> None:
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record(noticed, "amendment_notice_sent")
    found = standings(review, "16 Feb 2027")
    assert found["review_amend_final_plan"] == (eight_weeks, "running")
    assert found["review_no_amend_notify"] == (eight_weeks, "running")
    assert found["review_amend_outer_limit"] == (outer, "running")
    day = f"{int(outer[-2:]) + 1} Apr 2027"
    review.record(day, "amended_plan_received")
    late = standings(review, day)
    assert late["review_amend_outer_limit"] == (outer, "met_late")
    assert review.duty(day, "review_no_amend_notify").ended_on is not None, "a plan was sent instead"


@pytest.mark.parametrize(("sent", "how"), [("19 Feb 2027", "too_early"), ("20 Feb 2027", "met")])
def test_the_family_has_fifteen_days_beginning_with_the_notice(review: Team, sent: str, how: str) -> None:
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent")
    review.record(sent, "amended_plan_received")
    assert standings(review, sent)["review_amend_parent_response_min"] == ("2027-02-19", how)


def test_no_amendment_after_all_is_notified_in_eight_weeks(review: Team) -> None:
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent")
    review.record("3 Apr 2027", "amendment_dropped")
    found = standings(review, "3 Apr 2027")
    assert found["review_no_amend_notify"] == ("2027-04-02", "met_late")
    assert found["review_amend_final_plan"][1] == found["review_amend_outer_limit"][1] == "breached", (
        "what was late when it ended stays so"
    )
    assert review.report("3 Apr 2027").state == "kept"


def test_section_g_is_agreed_and_arranged_only_where_it_changes(review: Team) -> None:
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent", section_g="changed")
    assert standings(review, "6 Feb 2027")["section_g_agree"] == (None, "no_date")
    review.record("26 Feb 2027", "section_g_agreed")
    review.record("2 Mar 2027", "amended_plan_received", section_g="unchanged")
    assert standings(review, "2 Mar 2027")["section_g_agree"] == (None, "met")
    assert "s42_arrange_health_provision" not in standings(review, "2 Mar 2027")


def test_a_review_that_has_been_held_is_not_aligned_any_more(review: Team) -> None:
    """What is owed of it is the authority's decision; only the review that the decision opens can be put on one day
    with another.
    """
    review.record("2 Mar 2026", "continuing_care_referral_received", case="CC90001", body="QX900", linked_to=CASE)
    held(review)
    with pytest.raises(
        NoJointReview,
        match="has had its meeting, on 2027-01-11: what is owed now is to decide keep / amend / cease and notify",
    ):
        plan_joint_review(review.context("12 Jan 2027"), [CASE, "CC90001"])


def test_a_page_says_of_each_day_what_it_is(review: Team) -> None:
    """A day to act by, one before which nothing may be done, and the end of a time that has to be allowed."""
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent")
    given = on_paper(review.context("5 Feb 2027"), review.report("5 Feb 2027"))
    assert "not before the end of Fri 19 Feb 2027 (on the stricter reading Sat 20 Feb 2027)" in given
    assert "; due Fri 2 Apr 2027" in given


def test_an_early_review_that_was_called_for_is_shown_until_the_meeting(review: Team) -> None:
    """The law gives it no day, so that no duty would show it; a commissioner's request binds the authority (regs 15(8),
    16(3)).
    """
    review.record("1 Jun 2026", "early_review_called", called_by="rcb", body="QX900")
    review.record("2 Jun 2026", "early_review_called", called_by="young_person")
    assert review.report("2 Jun 2026").remarks == [
        (
            "Fact 2: an early review was called for on 2026-06-01 by the responsible commissioner. The law gives it no"
            " day; its request under reg 15(8) or 16(3) binds the authority."
        ),
        "Fact 3: an early review was called for on 2026-06-02 by the young person. The law gives it no day.",
    ]
    held(review, "6 Jul 2026")
    assert review.report("6 Jul 2026").remarks == []


@pytest.mark.parametrize(("said", "ends"), [("changed", True), ("unchanged", False)])
def test_an_amended_section_g_takes_the_earlier_ones_place(review: Team, said: str, ends: bool) -> None:
    """CFA 2014 s42(3): there is one plan, and the commissioner arranges what its newest section G says."""
    first = {"la": "northshire", "linked_to": CASE}
    review.act(
        "2 Mar 2026",
        ("ehc_assessment_requested", "1 Sep 2025", first),
        ("assessment_agreed", "1 Oct 2025", {}),
        ("final_plan_received", "2 Mar 2026", {}),
        case="NX90001",
    )
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent", section_g=said)
    assert review.record("2 Mar 2027", "amended_plan_received", section_g=said).unheard == []
    assert ("s42_arrange_health_provision" in standings(review, "2 Mar 2027")) is ends
    review.case = "NX90001"
    earlier = review.duty("2 Mar 2027", "s42_arrange_health_provision")
    assert (earlier.ended_on is not None) is ends
    if ends:
        review.record("3 Mar 2027", "section_g_arranged", body="QX900")
        assert review.duty("3 Mar 2027", "s42_arrange_health_provision").met_on is None, "the review has the duty now"
    assert review.verify("3 Mar 2027").intact


@pytest.mark.parametrize("decision", ["plan_kept", "amendment_decided", "cease_decided"])
def test_the_decision_opens_the_next_cycle_of_the_same_child(review: Team, decision: str) -> None:
    held(review)
    assert review.record("1 Feb 2027", decision).unheard == []
    opening = review.lines(NEXT)[0]
    assert (opening.kind, opening.caused_by, opening.data) == (
        "plan_reviewed",
        f"{CASE}/3",
        {"la": "northshire", "la_reference": "NS-04412"},
    )
    assert standings(review, "1 Feb 2027", NEXT) == {"annual_review_next": ("2028-01-31", "running")}
    assert review.verify("1 Feb 2027").intact


def test_a_decision_that_is_corrected_or_withdrawn_is_so_for_the_next_cycle_too(review: Team) -> None:
    held(review)
    review.record("8 Feb 2027", "plan_kept")
    review.record("9 Feb 2027", "fact_corrected", corrects=3, occurred_on="2027-02-01")
    assert standings(review, "9 Feb 2027", NEXT)["annual_review_next"] == ("2028-01-31", "running")
    said = review.record("10 Feb 2027", "fact_withdrawn", corrects=3)
    assert said.unheard == []
    assert review.lines(NEXT)[-1].kind == "case_withdrawn"
    assert standings(review, "10 Feb 2027")["annual_review_first"] == ("2027-03-01", "running")
    assert review.verify("10 Feb 2027").intact


@pytest.mark.parametrize(
    ("kind", "given", "due"),
    [
        ("post16_transfer_planned", {"transfer_on": "2027-09-01"}, "2027-03-30"),
        ("phase_transfer_planned", {"transfer_on": "2027-09-01", "phase": "primary_to_secondary"}, "2027-02-14"),
        ("post16_move_planned", {"transfer_on": "2027-07-31"}, "2027-02-28"),
    ],
)
def test_before_a_transfer_the_plan_names_the_setting(review: Team, kind: str, given: dict[str, Any], due: str) -> None:
    """Reg 18: before 31 March, before 15 February, five months before; a plan that names the setting already needs no
    amendment.
    """
    review.record("1 Dec 2026", kind, **given)
    rules = [duty for duty in review.report("1 Dec 2026").duties if duty.rule.startswith("phase_transfer")]
    assert [(str(duty.due), duty.standing) for duty in rules] == [(due, "running")]
    held(review)
    review.record("1 Feb 2027", "amendment_decided")
    review.record("5 Feb 2027", "amendment_notice_sent")
    review.record("1 Mar 2027", "amended_plan_received")
    (duty,) = [duty for duty in review.report("1 Mar 2027").duties if duty.rule.startswith("phase_transfer")]
    assert duty.standing == ("met" if due >= "2027-03-01" else "met_late")
    other = review.record("1 Mar 2027", kind, case=NEXT, **given)
    assert other.state == "waiting"
    review.record("2 Mar 2027", "setting_confirmed", case=NEXT)
    assert {how for _due, how in standings(review, "2 Mar 2027", NEXT).values()} <= {"running", "met", "met_late"}


def test_a_reassessed_plan_begins_the_cycle_again_and_concerns_no_cycle_that_is_over(review: Team) -> None:
    """Reg 27(4): within twelve months of the day the final plan was sent, which is a day more than s44(1) gives."""
    held(review)
    review.record("1 Feb 2027", "plan_kept")
    review.record(
        "1 Mar 2027", "reassessment_requested", case="RA90001", requested_by="parent", linked_to=CASE, la="northshire"
    )
    review.record("8 Mar 2027", "reassessment_agreed", case="RA90001")
    review.record("1 Apr 2027", "review_meeting_arranged", case=NEXT, meeting_on="2027-09-13")
    recorded = review.record("7 Jun 2027", "final_plan_received", case="RA90001")
    assert recorded.unheard == []
    found = standings(review, "7 Jun 2027", NEXT)
    assert found["review_after_reassessment"] == ("2028-06-07", "running")
    team_case = review.report("7 Jun 2027")
    assert team_case.state == "kept"
    review.case = NEXT
    ended = {duty.rule: str(duty.ended_on) for duty in review.report("7 Jun 2027").duties if duty.ended_on}
    assert ended == {
        "annual_review_next": "2027-06-07",
        "review_meeting_notice": "2027-06-07",
        "review_advice_circulate": "2027-06-07",
    }
    assert review.report("7 Jun 2027").state == "waiting"


def test_where_no_cycle_is_open_a_reassessed_plan_opens_one(team: Team) -> None:
    team.case = "RA90001"
    team.record(
        "1 Mar 2027", "reassessment_requested", requested_by="rcb", body="QX900", la="tarnford", la_reference="TF-00731"
    )
    team.record("8 Mar 2027", "reassessment_agreed")
    assert team.record("7 Jun 2027", "final_plan_received").unheard == []
    assert standings(team, "7 Jun 2027", NEXT) == {"review_after_reassessment": ("2028-06-07", "running")}
    team.case = NEXT
    assert (team.report("7 Jun 2027").la, team.report("7 Jun 2027").la_reference) == ("tarnford", "TF-00731")


@pytest.mark.parametrize(("transferred", "due"), [("1 Dec 2026", "2027-03-01"), ("1 Feb 2027", "2027-04-30")])
def test_the_new_authority_reviews_by_the_later_of_twelve_months_and_three(
    review: Team, transferred: str, due: str
) -> None:
    """Reg 15(5): twelve months beginning with the making of the plan (1 March), or three beginning with the
    transfer.
    """
    review.record("2 Nov 2026", "move_known", case="TR90001", moved_on="2026-11-30", linked_to=CASE, la="northshire")
    given: dict[str, Any] = {"last_reviewed_on": "2026-03-02"}
    assert review.record(transferred, "plan_transferred", case="TR90001", **given).unheard == []
    found = standings(review, transferred)
    assert found["new_la_review_after_transfer"] == (due, "running")
    assert review.report(transferred).duties[0].ended_on is not None
    held(review, "26 Feb 2027")
    review.record("1 Mar 2027", "plan_kept")
    assert standings(review, "1 Mar 2027")["new_la_review_after_transfer"] == (due, "met")


def to_cease(team: Team) -> Team:
    held(team).record("1 Feb 2027", "cease_decided")
    return team


@pytest.mark.parametrize(("ceased", "how"), [("1 Apr 2027", "too_early"), ("2 Apr 2027", "met")])
def test_a_plan_may_cease_once_the_time_to_appeal_is_over(review: Team, ceased: str, how: str) -> None:
    """CFA 2014 s45(4): two months from Monday 1 February end on Thursday 1 April; the day after is the first lawful
    one.
    """
    to_cease(review)
    assert review.record(ceased, "plan_ceased").unheard == []
    assert standings(review, ceased)["cease_plan_earliest"] == ("2027-04-02", how)
    review.case = NEXT
    assert review.report(ceased).state == "ended", "the next cycle ends with the plan"
    review.case = CASE
    review.record("20 Apr 2027", "cease_reversed")
    assert review.report("20 Apr 2027").state == "kept"
    assert standings(review, "20 Apr 2027", NEXT)["annual_review_next"] == ("2028-01-31", "running")


def test_a_certificate_copied_from_mediation_lengthens_the_time(review: Team) -> None:
    to_cease(review)
    review.record("1 Feb 2027", "appealable_notice_sent", case="ME90001", decision="ceasing", linked_to=CASE)
    review.record("12 Mar 2027", "mediation_declined", case="ME90001")
    assert review.record("15 Mar 2027", "certificate_issued", case="ME90001").unheard == []
    assert standings(review, "15 Mar 2027")["cease_plan_earliest"] == ("2027-04-16", "running")


def test_an_appeal_against_ceasing_is_copied_and_another_appeal_is_not(review: Team) -> None:
    to_cease(review)
    review.record("1 Feb 2027", "decision_notified", case="TB90001", decision="ceasing", linked_to=CASE)
    review.record("1 Feb 2027", "decision_notified", case="TB90002", decision="contents_of_plan", linked_to=CASE)
    other = review.record("1 Mar 2027", "appeal_registered", case="TB90002", appeal="contents")
    assert "cease_appealed" not in [line.kind for line in review.lines(CASE)], other
    review.record("2 Mar 2027", "appeal_registered", case="TB90001", appeal="ceasing")
    assert review.lines(CASE)[-1].kind == "cease_appealed"
    assert review.duty("3 May 2027", "cease_plan_earliest").ended_on is not None, (
        "no day is calculated while an appeal is open"
    )
    ceased = review.record("3 May 2027", "plan_ceased")
    assert "s45(4)(b)" in " ".join(ceased.unheard)
    assert review.duty("4 May 2027", "cease_plan_earliest").standing != "met"
    assert review.duty("4 May 2027", "cease_plan_after_appeal").standing == "too_early"


def test_a_new_commissioners_request_for_a_review_is_copied(review: Team) -> None:
    review.record("2 Nov 2026", "move_known", case="TR90001", moved_on="2026-11-30", linked_to=CASE, la="northshire")
    review.record("1 Dec 2026", "plan_transferred", case="TR90001", last_reviewed_on="2026-03-02")
    review.record("1 Dec 2026", "new_rcb_aware_of_move", case="TR90001", body="QX901")
    review.record("8 Dec 2026", "assessment_or_review_requested", case="TR90001", body="QX901", asked_for="review")
    assert [(line.kind, line.data) for line in review.lines(CASE)][-1] == (
        "early_review_called",
        {"body": "QX901", "called_by": "rcb"},
    )
