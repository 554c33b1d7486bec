"""An EHC needs assessment, seen from health (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

It decides which facts may follow which. The statute file says by when; the escalation policy says who gets letters. A
body may be asked before the LA has decided to assess: reg 8(1) runs from the body's own receipt, so that an early
request binds it too. Refusal, no plan and final plan are resting states: each can be reversed, and late advice still
comes. A refusal is reversed by the authority itself, by the Tribunal's order, by the authority not opposing the appeal,
or by a mediation agreement; each of the last three comes from the case that it was made in and brings its own 10 and 14
weeks, inside which a body that is asked has its six weeks again. A refusal to make a plan is likewise followed by an
order, a concession or an agreement, with 5 and 11 weeks; the case moves when the draft or the plan comes. A case that
is referred back is decided again: by a draft, a plan or another refusal (reg 44(2)(d)). An order may follow the
authority's own reversal, because that ends no appeal. What an authority did that the law does not foresee, such as a
plan without a decision to assess or a second final plan, is recorded out of order.
"""

from typing import ClassVar, Literal

from statemachine import State

from models.casefile import CaseFile
from models.common_facts import Opening
from models.facts import FactData, FreeTextField, Reference, StoredFact
from statemachines.changed_time_limits import TIME_LIMIT_REACTIONS, TimeAgreed, TimeDirected
from statemachines.draft_oversight import DraftReceived, draft_facts, uncommented
from statemachines.health_advice import CALLED_FOR_AGAIN, LABELS, Noted, advice_facts, after, follows
from statemachines.orders_set_aside import fallen_order, order_set_aside, set_aside_by_the_tribunal
from statemachines.process import (
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    define_process,
    unusual,
)
from statemachines.section_g import (
    PLAN_END_REACTIONS,
    SECTION_G_REACTIONS,
    FinalPlanReceived,
    plan_end_facts,
    section_g_facts,
)


class EhcNeedsAssessment(StatutoryMachine):
    """An EHC needs assessment (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

    Facts without a transition: advice asked of a body, acknowledged, answered, received or returned; appointments
    missed; waiting lists stated; exceptions; chasing; section G agreed, arranged, stopped or replaced. Each body
    asked is a duty of its own inside the one case.
    """

    requested = State("Request received", initial=True)
    considering = State("LA considering whether to assess")
    refused = State("Assessment refused")
    assessing = State("Assessment under way")
    drafting = State("Draft plan received")
    no_plan = State("Plan refused")
    planned = State("Final plan received")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    la_consideration_notified = requested.to(considering)
    # A refusal that is followed by a plain word that the authority will assess was reversed by it.
    assessment_agreed = requested.to(assessing) | considering.to(assessing) | unusual(refused.to(assessing))
    assessment_refused = requested.to(refused) | considering.to(refused) | unusual(refused.from_(assessing, drafting))
    refusal_reversed = refused.to(assessing)
    plan_refusal_reversed = no_plan.to(assessing)
    assessment_ordered = refused.to(assessing) | unusual(assessing.from_(requested, considering, no_plan))
    assessment_conceded = refused.to(assessing) | unusual(assessing.from_(requested, considering, no_plan))
    assessment_mediated = refused.to(assessing) | unusual(assessing.from_(requested, considering, no_plan))
    plan_refused = (
        assessing.to(no_plan) | drafting.to(no_plan) | unusual(no_plan.from_(requested, considering, refused))
    )
    draft_plan_received = (
        assessing.to(drafting)
        | drafting.to(drafting)
        | no_plan.to(drafting)
        | unusual(drafting.from_(requested, considering, refused))
    )
    final_plan_received = (
        assessing.to(planned)
        | drafting.to(planned)
        | no_plan.to(planned)
        | unusual(planned.from_(requested, considering, refused))
    )
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class EhcRequestRepeated(FactData):
    """Another request for the same assessment while the first is undecided: a parent after a school, or again. It opens
    nothing: the day of the first receipt counts (SEND Regs 2014 regs 4(1), 5(1)).
    """

    requested_by: Literal["parent", "young_person", "institution", "other"] | None = None
    la_reference: Reference | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class EhcAssessmentRequested(Opening):
    """The LA received the request, or became responsible (CFA 2014 s24, s36(1)). Its day starts the 6, 16
    and 20 weeks.
    """

    requested_by: Literal["parent", "young_person", "institution", "other"] | None = None


def remarks(casefile: CaseFile) -> list[str]:
    """That an order fell, so that the refusal is under appeal again; and what the check of a draft found."""
    fallen = fallen_order(casefile, ORDERED)
    return [*([fallen] if fallen else []), *uncommented(casefile)]


def _refused_again(casefile: CaseFile, line: StoredFact) -> str | None:
    """A plan is refused once, and again where the case was referred back to the authority since."""
    if casefile.state != "no_plan":
        return None
    decided = casefile.facts_before(line, "plan_refused", *RECONSIDERED)
    if decided and decided[-1].kind in RECONSIDERED:
        return None
    return (
        "a plan was refused already (SEND Regs 2014 reg 10(1)), and the case was not referred back since (reg"
        " 44(2)(d)): record reconsideration_ordered or reconsideration_mediated with its own day, if it was"
    )


RECONSIDERED = ("reconsideration_ordered", "reconsideration_mediated")
ORDERED = ("assessment_ordered", "plan_ordered", "reconsideration_ordered")
UNDECIDED = ("requested", "considering")
UNDER_WAY = ("assessing", "drafting")
BEFORE_PLAN = (*UNDECIDED, *UNDER_WAY)
WITHOUT_PLAN = (*BEFORE_PLAN, "refused", "no_plan")
ANY_OPEN = (*WITHOUT_PLAN, "planned")
MOVED_WITH_PLAN = (
    "once there is a plan, a move transfers it, on a case of its own (SEND Regs 2014 reg 15); before, the authority"
    " that the child leaves is no longer responsible (CFA 2014 s24(1))"
)
DECIDED_FIRST = (
    "the authority decides whether to assess and notifies that before it assesses and decides on a plan (CFA 2014"
    " s36(3) to (5), (8); SEND Regs 2014 reg 5(1)); what it did not notify stays owed until the plan is sent"
)
ONE_PLAN = "the first final plan is the one that the 20 weeks are about (SEND Regs 2014 reg 13(2))"
TO_ASSESS = (
    "an order to assess, an appeal against a refusal that is not opposed, or an agreement with that effect follows a"
    " refusal to assess (CFA 2014 s51(2)(a); SEND Regs 2014 regs 42(2), 44(2)(b), 45(3)); its own times run from it"
)
TO_MAKE_A_PLAN = (
    "an order to make a plan, an appeal against a refusal that is not opposed, or an agreement with that effect follows"
    " a refusal to make one (CFA 2014 s51(2)(b); SEND Regs 2014 regs 42(2), 44(2)(c), 45(6)); its own times run from it"
)
REFERRED_BACK = (
    "a refusal to make a plan is referred back to the authority, by an order or an agreement with that effect, after it"
    " (SEND Regs 2014 regs 42(2), 44(2)(d))"
)
REFUSED_TO_ASSESS = after("assessment_refused", TO_ASSESS)
REFUSED_A_PLAN = after("plan_refused", TO_MAKE_A_PLAN)

PROCESS = define_process(
    EhcNeedsAssessment,
    name="ehc_needs_assessment",
    title="EHC needs assessment",
    version=4,  # referred back; a plan that ends; 3: replies of bodies, orders that fall; 2: facts out of order
    out_of_order_from=2,
    labels=LABELS,
    facts=[
        OpeningFact(
            "ehc_assessment_requested",
            EhcAssessmentRequested,
            repeated_as="ehc_assessment_request_repeated",
            needs=("la",),
            undecided_in=UNDECIDED,
        ),
        NoTransition(
            "ehc_assessment_request_repeated",
            EhcRequestRepeated,
            accepted_in=UNDECIDED,
            order="a request is a repetition while the first is undecided (SEND Regs 2014 reg 5(1)); one that comes"
            " after the decision is a new request with six weeks of its own, on a case of its own",
            order_from=2,
        ),
        Transition(
            "la_consideration_notified",
            Noted,
            order="the authority notifies that it is considering an assessment before it decides (CFA 2014 s36(7);"
            " SEND Regs 2014 reg 4(2))",
            order_from=2,
        ),
        Transition(
            "assessment_agreed",
            Noted,
            requests_again=CALLED_FOR_AGAIN,
            order="the authority notifies once whether it will assess, before it does (SEND Regs 2014 reg 5(1)); its"
            " change of mind after a refusal is refusal_reversed, from which the ombudsman counts 10 and 14 weeks",
            order_from=2,
        ),
        Transition(
            "assessment_refused",
            Noted,
            order="the authority refuses before it assesses (CFA 2014 s36(5); SEND Regs 2014 reg 5(1)); once it has"
            " decided to assess, the Act knows a decision about a plan only (s36(9), s37(1))",
            order_from=2,
        ),
        Transition(
            "refusal_reversed",
            Noted,
            guard=follows("assessment_refused"),
            requests_again=CALLED_FOR_AGAIN,
            order="a refusal to assess is reversed once, before the authority assesses; the 20 weeks of the request go"
            " on (R (W) v Hertfordshire CC [2023] EWHC 3138 (Admin))",
            order_from=2,
        ),
        Transition(
            "plan_refusal_reversed",
            Noted,
            guard=follows("plan_refused"),
            order="a refusal to make a plan is reversed once, before the draft; the request's own 20 weeks go on (SEND"
            " Regs 2014 reg 13(2))",
            order_from=2,
        ),
        *(
            Transition(
                kind,
                Noted,
                accepted_in=UNDER_WAY,
                warning=REFUSED_TO_ASSESS,
                requests_again=CALLED_FOR_AGAIN,
                order=TO_ASSESS,
                order_from=2,
            )
            for kind in ("assessment_ordered", "assessment_conceded", "assessment_mediated")
        ),
        *(
            NoTransition(
                kind,
                Noted,
                accepted_in=("no_plan", "drafting"),
                warning=REFUSED_A_PLAN,
                order=TO_MAKE_A_PLAN,
                order_from=2,
            )
            for kind in ("plan_ordered", "plan_conceded", "plan_mediated")
        ),
        *(
            NoTransition(kind, Noted, accepted_in=("no_plan", "drafting"), warning=REFUSED_A_PLAN, order=REFERRED_BACK)
            for kind in RECONSIDERED
        ),
        NoTransition("child_moved_away", Noted, accepted_in=WITHOUT_PLAN, order=MOVED_WITH_PLAN, order_from=2),
        order_set_aside(ORDERED, ANY_OPEN),
        NoTransition("time_directed", TimeDirected, accepted_in=ANY_OPEN),
        NoTransition("time_agreed", TimeAgreed, accepted_in=ANY_OPEN),
        Transition(
            "plan_refused",
            Noted,
            accepted_in=("no_plan",),
            warning=_refused_again,
            order=DECIDED_FIRST,
            order_from=2,
        ),
        Transition("draft_plan_received", DraftReceived, order=f"{DECIDED_FIRST}; {ONE_PLAN}", order_from=2),
        NoTransition(
            "section_g_agreed",
            Noted,
            accepted_in=("assessing", "drafting", "planned"),
            order="the responsible commissioning body agrees to section G of a plan that is being made (SEND Regs 2014"
            " reg 12(2))",
            order_from=2,
        ),
        Transition("final_plan_received", FinalPlanReceived, order=f"{DECIDED_FIRST}; {ONE_PLAN}", order_from=2),
        *draft_facts(("drafting", "planned")),
        *section_g_facts(("planned",)),
        *plan_end_facts(("planned",)),
        *advice_facts(asked_in=BEFORE_PLAN, answered_in=ANY_OPEN, again_from=2),
    ],
    reactions=[
        Reaction("tribunal", "order_to_assess_made", "assessment_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_assess_conceded", "assessment_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_assess", "assessment_mediated", latest_case_only=True),
        Reaction("tribunal", "order_to_make_plan_made", "plan_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_issue_conceded", "plan_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_make_plan", "plan_mediated", latest_case_only=True),
        Reaction("tribunal", "order_to_reconsider_made", "reconsideration_ordered", latest_case_only=True),
        Reaction("mediation", "agreed_to_reconsider", "reconsideration_mediated", latest_case_only=True),
        set_aside_by_the_tribunal("order_to_assess_made", "order_to_make_plan_made", "order_to_reconsider_made"),
        Reaction("transfer", "child_moved", "child_moved_away", optional=True),
        *TIME_LIMIT_REACTIONS,
        *SECTION_G_REACTIONS,
        Reaction("reassessment", "final_plan_received", "section_g_replaced", optional=True),
        *PLAN_END_REACTIONS,
    ],
    remarks=remarks,
)
