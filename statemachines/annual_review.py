"""One cycle of reviewing a plan, seen from health (CFA 2014 s44(1); SEND Regs 2014 regs 18 to 22), and amending it
without one (reg 28).

A cycle begins when the plan is made, reviewed or re-assessed. Its decision opens the next cycle as another case of the
child. The law does not say which day counts as "reviewed". Councils treat the notice of the decision as the end of a
review (reg 20(10)), and so does sendflow. A decision to cease opens the next cycle too: the plan continues until it
ceases (s45(4)), and ceasing ends that cycle. The statute file says by when; the escalation
policy says who gets letters.
"""

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.annual_review_facts import (
    AmendedPlanReceived,
    AmendmentNoticeSent,
    EarlyReviewCalled,
    HealthProfessionalInvited,
    PhaseTransferPlanned,
    PlanAmendmentMade,
    PlanAmendmentProposed,
    PlanMade,
    PlanReassessed,
    PlanReviewed,
    PlanTransferred,
    ReviewMeetingArranged,
    TransferPlanned,
)
from statemachines.ceasing_a_plan import CEASE_REACTIONS, cease_facts
from statemachines.draft_oversight import draft_facts, uncommented
from statemachines.health_advice import (
    ByBody,
    Noted,
    Returned,
    answered_already,
    has_answered,
    is_outstanding,
    was_asked,
)
from statemachines.process import (
    HAS_ARRIVED,
    IS_DONE,
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
    ceasing_early = State("Plan to cease, review awaited")
    ceased_early = State("Plan ceased, review not held")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    # Reg 20(10): the review is decided after a meeting, once, and carried out by notice and plan (reg 22).
    _undecided = (waiting, arranged, held)
    _decided = (kept, amending, noticed, amended)

    plan_made = waiting.to(waiting)
    plan_reassessed = (
        waiting.to(waiting)
        | arranged.to(waiting)
        | held.to(waiting)
        | unusual(waiting.from_(amending, noticed, ceasing, ceasing_early))
    )
    review_meeting_arranged = waiting.to(arranged) | arranged.to(arranged)
    review_meeting_cancelled = arranged.to(waiting)
    review_meeting_held = waiting.to(held) | arranged.to(held) | unusual(held.from_(kept, amended))
    plan_kept = held.to(kept) | unusual(kept.from_(waiting, arranged, amending, noticed, ceasing, ceasing_early))
    amendment_decided = held.to(amending) | unusual(
        amending.from_(waiting, arranged, kept, amended, ceasing, ceasing_early)
    )
    # Reg 31 asks for no review: it may be decided at any time, and the review stays owed until the plan ceases.
    cease_decided = (
        held.to(ceasing)
        | waiting.to(ceasing_early)
        | arranged.to(ceasing_early)
        | kept.to(ceasing)
        | amending.to(ceasing)
        | noticed.to(ceasing)
        | amended.to(ceasing)
    )
    amendment_notice_sent = amending.to(noticed) | unusual(noticed.from_(*_undecided, kept, amended))
    amendment_dropped = noticed.to(kept) | unusual(amending.to(kept))
    amended_plan_received = noticed.to(amended) | unusual(amended.from_(*_undecided, kept, amending))
    plan_ceased = (
        ceasing.to(ceased)
        | ceasing_early.to(ceased_early)
        | unusual(ceased.from_(held, *_decided) | ceased_early.from_(waiting, arranged))
    )
    cease_reversed = ceasing.to(kept) | ceased.to(kept) | ceasing_early.to(waiting) | ceased_early.to(waiting)
    # The decision that the plan goes on has fallen, and the decision to cease is appealed again.
    cease_appeal_resumed = kept.to(ceasing) | waiting.to(ceasing_early)
    plan_ended = (
        waiting.to(ended)
        | arranged.to(ended)
        | held.to(ended)
        | unusual(ended.from_(amending, noticed, ceasing, ceasing_early))
    )
    plan_resumed = ended.to(waiting)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


def _under_way(casefile: CaseFile, line: StoredFact) -> bool:
    """Whether an amendment that was proposed outside a review has been neither made nor dropped by then."""
    earlier = casefile.facts_before(line, "plan_amendment_proposed", "plan_amendment_made", "plan_amendment_dropped")
    return bool(earlier) and earlier[-1].kind == "plan_amendment_proposed"


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


def _to_drop(casefile: CaseFile, line: StoredFact) -> str | None:
    """Before the first decision or notice there are no amendments that could be dropped."""
    if casefile.facts_before(line, "amendment_decided", "amendment_notice_sent"):
        return None
    return "no amendment has been decided or proposed in this cycle by that day: record amendment_notice_sent first"


def _had_ended(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.facts_before(line, "plan_ended"):
        return None
    return "only a plan that had ended goes on again: record plan_ended first"


def ends_the_review(casefile: CaseFile, fact: StoredFact) -> bool:
    """Whether the next cycle begins with this fact: the first decision after a review meeting, or what shows it.

    A decision without a meeting leaves this cycle's review owed (CFA 2014 s44(1); SEND Regs 2014 regs 20(1), 21(1)).
    """
    earlier = casefile.facts_before(fact)
    # A meeting that is recorded after its decision opens the next cycle itself (`was_decided_since`).
    meetings = (number for number, each in enumerate(earlier) if each.kind == MEETING_HELD and each.seq < fact.seq)
    meeting = next(meetings, None)
    return meeting is not None and not any(each.kind in REVIEW_DECISIONS for each in earlier[meeting:])


def was_decided_since(casefile: CaseFile, fact: StoredFact) -> bool:
    """Whether a meeting that is recorded late comes before the decision of its review, and is the first."""
    return _decision_since(casefile, fact) is not None and not casefile.facts_before(fact, MEETING_HELD)


def _decision_since(casefile: CaseFile, fact: StoredFact) -> StoredFact | None:
    # One that is recorded after the meeting, or in the same act, opens the next cycle itself.
    decisions = (each for each in casefile.lines if each.kind in REVIEW_DECISIONS and each.seq < fact.seq)
    return next((each for each in decisions if each.occurred_on >= fact.occurred_on), None)


def decision_of(casefile: CaseFile, fact: StoredFact) -> StoredFact:
    """The decision that ends the review whose meeting this is."""
    return _decision_since(casefile, fact) or fact


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
    it. And what the check of a draft found.
    """
    return [*_early_reviews(casefile), *uncommented(casefile)]


def _early_reviews(casefile: CaseFile) -> list[str]:
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


DRAFTS = ("amendment_notice_sent", "plan_amendment_proposed")
INVITATION = "health_professional_invited"
ANSWERED_ALREADY = answered_already(
    ("review_advice_received", "review_advice_declined"),
    "review_advice_returned",
    "SEND Regs 2014 regs 20(2)(d), (4), 21(2)(c), (4)",
)
MEETING_HELD = "review_meeting_held"
ENDS_A_REVIEW = ("plan_kept", "amendment_decided", "amendment_notice_sent", "amended_plan_received")
REVIEW_DECISIONS = (*ENDS_A_REVIEW, "cease_decided")
BEFORE_MEETING = ("waiting", "arranged", "ceasing_early")
BEFORE_DECISION = (*BEFORE_MEETING, "held")
AFTER_DECISION = ("amending", "noticed", "amended")
CEASED = ("ceased", "ceased_early")
ANY_OPEN = ("waiting", "arranged", "held", "kept", *AFTER_DECISION, "ceasing", "ceasing_early", *CEASED, "ended")
BEFORE_END = (*BEFORE_DECISION, "amending", "noticed")
OUTSIDE = (*BEFORE_DECISION, "kept", *AFTER_DECISION, "ceasing")
MEETING = "SEND Regs 2014 regs 20(1), 21(1): a review has a meeting, which comes before its decision"
INVITED = "those invited are asked for advice before the meeting (SEND Regs 2014 regs 20(2) to (4), 21(2) to (4))"
DECISION = (
    "the authority decides once, in the four weeks after the meeting, to keep, amend or cease (SEND Regs 2014 regs"
    " 20(10), 21(9)); a decision without a meeting leaves out what reg 20(1) asks"
)
NOTICE = (
    "amendments are decided on, proposed by notice, and made or dropped (SEND Regs 2014 reg 22(2) to (4)); the family"
    " has fifteen days from the notice"
)
TO_COME = "a transfer to come is planned for, and the plan reviewed and amended before it (SEND Regs 2014 reg 18)"
OUTSIDE_REVIEW = (
    "SEND Regs 2014 reg 28 is about amending at another time than as part of a review: after the meeting the review's"
    " own notice comes; a notice comes before the plan (reg 22(2)(a))"
)
ENDED_ELSEWHERE = "a plan that ceases on another case ends the cycle that had begun (CFA 2014 s45)"

PROCESS = define_process(
    AnnualReview,
    name="annual_review",
    title="Annual review",
    version=4,  # further advice of a body; 3: replies, appeals that go on again; 2: facts out of order
    out_of_order_from=2,
    facts=[
        OpeningFact("plan_reviewed", PlanReviewed),
        OpeningFact("plan_made", PlanMade, guard=_made_once),
        OpeningFact("plan_reassessed", PlanReassessed),
        NoTransition(
            "plan_transferred",
            PlanTransferred,
            accepted_in=BEFORE_DECISION,
            order="the new authority takes the plan over with the review that is owed next (SEND Regs 2014 reg 15(5))",
        ),
        NoTransition(
            "early_review_called",
            EarlyReviewCalled,
            accepted_in=BEFORE_MEETING,
            order="a review is called for before it is held (SEND Regs 2014 regs 15(8), 16(3)); the next cycle has one",
        ),
        NoTransition("post16_transfer_planned", TransferPlanned, accepted_in=BEFORE_END, order=TO_COME),
        NoTransition("phase_transfer_planned", PhaseTransferPlanned, accepted_in=BEFORE_END, order=TO_COME),
        NoTransition("post16_move_planned", TransferPlanned, accepted_in=BEFORE_END, order=TO_COME),
        NoTransition("setting_confirmed", Noted, accepted_in=(*BEFORE_END, "kept", "amended"), order=TO_COME),
        Transition("review_meeting_arranged", ReviewMeetingArranged, accepted_in=("ceasing_early",), order=MEETING),
        Transition("review_meeting_cancelled", Noted, accepted_in=("ceasing_early",), order=MEETING),
        NoTransition(
            "meeting_notice_given",
            Noted,
            accepted_in=("arranged", "held", "ceasing_early"),
            order="notice is given of a meeting that was arranged (SEND Regs 2014 regs 20(3), 21(3))",
        ),
        NoTransition(INVITATION, HealthProfessionalInvited, accepted_in=BEFORE_MEETING, roles=("asks",), order=INVITED),
        NoTransition(
            "review_invitation_acknowledged",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=was_asked(INVITATION),
            roles=("contacts",),
            says=HAS_ARRIVED,
        ),
        NoTransition(
            "review_advice_received",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=is_outstanding(INVITATION, again_from=4),
            warning=ANSWERED_ALREADY,
            says=IS_DONE,
            roles=(
                "answers",
                "contacts",
            ),
        ),
        NoTransition(
            "review_advice_declined",
            ByBody,
            accepted_in=ANY_OPEN,
            guard=is_outstanding(INVITATION, again_from=4),
            warning=ANSWERED_ALREADY,
            roles=(
                "answers",
                "contacts",
            ),
        ),
        NoTransition(
            "review_advice_returned", Returned, accepted_in=ANY_OPEN, guard=has_answered(INVITATION), roles=("reopens",)
        ),
        NoTransition(
            "review_advice_circulated", Noted, accepted_in=("arranged", "held", "ceasing_early"), order=INVITED
        ),
        Transition("review_meeting_held", Noted, accepted_in=("ceasing_early",), order=MEETING),
        NoTransition(
            "review_report_received",
            Noted,
            accepted_in=("held", "kept", *AFTER_DECISION, "ceasing", "ceasing_early", *CEASED),
            order="the report is of the meeting, and sent in two weeks of it (SEND Regs 2014 regs 20(7) to (9), 21(7))",
        ),
        Transition("plan_kept", Noted, order=DECISION),
        Transition("amendment_decided", Noted, order=DECISION),
        Transition("amendment_notice_sent", AmendmentNoticeSent, order=NOTICE),
        Transition("amendment_dropped", Noted, guard=_to_drop, order=NOTICE),
        NoTransition(
            "section_g_agreed",
            Noted,
            accepted_in=(*BEFORE_DECISION, *AFTER_DECISION),
            guard=before(2, _agreed),
            warning=_agreed,
            order="section G is agreed for amendments that have been proposed (SEND Regs 2014 reg 12(2))",
        ),
        Transition("amended_plan_received", AmendedPlanReceived, order=NOTICE),
        NoTransition(
            "plan_amendment_proposed",
            PlanAmendmentProposed,
            accepted_in=BEFORE_MEETING,
            guard=before(2, _none_under_way),
            warning=_none_under_way,
            order=OUTSIDE_REVIEW,
        ),
        NoTransition(
            "plan_amendment_made",
            PlanAmendmentMade,
            accepted_in=OUTSIDE,
            guard=before(2, _proposed),
            warning=_proposed,
            order=OUTSIDE_REVIEW,
        ),
        NoTransition("plan_amendment_dropped", Noted, accepted_in=OUTSIDE, guard=_proposed, order=OUTSIDE_REVIEW),
        *draft_facts((*BEFORE_DECISION, "kept", "noticed", "amended"), DRAFTS),
        *section_g_facts((*BEFORE_DECISION, "kept", *AFTER_DECISION), first=_of_an_amended_plan, first_warns_from=2),
        *cease_facts(2, ceasing=("ceasing", "ceasing_early"), ceased=CEASED),
        Transition("plan_ended", Noted, order=ENDED_ELSEWHERE),
        Transition("plan_resumed", Noted, guard=_had_ended, order=ENDED_ELSEWHERE),
    ],
    reactions=[
        *(Reaction("annual_review", kind, "plan_reviewed", where=ends_the_review) for kind in REVIEW_DECISIONS),
        Reaction("annual_review", MEETING_HELD, "plan_reviewed", where=was_decided_since, day_of=decision_of),
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
