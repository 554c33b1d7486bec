"""What the facts of a package of care say: its lines, what was challenged and answered, who approved, and its reviews.

A line says on which law it rests, who provides how much at which price, and who pays which share. Health's direct
payments are in direct_payment_facts.py.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Slug
from models.fields import CaseLink, LinkRole, Pence
from models.shares import Shares
from statemachines.items import ItemCode

Quantity = Annotated[int, Field(ge=1, le=10_000)]
Times = Annotated[int, Field(ge=1, le=366)]
Basis = Literal[
    "continuing_care",
    "section_117",
    "section_g",
    "section_f_therapy",
    "social_care_act",
    "education_in_plan",
    "joint_funding",
    "other",
]
Unit = Literal["hour", "half_hour", "visit", "session", "night", "day", "week", "month", "item"]
Per = Literal["week", "month", "term", "year", "once"]


class Said(FactData):
    """Something that was said or done about the package, with a note."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class PackageProposed(Opening):
    """A package was proposed for a child, to be paid for by health alone or with others.

    `care_case`: the case, such as one of continuing care, that the package is for.
    """

    la: Slug
    care_case: Annotated[CaseLink, LinkRole("package_for", "is the package of", "has the package")] | None = None
    proposed_by: Slug | None = None


class LineTerms(FactData):
    """What a line of a package says, or some of it.

    So many units (`quantity`) in each period (`per`), in so many periods of a year (`times_a_year`: 52 weeks, or 39
    weeks of term), at a price in whole pence for a unit. `shares`: who pays which percent. A person who provides it is
    named in confidential words only.
    """

    provider: Code | None = None
    provider_name: FreeTextField | None = None
    quantity: Quantity | None = None
    unit: Unit | None = None
    per: Per | None = None
    times_a_year: Times | None = None
    unit_cost_pence: Pence | None = None
    shares: Shares | None = None
    starts_on: date | None = None
    ends_on: date | None = None
    outcome: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"provider_name", "outcome"})

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.starts_on is not None and self.ends_on is not None and self.ends_on < self.starts_on:
            raise ValueError("ends_on lies before starts_on")
        return self


class LineProposed(LineTerms):
    """A line was added to the package.

    `basis`: the law on which it rests. `evidence`: the report and the page. sendflow says whether the child is under 18
    on the day on which the line ends.
    """

    item: ItemCode
    basis: Basis
    unit_cost_pence: Pence
    shares: Shares
    evidence: FreeTextField | None = None
    under_18_at_end: Literal["yes", "no"] | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"provider_name", "outcome", "evidence"})
    ANSWERED_FROM_BIRTH_DATE: ClassVar = {"under_18_at_end": "under_on:18:ends_on"}


class LineVaried(LineTerms):
    """A line has other terms from a day on. What is left out stays as it was."""

    item: ItemCode
    effective_on: date | None = None
    under_18_at_end: Literal["yes", "no"] | None = None
    ANSWERED_FROM_BIRTH_DATE: ClassVar = {"under_18_at_end": "under_on:18:ends_on"}


class LineEnded(Said):
    """A line ended on this day."""

    item: ItemCode


class ChallengeMade(FactData):
    """Somebody asked a question about the package, of whom, and by when it is to be answered. `item`: its code."""

    item: ItemCode
    asked_of: Slug
    answer_by: date | None = None
    question: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"question"})


class ChallengeAnswered(FactData):
    """The question was answered, and what the answer was worth."""

    item: ItemCode
    result: Literal["accepted", "accepted_in_part", "not_accepted"]
    answer: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"answer"})


class PackageApproved(FactData):
    """Somebody approved the package, or its variation. `approver`: the role, whose delegated limit sendflow fills in.

    The limit is for the cost of a year, in whole pence. `trial_until`: the last day of a trial, by which it is decided
    again.
    """

    approver: Slug
    limit_pence: Pence
    trial_until: date | None = None
    in_part: Literal["yes", "no"] | None = None
    conditions: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"conditions"})
    FROM_STANDARD: ClassVar = {"limit_pence": "approver"}


class WithReasons(FactData):
    """A decision against the package, with its reasons."""

    reasons: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reasons"})


class PackageReviewed(Said):
    """The package was reviewed, and what came of it."""

    result: Literal["goes_on", "to_be_varied", "to_cease"]


class CessationNotified(WithReasons):
    """Notice was given that the package ends on a day. The family gets it in writing, with reasons."""

    ends_on: date
    in_writing: Literal["yes", "no"] | None = None
    under_18_at_end: Literal["yes", "no"] | None = None
    ANSWERED_FROM_BIRTH_DATE: ClassVar = {"under_18_at_end": "under_on:18:ends_on"}


class InterimFunder(Said):
    """Somebody pays meanwhile without prejudice, so that the child does not wait for an answer who has to pay."""

    funder: Literal["health", "education", "social_care"]
    body: Code | None = None


class TrueUpAgreed(Said):
    """Who pays back what, now that it is settled who has to pay."""

    amount_pence: Pence
    owed_by: Literal["health", "education", "social_care"]
    owed_to: Literal["health", "education", "social_care"]


class AdultDecision(Said):
    """What adult services decided about the time from the 18th birthday on."""

    decision: Literal["adult_continuing_care", "adult_social_care", "section_117", "no_eligible_need", "none_wanted"]
