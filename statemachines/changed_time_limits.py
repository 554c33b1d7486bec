"""What a local authority does to carry out an order of the Tribunal, shared by the appeal and by a mediation agreement
that is kept as an order.

SEND Regs 2014 reg 44 orders, reg 45 appeals that are not opposed, reg 42(2) agreements about what could be appealed.
Each of these facts meets the duty that an order opened, and a plan that the assessment's own case tells of is heard as
one of them. It decides no day.
"""

from collections.abc import Collection
from datetime import date
from typing import ClassVar

from models.facts import Code, FactData, FreeTextField, Slug
from statemachines.health_advice import Noted
from statemachines.process import FieldMapping, NoTransition, Reaction


class TimeDirected(FactData):
    """The Tribunal directed another day for one duty (reg 44(1); SI 2017/1306 reg 6(4)): which rule, the day, and the
    body where several owe it.
    """

    rule: Slug
    directed_on: date
    body: Code | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class TimeAgreed(TimeDirected):
    """The parties to a mediation agreement agreed another day in writing for one duty (reg 42(5)), as the assessment's
    case hears of it.

    The day stands where one that the Tribunal directs would stand.
    """


TIME_LIMIT_REACTIONS = (
    Reaction("tribunal", "time_directed", "time_directed", optional=True),
    Reaction(
        "mediation",
        "other_time_agreed",
        "time_agreed",
        fields=FieldMapping(renamed={"agreed_on": "directed_on"}),
        optional=True,
    ),
)


class CertificateHeard(Noted):
    """A mediation certificate, by the day of its issue: about which decision the mediation was, and the day of the
    notice of it.
    """

    decision: str | None = None
    notice_on: date | None = None


CERTIFICATE_REACTION = Reaction(
    "mediation",
    "certificate_issued",
    "mediation_certificate_heard",
    fields=FieldMapping(from_opening={"decision": "decision"}, opening_day="notice_on"),
    optional=True,
)
# A plan is recorded once, on the case of the assessment. A case with an order or an agreement records it from there.
PLAN_REACTIONS = (
    Reaction("ehc_needs_assessment", "plan_refused", "no_plan_notified", optional=True),
    Reaction("ehc_needs_assessment", "draft_plan_received", "draft_plan_sent", optional=True),
    Reaction("ehc_needs_assessment", "final_plan_received", "final_plan_sent", optional=True),
    Reaction("reassessment", "cease_decided", "no_plan_notified", optional=True),
    Reaction("reassessment", "draft_plan_received", "draft_plan_sent", optional=True),
    Reaction("reassessment", "final_plan_received", "final_plan_sent", optional=True),
)


def compliance_facts(accepted_in: Collection[str]) -> tuple[NoTransition, ...]:
    """What the authority does to carry out an order or an agreement."""
    kinds = (
        "assessment_notified",  # the authority told the family that it will assess or re-assess
        "no_plan_notified",  # having assessed, it told them with reasons that there will be no plan
        "draft_plan_sent",
        "final_plan_sent",
        "case_reconsidered",  # referred back: it sent a draft plan or gave notice
        "amended_plan_sent",
        "placement_amended",  # section I alone
        "plan_continued",
    )
    return tuple(NoTransition(kind, Noted, accepted_in=accepted_in) for kind in kinds)
