"""An EHC needs assessment, seen from health (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

What it decides: which facts may follow which. It does not decide by when (the statute file does), nor who is told (the
ladder). A body may be asked before the LA has decided to assess: reg 8(1) runs from the body's own receipt, so that an
early request binds it too. Refusal, no plan and final plan are resting states: each can be reversed, and late advice
still comes. A refusal is reversed by the authority itself, by the Tribunal's order, by the authority not opposing the
appeal, or by a mediation agreement; each of the last three is heard of the case that it was made in and brings its own
10 and 14 weeks, inside which a body that is asked has its six weeks again. A refusal to make a plan is likewise
followed by an order, a concession or an agreement, with 5 and 11 weeks; the case moves when the draft or the plan
comes.
"""

from statemachine import State

from models.common_facts import Opening
from statemachines.changed_time_limits import AGREED_AS_HEARD, TimeAgreed, TimeDirected
from statemachines.health_advice import (
    ADVICE_ANSWERS,
    ADVICE_CONTACTS,
    ADVICE_FACTS,
    ADVICE_GUARDS,
    ADVICE_REOPENS,
    CALLED_FOR_AGAIN,
    REQUEST,
    Noted,
    advice_stays,
)
from statemachines.process import StatutoryMachine, define_process
from statemachines.section_g import (
    SECTION_G_FACTS,
    SECTION_G_GUARDS,
    SECTION_G_HEARS,
    SECTION_G_HEARS_IF,
    SECTION_G_REASONS,
    section_g_stays,
)


class EhcNeedsAssessment(StatutoryMachine):
    """An EHC needs assessment (CFA 2014 s36; SEND Regs 2014 regs 3 to 14).

    Facts that do not move the case: advice asked of a body, acknowledged, answered, received or returned; appointments
    missed; waiting lists stated; excuses; chasing; section G agreed, arranged, stopped or replaced. Each body asked is
    a duty of its own inside the one case.

    {statechart:md}
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
    case_withdrawn = (
        requested.to(withdrawn)
        | considering.to(withdrawn)
        | refused.to(withdrawn)
        | assessing.to(withdrawn)
        | drafting.to(withdrawn)
        | no_plan.to(withdrawn)
        | planned.to(withdrawn)
    )
    case_closed = (
        requested.to(closed)
        | considering.to(closed)
        | refused.to(closed)
        | assessing.to(closed)
        | drafting.to(closed)
        | no_plan.to(closed)
        | planned.to(closed)
    )


class EhcAssessmentRequested(Opening):
    """The LA received the request, or became responsible (CFA 2014 s24, s36(1)). Its day starts the 6, 16
    and 20 weeks.
    """


BEFORE_PLAN = ("requested", "considering", "assessing", "drafting")
ANY_OPEN = (*BEFORE_PLAN, "refused", "no_plan", "planned")

PROCESS = define_process(
    EhcNeedsAssessment,
    name="ehc_needs_assessment",
    title="EHC needs assessment",
    version=1,
    opens="ehc_assessment_requested",
    facts={
        "ehc_assessment_requested": EhcAssessmentRequested,
        "la_consideration_notified": Noted,
        "assessment_agreed": Noted,
        "assessment_refused": Noted,
        "refusal_reversed": Noted,
        "assessment_ordered": Noted,
        "assessment_conceded": Noted,
        "assessment_mediated": Noted,
        "plan_ordered": Noted,
        "plan_conceded": Noted,
        "plan_mediated": Noted,
        "time_directed": TimeDirected,
        "time_agreed": TimeAgreed,
        "plan_refused": Noted,
        "draft_plan_received": Noted,
        "section_g_agreed": Noted,
        "final_plan_received": Noted,
        **SECTION_G_FACTS,
        **ADVICE_FACTS,
    },
    stays={
        "section_g_agreed": ("assessing", "drafting", "planned"),
        "plan_ordered": ("no_plan",),
        "plan_conceded": ("no_plan",),
        "plan_mediated": ("no_plan",),
        "time_directed": ANY_OPEN,
        "time_agreed": ANY_OPEN,
        **section_g_stays("planned"),
        **advice_stays(BEFORE_PLAN, ANY_OPEN),
    },
    guards={**ADVICE_GUARDS, **SECTION_G_GUARDS},
    reasons=SECTION_G_REASONS,
    asks=(REQUEST,),
    answers=ADVICE_ANSWERS,
    reopens=ADVICE_REOPENS,
    calls_again=dict.fromkeys(
        ("assessment_ordered", "assessment_conceded", "assessment_mediated", "refusal_reversed"), CALLED_FOR_AGAIN
    ),
    contacts=ADVICE_CONTACTS,
    hears={
        ("tribunal", "order_to_assess_made"): "assessment_ordered",
        ("tribunal", "refusal_to_assess_conceded"): "assessment_conceded",
        ("mediation", "agreed_to_assess"): "assessment_mediated",
        ("tribunal", "order_to_make_plan_made"): "plan_ordered",
        ("tribunal", "refusal_to_issue_conceded"): "plan_conceded",
        ("mediation", "agreed_to_make_plan"): "plan_mediated",
        ("tribunal", "time_directed"): "time_directed",
        ("mediation", "other_time_agreed"): "time_agreed",
        **SECTION_G_HEARS,
        ("reassessment", "final_plan_received"): "section_g_replaced",
    },
    hears_as={("mediation", "other_time_agreed"): AGREED_AS_HEARD},
    hears_if=SECTION_G_HEARS_IF,
    hears_once=(
        "assessment_ordered",
        "assessment_conceded",
        "assessment_mediated",
        "plan_ordered",
        "plan_conceded",
        "plan_mediated",
    ),
    hears_quietly=("time_directed", "time_agreed", *SECTION_G_FACTS),
)
