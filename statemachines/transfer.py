"""A child with a plan moves to another local authority, or another body becomes responsible for commissioning (SEND
Regs 2014 regs 15, 16).

What it decides: which facts may follow which on a move (reg 15), and on a change of commissioner without one (reg 16).
Every body learns of it on a day of its own, and its own clock runs from there: the old authority's, the original
board's, the new board's. Missing the day by which the new board may ask for a review does not end its duty under CFA
2014 s42(3) to arrange what section G says. Not decided here: whether it is practicable to arrange it. A person records
that.
"""

from datetime import date
from typing import ClassVar, Literal

from statemachine import State

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS, Opening
from models.facts import Code, FactData, FreeTextField, Slug, StoredFact
from statemachines.annual_review import (
    MEETING_HELD,
    REVIEW_DECISIONS,
    decision_of,
    ends_the_review,
    was_decided_since,
)
from statemachines.process import (
    IS_DONE,
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Transition,
    before,
    define_process,
)

MOVE, CHANGE = "move_known", "commissioner_change_known"


class Transfer(StatutoryMachine):
    """A move to another authority, or a change of commissioner without one (SEND Regs 2014 regs 15 and 16).

    Facts without a transition: a body learned of it; the day of the move changed; the new board informed of a move;
    section G arranged, or found not practicable to arrange; an assessment or review asked for; the parent informed
    by the new authority.
    """

    expected = State("Move known", initial=True)
    moved = State("Child moved, plan to be transferred")
    transferred = State("Plan with the new authority")
    reviewed = State("Plan reviewed by the new authority")
    changed = State("Change of commissioner known")
    handed_over = State("New commissioner informed of the change")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    commissioner_change_known = expected.to(changed)
    child_moved = expected.to(moved)
    plan_transferred = expected.to(transferred) | moved.to(transferred)
    new_la_reviewed = transferred.to(reviewed)
    new_rcb_notified_of_change = changed.to(handed_over)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class MoveKnown(Opening):
    """It became known that a child with a plan moves, or has moved, to another authority's area (reg 15(1)).

    Its own day is the earliest on which anyone concerned is known to have known. `la` is the authority of the
    case: the old one, or the new one where the old one is not in the directory. `moved_on` is the day of the
    move, which may be to come.
    """

    moved_on: date
    other_la: Slug | None = None


class CommissionerChangeKnown(Opening):
    """It became known that another body is responsible for commissioning though the child has not moved to another
    authority (reg 16(1)).
    """


class Noted(FactData):
    """Something that an authority did or learned; a note goes to a passage."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class MoveDaySet(Noted):
    """The move is on another day than was thought. Every date that hangs on it follows."""

    moved_on: date


class PlanTransferred(Noted):
    """The old authority transferred the plan (reg 15(2)). Its day starts the new authority's six weeks (reg 15(4)).

    `last_reviewed_on`: when the plan was made or last reviewed, as it says itself: the review under reg 15(5) is
    counted from there too.
    """

    last_reviewed_on: date


class NewLaInformedParent(Noted):
    """The new authority told the parent or young person that the plan is transferred, whether it will assess, and when
    it will review (reg 15(4)).
    """

    will_assess: Literal["yes", "no"]
    review_by: date | None = None


class ByBoard(FactData):
    """Something that a responsible commissioning body did or learned, by its code."""

    body: Code
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class NewRcbNotified(ByBoard):
    """The original body (`body`) informed the new one, `to_body` if its code is known (reg 15(7), reg 16(2))."""

    to_body: Code | None = None


class SectionGFoundImpracticable(ByBoard):
    """The new body finds that it is not practicable to arrange what section G says (reg 15(8), reg 16(3)): it has to
    ask, in time.
    """

    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


class AskedForReview(ByBoard):
    """The new body asked the authority for an assessment or a review of the plan (reg 15(8), reg 16(3)). The authority
    has to comply.

    `la`: the authority that was asked, where this case has another authority. An assessment opens a re-assessment of
    the same child.
    """

    asked_for: Literal["assessment", "review"]
    la: Slug | None = None


def _no_move(casefile: CaseFile, _line: StoredFact) -> str | None:
    if MOVE in casefile.seen:
        return (
            "this case is of a move to another authority, and reg 15 has its own words for the commissioners: a change"
            " without a move is a case of its own"
        )
    return None


def _moves(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.facts_before(line, MOVE, "move_day_set", "child_moved"):
        return None
    return (
        "this case is of a change of commissioner without a move (reg 16), and no move is known on it: a move is a case"
        " of its own, which move_known opens"
    )


def _aware(casefile: CaseFile, line: StoredFact) -> str | None:
    aware = ("new_rcb_aware_of_move", "new_rcb_aware_of_change")
    if _earlier(casefile, line, *aware):
        return None
    return (
        f"reg 15(8) and reg 16(3) bind the new body from the day on which it became aware: record {' or '.join(aware)}"
        " for it first, with that day"
    )


def _not_yet_asked(casefile: CaseFile, line: StoredFact) -> str | None:
    if _earlier(casefile, line, "assessment_or_review_requested"):
        return (
            "this body has asked for an assessment or a review already, which is all that reg 15(8) and reg 16(3) ask"
            " of it"
        )
    return _aware(casefile, line)


def _moved_again(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.state != "moved":
        return None
    return (
        "the child had moved already: SEND Regs 2014 reg 15(2) still asks the old authority for the plan on the first"
        " move, and on this one again"
    )


def _sent_again(casefile: CaseFile, line: StoredFact) -> str | None:
    if not casefile.facts_before(line, "plan_transferred"):
        return None
    return (
        "the plan had been transferred already, and SEND Regs 2014 reg 15(4) and (5) count from the first day; a"
        " further authority takes it over on a case of its own (move_known)"
    )


def _earlier(casefile: CaseFile, line: StoredFact, *kinds: str) -> bool:
    """Whether the same body has one of these facts before this one."""
    return any(each.data.get("body") == line.data["body"] for each in casefile.facts_before(line, *kinds))


ASK = "ask for an assessment or a review where section G cannot practicably be arranged"
# Who learns of it: what that body then has to do, by which provision, and the fact that does it.
LEARNED = {
    "old_la_aware_of_move": ("old authority", "transfer the plan", "reg 15(2)", "plan_transferred"),
    "original_rcb_aware_of_move": (
        "original commissioning body",
        "inform the new one",
        "reg 15(7)",
        "new_rcb_notified_of_move",
    ),
    "new_rcb_aware_of_move": ("new commissioning body", ASK, "reg 15(8)", "assessment_or_review_requested"),
    "original_rcb_aware_of_change": (
        "original commissioning body",
        "inform the new one",
        "reg 16(2)",
        "new_rcb_notified_of_change",
    ),
    "new_rcb_aware_of_change": ("new commissioning body", ASK, "reg 16(3)", "assessment_or_review_requested"),
}


def remarks(casefile: CaseFile) -> list[str]:
    """Whose time cannot be shown yet: each runs from the day on which that body learned of it, and nobody has recorded
    that day.
    """
    if casefile.state in ("withdrawn", "closed"):
        return []
    sort = "_of_change" if CHANGE in casefile.seen else "_of_move"
    return [
        f"Nothing is recorded of the day on which the {who} learned of it, so that its time to {what} (SEND Regs 2014"
        f" {law}) is not shown: record {kind} with that day."
        for kind, (who, what, law, done) in LEARNED.items()
        if kind.endswith(sort) and not casefile.seen & {kind, done}
    ]


OWN_WORDS = (
    "SEND Regs 2014 reg 15 is for a move to another authority, each step once and in its order, and reg 16 for another"
    " commissioner without a move"
)
A_MOVE = ("expected", "moved", "transferred", "reviewed")
A_CHANGE = ("changed", "handed_over")
ALIVE = (*A_MOVE, *A_CHANGE)

LABELS = {
    "original_rcb_aware_of_move": "original commissioner aware of the move",
    "new_rcb_notified_of_move": "new commissioner notified of the move",
    "new_rcb_aware_of_move": "new commissioner aware of the move",
    "original_rcb_aware_of_change": "original commissioner aware of the change",
    "new_rcb_notified_of_change": "new commissioner notified of the change",
    "new_rcb_aware_of_change": "new commissioner aware of the change",
}
PROCESS = define_process(
    Transfer,
    name="transfer",
    title="Move or change of commissioner",
    labels=LABELS,
    version=3,  # replies; before: facts out of order
    out_of_order_from=2,
    facts=[
        OpeningFact(MOVE, MoveKnown),
        OpeningFact(CHANGE, CommissionerChangeKnown, guard=_no_move),
        NoTransition("move_day_set", MoveDaySet, accepted_in=("expected",), order=OWN_WORDS),
        NoTransition(
            "old_la_aware_of_move",
            Noted,
            accepted_in=("expected", "moved", "transferred"),
            guard=_moves,
            order=OWN_WORDS,
        ),
        Transition(
            "child_moved",
            Noted,
            accepted_in=("transferred", "reviewed"),
            # The first version gave the words of every step, and golden histories quote them.
            order=OWN_WORDS,
            warning=_moved_again,
        ),
        Transition("plan_transferred", PlanTransferred, order=OWN_WORDS, warning=_sent_again),
        NoTransition(
            "new_la_informed_parent",
            NewLaInformedParent,
            accepted_in=("transferred", "reviewed"),
            order="SEND Regs 2014 reg 15(4): the new authority's six weeks begin with the transfer of the plan,"
            " which comes first",
        ),
        Transition(
            "new_la_reviewed",
            Noted,
            order="SEND Regs 2014 reg 15(5): the new authority reviews the plan once it has been transferred",
        ),
        NoTransition("original_rcb_aware_of_move", ByBoard, accepted_in=A_MOVE, guard=_moves, order=OWN_WORDS),
        NoTransition("new_rcb_notified_of_move", NewRcbNotified, accepted_in=A_MOVE, order=OWN_WORDS, says=IS_DONE),
        NoTransition("new_rcb_aware_of_move", ByBoard, accepted_in=A_MOVE, order=OWN_WORDS),
        NoTransition("original_rcb_aware_of_change", ByBoard, accepted_in=A_CHANGE, order=OWN_WORDS),
        Transition(
            "new_rcb_notified_of_change",
            NewRcbNotified,
            accepted_in=("handed_over",),
            order=OWN_WORDS,
            says=IS_DONE,
        ),
        NoTransition("new_rcb_aware_of_change", ByBoard, accepted_in=A_CHANGE, order=OWN_WORDS),
        NoTransition("section_g_arranged", ByBoard, accepted_in=ALIVE, guard=before(2, _aware), warning=_aware),
        NoTransition(
            "section_g_found_impracticable",
            SectionGFoundImpracticable,
            accepted_in=ALIVE,
            guard=before(2, _not_yet_asked),
            warning=_not_yet_asked,
        ),
        NoTransition(
            "assessment_or_review_requested", AskedForReview, accepted_in=ALIVE, guard=before(2, _aware), warning=_aware
        ),
    ],
    reactions=[
        *(
            Reaction("annual_review", kind, "new_la_reviewed", optional=True, where=ends_the_review)
            for kind in REVIEW_DECISIONS
        ),
        Reaction(
            "annual_review",
            MEETING_HELD,
            "new_la_reviewed",
            optional=True,
            where=was_decided_since,
            day_of=decision_of,
        ),
    ],
    remarks=remarks,
)
