"""Every standing on the days around its boundary: the due day itself is in time, and nothing that has no date is ever
late.
"""

import pytest

from deadlines.duties import Duty
from deadlines.status import days_late, status_of
from models.enums import DutyStatus
from tests.support.by_hand import ADVICE, SALT, TRUST, day, duties, history

ASKED = {"body": TRUST, "service": SALT}
OPENED = [("ehc_assessment_requested", "2 Feb 2026"), ("assessment_agreed", "20 Feb 2026")]
ASK = ("health_advice_requested", "2 Mar 2026", ASKED)  # due Mon 13 Apr 2026


def rule(found: list[Duty], name: str) -> Duty:
    return next(duty for duty in found if duty.rule == name)


@pytest.mark.parametrize(
    ("as_at", "expected", "late"),
    [
        ("2 Mar 2026", DutyStatus.RUNNING, 0),
        ("5 Apr 2026", DutyStatus.RUNNING, 0),
        ("6 Apr 2026", DutyStatus.DUE_SOON, 0),  # seven days before
        ("12 Apr 2026", DutyStatus.DUE_SOON, 0),
        ("13 Apr 2026", DutyStatus.DUE_SOON, 0),  # the last lawful day is in time
        ("14 Apr 2026", DutyStatus.BREACHED, 1),
        ("14 Apr 2027", DutyStatus.BREACHED, 366),
    ],
)
def test_advice_awaited(as_at: str, expected: DutyStatus, late: int) -> None:
    duty = rule(duties(history(*OPENED, ASK)), ADVICE)
    assert (status_of(duty, day(as_at)), days_late(duty, day(as_at))) == (expected, late)


@pytest.mark.parametrize(
    ("received", "expected", "late"),
    [
        ("2 Mar 2026", DutyStatus.MET, 0),
        ("13 Apr 2026", DutyStatus.MET, 0),
        ("14 Apr 2026", DutyStatus.MET_LATE, 1),
        ("27 Apr 2026", DutyStatus.MET_LATE, 14),
    ],
)
def test_advice_received(received: str, expected: DutyStatus, late: int) -> None:
    duty = rule(duties(history(*OPENED, ASK, ("health_advice_received", received, ASKED))), ADVICE)
    for as_at in (received, "1 Jan 2027"):
        assert (status_of(duty, day(as_at)), days_late(duty, day(as_at))) == (expected, late)


@pytest.mark.parametrize(
    ("ended", "expected", "late"),
    [
        ("30 Mar 2026", DutyStatus.RUNNING, 0),
        ("6 Apr 2026", DutyStatus.DUE_SOON, 0),
        ("13 Apr 2026", DutyStatus.DUE_SOON, 0),
        ("14 Apr 2026", DutyStatus.BREACHED, 1),
        ("20 Apr 2026", DutyStatus.BREACHED, 7),
    ],
)
def test_a_duty_that_ended_unmet_stands_as_it_did_on_its_last_day(ended: str, expected: DutyStatus, late: int) -> None:
    duty = rule(duties(history(*OPENED, ASK, ("case_withdrawn", ended))), ADVICE)
    assert (status_of(duty, day("1 Jan 2027")), days_late(duty, day("1 Jan 2027"))) == (expected, late)


@pytest.mark.parametrize(
    ("planned", "expected"),
    [
        # reg 13(1)(a): served Mon 1 Jun 2026, fifteen days beginning with it end on Mon 15 Jun; the plan
        # may be final
        # from Tue 16 Jun.
        ("14 Jun 2026", DutyStatus.TOO_EARLY),
        ("15 Jun 2026", DutyStatus.TOO_EARLY),
        ("16 Jun 2026", DutyStatus.MET),
    ],
)
def test_a_minimum_to_be_allowed(planned: str, expected: DutyStatus) -> None:
    lines = history(*OPENED, ("draft_plan_received", "1 Jun 2026"), ("final_plan_received", planned))
    duty = rule(duties(lines), "draft_plan_parent_response_min")
    assert (status_of(duty, day("1 Jul 2026")), days_late(duty, day("1 Jul 2026"))) == (expected, 0)


def test_a_minimum_that_nobody_has_cut_short_runs_on_and_is_never_late() -> None:
    duty = rule(duties(history(*OPENED, ("draft_plan_received", "1 Jun 2026"))), "draft_plan_parent_response_min")
    for as_at in ("1 Jun 2026", "15 Jun 2026", "16 Jun 2026", "1 Jan 2027"):
        assert (status_of(duty, day(as_at)), days_late(duty, day(as_at))) == (DutyStatus.RUNNING, 0)


def test_what_has_no_number_is_never_late() -> None:
    """SEND Regs 2014 reg 12(2), CFA 2014 s42(3)."""
    lines = history(*OPENED, ("draft_plan_received", "1 Jun 2026"), ("final_plan_received", "17 Jun 2026"))
    found = duties(lines)
    for name in ("section_g_agree", "s42_arrange_health_provision"):
        assert (status_of(rule(found, name), day("1 Jan 2027")), days_late(rule(found, name), day("1 Jan 2027"))) == (
            DutyStatus.NO_DATE,
            0,
        )
    agreed = duties(history(*OPENED, ("draft_plan_received", "1 Jun 2026"), ("section_g_agreed", "9 Jun 2026")))
    assert status_of(rule(agreed, "section_g_agree"), day("1 Jan 2027")) is DutyStatus.MET


def test_an_accepted_excuse_is_a_standing_of_its_own() -> None:
    facts = (
        ("excuse_claimed", "10 Apr 2026", {**ASKED, "ground": "missed_appointment"}),
        ("excuse_decided", "11 Apr 2026", {"claim": 4, "decision": "accepted", "look_again_on": "2026-05-18"}),
    )
    duty = rule(duties(history(*OPENED, ASK, *facts)), ADVICE)
    assert status_of(duty, day("12 Apr 2026")) is DutyStatus.EXCUSED
    assert status_of(duty, day("14 Apr 2026")) is DutyStatus.EXCUSED


@pytest.mark.parametrize(
    ("decided", "refused", "standings"),
    [
        ("16 Mar 2026", "assessment_refused", (DutyStatus.MET, 0)),
        ("20 Mar 2026", "assessment_refused", (DutyStatus.MET_LATE, 4)),
        ("20 Mar 2026", "assessment_agreed", (DutyStatus.NO_DATE, 0)),
    ],
)
def test_notice_of_a_refusal_is_late_only_where_there_was_one(
    decided: str, refused: str, standings: tuple[DutyStatus, int]
) -> None:
    """Reg 4(1) binds an authority that decides not to assess; one that agrees, however late, breached reg
    5(1) alone.
    """
    found = duties(history(("ehc_assessment_requested", "2 Feb 2026"), (refused, decided)))
    negative, either = rule(found, "ehc_no_assess_determination_notify"), rule(found, "ehc_assess_decision_notify")
    later = day("1 Jan 2027")
    assert (status_of(negative, later), days_late(negative, later)) == standings
    assert status_of(either, later) == (DutyStatus.MET if decided == "16 Mar 2026" else DutyStatus.MET_LATE)


def test_while_nothing_is_decided_the_authority_is_late_with_its_decision_and_not_with_a_refusal() -> None:
    found = duties(history(("ehc_assessment_requested", "2 Feb 2026")))
    negative, either = rule(found, "ehc_no_assess_determination_notify"), rule(found, "ehc_assess_decision_notify")
    on = day("17 Mar 2026")
    assert (status_of(negative, on), days_late(negative, on)) == (DutyStatus.NO_DATE, 0)
    assert (status_of(either, on), days_late(either, on)) == (DutyStatus.BREACHED, 1)
    assert status_of(negative, day("16 Mar 2026")) == DutyStatus.DUE_SOON
