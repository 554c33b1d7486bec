"""What a tracker holds, before a team adopts anything: late, due soon, not read, refused, and what an import would do.

Purpose: the file is imported into a database in memory, by the same code as any import, and the worklists are read from
it. Nothing is written. References only: no name, number or date of birth of a child is in a preview.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from pathlib import Path

from pydantic import BaseModel, ConfigDict
from sqlalchemy import func, select

from casework.context import AppContext
from casework.imports.letters_to import LettersTo, NoticeOf, letters_to
from casework.imports.raw_rows import SheetError
from casework.imports.tracker_import import ImportReport, import_file
from casework.reports.worklists import BoardGroup, BoardRow, grouped, overdue, soon_until, week
from models.database import reading
from models.tables import FACT, NOTICE


class ServiceLine(BaseModel):
    """The open duties of one service of one body, or of an authority itself (`service` None)."""

    model_config = ConfigDict(frozen=True)
    name: str
    service: str | None
    late: int
    most_days_late: int
    soon: int


class Preview(BaseModel):
    """What a tracker holds on a day. `stopped` says why an import would stop before it records anything.

    `late` and `soon` are grouped by body; `kinds` counts the facts that would be recorded by kind.
    """

    model_config = ConfigDict(frozen=True)
    as_at: date
    soon_until: date
    stopped: str | None
    report: ImportReport
    late: list[BoardGroup]
    soon: list[BoardGroup]
    services: list[ServiceLine]
    kinds: dict[str, int]
    letters: list[LettersTo]


def preview(context: AppContext, path: Path) -> Preview:
    """Preview a tracker in a context whose database is in memory. Raises SheetError if the file is no tracker."""
    stopped = None
    try:
        report = import_file(context, path)
    except SheetError as problem:
        if problem.exit_code != 1:
            raise
        stopped = problem.sentence
        report = import_file(context, path, ignore_columns=True)
    today = context.today()
    late, soon = overdue(context, today), week(context, today)
    return Preview(
        as_at=today,
        soon_until=soon_until(today),
        stopped=stopped,
        report=report,
        late=grouped(context, late, "body"),
        soon=grouped(context, soon, "body"),
        services=_services(context, late, soon),
        kinds=_kinds(context),
        letters=_letters(context),
    )


def _services(context: AppContext, late: Iterable[BoardRow], soon: Iterable[BoardRow]) -> list[ServiceLine]:
    days: dict[tuple[str, str | None], list[int]] = {}
    coming: Counter[tuple[str, str | None]] = Counter()
    for row in late:
        days.setdefault(_key(context, row), []).append(row.days)
    for row in soon:
        coming[_key(context, row)] += 1
    lines = [
        ServiceLine(
            name=key[0],
            service=key[1],
            late=len(days.get(key, ())),
            most_days_late=max(days.get(key, (0,))),
            soon=coming[key],
        )
        for key in {*days, *coming}
    ]
    return sorted(lines, key=lambda line: (-line.late, -line.soon, line.name, line.service or ""))


def _key(context: AppContext, row: BoardRow) -> tuple[str, str | None]:
    la = context.directory.la_name(row.la) if row.la else "No local authority recorded"
    return row.body_name or row.body or la, context.directory.service_name(row.service) if row.service else None


def _kinds(context: AppContext) -> dict[str, int]:
    query = select(FACT.c.kind, func.count()).group_by(FACT.c.kind).order_by(func.count().desc(), FACT.c.kind)
    with reading(context.engine) as connection:
        return {row[0]: row[1] for row in connection.execute(query)}


def _letters(context: AppContext) -> list[LettersTo]:
    query = select(*(NOTICE.c[name] for name in NoticeOf._fields))
    with reading(context.engine) as connection:
        return letters_to(context.directory, [NoticeOf(**row._asdict()) for row in connection.execute(query)])
