"""What a local authority does to carry out an order of the Tribunal, shared by the appeal and by a mediation agreement
that is kept as an order.

SEND Regs 2014 reg 44 orders, reg 45 appeals that are not opposed, reg 42(2) agreements about what could be appealed.
Each of these facts meets the duty that an order opened, and a plan that the assessment's own case tells of is heard as
one of them. It decides no day.
"""

from collections.abc import Mapping
from datetime import date
from types import MappingProxyType
from typing import ClassVar

from models.facts import Code, FactData, FreeTextField, Slug
from statemachines.health_advice import Noted
from statemachines.process import FieldMapping


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


AGREED_AS_HEARD = FieldMapping(renamed={"agreed_on": "directed_on"})


class CertificateHeard(Noted):
    """A mediation certificate, by the day of its issue: about which decision the mediation was, and the day of the
    notice of it.
    """

    decision: str | None = None
    notice_on: date | None = None


CERTIFICATE_AS_HEARD = FieldMapping(from_opening={"decision": "decision"}, opened_on="notice_on")
COMPLIANCE: Mapping[str, type[FactData]] = MappingProxyType(
    {
        "assessment_notified": Noted,  # the authority told the family that it will assess or re-assess
        "no_plan_notified": Noted,  # having assessed, it told them with reasons that there will be no plan
        "draft_plan_sent": Noted,
        "final_plan_sent": Noted,
        "case_reconsidered": Noted,  # referred back: it sent a draft plan or gave notice
        "amended_plan_sent": Noted,
        "placement_amended": Noted,  # section I alone
        "plan_continued": Noted,
    }
)
# What the assessment's case says of its plan, as a case about an order hears it: a plan is recorded once.
PLANS_HEARD: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("ehc_needs_assessment", "plan_refused"): "no_plan_notified",
        ("ehc_needs_assessment", "draft_plan_received"): "draft_plan_sent",
        ("ehc_needs_assessment", "final_plan_received"): "final_plan_sent",
        ("reassessment", "cease_decided"): "no_plan_notified",
        ("reassessment", "draft_plan_received"): "draft_plan_sent",
        ("reassessment", "final_plan_received"): "final_plan_sent",
    }
)
