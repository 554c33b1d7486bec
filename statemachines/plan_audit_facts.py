"""What the facts of an audit round say: the tool, the sample, each mark, moderation, feedback, actions.

Duty/provision: no law asks for it; teams audit plans and advice by tools of their own (local audit method). Evidence
and reasons are free text and stored encrypted. Answers, grades and numbers identify nobody.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from models.facts import Account, Code, FactData, FreeTextField, Service, Slug
from models.fields import CaseLink, FactReference, FactReferences, LinkRole, Sha256, Slugs
from models.marks import Answers
from statemachines.items import ItemCode

Percent = Annotated[int, Field(ge=0, le=100)]
Number = Annotated[int, Field(ge=0, le=1_000_000)]
Subject = Literal["health_advice", "plan"]
Grade = Literal["outstanding", "good", "requires_improvement", "inadequate", "nothing_applicable"]
# The facts of other cases that are audited, by the subject of the round.
ADVICE = frozenset({"health_advice_received"})
PLANS = frozenset({"final_plan_received"})


class AuditOpened(FactData):
    """A round of audits was opened, by one version of a tool.

    `audit_tool` fills what is left out: what is audited, the criteria, from how many percent each grade is, and how
    much a second person marks. The fact stores them, so that a later change of the file changes no grade.
    """

    audit_tool: Slug
    subject: Subject
    criteria: Slugs
    essential: Slugs
    outstanding_from: Percent
    good_from: Percent
    requires_improvement_from: Percent
    second_mark_percent: Percent
    theme: Slug | None = None
    reaudit_of: Annotated[CaseLink, LinkRole("audits_again", "audits again", "is audited again by")] | None = None
    FROM_STANDARD: ClassVar = dict.fromkeys(
        (
            "subject",
            "criteria",
            "essential",
            "outstanding_from",
            "good_from",
            "requires_improvement_from",
            "second_mark_percent",
        ),
        "audit_tool",
    )


class SampleDrawn(FactData):
    """A random sample was drawn of what was received in a period, both days included, under a seed.

    `strata`: la, body, service or on_time; each stratum gives its share. sendflow works out the rest: how many were in
    the frame, how many were left out because nothing about the child leaves, the digest of the frame, and who was
    drawn. It records `item_drawn` for each.
    """

    from_on: date
    to_on: date
    seed: Slug
    size: Annotated[int, Field(ge=1, le=500)]
    strata: Slugs | None = None
    in_frame: Number | None = None
    left_out: Number | None = None
    frame_sha256: Sha256 | None = None
    drawn: FactReferences | None = None
    FROM_SAMPLE: ClassVar = dict.fromkeys(("in_frame", "left_out", "frame_sha256", "drawn"), "item_drawn")
    SAMPLED: ClassVar = {"health_advice": ADVICE, "plan": PLANS}


class ItemDrawn(FactData):
    """One piece of advice or one plan is audited. What a person adds besides the sample is marked as chosen by hand.

    `of_fact`: the fact by which it came. `on_time`: whether it came in time. `second_mark`: a second person marks it.
    """

    item: ItemCode
    of_fact: FactReference | None = None
    about_case: Annotated[CaseLink, LinkRole("audits", "audits", "is audited by")] | None = None
    la: Slug | None = None
    body: Code | None = None
    service: Service | None = None
    on_time: Literal["yes", "no", "exception", "not_known"] = "not_known"
    second_mark: Literal["yes", "no"] = "no"


class AuthorNamed(FactData):
    """The account of the team that wrote what is audited. That account does not mark it."""

    item: ItemCode
    author: Account


class ItemMarked(FactData):
    """Somebody answered every criterion of the tool for an item. The grade follows, and nobody chooses it.

    `evidence`: where each answer rests, a line a criterion.
    """

    item: ItemCode
    marked_by: Account
    answers: Answers
    evidence: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"evidence"})


class MarkedAgain(ItemMarked):
    """A second person marked the item. `blind`: without having seen the first mark; agreement counts only those."""

    blind: bool


class ItemModerated(FactData):
    """Markers settled the grade of an item, with a reason where it is another than the calculated one."""

    item: ItemCode
    moderated_by: Account
    grade: Grade
    reason: FreeTextField
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"reason"})


class LeftOut(FactData):
    """An item that was drawn is not audited, and why."""

    item: ItemCode
    why: Literal["not_found", "nothing_may_leave", "drawn_twice", "other"]


class ViewRecorded(FactData):
    """What the family or the young person says of the plan or the advice that is audited."""

    item: ItemCode
    said_by: Literal["parent", "young_person"]
    useful: Literal["yes", "partly", "no"]
    view: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"view"})


class FeedbackGiven(FactData):
    """Our team gives the service of the authors what the round found. sendflow writes the letter by the marks."""

    body: Code
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class FeedbackRead(FactData):
    """The service says that its authors have read the feedback."""

    body: Code
    service: Service | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ActionAgreed(FactData):
    """Somebody is to do something by a day. `item`: the code of the action. `on_item`: the audited item it came of."""

    item: ItemCode
    action_owner: Slug
    due_on: date
    what: FreeTextField
    on_item: ItemCode | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"what"})


class ActionDone(FactData):
    """What was agreed was done."""

    item: ItemCode
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class ReauditAgreed(FactData):
    """The round is to be audited again by a day."""

    reaudit_on: date


class ReauditOpened(FactData):
    """The round that audits again was opened."""

    audited_in: Annotated[CaseLink, LinkRole("audited_again_in", "is audited again in", "audits again")]


class AuditReported(FactData):
    """The report of the round went to a board. `report_sha256`: the digest of its bytes."""

    reported_to: Slug
    report_sha256: Sha256 | None = None
