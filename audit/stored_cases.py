"""What the database has of each case: its facts, its projections and its notices, streamed a case at a time. [I/O]"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, select

from audit.verify_notices import StoredNotice, notices_by_case
from models import ledger
from models.bulk_io import Row, stream_rows
from models.tables import CASE, CASE_LINK, DUTY

CASE_COLUMNS = tuple(CASE.columns.keys())
DUTY_COLUMNS = tuple(DUTY.columns.keys())
LINK_COLUMNS = tuple(CASE_LINK.columns.keys())


class StoredCase(NamedTuple):
    """What the database has of one case: its facts, its row of case_file, its duties, links and notices."""

    ref: str
    facts: list[Row]
    case: Row | None
    duties: list[Row]
    notices: list[StoredNotice]
    links: list[Row]


def stored_cases(connection: Connection, case: str | None) -> Iterator[StoredCase]:
    """Everything that is stored of each case, in order of reference: four ordered streams, read side by side."""
    only = (None, None) if case is None else ("case_ref", case)
    facts = _CaseStream(ledger.scan(connection, case))
    cases = _CaseStream(_by_case(stream_rows(connection, CASE, CASE_COLUMNS, *only)))
    duties = _CaseStream(_by_case(stream_rows(connection, DUTY, DUTY_COLUMNS, *only)))
    links = _CaseStream(_by_case(stream_rows(connection, CASE_LINK, LINK_COLUMNS, *only)))
    notices = _CaseStream(notices_by_case(connection, case))
    streams = (facts, cases, duties, notices, links)
    while refs := [each.ref for each in streams if each.ref is not None]:
        ref = min(refs)
        row = cases.take(ref)
        case = row[0] if row else None
        yield StoredCase(ref, facts.take(ref), case, duties.take(ref), notices.take(ref), links.take(ref))


def count_cases(connection: Connection) -> int:
    """How many cases there are."""
    return connection.scalar(select(func.count()).select_from(CASE)) or 0


def _by_case(rows: Iterable[Row]) -> Iterator[tuple[str, list[Row]]]:
    for ref, some in groupby(rows, itemgetter(0)):
        yield ref, list(some)


class _CaseStream:
    """Rows by case, read as far as the next case. `ref` is that case; None at the end."""

    def __init__(self, source: Iterator[tuple[str, list[Any]]]) -> None:
        self._source = source
        self.ref: str | None = None
        self._rows: list[Any] = []
        self._next()

    def take(self, ref: str) -> list[Any]:
        """The rows of a case if it is the next one; otherwise none."""
        if self.ref != ref:
            return []
        rows = self._rows
        self._next()
        return rows

    def _next(self) -> None:
        self.ref, self._rows = next(self._source, (None, []))
