"""The weekly sheet of the dynamic support register: who is listed by consent, with which rating, and what is due. [I/O]

Purpose: one list for the meeting of the register. A person whose consent was declined or withdrawn is not in it from
that fact on, and neither is anybody whose consent is still awaited.
"""

from collections import Counter
from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import next_days, open_files
from casework.reports.withheld import may_be_named
from models.casefile import CaseFile
from statemachines.dynamic_support import (
    BEFORE,
    OVER_STATES,
    PROCESS,
    RATED,
    last,
    may_share,
    plan_to_cease,
    rating,
    without_community_review,
)

ORDER = ("red", "blue", "amber", "green", None)


class SupportRow(BaseModel):
    """A person on the register. `rating` is blue in hospital, and None before the first one.

    `due`: the earliest day of an open duty. `overdue_actions`: by agency, how many actions are past their day.
    `sharing`: whether consent covers sharing. `admitted_without_review`: how many admissions had no community review.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    rating: str | None
    rated_on: date | None
    due: date | None
    overdue_actions: dict[str, int]
    sharing: bool
    plan_to_cease: bool
    admitted_without_review: int


def support_register(context: AppContext, as_at: date) -> tuple[list[SupportRow], int]:
    """Who is on the register, the highest risk first, and how many rows may not be named."""
    files = list(open_files(context, PROCESS.name, PROCESS.final | OVER_STATES | set(BEFORE), as_at))
    due = next_days(context, [file.case_ref for file in files])
    rows = [_row(file, due.get(file.case_ref), as_at) for file in files]
    return may_be_named(context, sorted(rows, key=lambda row: (ORDER.index(row.rating), row.case_ref)))


def _row(file: CaseFile, due: date | None, as_at: date) -> SupportRow:
    rated = last(file, RATED)
    settled = last(file, "ordinary_residence_settled")
    late = Counter(
        str(fact.data["agency"])
        for fact in file.lines
        if fact.kind == "action_agreed"
        and date.fromisoformat(fact.data["due_on"]) < as_at
        and file.items[fact.data["item"]].state == "open"
    )
    return SupportRow(
        case_ref=file.case_ref,
        la=str(settled.data["residence_la"]) if settled is not None else file.la,
        rating=rating(file),
        rated_on=rated.occurred_on if rated is not None else None,
        due=due,
        overdue_actions=dict(sorted(late.items())),
        sharing=may_share(file),
        plan_to_cease=plan_to_cease(file),
        admitted_without_review=len(without_community_review(file)),
    )
