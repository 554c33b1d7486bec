"""The fields of the facts of a review of a plan and of amending it (CFA 2014 s44; SEND Regs 2014 regs 18 to 22, 28).

It decides nothing.
"""

from collections.abc import Mapping
from datetime import date
from typing import ClassVar, Literal

from models.common_facts import Opening
from models.facts import Code, FactData, FreeTextField, Slug
from statemachines.draft_oversight import CHECK_OWED
from statemachines.health_advice import ByBody, Noted


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
    """The authority sent the plan with its notice of proposed amendments and the evidence (reg 22(2)(a)).

    `check_owed`: whether our team checked drafts by a day when it came.
    """

    section_g: Literal["changed", "unchanged"] | None = None
    check_owed: str | None = None
    READING_IN_FORCE: ClassVar[Mapping[str, str]] = CHECK_OWED


class AmendedPlanReceived(Noted):
    """The final amended plan came; the responsible commissioning body is one of those it goes to (reg 22(3))."""

    section_g: Literal["changed", "unchanged"] | None = None


class PlanAmendmentProposed(AmendmentNoticeSent):
    """Outside a review and a re-assessment the authority sent notice of proposed amendments (reg 28), and goes on as
    after a review (reg 22).
    """


class PlanAmendmentMade(AmendedPlanReceived):
    """The final plan, amended outside a review, came (regs 28, 22(3))."""
