"""Corrections and exceptions through the whole unit of work: nothing is edited, a further fact answers everything."""

from typing import Any

import pytest

from casework.cases.validation import Refused
from casework.reports.case_report import NothingKnownThen
from cli.formatting import history
from models.database import reading
from tests.support.by_hand import ADVICE, SALT, TRUST
from tests.support.team import Team

ASKED: dict[str, Any] = {"body": TRUST, "service": SALT}


@pytest.fixture
def asked(team: Team) -> Team:
    """Request 2 Feb, advice asked 2 Mar 2026 (fact 3, due 13 Apr), acknowledged 4 Mar (fact 4)."""
    team.opened("2 Feb 2026").asked("2 Mar 2026")
    team.record("4 Mar 2026", "health_advice_acknowledged", **ASKED)
    return team


def refused(team: Team, today: str, kind: str, corrects: int | None = None, **data: Any) -> Refused:
    before = team.dump()
    with pytest.raises(Refused) as problem:
        team.record(today, kind, corrects=corrects, **data)
    assert team.dump() == before
    return problem.value


def test_a_corrected_receipt_moves_the_duty_and_its_cache(asked: Team) -> None:
    before = asked.lines()
    asked.record("10 Mar 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09", reason="wrong stamp")
    duty = asked.duty("10 Mar 2026")
    assert (duty.opened_seq, str(duty.started_on)) == (3, "2026-03-09")
    assert (str(duty.due), str(duty.strict_due), str(duty.act_by)) == ("2026-04-20", "2026-04-19", "2026-04-17")
    assert asked.lines()[:4] == before, "what was written stays as it was written"
    with reading(asked.first.engine) as connection:
        assert list(connection.exec_driver_sql(f"SELECT due, next_check_on FROM duty WHERE rule = '{ADVICE}'")) == [
            ("2026-04-20", "2026-03-30")
        ]
    assert asked.verify("10 Mar 2026").intact


def test_a_corrected_day_that_makes_a_later_fact_unlawful_is_refused_and_names_it(asked: Team) -> None:
    asked.record("7 Apr 2026", "health_advice_received", **ASKED)
    problem = refused(asked, "8 Apr 2026", "fact_corrected", corrects=3, occurred_on="2026-04-08")
    assert (problem.code, problem.seq) == ("unlawful", 5)
    assert problem.message.startswith(
        "fact 5, health_advice_received of 2026-04-07, is refused: nothing is outstanding from this body on that day"
    )
    problem = refused(asked, "8 Apr 2026", "fact_corrected", corrects=1, occurred_on="2026-02-21")
    assert problem.seq == 2
    assert "dated before ehc_assessment_requested of 2026-02-21" in problem.message


def test_several_corrections_in_one_act_where_each_alone_would_be_unlawful(team: Team) -> None:
    """The whole case was typed a month late: the request was of 2 Jan and the agreement of 20 Jan."""
    team.act(
        "2 Mar 2026",
        ("ehc_assessment_requested", "2 Feb 2026", {"la": "northshire"}),
        ("la_consideration_notified", "9 Feb 2026", {}),
    )
    team.record("2 Mar 2026", "assessment_agreed", on="20 Feb 2026")
    assert refused(team, "3 Mar 2026", "fact_corrected", corrects=3, occurred_on="2026-01-20").seq == 3
    team.act(
        "3 Mar 2026",
        ("fact_corrected", "3 Mar 2026", {"corrects": 3, "occurred_on": "2026-01-20"}),
        ("fact_corrected", "3 Mar 2026", {"corrects": 1, "occurred_on": "2026-01-02"}),
        ("fact_corrected", "3 Mar 2026", {"corrects": 2, "occurred_on": "2026-01-09"}),
    )
    report = team.report("3 Mar 2026")
    assert [str(fact.corrected_to) for fact in report.facts[:3]] == ["2026-01-02", "2026-01-09", "2026-01-20"]
    assert str(team.duty("3 Mar 2026", "ehc_final_plan_send").due) == "2026-05-22"


def test_a_correction_is_withdrawn_not_corrected(asked: Team) -> None:
    asked.record("10 Mar 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")
    assert (
        refused(asked, "11 Mar 2026", "fact_corrected", corrects=5, occurred_on="2026-03-10").code
        == "corrects_a_correction"
    )
    asked.record("11 Mar 2026", "fact_withdrawn", corrects=5)
    assert str(asked.duty("11 Mar 2026").due) == "2026-04-13"
    asked.record("12 Mar 2026", "fact_withdrawn", corrects=6)
    assert str(asked.duty("12 Mar 2026").due) == "2026-04-20"


@pytest.mark.parametrize(
    ("kind", "corrects", "data", "code", "wrong_call"),
    [
        ("fact_corrected", None, {"occurred_on": "2026-03-09"}, "corrects_nothing", True),
        ("fact_corrected", 99, {"occurred_on": "2026-03-09"}, "corrects_nothing", False),
        ("fact_corrected", 3, {}, "corrects_what", True),
        ("fact_corrected", 3, {"occurred_on": "2026-03-12"}, "future_date", True),
        ("fact_corrected", 3, {"occurred_on": "9 March"}, "bad_data", True),
        ("fact_corrected", 3, {"mood": "x"}, "unknown_data", True),
        ("fact_withdrawn", 3, {"occurred_on": "2026-03-09"}, "unknown_data", True),
        ("fact_withdrawn", 3, {}, "unlawful", False),  # fact 4 leans on it
        ("fact_withdrawn", 1, {}, "unlawful", False),
        ("health_advice_received", 3, ASKED, "corrects_without_correction", True),
    ],
)
def test_corrections_that_correct_nothing(
    asked: Team, kind: str, corrects: int | None, data: dict[str, Any], code: str, wrong_call: bool
) -> None:
    problem = refused(asked, "11 Mar 2026", kind, corrects, **data)
    assert (problem.code, problem.wrong_call) == (code, wrong_call)


def test_what_the_engine_wrote_is_not_corrected_by_hand(asked: Team) -> None:
    asked.sweep("23 Mar 2026")
    for kind, data in (("fact_withdrawn", {}), ("fact_corrected", {"occurred_on": "2026-03-20"})):
        problem = refused(asked, "24 Mar 2026", kind, 5, **data)
        assert problem.code == "engines_fact"
        assert "the next sweep withdraws it" in problem.message


def test_a_particular_is_corrected_and_the_others_stay(asked: Team) -> None:
    asked.record("5 Mar 2026", "fact_corrected", corrects=1, la="Tarnford")
    report = asked.report("5 Mar 2026")
    assert (report.la, report.la_reference, str(report.facts[0].occurred_on)) == ("tarnford", "NS-04412", "2026-02-02")


def test_the_case_as_true_on_a_day_and_as_known_at_an_instant(asked: Team) -> None:
    """Receipt learned on 2 Mar as 2 Mar, on 28 Apr as 9 Mar; advice of 27 Apr learned on 29 Apr. Simulated days are
    09:00 London.
    """
    asked.record("28 Apr 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")
    asked.record("29 Apr 2026", "health_advice_received", on="27 Apr 2026", **ASKED)

    def seen(as_at: str, known_at: str | None) -> tuple[str, str, int]:
        [duty] = [each for each in asked.report("30 Apr 2026", as_at, known_at).duties if each.rule == ADVICE]
        return str(duty.due), duty.standing, duty.days_late

    assert [
        seen(on, "2026-04-27T12:00:00.000000Z") for on in ("2026-04-13", "2026-04-14", "2026-04-21", "2026-04-27")
    ] == [
        ("2026-04-13", "due_soon", 0),
        ("2026-04-13", "breached", 1),
        ("2026-04-13", "breached", 8),
        ("2026-04-13", "breached", 14),
    ]
    assert [
        seen(on, "2026-04-28T12:00:00.000000Z") for on in ("2026-04-13", "2026-04-20", "2026-04-21", "2026-04-27")
    ] == [
        ("2026-04-20", "due_soon", 0),
        ("2026-04-20", "due_soon", 0),
        ("2026-04-20", "breached", 1),
        ("2026-04-20", "breached", 7),
    ]
    assert [seen(on, None) for on in ("2026-04-21", "2026-04-26", "2026-04-27", "2026-04-30")] == [
        ("2026-04-20", "breached", 1),
        ("2026-04-20", "breached", 6),
        ("2026-04-20", "met_late", 7),
        ("2026-04-20", "met_late", 7),
    ]
    shown = asked.report("30 Apr 2026", "2026-03-08", "2026-04-28T12:00:00.000000Z")
    assert [fact.seq for fact in shown.facts] == [
        1,
        2,
        4,
        5,
    ], "the receipt of 9 Mar had not happened; what corrects it is always shown"
    assert [duty for duty in shown.duties if duty.rule == ADVICE] == []
    for as_at, known_at in (("2026-02-01", None), (None, "2026-02-02T08:59:59.000000Z")):
        with pytest.raises(NothingKnownThen):
            asked.report("30 Apr 2026", as_at, known_at)


def test_known_at_an_instant_alone_counts_the_days_to_its_own_day(asked: Team) -> None:
    """README's own example: on the morning of 15 April nobody believed more than two days late."""
    asked.record("28 Apr 2026", "fact_corrected", corrects=3, occurred_on="2026-03-09")

    def known(instant: str) -> tuple[str, str, str, int]:
        shown = asked.report("6 May 2026", None, instant)
        [duty] = [each for each in shown.duties if each.rule == ADVICE]
        return str(shown.as_at), str(duty.due), duty.standing, duty.days_late

    assert known("2026-04-15T08:00:00.000000Z") == ("2026-04-15", "2026-04-13", "breached", 2)
    assert known("2026-04-28T12:00:00.000000Z") == ("2026-04-28", "2026-04-20", "breached", 8)
    assert known("2026-04-14T23:30:00.000000Z")[0] == "2026-04-15", "half past midnight in London"
    assert known("2030-01-01T00:00:00.000000Z")[0] == "2026-05-06", "no day that has not come"


def test_a_ground_that_no_provision_lists_is_refused_and_says_which_are(asked: Team) -> None:
    problem = refused(asked, "10 Apr 2026", "excuse_claimed", rule=ADVICE, ground="school_closed", **ASKED)
    assert problem.code == "ground_not_listed"
    assert "absent_4_weeks, exceptional_circumstances, missed_appointment" in problem.message
    assert "waiting_list_stated" in problem.message
    assert refused(asked, "10 Apr 2026", "excuse_claimed", ground="waiting_list", **ASKED).code == "ground_not_listed"


def test_an_acceptance_names_its_ground_its_day_to_look_again_and_a_period_it_touches(asked: Team) -> None:
    asked.record("10 Apr 2026", "excuse_claimed", **ASKED)
    claim = asked.lines()[-1].seq
    good: dict[str, Any] = {
        "claim": claim,
        "decision": "accepted",
        "ground": "missed_appointment",
        "look_again_on": "2026-05-18",
    }
    assert refused(asked, "11 Apr 2026", "excuse_decided", **{**good, "ground": None}).code == "ground_missing"
    assert (
        refused(asked, "11 Apr 2026", "excuse_decided", **{**good, "look_again_on": None}).code == "look_again_missing"
    )
    assert refused(asked, "11 Apr 2026", "excuse_decided", **good, began_on="2026-04-14").code == "touches_nothing"
    assert asked.report("11 Apr 2026").claims_to_decide == [claim]
    asked.record("11 Apr 2026", "excuse_decided", **good)
    duty = asked.duty("14 Apr 2026")
    assert (duty.standing, duty.excuse, str(duty.due)) == ("excused", "missed_appointment", "2026-04-13")
    assert asked.report("11 Apr 2026").claims_to_decide == []


def test_a_refused_claim_needs_no_ground(asked: Team) -> None:
    asked.record("10 Apr 2026", "excuse_claimed", evidence="on the waiting list", **ASKED)
    asked.record("11 Apr 2026", "excuse_decided", claim=5, decision="refused", reason="reg 8(2) has no waiting list")
    assert asked.duty("14 Apr 2026").standing == "breached"


def test_plans_issued_without_the_requested_advice_can_be_found(asked: Team) -> None:
    asked.asked("5 Mar 2026", service="community_paediatrics")
    asked.record("1 Apr 2026", "health_advice_received", service="community_paediatrics")
    asked.record("15 Jun 2026", "final_plan_received")
    assert asked.report("15 Jun 2026").plan_issued_without == [{**ASKED, "advice_on": None}]
    asked.record("29 Jun 2026", "health_advice_received", **ASKED)
    assert asked.report("29 Jun 2026").plan_issued_without == [{**ASKED, "advice_on": "2026-06-29"}]


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("not_known", "answered without advice (not known)"),
        ("redirected", "answered without advice (redirected)"),
        ("discharged", "answered without advice (discharged)"),
        ("declined_with_reasons", "answered without advice (declined with reasons)"),
        ("existing_advice_suffices", "answered without new advice (existing advice suffices)"),
    ],
)
def test_an_answer_without_advice_is_never_called_advice(asked: Team, answer: str, said: str) -> None:
    """A service that did not know the child was said to have given advice in time."""
    asked.record("13 Apr 2026", "health_advice_answered", answer=answer, **ASKED)
    duty = asked.duty("30 Jun 2026")
    assert duty.knock_on == f"{said} in time, 70 days before the 20-week date (2026-06-22)"
    page = history(asked.context("30 Jun 2026"), asked.report("30 Jun 2026"))
    assert "met, answered without advice on Mon 13 Apr 2026" in page
    assert "advice came" not in page and "advice received" not in page


def test_an_answer_without_advice_after_the_plan_is_no_advice_either(asked: Team) -> None:
    asked.record("8 Jun 2026", "final_plan_received", on="8 Jun 2026")
    asked.record("29 Jun 2026", "health_advice_answered", answer="not_known", **ASKED)
    assert asked.report("29 Jun 2026").plan_issued_without == [{**ASKED, "advice_on": None}]
    assert asked.duty("29 Jun 2026").knock_on == (
        "answered without advice (not known) 77 days late; the final plan was issued before it on 2026-06-08"
    )


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        # The 20 weeks of the request of Mon 2 Feb 2026 end on Mon 22 Jun.
        ("13 Apr 2026", "the advice came in time, 70 days before the 20-week date (2026-06-22)"),
        ("15 Jun 2026", "the advice came 63 days late, 7 days before the 20-week date (2026-06-22)"),
        ("22 Jun 2026", "the advice came 70 days late, on the 20-week date (2026-06-22)"),
        ("29 Jun 2026", "the advice came 77 days late, 7 days after the 20-week date (2026-06-22)"),
        (None, "the advice is awaited, 78 days late, 8 days after the 20-week date (2026-06-22)"),
    ],
)
def test_late_advice_shows_what_it_does_to_the_20_week_date(asked: Team, received: str | None, expected: str) -> None:
    if received is not None:
        asked.record("30 Jun 2026", "health_advice_received", on=received, **ASKED)
    assert asked.duty("30 Jun 2026").knock_on == expected


def test_advice_after_the_plan_is_not_measured_by_a_met_date(asked: Team) -> None:
    asked.record("15 Jun 2026", "final_plan_received")
    assert (
        asked.duty("30 Jun 2026").knock_on
        == "the advice is awaited, 78 days late; the final plan was issued without it on 2026-06-15"
    )
    asked.record("29 Jun 2026", "health_advice_received", **ASKED)
    assert (
        asked.duty("30 Jun 2026").knock_on
        == "the advice came 77 days late; the final plan was issued without it on 2026-06-15"
    )


def test_a_withdrawn_case_ends_its_duties_and_takes_nothing_more_but_corrections(asked: Team) -> None:
    assert asked.record("30 Mar 2026", "case_withdrawn", reason="moved away").state == "withdrawn"
    assert refused(asked, "31 Mar 2026", "health_advice_received", **ASKED).code == "unlawful"
    duty = asked.duty("1 Jun 2026")
    assert (duty.standing, str(duty.ended_on)) == ("running", "2026-03-30")
    assert asked.record("31 Mar 2026", "fact_withdrawn", corrects=5).state == "assessing"
    assert asked.duty("1 Jun 2026").standing == "breached"
