"""The list of cases: filtered, the one to act on soonest first, a page at a time."""

from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, and_, exists, false, func, not_, or_, select

from casework.cases.search import find_references
from casework.context import AppContext
from deadlines.status import SOON
from models.database import reading
from models.tables import CASE, DUTY, FACT

PAGE = 25


class Show(StrEnum):
    """Which cases: all, those with a late duty, a duty due in seven days, or an open duty without a date by law."""

    ALL = "all"
    OPEN = "open"
    LATE = "late"
    SOON = "soon"
    NO_DATE = "no_date"


class CaseFilter(BaseModel):
    """What the list shows. An empty value does not filter. `page` counts from 1."""

    model_config = ConfigDict(frozen=True)
    show: Show = Show.OPEN
    process: str = ""
    la: str = ""
    body: str = ""
    search: str = ""
    page: int = 1


class ListedCase(BaseModel):
    """One case. `due` is the earliest date of its open duties, `late` how many calendar days it is past."""

    model_config = ConfigDict(frozen=True)
    case_ref: str
    process: str
    state: str
    la: str | None
    la_reference: str | None
    opened_on: date
    due: date | None
    late: int
    open_duties: int


class CaseList(BaseModel):
    """One page of cases, and how many there are in all."""

    model_config = ConfigDict(frozen=True)
    rows: list[ListedCase]
    total: int
    page: int
    pages: int


def case_list(context: AppContext, wanted: CaseFilter, as_at: date, size: int = PAGE) -> CaseList:
    """Give one page of the cases. `size` is how many rows a page has; 0 gives all of them."""
    soonest = (
        select(DUTY.c.case_ref, func.min(DUTY.c.due).label("due"), func.count().label("open_duties"))
        .where(_open_duty(context))
        .group_by(DUTY.c.case_ref)
        .subquery()
    )
    with reading(context.engine) as connection:
        found = find_references(context, connection, wanted.search) if wanted.search else None
        where = [*_conditions(context, wanted, as_at), *([CASE.c.case_ref.in_(found)] if found is not None else [])]
        total = connection.scalar(select(func.count()).select_from(CASE).where(*where)) or 0
        pages = max(1, -(-total // size)) if size else 1
        page = min(max(1, wanted.page), pages)
        columns = [CASE.c[name] for name in ("case_ref", "process", "state", "la", "la_reference", "opened_on")]
        query = (
            select(*columns, soonest.c.due, soonest.c.open_duties)
            .join(soonest, soonest.c.case_ref == CASE.c.case_ref, isouter=True)
            .where(*where)
            .order_by(soonest.c.due.is_(None), soonest.c.due, CASE.c.case_ref)
        )
        if size:
            query = query.limit(size).offset((page - 1) * size)
        rows = [_listed(row._mapping, as_at) for row in connection.execute(query)]
    return CaseList(rows=rows, total=total, page=page, pages=pages)


def _listed(row: Any, as_at: date) -> ListedCase:
    late = max(0, (as_at - row["due"]).days) if row["due"] else 0
    return ListedCase(**{**row, "open_duties": row["open_duties"] or 0}, late=late)


def _open_duty(context: AppContext) -> ColumnElement[bool]:
    """An open duty by a day that somebody is held to: what the worklists list."""
    rules = context.law.rules.values()
    by_a_day = [rule.id for rule in rules if rule.bound == "by" and not (rule.may_lapse or rule.open_ended)]
    certain = [rule.id for rule in rules if rule.id in by_a_day and not rule.contingent]
    return and_(DUTY.c.closed_on.is_(None), DUTY.c.excused.is_(None), DUTY.c.rule.in_(certain))


def _provisional(context: AppContext) -> ColumnElement[bool]:
    """Whether a fact opened the duty only provisionally, so that no day makes it late."""
    rules = [rule for rule in context.law.rules.values() if rule.provisional is not None]
    opened = and_(FACT.c.case_ref == DUTY.c.case_ref, FACT.c.seq == DUTY.c.opened_seq)
    return or_(
        false(),
        *(
            and_(DUTY.c.rule == rule.id, exists().where(opened, FACT.c.kind.in_(rule.provisional.starts)))
            for rule in rules
            if rule.provisional is not None
        ),
    )


def _conditions(context: AppContext, wanted: CaseFilter, as_at: date) -> list[ColumnElement[bool]]:
    of_case = DUTY.c.case_ref == CASE.c.case_ref
    due = and_(of_case, _open_duty(context))
    found: list[ColumnElement[bool]] = []
    if wanted.process:
        found.append(CASE.c.process == wanted.process)
    if wanted.la:
        found.append(CASE.c.la == wanted.la)
    if wanted.body:
        found.append(exists().where(of_case, DUTY.c.closed_on.is_(None), DUTY.c.body == wanted.body))
    match wanted.show:
        case Show.OPEN:
            found.append(not_(_ended(context)))
        case Show.LATE:
            found.append(exists().where(due, DUTY.c.due < as_at, not_(_provisional(context))))
        case Show.SOON:
            found.append(exists().where(due, DUTY.c.due >= as_at, DUTY.c.due <= as_at + SOON))
        case Show.NO_DATE:
            found.append(exists().where(of_case, DUTY.c.closed_on.is_(None), DUTY.c.due.is_(None)))
        case Show.ALL:
            pass
    return found


def _ended(context: AppContext) -> ColumnElement[bool]:
    return or_(
        *(
            and_(CASE.c.process == process.name, CASE.c.state.in_(sorted(process.final)))
            for process in context.processes.values()
        )
    )
