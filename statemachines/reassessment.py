"""A re-assessment of the needs behind a plan, seen from health (CFA 2014 s44(2), (3); SEND Regs 2014 regs 23 to 27).

A request of the responsible commissioning body compels the authority (reg 23): its refusal is no fact that the law
allows, and reg 24, which lets the authority refuse within six months of the last assessment, speaks of other requests
only. Reg 26 applies regs 6 to 9 again, so each body's six weeks run once more. A refusal is reversed by the authority
itself, by the Tribunal's order, by the authority not opposing the appeal, or by a mediation agreement; each of the last
three comes from its own case and brings its own fourteen weeks. The statute file says by when; the escalation policy
says who gets letters.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal, Self

from pydantic import model_validator
from statemachine import State

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS, Opening
from models.facts import Code, FactData, FreeTextField, StoredFact
from statemachines.ceasing_a_plan import CEASE_REACTIONS, cease_facts
from statemachines.changed_time_limits import TIME_LIMIT_REACTIONS, TimeAgreed, TimeDirected
from statemachines.health_advice import CALLED_FOR_AGAIN, Noted, advice_facts
from statemachines.process import (
    FieldMapping,
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    define_process,
)
from statemachines.section_g import SECTION_G_REACTIONS, section_g_facts


class Reassessment(StatutoryMachine):
    """A re-assessment (CFA 2014 s44(2), (3); SEND Regs 2014 regs 23 to 27), and ceasing to maintain the plan after one
    (s45).

    Facts without a transition: advice asked of a body, acknowledged, answered, received or returned; appointments
    missed; waiting lists stated; section G agreed, arranged, stopped or replaced; a certificate or an appeal against
    ceasing.
    """

    requested = State("Re-assessment requested", initial=True)
    refused = State("Re-assessment refused")
    reassessing = State("Re-assessment under way")
    drafting = State("Draft plan received")
    planned = State("Final plan received")
    ceasing = State("Plan to cease")
    ceased = State("Plan ceased")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    reassessment_agreed = requested.to(reassessing)
    reassessment_refused = requested.to(refused)
    refusal_reversed = refused.to(reassessing)
    reassessment_ordered = refused.to(reassessing)
    reassessment_conceded = refused.to(reassessing)
    reassessment_mediated = refused.to(reassessing)
    draft_plan_received = reassessing.to(drafting) | drafting.to(drafting)
    final_plan_received = reassessing.to(planned) | drafting.to(planned)
    cease_decided = reassessing.to(ceasing) | drafting.to(ceasing)
    plan_ceased = ceasing.to(ceased)
    cease_reversed = ceasing.to(reassessing) | ceased.to(reassessing)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class ReassessmentRequested(Opening):
    """A re-assessment was asked for, or the authority thinks it necessary (CFA 2014 s44(2), (3); reg 23).

    `body` is the board whose request it is. `assessed_in_window` is worked out when the fact is recorded: whether the
    last assessment lies in the six months before the request (reg 24).
    """

    requested_by: Literal["parent", "young_person", "institution", "rcb", "la"]
    body: Code | None = None
    last_assessed_on: date | None = None
    assessed_in_window: Literal["yes", "no"] | None = None
    WITHIN_PERIOD: ClassVar[Mapping[str, tuple[str, str]]] = {
        "assessed_in_window": ("reassess_six_month_window_start", "last_assessed_on")
    }
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS

    @model_validator(mode="after")
    def _a_boards_request_names_the_board(self) -> Self:
        if (self.requested_by == "rcb") != (self.body is not None):
            raise ValueError("body is the board whose request it is, and goes with requested_by=rcb only")
        return self


class ReassessmentRefused(FactData):
    """The authority notified that it will not re-assess: within six months of the last assessment, or because it is not
    necessary (reg 24).
    """

    ground: Literal["assessed_in_six_months", "not_necessary"]
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


def _may_refuse(casefile: CaseFile, line: StoredFact) -> str | None:
    request = next(each.data for each in casefile.lines if each.kind == "reassessment_requested")
    if request["requested_by"] == "rcb":
        return (
            "the responsible commissioning body asked, and its request compels the authority (SEND Regs 2014 reg 23;"
            " reg 24 does not reach it). Lawful then: reassessment_agreed"
        )
    if request["requested_by"] == "la":
        return (
            "nobody asked: the authority itself thought it necessary (CFA 2014 s44(3)). Lawful then:"
            " reassessment_agreed, or case_withdrawn"
        )
    assessed = request.get("last_assessed_on")
    if line.data["ground"] == "assessed_in_six_months" and assessed and request.get("assessed_in_window") == "no":
        return (
            f"the last assessment, of {assessed}, was made more than six months before the request (SEND Regs 2014 reg"
            " 24). Lawful then: reassessment_agreed, or reassessment_refused with ground=not_necessary"
        )
    return None


def remarks(casefile: CaseFile) -> list[str]:
    """That a board's request leaves the authority no choice, while it has not answered."""
    request = next(line for line in casefile.lines if line.kind == "reassessment_requested")
    if request.data["requested_by"] != "rcb" or casefile.state != "requested":
        return []
    return [
        f"Fact {request.seq}: the responsible commissioning body asked, and the authority has to re-assess (SEND Regs"
        " 2014 reg 23). Reg 24, by which it may refuse within six months of the last assessment, does not reach such a"
        " request."
    ]


BEFORE_PLAN = ("requested", "reassessing", "drafting")
ANY_OPEN = (*BEFORE_PLAN, "refused", "planned", "ceasing", "ceased")

PROCESS = define_process(
    Reassessment,
    name="reassessment",
    title="Re-assessment",
    version=2,  # a concession and an agreement are facts of their own, as in an assessment
    out_of_order_from=None,
    facts=[
        OpeningFact("reassessment_requested", ReassessmentRequested, needs=("la",)),
        Transition("reassessment_agreed", Noted),
        Transition("reassessment_refused", ReassessmentRefused, guard=_may_refuse),
        Transition("refusal_reversed", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("reassessment_ordered", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("reassessment_conceded", Noted, requests_again=CALLED_FOR_AGAIN),
        Transition("reassessment_mediated", Noted, requests_again=CALLED_FOR_AGAIN),
        NoTransition("time_directed", TimeDirected, accepted_in=ANY_OPEN),
        NoTransition("time_agreed", TimeAgreed, accepted_in=ANY_OPEN),
        *advice_facts(asked_in=BEFORE_PLAN, answered_in=ANY_OPEN, again_from=3),
        Transition("draft_plan_received", Noted),
        NoTransition("section_g_agreed", Noted, accepted_in=("reassessing", "drafting", "planned")),
        Transition("final_plan_received", Noted),
        *section_g_facts(("planned",)),
        *cease_facts(3, ceasing=("ceasing",), ceased=()),
    ],
    reactions=[
        Reaction("tribunal", "order_to_reassess_made", "reassessment_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_reassess_conceded", "reassessment_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_reassess", "reassessment_mediated", latest_case_only=True),
        *TIME_LIMIT_REACTIONS,
        # The authority has to comply with the new commissioner (regs 15(8), 16(3)), as under reg 23.
        Reaction(
            "transfer",
            "assessment_or_review_requested",
            "reassessment_requested",
            when={"asked_for": ("assessment",)},
            fields=FieldMapping(constants={"requested_by": "rcb"}),
            if_nothing_is_due=True,
        ),
        *SECTION_G_REACTIONS,
        Reaction("reassessment", "final_plan_received", "section_g_replaced", optional=True),
        *CEASE_REACTIONS,
    ],
    remarks=remarks,
)
