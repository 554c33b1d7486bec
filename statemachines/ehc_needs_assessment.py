"""An EHC needs assessment, seen from health (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

It decides which facts may follow which. The statute file says by when; the escalation policy says who gets letters. A
body may be asked before the LA has decided to assess: reg 8(1) runs from the body's own receipt, so that an
early request binds it too. Refusal, no plan and final plan are resting states: each can be reversed, and late advice
still comes. A refusal is reversed by the authority itself, by the Tribunal's order, by the authority not opposing the
appeal, or by a mediation agreement; each of the last three comes from the case that it was made in and brings its own
10 and 14 weeks, inside which a body that is asked has its six weeks again. A refusal to make a plan is likewise
followed by an order, a concession or an agreement, with 5 and 11 weeks; the case moves when the draft or the plan
comes.
"""

from typing import ClassVar, Literal

from statemachine import State

from models.common_facts import Opening
from models.facts import FactData, FreeTextField, Reference
from statemachines.changed_time_limits import TIME_LIMIT_REACTIONS, TimeAgreed, TimeDirected
from statemachines.health_advice import CALLED_FOR_AGAIN, Noted, advice_facts
from statemachines.process import NoTransition, OpeningFact, Reaction, StatutoryMachine, Transition, define_process
from statemachines.section_g import SECTION_G_REACTIONS, section_g_facts


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
    assessment_agreed = requested.to(assessing) | considering.to(assessing)
    assessment_refused = requested.to(refused) | considering.to(refused)
    refusal_reversed = refused.to(assessing)
    assessment_ordered = refused.to(assessing)
    assessment_conceded = refused.to(assessing)
    assessment_mediated = refused.to(assessing)
    plan_refused = assessing.to(no_plan) | drafting.to(no_plan)
    draft_plan_received = assessing.to(drafting) | drafting.to(drafting) | no_plan.to(drafting)
    final_plan_received = assessing.to(planned) | drafting.to(planned) | no_plan.to(planned)
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


UNDECIDED = ("requested", "considering")
BEFORE_PLAN = ("requested", "considering", "assessing", "drafting")
ANY_OPEN = (*BEFORE_PLAN, "refused", "no_plan", "planned")

PROCESS = define_process(
    EhcNeedsAssessment,
    name="ehc_needs_assessment",
    title="EHC needs assessment",
    version=1,
    out_of_order_from=None,
    facts=[
        OpeningFact(
            "ehc_assessment_requested",
            EhcAssessmentRequested,
            repeated_as="ehc_assessment_request_repeated",
            needs=("la",),
            undecided_in=UNDECIDED,
        ),
        NoTransition("ehc_assessment_request_repeated", EhcRequestRepeated, accepted_in=UNDECIDED),
        Transition("la_consideration_notified", Noted),
        Transition("assessment_agreed", Noted),
        Transition("assessment_refused", Noted),
        Transition("refusal_reversed", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("assessment_ordered", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("assessment_conceded", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("assessment_mediated", Noted, requests_again=CALLED_FOR_AGAIN),
        NoTransition("plan_ordered", Noted, accepted_in=("no_plan",)),
        NoTransition("plan_conceded", Noted, accepted_in=("no_plan",)),
        NoTransition("plan_mediated", Noted, accepted_in=("no_plan",)),
        NoTransition("time_directed", TimeDirected, accepted_in=ANY_OPEN),
        NoTransition("time_agreed", TimeAgreed, accepted_in=ANY_OPEN),
        Transition("plan_refused", Noted),
        Transition("draft_plan_received", Noted),
        NoTransition("section_g_agreed", Noted, accepted_in=("assessing", "drafting", "planned")),
        Transition("final_plan_received", Noted),
        *section_g_facts(("planned",)),
        *advice_facts(asked_in=BEFORE_PLAN, answered_in=ANY_OPEN),
    ],
    reactions=[
        Reaction("tribunal", "order_to_assess_made", "assessment_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_assess_conceded", "assessment_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_assess", "assessment_mediated", latest_case_only=True),
        Reaction("tribunal", "order_to_make_plan_made", "plan_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_issue_conceded", "plan_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_make_plan", "plan_mediated", latest_case_only=True),
        *TIME_LIMIT_REACTIONS,
        *SECTION_G_REACTIONS,
        Reaction("reassessment", "final_plan_received", "section_g_replaced", optional=True),
    ],
)
