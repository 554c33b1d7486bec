"""Exceptions: regs 5(4), 8(2), 10(4), 13(3). They move no date; they say that missing it is no breach, once a person
has accepted them.
"""

from typing import Any

import pytest

from deadlines.duties import Duty
from deadlines.status import days_late, status_of
from models.enums import DutyStatus
from tests.support.by_hand import ADVICE, PAEDS, PHYSIO_TRUST, SALT, TRUST, day, duties, history

ASKED = {"body": TRUST, "service": SALT}
CASE_DUTIES = ("ehc_assess_decision_notify", "ehc_no_plan_notify", "ehc_final_plan_send")


def claimed(
    claim: dict[str, Any], decided: dict[str, Any] | None = None, *more: tuple[Any, ...], asked_on: str = "2 Mar 2026"
) -> list[Duty]:
    """A claim of 10 Apr about SALT advice asked on 2 Mar (due 13 Apr 2026), and what a person decided on 20 Apr."""
    facts: list[tuple[Any, ...]] = [
        ("ehc_assessment_requested", "2 Feb 2026"),
        ("assessment_agreed", "20 Feb 2026"),
        ("health_advice_requested", asked_on, ASKED),
        ("excuse_claimed", "10 Apr 2026", claim),
    ]
    if decided is not None:
        facts.append(("excuse_decided", "20 Apr 2026", {"claim": 4, "look_again_on": "2026-05-18", **decided}))
    return duties(history(*facts, *more))


def by_rule(found: list[Duty], as_at: str) -> dict[str, DutyStatus]:
    return {duty.rule: status_of(duty, day(as_at)) for duty in found}


def advice(found: list[Duty]) -> Duty:
    return next(duty for duty in found if duty.rule == ADVICE)


ACCEPTED = {"decision": "accepted"}


@pytest.mark.parametrize("ground", ["exceptional_circumstances", "absent_4_weeks", "missed_appointment"])
def test_each_ground_of_regulation_8_2_excuses_the_body_once_accepted(ground: str) -> None:
    found = advice(claimed({"ground": ground, **ASKED}, ACCEPTED))
    assert found.excuse is not None
    assert status_of(found, day("14 Apr 2026")) is DutyStatus.EXCUSED
    assert found.due == day("13 Apr 2026"), "the date stays where the law put it"


@pytest.mark.parametrize(
    "ground", ["school_closed", "early_years_closed", "personal_exceptional", "absent_2_weeks", "coronavirus"]
)
def test_a_ground_that_regulation_8_2_does_not_list_excuses_no_body(ground: str) -> None:
    """The word "personal" is in regs 5(4) and 10(4), not in reg 8(2); school holidays are the authority's ground
    only.
    """
    assert advice(claimed({"ground": ground, **ASKED}, ACCEPTED)).excuse is None


def test_coronavirus_excused_what_fell_due_from_1_may_to_24_sep_2020() -> None:
    """SI 2020/471 reg 8, by the due date: asked Thu 19 Mar 2020, due Thu 30 Apr (not yet); asked Fri 20 Mar, due Fri 1
    May (relaxed).
    """
    opened = ("ehc_assessment_requested", "2 Mar 2020")
    for asked_on, relaxed in (
        ("19 Mar 2020", False),
        ("20 Mar 2020", True),
        ("13 Aug 2020", True),
        ("14 Aug 2020", False),
    ):
        found = advice(
            duties(
                history(
                    opened,
                    ("health_advice_requested", asked_on, ASKED),
                    ("excuse_claimed", "1 Oct 2020", {"ground": "coronavirus", **ASKED}),
                    ("excuse_decided", "1 Oct 2020", {"claim": 3, **ACCEPTED, "look_again_on": "2020-11-01"}),
                )
            )
        )
        assert (found.excuse is not None) is relaxed, asked_on


def test_a_claim_excuses_nothing_until_it_is_accepted() -> None:
    claim = {"ground": "absent_4_weeks", **ASKED}
    assert status_of(advice(claimed(claim)), day("14 Apr 2026")) is DutyStatus.BREACHED
    assert status_of(advice(claimed(claim, {"decision": "refused"})), day("14 Apr 2026")) is DutyStatus.BREACHED


def test_an_acceptance_may_be_taken_back_and_given_again() -> None:
    claim = {"ground": "absent_4_weeks", **ASKED}
    back = ("excuse_decided", "27 Apr 2026", {"claim": 4, "decision": "refused"})
    again = ("excuse_decided", "4 May 2026", {"claim": 4, **ACCEPTED, "look_again_on": "2026-06-01"})
    assert advice(claimed(claim, ACCEPTED, back)).excuse is None
    assert advice(claimed(claim, ACCEPTED, back, again)).excuse is not None


def test_a_waiting_list_is_no_excuse() -> None:
    found = duties(
        history(
            ("ehc_assessment_requested", "2 Feb 2026"),
            ("health_advice_requested", "2 Mar 2026", ASKED),
            ("waiting_list_stated", "9 Mar 2026", {**ASKED, "weeks": 40}),
        )
    )
    assert advice(found).excuse is None
    assert status_of(advice(found), day("14 Apr 2026")) is DutyStatus.BREACHED
    assert advice(claimed({"ground": "waiting_list", **ASKED}, ACCEPTED)).excuse is None


@pytest.mark.parametrize(
    ("began", "ended", "touches"),
    [
        ("2026-01-05", "2026-03-01", False),  # ended the day before receipt
        ("2026-01-05", "2026-03-02", True),  # the day of receipt belongs to the period
        ("2026-03-10", "2026-04-07", True),  # inside it
        ("2026-04-13", "2026-05-11", True),  # began on the last day
        ("2026-04-14", "2026-05-12", False),  # began the day after
        ("2026-04-14", None, False),
        (None, "2026-03-01", False),
        (None, None, True),  # undated: about the whole period
    ],
)
def test_an_accepted_excuse_reaches_a_duty_whose_period_it_touches(
    began: str | None, ended: str | None, touches: bool
) -> None:
    dated = {key: value for key, value in {"began_on": began, "ended_on": ended}.items() if value}
    assert (advice(claimed({"ground": "absent_4_weeks", **ASKED, **dated}, ACCEPTED)).excuse is not None) is touches
    assert (
        advice(claimed({"ground": "absent_4_weeks", **ASKED}, {**ACCEPTED, **dated})).excuse is not None
    ) is touches, "the person who decides may date it"


def test_a_claim_about_one_body_or_service_excuses_no_other() -> None:
    for about in ({"body": PHYSIO_TRUST}, {"body": TRUST, "service": PAEDS}, {"rule": "ehc_final_plan_send"}):
        assert advice(claimed({"ground": "absent_4_weeks", **about}, ACCEPTED)).excuse is None


def test_a_claim_about_the_child_at_large_reaches_every_duty_that_lists_its_ground() -> None:
    """absent_4_weeks is in regs 5(4)(d), 8(2)(b) and 10(4)(d) (and so 13(3)); reg 4(1) lists nothing."""
    found = claimed({"ground": "absent_4_weeks", "began_on": "2026-02-16", "ended_on": "2026-03-20"}, ACCEPTED)
    assert {duty.rule for duty in found if duty.excuse} == {ADVICE, *CASE_DUTIES}


@pytest.mark.parametrize("ground", ["school_closed", "early_years_closed", "personal_exceptional"])
def test_the_authoritys_own_grounds_reach_the_authoritys_duties_only(ground: str) -> None:
    found = claimed({"ground": ground}, ACCEPTED)
    assert {duty.rule for duty in found if duty.excuse} == set(CASE_DUTIES)


def test_late_and_excused_is_excused_and_in_time_is_met() -> None:
    claim = {"ground": "missed_appointment", **ASKED}
    late = advice(claimed(claim, ACCEPTED, ("health_advice_received", "5 May 2026", ASKED)))
    assert (status_of(late, day("5 May 2026")), days_late(late, day("5 May 2026"))) == (DutyStatus.EXCUSED, 22)
    in_time = advice(claimed(claim, ACCEPTED, ("health_advice_received", "13 Apr 2026", ASKED)))
    assert status_of(in_time, day("5 May 2026")) is DutyStatus.MET


def test_the_decision_may_name_what_the_claim_left_out() -> None:
    """An import makes of the tracker's Exception column an undated claim without a ground; the person who decides it
    says what it is.
    """
    found = advice(claimed({**ASKED}, {**ACCEPTED, "ground": "missed_appointment"}))
    assert found.excuse is not None
    assert found.excuse.ground == "missed_appointment"
    assert found.excuse.look_again_on == day("18 May 2026")
    assert advice(claimed({**ASKED}, ACCEPTED)).excuse is None
