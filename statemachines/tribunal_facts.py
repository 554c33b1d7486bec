"""What the facts of a Tribunal case say, where the law foresees them, and what it asks of their particulars (CFA 2014
s51; SEND Regs 2014 regs 43 to 45; SI 2017/1306).

Days to come (a hearing, a directed date) are particulars of a direction, entered as the Tribunal wrote them. It decides
no date.
"""

from collections.abc import Collection
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.common_facts import COMMISSIONERS, Opening, Seq
from models.facts import Code, FactData, Slug
from statemachines.changed_time_limits import MediationCertificate, TimeDirected, section_g_amended
from statemachines.health_advice import ByBody, Noted, was_asked
from statemachines.process import (
    HAS_ARRIVED,
    IS_DONE,
    FactDefinition,
    Guard,
    NoTransition,
    OpeningFact,
    Role,
    Transition,
    Warn,
    before,
)
from statemachines.section_g import section_g_facts
from statemachines.tribunal_guards import (
    CONCEDED,
    ORDERS,
    REQUEST,
    about_this_decision,
    after_response,
    answered_in_full,
    any_of,
    appealed,
    applied_for,
    can_be_extended,
    decided_already,
    evidence_asked_for,
    evidence_given_already,
    goes_with,
    had_ceased,
    may_recommend,
    not_over,
    of_the_decision,
    of_this_appeal,
    recommended,
    sent_again,
    since,
    was_decided,
    was_over,
    which_direction,
)

Decision = Literal[
    "refusal_to_assess", "refusal_to_issue", "contents_of_plan", "refusal_to_reassess", "refusal_to_amend", "ceasing"
]
Appeal = Literal[
    "refusal_to_assess",
    "refusal_to_issue",
    "contents",
    "placement",
    "placement_and_contents",
    "refusal_to_reassess",
    "refusal_to_amend",
    "ceasing",
]
Issues = Literal["health", "social_care", "both"]


class DecisionNotified(Opening):
    """The authority sent notice of a decision that can be appealed (CFA 2014 s51(2)); its day is the day it was sent
    (r20(1)(c)).

    `certificate_date`: the day on which the mediation certificate was issued, where it is known already.
    """

    decision: Decision
    certificate_date: date | None = None


class AppealRegistered(Opening):
    """The appeal was registered, and the authority received it (r21(1)); the day on which the Tribunal received it is
    `appeal_received`.
    """

    appeal: Appeal


class ExtendedAppealRegistered(AppealRegistered):
    """An appeal was registered that also asks for recommendations on health, social care or both (SI 2017/1306)."""

    issues: Issues


class AppealAmended(Noted):
    """What is appealed was changed while the appeal was under way, such as a school as well as the provision."""

    appeal: Appeal


class AppealExtended(Noted):
    """Health or social care issues were added to an appeal under way."""

    issues: Issues


class Directed(Noted):
    """The Tribunal directed something by or on a day. The day is entered from the direction: it is never worked out and
    never moved (r12(4)).
    """

    directed_on: date
    what: Slug | None = None


class DutyTimeDirected(TimeDirected):
    """As the Tribunal's own case records it: `opened_seq` is the number of the fact that opened the duty, where several
    of its rule are open.
    """

    opened_seq: Seq | None = None


class Answered(Noted):
    """A direction was answered; `opened_seq` is the number of the direction, where several of its sort are open."""

    opened_seq: Seq | None = None


class HealthEvidenceRequested(ByBody):
    """A body received a request for evidence, with the day that the Tribunal set for it; no day is worked out where it
    set none.
    """

    directed_on: date | None = None


class WitnessesNamed(Noted):
    """A party or body said how many witnesses it will bring. Their names stay out of this record."""

    witnesses: Annotated[int, Field(ge=0, le=20)]
    body: Code | None = None


class OrderMade(Noted):
    """The Tribunal ordered; its day is the date of the order (reg 44(2)). `by_consent` where the parties
    had agreed it.
    """

    by_consent: Literal["yes", "no"] | None = None


class DecisionSetAside(Noted):
    """The decision on the appeal or the claim was set aside, so that it is decided again: by the Upper Tribunal
    (Tribunals, Courts and Enforcement Act 2007 s12(2)(a)), on review (s9(4)(c)), or for an error of procedure.

    `opened_seq`: the number of the order or recommendation that fell, where the rest of the decision is still in force.
    """

    by: Literal["upper_tribunal", "review", "procedure"] | None = None
    opened_seq: Seq | None = None


class RecommendationMade(Noted):
    """The Tribunal recommended; its day is the date of the recommendation, not of its receipt (SI 2017/1306 regs 6(3),
    7(1)).
    """


class HealthRecommendationMade(RecommendationMade):
    """The Tribunal recommended to one responsible commissioning body; one such fact for each body (SI 2017/1306 regs 2,
    6).
    """

    body: Code
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class HealthRecommendationAnswered(Noted):
    """A body answered in writing: to whom, how far it follows the recommendation, and whether it gave reasons (SI
    2017/1306 reg 6(3), (5)).
    """

    body: Code
    sent_to: Literal["parent_and_la", "parent_only", "la_only"]
    follows: Literal["in_full", "in_part", "not_at_all"]
    reasons_given: Literal["yes", "no"] | None = None


class ClaimReceived(Opening):
    """A claim of disability discrimination was received by the responsible body (Equality Act 2010); with or without a
    plea for reinstatement.
    """

    reinstatement: Literal["yes", "no"]


PENDING = ("registered", "responded", "adjourned", "heard")
UNDER_WAY = (*PENDING, "resumed")
CLAIM = ("claimed", "claim_answered")
CLAIMS = (*CLAIM, "claim_over")
DECIDED = ("ordered", "dismissed")
OVER = (*DECIDED, "conceded", "given_up", "struck_out")
APPEAL = ("decided", *UNDER_WAY, *OVER)
ALIVE = (*APPEAL, *CLAIMS)
IN_COURSE = (*UNDER_WAY, *CLAIM)
RECOMMENDED = ("heard", *DECIDED)
AFTER_DECISION = (*DECIDED, "claim_over")
NOT_OPPOSED = (
    "reg 45 is about an appeal that the authority does not oppose, as it informs the Tribunal before it submits a"
    " response (reg 45(1)); after that an order is made, by consent where the parties agree"
)
DIRECTS = "the Tribunal directs what is done in an appeal or a claim that has been registered and is not over"
RECOMMENDS = "a recommendation is made when an appeal is decided (SI 2017/1306 regs 4, 5)"
ANSWERS = "a recommendation is answered after the appeal is decided (SI 2017/1306 regs 6(3), 7(1))"
COPIES = "the authority copies an answer to a recommendation to the Secretary of State (SI 2017/1306 regs 6(6), 7(4))"
OTHER_TIME = (
    "reg 44(1) and SI 2017/1306 regs 6(4), 7(2): the Tribunal may direct another time for what it ordered or"
    " recommended, and for what is done before it"
)
RESPONDS = "the authority responds to an appeal that has been registered (HESC Rules 2008 r21)"
FILES = "evidence, bundle and witnesses belong to an appeal or a claim that is under way (HESC Rules 2008 r15)"
ASKS_HEALTH = (
    "health evidence is asked for in an appeal that is under way (SI 2017/1306 regs 4, 5; HESC Rules 2008 r15)"
)
SITS = "a hearing is held of an appeal or a claim that is under way (HESC Rules 2008 r23)"
ENDS = "an appeal that is under way ends so (HESC Rules 2008 r8, r17; SEND Regs 2014 reg 43(2)(a))"
ORDERS_MADE = (
    "an order is made on an appeal that is under way (SEND Regs 2014 reg 43(2)); one by consent may follow a change of"
    " mind (HESC Rules 2008 r29), and a reinstated appeal is recorded as appeal_reinstated"
)
APPEALS_ON = (
    "a decision, or the reasons for it, is sent once the case is decided, and permission to appeal is applied for after"
    " that (Tribunals, Courts and Enforcement Act 2007 s11; HESC Rules 2008 Part 5)"
)
CEASES = "a plan is ceased after its appeal is finally determined, and not before (CFA 2014 s45(4)(b))"
IS_A_CLAIM = dict.fromkeys(
    CLAIMS, "this case is a claim of discrimination (Equality Act 2010), and an appeal has a case of its own"
)
NO_CLAIM = dict.fromkeys(
    APPEAL, "no claim of discrimination is on this case: a claim has a case of its own (discrimination_claim_received)"
)


_PERMISSION: dict[str, Warn] = {"permission_refused": applied_for, "permission_granted": applied_for}


def _power(kind: str) -> str:
    """The provision that lets the Tribunal order it, which the refusal of an order on another appeal quotes."""
    return "SEND Regs 2014 reg 43(2)(e)" if kind == "order_to_continue_made" else "SEND Regs 2014 reg 43(2)"


def _of_appeal(  # noqa: PLR0913 (one fact of an appeal, each part by its name)
    kind: str,
    model: type[FactData],
    order: str,
    *,
    accepted_in: Collection[str] = (),
    guard: Guard | None = None,
    warning: Warn | None = None,
    roles: tuple[Role, ...] = (),
    claims_too: bool = False,
) -> FactDefinition:
    """A fact that needs an appeal before it. `claims_too`: it occurs in a claim of discrimination as well."""
    return (NoTransition if accepted_in else Transition)(
        kind,
        model,
        accepted_in=accepted_in,
        impossible_in={} if claims_too else IS_A_CLAIM,
        guard=any_of(appealed, guard) if guard is not None else appealed,
        warning=warning,
        order=order,
        roles=roles,
    )


TRIBUNAL_FACTS: tuple[FactDefinition, ...] = (
    OpeningFact(
        "decision_notified",
        DecisionNotified,
        guard=since(4, of_this_appeal),
        warning=sent_again,
        order="the authority sends notice of its decision once, before the appeal, whose two months run from it (HESC"
        " Rules 2008 r20(1)(c))",
    ),
    OpeningFact("appeal_registered", AppealRegistered, guard=of_the_decision),
    OpeningFact("extended_appeal_registered", ExtendedAppealRegistered, guard=can_be_extended),
    OpeningFact(
        "discrimination_claim_received",
        ClaimReceived,
        order="a claim of discrimination is not an appeal, and has a case of its own",
    ),
    NoTransition("mediation_certificate_heard", MediationCertificate, accepted_in=ALIVE, guard=about_this_decision),
    NoTransition(
        "appeal_received",
        Noted,
        accepted_in=("decided",),
        impossible_in=IS_A_CLAIM,
        order="the Tribunal receives an appeal before it registers it (HESC Rules 2008 r20(1)(c))",
    ),
    _of_appeal("appeal_extended", AppealExtended, ASKS_HEALTH, accepted_in=UNDER_WAY, guard=may_recommend),
    _of_appeal(
        "appeal_amended",
        AppealAmended,
        "an appeal is amended while it is under way, as the Tribunal permits (HESC Rules 2008 r5(3)(c))",
        accepted_in=UNDER_WAY,
        guard=of_the_decision,
    ),
    _of_appeal("la_responded", Noted, RESPONDS),
    *(
        _of_appeal(
            kind,
            Directed,
            DIRECTS,
            accepted_in=(*IN_COURSE, *DECIDED),
            guard=before(2, not_over),
            warning=decided_already,
            claims_too=True,
        )
        for kind in ("evidence_directed", "bundle_directed", "hearing_directed")
    ),
    _of_appeal("health_evidence_directed", Directed, DIRECTS, accepted_in=UNDER_WAY, claims_too=True),
    NoTransition("time_directed", DutyTimeDirected, accepted_in=ALIVE, order=OTHER_TIME),
    _of_appeal("evidence_filed", Answered, FILES, accepted_in=IN_COURSE, guard=which_direction, claims_too=True),
    _of_appeal("bundle_received", Answered, FILES, accepted_in=IN_COURSE, guard=which_direction, claims_too=True),
    _of_appeal("witnesses_named", WitnessesNamed, FILES, accepted_in=IN_COURSE, claims_too=True),
    _of_appeal(REQUEST, HealthEvidenceRequested, ASKS_HEALTH, accepted_in=UNDER_WAY, roles=("asks",), claims_too=True),
    NoTransition(
        "health_evidence_acknowledged",
        ByBody,
        accepted_in=(*UNDER_WAY, *OVER),
        guard=was_asked(REQUEST),
        order=ASKS_HEALTH,
        roles=("contacts",),
        says=HAS_ARRIVED,
    ),
    NoTransition(
        "health_evidence_given",
        ByBody,
        accepted_in=(*UNDER_WAY, *OVER),
        guard=evidence_asked_for,
        warning=evidence_given_already,
        order=ASKS_HEALTH,
        roles=("answers", "contacts"),
        says=IS_DONE,
    ),
    _of_appeal("hearing_held", Noted, SITS, warning=decided_already, claims_too=True),
    _of_appeal("hearing_adjourned", Noted, SITS, warning=decided_already, claims_too=True),
    _of_appeal("appeal_withdrawn", Noted, ENDS),
    _of_appeal("appeal_struck_out", Noted, ENDS),
    Transition(
        "appeal_reinstated",
        Noted,
        impossible_in=IS_A_CLAIM,
        guard=was_over,
        order="an appeal is reinstated that was withdrawn, struck out or not opposed (HESC Rules 2008 r8(6), r17(4))",
    ),
    *(
        _of_appeal(kind, Noted, NOT_OPPOSED, guard=goes_with(CONCEDED, "SEND Regs 2014 reg 45"), warning=after_response)
        for kind in CONCEDED
    ),
    *(_of_appeal(kind, OrderMade, ORDERS_MADE, guard=goes_with(ORDERS, _power(kind))) for kind in ORDERS),
    _of_appeal("appeal_dismissed", Noted, ENDS),
    Transition(
        "decision_set_aside",
        DecisionSetAside,
        guard=was_decided,
        order="a decision is set aside after it was made, on review, on appeal or for an error of procedure (Tribunals,"
        " Courts and Enforcement Act 2007 s9, s12(2)(a); HESC Rules 2008 Part 5)",
    ),
    *(
        _of_appeal(kind, Noted, APPEALS_ON, accepted_in=AFTER_DECISION, warning=_PERMISSION.get(kind), claims_too=True)
        for kind in (
            "decision_sent",
            "reasons_sent",
            "permission_applied",
            "permission_refused",
            "permission_granted",
            "ut_permission_applied",
        )
    ),
    _of_appeal(
        "health_recommendation_made",
        HealthRecommendationMade,
        RECOMMENDS,
        accepted_in=RECOMMENDED,
        guard=may_recommend,
    ),
    NoTransition(
        "health_recommendation_answered",
        HealthRecommendationAnswered,
        accepted_in=RECOMMENDED,
        guard=any_of(recommended, before(2, answered_in_full)),
        warning=answered_in_full,
        order=ANSWERS,
    ),
    _of_appeal("health_response_copied", Answered, COPIES, accepted_in=RECOMMENDED),
    _of_appeal(
        "social_care_recommendation_made",
        RecommendationMade,
        RECOMMENDS,
        accepted_in=RECOMMENDED,
        guard=may_recommend,
    ),
    _of_appeal("social_care_recommendation_answered", Noted, ANSWERS, accepted_in=RECOMMENDED),
    _of_appeal("social_care_response_copied", Noted, COPIES, accepted_in=RECOMMENDED),
    NoTransition("plan_ceased", Noted, accepted_in=OVER, order=CEASES),
    NoTransition("plan_resumed", Noted, accepted_in=OVER, guard=had_ceased, order=CEASES),
    *(
        Transition(kind, Noted, impossible_in=NO_CLAIM, order=order)
        for kind, order in (
            ("claim_responded", "a claim of discrimination is answered once (HESC Rules 2008 r21(1))"),
            ("claim_withdrawn", "a claim of discrimination ends once (HESC Rules 2008 r17)"),
            ("claim_decided", "a claim of discrimination is decided once (Equality Act 2010 Sch 17)"),
        )
    ),
    *section_g_facts(ALIVE, first=section_g_amended),
)
