"""A safeguarding referral that the team made: acknowledged or chased, decided, followed up, escalated.

Duty/provision: Working Together to Safeguard Children asks the authority to acknowledge a referral and to decide on the
response within one working day. What the team does is a local standard. It decides nothing for the authority.
The process is restricted: only the people who are named for it see that a case exists (decision 276).
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field
from statemachine import State

from models.casefile import CaseFile
from models.common_facts import Opening
from models.facts import FactData, FreeTextField, Reference
from statemachines.process import NoTransition, OpeningFact, StatutoryMachine, Transition, define_process

How = Literal["telephone", "form", "email", "in_person"]
To = Literal["childrens_social_care", "multi_agency_hub", "out_of_hours_team", "police"]
Time = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$", description="a time of day as 14:05")]


class SafeguardingReferral(StatutoryMachine):
    """A safeguarding referral that the team made."""

    made = State("Referral made", initial=True)
    acknowledged = State("Acknowledged")
    decided = State("Decided")
    followed_up = State("Followed up")
    escalated = State("Escalated")
    withdrawn = State("Withdrawn", final=True)
    closed = State("Closed", final=True)

    safeguarding_acknowledged = made.to(acknowledged)
    safeguarding_decided = decided.from_(made, acknowledged, decided, followed_up, escalated)
    safeguarding_followed_up = followed_up.from_(decided, followed_up)
    safeguarding_escalated = escalated.from_(made, acknowledged, decided, followed_up, escalated)
    case_withdrawn = withdrawn.from_.any()
    case_closed = closed.from_.any()


class ReferralMade(Opening):
    """The team referred a concern about a child. Its day starts the authority's working day.

    `at_time`: when, in London. `parents_informed`: whether the family was informed first, and `parents_reason` why not.
    `authority_reference`: the reference that the authority gave, other than that of any other case.
    """

    how: How
    referred_to: To
    at_time: Time | None = None
    parents_informed: Literal["yes", "no", "not_safe"]
    authority_reference: Reference | None = None
    concern: FreeTextField | None = None
    parents_reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"concern", "parents_reason"})


class Said(FactData):
    """What the team and the authority said to each other; the words are free text."""

    how: How | None = None
    at_time: Time | None = None
    authority_reference: Reference | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class Decided(Said):
    """The authority said what it decided. `follow_up_on`: when the team asks again how the child is."""

    decision: Literal[
        "no_further_action",
        "early_help",
        "assessment_of_need",
        "section_47_enquiry",
        "immediate_protection",
        "other",
    ]
    follow_up_on: date | None = None


class FollowedUp(Said):
    """The team asked how the child is. `follow_up_on`: when it asks again; without it, no day is set."""

    situation: Literal["better", "not_better", "not_known"]
    follow_up_on: date | None = None


class Escalated(Said):
    """The team escalated the matter by the local protocol. `level`: the step of that protocol, from 1."""

    level: Annotated[int, Field(ge=1, le=6)]


def _remarks(casefile: CaseFile) -> list[str]:
    """What a person should see: a child whose situation was not better, with no escalation after it."""
    asked = [fact for fact in casefile.lines if fact.kind == "safeguarding_followed_up"]
    if not asked or asked[-1].data["situation"] != "not_better":
        return []
    later = any(fact.kind == "safeguarding_escalated" and fact.seq > asked[-1].seq for fact in casefile.lines)
    return [] if later else ["The child's situation was not better when the team last asked, and nobody escalated it."]


OPEN = ("made", "acknowledged", "decided", "followed_up", "escalated")
LABELS = {
    "safeguarding_referral_made": "safeguarding referral made",
    "safeguarding_chased": "asked whether the referral arrived",
    "safeguarding_acknowledged": "referral acknowledged",
    "safeguarding_decided": "response decided",
    "safeguarding_followed_up": "referral followed up",
    "safeguarding_escalated": "referral escalated",
}
PROCESS = define_process(
    SafeguardingReferral,
    name="safeguarding_referral",
    title="Safeguarding referral",
    labels=LABELS,
    version=1,
    restricted=True,
    record_class="safeguarding",
    remarks=_remarks,
    facts=[
        OpeningFact("safeguarding_referral_made", ReferralMade),
        NoTransition("safeguarding_chased", Said, accepted_in=OPEN),
        Transition(
            "safeguarding_acknowledged",
            Said,
            order="the authority acknowledges a referral before it is decided (Working Together, chapter 3)",
        ),
        Transition("safeguarding_decided", Decided),
        Transition(
            "safeguarding_followed_up",
            FollowedUp,
            order="the team follows up what the authority decided (our standard, clause 3)",
        ),
        Transition("safeguarding_escalated", Escalated),
    ],
)
