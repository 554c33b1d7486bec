"""All cases of one child with all clocks, and what was recorded of who the child is. References only, no identity."""

from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.case_models import CaseReport, DutyShown, FactShown
from casework.reports.case_report import report
from models.common_facts import CHILD_FACTS
from models.database import one_snapshot
from statemachines.process import Process


class Clock(BaseModel):
    """A duty of one of the child's cases."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    duty: DutyShown


class OfTheChild(BaseModel):
    """A fact of a case that says who its child is, or with which cases the child is shared. It has no value of it.

    `corrected_kind` is the kind of the fact that a correction corrects.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    fact: FactShown
    corrected_kind: str | None = None


class ChildReport(BaseModel):
    """The cases of one child, the one that was asked for first; every clock, the soonest due first; the history."""

    model_config = ConfigDict(frozen=True)
    cases: list[CaseReport]
    clocks: list[Clock]
    history: list[OfTheChild]

    @property
    def refs(self) -> list[str]:
        """The references of the cases."""
        return [each.case_ref for each in self.cases]


def child_of(context: AppContext, case_ref: str) -> ChildReport:
    """The child of a case, as known now. Raises NoSuchCase."""
    with one_snapshot(context.engine):
        first = report(context, case_ref)
        cases = [first, *(report(context, ref) for ref in first.same_child)]
    clocks = [Clock(case_ref=case.case_ref, duty=duty) for case in cases for duty in case.duties]
    history = [each for case in cases for each in _history(context.processes[case.process], case)]
    return ChildReport(
        cases=cases,
        clocks=sorted(clocks, key=_urgency),
        history=sorted(history, key=lambda each: (each.fact.recorded_at, each.case_ref, each.fact.seq)),
    )


def _urgency(clock: Clock) -> tuple[bool, date, str, str]:
    duty = clock.duty
    ended = duty.met_on is not None or duty.ended_on is not None
    return ended, duty.due or date.max, clock.case_ref, duty.rule


def _history(process: Process, case: CaseReport) -> list[OfTheChild]:
    kinds = {fact.seq: fact.kind for fact in case.facts}
    found = []
    for fact in case.facts:
        corrected = kinds.get(fact.corrects) if fact.corrects is not None else None
        model = process.model_of(corrected) if corrected is not None else None
        is_correction = fact.kind == "fact_corrected" and model is not None and bool(model.IDENTITY_FIELDS)
        if fact.seq == 1 or fact.kind in CHILD_FACTS or is_correction:
            found.append(OfTheChild(case_ref=case.case_ref, fact=fact, corrected_kind=corrected))
    return found
