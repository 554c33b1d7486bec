"""The list of cases: filtered, the one to act on soonest first, a page at a time.

A page is read from the open duties in order of their due dates, by their index, and ends where the page is full. So its
time follows the page and not the number of cases.
"""

from collections.abc import Iterator
from datetime import date
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Select, and_, exists, false, func, not_, or_, select, tuple_

from casework.cases.of_the_child import unnamed_cases
from casework.cases.search import find_references
from casework.context import AppContext
from casework.owners import is_of_owner, owners_of
from deadlines.status import SOON
from models.bulk_io import in_chunks
from models.database import reading
from models.same_words import spellings
from models.tables import CASE, DUTY, FACT

PAGE = 25
MOST_COUNTED = 10_000
COLUMNS = [CASE.c[name] for name in ("case_ref", "process", "state", "la", "la_reference", "opened_on")]


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
    owner: str = ""
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
    owner: str | None = None


class CaseList(BaseModel):
    """One page of cases, and how many there are in all: `more` than `total` if they are too many to be counted."""

    model_config = ConfigDict(frozen=True)
    rows: list[ListedCase]
    total: int
    page: int
    pages: int
    more: bool = False


def case_list(context: AppContext, wanted: CaseFilter, as_at: date, size: int = PAGE) -> CaseList:
    """Give one page of the cases. `size` is how many rows a page has; 0 gives all of them."""
    with reading(context.engine) as connection:
        where = [*_conditions(context, wanted, as_at), *_named(connection, wanted.search)]
        if wanted.search:
            where.append(CASE.c.case_ref.in_(find_references(context, connection, wanted.search)))
        counted = select(CASE.c.case_ref).where(*where)
        if size:
            counted = counted.limit(MOST_COUNTED + 1)
        total = connection.scalar(select(func.count()).select_from(counted.subquery())) or 0
        more = bool(size) and total > MOST_COUNTED
        total = min(total, MOST_COUNTED) if more else total
        pages = max(1, -(-total // size)) if size else 1
        page = min(max(1, wanted.page), pages)
        found = list(_rows(context, connection, where, size, (page - 1) * size))
        rows = list(_listed(context, connection, found, as_at))
    return CaseList(rows=rows, total=total, page=page, pages=pages, more=more)


def cases_after(context: AppContext, wanted: CaseFilter, as_at: date, after: str, size: int) -> list[ListedCase]:
    """The cases whose reference follows `after`, in the order of their references: `size` of them at most.

    For programs: the order is the same from one day to the next, so that no case is missed between two pages.
    """
    open_dated = DUTY.alias("open_dated")
    due = select(func.min(open_dated.c.due)).where(
        open_dated.c.case_ref == CASE.c.case_ref, _open_duty(context, open_dated)
    )
    query = select(*COLUMNS, due.scalar_subquery().label("due")).where(
        CASE.c.case_ref > after, *_conditions(context, wanted, as_at)
    )
    with reading(context.engine) as connection:
        query = query.where(*_named(connection))
        found = connection.execute(query.order_by(CASE.c.case_ref).limit(size)).all()
        return list(_listed(context, connection, list(found), as_at))


def _rows(
    context: AppContext, connection: Connection, where: list[ColumnElement[bool]], size: int, skip: int
) -> Iterator[Any]:
    """The cases of a page: first those with a due date, the soonest first, then the others by reference."""
    dated = (
        select(*COLUMNS, DUTY.c.due)
        .join_from(DUTY, CASE, CASE.c.case_ref == DUTY.c.case_ref)
        .where(_open_duty(context), DUTY.c.due.is_not(None), _soonest(context), *where)
        .order_by(DUTY.c.due, CASE.c.case_ref)
    )
    found = connection.execute(_part(dated, size, skip)).all()
    yield from found
    if size and len(found) == size:
        return
    other = DUTY.alias("other")
    has_date = exists().where(other.c.case_ref == CASE.c.case_ref, _open_duty(context, other), other.c.due.is_not(None))
    undated = select(*COLUMNS).where(not_(has_date), *where).order_by(CASE.c.case_ref)
    before = len(found) + skip
    if size and not found:
        before = connection.scalar(select(func.count()).select_from(dated.order_by(None).subquery())) or 0
    yield from connection.execute(_part(undated, size - len(found) if size else 0, max(0, skip - before)))


def _part(query: Select[Any], size: int, skip: int) -> Select[Any]:
    return query.limit(size).offset(skip) if size else query


def _soonest(context: AppContext) -> ColumnElement[bool]:
    """Whether no other duty of the case comes before this one, so that each case is listed once."""
    other = DUTY.alias("other")
    earlier = or_(
        other.c.due < DUTY.c.due,
        and_(
            other.c.due == DUTY.c.due,
            tuple_(other.c.rule, other.c.opened_seq) < tuple_(DUTY.c.rule, DUTY.c.opened_seq),
        ),
    )
    return not_(exists().where(other.c.case_ref == DUTY.c.case_ref, _open_duty(context, other), earlier))


def _listed(context: AppContext, connection: Connection, rows: list[Any], as_at: date) -> Iterator[ListedCase]:
    refs = [row.case_ref for row in rows]
    owners, duties = owners_of(connection, refs), dict[str, int]()
    for chunk in in_chunks(refs):
        query = select(DUTY.c.case_ref, func.count()).where(DUTY.c.case_ref.in_(chunk), _open_duty(context))
        duties |= {ref: count for ref, count in connection.execute(query.group_by(DUTY.c.case_ref))}  # noqa: C416
    for row in rows:
        due = row._mapping.get("due")
        yield ListedCase(
            **{**row._mapping, "due": due},
            late=max(0, (as_at - due).days) if due else 0,
            open_duties=duties.get(row.case_ref, 0),
            owner=owners.get(row.case_ref),
        )


def _open_duty(context: AppContext, duty: Any = DUTY) -> ColumnElement[bool]:
    """An open duty by a day that somebody is held to: what the worklists list."""
    rules = context.law.rules.values()
    by_a_day = [rule.id for rule in rules if rule.bound == "by" and not (rule.may_lapse or rule.open_ended)]
    certain = [rule.id for rule in rules if rule.id in by_a_day and not rule.contingent]
    return and_(duty.c.closed_on.is_(None), duty.c.excused.is_(None), duty.c.rule.in_(certain))


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
    """What a case has to be. The cases of a few days are read from the duties of these days, by their index."""
    found: list[ColumnElement[bool]] = []
    if wanted.process:
        found.append(CASE.c.process == wanted.process)
    if wanted.la:
        found.append(CASE.c.la == wanted.la)
    if wanted.body:
        own = DUTY.alias("own")
        found.append(
            exists().where(own.c.case_ref == CASE.c.case_ref, own.c.closed_on.is_(None), own.c.body == wanted.body)
        )
    if wanted.owner:
        found.append(is_of_owner(wanted.owner))
    match wanted.show:
        case Show.OPEN:
            found.append(not_(_ended(context)))
        case Show.LATE:
            found.append(_with(_open_duty(context), DUTY.c.due < as_at, not_(_provisional(context))))
        case Show.SOON:
            found.append(_with(_open_duty(context), DUTY.c.due >= as_at, DUTY.c.due <= as_at + SOON))
        case Show.NO_DATE:
            found.append(_with(DUTY.c.closed_on.is_(None), DUTY.c.due.is_(None)))
        case Show.ALL:
            pass
    return found


def _named(connection: Connection, search: str = "") -> list[ColumnElement[bool]]:
    """That a list names no case whose person said no; who types the whole reference of one finds it."""
    refs = sorted(set(unnamed_cases(connection)) - set(spellings(search)))
    return [CASE.c.case_ref.not_in(refs)] if refs else []


def _with(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    # Correlated with nothing: the list is made once, and not for each case.
    return CASE.c.case_ref.in_(select(DUTY.c.case_ref).where(*conditions).correlate(None))


def _ended(context: AppContext) -> ColumnElement[bool]:
    return or_(
        *(
            and_(CASE.c.process == process.name, CASE.c.state.in_(sorted(process.final)))
            for process in context.processes.values()
        )
    )
