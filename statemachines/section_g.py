"""What section G of a plan says is arranged, or is no longer: facts of the responsible commissioning body (CFA 2014
s42(3)), shared by every case with a plan.

The duty begins with the plan and goes on for as long as the plan says it: that it was arranged on a day meets it, and
that it stopped opens it again. What is arranged on a move by the new body is recorded there and copied here. A later
plan with another section G takes the earlier one's place, and the duty goes on where that plan is. It decides no day:
the law gives none.
"""

from collections.abc import Collection
from typing import ClassVar, Literal

from models.casefile import CaseFile
from models.common_facts import COMMISSIONERS
from models.facts import Code, FactData, FreeTextField, StoredFact
from statemachines.process import Guard, NoTransition, Reaction, before


class OfSectionG(FactData):
    """Something about the health provision that section G specifies, by the body that is responsible for commissioning
    it.
    """

    body: Code
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})
    BOUND_BODY_KINDS: ClassVar[frozenset[str]] = COMMISSIONERS


class SectionGArranged(OfSectionG):
    """All that section G specifies is in place on this day (s42(3)).

    `how`: by the body's own commissioning, by a direct payment, which is treated as arranged (s49(6), (7)), or by the
    family, so that the body need not (s42(5)); `nothing_specified` where section G says nothing, so that there is
    nothing to arrange.
    """

    how: Literal["commissioned", "direct_payment", "family_arranged", "nothing_specified"] | None = None


class SectionGStopped(OfSectionG):
    """Something that section G specifies is no longer provided from this day, in whole or in part: the duty is owed
    again.
    """

    reason: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note", "reason"})


class FinalPlanReceived(FactData):
    """The final plan came (SEND Regs 2014 regs 13(2), 27(2)).

    `section_g` of a plan that follows another: whether its section G is another.
    """

    section_g: Literal["changed", "unchanged"] | None = None
    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class SectionGReplaced(FactData):
    """A later plan has a new section G. The duty under the earlier plan ends, and continues on the case of the later
    one (s42(3)).
    """

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


class PlanEnded(FactData):
    """The plan ceased, as another case of the child records it: what section G says need not be arranged any more."""

    note: FreeTextField | None = None
    FREE_TEXT_FIELDS: ClassVar[frozenset[str]] = frozenset({"note"})


def _had_ended(casefile: CaseFile, line: StoredFact) -> str | None:
    if casefile.facts_before(line, "plan_ended"):
        return None
    return "only a plan that had ended goes on again: record plan_ended first"


def _arranged_before(casefile: CaseFile, _line: StoredFact) -> str | None:
    if "section_g_arranged" in casefile.seen:
        return None
    return "only what was arranged can stop: record section_g_arranged with its own day first (CFA 2014 s42(3))"


PLAN_FIRST = "CFA 2014 s42(3): the duty to arrange what section G says begins with the final plan, which comes first"
CHANGED = {"section_g": ("changed",)}
ENDED_ELSEWHERE = (
    "without a plan there is no section G (CFA 2014 ss42(3), 45); ceasing is recorded on the case in which it was"
    " decided"
)
# Optional: a case whose plan has no section G of its own does not need them.
PLAN_END_REACTIONS = tuple(
    Reaction(process, kind, records, optional=True)
    for process in ("annual_review", "reassessment")
    for kind, records in (("plan_ceased", "plan_ended"), ("cease_reversed", "plan_resumed"))
)
# On a move the new body finds that it can arrange it, or that it cannot (SEND Regs 2014 regs 15(8), 16(3)). That is
# recorded once, on the case of the move.
SECTION_G_REACTIONS = (
    Reaction("transfer", "section_g_arranged", "section_g_arranged", optional=True),
    Reaction("transfer", "section_g_found_impracticable", "section_g_stopped", optional=True),
    Reaction("annual_review", "amended_plan_received", "section_g_replaced", when=CHANGED, optional=True),
    Reaction("annual_review", "plan_amendment_made", "section_g_replaced", when=CHANGED, optional=True),
    Reaction("tribunal", "amended_plan_sent", "section_g_replaced", when=CHANGED, optional=True),
    Reaction("mediation", "amended_plan_sent", "section_g_replaced", when=CHANGED, optional=True),
)


def plan_end_facts(accepted_in: Collection[str]) -> tuple[NoTransition, ...]:
    """That the plan ceased on another case, and goes on again. `accepted_in`: the states in which it is final."""
    return (
        NoTransition("plan_ended", PlanEnded, accepted_in=accepted_in, order=ENDED_ELSEWHERE),
        NoTransition("plan_resumed", PlanEnded, accepted_in=accepted_in, guard=_had_ended, order=ENDED_ELSEWHERE),
    )


def section_g_facts(
    accepted_in: Collection[str], first: Guard | None = None, first_warns_from: int | None = None
) -> tuple[NoTransition, ...]:
    """The facts about section G. `accepted_in`: the states in which the plan is final. `first` guards every fact; from
    the version `first_warns_from` of the machine it warns instead.
    """
    warning = first if first_warns_from is not None else None
    if first is not None and first_warns_from is not None:
        first = before(first_warns_from, first)

    def stop_guard(casefile: CaseFile, fact: StoredFact) -> str | None:
        return (first(casefile, fact) if first is not None else None) or _arranged_before(casefile, fact)

    return tuple(
        NoTransition(kind, model, accepted_in=accepted_in, guard=guard, warning=warning, order=PLAN_FIRST)
        for kind, model, guard in (
            ("section_g_arranged", SectionGArranged, first),
            ("section_g_stopped", SectionGStopped, stop_guard),
            ("section_g_replaced", SectionGReplaced, first),
        )
    )
