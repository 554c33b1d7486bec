"""One cycle of reviewing a plan, seen from health (CFA 2014 s44(1); SEND Regs 2014 regs 18 to 22), and amending it
without one (reg 28).

A cycle begins when the plan is made, reviewed or re-assessed. Its decision opens the next cycle as another case of the
child. The law does not say which day counts as "reviewed". Councils treat the notice of the decision as the end of a
review (reg 20(10)), and so does sendflow. A decision to cease opens the next cycle too: the plan continues until it
ceases (s45(4)), and ceasing ends that cycle. The statute file says by when; the escalation
policy says who gets letters.
"""

from datetime import date
from typing import ClassVar, Literal

from statemachine import State

from models.casefile import CaseFile
from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Slug, StoredFact
from statemachines.ceasing_a_plan import CEASE_FACTS, CEASE_REACTIONS
from statemachines.health_advice import ByBody, Noted, Returned, has_answered, is_outstanding, was_asked
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


class AnnualReview(StatutoryMachine):
    """A review of an education, health and care plan (CFA 2014 s44(1); SEND Regs 2014 regs 18 to 22).

    Facts without a transition: a health professional invited and what came of it; notice and advice sent round;
    the report; transfers between phases and between authorities; an amendment outside the review (reg 28), which leaves
    the next review where it is; section G agreed, arranged, stopped or replaced; a certificate or an appeal against
    ceasing.
    """

    waiting = State("Review awaited", initial=True)
    arranged = State("Review meeting arranged")
    held = State("Review meeting held")
    kept = State("Plan kept as it is")
    amending = State("Plan to be amended")
    noticed = State("Amendments proposed")
    amended = State("Amended plan received")
    ceasing = State("Plan to cease")
    ceased = State("Plan ceased")
    ended = State("Plan ceased before the review")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    plan_made = waiting.to(waiting)
    plan_reassessed = waiting.to(waiting) | arranged.to(waiting) | held.to(waiting)
    review_meeting_arranged = waiting.to(arranged) | arranged.to(arranged)
    review_meeting_cancelled = arranged.to(waiting)
    review_meeting_held = waiting.to(held) | arranged.to(held)
    plan_kept = held.to(kept)
    amendment_decided = held.to(amending)
    cease_decided = held.to(ceasing)
    amendment_notice_sent = amending.to(noticed)
    amendment_dropped = noticed.to(kept)
    amended_plan_received = noticed.to(amended)
    plan_ceased = ceasing.to(ceased)
    cease_reversed = ceasing.to(kept) | ceased.to(kept)
    plan_ended = waiting.to(ended) | arranged.to(ended) | held.to(ended)
    plan_resumed = ended.to(waiting)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class PlanMade(Opening):
    """The plan was first made; its day starts the first twelve months (CFA 2014 s44(1)(a))."""


class PlanReviewed(Opening):
    """The plan was reviewed. Its day, or the one that it names, starts the next twelve months (CFA 2014 s44(1)(b))."""

    last_reviewed_on: date | None = None


class PlanReassessed(Opening):
    """The final plan after a re-assessment was sent; its day starts the twelve months of reg 27(4)."""


class PlanTransferred(FactData):
    """The plan went to another authority on this day, which reviews it by reg 15(5)."""

    new_la: Slug | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class EarlyReviewCalled(FactData):
    """Somebody asks for the review to come early. The law sets no day for it; a responsible commissioner's request
    binds (regs 15(8), 16(3)).

    `body` is the commissioner, where it is one that asks.
    """

    called_by: Literal["parent", "young_person", "institution", "la", "rcb", "provider"] | None = None
    body: Code | None = None
    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class TransferPlanned(FactData):
    """A transfer to another phase or setting on a day to come (reg 18)."""

    transfer_on: date
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class PhaseTransferPlanned(TransferPlanned):
    """A transfer between phases of education other than to post-16 (reg 18(1)(b))."""

    phase: Literal[
        "early_years_to_school", "infant_to_junior", "primary_to_middle", "primary_to_secondary", "middle_to_secondary"
    ]


class ReviewMeetingArranged(FactData):
    """A review meeting was fixed for a day (reg 20(1), 21(1)). A further one takes the place of the earlier."""

    meeting_on: date
    arranged_by: Literal["institution", "la"] | None = None
    review: Literal["annual", "early", "phase_transfer"] | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class HealthProfessionalInvited(ByBody):
    """A body's health care professional was invited to the meeting and asked for advice (regs 20(2)(d), (4), 21(2)(c),
    (4)).
    """

    meeting_on: date


class AmendmentNoticeSent(Noted):
    """The authority sent the plan with its notice of proposed amendments and the evidence (reg 22(2)(a))."""

    section_g: Literal["changed", "unchanged"] | None = None


class AmendedPlanReceived(Noted):
    """The final amended plan came; the responsible commissioning body is one of those it goes to (reg 22(3))."""

    section_g: Literal["changed", "unchanged"] | None = None


class PlanAmendmentProposed(AmendmentNoticeSent):
    """Outside a review and a re-assessment the authority sent notice of proposed amendments (reg 28), and goes on as
    after a review (reg 22).
    """


class PlanAmendmentMade(AmendedPlanReceived):
    """The final plan, amended outside a review, came (regs 28, 22(3))."""


def _under_way(casefile: CaseFile, line: StoredFact) -> bool:
    """Whether an amendment that was proposed outside a review has been neither made nor dropped by then."""
    before = [each.kind for each in casefile.facts_before(line)]
    return before.count("plan_amendment_proposed") > before.count("plan_amendment_made") + before.count(
        "plan_amendment_dropped"
    )


def _none_under_way(casefile: CaseFile, line: StoredFact) -> str | None:
    if not _under_way(casefile, line):
        return None
    return (
        "an amendment outside the review is under way already: record plan_amendment_made or plan_amendment_dropped"
        " first"
    )


def _proposed(casefile: CaseFile, line: StoredFact) -> str | None:
    if _under_way(casefile, line):
        return None
    return "no amendment outside a review was under way on that day (reg 28): record plan_amendment_proposed first"


def _agreed(casefile: CaseFile, _line: StoredFact) -> str | None:
    if casefile.state in AFTER_DECISION or "plan_amendment_proposed" in casefile.seen:
        return None
    return (
        "section G is agreed for amendments that have been proposed (reg 12(2)): record plan_amendment_proposed first,"
        " or the review's own decision"
    )


def _of_an_amended_plan(casefile: CaseFile, line: StoredFact) -> str | None:
    if not casefile.seen & {"amended_plan_received", "plan_amendment_made"}:
        return (
            "no amended plan has come in this cycle: what section G of the plan before says is recorded on the case of"
            " that plan (CFA 2014 s42(3))"
        )
    return None


def _made_once(casefile: CaseFile, line: StoredFact) -> str | None:
    opening = next(each for each in casefile.lines if each.kind in {"plan_made", "plan_reviewed", "plan_reassessed"})
    return (
        None
        if opening.seq == line.seq
        else "a plan is made once, and this cycle has begun already: correct its day with fact_corrected"
    )


CALLERS = {"rcb": "responsible commissioner", "la": "authority"}


def remarks(casefile: CaseFile) -> list[str]:
    """An early review that somebody called for and that has not been held: no law gives it a day, so that no duty shows
    it.
    """
    calls: list[StoredFact] = []
    for line in casefile.lines:
        if line.kind == "early_review_called":
            calls.append(line)
        elif line.kind == "review_meeting_held":
            calls.clear()
    return [_call(line) for line in calls] if casefile.state in BEFORE_MEETING else []


def _call(line: StoredFact) -> str:
    who = line.data.get("called_by")
    by = f" by the {CALLERS.get(who, who.replace('_', ' '))}" if who else ""
    binds = "; its request under reg 15(8) or 16(3) binds the authority" if who == "rcb" else ""
    return (
        f"Fact {line.seq}: an early review was called for on {line.occurred_on.isoformat()}{by}. The law gives it no"
        f" day{binds}."
    )


INVITATION = "health_professional_invited"
BEFORE_MEETING = ("waiting", "arranged")
BEFORE_DECISION = (*BEFORE_MEETING, "held")
AFTER_DECISION = ("amending", "noticed", "amended")
ANY_OPEN = (*BEFORE_DECISION, "kept", "amending", "noticed", "amended", "ceasing", "ceased", "ended")
BEFORE_END = (*BEFORE_DECISION, "amending", "noticed")

PROCESS = define_process(
    AnnualReview,
    name="annual_review",
    title="Annual review",
    version=1,
    out_of_order_from=None,
    facts=[
        OpeningFact("plan_reviewed", PlanReviewed),
        OpeningFact("plan_made", PlanMade, guard=_made_once),
        OpeningFact("plan_reassessed", PlanReassessed),
        NoTransition("plan_transferred", PlanTransferred, accepted_in=BEFORE_DECISION),
        NoTransition("early_review_called", EarlyReviewCalled, accepted_in=BEFORE_MEETING),
        NoTransition("post16_transfer_planned", TransferPlanned, accepted_in=BEFORE_END),
        NoTransition("phase_transfer_planned", PhaseTransferPlanned, accepted_in=BEFORE_END),
        NoTransition("post16_move_planned", TransferPlanned, accepted_in=BEFORE_END),
        NoTransition("setting_confirmed", Noted, accepted_in=(*BEFORE_END, "kept", "amended")),
        Transition("review_meeting_arranged", ReviewMeetingArranged),
        Transition("review_meeting_cancelled", Noted),
        NoTransition("meeting_notice_given", Noted, accepted_in=("arranged", "held")),
        NoTransition(INVITATION, HealthProfessionalInvited, accepted_in=BEFORE_MEETING, roles=("asks",)),
        NoTransition(
            "review_invitation_acknowledged",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=was_asked(INVITATION),
            roles=("contacts",),
        ),
        NoTransition(
            "review_advice_received",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=is_outstanding(INVITATION),
            roles=(
                "answers",
                "contacts",
            ),
        ),
        NoTransition(
            "review_advice_declined",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=is_outstanding(INVITATION),
            roles=(
                "answers",
                "contacts",
            ),
        ),
        NoTransition(
            "review_advice_returned", Returned, accepted_in=ANY_OPEN, guard=has_answered(INVITATION), roles=("reopens",)
        ),
        NoTransition("review_advice_circulated", Noted, accepted_in=("arranged", "held")),
        Transition("review_meeting_held", Noted),
        NoTransition(
            "review_report_received",
            Noted,
            accepted_in=("held", "kept", "amending", "noticed", "amended", "ceasing", "ceased"),
        ),
        Transition("plan_kept", Noted),
        Transition("amendment_decided", Noted),
        Transition("amendment_notice_sent", AmendmentNoticeSent),
        Transition("amendment_dropped", Noted),
        NoTransition("section_g_agreed", Noted, accepted_in=(*BEFORE_DECISION, *AFTER_DECISION), guard=_agreed),
        Transition("amended_plan_received", AmendedPlanReceived),
        NoTransition(
            "plan_amendment_proposed",
            PlanAmendmentProposed,
            accepted_in=BEFORE_MEETING,
            guard=_none_under_way,
            order="SEND Regs 2014 reg 28 is about amending at another time than as part of a review: after the meeting"
            " the review's own notice comes",
        ),
        NoTransition(
            "plan_amendment_made",
            PlanAmendmentMade,
            accepted_in=(*BEFORE_DECISION, "kept", *AFTER_DECISION, "ceasing"),
            guard=_proposed,
        ),
        NoTransition(
            "plan_amendment_dropped",
            Noted,
            accepted_in=(*BEFORE_DECISION, "kept", *AFTER_DECISION, "ceasing"),
            guard=_proposed,
        ),
        *section_g_facts((*BEFORE_DECISION, "kept", *AFTER_DECISION), first=_of_an_amended_plan),
        *CEASE_FACTS,
        Transition("plan_ended", Noted),
        Transition("plan_resumed", Noted),
    ],
    reactions=[
        Reaction("annual_review", "plan_kept", "plan_reviewed"),
        Reaction("annual_review", "amendment_decided", "plan_reviewed"),
        Reaction("annual_review", "cease_decided", "plan_reviewed"),
        Reaction("annual_review", "plan_ceased", "plan_ended", optional=True),
        Reaction("annual_review", "cease_reversed", "plan_resumed", optional=True),
        Reaction("reassessment", "plan_ceased", "plan_ended", optional=True),
        Reaction("reassessment", "cease_reversed", "plan_resumed", optional=True),
        Reaction("reassessment", "final_plan_received", "plan_reassessed"),
        Reaction("transfer", "plan_transferred", "plan_transferred"),
        Reaction(
            "transfer",
            "assessment_or_review_requested",
            "early_review_called",
            when={"asked_for": ("review",)},
            fields=FieldMapping(constants={"called_by": "rcb"}),
        ),
        *SECTION_G_REACTIONS,
        *CEASE_REACTIONS,
    ],
    remarks=remarks,
)
