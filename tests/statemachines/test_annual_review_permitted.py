"""What may happen in every state of a review, written out by hand from CFA 2014 s44, s45 and SEND Regs 2014 regs 18 to
22.

The table below is read by a person against the law; the machine must agree with it.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from models.facts import StoredFact
from statemachines.annual_review import PROCESS
from statemachines.process import NotPermitted
from statemachines.replay import replay
from tests.support.by_hand import CASE, PAEDS, SALT, TRUST, history
from tests.support.hand_table import HandTable, asked_before

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
    "body_replied",
    "case_linked",
    "case_unlinked",
    "dco_attended",
}
ENDS = {"case_withdrawn", "case_closed"}
ALWAYS = {"fact_corrected", "fact_withdrawn", "person_died", "person_flagged_sensitive"}
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
    "notice_undelivered",
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
# reg 22(2)(c): our team checks what is proposed while the family may make representations.
OVERSIGHT = {"draft_plan_checked", "draft_comments_sent"}
OUTSIDE = DONE | SECTION_G | OVERSIGHT | {"section_g_agreed"}
APPEAL = {"cease_appealed", "cease_appeal_determined", "cease_appeal_resumed"}
CEASING = APPEAL | {"mediation_certificate_heard", "plan_ceased", "cease_reversed"}
RESUMED = {"cease_appeal_resumed"}

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
            "cease_decided",
        }
        | OUTSIDE
        | RESUMED
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
            "cease_decided",
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
    # CFA 2014 s45, reg 31: ceasing may be decided at any time.
    "kept": (
        OPEN | SECTION_G | DONE | RESUMED | OVERSIGHT | {"review_report_received", "setting_confirmed", "cease_decided"}
    ),
    # reg 22(2): the notice of proposed amendments; reg 12(2): section G agreed.
    "amending": (
        OPEN
        | TRANSFERS
        | SECTION_G
        | DONE
        | {"review_report_received", "amendment_notice_sent", "section_g_agreed", "cease_decided"}
    ),
    # reg 22(3), (4): the amended plan, or notice that there will be none.
    "noticed": (
        OPEN
        | TRANSFERS
        | SECTION_G
        | DONE
        | OVERSIGHT
        | {"review_report_received", "section_g_agreed", "amended_plan_received", "amendment_dropped", "cease_decided"}
    ),
    # CFA 2014 s42(3): what section G of the amended plan says is arranged, for as long as the plan says it.
    "amended": (
        OPEN
        | SECTION_G
        | DONE
        | OVERSIGHT
        | {"review_report_received", "section_g_agreed", "setting_confirmed", "cease_decided"}
    ),
    # s45(4): the plan remains in force until the time to appeal is over, or the appeal is finally determined.
    "ceasing": OPEN | CEASING | DONE | {"review_report_received"},
    # An appeal may come, and be determined, after the plan has ceased too early.
    "ceased": OPEN | {"review_report_received", "cease_reversed"} | APPEAL,
    "ended": OPEN | {"plan_resumed"},
    # Reg 31 asks for consultation and for no review: until the plan ceases the review is owed, and may be held.
    "ceasing_early": (
        OPEN
        | TRANSFERS
        | OUTSIDE
        | CEASING
        | {
            "plan_transferred",
            "early_review_called",
            "review_meeting_arranged",
            "review_meeting_cancelled",
            "health_professional_invited",
            "meeting_notice_given",
            "review_advice_circulated",
            "review_meeting_held",
            "review_report_received",
            "plan_amendment_proposed",
        }
    ),
    "ceased_early": OPEN | {"review_report_received", "cease_reversed"} | APPEAL,
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
    # The Tribunal's word that the plan goes on has fallen: the decision to cease is under appeal again.
    ("kept", "cease_appeal_resumed"): "ceasing",
    ("waiting", "cease_appeal_resumed"): "ceasing_early",
    ("waiting", "plan_ended"): "ended",
    ("arranged", "plan_ended"): "ended",
    ("held", "plan_ended"): "ended",
    ("ended", "plan_resumed"): "waiting",
    **{(state, "cease_decided"): "ceasing_early" for state in ("waiting", "arranged")},
    **{(state, "cease_decided"): "ceasing" for state in ("kept", "amending", "noticed", "amended")},
    ("ceasing_early", "plan_ceased"): "ceased_early",
    **{(state, "cease_reversed"): "waiting" for state in ("ceasing_early", "ceased_early")},
} | {
    (state, kind): end
    for state in PERMITTED.keys() - {"withdrawn", "closed"}
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}


def invited(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A body answers what it was invited to: the whole body, or the same service of it."""
    return any(
        each.kind == "health_professional_invited"
        and each.data["body"] == fact.data["body"]
        and (fact.data.get("service") is None or each.data.get("service") in (None, fact.data["service"]))
        for each in before
    )


def awaited(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Something that this body was invited to give has not come, or came and was returned."""
    waits: dict[str | None, bool] = {}
    asked: set[str | None] = set()
    for each in before:
        if each.data.get("body") != fact.data["body"]:
            continue
        service = each.data.get("service")
        if each.kind == "health_professional_invited":
            asked.add(service)
            waits[service] = True
        elif each.kind in ("review_advice_received", "review_advice_declined"):
            waits = {of: True for of in waits if not (service is None or of in (None, service))}
        elif each.kind == "review_advice_returned" and service in asked:
            waits[service] = True
    service = fact.data.get("service")
    return bool(waits) if service is None else service in waits or None in waits


def returnable(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """What is returned has come: the body was invited, and nothing of it is awaited."""
    return invited(before, fact) and not awaited(before, fact)


def about_ceasing(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A certificate is of mediation about ceasing, once the family has the decision."""
    return fact.data.get("decision") in (None, "ceasing") and decided_to_cease(before, fact)


def under_way(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Of notice, plan and word that there will be none, outside a review, the notice came last."""
    kinds = [each.kind for each in before if each.kind.startswith("plan_amendment_")]
    return kinds[-1:] == ["plan_amendment_proposed"]


def made_first(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """Walks begin with another opening fact, so that a plan made later is made twice."""
    return False


decided_to_cease = asked_before("cease_decided", "plan_ceased", per_body=False)
EVERYWHERE_BUT_IN_ITS_PLACE = {
    "plan_transferred": "the new authority's review (reg 15(5)); the decision of the old one stays as it was",
    "early_review_called": "nothing: the law gives an early review no day",
    **dict.fromkeys(
        TRANSFERS - {"setting_confirmed"}, "the review and the amended plan before the day of reg 18, met or missed"
    ),
    "setting_confirmed": "nothing: it meets the duty of reg 18 if that is open",
    "review_meeting_arranged": "notice and advice two weeks before the meeting (regs 20(3), (4), 21(3), (4))",
    "review_meeting_cancelled": "the review, as before; notice and advice for that meeting are pointless",
    "meeting_notice_given": "nothing of the notice, given in time or late",
    "health_professional_invited": "the body's advice before the meeting",
    "review_advice_circulated": "nothing of the advice, sent round in time or late",
    "review_meeting_held": "the report in two weeks and the decision in four; an earlier meeting's are owed still",
    "review_report_received": "nothing of the report that was owed; a meeting that is recorded later owes one",
    "plan_kept": "the review, where no meeting was held; what was proposed is dropped, and ceasing too",
    "amendment_decided": "the notice of amendments in the four weeks of the meeting (Devon)",
    "amendment_notice_sent": "fifteen days for the family and the plan in eight weeks (reg 22(2), (3)) of each notice",
    "amendment_dropped": "nothing of the notice that is not needed any more",
    **dict.fromkeys(OVERSIGHT, "nothing: nothing that is proposed is there to be checked"),
    "section_g_agreed": "nothing: it meets the agreement that is owed (reg 12(2))",
    "amended_plan_received": "the notice that was never sent; section G, if it is another one (s42(3))",
    "plan_amendment_proposed": "fifteen days for the family and the plan in eight weeks (regs 28, 22)",
    "plan_amendment_made": "section G, if it is another one (s42(3)); no day is given for a notice that was not sent",
    "plan_amendment_dropped": "nothing of what was proposed outside the review",
    "section_g_arranged": "nothing: the duty is met for as long as it stays arranged (s42(3))",
    "section_g_stopped": "all that section G says, again (s42(3))",
    "section_g_replaced": "nothing under the earlier plan; the later plan's section G is owed there",
    "cease_decided": "the review, where none was held; the plan until the appeal's time is over (s45(4))",
    "mediation_certificate_heard": "nothing: it lengthens the time to appeal, if that still runs",
    "cease_appealed": "the plan, until the appeal is finally determined (s45(4)(b))",
    "cease_appeal_determined": "nothing: from then on the plan may cease",
    "cease_appeal_resumed": "the plan, until the appeal is finally determined (s45(4)(b))",
    "plan_ceased": "what was owed in time and was not done; ceasing too early shows as such",
    "cease_reversed": "the review that was owed before, by its old day",
    "plan_ended": "nothing: what was owed under the plan ends with it",
    "plan_resumed": "the review that was owed before, by its old day",
    "plan_reassessed": "the next review, twelve months after the new plan (reg 27(4)); the amendments are pointless",
}
EARLY = ("waiting", "arranged")
TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={
        # Reg 27(4): the re-assessed plan takes the place of what was to be amended or to cease.
        **{(state, "plan_reassessed"): "waiting" for state in ("amending", "noticed", "ceasing", "ceasing_early")},
        # A further meeting after the decision opens the question again.
        **{(state, "review_meeting_held"): "held" for state in ("kept", "amended")},
        # Decided without a meeting, twice, or otherwise than before.
        **{(state, "plan_kept"): "kept" for state in (*EARLY, "amending", "noticed", "ceasing", "ceasing_early")},
        **{
            (state, "amendment_decided"): "amending"
            for state in (*EARLY, "kept", "amended", "ceasing", "ceasing_early")
        },
        # Notice and plan that skip the steps before them.
        **{(state, "amendment_notice_sent"): "noticed" for state in (*EARLY, "held", "kept", "amended")},
        ("amending", "amendment_dropped"): "kept",
        **{(state, "amended_plan_received"): "amended" for state in (*EARLY, "held", "kept", "amending")},
        # s45: ceased without a decision.
        **{(state, "plan_ceased"): "ceased" for state in ("held", "kept", "amending", "noticed", "amended")},
        **{(state, "plan_ceased"): "ceased_early" for state in EARLY},
        **{(state, "plan_ended"): "ended" for state in ("amending", "noticed", "ceasing", "ceasing_early")},
    },
    leaves=EVERYWHERE_BUT_IN_ITS_PLACE,
    possible={
        "plan_made": made_first,
        "review_invitation_acknowledged": invited,
        "review_advice_received": invited,
        "review_advice_declined": invited,
        "review_advice_returned": returnable,
        "amendment_dropped": asked_before("amendment_decided", "amendment_notice_sent", per_body=False),
        "plan_amendment_dropped": under_way,
        "section_g_stopped": asked_before("section_g_arranged", per_body=False),
        "mediation_certificate_heard": about_ceasing,
        "cease_appealed": decided_to_cease,
        "cease_appeal_determined": asked_before("cease_appealed", per_body=False),
        "cease_appeal_resumed": asked_before("cease_appealed", per_body=False),
        "cease_reversed": decided_to_cease,
        "plan_resumed": asked_before("plan_ended", per_body=False),
    },
    again={
        "plan_made": ("waiting",),
        "plan_reassessed": ("waiting", "arranged", "held", "amending", "noticed", "ceasing", "ceasing_early"),
    },
)

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
    assert dict(PROCESS.usual_moves) == MOVES


@pytest.mark.parametrize("opening", ["plan_made", "plan_reviewed", "plan_reassessed"])
def test_a_cycle_begins_with_a_plan_made_reviewed_or_reassessed(opening: str) -> None:
    assert replay(CASE, history((opening, "2 Mar 2026", {"la": "northshire"}))).state == "waiting"


def test_a_plan_is_made_once() -> None:
    assert "a plan is made once" in refused(MADE, ("plan_made", "3 Mar 2026"))
    assert "a plan is made once" in refused(("plan_reviewed", "2 Mar 2026"), ("plan_made", "3 Mar 2026"))


def test_the_decision_follows_the_meeting_and_the_notice_the_decision() -> None:
    early = refused(MADE, ("review_meeting_arranged", "1 Dec 2026", MEETING), ("plan_kept", "2 Dec 2026"))
    assert (
        "stands at 'Review meeting arranged'. " in early and "Lawful then: " in early and "review_meeting_held" in early
    )
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
