"""An order to assess, a concession and an agreement: the authority's new clock, who has to be asked again by when, and
each body's six weeks inside it.

An order starts each body's six weeks again for the time being; once the authority's new request is received they count
from that (reg 8(1)), and only then is anybody chased. Dates are worked by hand.
"""

from collections.abc import Iterator
from typing import Any

import pytest

from casework.reports.case_report import report
from cli.formatting import history
from tests.support.by_hand import ADVICE, PAEDS, PHYSIO, PHYSIO_TRUST, SALT, TRUST
from tests.support.team import Team

APPEAL, AGAIN = "TR90001", "RA90001"
TALK: dict[str, Any] = {"body": TRUST, "service": SALT}
BONES: dict[str, Any] = {"body": PHYSIO_TRUST, "service": PHYSIO}


@pytest.fixture
def refused(team: Team) -> Iterator[Team]:
    """Two services were asked on Monday 16 February 2026, one answered; refused on 9 March, and appealed."""
    team.record("9 Feb 2026", "ehc_assessment_requested", la="northshire", la_reference="NS-04412")
    team.act(
        "16 Feb 2026",
        ("health_advice_requested", "16 Feb 2026", TALK),
        ("health_advice_requested", "16 Feb 2026", BONES),
    )
    team.record("2 Mar 2026", "health_advice_received", **TALK)
    team.record("9 Mar 2026", "assessment_refused")
    appealed(team, "9 Mar 2026", "refusal_to_assess", team.case)
    yield team
    assert team.verify("1 Dec 2026").intact


def appealed(team: Team, cause: str, what: str, about: str) -> None:
    team.record(cause, "decision_notified", case=APPEAL, la="northshire", decision=what, linked_to=about)
    team.record("1 May 2026", "appeal_registered", case=APPEAL, appeal=what)


def ask_again(team: Team, today: str) -> list[tuple[str | None, str | None, str, str, str]]:
    return [
        (each.body, each.service, each.asked_on.isoformat(), each.ask_by.isoformat(), each.plan_due.isoformat())
        for each in team.report(today).to_ask_again
    ]


def test_after_an_order_each_body_that_was_asked_is_to_be_asked_again_and_has_its_six_weeks_inside_the_fourteen(
    refused: Team,
) -> None:
    """Order on Monday 8 June: 14 weeks end on Monday 14 September; six weeks before that, 3 August, is the last day of
    receipt.
    """
    assert refused.report("7 Jun 2026").to_ask_again == [], "a refusal asks nothing of anybody"
    assert refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL).unheard == []
    assert str(refused.duty("8 Jun 2026", "order_assess_final_plan").due) == "2026-09-14"
    asked_before, last, plan = "2026-02-16", "2026-08-03", "2026-09-14"
    both = [(TRUST, SALT, asked_before, last, plan), (PHYSIO_TRUST, PHYSIO, asked_before, last, plan)]
    assert ask_again(refused, "8 Jun 2026") == both
    assert [str(each.answered_on) for each in refused.report("8 Jun 2026").to_ask_again] == ["2026-03-02", "None"]
    assert provisional(refused, "8 Jun 2026") == [
        (TRUST, SALT, "2026-07-20", "running"),
        (PHYSIO_TRUST, PHYSIO, "2026-07-20", "running"),
    ]
    because = refused.report("8 Jun 2026").to_ask_again[0].because
    assert because.kind == "assessment_ordered" and because.cause is not None
    assert (because.cause.case_ref, because.cause.kind) == (APPEAL, "order_to_assess_made")

    refused.record("15 Jun 2026", "health_advice_requested", asked_because="order", **TALK)
    again = refused.report("15 Jun 2026").duties[-1]
    assert (again.rule, again.service, str(again.due), again.standing) == (ADVICE, SALT, "2026-07-27", "running")
    assert (
        again.opened_by == "health_advice_requested" and again.again_by is not None and again.again_by.cause is not None
    )
    assert again.again_by.cause.case_ref == APPEAL
    assert ask_again(refused, "15 Jun 2026") == both[1:]
    assert provisional(refused, "15 Jun 2026") == [(PHYSIO_TRUST, PHYSIO, "2026-07-20", "running")]
    # Received on the last day, the six weeks end with the fourteen.
    refused.record("3 Aug 2026", "health_advice_requested", asked_because="order", **BONES)
    late = refused.report("3 Aug 2026").duties[-1]
    assert (
        str(late.due) == plan
        and late.knock_on == "the advice is awaited, not yet late, 42 days before the 14-week date (2026-09-14)"
    )
    assert ask_again(refused, "3 Aug 2026") == []
    assert provisional(refused, "3 Aug 2026") == []


def provisional(team: Team, today: str) -> list[tuple[str | None, str | None, str, str]]:
    """What runs for the time being."""
    return [
        (each.body, each.service, str(each.due), each.standing)
        for each in team.report(today).duties
        if each.provisional and each.ended_on is None
    ]


def test_nobody_is_chased_for_what_runs_only_for_the_time_being_and_advice_that_comes_meets_it(refused: Team) -> None:
    """Six weeks from Monday 8 June end on Monday 20 July; nobody has written that a new request was received."""
    refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    for today in ("12 Jun 2026", "21 Jul 2026", "4 Aug 2026"):
        refused.day(today)
    assert refused.escalations("reminder_due", "breached", "escalation_due") == []
    assert [each[3] for each in provisional(refused, "21 Jul 2026")] == [
        "no_date",
        "no_date",
    ], "shown on the case, and not counted as late: nobody knows that the body received the new request"
    refused.record("22 Jul 2026", "health_advice_received", **BONES)
    assert [each[2:] for each in provisional(refused, "22 Jul 2026")] == [
        ("2026-07-20", "no_date"),
        ("2026-07-20", "met_late"),
    ]
    refused.day("23 Jul 2026")
    said = sorted(letter.subject.split(": ")[1] for letter in refused.post.letters)
    assert said == [
        "health advice no longer needed since 9 March 2026",
        "health advice received 2 March 2026, thank you",
    ], "both of before the order; nobody is thanked for what nobody asked it for"
    refused.record("4 Sep 2026", "final_plan_received")
    assert refused.report("4 Sep 2026").plan_issued_without == [], "who was not asked again did not fail the plan"
    assert [each[1] for each in provisional(refused, "4 Sep 2026")] == [PHYSIO]


def test_an_order_that_is_corrected_or_taken_back_takes_its_six_weeks_along(refused: Team) -> None:
    order = refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    refused.record("9 Jun 2026", "fact_corrected", case=APPEAL, corrects=order.seq, occurred_on="2026-06-01")
    assert [each[2] for each in provisional(refused, "9 Jun 2026")] == ["2026-07-13"] * 2
    refused.record("15 Jun 2026", "fact_withdrawn", case=APPEAL, corrects=order.seq)
    assert (refused.report("15 Jun 2026").state, provisional(refused, "15 Jun 2026")) == ("refused", [])


def test_an_order_that_is_withdrawn_in_the_act_that_records_it_asks_nobody_again(refused: Team) -> None:
    seq = len(refused.lines())
    cause = refused.act(
        "8 Jun 2026", ("refusal_reversed", "8 Jun 2026", {}), ("fact_withdrawn", "8 Jun 2026", {"corrects": seq + 1})
    )
    assert (cause.facts, cause.unheard) == (2, [])
    assert provisional(refused, "8 Jun 2026") == [] and refused.report("8 Jun 2026").to_ask_again == []


def test_a_request_that_was_never_made_or_of_another_service_takes_what_it_was_asked_again_along(refused: Team) -> None:
    talk, bones = (line.seq for line in refused.lines() if line.kind == "health_advice_requested")
    refused.record("8 Jun 2026", "refusal_reversed")
    six_weeks, running = "2026-07-20", "running"
    assert provisional(refused, "8 Jun 2026") == [
        (TRUST, SALT, six_weeks, running),
        (PHYSIO_TRUST, PHYSIO, six_weeks, running),
    ]
    assert refused.record("9 Jun 2026", "fact_corrected", corrects=bones, body=TRUST, service=PAEDS).unheard == []
    assert provisional(refused, "9 Jun 2026") == [(TRUST, SALT, six_weeks, running), (TRUST, PAEDS, six_weeks, running)]
    assert refused.record("10 Jun 2026", "fact_withdrawn", corrects=bones).unheard == []
    assert provisional(refused, "10 Jun 2026") == [(TRUST, SALT, six_weeks, running)]
    refused.record("15 Jun 2026", "health_advice_requested", asked_because="order", **TALK)
    refused.record("16 Jun 2026", "fact_corrected", corrects=talk, occurred_on="2026-02-17")
    assert provisional(refused, "16 Jun 2026") == [], "advice that was requested again is not requested once more"


def test_the_page_of_the_case_says_who_is_to_be_asked_again_by_when_and_what_started_each_clock(refused: Team) -> None:
    refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    refused.record("15 Jun 2026", "health_advice_requested", asked_because="order", **TALK)
    cause = " ".join(history(refused.context("15 Jun 2026"), refused.report("15 Jun 2026")).split())
    physio_in_words = (
        next(body.name for body in refused.first.directory.bodies if body.body == PHYSIO_TRUST) + ", Physiotherapy"
    )
    order = f"assessment ordered, copied from case {APPEAL}: order to assess made, its fact 3"
    for said in (
        (
            f"To be asked again {physio_in_words}: asked on Mon 16 Feb 2026, and not since the assessment began again"
            f" by fact 6, {order}."
        ),
        (
            "Its time runs again from its receipt of the authority's new request: to end by Mon 14 Sep 2026, that has"
            " to reach it by Mon 3 Aug 2026."
        ),
        f"LA: send the final plan from Mon 8 Jun 2026 (fact 6, {order})",
        "from Mon 15 Jun 2026 (fact 9, health advice requested); due Mon 27 Jul 2026",
        "from Mon 8 Jun 2026 (fact 8, health advice called for again); due Mon 20 Jul 2026",
        f"begun again after fact 6, {order}",
        (
            "for the time being from that day, until the receipt of the authority's new request is recorded; nobody is"
            " chased for it yet"
        ),
        f"asked again after fact 6, {order}",
    ):
        assert said in cause, said


def test_a_refusal_ends_what_was_asked_for_and_nobody_is_chased_for_it(refused: Team) -> None:
    """There is to be no assessment for which the advice was asked: six weeks from 16 February would have ended on 30
    March.
    """
    refused.day("20 Apr 2026")
    assert refused.escalations("breached", "escalation_due") == []
    [unanswered] = [
        duty for duty in refused.report("20 Apr 2026").duties if duty.rule == ADVICE and duty.met_on is None
    ]
    assert (unanswered.service, str(unanswered.ended_on), unanswered.standing, unanswered.days_late) == (
        PHYSIO,
        "2026-03-09",
        "running",
        0,
    )
    assert refused.record("21 Apr 2026", "health_advice_received", **BONES).state == "refused", (
        "late advice is accepted after the refusal"
    )
    # The order requests it again; a request that the refusal ended does not count as missing from the plan.
    refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    refused.record("15 Jun 2026", "health_advice_requested", asked_because="order", **BONES)
    refused.record("20 Jul 2026", "health_advice_received", **BONES)
    refused.record("4 Sep 2026", "final_plan_received")
    assert refused.report("4 Sep 2026").plan_issued_without == []
    [again] = [
        duty
        for duty in refused.report("4 Sep 2026").duties
        if duty.rule == ADVICE and duty.again_by is not None and not duty.provisional
    ]
    assert (str(again.due), again.standing) == ("2026-07-27", "met")


def test_advice_that_is_returned_after_a_refusal_is_owed_by_nobody_until_it_is_asked_for_again(refused: Team) -> None:
    """Talk's advice of 2 March met a request that the refusal of 9 March made moot: sent back, it is no more awaited
    than what never came.
    """
    refused.record("16 Mar 2026", "health_advice_returned", reason="of another child", **TALK)
    refused.day("20 Apr 2026")
    assert refused.escalations("reminder_due", "breached", "escalation_due") == []
    [talk] = [duty for duty in refused.report("20 Apr 2026").duties if duty.rule == ADVICE and duty.service == SALT]
    assert (talk.standing, str(talk.met_on)) == ("met", "2026-03-02")
    refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    assert [each[1] for each in ask_again(refused, "8 Jun 2026")] == [SALT, PHYSIO]
    # Advice on the new request can be returned; it is then due on its own day: six weeks from 15 June end on 27 July.
    refused.record("15 Jun 2026", "health_advice_requested", asked_because="order", **TALK)
    refused.record("22 Jun 2026", "health_advice_received", **TALK)
    refused.record("23 Jun 2026", "health_advice_returned", reason="a page is missing", **TALK)
    talk_duties = [duty for duty in refused.report("23 Jun 2026").duties if duty.service == SALT]
    assert [str(duty.due) for duty in talk_duties if duty.met_on is None and duty.ended_on is None] == ["2026-07-27"]


def test_a_refusal_that_is_learned_of_late_withdraws_the_letters_sent_meanwhile(team: Team) -> None:
    team.record("9 Feb 2026", "ehc_assessment_requested", la="northshire")
    team.record("16 Feb 2026", "health_advice_requested", **TALK)
    for today in ("16 Feb 2026", "19 Feb 2026", "9 Mar 2026", "23 Mar 2026", "31 Mar 2026"):
        team.day(today)
    team.record("10 Apr 2026", "assessment_refused", "9 Mar 2026")
    team.day("10 Apr 2026")
    assert team.escalations()[-2:] == [("breached", "breach", "2026-03-31"), ("rung_withdrawn", "breach", "2026-04-10")]
    text = " ".join(team.post.letters[-1].text.split())
    assert "what it was asked for had ended on 9 March 2026, which was not in the record then" in text
    assert team.verify("10 Apr 2026").intact


def test_nobody_is_to_be_asked_again_once_the_plan_is_out_or_the_order_is_taken_back(refused: Team) -> None:
    order = refused.record("8 Jun 2026", "order_to_assess_made", case=APPEAL)
    refused.record("15 Jun 2026", "fact_withdrawn", case=APPEAL, corrects=order.seq)
    assert (refused.report("15 Jun 2026").state, ask_again(refused, "15 Jun 2026")) == ("refused", [])
    refused.record("16 Jun 2026", "order_to_assess_made", "8 Jun 2026", case=APPEAL)
    refused.record("4 Sep 2026", "final_plan_received")
    assert ask_again(refused, "4 Sep 2026") == []


def test_a_concession_and_a_reversal_of_the_authoritys_own(refused: Team, tmp_path: Any) -> None:
    """Reg 45(3A)(b): from Monday 15 June, 14 weeks end on 21 September. From Monday 16 March, the ombudsman's 14 weeks
    end on 22 June.
    """
    refused.record("15 Jun 2026", "refusal_to_assess_conceded", case=APPEAL)
    assert [each[3:] for each in ask_again(refused, "15 Jun 2026")] == [("2026-08-10", "2026-09-21")] * 2
    other = Team(tmp_path / "other")
    other.record("9 Feb 2026", "ehc_assessment_requested", la="northshire")
    other.record("16 Feb 2026", "health_advice_requested", **TALK)
    other.record("9 Mar 2026", "assessment_refused")
    other.record("16 Mar 2026", "refusal_reversed")
    assert ask_again(other, "16 Mar 2026") == [(TRUST, SALT, "2026-02-16", "2026-05-11", "2026-06-22")]
    clocks = {
        duty.rule: str(duty.due)
        for duty in other.report("16 Mar 2026").duties
        if duty.body is None and duty.ended_on is None
    }
    assert {rule: clocks[rule] for rule in clocks if rule.startswith(("ehc_no_plan", "ehc_final", "ehc_decision"))} == {
        "ehc_no_plan_notify": "2026-06-01",
        "ehc_final_plan_send": "2026-06-29",
        "ehc_decision_after_reversal": "2026-05-25",
        "ehc_final_plan_after_reversal": "2026-06-22",
    }, "ten and fourteen weeks stand beside the sixteen and twenty"


@pytest.mark.parametrize(
    ("cause", "kind", "rule"),
    [
        ("order_to_reassess_made", "reassessment_ordered", "order_assess_final_plan"),
        ("refusal_to_reassess_conceded", "reassessment_conceded", "unopposed_assess_final_plan"),
    ],
)
def test_an_order_to_reassess_brings_its_fourteen_weeks_and_the_six_inside_them(
    team: Team, cause: str, kind: str, rule: str
) -> None:
    """Monday 8 June: 14 September, on both cases; SEND Regs 2014 regs 26, 44(2)(b), 45(3A)."""
    team.case = AGAIN
    team.record("2 Mar 2026", "reassessment_requested", la="northshire", requested_by="parent")
    team.record("4 Mar 2026", "health_advice_requested", body=TRUST, service=PAEDS)
    team.record("9 Mar 2026", "reassessment_refused", ground="not_necessary")
    appealed(team, "9 Mar 2026", "refusal_to_reassess", AGAIN)
    assert team.record("8 Jun 2026", cause, case=APPEAL).unheard == []
    assert [line.kind for line in team.lines()[-2:]] == [kind, "health_advice_called_for_again"]
    dues = [
        str(duty.due)
        for case in (AGAIN, APPEAL)
        for duty in report(team.context("8 Jun 2026"), case).duties
        if duty.rule == rule
    ]
    assert dues == ["2026-09-14"] * 2, "on both cases"
    assert ask_again(team, "8 Jun 2026") == [(TRUST, PAEDS, "2026-03-04", "2026-08-03", "2026-09-14")]
    team.record("15 Jun 2026", "health_advice_requested", body=TRUST, service=PAEDS, asked_because="order")
    assert (
        team.report("15 Jun 2026").duties[-1].knock_on
        == "the advice is awaited, not yet late, 91 days before the 14-week date (2026-09-14)"
    )
    # What is decided of the plan is recorded once, and closes the clock on both.
    team.record("20 Jul 2026", "cease_decided")
    for case in (AGAIN, APPEAL):
        [plan] = [duty for duty in report(team.context("1 Dec 2026"), case).duties if duty.rule == rule]
        assert plan.ended_on is not None and plan.standing != "breached", case
    assert team.verify("1 Dec 2026").intact


def test_another_day_that_the_tribunal_sets_is_copied_to_a_reassessment_too(team: Team) -> None:
    """Reg 44(1)."""
    team.case = AGAIN
    team.record("2 Mar 2026", "reassessment_requested", la="northshire", requested_by="parent")
    team.record("9 Mar 2026", "reassessment_refused", ground="not_necessary")
    appealed(team, "9 Mar 2026", "refusal_to_reassess", AGAIN)
    team.record("8 Jun 2026", "order_to_reassess_made", case=APPEAL)
    team.record("9 Jun 2026", "time_directed", case=APPEAL, rule="order_assess_final_plan", directed_on="2026-08-31")
    assert str(team.duty("9 Jun 2026", "order_assess_final_plan").due) == "2026-08-31"
