"""Whose records may be erased by now: why, since which day, by which source, and what is against it.

Purpose: UK GDPR art 5(1)(e): what is retained no longer than the schedule says has to be looked for, each month. The
day is derived from the facts, the date of birth and retention.toml, and is stored nowhere. Nothing here erases.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select

from casework.context import AppContext
from casework.retention_holds import Hold, holds_on, retention_of
from casework.steps import Step, run_step
from config.retention import Retention
from deadlines.retention import Concluded, Ripe, last_ripe, least_years, ripe_on
from models import ledger
from models.bulk_io import in_chunks
from models.database import reading
from models.incoming_mail import count_of
from models.people import read_people
from models.tables import CASE, DUTY, FACT, FREE_TEXT, PERSON
from models.visibility import hidden_processes, hiding
from statemachines.replay import facts_in_force

Cases = Sequence[Any]  # rows of case_file
RunStep = Callable[[Step, Callable[[], Any]], Any]
RANGE = 2_000  # children whose records are read in one step


class _Read(NamedTuple):
    """What the records of some cases say: the day of the last fact and the class of each, and their holds."""

    last: Mapping[str, date]
    classes: Mapping[str, str | None]
    holds: Sequence[Hold]


class RipeRecords(BaseModel):
    """The records of one child, or of one case about no child, and the day `ripe_on` from which they may be erased.

    `record_class`, `how` and `source` are those of the matter that is retained longest. `open_cases` have not ended,
    and `open_duties` are cases with an open duty; with a hold, each of them prevents the erasure.
    """

    model_config = ConfigDict(frozen=True)
    case_ref: str
    cases: list[str]
    ripe_on: date
    record_class: str
    class_title: str
    how: str
    source: str
    source_status: str
    birth_date_known: bool
    holds: list[Hold]
    open_cases: list[str]
    open_duties: list[str]

    @property
    def is_free(self) -> bool:
        """Whether nothing prevents the erasure."""
        return not (self.holds or self.open_cases or self.open_duties)


def ripe_records(context: AppContext, as_at: date | None = None) -> list[RipeRecords]:
    """Everything that is ripe on a day (today unless given), the longest ripe first; what was erased is left out.

    A reader sees no restricted case in it. Records that such a case makes stay longer, or stops from being erased, are
    not in the reader's list: what the list calls free may be erased.
    """
    day = as_at or context.today()
    seen = _ripe_for(context, context.engine, day, run_step)
    if not hidden_processes(context.engine):
        return seen
    # No step of it may be shown: it has restricted cases.
    whole = _ripe_for(context, hiding(context.engine, ()), day, lambda _step, work: work())
    free = {ref: each.is_free for each in whole for ref in each.cases}
    return [each for each in seen if free.get(each.case_ref) == each.is_free]


def _ripe_for(context: AppContext, engine: Engine, day: date, run: RunStep) -> list[RipeRecords]:
    """What is ripe, read in ranges of children, each a step."""

    def possible() -> dict[str, list[Any]]:
        with reading(engine) as connection:
            return _groups(connection, _possible(context, retention_of(context), day))

    groups = run(Step("cases that are old enough", again=True), possible)
    keys, found = list(groups), []
    starts = range(0, len(keys), RANGE)
    for number, start in enumerate(starts, 1):
        some = {key: groups[key] for key in keys[start : start + RANGE]}
        step = Step(f"records {start + 1} to {start + len(some)}", number, len(starts), again=True)
        found += run(step, partial(_ripe_among, context, engine, some, day))
    return sorted(found, key=lambda each: (each.ripe_on, each.case_ref))


def _ripe_among(context: AppContext, engine: Engine, groups: Mapping[str, Cases], day: date) -> list[RipeRecords]:
    retention = retention_of(context)
    with reading(engine) as connection:
        born = _births(context, connection, groups)
        early = {
            key: cases
            for key, cases in groups.items()
            if _ripe(context, retention, cases, born.get(key), day).on <= day
        }
        left = _with_something_left(connection, early)
        found = [_of(context, connection, cases, born.get(key), day) for key, cases in early.items() if key in left]
    return [each for each in found if each.ripe_on <= day]


def ripeness_of(context: AppContext, connection: Connection, refs: Collection[str], as_at: date) -> RipeRecords:
    """The day for the cases of one child, or for one case about none, and what prevents the erasure."""
    query = select(CASE.c.case_ref, CASE.c.process, CASE.c.state, CASE.c.opened_on, CASE.c.child_key)
    cases = connection.execute(query.where(CASE.c.case_ref.in_(refs)).order_by(CASE.c.case_ref)).all()
    key = cases[0].child_key or cases[0].case_ref
    born = _births(context, connection, {key: cases})
    return _of(context, connection, cases, born.get(key), as_at)


def _possible(context: AppContext, retention: Retention, day: date) -> ColumnElement[bool]:
    """The cases that are old enough to be ripe on a day for any date of birth; the others are not read."""
    by_years: dict[int, list[str]] = {}
    for name, process in context.processes.items():
        classes = {retention.class_of(process.about, word) for word in process.record_classes}
        years = min(least_years(retention.classes[word], day) for word in classes)
        by_years.setdefault(years, []).append(name)
    return or_(
        *(
            and_(CASE.c.process.in_(names), CASE.c.opened_on <= _years_before(day, years))
            for years, names in by_years.items()
        )
    )


def _years_before(day: date, years: int) -> date:
    """Some days more, because a birthday on 29 February may count on the day after it."""
    return date(day.year - years, day.month, min(day.day, 28)) + timedelta(days=7)


def _groups(connection: Connection, possible: ColumnElement[bool]) -> dict[str, list[Any]]:
    """The cases by child, if every case of the child is possible; each case without one by itself.

    Those of an erased child may have words all the same.
    """
    found: dict[str, list[Any]] = {}
    query = select(CASE.c.case_ref, CASE.c.process, CASE.c.state, CASE.c.opened_on, CASE.c.child_key)
    for row in connection.execute(query.where(possible).order_by(CASE.c.case_ref)):
        found.setdefault(row.child_key or row.case_ref, []).append(row)
    children = sorted(key for key, cases in found.items() if cases[0].child_key)
    count = select(CASE.c.child_key, func.count()).group_by(CASE.c.child_key)
    for chunk in in_chunks(children):
        for key, cases in connection.execute(count.where(CASE.c.child_key.in_(chunk))):
            if cases > len(found[key]):
                del found[key]
    return found


def _births(context: AppContext, connection: Connection, groups: Mapping[str, Cases]) -> dict[str, date]:
    found: dict[str, date] = {}
    children = [key for key, cases in groups.items() if cases[0].child_key]
    for chunk in in_chunks(children):
        for child, person in read_people(connection, context.cipher, chunk).items():
            if born := _day(person.get("date_of_birth")):
                found[child] = born
    return found


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError:
        return None


def _of(context: AppContext, connection: Connection, cases: Cases, born: date | None, day: date) -> RipeRecords:
    refs, retention = [each.case_ref for each in cases], retention_of(context)
    holds = holds_on(context, connection, refs, ended=True)
    read = _Read(_last_days(connection, refs), _classes(context, connection, cases), holds)
    ripe = _ripe(context, retention, cases, born, day, read)
    duties = select(DUTY.c.case_ref).where(DUTY.c.case_ref.in_(refs), DUTY.c.closed_on.is_(None)).distinct()
    return RipeRecords(
        case_ref=refs[0],
        cases=refs,
        ripe_on=ripe.on,
        record_class=ripe.record_class,
        class_title=retention.classes[ripe.record_class].title,
        how=ripe.how,
        source=ripe.source,
        source_status=retention.classes[ripe.record_class].period_on(day).source_status,
        birth_date_known=born is not None,
        holds=[each for each in holds if each.ended_on is None],
        open_cases=[each.case_ref for each in cases if not _has_ended(context, each)],
        open_duties=sorted(connection.scalars(duties)),
    )


def _ripe(
    context: AppContext,
    retention: Retention,
    cases: Cases,
    born: date | None,
    day: date,
    read: _Read | None = None,
) -> Ripe:
    """The matter that is retained longest. Before anything is read of the facts: the earliest day that is possible."""

    def ripe_of(matter: Concluded) -> Ripe:
        return ripe_on(matter.record_class, retention.classes[matter.record_class], matter, born, day)

    found: list[Ripe] = []
    for case in cases:
        process, last = context.processes[case.process], read.last[case.case_ref] if read else case.opened_on
        words = process.record_classes if read is None else [read.classes[case.case_ref]]
        classes = [retention.class_of(process.about, word) for word in words]
        found.append(
            min((ripe_of(Concluded(word, case.opened_on, last)) for word in classes), key=lambda each: each.on)
        )
    found += [
        ripe_of(Concluded(reason.afterwards, each.ended_on, each.ended_on))
        for each in (read.holds if read else ())
        if each.ended_on and (reason := retention.hold.get(each.reason)) and reason.afterwards
    ]
    longest = last_ripe(found)
    assert longest is not None
    return longest


def _classes(context: AppContext, connection: Connection, cases: Cases) -> dict[str, str | None]:
    """The class of each case: of most that of its process, of some what their facts say."""
    by_facts = [case.case_ref for case in cases if len(context.processes[case.process].record_classes) > 1]
    histories = ledger.read(connection, by_facts) if by_facts else {}
    return {
        case.case_ref: context.processes[case.process].record_class_of(
            facts_in_force(histories[case.case_ref][0]) if case.case_ref in histories else ()
        )
        for case in cases
    }


def _has_ended(context: AppContext, case: Any) -> bool:
    return case.state in context.processes[case.process].final


def _last_days(connection: Connection, refs: Collection[str]) -> dict[str, date]:
    query = select(FACT.c.case_ref, func.max(FACT.c.occurred_on)).where(FACT.c.case_ref.in_(refs))
    return {ref: date.fromisoformat(day) for ref, day in connection.execute(query.group_by(FACT.c.case_ref))}


def _with_something_left(connection: Connection, groups: Mapping[str, Cases]) -> set[str]:
    """Those of the groups of which a person, words or a mail is stored."""
    found: set[str] = set()
    for chunk in in_chunks(list(groups)):
        found.update(_left(connection, {key: groups[key] for key in chunk}))
    return found


def _left(connection: Connection, groups: Mapping[str, Cases]) -> Iterator[str]:
    people = select(PERSON.c.child_key).where(PERSON.c.child_key.in_(list(groups)), PERSON.c.erased_at.is_(None))
    known = set(connection.scalars(people))
    refs = [case.case_ref for cases in groups.values() for case in cases]
    worded: set[str] = set()
    for chunk in in_chunks(refs):
        query = select(FREE_TEXT.c.case_ref).where(FREE_TEXT.c.case_ref.in_(chunk), FREE_TEXT.c.erased_at.is_(None))
        worded |= set(connection.scalars(query.distinct()))
    for key, cases in groups.items():
        own = [case.case_ref for case in cases]
        if key in known or worded.intersection(own) or count_of(connection, own):
            yield key
