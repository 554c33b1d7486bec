"""What may happen in every state of a Tribunal case, written out by hand from CFA 2014 s51, HESC Rules 2008, SEND Regs
2014 regs 43 to 45 and SI 2017/1306.
"""

from collections.abc import Sequence

from models.facts import StoredFact
from statemachines.tribunal import PROCESS
from tests.support.by_hand import day
from tests.support.hand_table import HandTable, Possible

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
ALWAYS = {"fact_corrected", "fact_withdrawn", "person_died", "person_flagged_sensitive"} | ENGINE
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
        "body_replied",
        "case_linked",
        "case_unlinked",
        "dco_attended",
        "case_withdrawn",
        "case_closed",
        "mediation_certificate_heard",
        "time_directed",
        # CFA 2014 s42(3): section G of a plan that was amended on an order.
        "section_g_arranged",
        "section_g_stopped",
        "section_g_replaced",
    }
)
SITTING = {"hearing_held", "hearing_adjourned"}
# The plan ceases on the case in which that was decided, and goes on again there (s45).
PLAN_END = {"plan_ceased", "plan_resumed"}
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
    "appeal_amended",
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
OUTCOMES = ORDERS | {"appeal_dismissed", "ceasing_upheld", "appeal_withdrawn", "appeal_struck_out"}
# HESC Rules 2008 r23; TCEA 2007 s12(2)(b)(i): after permission there may be another hearing, as the Tribunal directs.
DIRECTED = {"evidence_directed", "bundle_directed", "hearing_directed"}
AGAIN = SITTING | DIRECTED | {"decision_set_aside", "appeal_reinstated"}
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
DECIDED = OPEN | LATE_EVIDENCE | RECOMMENDATIONS | PERMISSION | SITTING | DIRECTED | PLAN_END | {"decision_set_aside"}
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
    # r8(6), r17(4), TCEA s12(2)(b)(i): as before the end that was taken back.
    "resumed": PENDING | {"la_responded"},
    "ordered": DECIDED | ORDERS,
    "dismissed": DECIDED,
    "conceded": OPEN | LATE_EVIDENCE | PLAN_END | {"appeal_reinstated"},
    "given_up": OPEN | LATE_EVIDENCE | PLAN_END | {"appeal_reinstated"},
    "struck_out": OPEN | LATE_EVIDENCE | PLAN_END | {"appeal_reinstated"},
    "claimed": CLAIM | {"claim_responded"},
    "claim_answered": CLAIM,
    "claim_over": OPEN | PERMISSION | {"decision_set_aside"},
    "withdrawn": ALWAYS,
    "closed": ALWAYS,
}
UNDER_WAY = ("registered", "responded", "adjourned", "heard", "resumed")
MOVES = {
    ("decided", "appeal_registered"): "registered",
    ("decided", "extended_appeal_registered"): "registered",
    ("decided", "discrimination_claim_received"): "claimed",
    **{(state, "la_responded"): "responded" for state in ("registered", "resumed")},
    **{(state, "la_responded"): state for state in ("adjourned", "heard")},
    **{
        (state, "hearing_held"): "heard"
        for state in ("registered", "responded", "adjourned", "resumed", "ordered", "dismissed")
    },
    **{(state, "hearing_adjourned"): "adjourned" for state in (*UNDER_WAY, "ordered", "dismissed")},
    **{(state, kind): state for state in ("claimed", "claim_answered") for kind in SITTING},
    **{("registered", kind): "conceded" for kind in CONCEDED},
    **{(state, kind): "ordered" for state in (*UNDER_WAY, "ordered") for kind in ORDERS},
    **{(state, kind): "dismissed" for state in UNDER_WAY for kind in ("appeal_dismissed", "ceasing_upheld")},
    **{(state, "appeal_withdrawn"): "given_up" for state in UNDER_WAY},
    **{(state, "appeal_struck_out"): "struck_out" for state in UNDER_WAY},
    **{(state, "appeal_reinstated"): "resumed" for state in ("conceded", "given_up", "struck_out")},
    **{(state, "decision_set_aside"): "resumed" for state in ("ordered", "dismissed")},
    ("claim_over", "decision_set_aside"): "claim_answered",
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

ENDED = ("conceded", "given_up", "struck_out")
CLAIMS = ("claimed", "claim_answered", "claim_over")
APPEALS = ("decided", *UNDER_WAY, "ordered", "dismissed", *ENDED)
OF_AN_APPEAL = (
    OUTCOMES
    | CONCEDED
    | RECOMMENDATIONS - {"health_recommendation_answered"}
    | {"appeal_extended", "appeal_amended", "la_responded", "appeal_received", "appeal_reinstated"}
)
NO_APPEAL_HERE = (CLAIMS, "a claim under the Equality Act 2010 is no appeal under CFA 2014 s51")
NO_CLAIM_HERE = (APPEALS, "nobody claimed discrimination on this case")
# What the Tribunal's powers reach (reg 43(2)), by what is appealed; nothing is ruled out where that is not known.
PLAN = {"contents", "placement", "placement_and_contents", "refusal_to_amend", "ceasing"}
POWERS: dict[str, set[str]] = {
    "order_to_assess_made": {"refusal_to_assess"},
    "order_to_reassess_made": {"refusal_to_reassess"},
    "order_to_make_plan_made": {"refusal_to_issue"},
    "order_to_reconsider_made": {"refusal_to_issue"},
    "order_to_amend_provision_made": PLAN,
    "order_to_amend_placement_made": PLAN,
    "order_to_continue_made": {"ceasing"},
    "order_to_continue_and_amend_made": PLAN,
    "ceasing_upheld": {"ceasing"},
    # reg 45(3) to (6A), each by the paragraph of s51(2) that it names.
    "refusal_to_assess_conceded": {"refusal_to_assess"},
    "refusal_to_reassess_conceded": {"refusal_to_reassess"},
    "refusal_to_issue_conceded": {"refusal_to_issue"},
    "contents_conceded": {"contents", "refusal_to_amend"},
    "placement_conceded": {"placement"},
    "placement_and_contents_conceded": {"placement_and_contents"},
    "ceasing_conceded": {"ceasing"},
}
BROUGHT = {"appeal_received", "appeal_registered", "extended_appeal_registered"}
BEGUN = BROUGHT | {"discrimination_claim_received"}
ON_THE_CASE = BEGUN | {"decision_notified"}


def first(*kinds: str) -> Possible:
    """Possible once one of these came."""
    return lambda before, _fact: any(each.kind in kinds for each in before)


def every(*asked: Possible) -> Possible:
    return lambda before, fact: all(each(before, fact) for each in asked)


def appealed_about(before: Sequence[StoredFact]) -> str | None:
    """What is appealed, where the case says it."""
    return next((each.data["appeal"] for each in reversed(before) if each.data.get("appeal")), None)


def within_powers(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    about = appealed_about(before)
    return about is None or about in POWERS[fact.kind]


def no_refusal_to_assess(before: Sequence[StoredFact], _fact: StoredFact) -> bool:
    """SI 2017/1306 reg 5(3): no recommendation on that appeal."""
    return appealed_about(before) != "refusal_to_assess"


def of_the_decision(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """s51(2): an appeal is against the decision of which the notice was; about a plan's parts, if it was of a plan."""
    decision = next((each.data["decision"] for each in before if each.kind == "decision_notified"), None)
    parts = {"contents", "placement", "placement_and_contents"} if decision == "contents_of_plan" else {decision}
    return decision is None or fact.data["appeal"] in parts


def of_the_appeal(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """s51(2): a notice that comes again, or after the appeal, is of the decision that the case is about."""
    decision, about = fact.data["decision"], appealed_about(before)
    parts = {"contents", "placement", "placement_and_contents"} if decision == "contents_of_plan" else {decision}
    notices = {each.data["decision"] for each in before if each.kind == "decision_notified"}
    return notices <= {decision} and (about is None or about in parts)


def of_this_notice(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """r20(1)(c): a certificate of mediation about this decision, by the decision and the day of its notice."""
    notice = next((each for each in before if each.kind == "decision_notified"), None)
    if notice is None:
        return True
    about, on = fact.data.get("decision"), fact.data.get("notice_on")
    near = on is None or abs((day(on) - notice.occurred_on).days) <= 30
    return near and about in (None, notice.data["decision"])


def same_body(kind: str) -> Possible:
    """Possible where `kind` came of the same body."""
    return lambda before, fact: any(each.kind == kind and each.data["body"] == fact.data["body"] for each in before)


def asked_for_evidence(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """The body was asked, for this service, or for none by name."""
    service = fact.data.get("service")
    return any(
        each.kind == "health_evidence_requested"
        and each.data["body"] == fact.data["body"]
        and (service is None or each.data.get("service") in (None, service))
        for each in before
    )


def says_which(wanted: str) -> Possible:
    """What answers one of several directions says which: otherwise nobody knows what is still to be done."""

    def possible(before: Sequence[StoredFact], fact: StoredFact) -> bool:
        directed = {each.seq for each in before if each.kind == wanted}
        answered = {each.data.get("opened_seq") for each in before if each.kind == fact.kind}
        named = fact.data.get("opened_seq")
        return named in directed if named is not None else len(directed - answered) < 2

    return possible


def amended_section_g(before: Sequence[StoredFact], _fact: StoredFact) -> bool:
    return any(each.kind == "amended_plan_sent" and each.data.get("section_g") == "changed" for each in before)


def names_a_part(before: Sequence[StoredFact], fact: StoredFact) -> bool:
    """A part of a decision falls alone only where that part was made."""
    part = fact.data.get("opened_seq")
    made = (*DECISION, "health_recommendation_made", "social_care_recommendation_made")
    return part is None or any(each.seq == part and each.kind in made for each in before)


ENDS_WITHOUT_DECISION = ("appeal_withdrawn", "appeal_struck_out", *CONCEDED)
DECISION = (*ORDERS, "appeal_dismissed", "ceasing_upheld", "claim_decided")
AN_APPEAL, BEGUN_BEFORE = first(*BROUGHT), first(*BEGUN)
TABLE = HandTable(
    usual=PERMITTED,
    moves=MOVES,
    again=dict.fromkeys(("appeal_registered", "extended_appeal_registered"), ("given_up", "struck_out"))
    | {"decision_notified": APPEALS},
    unusual_moves={
        # A second appeal against the decision, in time: nothing in s51 forbids it.
        **{
            (state, kind): "registered"
            for state in ("given_up", "struck_out")
            for kind in ("appeal_registered", "extended_appeal_registered")
        },
        # A notice that is sent again changes nothing of the appeal.
        **{(state, "decision_notified"): state for state in APPEALS},
        # The appeal was received, and its registration is not known.
        ("decided", "la_responded"): "responded",
        ("decided", "hearing_held"): "heard",
        ("decided", "hearing_adjourned"): "adjourned",
        ("decided", "appeal_withdrawn"): "given_up",
        ("decided", "appeal_struck_out"): "struck_out",
        **{("decided", kind): "conceded" for kind in CONCEDED},
        **{("decided", kind): "ordered" for kind in ORDERS},
        **{("decided", kind): "dismissed" for kind in ("appeal_dismissed", "ceasing_upheld")},
        # r17(2): a withdrawal needs the Tribunal's consent, so that a hearing may be held all the same; r29: consent.
        **{(state, "hearing_held"): "heard" for state in ENDED},
        **{(state, "hearing_adjourned"): "adjourned" for state in ENDED},
        **{(state, kind): "ordered" for state in (*ENDED, "dismissed") for kind in ORDERS},
        **{(state, kind): "dismissed" for state in ENDED for kind in ("appeal_dismissed", "ceasing_upheld")},
        **{(state, "appeal_reinstated"): "resumed" for state in ("ordered", "dismissed")},
    },
    leaves={
        "decision_notified": "nothing: the first notice gives the family its time (r20(1)(c))",
        "appeal_amended": "nothing: the appeal is over",
        "plan_resumed": "section G of the plan that goes on (s42(3))",
        "appeal_received": "nothing: the family's time is judged by this day (r20(1)(c))",
        "la_responded": "nothing: the response was late from the day on which it was due (r21(1)(c))",
        **dict.fromkeys(DIRECTED | {"health_evidence_directed"}, "what was directed, by the day directed"),
        **dict.fromkeys(("evidence_filed", "bundle_received"), "nothing of the direction that it answers"),
        "witnesses_named": "nothing: no duty follows from it",
        "health_evidence_requested": "the evidence, by the day that the Tribunal set",
        **dict.fromkeys(LATE_EVIDENCE, "nothing of the request, which was answered late"),
        "appeal_extended": "the request for health evidence, as directed",
        **dict.fromkeys(SITTING, "what the Tribunal orders after it, in the time of reg 44"),
        **dict.fromkeys(ORDERS, "what was ordered, in the time of reg 44(2), beside what was owed before"),
        "appeal_dismissed": "nothing: the decision of the authority is as it was",
        "ceasing_upheld": "the plan ceases at once (reg 44(2)(a))",
        **dict.fromkeys(("appeal_withdrawn", "appeal_struck_out"), "nothing that the appeal asked of anybody"),
        "appeal_reinstated": "what the Tribunal directs from then on; what had ended stays ended",
        "decision_set_aside": "nothing that the decision ordered: the case is decided again",
        **dict.fromkeys(CONCEDED, "after a response no time of reg 45 runs; before one, the times of reg 45"),
        **dict.fromkeys(PERMISSION, "the time to apply for permission, from what was sent"),
        **dict.fromkeys(RECOMMENDATIONS, "the answer in five weeks (SI 2017/1306 regs 6(3), 7(1)) and its copy"),
        "plan_ceased": "nothing: s45(4)(b) was broken if the appeal was not finally determined",
        "claim_responded": "nothing: the response was late from the day on which it was due",
        **dict.fromkeys(("claim_withdrawn", "claim_decided"), "nothing that the claim asked of anybody"),
        **dict.fromkeys(
            ("appeal_registered", "extended_appeal_registered"), "the authority's response, from its own receipt (r21)"
        ),
    },
    impossible={
        **dict.fromkeys(OF_AN_APPEAL, NO_APPEAL_HERE),
        **dict.fromkeys(("claim_responded", "claim_withdrawn", "claim_decided"), NO_CLAIM_HERE),
    },
    possible={
        **dict.fromkeys(OF_AN_APPEAL - {"appeal_received"}, AN_APPEAL),
        **dict.fromkeys(SITTING | DIRECTIONS | HEALTH | PERMISSION, BEGUN_BEFORE),
        **{kind: every(AN_APPEAL, within_powers) for kind in (*ORDERS, *CONCEDED, "ceasing_upheld")},
        "decision_notified": of_the_appeal,
        "appeal_amended": every(AN_APPEAL, of_the_decision),
        "plan_resumed": first("plan_ceased"),
        "appeal_registered": of_the_decision,
        "extended_appeal_registered": every(
            of_the_decision, lambda _before, fact: fact.data["appeal"] != "refusal_to_assess"
        ),
        "mediation_certificate_heard": of_this_notice,
        "appeal_extended": every(AN_APPEAL, no_refusal_to_assess),
        "health_recommendation_made": every(AN_APPEAL, no_refusal_to_assess),
        "social_care_recommendation_made": every(AN_APPEAL, no_refusal_to_assess),
        "health_recommendation_answered": same_body("health_recommendation_made"),
        "health_evidence_acknowledged": asked_for_evidence,
        "health_evidence_given": asked_for_evidence,
        "evidence_filed": every(BEGUN_BEFORE, says_which("evidence_directed")),
        "bundle_received": every(BEGUN_BEFORE, says_which("bundle_directed")),
        "appeal_reinstated": first(*ENDS_WITHOUT_DECISION, *DECISION),
        "decision_set_aside": every(first(*DECISION), names_a_part),
        "section_g_arranged": amended_section_g,
        "section_g_stopped": every(amended_section_g, first("section_g_arranged")),
        "section_g_replaced": amended_section_g,
    },
)


def test_every_state_and_fact_is_in_the_table_and_leads_where_the_law_says() -> None:
    assert set(PERMITTED) == set(PROCESS.states)
    assert set(PROCESS.facts) == set().union(*PERMITTED.values()) | {"decision_notified"}
    assert dict(PROCESS.usual_moves) == MOVES


def test_a_case_may_begin_without_the_decision() -> None:
    assert PROCESS.opens == "decision_notified"
    assert PROCESS.opens_too == {"appeal_registered", "extended_appeal_registered", "discrimination_claim_received"}
