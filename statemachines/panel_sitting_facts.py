"""What the facts of a panel's sitting say: the sitting, its agenda items, health's view, decisions and actions.

A panel advises or decides by its own terms of reference; no law gives it a cut-off or a quorum. Who decides is law: the
authority decides about a plan (CFA 2014 s36, s37, s44, s45), and a commissioning body about health's money. So a view
of health has a fact of its own, which never says a decision.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.facts import FactData, FreeTextField, Slug
from models.fields import CaseLink, Document, LinkRole, Sha256, Slugs
from statemachines.items import ItemCode

Count = Annotated[int, Field(ge=0, le=200)]
Question = Literal[
    "assess",
    "issue_plan",
    "reassess",
    "contents_of_plan",
    "cease_plan",
    "placement",
    "tribunal_decision",
    "joint_funding",
    "continuing_care",
    "health_package",
    "other",
]
# Questions that only the authority decides, and those that only a commissioning body of health decides.
OF_THE_AUTHORITY = frozenset(
    {"assess", "issue_plan", "reassess", "contents_of_plan", "cease_plan", "placement", "tribunal_decision"}
)
OF_HEALTH = frozenset({"continuing_care", "health_package"})


class SittingCalled(FactData):
    """A sitting of a panel was called for a day to come.

    `panel`: its type, which fills what is left out: the last day for papers, the day on which they go out, the quorum
    and its roles, who chairs, and the version of the terms of reference.
    """

    panel: Slug
    la: Slug | None = None
    sits_on: date
    papers_by: date
    circulate_on: date
    papers_time: Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")] | None = None
    cadence: Slug | None = None
    quorum: Count | None = None
    quorum_roles: Slugs | None = None
    chair: Slug | None = None
    terms: Slug | None = None
    FROM_STANDARD: ClassVar = dict.fromkeys(
        ("papers_by", "circulate_on", "papers_time", "cadence", "quorum", "quorum_roles", "chair", "terms"), "panel"
    )


class SittingMoved(FactData):
    """The sitting was moved to another day. What is left out follows from the type of panel."""

    sits_on: date
    papers_by: date
    circulate_on: date
    FROM_STANDARD: ClassVar = dict.fromkeys(("papers_by", "circulate_on"), "panel")


class PapersCirculated(FactData):
    """The pack of papers went out to these roles. `pack`: its version; `pack_sha256`: the digest of its bytes."""

    pack: Slug
    sent_to: Slugs | None = None
    pack_sha256: Sha256 | None = None


class SittingHeld(FactData):
    """The panel sat. `attended`: how many; `present`: the roles that attended, also by a substitute."""

    attended: Count
    present: Slugs
    chaired_by: Slug | None = None
    apologies: Slugs | None = None
    substitutes: Slugs | None = None
    conflicts: Literal["none_declared", "left_for_the_item", "stayed_silent"] | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class MinutesAgreed(Document):
    """The minutes were signed off. sendflow stores where they are held, and their digest."""

    signed_by: Slug | None = None


class OfItem(FactData):
    """A fact about an agenda item, with a note."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ItemListed(OfItem):
    """An item was put on the agenda, with the question that the panel is asked.

    `about_case`: the case that it is about. `deferred_from`: the earlier sitting that deferred it. Both are links,
    which the other case shows too.
    """

    question: Question
    about_case: Annotated[CaseLink, LinkRole("on_agenda", "has on its agenda", "is on the agenda of")] | None = None
    deferred_from: (
        Annotated[CaseLink, LinkRole("deferred_from", "takes up what was deferred by", "deferred an item to")] | None
    ) = None


class PaperReceived(Document):
    """A paper for an item came in. It is late after the sitting's last day for papers."""

    item: ItemCode


class PapersIncomplete(OfItem):
    """Somebody looked at the papers of an item, and some are missing."""

    missing: Slugs


class HealthViewGiven(FactData):
    """What health says of an item, with reasons limited to health facts. It is advice, and never the decision.

    `existing`: what is commissioned already; `would_be_new`: what would need new funding.
    """

    item: ItemCode
    view: Literal["supports", "does_not_support", "no_view", "needs_more"]
    given_by: Slug
    reasons: FreeTextField
    uncertain: FreeTextField | None = None
    existing: FreeTextField | None = None
    would_be_new: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reasons", "uncertain", "existing", "would_be_new"})


class ItemDecided(FactData):
    """The question of an item was decided, by the body that may decide it. `signed_by`: the role that signed it."""

    item: ItemCode
    outcome: Literal["agreed", "agreed_in_part", "refused"]
    decided_by: Literal["local_authority", "integrated_care_board", "both"]
    signed_by: Slug | None = None
    health_dissents: Literal["yes", "no"] | None = None
    reasons: FreeTextField | None = None
    dissent: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reasons", "dissent"})


class DecidedOutOfPanel(ItemDecided):
    """The question was decided between sittings, and the panel learns of it."""

    why: Literal["emergency", "tribunal_date", "sitting_not_held", "delegated", "other"]


class ItemDeferred(OfItem):
    """An item was put off to another sitting, and why."""

    why: Literal["health_advice_missing", "other_papers_missing", "not_quorate", "no_time", "more_information", "other"]


class ItemOverturned(OfItem):
    """A decision on an item was overturned later, and by whom."""

    overturned_by: Literal["tribunal", "mediation", "local_authority", "integrated_care_board", "ombudsman", "court"]


class ActionAgreed(FactData):
    """Somebody is to do something by a day. `item`: the code of the action itself; `on_item`: the item it came of."""

    item: ItemCode
    on_item: ItemCode
    action_owner: Slug
    due_on: date
    what: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"what"})
