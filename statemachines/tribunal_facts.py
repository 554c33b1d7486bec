"""What the facts of a Tribunal case say, and what the law asks of their particulars (CFA 2014 s51; SEND Regs 2014 regs
43 to 45; SI 2017/1306).

Days to come (a hearing, a directed date) are particulars of a direction, entered as the Tribunal wrote them. It decides
no date.
"""

from collections.abc import Mapping
from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS, Opening, Seq
from models.facts import Code, Slug, StoredFact
from statemachines.changed_time_limits import MediationCertificate, TimeDirected
from statemachines.health_advice import ByBody, Noted, is_outstanding, was_asked
from statemachines.process import FactDefinition, Guard, NoTransition, OpeningFact, Transition

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
REQUEST = "health_evidence_requested"


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


CONCEDED: Mapping[str, tuple[str, ...]] = {
    "refusal_to_assess_conceded": ("refusal_to_assess",),
    "refusal_to_reassess_conceded": ("refusal_to_reassess",),
    "refusal_to_issue_conceded": ("refusal_to_issue",),
    "contents_conceded": ("contents", "refusal_to_amend"),
    "placement_conceded": ("placement",),
    "placement_and_contents_conceded": ("placement_and_contents",),
    "ceasing_conceded": ("ceasing",),
}
CONTENTS = ("contents", "placement", "placement_and_contents")
PLAN_IN_FORCE = (*CONTENTS, "refusal_to_amend", "ceasing")
ORDERS: Mapping[str, tuple[str, ...]] = {
    "order_to_assess_made": ("refusal_to_assess",),
    "order_to_reassess_made": ("refusal_to_reassess",),
    "order_to_make_plan_made": ("refusal_to_issue",),
    "order_to_reconsider_made": ("refusal_to_issue",),
    "order_to_amend_provision_made": PLAN_IN_FORCE,
    "order_to_amend_placement_made": PLAN_IN_FORCE,
    "order_to_continue_made": ("ceasing",),  # reg 43(2)(e) as amended: s51(2)(f) only
    "order_to_continue_and_amend_made": PLAN_IN_FORCE,
    "ceasing_upheld": ("ceasing",),
}
NO_RECOMMENDATION = (
    "on an appeal against a refusal to assess the Tribunal cannot make recommendations about health or social care (SI"
    " 2017/1306 regs 4, 5)"
)
DIRECTIONS = {"evidence_filed": "evidence_directed", "bundle_received": "bundle_directed"}


def _appeal(casefile: CaseFile) -> str | None:
    """What is appealed, as it was registered."""
    return next((str(line.data["appeal"]) for line in reversed(casefile.lines) if line.data.get("appeal")), None)


def _of_the_decision(casefile: CaseFile, line: StoredFact) -> str | None:
    """An appeal is against the decision that the case opened with: one about the contents of a plan may be about its
    parts.
    """
    decided = next(
        (str(past.data["decision"]) for past in casefile.facts_before(line) if past.data.get("decision")), None
    )
    lawful = CONTENTS if decided == "contents_of_plan" else (decided,)
    if decided is None or line.data["appeal"] in lawful:
        return None
    return (
        f"the decision on this case is about {_listed((decided,))}: expected --data"
        f" appeal={' or '.join(map(str, lawful))} (CFA 2014 s51(2))"
    )


def _about_this_decision(casefile: CaseFile, line: StoredFact) -> str | None:
    """A certificate lengthens the time to appeal against the decision that the mediation was about, and against no
    other (r20(1)(c)).
    """
    decided = next((past for past in casefile.lines if past.kind == "decision_notified"), None)
    about, notice = line.data.get("decision"), line.data.get("notice_on")
    if decided is None or (
        about in (None, decided.data["decision"])
        and (notice is None or _near(date.fromisoformat(notice), decided.occurred_on))
    ):
        return None
    return (
        "the certificate is of mediation about another decision, and the time to appeal against this one is its own"
        " (HESC Rules 2008 r20(1)(c))"
    )


def _near(one: date, other: date) -> bool:
    """Whether two days may be those of one notice: the date that it bears and the day that it was sent lie apart, but
    never by a month.
    """
    return abs((one - other).days) < 31


def _can_be_extended(casefile: CaseFile, line: StoredFact) -> str | None:
    if line.data["appeal"] != "refusal_to_assess":
        return _of_the_decision(casefile, line)
    return f"{NO_RECOMMENDATION}; record it as appeal_registered"


def _goes_with(kinds: Mapping[str, tuple[str, ...]], provision: str) -> Guard:
    def guard(casefile: CaseFile, line: StoredFact) -> str | None:
        appeal, lawful = _appeal(casefile), kinds[line.kind]
        if appeal is None or appeal in lawful:
            return None
        others = sorted(kind for kind, appeals in kinds.items() if appeal in appeals)
        return (
            f"{provision} has it only of an appeal about {_listed(lawful)}, and this one is about {_listed((appeal,))}."
            f" Lawful of that: {', '.join(others) or 'none of these'}"
        )

    return guard


def _listed(appeals: tuple[str, ...]) -> str:
    return " or ".join(appeal.replace("_", " ") for appeal in appeals)


def _may_recommend(casefile: CaseFile, line: StoredFact) -> str | None:
    if _appeal(casefile) != "refusal_to_assess":
        return None
    return NO_RECOMMENDATION


def _recommended(casefile: CaseFile, line: StoredFact) -> str | None:
    made = [
        past
        for past in casefile.facts_before(line)
        if past.kind == "health_recommendation_made" and past.data["body"] == line.data["body"]
    ]
    if not made:
        return (
            "no recommendation was made to this body by that day: record health_recommendation_made with the date of"
            " the recommendation first"
        )
    if line.data["sent_to"] != "parent_and_la":
        return (
            "the answer goes to the parent or young person and to the authority (SI 2017/1306 reg 6(3)), and the duty"
            " is met when both have it: record it with --data sent_to=parent_and_la on that day"
        )
    if line.data["follows"] != "in_full" and line.data.get("reasons_given") != "yes":
        return (
            "SI 2017/1306 reg 6(5) asks for the reasons where a recommendation is not followed in full: record the"
            " answer when they were given, --data reasons_given=yes"
        )
    return None


def _which_direction(casefile: CaseFile, line: StoredFact) -> str | None:
    """Where several directions of one sort stand open, what answers one of them says which."""
    if line.data.get("opened_seq") is not None:
        return _of_that_sort(casefile, line)
    wanted = DIRECTIONS[line.kind]
    open_ = [past.seq for past in casefile.facts_before(line) if past.kind == wanted]
    done = {past.data.get("opened_seq") for past in casefile.facts_before(line) if past.kind == line.kind}
    left = [seq for seq in open_ if seq not in done]
    if len(left) < 2:
        return None
    return (
        f"several directions of this sort are open: say which one it answers, --data opened_seq={left[0]} (open:"
        f" {', '.join(map(str, left))})"
    )


def _of_that_sort(casefile: CaseFile, line: StoredFact) -> str | None:
    wanted = DIRECTIONS[line.kind]
    if any(past.kind == wanted and past.seq == line.data["opened_seq"] for past in casefile.facts_before(line)):
        return None
    return f"opened_seq is the number of the {wanted} that this answers, and no such fact comes before it"


PENDING = ("registered", "responded", "adjourned", "heard")
CLAIM = ("claimed", "claim_answered")
DECIDED = ("ordered", "dismissed")
OVER = (*DECIDED, "conceded", "given_up")
ALIVE = ("decided", *PENDING, *OVER, *CLAIM, "claim_over")
IN_COURSE = (*PENDING, *CLAIM)
RECOMMENDED = ("heard", *DECIDED)
AFTER_DECISION = (*DECIDED, "claim_over")
NOT_OPPOSED = (
    "reg 45 is about an appeal that the authority does not oppose, as it informs the Tribunal before it submits a"
    " response (reg 45(1)); after that an order is made, by consent where the parties agree"
)
DIRECTS = "the Tribunal directs what is done in an appeal or a claim that has been registered and is not over"
RECOMMENDS = "a recommendation is made when an appeal is decided (SI 2017/1306 regs 4, 5)"
OTHER_TIME = (
    "reg 44(1) and SI 2017/1306 regs 6(4), 7(2): the Tribunal may direct another time for what it ordered or"
    " recommended, and for what is done before it"
)

TRIBUNAL_FACTS: tuple[FactDefinition, ...] = (
    OpeningFact("decision_notified", DecisionNotified),
    OpeningFact("appeal_registered", AppealRegistered, guard=_of_the_decision),
    OpeningFact("extended_appeal_registered", ExtendedAppealRegistered, guard=_can_be_extended),
    OpeningFact(
        "discrimination_claim_received",
        ClaimReceived,
        order="a claim of discrimination is not an appeal, and has a case of its own",
    ),
    NoTransition("mediation_certificate_heard", MediationCertificate, accepted_in=ALIVE, guard=_about_this_decision),
    NoTransition("appeal_received", Noted, accepted_in=("decided",)),
    NoTransition("appeal_extended", AppealExtended, accepted_in=PENDING, guard=_may_recommend),
    Transition(
        "la_responded",
        Noted,
        order="the authority responds to an appeal that has been registered (HESC Rules 2008 r21)",
    ),
    NoTransition("evidence_directed", Directed, accepted_in=IN_COURSE, order=DIRECTS),
    NoTransition("bundle_directed", Directed, accepted_in=IN_COURSE, order=DIRECTS),
    NoTransition("hearing_directed", Directed, accepted_in=IN_COURSE, order=DIRECTS),
    NoTransition("health_evidence_directed", Directed, accepted_in=PENDING, order=DIRECTS),
    NoTransition("time_directed", DutyTimeDirected, accepted_in=ALIVE, order=OTHER_TIME),
    NoTransition("evidence_filed", Answered, accepted_in=IN_COURSE, guard=_which_direction),
    NoTransition("bundle_received", Answered, accepted_in=IN_COURSE, guard=_which_direction),
    NoTransition("witnesses_named", WitnessesNamed, accepted_in=IN_COURSE),
    NoTransition(REQUEST, HealthEvidenceRequested, accepted_in=PENDING, roles=("asks",)),
    NoTransition(
        "health_evidence_acknowledged",
        ByBody,
        accepted_in=(*PENDING, *OVER),
        guard=was_asked(REQUEST),
        roles=("contacts",),
    ),
    NoTransition(
        "health_evidence_given",
        ByBody,
        accepted_in=(*PENDING, *OVER),
        guard=is_outstanding(REQUEST),
        roles=("answers", "contacts"),
    ),
    Transition("hearing_held", Noted),
    Transition("hearing_adjourned", Noted),
    Transition("appeal_withdrawn", Noted),
    *(
        Transition(kind, Noted, guard=_goes_with(CONCEDED, "SEND Regs 2014 reg 45"), order=NOT_OPPOSED)
        for kind in CONCEDED
    ),
    *(Transition(kind, OrderMade, guard=_goes_with(ORDERS, "SEND Regs 2014 reg 43(2)")) for kind in ORDERS),
    Transition("appeal_dismissed", Noted),
    NoTransition("decision_sent", Noted, accepted_in=AFTER_DECISION),
    NoTransition("reasons_sent", Noted, accepted_in=AFTER_DECISION),
    NoTransition("permission_applied", Noted, accepted_in=AFTER_DECISION),
    NoTransition("permission_refused", Noted, accepted_in=AFTER_DECISION),
    NoTransition("permission_granted", Noted, accepted_in=AFTER_DECISION),
    NoTransition("ut_permission_applied", Noted, accepted_in=AFTER_DECISION),
    NoTransition(
        "health_recommendation_made",
        HealthRecommendationMade,
        accepted_in=RECOMMENDED,
        guard=_may_recommend,
        order=RECOMMENDS,
    ),
    NoTransition(
        "health_recommendation_answered", HealthRecommendationAnswered, accepted_in=RECOMMENDED, guard=_recommended
    ),
    NoTransition("health_response_copied", Answered, accepted_in=RECOMMENDED),
    NoTransition(
        "social_care_recommendation_made",
        RecommendationMade,
        accepted_in=RECOMMENDED,
        guard=_may_recommend,
        order=RECOMMENDS,
    ),
    NoTransition("social_care_recommendation_answered", Noted, accepted_in=RECOMMENDED),
    NoTransition("social_care_response_copied", Noted, accepted_in=RECOMMENDED),
    NoTransition("plan_ceased", Noted, accepted_in=DECIDED),
    Transition("claim_responded", Noted),
    Transition("claim_withdrawn", Noted),
    Transition("claim_decided", Noted),
)
