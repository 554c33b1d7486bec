"""The yearly review of health's part in an authority's Local Offer: entries, consultation, comments, publication.

What it decides: which facts may follow which. It decides no date. A finished cycle opens the next one as another case,
with every entry that is still listed; the clock of its next check goes on.
"""

from collections import Counter
from collections.abc import Iterator

from statemachine import State

from models.casefile import CaseFile
from models.facts import StoredFact
from statemachines.items import ItemMove, Items
from statemachines.local_offer_review_facts import (
    CommentActedOn,
    CommentAnswered,
    CommentReceived,
    CommentsPublished,
    ConsultationAnswered,
    ConsultationReceived,
    EntryChecked,
    EntryListed,
    OfEntry,
    ReviewBegun,
    Reviewed,
)
from statemachines.process import (
    About,
    NoTransition,
    OpeningFact,
    Reaction,
    StatutoryMachine,
    Successor,
    Transition,
    define_process,
)

OPENED, REVIEWED, LISTED, CHECKED = (
    "local_offer_review_begun",
    "local_offer_reviewed",
    "offer_entry_listed",
    "offer_entry_checked",
)
PUBLISHED, CONSULTED, ANSWERED = "offer_comments_published", "offer_consultation_received", "offer_comment_answered"


class LocalOfferReview(StatutoryMachine):
    """A yearly cycle of health's part in a Local Offer (SI 2014/1530 regs 54, 56).

    Facts without a transition: entries, the authority's consultation, comments and their publication.
    """

    begun = State("Under review", initial=True)
    reviewed = State("Reviewed")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    local_offer_reviewed = begun.to(reviewed)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


LISTED_STATES = ("listed", "checked")
NEXT = "it belongs to the next cycle, which the review opened (local standard on the Local Offer)"
AFTER = "a comment is answered after it came (SI 2014/1530 reg 56)"
OF_AN_ENTRY = "it is of an entry that is listed (local standard on the Local Offer)"
ITEM_STATES = {
    "listed": "Listed",
    "checked": "Checked",
    "removed": "Taken out",
    "comment": "Comment received",
    "answered": "Comment answered",
    "acted_on": "Acted on",
}
ITEMS = Items(
    "entry",
    ITEM_STATES,
    (
        ItemMove(LISTED, "listed"),
        ItemMove(CHECKED, "checked", LISTED_STATES, OF_AN_ENTRY),
        ItemMove("offer_entry_removed", "removed", LISTED_STATES, OF_AN_ENTRY),
        ItemMove("offer_comment_received", "comment", called="comment"),
        ItemMove(ANSWERED, "answered", ("comment",), AFTER, "comment"),
        ItemMove("offer_comment_acted_on", "acted_on", ("answered",), AFTER, "comment"),
    ),
)


def remarks(casefile: CaseFile) -> list[str]:
    """How many entries there are and at which state, and whether the authority consulted health in this cycle."""
    return [*_entries(casefile), *_consultation(casefile), *_publication(casefile)]


def _entries(casefile: CaseFile) -> Iterator[str]:
    states = Counter(ITEM_STATES[each.state].lower() for each in casefile.items.values())
    if states:
        yield "Entries and comments: " + ", ".join(f"{number} {state}" for state, number in states.items()) + "."


def _consultation(casefile: CaseFile) -> Iterator[str]:
    if casefile.state == "reviewed" and CONSULTED not in casefile.seen:
        yield (
            "The authority did not consult health in this cycle. It consults when it prepares and reviews its Local"
            " Offer (SI 2014/1530 reg 54(2))."
        )


def _publication(casefile: CaseFile) -> Iterator[str]:
    for fact in casefile.lines:
        if fact.kind == PUBLISHED and fact.data["with_response"] == "no":
            yield f"Comments were published on {fact.occurred_on.isoformat()} without a response (reg 56(2))."


def _as_it_asks(casefile: CaseFile, fact: StoredFact) -> str | None:
    del casefile
    said = ["a response with what it intends to do (reg 56(2))"] if fact.data["with_response"] == "no" else []
    said += ["comments that name nobody (reg 56(3))"] if fact.data["names_nobody"] == "no" else []
    return f"the authority publishes {' and '.join(said)}" if said else None


def _with_a_day(casefile: CaseFile, fact: StoredFact) -> str | None:
    del casefile
    if fact.data["action"] == "will_act" and fact.data.get("act_by") is None:
        return "an answer that promises an action has the day by which it is done: give act_by"
    return None


def _was_consulted(casefile: CaseFile, fact: StoredFact) -> str | None:
    if casefile.facts_before(fact, CONSULTED):
        return None
    return "an answer is to a consultation: record offer_consultation_received first"


LABELS = {
    OPENED: "review of the Local Offer begun",
    LISTED: "entry of the Local Offer listed",
    CHECKED: "entry of the Local Offer checked",
    "offer_entry_removed": "entry of the Local Offer taken out",
    CONSULTED: "consultation of the authority received",
    "offer_consultation_answered": "consultation answered",
    "offer_comment_received": "comment on the Local Offer received",
    ANSWERED: "comment on the Local Offer answered",
    "offer_comment_acted_on": "comment on the Local Offer acted on",
    PUBLISHED: "comments on the Local Offer published",
    REVIEWED: "review of the Local Offer finished",
    "entry_owner": "owner",
}
PROCESS = define_process(
    LocalOfferReview,
    name="local_offer_review",
    title="Review of the Local Offer",
    labels=LABELS,
    version=1,
    about=About.ORGANISATION,
    items=ITEMS,
    remarks=remarks,
    facts=[
        OpeningFact(OPENED, ReviewBegun),
        NoTransition(LISTED, EntryListed, accepted_in=("begun",), order=NEXT),
        NoTransition(CHECKED, EntryChecked, accepted_in=("begun",), order=NEXT),
        NoTransition("offer_entry_removed", OfEntry, accepted_in=("begun",), order=NEXT),
        NoTransition(CONSULTED, ConsultationReceived, accepted_in=("begun",), order=NEXT),
        NoTransition(
            "offer_consultation_answered",
            ConsultationAnswered,
            accepted_in=("begun", "reviewed"),
            guard=_was_consulted,
        ),
        NoTransition("offer_comment_received", CommentReceived, accepted_in=("begun",), order=NEXT),
        NoTransition(ANSWERED, CommentAnswered, accepted_in=("begun", "reviewed"), guard=_with_a_day),
        NoTransition("offer_comment_acted_on", CommentActedOn, accepted_in=("begun", "reviewed")),
        NoTransition(PUBLISHED, CommentsPublished, accepted_in=("begun",), warning=_as_it_asks, order=NEXT),
        Transition(REVIEWED, Reviewed, order=f"a cycle is finished once; {NEXT}"),
    ],
    reactions=[
        Reaction(
            "local_offer_review",
            REVIEWED,
            OPENED,
            successor=Successor(
                "follows", {"last_published_on": PUBLISHED}, LISTED, LISTED_STATES, since="last_checked_on"
            ),
        ),
    ],
)
