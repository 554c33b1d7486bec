"""What may happen in every state of a Tribunal case, written out by hand from CFA 2014 s51, HESC Rules 2008, SEND Regs
2014 regs 43 to 45 and SI 2017/1306.
"""

import pytest

from statemachines.tribunal import PROCESS

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
ALWAYS = {"fact_corrected", "fact_withdrawn"} | ENGINE
# Accepted in every state: what the authority does, also on another case, and another time that the Tribunal directs
# for any duty (r5(3)(a), reg 44(1), SI 2017/1306 reg 6(4)).
PLANS = {
    "assessment_notified",
    "no_plan_notified",
    "draft_plan_sent",
    "final_plan_sent",
    "case_reconsidered",
    "amended_plan_sent",
    "placement_amended",
    "plan_continued",
}
OPEN = (
    ALWAYS
    | PLANS
    | {
        "excuse_claimed",
        "excuse_decided",
        "chasing_paused",
        "contact_made",
        "case_withdrawn",
        "case_closed",
        "mediation_certificate_heard",
        "time_directed",
    }
)
SITTING = {"hearing_held", "hearing_adjourned"}
DIRECTIONS = {
    "evidence_directed",
    "bundle_directed",
    "hearing_directed",
    "evidence_filed",
    "bundle_received",
    "witnesses_named",
}
HEALTH = {
    "health_evidence_directed",
    "health_evidence_requested",
    "health_evidence_acknowledged",
    "health_evidence_given",
    "appeal_extended",
}
LATE_EVIDENCE = {"health_evidence_acknowledged", "health_evidence_given"}
# reg 45(1): before the authority submits a response; after it, only an order ends the appeal for the family.
CONCEDED = {
    "refusal_to_assess_conceded",
    "refusal_to_reassess_conceded",
    "refusal_to_issue_conceded",
    "contents_conceded",
    "placement_conceded",
    "placement_and_contents_conceded",
    "ceasing_conceded",
}
# reg 43(2), reg 44(2): each kind of order; several may be made together.
ORDERS = {
    "order_to_assess_made",
    "order_to_reassess_made",
    "order_to_make_plan_made",
    "order_to_reconsider_made",
    "order_to_amend_provision_made",
    "order_to_amend_placement_made",
    "order_to_continue_made",
    "order_to_continue_and_amend_made",
}
OUTCOMES = ORDERS | {"appeal_dismissed", "ceasing_upheld", "appeal_withdrawn"}
# SI 2017/1306 regs 4 to 7: made when the appeal is decided.
RECOMMENDATIONS = {
    "health_recommendation_made",
    "health_recommendation_answered",
    "health_response_copied",
    "social_care_recommendation_made",
    "social_care_recommendation_answered",
    "social_care_response_copied",
}
# HESC Rules Part 5: from the day on which the decision or its reasons were sent.
PERMISSION = {
    "decision_sent",
    "reasons_sent",
    "permission_applied",
    "permission_refused",
    "permission_granted",
    "ut_permission_applied",
}
PENDING = OPEN | DIRECTIONS | HEALTH | SITTING | OUTCOMES
DECIDED = OPEN | LATE_EVIDENCE | RECOMMENDATIONS | PERMISSION | {"plan_ceased"}
CLAIM = OPEN | DIRECTIONS | SITTING | {"claim_withdrawn", "claim_decided"}

PERMITTED = {
    # r20(1)(c): two months from the notice, one from the certificate; r21: registered, and the authority has it.
    "decided": (
        OPEN | {"appeal_received", "appeal_registered", "extended_appeal_registered", "discrimination_claim_received"}
    ),
    "registered": PENDING | CONCEDED | {"la_responded"},
    "responded": PENDING,
    "adjourned": PENDING | {"la_responded"},
    "heard": (PENDING - {"hearing_held"}) | {"la_responded"} | RECOMMENDATIONS,
    "ordered": DECIDED | ORDERS,
    "dismissed": DECIDED,
    "conceded": OPEN | LATE_EVIDENCE,
    "given_up": OPEN | LATE_EVIDENCE,
    "claimed": CLAIM | {"claim_responded"},
    "claim_answered": CLAIM,
    "claim_over": OPEN | PERMISSION,
    "withdrawn": ALWAYS,
    "closed": ALWAYS,
}
UNDER_WAY = ("registered", "responded", "adjourned", "heard")
MOVES = {
    ("decided", "appeal_registered"): "registered",
    ("decided", "extended_appeal_registered"): "registered",
    ("decided", "discrimination_claim_received"): "claimed",
    ("registered", "la_responded"): "responded",
    **{(state, "la_responded"): state for state in ("adjourned", "heard")},
    **{(state, "hearing_held"): "heard" for state in ("registered", "responded", "adjourned")},
    **{(state, "hearing_adjourned"): "adjourned" for state in UNDER_WAY},
    **{(state, kind): state for state in ("claimed", "claim_answered") for kind in SITTING},
    **{("registered", kind): "conceded" for kind in CONCEDED},
    **{(state, kind): "ordered" for state in (*UNDER_WAY, "ordered") for kind in ORDERS},
    **{(state, kind): "dismissed" for state in UNDER_WAY for kind in ("appeal_dismissed", "ceasing_upheld")},
    **{(state, "appeal_withdrawn"): "given_up" for state in UNDER_WAY},
    ("claimed", "claim_responded"): "claim_answered",
    **{
        (state, kind): "claim_over"
        for state in ("claimed", "claim_answered")
        for kind in ("claim_withdrawn", "claim_decided")
    },
    **{
        (state, f"case_{end}"): end
        for state in PERMITTED
        for end in ("withdrawn", "closed")
        if state not in ("withdrawn", "closed")
    },
}


@pytest.mark.parametrize("state", sorted(PERMITTED))
def test_exactly_these_facts_are_lawful_in_each_state(state: str) -> None:
    assert set(PROCESS.permitted(state)) == PERMITTED[state]


def test_every_state_and_fact_is_in_the_table_and_leads_where_the_law_says() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"decision_notified"}
    assert dict(PROCESS.table) == MOVES


def test_a_case_may_begin_without_the_decision() -> None:
    assert PROCESS.opens == "decision_notified"
    assert PROCESS.opens_too == {"appeal_registered", "extended_appeal_registered", "discrimination_claim_received"}
