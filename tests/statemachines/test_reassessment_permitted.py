"""What may happen in every state of a re-assessment, written out by hand from CFA 2014 s44, s45 and SEND Regs 2014 regs
23 to 27.

The table below is read by a person against the law; the machine must agree with it.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from models.facts import StoredFact
from statemachines.process import NotPermitted
from statemachines.reassessment import PROCESS
from statemachines.replay import replay
from tests.support.asked_bodies import ABOUT_WHO_WAS_ASKED
from tests.support.by_hand import CASE, PAEDS, TRUST, history
from tests.support.hand_table import HandTable, asked_before

ABOUT_ADVICE = {
    "health_advice_acknowledged",
    "health_advice_answered",
    "health_advice_received",
    "health_advice_returned",
    "appointment_missed",
    "waiting_list_stated",
    "excuse_claimed",
    "excuse_decided",
    "chasing_paused",
    "contact_made",
    "body_replied",
    "case_linked",
    "case_unlinked",
    "dco_attended",
    "health_advice_request_repeated",
    "health_advice_called_for_again",  # after an order (reg 44(2)(b)); once the order is withdrawn, until it is too
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
# Accepted in every state: another time that the Tribunal set (reg 44(1)) or the parties agreed in writing (reg 42(5)).
OPEN = ABOUT_ADVICE | ENDS | ALWAYS | ENGINE | {"time_directed", "time_agreed", "order_set_aside"}
ASK = {"health_advice_requested"}
# CFA 2014 s42(3): what section G of the final plan says is arranged, for as long as the plan says it.
SECTION_G = {"section_g_arranged", "section_g_stopped", "section_g_replaced"}

ORDERS = {"reassessment_ordered", "reassessment_conceded", "reassessment_mediated"}
PLAN = {"draft_plan_received", "section_g_agreed", "final_plan_received", "plan_kept", "cease_decided"}
# reg 13(1)(a): our team checks the draft while the family may make representations.
OVERSIGHT = {"draft_plan_checked", "draft_comments_sent"}
# The plan of a child who moves is transferred; the authority that receives it decides (reg 15(4)).
MOVED = {"child_moved_away"}
# The decision that the plan goes on has fallen, and the appeal against ceasing goes on.
RESUMED = {"cease_appeal_resumed"}
# Another requester while the first waits for an answer (reg 25(1)); a plan that ceases on another case (s45).
AGAIN = {"reassessment_request_repeated"}
PLAN_END = {"plan_ended", "plan_resumed"}

PERMITTED = {
    # reg 25(1): whether it will re-assess. A body may be asked early, as in an assessment (reg 26 with reg 8(1)).
    # Reg 31 asks for no re-assessment before a decision to cease.
    "requested": OPEN | MOVED | ASK | AGAIN | {"reassessment_agreed", "reassessment_refused", "cease_decided"},
    # A refusal rests: the authority may turn, the Tribunal may order (reg 44(2)(b)), the authority may not oppose the
    # appeal (reg 45(3)), and both may agree in mediation (reg 42(2)).
    "refused": OPEN | MOVED | ORDERS | {"refusal_reversed"},
    # reg 27(2): the final plan; s51(2)(e): or the plan stays as it is; s45(1)(b): or it is no longer necessary. A
    # reversal ends no appeal, so that an order may be made by consent (HESC Rules 2008 r29).
    "reassessing": OPEN | MOVED | ASK | ORDERS | PLAN | RESUMED,
    "drafting": OPEN | MOVED | ASK | ORDERS | PLAN | OVERSIGHT,
    "planned": OPEN | SECTION_G | PLAN_END | OVERSIGHT | {"section_g_agreed"},
    "kept": OPEN,
    "ceasing": (
        OPEN
        | {"mediation_certificate_heard", "cease_appealed", "cease_appeal_determined", "plan_ceased", "cease_reversed"}
        | RESUMED
    ),
    "ceased": OPEN | {"cease_reversed"},
    "withdrawn": ALWAYS | ENGINE,
    "closed": ALWAYS | ENGINE,
}
MOVES_2 = {
    ("requested", "reassessment_agreed"): "reassessing",
    ("requested", "reassessment_refused"): "refused",
    ("refused", "refusal_reversed"): "reassessing",
    ("refused", "reassessment_ordered"): "reassessing",
    ("refused", "reassessment_conceded"): "reassessing",
    ("refused", "reassessment_mediated"): "reassessing",
    ("reassessing", "draft_plan_received"): "drafting",
    ("drafting", "draft_plan_received"): "drafting",
    ("reassessing", "final_plan_received"): "planned",
    ("drafting", "final_plan_received"): "planned",
    ("reassessing", "cease_decided"): "ceasing",
    ("drafting", "cease_decided"): "ceasing",
    ("ceasing", "plan_ceased"): "ceased",
    ("ceasing", "cease_reversed"): "reassessing",
    ("ceased", "cease_reversed"): "reassessing",
} | {
    (state, kind): end
    for state in PERMITTED.keys() - {"kept", "withdrawn", "closed"}
    for kind, end in (("case_withdrawn", "withdrawn"), ("case_closed", "closed"))
}
MOVES = MOVES_2 | {
    ("reassessing", "plan_kept"): "kept",
    ("reassessing", "cease_appeal_resumed"): "ceasing",
    ("drafting", "plan_kept"): "kept",
    ("requested", "cease_decided"): "ceasing",
    ("kept", "case_withdrawn"): "withdrawn",
    ("kept", "case_closed"): "closed",
}
CEASED_OR_TO_CEASE = asked_before("cease_decided", "plan_ceased", per_body=False)


def about_ceasing(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A certificate of mediation about another decision gives nobody longer here (HESC Rules 2008 r20(1)(c))."""
    return fact.data.get("decision") in (None, "ceasing") and CEASED_OR_TO_CEASE(before, fact)


TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    unusual_moves={
        ("refused", "reassessment_agreed"): "reassessing",  # the authority turned, in other words
        **{(state, "reassessment_refused"): "refused" for state in ("reassessing", "drafting")},
        **{("requested", kind): "reassessing" for kind in ORDERS},
        # Nobody was notified that the authority would re-assess (reg 25(1)), or it turned once more.
        **{(state, "draft_plan_received"): "drafting" for state in ("requested", "refused", "kept")},
        **{(state, "final_plan_received"): "planned" for state in ("requested", "refused", "kept")},
        ("requested", "plan_kept"): "kept",
        ("ceasing", "plan_kept"): "kept",
        **{(state, "plan_ceased"): "ceased" for state in ("requested", "reassessing", "drafting")},
    },
    leaves={
        "reassessment_agreed": "the plan in fourteen weeks (reg 27(2)); what reg 25(1) asked for was late",
        "reassessment_refused": "what an order asks for, and what reg 23 asks for where the board requested it",
        "refusal_reversed": "the plan in fourteen weeks (reg 27(2))",
        **dict.fromkeys(ORDERS, "the order's fourteen weeks, unless the plan is there already"),
        "child_moved_away": "nothing: there is nothing left to re-assess here",
        "draft_plan_received": "whether to re-assess was never notified, and is not owed any more",
        "final_plan_received": "section G (s42(3)); whether to re-assess was never notified, and is not owed any more",
        "plan_kept": "nothing of the plan; whether to re-assess was never notified, and is not owed any more",
        **dict.fromkeys(OVERSIGHT, "nothing: no draft plan is there to be checked"),
        "section_g_agreed": "nothing of reg 12(2)",
        **dict.fromkeys(SECTION_G, "section G of the plan that there is (s42(3))"),
        "health_advice_requested": "the body's six weeks from its receipt (reg 8(1))",
        "cease_decided": "the day before which the plan may not cease (s45(4))",
        "mediation_certificate_heard": "nothing: it lengthens the time to appeal",
        "cease_appealed": "the plan, until the appeal is determined (s45(4)(b))",
        "cease_appeal_determined": "nothing: the appeal is over",
        "cease_appeal_resumed": "the plan, until the appeal is determined (s45(4)(b))",
        **dict.fromkeys(AGAIN, "nothing: a new request has a case of its own"),
        **dict.fromkeys(PLAN_END, "section G of a plan that goes on (s42(3))"),
        "plan_ceased": "the day before which the plan could not cease (s45(4))",
        "cease_reversed": "the plan, as if nobody had decided to cease",
    },
    possible={
        **ABOUT_WHO_WAS_ASKED,
        "refusal_reversed": asked_before("reassessment_refused", per_body=False),
        "section_g_stopped": asked_before("section_g_arranged", per_body=False),
        "mediation_certificate_heard": about_ceasing,
        "cease_appealed": CEASED_OR_TO_CEASE,
        "cease_appeal_determined": asked_before("cease_appealed", per_body=False),
        "cease_appeal_resumed": asked_before("cease_appealed", per_body=False),
        "order_set_aside": asked_before("reassessment_ordered", per_body=False),
        "cease_reversed": CEASED_OR_TO_CEASE,
        "plan_resumed": asked_before("plan_ended", per_body=False),
    },
)
ASKED = {"body": TRUST, "service": PAEDS}
NOT_NECESSARY = {"ground": "not_necessary"}
RECENT = {"ground": "assessed_in_six_months"}


def asked_by(who: str, **data: Any) -> tuple[str, str, dict[str, Any]]:
    return ("reassessment_requested", "2 Mar 2026", {"la": "northshire", "requested_by": who, **data})


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
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"reassessment_requested"}
    assert PROCESS.initial == "requested"
    assert PROCESS.final == {"withdrawn", "closed"}
    assert dict(PROCESS.usual_moves) == MOVES


def test_the_first_version_knew_an_order_alone_and_replays_for_ever() -> None:
    later = {("refused", "reassessment_conceded"), ("refused", "reassessment_mediated")}
    assert PROCESS.tables[2] == MOVES_2
    assert PROCESS.tables[1] == {move: target for move, target in MOVES_2.items() if move not in later}


@pytest.mark.parametrize("ground", ["not_necessary", "assessed_in_six_months"])
def test_a_boards_request_compels_the_authority(ground: str) -> None:
    """SEND Regs 2014 reg 23; reg 24 speaks of requests under s44(2) only."""
    request = asked_by("rcb", body="QX900", last_assessed_on="2026-01-05", assessed_in_window="yes")
    sentence = refused(request, ("reassessment_refused", "9 Mar 2026", {"ground": ground}))
    assert "compels the authority (SEND Regs 2014 reg 23; reg 24 does not reach it)" in sentence
    assert sentence.endswith("Lawful then: reassessment_agreed")
    assert replay(CASE, history(request, ("reassessment_agreed", "9 Mar 2026"))).state == "reassessing"


@pytest.mark.parametrize("who", ["parent", "young_person", "institution"])
def test_others_may_be_refused_within_the_window_or_where_it_is_not_necessary(who: str) -> None:
    within = asked_by(who, last_assessed_on="2025-09-02", assessed_in_window="yes")
    before = asked_by(who, last_assessed_on="2025-09-01", assessed_in_window="no")
    assert replay(CASE, history(within, ("reassessment_refused", "9 Mar 2026", RECENT))).state == "refused"
    assert replay(CASE, history(before, ("reassessment_refused", "9 Mar 2026", NOT_NECESSARY))).state == "refused"
    assert replay(CASE, history(asked_by(who), ("reassessment_refused", "9 Mar 2026", RECENT))).state == "refused", (
        "nobody has said when it was"
    )
    sentence = refused(before, ("reassessment_refused", "9 Mar 2026", RECENT))
    assert (
        "the last assessment, of 2025-09-01, was made more than six months before the request (SEND Regs 2014 reg 24)"
        in sentence
    )
    assert "Lawful then: reassessment_agreed, or reassessment_refused with ground=not_necessary" in sentence


def test_where_nobody_asked_there_is_nothing_to_refuse() -> None:
    assert "nobody asked" in refused(asked_by("la"), ("reassessment_refused", "9 Mar 2026", NOT_NECESSARY))


def test_regulation_8_runs_again_for_each_body_that_is_asked() -> None:
    agreed = ("reassessment_agreed", "9 Mar 2026")
    asked, came = ("health_advice_requested", "16 Mar 2026", ASKED), ("health_advice_received", "20 Apr 2026", ASKED)
    assert "record health_advice_requested" in refused(asked_by("parent"), agreed, came)
    assert "nothing is outstanding" in refused(
        asked_by("parent"), agreed, asked, came, ("health_advice_received", "21 Apr 2026", ASKED)
    )
    assert replay(CASE, history(asked_by("parent"), asked, came)).state == "requested", (
        "a body may be asked before the decision"
    )
    sentence = refused(
        asked_by("parent"),
        agreed,
        ("final_plan_received", "8 Jun 2026"),
        ("health_advice_requested", "9 Jun 2026", ASKED),
    )
    assert "stands at 'Final plan received'" in sentence


def test_a_plan_does_not_cease_while_an_appeal_against_it_stands() -> None:
    """CFA 2014 s45(4)(b)."""
    to_cease = [asked_by("la"), ("reassessment_agreed", "2 Mar 2026"), ("cease_decided", "1 May 2026")]
    sentence = refused(*to_cease, ("cease_appealed", "1 Jun 2026"), ("plan_ceased", "1 Aug 2026"))
    assert "s45(4)(b)" in sentence
    assert (
        replay(CASE, history(*to_cease, ("cease_appealed", "1 Jun 2026"), ("cease_reversed", "1 Aug 2026"))).state
        == "reassessing"
    )
