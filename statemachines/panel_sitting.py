"""A sitting of a panel: its papers, its agenda items, what health says of each, who decided what, and what follows.

What it decides: which facts may follow which, and who may decide which question. It decides no date: the days of a
sitting are local standards, filled in when it is called. Whether health's view was followed decides nothing.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

from statemachine import State

from config.text import full_weekday
from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.items import ITEM, ItemMove, Items
from statemachines.panel_sitting_facts import (
    OF_HEALTH,
    OF_THE_AUTHORITY,
    ActionAgreed,
    DecidedOutOfPanel,
    HealthViewGiven,
    ItemDecided,
    ItemDeferred,
    ItemListed,
    ItemOverturned,
    MinutesAgreed,
    OfItem,
    PaperReceived,
    PapersCirculated,
    PapersIncomplete,
    SittingCalled,
    SittingHeld,
    SittingMoved,
)
from statemachines.process import (
    About,
    NoTransition,
    OpeningFact,
    StatutoryMachine,
    Transition,
    define_process,
    unusual,
)

CALLED, MOVED, LISTED, VIEW, DECIDED = (
    "sitting_called",
    "sitting_moved",
    "item_listed",
    "health_view_given",
    "item_decided",
)
OUTSIDE = "item_decided_out_of_panel"


class PanelSitting(StatutoryMachine):
    """A sitting of a panel (local terms of reference).

    Facts without a transition: the sitting was moved, and everything about an agenda item or an action.
    """

    called = State("Sitting called", initial=True)
    circulated = State("Papers circulated")
    held = State("Sitting held")
    minuted = State("Minutes agreed")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    papers_circulated = called.to(circulated) | circulated.to(circulated)
    sitting_held = circulated.to(held) | unusual(called.to(held))
    minutes_agreed = held.to(minuted)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


BEFORE, AFTER = ("called", "circulated"), ("held", "minuted")
OPEN = (*BEFORE, *AFTER)
ITEM_STATES = {
    "listed": "Listed",
    "incomplete": "Papers incomplete",
    "complete": "Papers complete",
    "deferred": "Deferred",
    "removed": "Taken off the agenda",
    "decided": "Decided",
    "decided_outside": "Decided out of panel",
    "overturned": "Decision overturned",
    "action_open": "Action open",
    "action_done": "Action done",
}
UNDECIDED = ("listed", "incomplete", "complete")
BEFORE_DECISION = "it comes before the item is decided, deferred or taken off (local terms of reference)"
ONCE = "an item is decided once; what another body changed is item_overturned (local terms of reference)"
ITEMS = Items(
    "agenda item",
    ITEM_STATES,
    (
        ItemMove(LISTED, "listed"),
        ItemMove("item_paper_received", None, UNDECIDED, BEFORE_DECISION),
        ItemMove("item_papers_incomplete", "incomplete", UNDECIDED, BEFORE_DECISION),
        ItemMove("item_papers_complete", "complete", UNDECIDED, BEFORE_DECISION),
        ItemMove(VIEW, None, UNDECIDED, "health advises before the decision (local terms of reference)"),
        ItemMove("item_deferred", "deferred", UNDECIDED, BEFORE_DECISION),
        ItemMove("item_removed", "removed", UNDECIDED, BEFORE_DECISION),
        ItemMove(DECIDED, "decided", UNDECIDED, ONCE),
        ItemMove(OUTSIDE, "decided_outside", (*UNDECIDED, "deferred"), ONCE),
        ItemMove(
            "item_overturned",
            "overturned",
            ("decided", "decided_outside"),
            "a decision is overturned after it was made, and once (local terms of reference)",
        ),
        ItemMove("action_agreed", "action_open", called="action"),
        ItemMove(
            "action_done",
            "action_done",
            ("action_open",),
            "an action is done once (local terms of reference)",
            "action",
        ),
    ),
)


def said_of(casefile: CaseFile, kind: str, item: str | None = None) -> list[StoredFact]:
    """The facts of a kind, about an item if one is named, in the order of replay."""
    return [fact for fact in casefile.lines if fact.kind == kind and item in (None, fact.data.get(ITEM))]


def days_of(casefile: CaseFile) -> dict[str, Any]:
    """What the sitting was last called or moved for, with everything that its calling said."""
    days: dict[str, Any] = {}
    for fact in casefile.lines:
        if fact.kind in (CALLED, MOVED):
            days |= fact.data
    return days


def not_quorate(casefile: CaseFile, held: StoredFact) -> str | None:
    """Why a sitting was not quorate by its own rule; None where it was, or where it has no rule."""
    rule = days_of(casefile)
    missing = [role for role in rule.get("quorum_roles", ()) if role not in held.data["present"]]
    short = held.data["attended"] < rule.get("quorum", 0)
    if not (missing or short):
        return None
    said = [f"{held.data['attended']} attended, and the quorum is {rule['quorum']}"] if short else []
    said += [f"nobody attended for {', '.join(each.replace('_', ' ') for each in missing)}"] if missing else []
    return f"the sitting was not quorate ({'; '.join(said)}; local terms of reference)"


def late(casefile: CaseFile, fact: StoredFact) -> str | None:
    """That a paper came after the last day for papers; None where it came in time."""
    by = str(days_of(casefile)["papers_by"])
    if fact.occurred_on.isoformat() <= by:
        return None
    return f"a late paper: the last day for papers was {full_weekday(date.fromisoformat(by))} (local standard)"


def _may_decide(casefile: CaseFile, fact: StoredFact) -> str | None:
    """Only the authority decides about a plan, and only a commissioning body about health's own money."""
    question = next((str(each.data["question"]) for each in said_of(casefile, LISTED, fact.data[ITEM])), "")
    by = fact.data["decided_by"]
    if question in OF_THE_AUTHORITY and by != "local_authority":
        return (
            "the local authority decides this question, and health advises only (CFA 2014 s36, s37, s44, s45). Record"
            f" what health said as {VIEW}, and the decision with decided_by=local_authority"
        )
    if question in OF_HEALTH and by != "integrated_care_board":
        return (
            "the commissioning body of health decides this question (National Health Service Act 2006 s3): record it"
            " with decided_by=integrated_care_board"
        )
    return None


def _without_view(casefile: CaseFile, fact: StoredFact) -> str | None:
    if [each for each in said_of(casefile, VIEW, fact.data[ITEM]) if before(each, fact)]:
        return None
    return "no view of health was recorded before the decision (local terms of reference)"


def before(one: StoredFact, other: StoredFact) -> bool:
    """Whether one fact comes before another in the order of replay."""
    return (one.occurred_on, one.seq) < (other.occurred_on, other.seq)


def _of_known_item(casefile: CaseFile, fact: StoredFact) -> str | None:
    item = casefile.items.get(fact.data["on_item"])
    if item is None or item.called != ITEMS.called:
        return f"on_item names the {ITEMS.called} that the action came of, and none of that code was there on that day"
    return None


def remarks(casefile: CaseFile) -> list[str]:
    """Where the decision differs from health's view, and what is still open after the sitting."""
    return [*_against_health(casefile), *_undecided(casefile)]


def view_before(casefile: CaseFile, decided: StoredFact) -> str | None:
    """Health's newest view of an item before its decision; None where none was recorded."""
    views = [each.data["view"] for each in said_of(casefile, VIEW, decided.data[ITEM]) if before(each, decided)]
    return str(views[-1]) if views else None


def compared(view: str | None, decided: StoredFact) -> Literal["with", "against", "neither"]:
    """Whether a decision went with health's view or against it; neither where health had none, or needed more."""
    agreed = decided.data["outcome"] in ("agreed", "agreed_in_part")
    if view not in ("supports", "does_not_support"):
        return "neither"
    return "with" if (view == "supports") == agreed else "against"


def _against_health(casefile: CaseFile) -> Iterator[str]:
    for decided in (*said_of(casefile, DECIDED), *said_of(casefile, OUTSIDE)):
        code, view = decided.data[ITEM], view_before(casefile, decided)
        dissents = decided.data.get("health_dissents") == "yes"
        if dissents or compared(view, decided) == "against":
            said = f"Health's view was: {view.replace('_', ' ')}. " if view else ""
            dissent = "Health's dissent is recorded." if dissents else "No dissent of health is recorded."
            yield f"Item {code} was decided against health's view. {said}{dissent}"


def _undecided(casefile: CaseFile) -> Iterator[str]:
    if casefile.state in AFTER:
        waiting = [each.code for each in casefile.items.values() if each.state in UNDECIDED]
        if waiting:
            yield f"The sitting was held. Nothing says what came of {', '.join(waiting)}: decided, deferred, taken off?"


NOT_HELD = dict.fromkeys(BEFORE, "the sitting was not held by that day; a decision between sittings is " + OUTSIDE)
LISTED_BEFORE = "items are listed before the sitting, and papers come before it (local terms of reference)"
PROCESS = define_process(
    PanelSitting,
    name="panel_sitting",
    title="Panel sitting",
    version=1,
    about=About.MEETING,
    items=ITEMS,
    papers="papers of the sitting: pack, briefs and minutes",
    remarks=remarks,
    facts=[
        OpeningFact(CALLED, SittingCalled),
        NoTransition(
            MOVED,
            SittingMoved,
            accepted_in=BEFORE,
            impossible_in=dict.fromkeys(AFTER, "a sitting that was held is not moved: call another"),
        ),
        Transition("papers_circulated", PapersCirculated, order="papers go out before the sitting (local standard)"),
        Transition(
            "sitting_held",
            SittingHeld,
            warning=not_quorate,
            impossible_in=dict.fromkeys(AFTER, "a sitting is held once: call another"),
            order="the papers go out before the sitting (local standard)",
        ),
        Transition(
            "minutes_agreed",
            MinutesAgreed,
            impossible_in=dict.fromkeys(BEFORE, "minutes are of a sitting that was held"),
            order="minutes are signed off once (local terms of reference)",
        ),
        NoTransition(LISTED, ItemListed, accepted_in=BEFORE, order=LISTED_BEFORE),
        NoTransition("item_paper_received", PaperReceived, accepted_in=BEFORE, warning=late, order=LISTED_BEFORE),
        NoTransition("item_papers_incomplete", PapersIncomplete, accepted_in=BEFORE, order=LISTED_BEFORE),
        NoTransition("item_papers_complete", OfItem, accepted_in=BEFORE, order=LISTED_BEFORE),
        NoTransition(VIEW, HealthViewGiven, accepted_in=OPEN),
        NoTransition("item_deferred", ItemDeferred, accepted_in=OPEN),
        NoTransition("item_removed", OfItem, accepted_in=OPEN),
        NoTransition(
            DECIDED, ItemDecided, accepted_in=AFTER, guard=_may_decide, warning=_without_view, impossible_in=NOT_HELD
        ),
        NoTransition(OUTSIDE, DecidedOutOfPanel, accepted_in=OPEN, guard=_may_decide, warning=_without_view),
        NoTransition("item_overturned", ItemOverturned, accepted_in=OPEN),
        NoTransition("action_agreed", ActionAgreed, accepted_in=OPEN, guard=_of_known_item),
        NoTransition("action_done", OfItem, accepted_in=OPEN),
    ],
)
