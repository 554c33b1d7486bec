"""What the facts of an entry of a register say: training, templates, gaps, joint arrangements, policies, engagement.

Duty/provision: CFA 2014 s26 for joint arrangements; for the others none. `config/registers.toml` says which facts a
register takes. Titles and words of people are free text, stored encrypted; the other fields identify nobody.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, Field

from config.local_standards import ASKS, TAKES
from models.facts import Account, Code, FactData, FreeTextField, Slug
from models.fields import CaseLink, Form, LinkRole, Sha256, Slugs
from statemachines.items import ItemCode

YesNo = Literal["yes", "no"]
Count = Annotated[int, Field(ge=1, le=100_000)]


def _several(value: object) -> object:
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


Takes = Annotated[list[Slug], BeforeValidator(_several), Field(min_length=1), Form("list", ", ".join(TAKES))]
Asks = Annotated[list[Slug], BeforeValidator(_several), Field(min_length=1), Form("list", ASKS[0])]


class EntryOpened(FactData):
    """An entry of one of our team's registers was opened.

    `team_register` names the register, and sendflow fills what it takes, what it asks of an entry and whether its
    entries are reviewed; the fact stores them. `topic`: what the entry is about, in a word. `area`: whose area.
    `decides`: who decides under a joint arrangement, and `dispute_step` how a dispute about it goes on.
    """

    team_register: Slug
    takes: Takes
    asks: Asks
    reviewed: YesNo
    topic: Slug
    entry_owner: Account
    area: Slug | None = None
    need: Slug | None = None
    services: Slugs | None = None
    evidence: Slugs | None = None
    audience: Slugs | None = None
    decides: Slug | None = None
    dispute_step: Slug | None = None
    review_on: date | None = None
    title: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"title"})
    FROM_STANDARD: ClassVar = dict.fromkeys(("takes", "asks", "reviewed"), "team_register")


class Noted(FactData):
    """A step; a note is free text."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class VersionMade(Noted):
    """A version of a template, a policy, an arrangement or a course applies from this day on.

    sendflow stores no document: where it is held, and the digest of its bytes.
    """

    version: Slug
    held_in: Slug | None = None
    document_sha256: Sha256 | None = None


class Communicated(Noted):
    """A version was made known to these, and how."""

    communicated_to: Slugs
    how: Literal["meeting", "message", "training", "published"]
    version: Slug | None = None


class Attended(Noted):
    """People of one role took part in a training. `expires_on`: the last day on which it counts."""

    role: Slug
    people: Count
    body: Code | None = None
    expires_on: date | None = None


class EvidenceAdded(Noted):
    """Evidence for the entry: what shows it, how often, and a case of which it is true."""

    evidence: Slug
    people: Count | None = None
    shown_by: Annotated[CaseLink, LinkRole("shown_by", "is shown by", "shows")] | None = None


class PutTo(Noted):
    """The entry was put to somebody. `item`: the code of this question. `answer_by`: the day by which they answer."""

    item: ItemCode
    whom: Slug
    answer_by: date | None = None


class Answered(Noted):
    """They answered. Where nobody does, the case says that there is no answer."""

    item: ItemCode
    answer: Literal["accepted", "accepted_in_part", "refused", "noted"]


class PromiseMade(FactData):
    """Somebody promised something. `item`: the code of the promise. `due_on`: the day that it names, if any."""

    item: ItemCode
    promised_to: Slug
    due_on: date | None = None
    words: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"words"})


class OfPromise(Noted):
    """A promise was met, or it is certain that it is not."""

    item: ItemCode


class EntryReviewed(Noted):
    """The entry was reviewed. `review_on`: the day of the next review."""

    outcome: Literal["unchanged", "changed", "to_end"]
    review_on: date | None = None
    reviewed: YesNo
    FROM_STANDARD: ClassVar = {"reviewed": "team_register"}


class EntryEnded(Noted):
    """The entry applies no longer, and why."""

    why: Literal["met", "replaced", "no_longer_needed", "expired", "other"]
