"""The weekly sheet of the dynamic support register: who is listed by consent, with which rating, and what is due. [I/O]

Purpose: one list for the meeting of the register. A person whose consent was declined or withdrawn is not in it from
that fact on, and neither is anybody whose consent is still awaited.
"""

from collections import Counter
from datetime import date

from pydantic import BaseModel, ConfigDict

from casework.context import AppContext
from casework.reports.open_files import next_days, open_files
from casework.reports.registers.shape import Listed, RegisterList, Wanted
from casework.reports.table_files import Column
from casework.reports.withheld import may_be_named
from config.text import counted, in_words
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
    """A person on the register. `la`: where they ordinarily live. `rating` is blue in hospital, None before the first.

    `due`: the earliest day of an open duty. `overdue_actions`: by agency, how many actions are past their day.
    `sharing`: whether consent covers sharing. `admitted_without_review`: how many admissions had no community review.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    la: str | None
    la_name: str
    rating: str | None
    rating_name: str
    rated_on: date | None
    due: date | None
    overdue_actions: dict[str, int]
    sharing: bool
    plan_to_cease: bool
    admitted_without_review: int
    marked: list[str]


def support_register(context: AppContext, wanted: Wanted) -> Listed:
    """Who is on the register, the highest risk first."""
    files = list(open_files(context, PROCESS.name, PROCESS.final | OVER_STATES | set(BEFORE), wanted.today))
    due = next_days(context, [file.case_ref for file in files])
    rows = [_row(context, file, due.get(file.case_ref), wanted.today) for file in files]
    rows.sort(key=lambda row: (ORDER.index(row.rating), row.case_ref))
    return Listed(*may_be_named(context, (row for row in rows if wanted.has(row.la))))


def _row(context: AppContext, file: CaseFile, due: date | None, as_at: date) -> SupportRow:
    rated = last(file, RATED)
    settled = last(file, "ordinary_residence_settled")
    late = Counter(
        str(fact.data["agency"])
        for fact in file.lines
        if fact.kind == "action_agreed"
        and date.fromisoformat(fact.data["due_on"]) < as_at
        and file.items[fact.data["item"]].state == "open"
    )
    la = str(settled.data["residence_la"]) if settled is not None else file.la
    sharing, ceasing, without = may_share(file), plan_to_cease(file), len(without_community_review(file))
    return SupportRow(
        case_ref=file.case_ref,
        la=la,
        la_name=context.directory.la_name(la) if la else "",
        rating=rating(file),
        rating_name=rating(file) or "not rated",
        rated_on=rated.occurred_on if rated is not None else None,
        due=due,
        overdue_actions=dict(sorted(late.items())),
        sharing=sharing,
        plan_to_cease=ceasing,
        admitted_without_review=without,
        marked=[
            *([] if sharing else ["share nothing with other agencies"]),
            *(["plan to cease"] if ceasing else []),
            *(["admitted without a community review"] if without else []),
            *(f"{in_words(agency)}: {counted(number, 'action')} overdue" for agency, number in sorted(late.items())),
        ],
    )


SUPPORT = RegisterList(
    "dynamic_support",
    "Dynamic support register",
    "Who is on the register by consent or best interests, the highest risk first. Blue is in hospital."
    " How often each rating is reviewed is a local standard.",
    (
        Column("Case", "case_ref"),
        Column("Authority", "la_name"),
        Column("Rating", "rating_name"),
        Column("Rated on", "rated_on"),
        Column("Next due", "due"),
        Column("Marked", "marked"),
    ),
    support_register,
)
