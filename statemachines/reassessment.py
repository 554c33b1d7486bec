"""A re-assessment of the needs behind a plan, seen from health (CFA 2014 s44(2), (3); SEND Regs 2014 regs 23 to 27).

A request of the responsible commissioning body compels the authority (reg 23): the law allows no refusal of it, so that
one is recorded out of order. Reg 24, which lets the authority refuse within six months of the last assessment, speaks
of other requests only. Reg 26 applies regs 6 to 9 again, so each body's six weeks run once more. A refusal is reversed
by the authority itself, by the Tribunal's order, by the authority not opposing the appeal, or by a mediation agreement;
each of the last three comes from its own case and brings its own fourteen weeks. The authority may decide to leave the
plan as it is (CFA 2014 s51(2)(e)). The statute file says by when; the escalation policy says who gets letters.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal, Self

from pydantic import model_validator
from statemachine import State

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS, Opening
from models.facts import Code, FactData, FreeTextField, Reference, StoredFact
from statemachines.ceasing_a_plan import CEASE_REACTIONS, cease_facts
from statemachines.changed_time_limits import TIME_LIMIT_REACTIONS, TimeAgreed, TimeDirected
from statemachines.draft_oversight import DraftReceived, draft_facts, uncommented
from statemachines.health_advice import CALLED_FOR_AGAIN, LABELS, Noted, advice_facts, after, follows
from statemachines.orders_set_aside import fallen_order, order_set_aside, set_aside_by_the_tribunal
from statemachines.process import (
    FieldMapping,
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    before,
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
    kept = State("Plan kept as it is")
    ceasing = State("Plan to cease")
    ceased = State("Plan ceased")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    reassessment_agreed = requested.to(reassessing) | unusual(refused.to(reassessing))
    reassessment_refused = requested.to(refused) | unusual(refused.from_(reassessing, drafting))
    refusal_reversed = refused.to(reassessing)
    reassessment_ordered = refused.to(reassessing) | unusual(requested.to(reassessing))
    reassessment_conceded = refused.to(reassessing) | unusual(requested.to(reassessing))
    reassessment_mediated = refused.to(reassessing) | unusual(requested.to(reassessing))
    draft_plan_received = (
        reassessing.to(drafting) | drafting.to(drafting) | unusual(drafting.from_(requested, refused, kept))
    )
    final_plan_received = (
        reassessing.to(planned) | drafting.to(planned) | unusual(planned.from_(requested, refused, kept))
    )
    plan_kept = reassessing.to(kept) | drafting.to(kept) | unusual(kept.from_(requested, ceasing))
    # Reg 31 asks for consultation and for no re-assessment, so that it may be decided before that is agreed to.
    cease_decided = reassessing.to(ceasing) | drafting.to(ceasing) | requested.to(ceasing)
    plan_ceased = ceasing.to(ceased) | unusual(ceased.from_(requested, reassessing, drafting))
    cease_reversed = ceasing.to(reassessing) | ceased.to(reassessing)
    cease_appeal_resumed = reassessing.to(ceasing)
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


class ReassessmentRequestRepeated(FactData):
    """Another request for the same re-assessment while the first is undecided. The fifteen days run from the first
    receipt (reg 25(1)); a board's request binds the authority, also where another asked first (reg 23).
    """

    requested_by: Literal["parent", "young_person", "institution", "rcb", "la"] | None = None
    body: Code | None = None
    la_reference: Reference | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class ReassessmentRefused(FactData):
    """The authority notified that it will not re-assess: within six months of the last assessment, or because it is not
    necessary (reg 24).
    """

    ground: Literal["assessed_in_six_months", "not_necessary"]
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


def _board_asked(casefile: CaseFile, line: StoredFact | None = None) -> StoredFact | None:
    """The first request of a responsible commissioning body, before a fact or at all."""
    asked = casefile.lines if line is None else casefile.facts_before(line)
    return next((each for each in asked if each.kind in REQUESTS and each.data.get("requested_by") == "rcb"), None)


def _may_refuse(casefile: CaseFile, line: StoredFact) -> str | None:
    request = next(each.data for each in casefile.lines if each.kind == "reassessment_requested")
    if _board_asked(casefile, line) is not None:
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
    """That the plan ceased since, that a board's request leaves the authority no choice, and what the check of a draft
    found.
    """
    return [*_ceased_since(casefile), *_owed_to_the_board(casefile), *uncommented(casefile)]


def _ceased_since(casefile: CaseFile) -> list[str]:
    """The state of a re-assessment that is over says nothing of the plan, which may cease at any time (s45)."""
    ends = [line for line in casefile.lines if line.kind in PLAN_ENDS]
    if casefile.state not in ("planned", "kept") or not ends or ends[-1].kind in ("plan_resumed", "cease_reversed"):
        return []
    return [
        f"Fact {ends[-1].seq}: the plan ceased on {ends[-1].occurred_on.isoformat()} (CFA 2014 s45). Nothing of it is"
        " owed any more."
    ]


def _owed_to_the_board(casefile: CaseFile) -> list[str]:
    """What a board's request asks for, while the authority has not answered it or has refused."""
    if fallen := fallen_order(casefile, ("reassessment_ordered",)):
        return [fallen]
    request = _board_asked(casefile)
    if request is None or casefile.state not in ("requested", "refused"):
        return []
    refusal = next((line for line in reversed(casefile.lines) if line.kind == "reassessment_refused"), None)
    if casefile.state == "refused" and refusal is not None:
        return [
            f"Fact {refusal.seq}: the authority refused what the responsible commissioning body asked for. SEND Regs"
            " 2014 reg 23 leaves it no choice: the re-assessment is owed, and no number of days ends that."
        ]
    return [
        f"Fact {request.seq}: the responsible commissioning body asked, and the authority has to re-assess (SEND Regs"
        " 2014 reg 23). Reg 24, by which it may refuse within six months of the last assessment, does not reach such a"
        " request."
    ]


PLAN_ENDS = ("plan_ceased", "cease_reversed", "plan_ended", "plan_resumed")
REQUESTS = ("reassessment_requested", "reassessment_request_repeated")
UNDER_WAY = ("reassessing", "drafting")
BEFORE_PLAN = ("requested", *UNDER_WAY)
ANY_OPEN = (*BEFORE_PLAN, "refused", "planned", "kept", "ceasing", "ceased")
DECIDED_FIRST = (
    "the authority notifies whether it will re-assess before it does and sends a draft and a plan (SEND Regs 2014 regs"
    " 25(1), 27(1), (2)); what it did not notify stays owed until it sends them"
)
TO_REASSESS = (
    "an order to re-assess, an appeal against a refusal that is not opposed, or an agreement with that effect follows a"
    " refusal (CFA 2014 s51(2)(d); SEND Regs 2014 regs 42(2), 44(2)(b), 45(3)); its own times run from it"
)

PROCESS = define_process(
    Reassessment,
    name="reassessment",
    title="Re-assessment",
    # 5: requests repeated, a plan that ends; 4: replies, fallen orders; 3: facts out of order; 2: a concession and an
    # agreement are facts of their own.
    version=5,
    out_of_order_from=3,
    labels=LABELS,
    facts=[
        OpeningFact(
            "reassessment_requested",
            ReassessmentRequested,
            repeated_as="reassessment_request_repeated",
            needs=("la",),
            undecided_in=("requested",),
        ),
        NoTransition(
            "reassessment_request_repeated",
            ReassessmentRequestRepeated,
            accepted_in=("requested",),
            order="a request is a repetition while the first is undecided (SEND Regs 2014 reg 25(1)); one that comes"
            " after the decision is a new request with fifteen days of its own, on a case of its own",
        ),
        Transition(
            "reassessment_agreed",
            Noted,
            requests_again=CALLED_FOR_AGAIN,
            order="the authority notifies once whether it will re-assess, before it does (SEND Regs 2014 reg 25(1));"
            " its change of mind after a refusal is refusal_reversed",
            order_from=3,
        ),
        Transition(
            "reassessment_refused",
            ReassessmentRefused,
            guard=before(3, _may_refuse),
            warning=_may_refuse,
            order="the authority refuses a re-assessment before it re-assesses, and notifies that within fifteen days"
            " (SEND Regs 2014 regs 24, 25(1))",
            order_from=3,
        ),
        Transition(
            "refusal_reversed",
            Noted,
            guard=follows("reassessment_refused"),
            requests_again=CALLED_FOR_AGAIN,
            order="a refusal to re-assess is reversed once, before the authority re-assesses (SEND Regs 2014 reg"
            " 25(1))",
            order_from=3,
        ),
        *(
            Transition(
                kind,
                Noted,
                accepted_in=UNDER_WAY,
                warning=after("reassessment_refused", TO_REASSESS),
                requests_again=CALLED_FOR_AGAIN,
                order=TO_REASSESS,
                order_from=3,
            )
            for kind in ("reassessment_ordered", "reassessment_conceded", "reassessment_mediated")
        ),
        NoTransition(
            "child_moved_away",
            Noted,
            accepted_in=(*BEFORE_PLAN, "refused"),
            order="the plan of a child who moves is transferred, and the authority that receives it decides whether to"
            " re-assess (SEND Regs 2014 reg 15(4)); a re-assessment that is over is not touched",
            order_from=3,
        ),
        order_set_aside(("reassessment_ordered",), ANY_OPEN),
        NoTransition("time_directed", TimeDirected, accepted_in=ANY_OPEN),
        NoTransition("time_agreed", TimeAgreed, accepted_in=ANY_OPEN),
        *advice_facts(asked_in=BEFORE_PLAN, answered_in=ANY_OPEN, again_from=3),
        Transition("draft_plan_received", DraftReceived, order=DECIDED_FIRST, order_from=3),
        *draft_facts(("drafting", "planned"), since=3),
        NoTransition(
            "section_g_agreed",
            Noted,
            accepted_in=(*UNDER_WAY, "planned"),
            order="the responsible commissioning body agrees to section G of a plan that is being made (SEND Regs 2014"
            " regs 12(2), 27(1))",
            order_from=3,
        ),
        Transition("final_plan_received", FinalPlanReceived, order=DECIDED_FIRST, order_from=3),
        Transition(
            "plan_kept",
            Noted,
            order="after a re-assessment the authority may decide not to amend or replace the plan, which can be"
            " appealed (CFA 2014 s51(2)(e)); it has notified before that it re-assesses (SEND Regs 2014 reg 25(1))",
            order_from=3,
        ),
        *section_g_facts(("planned",)),
        *plan_end_facts(("planned",)),
        *cease_facts(3, ceasing=("ceasing",), ceased=()),
    ],
    reactions=[
        Reaction("tribunal", "order_to_reassess_made", "reassessment_ordered", latest_case_only=True),
        Reaction("tribunal", "refusal_to_reassess_conceded", "reassessment_conceded", latest_case_only=True),
        Reaction("mediation", "agreed_to_reassess", "reassessment_mediated", latest_case_only=True),
        set_aside_by_the_tribunal("order_to_reassess_made"),
        Reaction("transfer", "child_moved", "child_moved_away", optional=True),
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
        *PLAN_END_REACTIONS,
        *CEASE_REACTIONS,
    ],
    remarks=remarks,
)
