"""What may happen in every state of a review, written out by hand from CFA 2014 s44, s45 and SEND Regs 2014 regs 18 to
22.

The table below is read by a person against the law; the machine must agree with it.
"""

from typing import Any

import pytest

from statemachines.annual_review import PROCESS
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import CASE, PAEDS, SALT, TRUST, history

# Accepted in every state but an end: advice that still arrives, claimed exceptions and pauses.
ABOUT_ADVICE = {
    "review_invitation_acknowledged",
    "review_advice_received",
    "review_advice_declined",
    "review_advice_returned",
    "excuse_claimed",
    "excuse_decided",
    "chasing_paused",
    "contact_made",
    "dco_attended",
}
ENDS = {"case_withdrawn", "case_closed"}
ALWAYS = {"fact_corrected", "fact_withdrawn"}
ENGINE = {
    "chasing_began",
    "child_joined",
    "child_parted",
    "reminder_due",
    "breached",
    "escalation_due",
    "rung_withdrawn",
    "notice_sent",
    "notice_failed",
    "notice_came_back",
    "letters_held",
    "letters_released",
}
OPEN = ABOUT_ADVICE | ENDS | ALWAYS | ENGINE
# reg 18: a transfer to come may be learned of until the cycle's decision has been carried out.
TRANSFERS = {"post16_transfer_planned", "phase_transfer_planned", "post16_move_planned", "setting_confirmed"}
# reg 27(4), reg 15: a re-assessment's plan or another authority starts a new cycle; the plan may end before its
# review.
REPEATED = {"plan_reassessed", "plan_transferred", "plan_ended"}
# CFA 2014 s42(3), once an amended plan has come in this cycle. Reg 28: an amendment outside the review, begun before
# the meeting.
SECTION_G = {"section_g_arranged", "section_g_stopped", "section_g_replaced"}
DONE = {"plan_amendment_made", "plan_amendment_dropped"}
OUTSIDE = DONE | SECTION_G | {"section_g_agreed"}
CEASING = {"mediation_certificate_heard", "cease_appealed", "cease_appeal_determined", "plan_ceased", "cease_reversed"}

PERMITTED = {
    "waiting": (
        OPEN
        | TRANSFERS
        | REPEATED
        | {
            "plan_made",
            "early_review_called",
            "review_meeting_arranged",
            "health_professional_invited",
            "review_meeting_held",
        }
        | OUTSIDE
        | {"plan_amendment_proposed"}
    ),
    "arranged": (
        OPEN
        | TRANSFERS
        | REPEATED
        | OUTSIDE
        | {"plan_amendment_proposed"}
        | {
            "early_review_called",
            "review_meeting_arranged",
            "review_meeting_cancelled",
            "health_professional_invited",
            "meeting_notice_given",
            "review_advice_circulated",
            "review_meeting_held",
        }
    ),
    # reg 20(10): keep, amend or cease, within four weeks of the meeting; the report, the notice and the round of advice
    # may be learned of late.
    "held": (
        OPEN
        | TRANSFERS
        | REPEATED
        | OUTSIDE
        | {
            "meeting_notice_given",
            "review_advice_circulated",
            "review_report_received",
            "plan_kept",
            "amendment_decided",
            "cease_decided",
        }
    ),
    "kept": OPEN | SECTION_G | DONE | {"review_report_received", "setting_confirmed"},
    # reg 22(2): the notice of proposed amendments; reg 12(2): section G agreed.
    "amending": (
        OPEN | TRANSFERS | SECTION_G | DONE | {"review_report_received", "amendment_notice_sent", "section_g_agreed"}
    ),
    # reg 22(3), (4): the amended plan, or notice that there will be none.
    "noticed": (
        OPEN
        | TRANSFERS
        | SECTION_G
        | DONE
        | {"review_report_received", "section_g_agreed", "amended_plan_received", "amendment_dropped"}
    ),
    # CFA 2014 s42(3): what section G of the amended plan says is arranged, for as long as the plan says it.
    "amended": OPEN | SECTION_G | DONE | {"review_report_received", "section_g_agreed", "setting_confirmed"},
    # s45(4): the plan remains in force until the time to appeal is over, or the appeal is finally determined.
    "ceasing": OPEN | CEASING | DONE | {"review_report_received"},
    "ceased": OPEN | {"review_report_received", "cease_reversed"},
    "ended": OPEN | {"plan_resumed"},
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
MOVES = {
    ("waiting", "plan_made"): "waiting",
    ("waiting", "plan_reassessed"): "waiting",
    ("arranged", "plan_reassessed"): "waiting",
    ("held", "plan_reassessed"): "waiting",
    ("waiting", "review_meeting_arranged"): "arranged",
    ("arranged", "review_meeting_arranged"): "arranged",
    ("arranged", "review_meeting_cancelled"): "waiting",
    ("waiting", "review_meeting_held"): "held",
    ("arranged", "review_meeting_held"): "held",
    ("held", "plan_kept"): "kept",
    ("held", "amendment_decided"): "amending",
    ("held", "cease_decided"): "ceasing",
    ("amending", "amendment_notice_sent"): "noticed",
    ("noticed", "amendment_dropped"): "kept",
    ("noticed", "amended_plan_received"): "amended",
    ("ceasing", "plan_ceased"): "ceased",
    ("ceasing", "cease_reversed"): "kept",
    ("ceased", "cease_reversed"): "kept",
    ("waiting", "plan_ended"): "ended",
    ("arranged", "plan_ended"): "ended",
    ("held", "plan_ended"): "ended",
    ("ended", "plan_resumed"): "waiting",
} | {
    (state, kind): end
    for state in PERMITTED.keys() - {"withdrawn", "closed"}
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}
MADE = ("plan_made", "2 Mar 2026", {"la": "northshire"})
MEETING = {"meeting_on": "2027-01-11"}
ASKED = {"body": TRUST, "service": PAEDS}
TO_CEASE = [MADE, ("review_meeting_held", "11 Jan 2027"), ("cease_decided", "1 Feb 2027")]


def refused(*facts: tuple[Any, ...]) -> str:
    """The sentence with which the last of these facts is refused; the others stand."""
    replay(CASE, history(*facts[:-1]))
    with pytest.raises(NotPermitted) as problem:
        replay(CASE, history(*facts))
    assert problem.value.seq == len(facts)
    return problem.value.sentence


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


def test_every_state_and_every_fact_is_in_the_table() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"plan_reviewed"}
    assert PROCESS.initial == "waiting"
    assert PROCESS.final == {"withdrawn", "closed"}
    assert dict(PROCESS.table) == MOVES


@pytest.mark.parametrize("opening", ["plan_made", "plan_reviewed", "plan_reassessed"])
def test_a_cycle_begins_with_a_plan_made_reviewed_or_reassessed(opening: str) -> None:
    assert replay(CASE, history((opening, "2 Mar 2026", {"la": "northshire"}))).state == "waiting"


def test_a_plan_is_made_once() -> None:
    assert "a plan is made once" in refused(MADE, ("plan_made", "3 Mar 2026"))
    assert "a plan is made once" in refused(("plan_reviewed", "2 Mar 2026"), ("plan_made", "3 Mar 2026"))


def test_the_decision_follows_the_meeting_and_the_notice_the_decision() -> None:
    early = refused(MADE, ("review_meeting_arranged", "1 Dec 2026", MEETING), ("plan_kept", "2 Dec 2026"))
    assert "stands at 'Review meeting arranged'. Lawful then: " in early and "review_meeting_held" in early
    assert "Lawful then: amendment_decided" in refused(
        MADE, ("review_meeting_held", "11 Jan 2027"), ("amendment_notice_sent", "12 Jan 2027")
    )
    sentence = refused(*TO_CEASE, ("amended_plan_received", "2 Feb 2027"))
    assert "stands at 'Plan to cease'" in sentence and "plan_ceased" in sentence


def test_advice_is_given_by_who_was_invited_and_has_not_answered() -> None:
    invited = ("health_professional_invited", "1 Dec 2026", {**ASKED, **MEETING})
    given = ("review_advice_received", "14 Dec 2026", ASKED)
    assert "record health_professional_invited" in refused(MADE, given)
    assert "nothing is outstanding" in refused(MADE, invited, given, ("review_advice_received", "15 Dec 2026", ASKED))
    assert "not asked" in refused(
        MADE, invited, ("review_advice_declined", "14 Dec 2026", {"body": TRUST, "service": SALT})
    )
    assert "only advice that was received can be returned" in refused(
        MADE, invited, ("review_advice_returned", "14 Dec 2026", {**ASKED, "reason": "p"})
    )
    returned = ("review_advice_returned", "18 Dec 2026", {**ASKED, "reason": "p"})
    assert not replay(
        CASE, history(MADE, invited, given, returned, ("review_advice_received", "4 Jan 2027", ASKED))
    ).outstanding


def test_a_plan_does_not_cease_while_an_appeal_against_it_stands() -> None:
    """CFA 2014 s45(4)(b)."""
    appealed, ceased = ("cease_appealed", "1 Mar 2027"), ("plan_ceased", "1 Jun 2027")
    sentence = refused(*TO_CEASE, appealed, ceased)
    assert "s45(4)(b)" in sentence and "Lawful then: cease_appeal_determined, or cease_reversed" in sentence
    assert (
        replay(CASE, history(*TO_CEASE, appealed, ("cease_appeal_determined", "31 May 2027"), ceased)).state == "ceased"
    )
    assert replay(CASE, history(*TO_CEASE, ceased)).state == "ceased"
    assert "no appeal against ceasing is pending" in refused(*TO_CEASE, ("cease_appeal_determined", "1 Mar 2027"))
