"""What the facts of a yearly review of health's part in a Local Offer say: entries, consultation, comments.

Duty/provision: SI 2014/1530 regs 54 and 56. The authority owns the Local Offer; health answers for its own entries. A
comment names nobody (reg 56(3)): its words are free text, stored encrypted.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from models.facts import Account, FactData, FreeTextField, Slug
from models.fields import CaseLink, LinkRole, Slugs
from statemachines.items import ItemCode


class ReviewBegun(FactData):
    """A yearly cycle of one authority's Local Offer began for our team.

    `last_published_on`: when the authority last published comments and its response; left out where that is not known.
    `follows`: the cycle before, which sendflow fills where a review opened this one.
    """

    la: Slug
    last_published_on: date | None = None
    follows: Annotated[CaseLink, LinkRole("follows", "follows", "is followed by")] | None = None


class OfEntry(FactData):
    """A fact about one entry of the Local Offer. `item`: its code, such as epilepsy_clinic."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class EntryListed(OfEntry):
    """An entry about a service of health is in the Local Offer.

    `entry_owner`: the account or role of our team that checks it. `check_by`: the day of its next check; without it,
    six months from the last one. `last_checked_on`: that day, where it was before this fact.
    """

    entry_owner: Account
    check_by: date | None = None
    last_checked_on: date | None = None
    covers: Slugs | None = None


class EntryChecked(OfEntry):
    """Somebody checked an entry, and it is right or was changed. `check_by`: the day of the next check."""

    result: Literal["right", "changed", "waits_for_the_authority"]
    entry_owner: Account | None = None
    check_by: date | None = None


class ConsultationReceived(FactData):
    """The authority consults health about its Local Offer (reg 54(2)). `answer_by`: the day by which it asks."""

    answer_by: date | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ConsultationAnswered(FactData):
    """Health answered the consultation."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class CommentReceived(FactData):
    """Somebody commented on an entry or a gap of health, and the authority passed it on. Nobody is named."""

    item: ItemCode
    about: Literal["content", "quality", "gap", "accessibility", "how_it_was_made"]
    said_by: Literal["parent", "young_person", "organisation"]
    words: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"words"})


class CommentAnswered(FactData):
    """Health said what it does about a comment. `act_by`: the day by which it acts, where it does."""

    item: ItemCode
    action: Literal["will_act", "explained", "no_change"]
    act_by: date | None = None
    words: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"words"})


class CommentActedOn(FactData):
    """What was promised in answer to a comment was done."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class CommentsPublished(FactData):
    """The authority published comments and its response (reg 56(2)). `names_nobody`: as reg 56(3) asks."""

    with_response: Literal["yes", "no"]
    names_nobody: Literal["yes", "no"]


class Reviewed(FactData):
    """Our team finished the cycle. sendflow opens the next one, with the entries that are still listed."""

    gaps: Slugs | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
