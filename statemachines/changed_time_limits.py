"""How a local authority carries out an order of the Tribunal or a mediation agreement, and changed time limits.

SEND Regs 2014 reg 44 orders, reg 45 appeals that are not opposed, reg 42(2) agreements about what could be appealed.
Each compliance fact meets a duty that the order opened. A plan recorded on the case of the assessment is one of them.
"""

from collections.abc import Collection
from datetime import date
from typing import ClassVar, Literal

from models.casefile import CaseFile
from models.facts import Code, FactData, FreeTextField, Slug, StoredFact
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
    """The parties to a mediation agreement agreed another day in writing for one duty (reg 42(5)). It
    counts like a day that the Tribunal directs.
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


class MediationCertificate(Noted):
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
    Reaction("reassessment", "plan_kept", "no_plan_notified", optional=True),  # no plan is sent: it stays as it is
    Reaction("reassessment", "draft_plan_received", "draft_plan_sent", optional=True),
    Reaction("reassessment", "final_plan_received", "final_plan_sent", optional=True),
)


class AmendedPlanSent(Noted):
    """The authority sent the amended plan (regs 42(2), 44(2)(e), 45(4)). A changed section G has to be arranged from
    then on (CFA 2014 s42(3)).
    """

    section_g: Literal["changed", "unchanged"] | None = None


def compliance_facts(accepted_in: Collection[str]) -> tuple[NoTransition, ...]:
    """What the authority does to carry out an order or an agreement."""
    kinds = (
        "assessment_notified",  # the authority notified the family that it will assess or re-assess
        "no_plan_notified",  # after assessing, it notified them with reasons that there will be no plan
        "draft_plan_sent",
        "final_plan_sent",
        "case_reconsidered",  # referred back: it sent a draft plan or gave notice
        "amended_plan_sent",
        "placement_amended",  # section I alone
        "plan_continued",
    )
    models = {"amended_plan_sent": AmendedPlanSent}
    return tuple(NoTransition(kind, models.get(kind, Noted), accepted_in=accepted_in) for kind in kinds)


def section_g_amended(casefile: CaseFile, line: StoredFact) -> str | None:
    """Section G is arranged, stopped or replaced on the case whose plan has it (CFA 2014 s42(3))."""
    plans = (past for past in casefile.facts_before(line) if past.kind == "amended_plan_sent")
    if any(past.data.get("section_g") == "changed" for past in plans):
        return None
    return (
        "no plan with another section G has come of this case: record amended_plan_sent with --data section_g=changed"
        " first, or record it on the case of the plan that has this section G (CFA 2014 s42(3))"
    )
